//! The course of a pass: who has the next run, whether there is one, and what a run's result means for the
//! runs after it. Pure: the pass asks and obeys, time and chance are passed in.

use std::time::Duration;

use super::backoff;
use super::clearing::Clearing;
use super::crew::{Crew, Team};
use super::event::RunVerdict;
use super::recovery::{self, Overlay, Recovery};
use super::resilience::{Health, Healths, Trial};
use super::run::RunResult;
use super::toll::{self, Finished};
use crate::model::text::count;
use crate::model::{CancelSource, Runner, Timestamp, time};
use crate::routing::providers::ScopeOf;
use crate::routing::scheduler::{self, Pick, Turn};
use crate::routing::{Choice, NoLane, Source};
use crate::store::records::{AgentStatusEvent, AgentStatusKind, RelayRecord};
use crate::store::{OpenRun, Over};

/// Nobody is asked again sooner.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);

/// Bounds of a pass.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Failed runs in a row that end it.
    pub max_failed_runs: u32,
    /// First pause between cycles of failures; doubles.
    pub retry_backoff: Duration,
    /// The longest wait for somebody to come back; `None`: as long as it takes.
    pub max_wait: Option<Duration>,
    /// Attempts of a run.
    pub retry_budget: u32,
}

/// When a question is asked, and what only the world knows.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    /// The time.
    pub now: Timestamp,
    /// The quota that a runner draws from, as its harness says.
    pub of_harness: ScopeOf<'a>,
    /// From 0 to 1: spreads waits.
    pub jitter: f64,
}

/// What the next run is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Task {
    /// The claimed lap; none in a free relay.
    pub lap: Option<String>,
    /// The role that the agent is given.
    pub role: Option<String>,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// The target is reached.
    Complete,
    /// Do a run.
    Run(Seat),
    /// Everybody who could run has failed: after this long, [`Course::wrap`] begins the next cycle.
    BackOff(Duration),
    /// Nobody can run now.
    Wait(Absence),
    /// Nobody can run for longer than the bounds allow to wait: the pass is over, short of its target.
    TooLong {
        /// Who is out until when.
        absence: Absence,
        /// The longest wait.
        bound: Duration,
    },
    /// The pass is over, short of its target.
    Over(String),
}

/// Nobody of a lane can run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absence {
    /// For people: `all agents paused`.
    pub why: &'static str,
    /// Who comes back first.
    pub who: Option<Runner>,
    /// Whether its quota does.
    pub is_reset: bool,
    /// When it does.
    pub until: Timestamp,
    /// When to ask again at the latest: a little later, and never now.
    pub ask_at: Timestamp,
}

/// A turn in a lane.
#[derive(Debug, Clone, PartialEq)]
pub struct Seat {
    /// Index of the lane.
    pub lane: usize,
    /// Whose turn.
    pub turn: Turn,
    /// The entry as typed.
    pub entry: String,
    /// Who does it, with what the role wants.
    pub runner: Runner,
    /// The quota that the runner draws from.
    pub quota_scope: String,
    /// What is at stake.
    pub trial: Trial,
}

/// A run of an earlier pass that is over, its end missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Settled {
    /// The run.
    pub run_id: u64,
    /// Whether it passed.
    pub passed: bool,
    /// Whose health changed by it, which is to be stored first.
    pub events: Vec<AgentStatusEvent>,
}

/// The state of a pass between its runs.
#[derive(Debug)]
pub struct Course {
    relay: RelayRecord,
    crew: Crew,
    bounds: Bounds,
    open_run: Option<OpenRun>,
    task: Task,
    /// Runs in a row that handed their laps over: none has finished one since.
    handovers: u32,
    /// The run that began last.
    running: u64,
    /// The newest run that the stored position takes into account.
    saved_run: u64,
    failed_in_a_row: u32,
    /// Failures since the last success that only made room for somebody else.
    excused: usize,
    last_failure: Option<String>,
    /// How long the provider asked to wait after the newest failure.
    hint: Option<Duration>,
    /// Whether the operator has skipped the newest run.
    skipped: bool,
}

