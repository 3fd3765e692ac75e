//! The end of a run as its agent reports it. In this order: the entry into the journal, the laps into the queue,
//! their ids into the journal, the line into `summary.jsonl`. Whatever is cut is completed when the agent says the
//! same again, and nothing is done twice.

use std::fs::{File, OpenOptions};

use serde_json::Value;

use super::{Ctx, Ending, Report, Seat, Wrapup};
use crate::laps::{NewLap, Place, Queue, QueueError, Standing};
use crate::model::{Timestamp, text};
use crate::store::jsonl::RecordsBack;
use crate::store::progress::{Reported, reported};
use crate::store::records::{Handoff, LapRef, SummaryEntry};
use crate::store::shared::bounded;
use crate::store::{Layout, RunState, Shared, StoreError, private};

/// Characters of a follow-up that become the title of its lap.
const TITLE_LIMIT: usize = 30;

/// Finalises the run of the caller. The entry is durable when this returns; that laps could not be made of the
/// follow-ups is a warning.
pub fn wrapup(ctx: &Ctx, wrapup: &Wrapup, ending: Ending) -> Result<Report, StoreError> {
    // The other lock cannot be held while laps are added: hooks of the queue may report something themselves.
    let _one_at_a_time = lock(ctx.layout)?;
    let shared = Shared::lock(ctx.layout)?;
    let view = shared.run_state()?;
    let seat = Seat::find(ctx, &view)?;
    let known = seat.reported(ctx)?;
    let run = match &seat.run {
        Some(run) => run.clone(),
        None => own_id(ctx.layout, ctx.now)?,
    };
    let new = bounded(&entry(ctx, wrapup, ending, &view, &seat, &known, run));
    let (mut entry, again) = match said_before(&known, &new, ending) {
        Some(old) => (old.clone(), true),
        None => (new, false),
    };
    let mut warnings = Vec::new();
    let due = !wrapup.followups.is_empty() && (!again || !known.is_settled());
    match ctx.queue.filter(|_| due) {
        Some(queue) => {
            if !again {
                shared.note_progress(&entry, ctx.now)?;
            }
            drop(shared);
            match create(queue, &seat, &entry, &wrapup.followups, again) {
                Ok(ids) => {
                    Shared::lock(ctx.layout)?.note_created(&entry.run_id, &ids, ctx.now)?;
                    entry.set_created(ids);
                }
                Err(problem) => {
                    warnings.push(format!("the follow-ups are recorded, but they are no laps: {problem}"));
                }
            }
            let shared = Shared::lock(ctx.layout)?;
            finish(ctx.layout, &shared, &entry, again)?;
            close(&shared, &seat)?;
        }
        None => {
            match again {
                true => finish(ctx.layout, &shared, &entry, again)?,
                false => drop(shared.record_progress(entry.clone(), ctx.now)?),
            }
            close(&shared, &seat)?;
            drop(shared);
        }
    }
    // A straggler of an older run has no say in who holds the lap now.
    let hands_over = seat.in_view && entry.handoff.is_some();
    if let (Some(queue), Some(lap), true) = (ctx.queue, &seat.lap.lap_id, hands_over)
        && let Err(problem) = queue.release(lap)
    {
        warnings.push(format!("the lap {lap} is handed over, but stays claimed: {problem}"));
    }
    Ok(Report { entry, warnings })
}

/// Completes what a report of this run has left undone when it was cut: the laps of its follow-ups, and its line in
/// `summary.jsonl`. Nothing is done twice.
///
/// # Errors
///
/// The journal or the queue cannot be used.
pub fn complete(
    layout: &Layout,
    queue: &Queue,
    run: &str,
    lap: &LapRef,
    now: Timestamp,
) -> Result<(), QueueError> {
    let failed = |error: StoreError| QueueError::Failed(text::chain(&error));
    let _one_at_a_time = lock(layout).map_err(failed)?;
    let known = reported(layout, run).map_err(failed)?;
    let Some(mut entry) = known.entries.last().cloned() else { return Ok(()) };
    let followups = entry.left_to_do().to_vec();
    if !followups.is_empty() && !known.is_settled() {
        let seat = Seat { run: Some(run.to_owned()), lap: lap.clone(), in_view: false };
        let ids = create(queue, &seat, &entry, &followups, true)?;
        let shared = Shared::lock(layout).map_err(failed)?;
        shared.note_created(run, &ids, now).map_err(failed)?;
        entry.set_created(ids);
    }
    let shared = Shared::lock(layout).map_err(failed)?;
    finish(layout, &shared, &entry, true).map_err(failed)
}

fn lock(layout: &Layout) -> Result<File, StoreError> {
    let path = layout.state_dir().join("wrapup.lock");
    drop(Shared::lock(layout)?);
    let mut options = OpenOptions::new();
    let file = private::open(options.create(true).write(true).truncate(false), &path);
    let file = file.map_err(|e| StoreError::io("open", &path, e))?;
    file.lock().map_err(|e| StoreError::io("lock", &path, e))?;
    Ok(file)
}

/// The line in `summary.jsonl`, unless it is there.
fn finish(layout: &Layout, shared: &Shared, entry: &SummaryEntry, again: bool) -> Result<(), StoreError> {
    if again {
        for known in RecordsBack::<SummaryEntry>::open(&layout.summary())? {
            let known = known?;
            if known.run_id == entry.run_id && known.updated_at == entry.updated_at {
                return Ok(());
            }
        }
    }
    shared.append_summary(entry)
}

