//! Everything that the loop works with, gathered once per pass.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::event::{Event, Sink, Wait};
use super::operator::interpret::Urgency;
use super::operator::{Operator, Order, Scene, Waited, Wish};
use super::sandbox::Sandbox;
use super::settings::Settings;
use super::waiting::Clock;
use crate::executor::Registry;
use crate::git::Git;
use crate::laps::{Queue, QueueError, Standing, report};
use crate::model::text::{self, chain};
use crate::model::{CancelSource, Identity, Runner, Timestamp, time};
use crate::process::Brake;
use crate::store::logs::{self, Limits, Scope};
use crate::store::progress::Reported;
use crate::store::records::{AgentStatusEvent, AgentStatusKind, LapRef};
use crate::store::{Store, StoreError};

/// How often a full disk is tried again.
const DISK_RETRY: Duration = Duration::from_secs(5);

/// A wait is looked at again this often: the machine may have slept, another process may have changed things.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Shorter pauses between attempts are not worth a word.
const WORTH_A_WORD: Duration = Duration::from_secs(5);

/// How often, and after which pause, git or the queue is asked again.
const RETRIES: u32 = 3;
const RETRY: Duration = Duration::from_secs(2);

/// The loop's surroundings.
pub struct World {
    /// What is remembered.
    pub store: Store,
    /// The repository.
    pub git: Git,
    /// Who can be driven.
    pub registry: Registry,
    /// Bounds and choices.
    pub settings: Settings,
    /// What the operator wants.
    pub operator: Operator,
    /// Who is told what happens.
    pub sink: Box<dyn Sink>,
    /// The agents' working directory.
    pub workspace: PathBuf,
    /// PATH of the agents.
    pub agent_path: OsString,
    /// What the agents are confined to; `None`: to nothing.
    pub sandbox: Option<Sandbox>,
    /// Who commits here.
    pub identity: Identity,
    /// `.rally/instructions.md`.
    pub instructions: Option<String>,
    /// The newest commit of state alone that this process made: the only one it may amend. A
    /// commit of work is named in a record, and must keep its name.
    pub own_commit: Option<String>,
    /// What is to be done; `None` in a free relay.
    pub queue: Option<Queue>,
}

/// What ends a pass from inside.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// State could not be written, and the operator did not want to wait.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The repository cannot be read.
    #[error(transparent)]
    Git(#[from] crate::git::GitError),
    /// The queue cannot say what is to be done.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The runtime is going down.
    #[error("the event loop has ended")]
    Ended,
}

/// Whether the next step may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// It may.
    Open,
    /// The operator wants something else.
    Closed(CancelSource),
}

impl World {
    /// Tells everybody.
    pub fn emit(&mut self, event: Event) {
        self.sink.event(&event);
    }

    /// Tells everybody something that the operator should know.
    pub fn warn(&mut self, text: impl Into<String>) {
        self.emit(Event::Warning(text.into()));
    }

    /// Whether the next step may be made: takes what the operator ordered while nobody was listening, and holds
    /// the relay where it was paused. Says what comes before the step, and whether there was a pause.
    pub async fn gate(&mut self) -> (Gate, bool) {
        let mut was_held = false;
        loop {
            self.operator.catch_up(&mut *self.sink).await;
            match self.operator.wish() {
                None => return (Gate::Open, was_held),
                Some(Wish::Halt(halt)) => return (Gate::Closed(halt.source), was_held),
                Some(Wish::Skip) => {
                    self.operator.forget_skip();
                    return (Gate::Closed(CancelSource::Skip), was_held);
                }
                Some(Wish::Pause) => {
                    self.operator.forget_pause();
                    was_held = true;
                    if let Some(closed) = self.hold().await {
                        return (closed, was_held);
                    }
                }
            }
        }
    }

    /// Holds the relay until the operator goes on; says what else was decided.
    async fn hold(&mut self) -> Option<Gate> {
        self.emit(Event::Paused);
        loop {
            let closed = match self.operator.next(Scene::Paused, &mut *self.sink).await {
                Order::Resume => None,
                Order::Skip => Some(Gate::Closed(CancelSource::Skip)),
                Order::Cancel(halt) => return Some(Gate::Closed(halt.source)),
                Order::Finish => return Some(Gate::Closed(CancelSource::GracefulStop)),
                Order::Suspend => {
                    self.operator.suspend(&mut *self.sink);
                    continue;
                }
                Order::Pause | Order::Force => continue,
            };
            self.emit(Event::Resumed);
            return closed;
        }
    }

