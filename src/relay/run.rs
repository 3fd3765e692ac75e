//! One run: one task, one runner, and tries until one of them settles it.

mod one_try;
mod stage;
mod thread;
mod witness;

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::backoff;
use super::event::{Event, RunEnd, RunVerdict};
use super::operator::Waited;
use super::outcome::{Failure, Verdict};
use super::record;
use super::resilience::Trial;
use super::watch::FileCount;
use super::world::{PassError, World};
use crate::git::{Git, Snapshot};
use crate::model::{CancelSource, Category, FailureClass, Outcome, Runner, Timestamp, time};
use crate::store::OpenRun;
use crate::store::records::{Fact, TryRecord};
use thread::Thread;

/// What a run is about.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The relay.
    pub relay_id: u64,
    /// The run.
    pub run_id: u64,
    /// Which iteration it is for: completed + 1.
    pub iteration: u64,
    /// Successful runs wanted.
    pub target: u64,
    /// The mix entry, as typed.
    pub entry: String,
    /// Who does it.
    pub runner: Runner,
    /// What is at stake in it.
    pub trial: Trial,
    /// The quota that the runner draws from.
    pub quota_scope: String,
    /// Name of the lane, for the records.
    pub route: String,
    /// The task; `None` for the built-in one.
    pub prompt: Option<String>,
    /// What an interrupted or cancelled try of this very run left.
    pub open: Option<OpenRun>,
}

/// What came of a run.
#[derive(Debug)]
pub struct RunResult {
    /// For the tally.
    pub verdict: RunVerdict,
    /// Its first try of this pass.
    pub first_try: Option<u64>,
    /// Its newest try.
    pub last_try: Option<u64>,
    /// Category of the last failure.
    pub category: Option<Category>,
    /// Whether the runner is out for the rest of the pass.
    pub terminal: bool,
    /// When an exhausted quota comes back.
    pub reset_at: Option<Timestamp>,
    /// Tries that failed for infrastructure.
    pub infra_failures: u32,
    /// How long the provider asked to wait.
    pub hint: Option<Duration>,
}

/// The state of a run between its tries.
struct Run<'w> {
    world: &'w mut World,
    assignment: Assignment,
    snapshot: Arc<Snapshot>,
    files: FileCount,
    begun: Instant,
    /// Active time used by tries and pauses.
    used: Duration,
    thread: Thread,
    /// HEAD, while it is known from the snapshot that was just taken.
    head: Option<Option<String>>,
    infra_failures: u32,
    first_try: Option<u64>,
}

/// Does one run.
pub async fn execute(world: &mut World, assignment: Assignment) -> Result<RunResult, PassError> {
    let (snapshot, head) = begin(world, &assignment).await?;
    world.emit(Event::RunStarted {
        relay_id: assignment.relay_id,
        run_id: assignment.run_id,
        iteration: assignment.iteration,
        target: assignment.target,
        runner: assignment.runner.clone(),
        at: time::now(),
    });
    let files = FileCount::new(world.git.clone());
    let open = assignment.open.clone();
    let run = Run {
        world,
        snapshot: Arc::new(snapshot),
        files,
        begun: Instant::now(),
        used: Duration::ZERO,
        thread: Thread {
            session: open.as_ref().and_then(|open| open.session_id.clone()),
            spent: open.as_ref().map(|open| open.spent).unwrap_or_default(),
            ..Thread::default()
        },
        head: Some(head),
        infra_failures: 0,
        first_try: None,
        assignment,
    };
    run.go(open.map_or((0, 0), |open| (open.attempts_used, open.last_attempt))).await
}

/// Makes the snapshot of a run durable: a new one's, or what a resumed one has of its own.
/// Says HEAD, too.
async fn begin(world: &mut World, assignment: &Assignment) -> Result<(Snapshot, Option<String>), PassError> {
    let now = world.ask(Git::snapshot).await?;
    let head = now.head().map(str::to_owned);
    let snapshot = match &assignment.open {
        Some(open) => match serde_json::from_value(open.snapshot.clone()) {
            Ok(known) => resumed(world, known, &now, open),
            Err(_) => now,
        },
        None => now,
    };
    let fact = Fact::RunStarted {
        relay_id: assignment.relay_id,
        run_id: assignment.run_id,
        entry: assignment.entry.clone(),
        snapshot: serde_json::to_value(&snapshot).unwrap_or_default(),
    };
    world.persist(|store| store.note(fact.clone(), time::now())).await?;
    Ok((snapshot, head))
}