fn close(shared: &Shared, seat: &Seat) -> Result<(), StoreError> {
    if seat.in_view { shared.finalise_run_state() } else { Ok(()) }
}

fn entry(
    ctx: &Ctx,
    wrapup: &Wrapup,
    ending: Ending,
    view: &RunState,
    seat: &Seat,
    known: &Reported,
    run_id: String,
) -> SummaryEntry {
    let viewed = Some(view).filter(|_| seat.in_view);
    let hands_over = match ending {
        Ending::Complete | Ending::Plain => false,
        Ending::Handoff => true,
        Ending::AsReported => known.is_handing_over() || viewed.is_some_and(|view| view.handoff_state != 0),
    };
    // What the queue denies was opened again. An installed program may run hooks, which report something themselves.
    let own = ctx.queue.filter(|queue| queue.program().is_none());
    let waits = |lap: &str| own.is_some_and(|queue| matches!(queue.standing(lap), Ok(Standing::Todo)));
    let mut done: Vec<String> = known.done_since().iter().map(|done| done.lap_id.clone()).collect();
    if done.is_empty() {
        done = viewed.map(|view| view.recorded_laps.clone()).unwrap_or_default();
    }
    done.retain(|lap| !waits(lap));
    let laps = if done.is_empty() { Value::from("none") } else { Value::from(done) };
    let followups = wrapup.followups.clone();
    let handoff = hands_over.then(|| Handoff {
        summary: wrapup.summary.clone(),
        followups: followups.clone(),
        created_lap_ids: Vec::new(),
    });
    let laps_backed = ctx.queue.is_some() || ctx.layout.laps().exists();
    SummaryEntry {
        run_id,
        summary: wrapup.summary.clone(),
        classification: wrapup.classification.clone(),
        updated_at: ctx.now,
        laps_completed: (laps_backed && ending != Ending::Plain).then_some(laps),
        followups: if hands_over { Vec::new() } else { followups },
        created_lap_ids: Vec::new(),
        handoff,
    }
}

/// The entry that the agent says again: nothing was done since, and it is the same text. What handed over
/// before hands over again.
fn said_before<'a>(known: &'a Reported, new: &SummaryEntry, ending: Ending) -> Option<&'a SummaryEntry> {
    let old = known.entries.last().filter(|_| known.done_since().is_empty())?;
    let same_end = old.handoff.is_some() == new.handoff.is_some()
        || (ending == Ending::AsReported && old.handoff.is_some());
    let same_text = old.summary == new.summary
        && old.classification == new.classification
        && old.left_to_do() == new.left_to_do();
    (same_end && same_text).then_some(old)
}

/// Makes laps of the follow-ups: before the lap that is handed over, or behind everything else. Those that an
/// interrupted report has made already are found again.
fn create(
    queue: &Queue,
    seat: &Seat,
    entry: &SummaryEntry,
    followups: &[String],
    again: bool,
) -> Result<Vec<String>, QueueError> {
    let waiting = match again || seat.lap.lap_assignee.is_none() {
        true => queue.waiting()?,
        false => Vec::new(),
    };
    let of_lap = || {
        let id = seat.lap.lap_id.as_ref()?;
        waiting.iter().find(|lap| lap.id == *id)?.assignee.clone()
    };
    let assignee = seat.lap.lap_assignee.clone().or_else(of_lap);
    let laps: Vec<NewLap> =
        followups.iter().filter(|text| !text.trim().is_empty()).map(|text| lap(text, &assignee)).collect();
    let mut made: Vec<Option<String>> = vec![None; laps.len()];
    let mut left = if again { waiting } else { Vec::new() };
    for (made, wanted) in made.iter_mut().zip(&laps) {
        let same =
            |known: &crate::laps::Lap| known.title == wanted.title && known.description == wanted.description;
        if let Some(at) = left.iter().position(same) {
            *made = Some(left.remove(at).id);
        }
    }
    let missing = laps.iter().zip(&made).filter(|(_, made)| made.is_none());
    let missing: Vec<NewLap> = missing.map(|(lap, _)| lap.clone()).collect();
    let place = if entry.handoff.is_some() { Place::Head } else { Place::Tail };
    let mut added = if missing.is_empty() { Vec::new() } else { queue.add(place, &missing)? }.into_iter();
    Ok(made.into_iter().filter_map(|made| made.or_else(|| added.next())).collect())
}

fn lap(followup: &str, assignee: &Option<String>) -> NewLap {
    let first = followup.trim().lines().next().unwrap_or_default().trim_end();
    let title = match first.char_indices().nth(TITLE_LIMIT) {
        Some((end, _)) => format!("{}...", &first[..end]),
        None => first.to_owned(),
    };
    NewLap { title: text::one_line(&title), description: followup.to_owned(), assignee: assignee.clone() }
}

/// Outside of a run an id that no other entry has: `20261123-062621-3fa9`.
fn own_id(layout: &Layout, now: Timestamp) -> Result<String, StoreError> {
    let second = now.strftime("%Y%m%d-%H%M%S").to_string();
    let mut taken = Vec::new();
    for entry in RecordsBack::<SummaryEntry>::open(&layout.summary())? {
        let entry = entry?;
        if entry.updated_at < now && !entry.run_id.starts_with(&second) {
            break;
        }
        taken.push(entry.run_id);
    }
    loop {
        let id = format!("{second}-{:04x}", fastrand::u16(..));
        if !taken.contains(&id) {
            return Ok(id);
        }
    }
}
