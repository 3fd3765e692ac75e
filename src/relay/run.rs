//! One run: one task, one runner, and tries until one of them settles it.

mod handoff;
mod lap;
mod one_try;
mod stage;
mod stall;
mod thread;
mod witness;

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::attempt::Seen;
use super::budget::Budget;
use super::event::{Event, RunEnd, RunVerdict};
use super::ledger::Ledger;
use super::outcome::stall::Newest;
use super::outcome::{Failure, Verdict, pin};
use super::record;
use super::resilience::Trial;
use super::retry::{self, Session, Situation, Step, Why};
use super::watch::FileCount;
use super::world::{Gate, PassError, World};
use crate::git::{Git, Snapshot};
use crate::laps::Lap;
use crate::model::{CancelSource, Category, FailureClass, Outcome, Runner, Timestamp, time};
use crate::store::OpenRun;
use crate::store::records::{Fact, TryRecord, TryStarted};
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
    /// The task of a free run; `None` for the built-in one.
    pub prompt: Option<String>,
    /// The lap that it is about; `None` for a free run.
    pub lap: Option<Errand>,
    /// What an interrupted or cancelled try of this very run left.
    pub open: Option<OpenRun>,
}

/// The lap of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errand {
    /// The claimed lap.
    pub lap: Lap,
    /// The role that the agent is given: the lap's assignee, or the one that recovery puts in its place.
    pub role: Option<String>,
    /// Laps that wait, this one included.
    pub waiting: u64,
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
    /// Category of its last try.
    pub category: Option<Category>,
    /// Who is to blame for its last try: a try that ran out of time proves nothing about the infrastructure.
    pub class: FailureClass,
    /// Whether the runner is out for the rest of the pass.
    pub terminal: bool,
    /// When an exhausted quota comes back.
    pub reset_at: Option<Timestamp>,
    /// Tries that failed for infrastructure.
    pub infra_failures: u32,
    /// How long the provider asked to wait.
    pub hint: Option<Duration>,
    /// Another lap than the claimed one was done in it: which, in words. It has failed then, and is nobody's credit.
    pub mismatch: Option<String>,
    /// Whether it passed by handing its task over.
    pub handed_over: bool,
}

impl RunResult {
    /// What came of a run whose newest try this is.
    fn of(record: &TryRecord, verdict: RunVerdict, infra_failures: u32) -> RunResult {
        let evidence = record.evidence.as_ref();
        RunResult {
            verdict,
            first_try: None,
            last_try: Some(record.id),
            category: record.category,
            class: record.class(),
            terminal: record::is_out(record),
            reset_at: evidence.and_then(|evidence| evidence.reset_at),
            infra_failures,
            hint: evidence.and_then(|evidence| evidence.retry_after),
            mismatch: evidence.filter(|known| known.source == pin::SOURCE).map(|known| known.message.clone()),
            handed_over: record.outcome == Some(Outcome::HandoffRequested),
        }
    }

    /// What came of a run that the operator stopped before its first try.
    fn untouched(verdict: RunVerdict) -> RunResult {
        RunResult {
            verdict,
            first_try: None,
            last_try: None,
            category: None,
            class: FailureClass::Agent,
            terminal: false,
            reset_at: None,
            infra_failures: 0,
            hint: None,
            mismatch: None,
            handed_over: false,
        }
    }

    /// What came of a run that was over before a crash cut its end.
    pub fn remembered(record: &TryRecord, infra_failures: u32) -> RunResult {
        let verdict = match (record.outcome, record.cancellation_source) {
            (Some(outcome), _) if outcome.is_success() => RunVerdict::Passed { commit: None },
            (Some(Outcome::Cancelled), Some(source)) => RunVerdict::Cancelled { source },
            _ => RunVerdict::Failed { reason: record.fail_reason.clone().unwrap_or_default() },
        };
        RunResult::of(record, verdict, infra_failures)
    }
}

/// Whether a run is over with this verdict. What the operator stops, skipping left out, goes on in the next pass.
pub fn is_decided(verdict: &RunVerdict) -> bool {
    match verdict {
        RunVerdict::Passed { .. } | RunVerdict::Failed { .. } => true,
        RunVerdict::Cancelled { source } => *source == CancelSource::Skip,
    }
}

/// The state of a run between its tries.
struct Run<'w> {
    world: &'w mut World,
    assignment: Assignment,
    snapshot: Arc<Snapshot>,
    files: FileCount,
    begun: Instant,
    budget: Budget,
    thread: Thread,
    /// HEAD, while it is known from the snapshot that was just taken.
    head: Option<Option<String>>,
    infra_failures: u32,
    /// Whose the newest commit of this run is, as far as this pass has seen it.
    newest: Newest,
    first_try: Option<u64>,
    /// Since when no agent has worked.
    idle_since: Timestamp,
}

