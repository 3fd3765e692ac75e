//! One pass over a relay: run after run, until the target is reached, the operator
//! wants out, or nothing can go on.

use std::time::{Duration, Instant};

use super::backoff;
use super::event::{Event, PassEnd, RunVerdict};
use super::operator::{Halt, Waited};
use super::resilience::{self, Health, Healths};
use super::run::{self, Assignment, RunResult};
use super::tally;
use super::world::{PassError, World};
use crate::model::text::{chain, count};
use crate::model::{CancelSource, Category, Runner, Timestamp, time};
use crate::process;
use crate::routing::label::display_label;
use crate::routing::roster::LaneEntry;
use crate::routing::scheduler::{self, Pick, Scheduler};
use crate::store::records::{AgentStatusEvent, AgentStatusKind, Fact, RECORD_VERSION, RelayRecord};
use crate::store::{OpenRun, Store};

/// A wait is looked at again this often: the clock may step, another process may change things.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A provider that asks for more than this is left alone until then: waiting inside a run would use it up.
const LONG_HINT: Duration = Duration::from_secs(300);

/// What a pass works on.
#[derive(Debug)]
pub struct Plan {
    /// The relay, already stored.
    pub relay: RelayRecord,
    /// Who may work, in order.
    pub lane: Vec<LaneEntry>,
    /// Name of the lane, for the records.
    pub route: &'static str,
    /// Whether an earlier pass is being continued.
    pub resumed: bool,
    /// A run that an earlier pass left unfinished.
    pub open_run: Option<OpenRun>,
}

/// Does one pass. Whatever happens, the operator is told how it ended.
pub async fn run(world: &mut World, plan: Plan) -> PassEnd {
    let begun = Instant::now();
    let relay_id = plan.relay.id;
    let mix = display_label(&plan.relay.agent_mix).to_owned();
    world.emit(Event::RelayStarted {
        relay_id,
        target: plan.relay.target_iterations,
        completed: plan.relay.completed_iterations,
        mix,
        resumed: plan.resumed,
    });
    let end = match Pass::new(world, plan) {
        Ok(mut pass) => pass.go().await,
        Err(error) => Err(error),
    };
    let end = match (end, world.operator.halt()) {
        (Ok(end), _) => end,
        // What the operator did not want to wait for is no failure.
        (Err(error), Some(halt)) => {
            world.warn(chain(&error));
            stopped(halt)
        }
        (Err(error), None) => PassEnd::Failed { reason: chain(&error) },
    };
    let complete = end == PassEnd::Completed;
    world.emit(Event::RelayEnded { relay_id, end: end.clone() });
    let tries = world.store.tries_of_relay(relay_id).into_iter().flatten().map_while(Result::ok);
    let tally = tally::count(tries, begun.elapsed(), complete);
    if tally.runs > 0 {
        world.emit(Event::Summary(tally));
    }
    end
}

struct Pass<'w> {
    world: &'w mut World,
    relay: RelayRecord,
    scheduler: Scheduler,
    healths: Healths,
    route: &'static str,
    open_run: Option<OpenRun>,
    /// The newest run that the stored position takes into account.
    saved_run: u64,
    failed_in_a_row: u32,
    last_failure: Option<String>,
    /// How long the provider asked to wait after the newest failure.
    hint: Option<Duration>,
    previous: Option<Runner>,
}