    /// Waits, unless the operator wants out.
    pub async fn wait(&mut self, how_long: Duration) -> Waited {
        self.operator.wait(how_long, &mut *self.sink).await
    }

    /// Waits until a time of this clock, seen by everybody. The operator can end it, and so does `is_over`, which
    /// is asked again and again. `first` tells whether this wait is news.
    pub async fn wait_until(
        &mut self,
        clock: Clock,
        until: Timestamp,
        wait: &Wait,
        mut first: bool,
        mut is_over: impl FnMut(&Store) -> bool,
    ) -> Waited {
        loop {
            let remaining = clock.until(until);
            if remaining.is_zero() {
                return Waited::Elapsed;
            }
            self.emit(Event::Waiting { wait: wait.clone(), remaining, first });
            first = false;
            match self.wait(remaining.min(LOOK_AGAIN)).await {
                Waited::Elapsed | Waited::Over => {}
                ended @ (Waited::Skipped | Waited::Halted) => return ended,
            }
            if is_over(&self.store) {
                return Waited::Over;
            }
        }
    }

    /// Waits before something is tried again. Everybody sees it when it takes long.
    pub async fn pause(
        &mut self,
        how_long: Duration,
        wait: &Wait,
        is_over: impl FnMut(&Store) -> bool,
    ) -> Waited {
        if how_long <= WORTH_A_WORD {
            return self.wait(how_long).await;
        }
        let clock = Clock::start();
        let until = clock.now().saturating_add(how_long).unwrap_or(Timestamp::MAX);
        let waited = self.wait_until(clock, until, wait, true, is_over).await;
        self.emit(Event::WaitEnded);
        waited
    }

    /// Waits before the next attempt of a run. It is over as soon as somebody calls the runner healthy.
    pub async fn cool_down(&mut self, how_long: Duration, runner: &Runner, why: &str) -> Waited {
        if how_long <= WORTH_A_WORD {
            return self.wait(how_long).await;
        }
        let newest = |store: &Store| newest_event(store, runner);
        let (mut seen, before) = (self.store.glance(), newest(&self.store));
        let is_over = |store: &Store| {
            let now = store.glance();
            if std::mem::replace(&mut seen, now) == now {
                return false;
            }
            let after = newest(store);
            let is_healthy = after.as_ref().is_some_and(|event| event.event_type == AgentStatusKind::Active);
            is_healthy && after != before
        };
        self.pause(how_long, &Wait::Attempt { why: why.to_owned() }, is_over).await
    }