/// Does one run.
pub async fn execute(world: &mut World, assignment: Assignment) -> Result<RunResult, PassError> {
    world.operator.forget_skip();
    let idle_since = time::now();
    let (snapshot, head) = begin(world, &assignment).await?;
    world.emit(Event::RunStarted {
        relay_id: assignment.relay_id,
        run_id: assignment.run_id,
        iteration: assignment.iteration,
        target: assignment.target,
        runner: assignment.runner.clone(),
        lap: assignment
            .lap
            .as_ref()
            .map(|errand| Lap { assignee: errand.role.clone(), ..errand.lap.clone() }),
        at: time::now(),
    });
    let files = FileCount::new(world.git.clone());
    let open = assignment.open.clone();
    let settings = &world.settings;
    let budget = match &open {
        Some(open) => Budget::resumed(settings.run_timeout, open.time_used, settings.handoff_timeout),
        None => Budget::new(settings.run_timeout),
    };
    let run = Run {
        world,
        snapshot: Arc::new(snapshot),
        files,
        begun: Instant::now(),
        budget,
        thread: Thread {
            session: open.as_ref().and_then(|open| open.session_id.clone()),
            spent: open.as_ref().map(|open| open.spent).unwrap_or_default(),
            ..Thread::default()
        },
        head: Some(head),
        infra_failures: open.as_ref().map_or(0, |open| open.infra_failures),
        newest: Newest::Nobody,
        first_try: None,
        idle_since,
        assignment,
    };
    match open {
        Some(open) => run.go_on(&open).await,
        None => run.go(Aim::Task, (0, 0)).await,
    }
}

/// Makes the snapshot of a run durable: a new one's, or what a resumed one has of its own.
/// Says HEAD, too.
async fn begin(world: &mut World, assignment: &Assignment) -> Result<(Snapshot, Option<String>), PassError> {
    let now = world.ask(Git::snapshot).await?;
    let head = now.head().map(str::to_owned);
    let snapshot = match &assignment.open {
        Some(open) => match serde_json::from_value(open.snapshot.clone()) {
            Ok(known) => match open.idle_since {
                Some(since) => spared(world, known, &now, since),
                None => known,
            },
            Err(_) => now,
        },
        None => now,
    };
    note_begin(world, assignment, &snapshot).await?;
    Ok((snapshot, head))
}

async fn note_begin(
    world: &mut World,
    assignment: &Assignment,
    snapshot: &Snapshot,
) -> Result<(), PassError> {
    let fact = Fact::RunStarted {
        relay_id: assignment.relay_id,
        run_id: assignment.run_id,
        entry: assignment.entry.clone(),
        snapshot: serde_json::to_value(snapshot).unwrap_or_default(),
        lap: assignment.lap.as_ref().map(|errand| errand.lap.id.clone()),
    };
    Ok(world.persist(|store| store.note(fact.clone(), time::now())).await?)
}

/// The snapshot of a run that goes on: what was changed since then, while no agent worked, is the user's.
pub(super) fn spared(world: &mut World, mut known: Snapshot, now: &Snapshot, since: Timestamp) -> Snapshot {
    /// More names make no better warning.
    const NAMED: usize = 5;
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

/// What a try is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aim {
    /// The task of the run.
    Task,
    /// A handoff, and nothing else: the run's time is used up.
    HandOff,
}

/// What follows a try.
enum Next {
    /// The run is over.
    Over(RunVerdict),
    /// Another attempt, after a pause.
    Again {
        /// How long.
        pause: Duration,
        /// Where it works.
        session: Session,
    },
    /// One more try, which is only to hand over.
    HandOff,
}

/// A try with its record.
struct Tried {
    record: TryRecord,
    next: Next,
    /// Attempts that count against the budget so far.
    used: u32,
}