/// The snapshot of a resumed run: what was changed while no agent worked is the user's.
fn resumed(world: &mut World, mut known: Snapshot, now: &Snapshot, open: &OpenRun) -> Snapshot {
    /// More names make no better warning.
    const NAMED: usize = 5;
    let Some(since) = open.idle_since else { return known };
    let since = i64::try_from(since.as_nanosecond()).unwrap_or(i64::MAX);
    let spared = known.spare(&world.workspace, now, since);
    if !spared.is_empty() {
        let more = if spared.len() > NAMED { ", …" } else { "" };
        world.warn(format!(
            "changed while no agent worked, so taken for yours and left uncommitted: {}{more}",
            spared[..spared.len().min(NAMED)].join(", ")
        ));
    }
    known
}

/// What follows a try.
enum Next {
    /// The run is over.
    Over(RunVerdict),
    /// Another attempt, after a pause.
    Again(Duration),
}

/// A try with its record.
struct Tried {
    record: TryRecord,
    verdict: Verdict,
    next: Next,
    /// Attempts that count against the budget so far.
    used: u32,
}

impl Run<'_> {
    async fn go(mut self, (mut used, mut number): (u32, u32)) -> Result<RunResult, PassError> {
        let mut newest = None;
        loop {
            self.world.catch_up().await;
            if self.world.operator.halt().is_some() {
                break;
            }
            (used, number) = (used + 1, number + 1);
            let tried = newest.insert(self.attempt(number, used).await?);
            let Next::Again(pause) = tried.next else { break };
            used = tried.used;
            let why = tried.record.category.map_or("failed", Category::label);
            if self.world.cool_down(pause, &self.assignment.runner, why).await == Waited::Halted {
                break;
            }
            self.used += pause;
        }
        Ok(self.over(newest))
    }

    fn max_attempts(&self) -> u32 {
        self.assignment.trial.attempts(self.world.settings.retry_budget)
    }

    /// Whether, and when, another attempt follows.
    fn next(&mut self, verdict: &Verdict, used: u32) -> Next {
        if let Some(source) = verdict.source {
            return Next::Over(RunVerdict::Cancelled { source });
        }
        let Some(failure) = &verdict.failure else {
            return Next::Over(RunVerdict::Passed { commit: None });
        };
        if failure.category.class() == FailureClass::Infra && verdict.outcome == Outcome::Failed {
            self.infra_failures += 1;
        }
        if self.forgives(failure) {
            return Next::Again(Duration::ZERO);
        }
        let settings = &self.world.settings;
        let hint = failure.evidence.retry_after;
        let pause = backoff::pause(used, settings.retry_backoff, hint, fastrand::f64());
        let spent = self.used + pause >= settings.run_timeout;
        if used >= self.max_attempts() || spent || record::is_hopeless(failure) {
            return Next::Over(RunVerdict::Failed { reason: record::reason(failure, time::now()) });
        }
        Next::Again(pause)
    }

    /// A session that its CLI has lost was no attempt. The next try begins a new one, so this cannot go on for ever.
    fn forgives(&self, failure: &Failure) -> bool {
        failure.is_lost_session() && self.thread.session.is_some()
    }

    fn over(self, newest: Option<Tried>) -> RunResult {
        let Assignment { relay_id, run_id, .. } = self.assignment;
        let Some(Tried { record, verdict, next, used }) = newest else { return self.untouched() };
        let verdict_of_run = match next {
            Next::Over(verdict) => verdict,
            // Stopped before the next attempt: the run can go on in the next pass.
            Next::Again(_) => self.cancelled(),
        };
        self.world.emit(Event::RunEnded(RunEnd {
            relay_id,
            run_id,
            verdict: verdict_of_run.clone(),
            attempts: used,
            max_attempts: self.max_attempts(),
            duration: self.begun.elapsed(),
            files: record.files_changed.len(),
            log_path: record.log_path.clone().map(Into::into),
        }));
        let failure = verdict.failure.as_ref();
        RunResult {
            verdict: verdict_of_run,
            first_try: self.first_try,
            last_try: Some(record.id),
            category: failure.map(|failure| failure.category),
            terminal: failure.is_some_and(record::is_out),
            reset_at: failure.and_then(|failure| failure.evidence.reset_at),
            infra_failures: self.infra_failures,
            hint: failure.and_then(|failure| failure.evidence.retry_after),
        }
    }

    fn cancelled(&self) -> RunVerdict {
        let halt = self.world.operator.halt();
        RunVerdict::Cancelled { source: halt.map_or(CancelSource::Signal, |halt| halt.source) }
    }

    /// The operator wanted out before the first try.
    fn untouched(&self) -> RunResult {
        RunResult {
            verdict: self.cancelled(),
            first_try: None,
            last_try: None,
            category: None,
            terminal: false,
            reset_at: None,
            infra_failures: 0,
            hint: None,
        }
    }
}