    /// Asks git, a few times if need be: a cold repository may be slow, a lock may be held.
    pub async fn ask<T: Send + 'static>(
        &mut self,
        question: fn(&Git) -> crate::git::Result<T>,
    ) -> Result<T, PassError> {
        let mut patience = RETRIES;
        loop {
            let error = match self.off_loop(question).await {
                Some(Ok(answer)) => return Ok(answer),
                Some(Err(error)) => error,
                None => return Err(PassError::Ended),
            };
            if patience == 0 || self.wait(RETRY).await == Waited::Halted {
                return Err(error.into());
            }
            patience -= 1;
            self.warn(format!("git failed, asking again: {}", chain(&error)));
        }
    }

    /// Asks the queue beside the event loop, a few times if need be: another process may hold it. The operator is
    /// heard meanwhile, see [`World::asked_once`]. Without a queue there is nothing to ask: that is [`PassError::Ended`].
    pub async fn ask_queue<T: Send + 'static>(
        &mut self,
        question: impl Fn(&Queue) -> Result<T, QueueError> + Clone + Send + 'static,
    ) -> Result<T, PassError> {
        let Some(queue) = self.queue.clone() else { return Err(PassError::Ended) };
        let mut patience = RETRIES;
        loop {
            let error = match self.asked_once(&queue, question.clone()).await? {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if patience == 0 || self.wait(RETRY).await == Waited::Halted {
                return Err(error.into());
            }
            patience -= 1;
            self.warn(format!("the queue cannot be used, asking again: {}", chain(&error)));
        }
    }

    /// Asks the queue once. One more press of somebody who wants out ends a hook, or a program, that hangs.
    pub async fn asked_once<T: Send + 'static>(
        &mut self,
        queue: &Queue,
        question: impl FnOnce(&Queue) -> Result<T, QueueError> + Send + 'static,
    ) -> Result<Result<T, QueueError>, PassError> {
        let brake = Brake::default();
        let queue = queue.with_brake(&brake);
        let work = tokio::task::spawn_blocking(move || question(&queue));
        self.operator.during(work, &mut *self.sink, || brake.pull()).await.map_err(|_| PassError::Ended)
    }

    /// Completes a report of a run that was cut: with its agent, or with rally.
    pub async fn complete_report(&mut self, run: String, lap: LapRef) -> Result<(), PassError> {
        if self.queue.is_none() {
            return Ok(());
        }
        let layout = self.store.layout().clone();
        self.ask_queue(move |queue| report::complete(&layout, queue, &run, &lap, time::now())).await
    }

    /// What a run has reported. Only what the queue does not deny was done: an agent may open a lap again.
    pub async fn reported(&mut self, run: &str) -> Result<Reported, PassError> {
        let mut told = self.store.reported(run)?;
        let laps: Vec<String> = told.laps_done().into_iter().map(str::to_owned).collect();
        if self.queue.is_some() && !laps.is_empty() {
            let waits = move |queue: &Queue, lap: &String| matches!(queue.standing(lap), Ok(Standing::Todo));
            let undone =
                move |queue: &Queue| Ok(laps.iter().filter(|lap| waits(queue, lap)).cloned().collect());
            told.undone = self.ask_queue(undone).await?;
        }
        Ok(told)
    }

    /// Runs a git operation beside the event loop, and listens to the operator meanwhile: what is ordered
    /// takes effect afterwards. One more press of somebody who wants out ends a git that hangs.
    /// `None`: the runtime is going down.
    pub async fn off_loop<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Git) -> T + Send + 'static,
    ) -> Option<T> {
        let brake = Brake::default();
        let git = self.git.with_brake(&brake);
        let work = tokio::task::spawn_blocking(move || work(&git));
        let done = self.operator.during(work, &mut *self.sink, || brake.pull()).await;
        done.ok()
    }

    /// Deletes logs that are too old or too many, if the user has set a limit. Trouble stops nobody.
    pub async fn collect_logs(&mut self) {
        let limits = Limits::from(&self.settings.logs);
        if limits.is_unlimited() {
            return;
        }
        let layout = self.store.layout().clone();
        let work = move |_: &Git| logs::collect(&layout, Scope::Workspace, limits, time::now(), false);
        match self.off_loop(work).await {
            Some(Ok(found)) => {
                let failures: Vec<String> =
                    found.failures().map(|(log, error)| format!("{}: {error}", log.path.display())).collect();
                if let [first, ..] = failures.as_slice() {
                    let count = text::count(failures.len(), "old log");
                    self.warn(format!("{count} could not be deleted, the first is {first}"));
                }
            }
            Some(Err(error)) => self.warn(format!("old logs are not deleted: {}", chain(&error))),
            None => {}
        }
    }

    /// Writes state. A full disk is waited out, because what is not recorded is lost
    /// or done twice; only the operator can give up.
    pub async fn persist<T>(
        &mut self,
        mut write: impl FnMut(&mut Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut first = true;
        loop {
            let error = match write(&mut self.store) {
                Err(error) if error.is_disk_full() => error,
                result => return result,
            };
            let wait = Wait::Trouble { what: chain(&error) };
            self.emit(Event::Waiting { wait, remaining: DISK_RETRY, first });
            first = false;
            // Who lets a try finish wants its record, too.
            let waited = match self.operator.urgency() {
                Urgency::None | Urgency::Graceful => self.operator.endure(DISK_RETRY, &mut *self.sink).await,
                Urgency::Now => Waited::Halted,
            };
            self.emit(Event::WaitEnded);
            if waited == Waited::Halted {
                return Err(error);
            }
        }
    }
}

/// What was last said about a runner's health; nothing when it cannot be read now.
fn newest_event(store: &Store, runner: &Runner) -> Option<AgentStatusEvent> {
    let key = (runner.harness.clone(), runner.model.clone());
    store.status_events().ok()?.into_iter().rfind(|event| event.key() == key)
}
