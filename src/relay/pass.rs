//! One pass over a relay: run after run, until the target is reached, the operator
//! wants out, or nothing can go on.

use std::time::{Duration, Instant};

use super::backoff;
use super::crew::{Crew, Team};
use super::event::{Event, PassEnd, RunVerdict};
use super::operator::{Halt, Waited};
use super::resilience::Healths;
use super::run::{self, Assignment, RunResult};
use super::strangers::Strangers;
use super::tally;
use super::toll::{self, Failed};
use super::world::{PassError, World};
use crate::model::text::{chain, count};
use crate::model::{CancelSource, Runner, Timestamp, time};
use crate::process;
use crate::routing::NoLane;
use crate::routing::label::display_label;
use crate::routing::scheduler::{self, Pick, Turn};
use crate::store::records::{Fact, RelayRecord};
use crate::store::{OpenRun, Store};

/// A wait is looked at again this often: the clock may step, another process may change things.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Tasks that do not come from a queue have no role.
const NO_ROLE: Option<&str> = None;

/// What a pass works on.
#[derive(Debug)]
pub struct Plan {
    /// The relay, already stored.
    pub relay: RelayRecord,
    /// Who may work.
    pub team: Team,
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
    crew: Crew,
    open_run: Option<OpenRun>,
    /// The newest run that the stored position takes into account.
    saved_run: u64,
    failed_in_a_row: u32,
    /// Failures since the last success that only made room for somebody else.
    excused: usize,
    last_failure: Option<String>,
    /// How long the provider asked to wait after the newest failure.
    hint: Option<Duration>,
    previous: Option<Runner>,
    strangers: Strangers,
}

