//! One run: one task, one runner, and tries until one of them settles it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::attempt::{self, Seen, Task, Witness};
use super::backoff;
use super::event::{Event, Retry, RunEnd, RunVerdict};
use super::landing::{self, Found};
use super::life::Limits;
use super::operator::Waited;
use super::outcome::{self, Observed, Verdict};
use super::record::{self, Sitting};
use super::watch::FileCount;
use super::world::{PassError, World};
use crate::executor::{DiskQuery, Executor, Request};
use crate::failure;
use crate::git::Snapshot;
use crate::model::{
    CancelSource, Category, Evidence, FailureClass, Outcome, ProcessIdentity, Runner, Timestamp, time,
};
use crate::prompt;
use crate::store::progress::run_name;
use crate::store::records::{Fact, SummaryEntry, TryRecord, TryStarted};
use crate::store::{NewTry, OpenRun, RunState, Store};

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
    /// Name of the lane, for the records.
    pub route: &'static str,
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
    session: Option<String>,
    session_cost: Option<f64>,
    previous_summary: Option<String>,
    infra_failures: u32,
    first_try: Option<u64>,
}

/// Does one run.
pub async fn execute(world: &mut World, assignment: Assignment) -> Result<RunResult, PassError> {
    let snapshot = begin(world, &assignment).await?;
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
        session: open.as_ref().and_then(|open| open.session_id.clone()),
        session_cost: open.as_ref().and_then(|open| open.session_cost),
        previous_summary: None,
        infra_failures: 0,
        first_try: None,
        assignment,
    };
    run.go(open.map_or((0, 0), |open| (open.attempts_used, open.last_attempt))).await
}

/// Takes the durable snapshot of a new run; a resumed one keeps its own.
async fn begin(world: &mut World, assignment: &Assignment) -> Result<Snapshot, PassError> {
    if let Some(open) = &assignment.open
        && let Ok(snapshot) = serde_json::from_value(open.snapshot.clone())
    {
        return Ok(snapshot);
    }
    let snapshot = super::world::off_loop(&world.git, crate::git::Git::snapshot).await;
    let snapshot = snapshot.unwrap_or_else(|| Ok(Snapshot::default()))?;
    let fact = Fact::RunStarted {
        relay_id: assignment.relay_id,
        run_id: assignment.run_id,
        entry: assignment.entry.clone(),
        snapshot: serde_json::to_value(&snapshot).unwrap_or_default(),
    };
    world.persist(|store| store.note(fact.clone(), time::now())).await?;
    Ok(snapshot)
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
}