impl Run<'_> {
    /// Goes on where an earlier pass was cut: not before its provider wants it, and not with the task when the
    /// time for that was used up.
    async fn go_on(mut self, open: &OpenRun) -> Result<RunResult, PassError> {
        if let Some((at, category)) = open.rest {
            let rest = time::since(time::now(), at);
            self.world.cool_down(rest, &self.assignment.runner, category.label()).await;
            if !rest.is_zero() {
                self.look_again().await?;
            }
        }
        let aim = match open.handing_over && self.resumes() && self.thread.session.is_some() {
            true => Aim::HandOff,
            false => Aim::Task,
        };
        self.go(aim, (open.attempts_used, open.last_attempt)).await
    }

    async fn go(mut self, mut aim: Aim, (mut used, mut number): (u32, u32)) -> Result<RunResult, PassError> {
        let (mut newest, mut settled) = (None, None);
        let cut = loop {
            if let Gate::Closed(source) = self.pass_gate().await? {
                break Some(source);
            }
            if number > 0
                && let Some(how) = self.settled().await?
            {
                settled = self.settle(how).await?;
                if settled.is_some() {
                    break None;
                }
            }
            if number > 0 {
                self.claim_again().await?;
            }
            (used, number) = (used + 1, number + 1);
            let tried = newest.insert(self.attempt(aim, number, used).await?);
            used = tried.used;
            match tried.next {
                Next::Over(_) => break None,
                Next::HandOff => aim = Aim::HandOff,
                Next::Again { pause, session } => {
                    if session == Session::Fresh {
                        self.thread.begin_anew();
                    }
                    let why = tried.record.category.map_or("failed", Category::label);
                    let since = Instant::now();
                    self.world.cool_down(pause, &self.assignment.runner, why).await;
                    // It may have been cut short.
                    self.budget.spend(pause.min(since.elapsed()));
                }
            }
        };
        if let Some((record, verdict)) = settled {
            newest = Some(Tried { record, next: Next::Over(verdict), used });
        }
        Ok(self.over(newest, used, cut))
    }

    /// Whether the next try may begin. A pause is held here; what is changed in it is the user's.
    async fn pass_gate(&mut self) -> Result<Gate, PassError> {
        let (gate, was_held) = self.world.gate().await;
        if was_held && gate == Gate::Open {
            self.look_again().await?;
        }
        Ok(gate)
    }

    /// What was changed since the last agent ended is the user's, and so is what was committed.
    async fn look_again(&mut self) -> Result<(), PassError> {
        let now = self.world.ask(Git::snapshot).await?;
        let known = spared(self.world, (*self.snapshot).clone(), &now, self.idle_since);
        note_begin(self.world, &self.assignment, &known).await?;
        self.snapshot = Arc::new(known);
        self.head = Some(now.head().map(str::to_owned));
        Ok(())
    }

    fn max_attempts(&self) -> u32 {
        self.assignment.trial.attempts(self.world.settings.retry_budget)
    }

    /// Whether, and when, another attempt follows. What ends for lack of time is told so in its verdict.
    fn next(&mut self, verdict: &mut Verdict, started: &TryStarted, seen: &Seen, used: u32) -> Next {
        if let Some(source) = verdict.source {
            return Next::Over(RunVerdict::Cancelled { source });
        }
        if verdict.outcome == Outcome::Paused {
            return Next::Again { pause: Duration::ZERO, session: Session::Resume };
        }
        let Some(failure) = &verdict.failure else {
            return Next::Over(RunVerdict::Passed { commit: None });
        };
        if failure.is_mismatch() {
            return Next::Over(RunVerdict::Failed { reason: record::reason(failure, time::now()) });
        }
        if verdict.outcome.class(Some(failure.category)) == FailureClass::Infra {
            self.infra_failures += 1;
        }
        let session = record::session(started, seen, Some(failure)).is_some();
        let step = match started.handoff_only {
            false => retry::after(&self.situation(failure, started, used)),
            true => Step::Over(Why::Attempts),
        };
        match step {
            Step::Again { wait, session } => return Next::Again { pause: wait, session },
            Step::Over(Why::Budget) if self.hands_over(verdict, session) => return Next::HandOff,
            Step::Over(Why::Budget | Why::Hopeless | Why::LongWait | Why::UsedUp | Why::Attempts) => {}
        }
        let reason = verdict.failure.as_ref().map(|failure| record::reason(failure, time::now()));
        Next::Over(RunVerdict::Failed { reason: reason.unwrap_or_default() })
    }

    /// Whether the CLI has told that a window of its account is used up. What cannot be read tells nothing.
    fn is_used_up(&self) -> bool {
        let told = self.world.store.reader().quota_records().unwrap_or_default();
        Ledger::of(&told).exhausted_until(&self.assignment.quota_scope, time::now()).is_some()
    }

    fn situation<'f>(&self, failure: &'f Failure, started: &TryStarted, used: u32) -> Situation<'f> {
        Situation {
            failure,
            resumed: started.resume.is_some(),
            fruitless: self.thread.fruitless,
            used,
            allowed: self.max_attempts(),
            used_up: self.is_used_up(),
            budget: self.budget,
            backoff: self.world.settings.retry_backoff,
            jitter: fastrand::f64(),
        }
    }

    /// `used` counts the attempts so far; `cut` tells who stopped the run between two tries, or before its first.
    fn over(self, newest: Option<Tried>, used: u32, cut: Option<CancelSource>) -> RunResult {
        let Assignment { relay_id, run_id, .. } = self.assignment;
        let cancelled = RunVerdict::Cancelled { source: cut.unwrap_or(CancelSource::Signal) };
        let (record, verdict) = match newest {
            Some(Tried { record, next: Next::Over(verdict), .. }) => (Some(record), verdict),
            Some(Tried { record, next: Next::Again { .. } | Next::HandOff, .. }) => (Some(record), cancelled),
            None => (None, cancelled),
        };
        self.world.emit(Event::RunEnded(RunEnd {
            relay_id,
            run_id,
            verdict: verdict.clone(),
            attempts: used,
            max_attempts: self.max_attempts().max(used),
            duration: self.begun.elapsed(),
            files: record.as_ref().map_or(0, |record| record.files_changed.len()),
            log_path: record.as_ref().and_then(|record| record.log_path.clone()).map(Into::into),
        }));
        let first_try = self.first_try;
        match record {
            Some(record) => RunResult { first_try, ..RunResult::of(&record, verdict, self.infra_failures) },
            None => RunResult::untouched(verdict),
        }
    }
}