impl Course {
    /// A pass over `relay` that begins, or goes on where the stored position stands.
    pub fn new(
        relay: RelayRecord,
        team: Team,
        open_run: Option<OpenRun>,
        healths: Healths,
        bounds: Bounds,
    ) -> Course {
        let position = relay.position.as_ref();
        let saved_run = position.and_then(|saved| saved.get("run")?.as_u64()).unwrap_or(0);
        let crew = Crew::new(team, position.and_then(|saved| saved.get("lanes")), healths);
        Course {
            crew,
            bounds,
            open_run,
            task: Task::default(),
            handovers: 0,
            running: saved_run,
            saved_run,
            failed_in_a_row: 0,
            excused: 0,
            last_failure: None,
            hint: None,
            skipped: false,
            relay,
        }
    }

    /// The relay as far as it has come.
    pub fn relay(&self) -> &RelayRecord {
        &self.relay
    }

    /// Name of a lane.
    pub fn lane_name(&self, lane: usize) -> &str {
        &self.crew.lane(lane).name
    }

    /// The relay with the position to be stored.
    pub fn relay_to_save(&self) -> RelayRecord {
        let position = serde_json::json!({ "run": self.saved_run, "lanes": self.crew.positions() });
        RelayRecord { position: Some(position), ..self.relay.clone() }
    }

    /// Takes the stored form of the relay.
    pub fn saved(&mut self, relay: RelayRecord) {
        self.relay = relay;
    }

    /// Takes down messages that runs of the relay have dealt with, each once.
    pub fn note_consumed(&mut self, ids: &[u64]) {
        let known = &mut self.relay.consumed_message_ids;
        ids.iter().for_each(|id| {
            if !known.contains(id) {
                known.push(*id);
            }
        });
    }

    /// Whether the target is reached. A relay that goes on until its queue is empty has none of its own.
    pub fn is_complete(&self) -> bool {
        !self.relay.until_empty && self.relay.completed_iterations >= self.relay.target_iterations
    }

    /// Nothing of the relay is left to do: the target is reached, or the queue is empty.
    pub fn close(&mut self, now: Timestamp) {
        self.follow_queue(0);
        self.relay.ended_at = Some(now);
    }

    /// The target of a relay that goes on until its queue is empty: what is done, and what waits.
    pub fn follow_queue(&mut self, waiting: u64) {
        if self.relay.until_empty {
            self.relay.target_iterations = self.relay.completed_iterations.saturating_add(waiting);
        }
    }

    /// What the next run is about: every question from here on is about a task of this role.
    pub fn take_up(&mut self, task: Task) {
        self.task = task;
    }

    /// The role of the task.
    pub fn role(&self) -> Option<&str> {
        self.task.role.as_deref()
    }

    /// What the need of a lap changes about its run.
    pub fn overlay(&self, recovery: &Recovery) -> Overlay {
        let roster = self.crew.roster();
        let has_route = roster.lanes.iter().any(|lane| lane.name.trim().eq_ignore_ascii_case(recovery::ROLE));
        recovery::overlay(recovery, roster.source == Source::Override, has_route)
    }

    /// The run that an earlier pass left unfinished.
    pub fn open_run(&self) -> Option<&OpenRun> {
        self.open_run.as_ref()
    }

    /// The unfinished run is over: its lap was done or removed meanwhile. `try_id` is the record that says so. What
    /// is done counts; what was removed is nobody's failure.
    pub fn end_open_run(&mut self, done: bool, try_id: Option<u64>, moment: Moment<'_>) -> Option<OpenRun> {
        let open = self.open_run.take()?;
        self.relay.first_try_id = self.relay.first_try_id.or(try_id);
        self.relay.last_try_id = try_id.or(self.relay.last_try_id);
        if done && try_id.is_some() {
            self.relay.completed_iterations += 1;
            self.take_up(Task { lap: open.lap.clone(), role: open.role.clone() });
            if let Ok(choice) = self.choose()
                && let Some(turn) = self.turn_of(choice.lane, &open.entry, moment)
            {
                self.crew.record_of_earlier_pass(choice.lane, turn, scheduler::Verdict::Passed);
            }
        }
        Some(open)
    }