impl<'w> Pass<'w> {
    fn new(world: &'w mut World, plan: Plan) -> Result<Pass<'w>, PassError> {
        let position = plan.relay.position.as_ref();
        let saved_run = position.and_then(|saved| saved.get("run")?.as_u64()).unwrap_or(0);
        let healths = Healths::replay(&world.store.status_events()?);
        let crew = Crew::new(plan.team, position.and_then(|saved| saved.get("lanes")), healths);
        Ok(Pass {
            crew,
            relay: plan.relay,
            open_run: plan.open_run,
            saved_run,
            failed_in_a_row: 0,
            excused: 0,
            last_failure: None,
            hint: None,
            previous: None,
            strangers: Strangers::default(),
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
                Picked::Run(seat) => self.one_run(seat).await?,
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
            && let Ok(lane) = self.lane_of_task()
            && let Some(turn) = self.turn_of(lane, &open.entry)
        {
            let verdict = if open.passed { scheduler::Verdict::Passed } else { scheduler::Verdict::Failed };
            self.crew.record(lane, turn, verdict);
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

    /// Chooses a lane and who has its turn, waiting where waiting helps.
    async fn pick(&mut self) -> Picked {
        let lane = match self.lane_of_task() {
            Ok(lane) => lane,
            Err(error) => return Picked::Nothing(error.to_string()),
        };
        if let Some(turn) = self.turn_of_open_run(lane) {
            return Picked::Run(Seat { lane, turn });
        }
        match self.next(lane) {
            Pick::Run(turn) => Picked::Run(Seat { lane, turn }),
            Pick::Wrap => {
                let settings = &self.world.settings;
                let failures = self.failed_in_a_row.max(1);
                let pause = backoff::pause(failures, settings.retry_backoff, self.hint, fastrand::f64());
                self.world.wait(pause).await;
                self.crew.wrap(lane);
                Picked::LookAgain
            }
            Pick::Wait { until } => {
                self.wait_for(until, self.why_waiting(lane)).await;
                Picked::LookAgain
            }
            Pick::Unavailable => Picked::Nothing(self.why_nobody(lane)),
        }
    }

    /// The lane of the task. Without a queue no task has a role.
    fn lane_of_task(&mut self) -> Result<usize, NoLane> {
        let choice = self.crew.choose(NO_ROLE)?;
        if let Some(warning) = self.strangers.warning(&choice) {
            self.world.warn(warning);
        }
        Ok(choice.lane)
    }

    fn why_nobody(&self, lane: usize) -> String {
        if let Some(why) = self.crew.why_disabled(lane, NO_ROLE) {
            return why;
        }
        match &self.last_failure {
            Some(cause) => format!("all agents unavailable (last failure: {cause})"),
            None => "all agents unavailable".to_owned(),
        }
    }

    /// Who has the turn, as the rotation and everybody's health say.
    fn next(&mut self, lane: usize) -> Pick {
        let registry = &self.world.registry;
        self.crew.next(lane, NO_ROLE, time::now(), &|runner| registry.quota_scope(runner))
    }

    /// The turn that a run was given to, if the lane still has it.
    fn turn_of(&mut self, lane: usize, entry: &str) -> Option<Turn> {
        let picked = self.next(lane);
        self.crew.find(lane, entry, picked)
    }

    /// The turn of an unfinished run, if it can go on.
    fn turn_of_open_run(&mut self, lane: usize) -> Option<Turn> {
        let text = self.open_run.as_ref()?.entry.clone();
        let turn = self.turn_of(lane, &text)?;
        let registry = &self.world.registry;
        let runner = self.crew.runner(lane, turn, NO_ROLE);
        self.crew.is_ready(&runner, time::now(), &|runner| registry.quota_scope(runner)).then_some(turn)
    }

    /// A freeze is the longest pause of all: who reads "paused" may expect to go on within the hour.
    fn why_waiting(&self, lane: usize) -> &'static str {
        let of_harness = |runner: &Runner| self.world.registry.quota_scope(runner);
        let frozen = self.crew.all_frozen(lane, NO_ROLE, time::now(), &of_harness);
        if frozen { "all agents frozen" } else { "all agents paused" }
    }

    async fn wait_for(&mut self, until: Timestamp, reason: &str) {
        let mut first = true;
        loop {
            let remaining = time::since(time::now(), until);
            if remaining.is_zero() {
                break;
            }
            self.world.emit(Event::Waiting { reason: reason.to_owned(), remaining, first });
            first = false;
            if self.world.wait(remaining.min(LOOK_AGAIN)).await == Waited::Halted {
                break;
            }
        }
        self.world.emit(Event::WaitEnded);
    }

    async fn one_run(&mut self, seat: Seat) -> Result<(), PassError> {
        let Seat { lane, turn } = seat;
        let entry = self.crew.member(lane, turn).text.clone();
        let runner = self.crew.runner(lane, turn, NO_ROLE);
        let open = self.open_run.take().map(|open| open.for_entry(&entry));
        if let Some(from) = self.previous.replace(runner.clone())
            && from != runner
        {
            self.world.emit(Event::RunnerChanged { from, to: runner.clone() });
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
            entry,
            runner: runner.clone(),
            route: self.crew.lane(lane).name.clone(),
            prompt: self.relay.prompt.clone(),
            open,
        };
        let result = run::execute(self.world, assignment).await?;
        self.learn(seat, &runner, &result).await?;
        match result.verdict {
            RunVerdict::Passed { .. } | RunVerdict::Failed { .. } => self.end_run(run_id).await,
            RunVerdict::Cancelled { .. } => self.save().await,
        }
    }

    /// Takes a run's result into rotation, health and counters.
    async fn learn(&mut self, seat: Seat, runner: &Runner, result: &RunResult) -> Result<(), PassError> {
        self.relay.first_try_id = self.relay.first_try_id.or(result.first_try);
        self.relay.last_try_id = result.last_try.or(self.relay.last_try_id);
        match &result.verdict {
            RunVerdict::Passed { .. } => {
                self.relay.completed_iterations += 1;
                self.failed_in_a_row = 0;
                self.excused = 0;
                self.last_failure = None;
                self.hint = None;
                self.crew.record(seat.lane, seat.turn, scheduler::Verdict::Passed);
            }
            RunVerdict::Failed { reason } => {
                self.last_failure = Some(reason.clone());
                self.hint = result.hint.filter(|hint| !toll::is_long(*hint));
                let verdict = if result.terminal {
                    scheduler::Verdict::FailedTerminally
                } else {
                    scheduler::Verdict::Failed
                };
                self.crew.record(seat.lane, seat.turn, verdict);
                let is_out = self.mind(runner, result, reason).await? || result.terminal;
                if is_out && self.has_another(seat.lane) {
                    self.excused += 1;
                } else {
                    self.failed_in_a_row += 1;
                }
            }
            // Nothing is decided: the run goes on in the next pass.
            RunVerdict::Cancelled { .. } => {}
        }
        Ok(())
    }

    /// Whether somebody else of the lane can go on at once in the place of a runner that is out now. Then
    /// the failure was news about one runner, and says nothing about the relay. This holds once for
    /// everybody in the lane: limits that end within seconds must not keep a hopeless relay going.
    fn has_another(&mut self, lane: usize) -> bool {
        self.excused < self.crew.lane(lane).members().count() && matches!(self.next(lane), Pick::Run(_))
    }

    /// Whom the failure of a run puts out of service, and remembers it; says whether it is anybody.
    async fn mind(&mut self, runner: &Runner, result: &RunResult, reason: &str) -> Result<bool, PassError> {
        let registry = &self.world.registry;
        let failed = Failed { relay_id: self.relay.id, runner, role: NO_ROLE, result, reason };
        let of_harness = |runner: &Runner| registry.quota_scope(runner);
        let events = toll::of(&failed, &self.crew, time::now(), &of_harness);
        for event in &events {
            self.crew.apply(event);
            self.world.persist(|store| store.append_status(event.clone())).await?;
        }
        Ok(!events.is_empty())
    }

    async fn save(&mut self) -> Result<(), PassError> {
        self.relay.position =
            Some(serde_json::json!({ "run": self.saved_run, "lanes": self.crew.positions() }));
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

/// A turn in a lane.
#[derive(Debug, Clone, Copy)]
struct Seat {
    lane: usize,
    turn: Turn,
}

enum Picked {
    Run(Seat),
    LookAgain,
    Nothing(String),
}
