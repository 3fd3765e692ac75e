//! One pass over a relay: run after run, until the target is reached, the operator
//! wants out, or nothing can go on.

mod errands;
mod losses;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;

use self::errands::Asked;
use self::losses::Waiting;
use super::clearing::Clearing;
use super::course::{Absence, Bounds, Course, Moment, Seat, Settled, Step};
use super::crew::Team;
use super::event::{Event, PassEnd, RunVerdict, Wait};
use super::inbox;
use super::operator::{Halt, Waited};
use super::resilience::Healths;
use super::run::{self, Assignment, Errand};
use super::strangers::Strangers;
use super::tally;
use super::waiting::Clock;
use super::world::{PassError, World};
use crate::executor::Registry;
use crate::model::text::chain;
use crate::model::{CancelSource, Runner, Timestamp, time};
use crate::process;
use crate::routing::label::display_label;
use crate::store::records::{AgentStatusEvent, Fact, RelayRecord, TryRecord};
use crate::store::{Glance, OpenRun, Store};

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
    let (end, cancelled) = match Pass::new(world, plan) {
        Ok(mut pass) => {
            let end = pass.go().await;
            pass.release().await;
            (end, pass.cancelled)
        }
        Err(error) => (Err(error), BTreeSet::new()),
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
    let complete = matches!(end, PassEnd::Completed | PassEnd::QueueEmpty);
    world.emit(Event::RelayEnded { relay_id, end: end.clone() });
    let tries = world.store.tries_of_relay(relay_id).into_iter().flatten().map_while(Result::ok);
    let tally = tally::count(tries, &cancelled, begun.elapsed(), complete);
    if tally.runs > 0 {
        world.emit(Event::Summary(tally));
    }
    end
}

struct Pass<'w> {
    world: &'w mut World,
    course: Course,
    previous: Option<Runner>,
    /// The runs that the operator skipped or stopped.
    cancelled: BTreeSet<u64>,
    strangers: Strangers,
    clock: Clock,
    /// What the files of the runners' health looked like when they were read.
    seen: Glance,
    /// The wait that was told and goes on.
    waiting: Option<Absence>,
    /// The lap that is claimed, as long as nothing was done with it that is to go on.
    claimed: Option<String>,
    /// The laps that waited when the queue was last asked.
    laps: Waiting,
    /// What was told about laps that need recovery.
    told: BTreeSet<String>,
    /// The tries that had a lap, oldest first, unless they have to be read anew.
    remembered: Option<Vec<TryRecord>>,
}

