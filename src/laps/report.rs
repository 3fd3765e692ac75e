//! What agents say of their laps: done, handed over, and how it ended. Hooks of the program `laps`, the commands
//! of rally's own queue and `rally progress` all end here. The journal has every word; `run-state.json` is a view.

mod ending;
pub mod guidance;

use crate::model::Timestamp;
use crate::store::progress::{Reported, reported, run_of_tag};
use crate::store::records::{LapRef, LapWord, SummaryEntry};
use crate::store::{Layout, RunState, Shared, StoreError};

use super::Queue;

pub use ending::{complete, wrapup};

/// Who reports, and where.
#[derive(Debug, Clone, Copy)]
pub struct Ctx<'a> {
    /// The workspace.
    pub layout: &'a Layout,
    /// Its queue; none outside of a laps-backed workspace.
    pub queue: Option<&'a Queue>,
    /// `RALLY_TRY` of the caller.
    pub tag: Option<&'a str>,
    /// The time of the report.
    pub now: Timestamp,
}

/// How a run is finalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It is done.
    Complete,
    /// It is handed over.
    Handoff,
    /// Handed over if that was begun before, else done.
    AsReported,
    /// Done, and nothing is said of laps.
    Plain,
}

/// What an agent says at the end of its work.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wrapup {
    /// What happened; never blank.
    pub summary: String,
    /// What is left to do, in order.
    pub followups: Vec<String>,
    /// How a recovery run judges the work it found.
    pub classification: Option<String>,
}

/// What came of a wrapup.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// As written, ids of created laps included.
    pub entry: SummaryEntry,
    /// What could not be done though the report is written: laps that could not be added, a claim that stays.
    pub warnings: Vec<String>,
}

/// The run that a report belongs to.
#[derive(Debug, Clone, Default)]
struct Seat {
    /// `relay-<R>-run-<N>`; none outside of a run.
    run: Option<String>,
    /// Its lap, as far as known.
    lap: LapRef,
    /// Whether the view shows this run.
    in_view: bool,
}

impl Seat {
    /// A try's report belongs to its run, even when the view shows another by now. Without a try it belongs
    /// to the run that the view shows.
    fn find(ctx: &Ctx, view: &RunState) -> Result<Seat, StoreError> {
        let shown = Some(&view.run_id).filter(|run| !run.is_empty());
        let pinned = LapRef { lap_id: view.pinned_lap_id.clone(), ..LapRef::default() };
        let Some(tag) = ctx.tag else {
            return Ok(Seat { run: shown.cloned(), lap: pinned, in_view: true });
        };
        let Some((run, mut lap)) = run_of_tag(ctx.layout, tag)? else { return Ok(Seat::default()) };
        let in_view = shown.is_none_or(|shown| *shown == run);
        if in_view && lap.lap_id.is_none() {
            lap.lap_id = pinned.lap_id;
        }
        Ok(Seat { run: Some(run), lap, in_view })
    }

    /// What was reported for it so far.
    fn reported(&self, ctx: &Ctx) -> Result<Reported, StoreError> {
        self.run.as_deref().map_or_else(|| Ok(Reported::default()), |run| reported(ctx.layout, run))
    }
}

/// These laps were reported as done. The proof is the queue itself; this says only which were touched.
pub fn laps_done(ctx: &Ctx, laps: &[String]) -> Result<(), StoreError> {
    let shared = Shared::lock(ctx.layout)?;
    let seat = Seat::find(ctx, &shared.run_state()?)?;
    if let Some(run) = &seat.run {
        laps.iter().try_for_each(|lap| shared.note_lap(run, lap, LapWord::Done, ctx.now))?;
    }
    if seat.in_view {
        shared.update_run_state(|view| laps.iter().for_each(|lap| view.record_lap(lap, ctx.now)))?;
    }
    Ok(())
}

/// Why the caller cannot hand anything over: another lap than that of its run is claimed, so its words are about that.
pub fn claims_another(ctx: &Ctx) -> Result<Option<String>, StoreError> {
    let shared = Shared::lock(ctx.layout)?;
    let seat = Seat::find(ctx, &shared.run_state()?)?;
    let claimed = ctx.queue.and_then(Queue::claimed);
    let (Some(_), Some(lap), Some(claimed)) = (seat.run, seat.lap.lap_id, claimed) else { return Ok(None) };
    let why = format!("this run was given lap {lap}, but {claimed} is claimed; run `laps claim {lap}` first");
    Ok((lap != claimed).then_some(why))
}

/// The agent is about to hand its lap over.
pub fn handoff_begun(ctx: &Ctx) -> Result<(), StoreError> {
    let shared = Shared::lock(ctx.layout)?;
    let seat = Seat::find(ctx, &shared.run_state()?)?;
    if let Some(run) = &seat.run {
        let lap = seat.lap.lap_id.as_deref().unwrap_or_default();
        shared.note_lap(run, lap, LapWord::Handoff, ctx.now)?;
    }
    if seat.in_view {
        shared.update_run_state(|view| view.set_handoff(ctx.now))?;
    }
    Ok(())
}