impl Run<'_> {
    async fn go(mut self, (mut used, mut number): (u32, u32)) -> Result<RunResult, PassError> {
        let tried = loop {
            (used, number) = (used + 1, number + 1);
            let tried = self.attempt(number, used).await?;
            let Next::Again(pause) = tried.next else { break tried };
            let waiting = Instant::now();
            if self.world.operator.wait(pause).await == Waited::Halted {
                break tried;
            }
            self.used += waiting.elapsed();
        };
        Ok(self.over(tried))
    }

    fn max_attempts(&self) -> u32 {
        self.world.settings.retry_budget
    }

    async fn attempt(&mut self, number: u32, used: u32) -> Result<Tried, PassError> {
        let started_at = time::now();
        let text = self.prompt_text()?;
        self.world.persist(|store| store.write_current_task(&text)).await?;
        let head_before = super::world::off_loop(&self.world.git, crate::git::Git::head).await;
        let head_before = head_before.unwrap_or(Ok(None))?;
        let started = self.allocate(number, head_before.clone()).await?;
        self.show_active(&started, started_at).await?;
        self.world.emit(Event::TryStarted {
            try_id: started.try_id,
            attempt: used,
            max_attempts: self.max_attempts(),
            log_path: started.log_path.clone().into(),
            resume: started.resume.clone(),
        });
        self.first_try.get_or_insert(started.try_id);
        let seen = self.drive(&started, &text, used).await;
        self.used += seen.runtime;
        if let Some(error) = &seen.transcript_error {
            self.world.warn(format!("the transcript {} is not whole: {error}", started.log_path));
        }

        let found = landing::look(self.world, head_before, &self.snapshot).await?;
        let progress = self.world.store.progress_of(&self.run_name())?;
        let verdict = self.verdict(&started, started_at, &seen, &found, progress.last());
        let next = self.next(&verdict, used);
        let over = matches!(next, Next::Over(_)) && verdict.outcome != Outcome::Cancelled;
        let sitting = Sitting { started: &started, started_at, route: self.assignment.route };
        let mut record =
            record::assemble(&sitting, &seen, &found, &verdict, progress.last(), self.session_cost);
        self.remember(&seen, &record).await?;
        if over && progress.is_empty() {
            self.leave_stub(&record).await?;
        }
        if verdict.may_commit() {
            self.land(&mut record, &found, over).await?;
        }
        let record = self.world.persist(|store| store.finish_try(record.clone())).await?;
        self.world.persist(|store| store.clear_active()).await?;
        let retry = match &next {
            Next::Again(wait) => {
                Some(Retry { attempt: used, max_attempts: self.max_attempts(), wait: *wait })
            }
            Next::Over(_) => None,
        };
        self.world.emit(Event::TryEnded { record: Box::new(record.clone()), retry });
        let next = match next {
            Next::Over(RunVerdict::Passed { .. }) => {
                Next::Over(RunVerdict::Passed { commit: self.commit_of(&record).await })
            }
            next => next,
        };
        Ok(Tried { record, verdict, next })
    }

    fn run_name(&self) -> String {
        run_name(self.assignment.relay_id, self.assignment.run_id)
    }

    fn prompt_text(&mut self) -> Result<String, PassError> {
        let settings = &self.world.settings;
        let tries = self.world.store.recent_tries(settings.recent_tries, Some(self.assignment.relay_id))?;
        let recent = prompt::recent_tries(&tries, settings.context_limits);
        Ok(prompt::compose(&prompt::Parts {
            persona: &self.assignment.runner.harness,
            task_name: Some("relay run"),
            leftovers: !self.snapshot.is_empty(),
            project_instructions: self.world.instructions.as_deref(),
            task: self.assignment.prompt.as_deref(),
            previous_summary: self.previous_summary.as_deref(),
            recent_tries: Some(&recent),
            ..prompt::Parts::default()
        }))
    }

    async fn allocate(&mut self, number: u32, head_before: Option<String>) -> Result<TryStarted, PassError> {
        let runner = &self.assignment.runner;
        let new = NewTry {
            relay_id: self.assignment.relay_id,
            run_id: self.assignment.run_id,
            attempt: number,
            tag: uuid::Uuid::new_v4().to_string(),
            harness: runner.harness.clone(),
            model: runner.model.clone(),
            effort: runner.effort.clone(),
            resume: self.session.clone(),
            head_before,
            resolved_route: Some(self.assignment.route.to_owned()),
        };
        Ok(self.world.persist(|store| store.allocate_try(new.clone(), time::now())).await?)
    }

    /// The view for `rally tail` and for hooks.
    async fn show_active(&mut self, started: &TryStarted, at: Timestamp) -> Result<(), PassError> {
        let mut state = RunState { run_id: self.run_name(), ..RunState::default() };
        state.session_id.clone_from(&self.session);
        state.set_active(started.relay_id, started.run_id, started.try_id, &started.log_path, at);
        self.world.persist(|store| store.write_run_state(&state)).await?;
        Ok(())
    }

    async fn drive(&mut self, started: &TryStarted, text: &str, used: u32) -> Seen {
        let Run { world, assignment, files, .. } = self;
        let World { store, registry, settings, operator, sink, workspace, agent_path, .. } = &mut **world;
        let Some(executor) = registry.get(&assignment.runner.harness) else {
            let why = format!("harness {} has no executor", assignment.runner.harness);
            return Seen::unborn(Evidence::new("spawn", Some(Category::HarnessLaunch), why));
        };
        let request = Request {
            prompt: text,
            model: started.model.as_deref(),
            effort: started.effort.as_deref(),
            resume: started.resume.as_deref(),
            workspace,
        };
        let invocation = match executor.invocation(&request) {
            Ok(invocation) => invocation,
            Err(error) => return Seen::unborn(error.evidence()),
        };
        for note in &invocation.notes {
            sink.event(&Event::Notice(note.clone()));
        }
        let startup = executor.capabilities().end_event.then_some(settings.startup_timeout);
        let task = Task {
            invocation,
            parser: executor.parser(),
            path: agent_path.clone(),
            tag: &started.tag,
            log_path: std::path::Path::new(&started.log_path),
            workspace,
            limits: Limits {
                try_cap: Some(settings.try_timeout),
                run_budget: Some(settings.run_timeout.saturating_sub(self.used)),
                startup,
                retry_patience: Some(settings.retry_patience),
            },
            attempt: used,
            max_attempts: settings.retry_budget,
        };
        let mut witness = Journal { store, try_id: started.try_id, trouble: None };
        let seen = attempt::drive(task, operator, files, &mut witness, &mut **sink).await;
        if let Some(trouble) = witness.trouble {
            sink.event(&Event::Warning(trouble));
        }
        seen
    }

    /// The verdict, with the CLI's own disk log asked only when nothing else tells.
    fn verdict(
        &self,
        started: &TryStarted,
        started_at: Timestamp,
        seen: &Seen,
        found: &Found,
        progress: Option<&SummaryEntry>,
    ) -> Verdict {
        let settings = &self.world.settings;
        let finding = self.finding(started, started_at, seen);
        outcome::decide(Observed {
            stop: seen.stop.as_ref(),
            report: &seen.report,
            changed: found.changed(),
            runtime: seen.runtime,
            require_changes: settings.require_changes,
            handoff: progress.is_some_and(|entry| entry.handoff.is_some()),
            finding,
        })
    }

    fn finding(&self, started: &TryStarted, started_at: Timestamp, seen: &Seen) -> Evidence {
        let now = time::now();
        let disk = || {
            let executor: &dyn Executor = self.world.registry.get(&started.harness)?;
            executor.disk_evidence(&DiskQuery {
                session_id: seen.report.session_id.as_deref()?,
                workspace: &self.world.workspace,
                since: started_at,
                now,
            })
        };
        let reported = seen.report.evidence.clone().or_else(disk);
        let observation = failure::Observation {
            reported: reported.as_ref(),
            spawn: seen.unborn.as_ref(),
            exit: seen.exit,
            oom: seen.oom,
            log_tail: &seen.report.plain_tail,
        };
        failure::classify(&observation, now, &jiff::tz::TimeZone::system())
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
        let settings = &self.world.settings;
        let spent = self.used >= settings.run_timeout;
        let halted = self.world.operator.halt().is_some();
        if used >= settings.retry_budget || spent || halted || record::is_hopeless(failure) {
            let reason = record::reason(failure, time::now());
            return Next::Over(RunVerdict::Failed { reason });
        }
        let hint = failure.evidence.retry_after;
        Next::Again(backoff::pause(used, settings.retry_backoff, hint, fastrand::f64()))
    }

    /// Carries session and summary into the next attempt.
    async fn remember(&mut self, seen: &Seen, record: &TryRecord) -> Result<(), PassError> {
        let resumes = self
            .world
            .registry
            .get(&self.assignment.runner.harness)
            .is_some_and(|executor| executor.capabilities().resume);
        self.session = record.session_id.clone().filter(|_| resumes && !record::lost_session(record));
        self.session_cost = record::session_total(seen).or(self.session_cost);
        if let (Some(session_id), Some(total)) = (&record.session_id, self.session_cost) {
            let (try_id, session_id) = (record.id, session_id.clone());
            let fact = Fact::Session { try_id, session_id, cost_total: Some(total) };
            self.world.persist(|store| store.note(fact.clone(), time::now())).await?;
        }
        self.previous_summary = Some(record.summary.clone()).filter(|text| !text.is_empty());
        Ok(())
    }

    /// The run's line in `summary.jsonl`, for an agent that did not write one itself.
    async fn leave_stub(&mut self, record: &TryRecord) -> Result<(), PassError> {
        let entry = record::stub(self.run_name(), record);
        self.world.persist(|store| store.append_summary(&entry)).await?;
        Ok(())
    }

    /// Commits, with the decision on disk first: a crash in between is completed at the next start.
    async fn land(&mut self, record: &mut TryRecord, found: &Found, over: bool) -> Result<(), PassError> {
        let decided = Box::new(record.clone());
        self.world
            .persist(|store| store.note(Fact::TryResolved { record: decided.clone() }, time::now()))
            .await?;
        if found.uncommitted {
            let message = record::commit_message(record);
            if let Some(hash) = landing::commit_work(self.world, &self.snapshot, message).await {
                record.commit_history.push(hash);
            }
        } else if over {
            landing::commit_state(self.world).await;
        }
        record.commit_hash = record.commit_history.last().cloned().unwrap_or_default();
        Ok(())
    }

    async fn commit_of(&self, record: &TryRecord) -> Option<(String, String)> {
        let hash = record.commit_history.last()?.clone();
        let asked = hash.clone();
        let subject = super::world::off_loop(&self.world.git, move |git| git.subject(&asked)).await.flatten();
        Some((hash, subject.unwrap_or_default()))
    }

    fn over(self, tried: Tried) -> RunResult {
        let Tried { record, verdict, next } = tried;
        let Assignment { relay_id, run_id, .. } = self.assignment;
        let halted = self.world.operator.halt();
        let verdict_of_run = match next {
            Next::Over(verdict) => verdict,
            // Stopped while waiting for the next attempt: the run can go on in the next pass.
            Next::Again(_) => {
                RunVerdict::Cancelled { source: halted.map_or(CancelSource::Signal, |halt| halt.source) }
            }
        };
        self.world.emit(Event::RunEnded(RunEnd {
            relay_id,
            run_id,
            verdict: verdict_of_run.clone(),
            attempts: record.attempt_number,
            max_attempts: self.world.settings.retry_budget.max(record.attempt_number),
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
}

/// Writes the driver's live facts into the journal.
struct Journal<'s> {
    store: &'s mut Store,
    try_id: u64,
    trouble: Option<String>,
}

impl Journal<'_> {
    /// A fact that cannot be written makes a later crash harder to mend, no more: the try goes on.
    fn note(&mut self, fact: Fact) {
        if let Err(error) = self.store.note(fact, time::now()) {
            self.trouble = Some(error.to_string());
        }
    }
}

impl Witness for Journal<'_> {
    fn spawned(&mut self, agent: &ProcessIdentity, guard: &ProcessIdentity) {
        let (agent, guard) = (agent.clone(), guard.clone());
        self.note(Fact::TrySpawned { try_id: self.try_id, agent, guard });
    }

    fn session(&mut self, session_id: &str) {
        self.note(Fact::Session { try_id: self.try_id, session_id: session_id.to_owned(), cost_total: None });
    }
}