impl<'w> Pass<'w> {
    fn new(world: &'w mut World, plan: Plan) -> Result<Pass<'w>, PassError> {
        let Plan { relay, team, open_run, .. } = plan;
        let (seen, healths) = (world.store.glance(), healths(&world.store)?);
        let settings = &world.settings;
        let bounds = Bounds {
            max_failed_runs: settings.max_failed_runs,
            retry_backoff: settings.retry_backoff,
            max_wait: settings.max_wait,
            retry_budget: settings.retry_budget,
        };
        let course = Course::new(relay, team, open_run, healths, bounds);
        Ok(Pass {
            world,
            course,
            previous: None,
            cancelled: BTreeSet::new(),
            strangers: Strangers::default(),
            clock: Clock::start(),
            seen,
            waiting: None,
            claimed: None,
            laps: Waiting::default(),
            told: BTreeSet::new(),
            remembered: None,
        })
    }

    async fn go(&mut self) -> Result<PassEnd, PassError> {
        self.world.collect_logs().await;
        let consumed = inbox::at_start(self.world, self.course.relay().id).await?;
        self.course.note_consumed(&consumed);
        if let Some(Settled { run_id, passed, events }) = self.ask(Course::settle_open_run) {
            self.remember(events).await?;
            self.end_run(run_id, passed).await?;
        }
        loop {
            // Nobody stops or pauses what is complete.
            if !self.course.is_complete() {
                // A skip is about a run, and there is none.
                self.world.gate().await;
                if let Some(halt) = self.world.operator.halt() {
                    self.end_wait();
                    return Ok(stopped(halt));
                }
            }
            // Between tries no guard runs: whatever was adopted and ended can go.
            process::reap_adopted(&[]);
            self.look_again();
            if self.course.is_complete() {
                return self.complete().await;
            }
            let errand = match self.ask_for_task().await? {
                Asked::Free => None,
                Asked::Lap(errand) => Some(errand),
                Asked::Again => continue,
                Asked::Over(end) => {
                    self.end_wait();
                    return Ok(end);
                }
            };
            let lane = match self.course.choose() {
                Ok(choice) => {
                    if let Some(warning) = self.strangers.warning(&choice) {
                        self.world.warn(warning);
                    }
                    choice.lane
                }
                Err(error) => return Ok(PassEnd::Failed { reason: error.to_string() }),
            };
            let step = self.ask(|course, moment| course.step(lane, moment));
            if !matches!(step, Step::Wait(_)) {
                self.end_wait();
            }
            match step {
                Step::Complete => return self.complete().await,
                Step::Run(seat) => {
                    self.one_run(seat, errand).await?;
                    self.world.collect_logs().await;
                }
                Step::BackOff(pause) => {
                    let seen = self.seen;
                    self.world.pause(pause, &Wait::Cycle, |store| store.glance() != seen).await;
                    self.course.wrap(lane);
                }
                Step::Wait(absence) => self.wait_for(absence).await?,
                Step::TooLong { absence, bound } => {
                    return Ok(PassEnd::Failed { reason: too_long(&absence, bound, self.clock.now()) });
                }
                Step::Over(reason) => return Ok(PassEnd::Failed { reason }),
            }
        }
    }

    async fn complete(&mut self) -> Result<PassEnd, PassError> {
        self.end_wait();
        self.close().await?;
        Ok(PassEnd::Completed)
    }

    async fn close(&mut self) -> Result<(), PassError> {
        let consumed = inbox::close(self.world, self.course.relay().id).await?;
        self.course.note_consumed(&consumed);
        self.course.close(time::now());
        self.save().await
    }

    /// Asks the course something that depends on the time.
    fn ask<T>(&mut self, question: impl FnOnce(&mut Course, Moment<'_>) -> T) -> T {
        let of_harness = of_harness(&self.world.registry);
        let moment = Moment { now: self.clock.now(), of_harness: &of_harness, jitter: fastrand::f64() };
        question(&mut self.course, moment)
    }

    /// Messages, rotation and counters first, then the end of the run: whatever lies between is settled at the
    /// next start.
    async fn end_run(&mut self, run_id: u64, passed: bool) -> Result<(), PassError> {
        let consumed = inbox::settle(self.world, self.course.relay().id, run_id, passed).await?;
        self.course.note_consumed(&consumed);
        self.course.end_run(run_id);
        self.save().await?;
        let fact = Fact::RunEnded { relay_id: self.course.relay().id, run_id };
        self.world.persist(|store| store.note(fact.clone(), time::now())).await?;
        self.world.persist(|store| store.remove_run_state()).await?;
        Ok(())
    }

    /// Takes in what was told about the runners since they were last looked at, by whomever.
    fn look_again(&mut self) {
        let now = self.world.store.glance();
        // What cannot be read stays as it was, and is read the next time.
        if now != self.seen
            && let Ok(healths) = healths(&self.world.store)
        {
            self.seen = now;
            self.course.set_healths(healths);
        }
    }

    /// Waits for somebody, or until another process has changed something: then the course is asked again. An
    /// operator who does not want to wait calls everybody healthy.
    async fn wait_for(&mut self, absence: Absence) -> Result<(), PassError> {
        let goes_on = |told: &Absence| (told.until, &told.who) == (absence.until, &absence.who);
        let told = self.waiting.take().filter(goes_on);
        // A wait that goes on is no news and keeps its end, unless that is over already.
        let first = told.is_none();
        let is_ahead = |told: &Absence| !self.clock.until(told.ask_at).is_zero();
        let absence = told.filter(is_ahead).unwrap_or(absence);
        let wait = Wait::Runner {
            relay_id: self.course.relay().id,
            why: absence.why,
            who: absence.who.clone(),
            is_reset: absence.is_reset,
            at: absence.until,
        };
        let (clock, seen) = (self.clock, self.seen);
        let is_over = |store: &Store| store.glance() != seen;
        let waited = self.world.wait_until(clock, absence.ask_at, &wait, first, is_over).await;
        self.waiting = Some(absence);
        match waited {
            Waited::Skipped => self.call_healthy().await,
            Waited::Elapsed | Waited::Over | Waited::Halted => Ok(()),
        }
    }

    async fn call_healthy(&mut self) -> Result<(), PassError> {
        let Clearing { events, quotas } = self.ask(|course, moment| course.clearing(moment));
        self.remember(events).await?;
        for record in quotas {
            self.world.persist(|store| store.append_quota(record.clone())).await?;
        }
        Ok(())
    }

    fn end_wait(&mut self) {
        if self.waiting.take().is_some() {
            self.world.emit(Event::WaitEnded);
        }
    }

    async fn one_run(&mut self, seat: Seat, errand: Option<Errand>) -> Result<(), PassError> {
        let open = self.course.take_open_run(&seat);
        if let Some(from) = self.previous.replace(seat.runner.clone())
            && from != seat.runner
        {
            self.world.emit(Event::RunnerChanged { from, to: seat.runner.clone() });
        }
        let relay = self.course.relay();
        let run_id = match &open {
            Some(open) => open.run_id,
            None => self.world.store.next_run_id(relay.id)?,
        };
        let assignment = Assignment {
            relay_id: relay.id,
            run_id,
            iteration: relay.completed_iterations + 1,
            target: relay.target_iterations,
            entry: seat.entry.clone(),
            runner: seat.runner.clone(),
            trial: seat.trial,
            quota_scope: seat.quota_scope.clone(),
            route: self.course.lane_name(seat.lane).to_owned(),
            prompt: relay.prompt.clone(),
            lap: errand,
            open,
        };
        let event = self.course.start(&seat, run_id, self.clock.now());
        self.remember(event).await?;
        // While it is worked on, its claim stays whatever happens.
        let claimed = self.claimed.take();
        self.remembered = None;
        let mut result = run::execute(self.world, assignment).await?;
        if let Some(mismatch) = &result.mismatch {
            self.world.warn(format!("run {run_id} does not count: {mismatch}"));
        }
        result.reset_at = result.reset_at.map(|told| self.clock.adopt(told));
        // The operator may have called somebody healthy while this one worked.
        self.look_again();
        let events = self.ask(|course, moment| course.learn(&seat, &result, moment));
        self.remember(events).await?;
        if let RunVerdict::Cancelled { .. } = result.verdict {
            self.cancelled.insert(run_id);
        }
        if run::is_decided(&result.verdict) || result.last_try.is_none() {
            self.claimed = claimed;
        }
        match run::is_decided(&result.verdict) {
            true => self.end_run(run_id, matches!(result.verdict, RunVerdict::Passed { .. })).await,
            false => self.save().await,
        }
    }

    async fn remember(
        &mut self,
        events: impl IntoIterator<Item = AgentStatusEvent>,
    ) -> Result<(), PassError> {
        for event in events {
            self.world.persist(|store| store.append_status(event.clone())).await?;
        }
        Ok(())
    }

    async fn save(&mut self) -> Result<(), PassError> {
        let relay = self.course.relay_to_save();
        let relay = self.world.persist(|store: &mut Store| store.save_relay(&relay)).await?;
        self.course.saved(relay);
        Ok(())
    }
}

/// Why nobody is waited for.
fn too_long(absence: &Absence, bound: Duration, now: Timestamp) -> String {
    let until = time::clock(absence.until, now, &TimeZone::system());
    format!("{} until {until}, longer than [reliability].max_wait_secs ({} s)", absence.why, bound.as_secs())
}

/// Everybody's health, as it is stored.
fn healths(store: &Store) -> Result<Healths, PassError> {
    Ok(Healths::remembered(&store.status_events()?, &store.reader().quota_records()?))
}

/// The quota that a runner draws from when no provider says it.
fn of_harness(registry: &Registry) -> impl Fn(&Runner) -> String {
    |runner| registry.quota_scope(runner)
}

/// How a pass ends that the operator stopped.
fn stopped(halt: Halt) -> PassEnd {
    match halt.source {
        CancelSource::QuitNow => PassEnd::QuitNow,
        CancelSource::GracefulStop => PassEnd::Stopped,
        CancelSource::Signal | CancelSource::Skip => PassEnd::Signalled(halt.signal),
    }
}