    /// The run that an earlier pass left unfinished, if nothing is left to do in it but to end it. What a
    /// pass counts begins anew; everything else is as if that pass had learned of its end.
    pub fn settle_open_run(&mut self, moment: Moment<'_>) -> Option<Settled> {
        if let Some(OpenRun { lap, role, .. }) = &self.open_run {
            self.task = Task { lap: lap.clone(), role: role.clone() };
        }
        let spent = self.attempts_of_open_run(moment);
        let open = self.open_run.take_if(|open| open.over.is_some() || open.attempts_used >= spent)?;
        let OpenRun { run_id, infra_failures, over, .. } = open;
        let result = over.as_ref().map(|over| RunResult::remembered(&over.record, infra_failures));
        if run_id > self.saved_run
            && let Ok(choice) = self.choose()
            && let Some(turn) = self.turn_of(choice.lane, &open.entry, moment)
        {
            // One whose attempts were made fewer has failed, too.
            let verdict = result.as_ref().map_or(Some(scheduler::Verdict::Failed), in_rotation);
            verdict
                .into_iter()
                .for_each(|verdict| self.crew.record_of_earlier_pass(choice.lane, turn, verdict));
        }
        let passed =
            result.as_ref().is_some_and(|result| matches!(result.verdict, RunVerdict::Passed { .. }));
        let events = match (over, result) {
            (Some(Over { record, told: false }), Some(result)) => {
                let then = Moment { now: record.ended_at.min(moment.now), ..moment };
                self.toll((run_id, &record.runner()), &result, then)
            }
            _ => Vec::new(),
        };
        Some(Settled { run_id, passed, events })
    }

    /// The lane of the task.
    ///
    /// # Errors
    ///
    /// When there is no lane for it.
    pub fn choose(&self) -> Result<Choice, NoLane> {
        self.crew.choose(self.role())
    }

    /// What to do next in a lane.
    pub fn step(&mut self, lane: usize, moment: Moment<'_>) -> Step {
        if self.is_complete() {
            return Step::Complete;
        }
        if self.failed_in_a_row >= self.bounds.max_failed_runs {
            return Step::Over(self.gave_up());
        }
        if let Some(why) = self.why_stuck() {
            return Step::Over(why);
        }
        if let Some(turn) = self.turn_of_open_run(lane, moment) {
            return Step::Run(self.seat(lane, turn, moment));
        }
        match self.next(lane, moment) {
            Pick::Run(turn) => Step::Run(self.seat(lane, turn, moment)),
            // Nobody has failed: the operator is there, and wants to go on.
            Pick::Wrap if self.skipped && self.failed_in_a_row == 0 && self.excused == 0 => {
                Step::BackOff(Duration::ZERO)
            }
            Pick::Wrap => {
                let failures = self.failed_in_a_row.max(1);
                Step::BackOff(backoff::pause(failures, self.bounds.retry_backoff, self.hint, moment.jitter))
            }
            Pick::Wait { until } => self.wait(lane, until, moment),
            Pick::Unavailable => Step::Over(self.why_nobody(lane)),
        }
    }

    /// Begins the next cycle of a lane.
    pub fn wrap(&mut self, lane: usize) {
        self.crew.wrap(lane);
    }

    /// The unfinished run that a seat goes on with. From here on it is no longer pending.
    pub fn take_open_run(&mut self, seat: &Seat) -> Option<OpenRun> {
        self.open_run.take().map(|open| open.for_entry(&seat.entry))
    }

    /// A run of a seat begins at this very moment; says whose health changes by that, which is to be stored
    /// first. Only now a decayed freeze becomes a probation: who was merely looked at keeps its chance.
    pub fn start(&mut self, seat: &Seat, run_id: u64, now: Timestamp) -> Option<AgentStatusEvent> {
        self.running = run_id;
        let event = toll::at_start(&self.crew, &seat.runner, (self.relay.id, run_id), now);
        event.iter().for_each(|event| self.crew.apply(event));
        event
    }