impl<'w> Pass<'w> {
    fn new(world: &'w mut World, plan: Plan) -> Result<Pass<'w>, PassError> {
        let position = plan.relay.position.as_ref();
        let mut scheduler = Scheduler::restore(plan.lane, position.and_then(|saved| saved.get("at")));
        let saved_run = position.and_then(|saved| saved.get("run")?.as_u64()).unwrap_or(0);
        scheduler.new_pass();
        let healths = Healths::replay(&world.store.status_events()?);
        Ok(Pass {
            scheduler,
            relay: plan.relay,
            healths,
            route: plan.route,
            open_run: plan.open_run,
            saved_run,
            failed_in_a_row: 0,
            last_failure: None,
            hint: None,
            previous: None,
            world,
        })
    }

    async fn go(&mut self) -> Result<PassEnd, PassError> {
        self.settle_open_run().await?;
        loop {
            if self.relay.completed_iterations >= self.relay.target_iterations {
                self.relay.ended_at = Some(time::now());
                self.save().await?;
                return Ok(PassEnd::Completed);
            }
            self.world.catch_up().await;
            // Between tries no guard runs: whatever was adopted and ended can go.
            process::reap_adopted(&[]);
            if let Some(halt) = self.world.operator.halt() {
                return Ok(stopped(halt));
            }
            if self.failed_in_a_row >= self.world.settings.max_failed_runs {
                return Ok(self.gave_up());
            }
            match self.pick().await {
                Picked::Run(index) => self.one_run(index).await?,
                Picked::LookAgain => {}
                Picked::Nothing(reason) => return Ok(PassEnd::Failed { reason }),
            }
        }
    }

    /// A run may have been cut between its last record and its end: it must not be done again.
    async fn settle_open_run(&mut self) -> Result<(), PassError> {
        let spent = self.world.settings.retry_budget;
        let Some(open) = self.open_run.take_if(|open| open.passed || open.attempts_used >= spent) else {
            return Ok(());
        };
        if open.run_id > self.saved_run
            && let Some(index) = self.index_of(&open.entry)
        {
            let verdict = if open.passed { scheduler::Verdict::Passed } else { scheduler::Verdict::Failed };
            self.scheduler.record(index, verdict);
        }
        self.end_run(open.run_id).await
    }

    /// Rotation and counters first, then the end of the run: whatever lies between is settled at the next start.
    async fn end_run(&mut self, run_id: u64) -> Result<(), PassError> {
        self.saved_run = run_id;
        self.save().await?;
        let fact = Fact::RunEnded { relay_id: self.relay.id, run_id };
        self.world.persist(|store| store.note(fact.clone(), time::now())).await?;
        self.world.persist(|store| store.remove_run_state()).await?;
        Ok(())
    }

    fn gave_up(&self) -> PassEnd {
        let last = self.last_failure.as_deref().unwrap_or("unknown");
        let runs = count(self.failed_in_a_row as usize, "failed run");
        let reason = format!("{runs} in a row, the last one: {last}");
        PassEnd::Failed { reason }
    }

    /// Chooses an entry, waiting where waiting helps.
    async fn pick(&mut self) -> Picked {
        if let Some(index) = self.entry_of_open_run() {
            return Picked::Run(index);
        }
        match self.turn() {
            Pick::Run(index) => Picked::Run(index),
            Pick::Wrap => {
                let settings = &self.world.settings;
                let failures = self.failed_in_a_row.max(1);
                let pause = backoff::pause(failures, settings.retry_backoff, self.hint, fastrand::f64());
                self.world.wait(pause).await;
                self.scheduler.wrap();
                Picked::LookAgain
            }
            Pick::Wait { until } => {
                self.wait_for(until).await;
                Picked::LookAgain
            }
            Pick::Unavailable => {
                let cause = self.last_failure.as_deref();
                Picked::Nothing(match cause {
                    Some(cause) => format!("all agents unavailable (last failure: {cause})"),
                    None => "all agents unavailable".to_owned(),
                })
            }
        }
    }

    /// Who has the turn, as the rotation and everybody's health say.
    fn turn(&mut self) -> Pick {
        let (now, healths) = (time::now(), &self.healths);
        self.scheduler.next(|runner| match healths.of(runner, now).until() {
            None => scheduler::Health::Ready,
            Some(until) => scheduler::Health::Unavailable { until: Some(until) },
        })
    }

    /// The entry that a run was given to, if the mix still has it. A mix may name an entry
    /// twice; the rotation knows which of them had the turn.
    fn index_of(&mut self, text: &str) -> Option<usize> {
        match self.turn() {
            Pick::Run(index) if self.scheduler.entries()[index].text == text => Some(index),
            _ => self.scheduler.entries().iter().position(|entry| entry.text == text),
        }
    }

    /// The entry of an unfinished run, if it can go on.
    fn entry_of_open_run(&mut self) -> Option<usize> {
        let text = self.open_run.as_ref()?.entry.clone();
        let index = self.index_of(&text)?;
        let runner = &self.scheduler.entries()[index].runner;
        (self.healths.of(runner, time::now()) == Health::Active).then_some(index)
    }

    async fn wait_for(&mut self, until: Timestamp) {
        let mut first = true;
        loop {
            let remaining = time::since(time::now(), until);
            if remaining.is_zero() {
                break;
            }
            let reason = "all agents paused".to_owned();
            self.world.emit(Event::Waiting { reason, remaining, first });
            first = false;
            if self.world.wait(remaining.min(LOOK_AGAIN)).await == Waited::Halted {
                break;
            }
        }
        self.world.emit(Event::WaitEnded);
    }

    async fn one_run(&mut self, index: usize) -> Result<(), PassError> {
        let entry = self.scheduler.entries()[index].clone();
        let open = self.open_run.take().map(|open| open.for_entry(&entry.text));
        if let Some(from) = self.previous.replace(entry.runner.clone())
            && from != entry.runner
        {
            self.world.emit(Event::RunnerChanged { from, to: entry.runner.clone() });
        }
        let run_id = match &open {
            Some(open) => open.run_id,
            None => self.world.store.next_run_id(self.relay.id)?,
        };
        let assignment = Assignment {
            relay_id: self.relay.id,
            run_id,
            iteration: self.relay.completed_iterations + 1,
            target: self.relay.target_iterations,
            entry: entry.text,
            runner: entry.runner.clone(),
            route: self.route,
            prompt: self.relay.prompt.clone(),
            open,
        };
        let result = run::execute(self.world, assignment).await?;
        self.learn(index, &entry.runner, &result).await?;
        match result.verdict {
            RunVerdict::Passed { .. } | RunVerdict::Failed { .. } => self.end_run(run_id).await,
            RunVerdict::Cancelled { .. } => self.save().await,
        }
    }

    /// Takes a run's result into rotation, health and counters.
    async fn learn(&mut self, index: usize, runner: &Runner, result: &RunResult) -> Result<(), PassError> {
        self.relay.first_try_id = self.relay.first_try_id.or(result.first_try);
        self.relay.last_try_id = result.last_try.or(self.relay.last_try_id);
        match &result.verdict {
            RunVerdict::Passed { .. } => {
                self.relay.completed_iterations += 1;
                self.failed_in_a_row = 0;
                self.last_failure = None;
                self.hint = None;
                self.scheduler.record(index, scheduler::Verdict::Passed);
            }
            RunVerdict::Failed { reason } => {
                self.failed_in_a_row += 1;
                self.last_failure = Some(reason.clone());
                self.hint = result.hint.filter(|hint| *hint <= LONG_HINT);
                let verdict = if result.terminal {
                    scheduler::Verdict::FailedTerminally
                } else {
                    scheduler::Verdict::Failed
                };
                self.scheduler.record(index, verdict);
                self.mind(runner, result, reason).await?;
            }
            // Nothing is decided: the run goes on in the next pass.
            RunVerdict::Cancelled { .. } => {}
        }
        Ok(())
    }

    /// Pauses a runner whose infrastructure keeps failing, benches one whose quota is used up.
    async fn mind(&mut self, runner: &Runner, result: &RunResult, reason: &str) -> Result<(), PassError> {
        let Some(category) = result.category else { return Ok(()) };
        let hint = result.hint.filter(|hint| *hint > LONG_HINT);
        let reset_at = result.reset_at.or_else(|| time::now().checked_add(hint?).ok());
        let kind = match category {
            Category::UsageLimit => AgentStatusKind::Benched,
            _ if hint.is_some() => AgentStatusKind::Benched,
            _ if resilience::pauses(result.infra_failures, category.class()) => AgentStatusKind::Paused,
            _ => return Ok(()),
        };
        let scope = self.quota_scope(runner);
        let benched = kind == AgentStatusKind::Benched;
        for affected in self.affected(runner, benched.then_some(scope.as_str())) {
            let event = AgentStatusEvent {
                v: RECORD_VERSION,
                agent_type: affected.harness,
                model: affected.model,
                event_type: kind,
                timestamp: time::now(),
                relay_id: Some(self.relay.id),
                reason: Some(reason.to_owned()),
                reset_at: reset_at.filter(|_| benched).map(resilience::surely_after),
                quota_scope: benched.then(|| scope.clone()),
            };
            self.healths.apply(&event);
            self.world.persist(|store| store.append_status(event.clone())).await?;
        }
        Ok(())
    }

    fn quota_scope(&self, runner: &Runner) -> String {
        let executor = self.world.registry.get(&runner.harness);
        executor
            .map_or_else(|| runner.harness.clone(), |executor| executor.quota_scope(runner.model.as_deref()))
    }

    /// The runner, and those of the lane that share the quota with it.
    fn affected(&self, runner: &Runner, scope: Option<&str>) -> Vec<Runner> {
        let mut affected = vec![runner.clone()];
        for other in self.scheduler.entries().iter().map(|entry| &entry.runner) {
            let known =
                affected.iter().any(|one| (&one.harness, &one.model) == (&other.harness, &other.model));
            if !known && scope.is_some_and(|scope| self.quota_scope(other) == scope) {
                affected.push(other.clone());
            }
        }
        affected
    }

    async fn save(&mut self) -> Result<(), PassError> {
        let at = serde_json::to_value(self.scheduler.position()).unwrap_or_default();
        self.relay.position = Some(serde_json::json!({ "run": self.saved_run, "at": at }));
        let relay = self.relay.clone();
        self.relay = self.world.persist(|store: &mut Store| store.save_relay(&relay)).await?;
        Ok(())
    }
}

/// How a pass ends that the operator stopped.
fn stopped(halt: Halt) -> PassEnd {
    match halt.source {
        CancelSource::QuitNow => PassEnd::QuitNow,
        CancelSource::GracefulStop => PassEnd::Stopped,
        CancelSource::Signal | CancelSource::Skip => PassEnd::Signalled(halt.signal),
    }
}

enum Picked {
    Run(usize),
    LookAgain,
    Nothing(String),
}