    /// Takes a run's result into rotation and counters; says whose health changed, which is to be stored.
    pub fn learn(&mut self, seat: &Seat, result: &RunResult, moment: Moment<'_>) -> Vec<AgentStatusEvent> {
        self.relay.first_try_id = self.relay.first_try_id.or(result.first_try);
        self.relay.last_try_id = result.last_try.or(self.relay.last_try_id);
        let events = self.toll((self.running, &seat.runner), result, moment);
        if let Some(verdict) = in_rotation(result) {
            self.crew.record(seat.lane, seat.turn, verdict);
        }
        self.skipped = is_skipped(&result.verdict);
        self.handovers = match &result.verdict {
            RunVerdict::Passed { .. } if result.handed_over => self.handovers + 1,
            RunVerdict::Passed { .. } => 0,
            RunVerdict::Failed { .. } | RunVerdict::Cancelled { .. } => self.handovers,
        };
        match &result.verdict {
            RunVerdict::Passed { .. } => {
                self.relay.completed_iterations += 1;
                self.failed_in_a_row = 0;
                self.excused = 0;
                self.last_failure = None;
                self.hint = None;
            }
            RunVerdict::Failed { reason } => {
                self.last_failure = Some(reason.clone());
                self.hint = result.hint.filter(|hint| !toll::is_long(*hint));
                let held = events.iter().any(|event| event.event_type != AgentStatusKind::Active);
                let is_out = held || result.terminal || !self.is_ready(&seat.runner, moment);
                if is_out && result.mismatch.is_none() && self.has_another(seat.lane, moment) {
                    self.excused += 1;
                } else {
                    self.failed_in_a_row += 1;
                }
            }
            // What was skipped is nobody's failure; anything else goes on in the next pass.
            RunVerdict::Cancelled { .. } => {}
        }
        events
    }

    fn is_ready(&self, runner: &Runner, moment: Moment<'_>) -> bool {
        self.crew.is_ready(runner, moment.now, moment.of_harness)
    }

    /// What a run does to the health of its runner; says whose health changed.
    fn toll(
        &mut self,
        (run_id, runner): (u64, &Runner),
        result: &RunResult,
        moment: Moment<'_>,
    ) -> Vec<AgentStatusEvent> {
        let role = self.task.role.as_deref();
        let finished = Finished { relay_id: self.relay.id, run_id, runner, role, result };
        let events = toll::of(&finished, &self.crew, moment.now, moment.of_harness);
        events.iter().for_each(|event| self.crew.apply(event));
        events
    }

    /// The run is over: whatever lies between its last record and this is settled at the next start.
    pub fn end_run(&mut self, run_id: u64) {
        self.saved_run = run_id;
    }

    /// What makes everybody healthy who is not: the operator does not want to wait for them.
    pub fn clearing(&self, moment: Moment<'_>) -> Clearing {
        self.crew.clearing(self.role(), moment.now, moment.of_harness)
    }

    /// Everybody's health as somebody else has written it meanwhile.
    pub fn set_healths(&mut self, healths: Healths) {
        self.crew.set_healths(healths);
    }

    fn seat(&self, lane: usize, turn: Turn, moment: Moment<'_>) -> Seat {
        let runner = self.crew.runner(lane, turn, self.role());
        Seat {
            lane,
            turn,
            entry: self.crew.member(lane, turn).text.clone(),
            quota_scope: self.crew.scope(&runner, moment.of_harness),
            trial: self.crew.trial(&runner, moment.now),
            runner,
        }
    }

    /// The attempts that the unfinished run has in all.
    fn attempts_of_open_run(&mut self, moment: Moment<'_>) -> u32 {
        let trial = self.runner_of_open_run(moment).map(|runner| self.crew.trial(&runner, moment.now));
        trial.unwrap_or_default().attempts(self.bounds.retry_budget)
    }

    fn runner_of_open_run(&mut self, moment: Moment<'_>) -> Option<Runner> {
        let entry = self.open_run.as_ref()?.entry.clone();
        let lane = self.choose().ok()?.lane;
        let turn = self.turn_of(lane, &entry, moment)?;
        Some(self.crew.runner(lane, turn, self.role()))
    }

    fn gave_up(&self) -> String {
        let last = self.last_failure.as_deref().unwrap_or("unknown");
        let runs = count(self.failed_in_a_row as usize, "failed run");
        format!("{runs} in a row, the last one: {last}")
    }

    /// Laps that are only ever handed over, be it to follow-ups that are handed over in their turn, would go round
    /// for ever.
    fn why_stuck(&self) -> Option<String> {
        let (lap, times) = (self.task.lap.as_deref()?, self.handovers);
        (times > self.bounds.max_failed_runs).then(|| {
            format!("{times} runs in a row handed their laps over and finished none; the next lap is {lap}")
        })
    }

    fn why_nobody(&self, lane: usize) -> String {
        if let Some(why) = self.crew.why_disabled(lane, self.role()) {
            return why;
        }
        match &self.last_failure {
            Some(cause) => format!("all agents unavailable (last failure: {cause})"),
            None => "all agents unavailable".to_owned(),
        }
    }

    fn wait(&self, lane: usize, until: Timestamp, moment: Moment<'_>) -> Step {
        let out = self.crew.out_until(lane, self.role(), until, moment.now, moment.of_harness);
        let is_reset = matches!(out, Some((_, Health::Benched { .. })));
        let remaining = time::since(moment.now, until).max(SHORTEST_WAIT);
        let late = remaining + backoff::lateness(remaining, moment.jitter);
        let absence = Absence {
            why: self.why_waiting(lane, moment),
            who: out.map(|(runner, _)| runner),
            is_reset,
            until,
            ask_at: moment.now.saturating_add(late).unwrap_or(until),
        };
        match self.bounds.max_wait {
            Some(bound) if remaining > bound => Step::TooLong { absence, bound },
            _ => Step::Wait(absence),
        }
    }

    /// A freeze is the longest pause of all: who reads "paused" may expect to go on within the hour.
    fn why_waiting(&self, lane: usize, moment: Moment<'_>) -> &'static str {
        let frozen = self.crew.all_frozen(lane, self.role(), moment.now, moment.of_harness);
        if frozen { "all agents frozen" } else { "all agents paused" }
    }

    /// Who has the turn, as the rotation and everybody's health say.
    fn next(&mut self, lane: usize, moment: Moment<'_>) -> Pick {
        self.crew.next(lane, self.task.role.as_deref(), moment.now, moment.of_harness)
    }

    /// The turn that a run was given to, if the lane still has it.
    fn turn_of(&mut self, lane: usize, entry: &str, moment: Moment<'_>) -> Option<Turn> {
        let picked = self.next(lane, moment);
        self.crew.find(lane, entry, picked)
    }

    /// The turn of an unfinished run, if it can go on.
    fn turn_of_open_run(&mut self, lane: usize, moment: Moment<'_>) -> Option<Turn> {
        let text = self.open_run.as_ref()?.entry.clone();
        let turn = self.turn_of(lane, &text, moment)?;
        let runner = self.crew.runner(lane, turn, self.role());
        self.crew.is_ready(&runner, moment.now, moment.of_harness).then_some(turn)
    }

    /// Whether somebody else of the lane can go on at once in the place of a runner that is out now. Then
    /// the failure was news about one runner, and says nothing about the relay. This holds once for
    /// everybody in the lane: limits that end within seconds must not keep a hopeless relay going.
    fn has_another(&mut self, lane: usize, moment: Moment<'_>) -> bool {
        self.excused < self.crew.lane(lane).members().count()
            && matches!(self.next(lane, moment), Pick::Run(_))
    }
}

/// What a result means for the rotation; nothing, when nothing is decided.
fn in_rotation(result: &RunResult) -> Option<scheduler::Verdict> {
    match result.verdict {
        // The runner is well, but somebody else is to try.
        RunVerdict::Failed { .. } if result.mismatch.is_some() => Some(scheduler::Verdict::Skipped),
        RunVerdict::Passed { .. } => Some(scheduler::Verdict::Passed),
        RunVerdict::Failed { .. } if result.terminal => Some(scheduler::Verdict::FailedTerminally),
        RunVerdict::Failed { .. } => Some(scheduler::Verdict::Failed),
        RunVerdict::Cancelled { .. } => is_skipped(&result.verdict).then_some(scheduler::Verdict::Skipped),
    }
}

fn is_skipped(verdict: &RunVerdict) -> bool {
    matches!(verdict, RunVerdict::Cancelled { source: CancelSource::Skip })
}

#[cfg(test)]
mod week;
