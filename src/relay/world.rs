//! Everything that the loop works with, gathered once per pass.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::event::{Event, Sink, Wait};
use super::operator::{Operator, Waited};
use super::settings::Settings;
use super::waiting::Clock;
use crate::executor::Registry;
use crate::git::Git;
use crate::model::text::chain;
use crate::model::{Identity, Runner, Timestamp};
use crate::store::records::{AgentStatusEvent, AgentStatusKind};
use crate::store::{Store, StoreError};

/// How often a full disk is tried again.
const DISK_RETRY: Duration = Duration::from_secs(5);

/// A wait is looked at again this often: the machine may have slept, another process may have changed things.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Shorter pauses between attempts are not worth a word.
const WORTH_A_WORD: Duration = Duration::from_secs(5);

/// How often, and after which pause, git is asked again.
const GIT_RETRIES: u32 = 3;
const GIT_RETRY: Duration = Duration::from_secs(2);

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
    /// Who commits here.
    pub identity: Identity,
    /// `.rally/instructions.md`.
    pub instructions: Option<String>,
    /// The newest commit of state alone that this process made: the only one it may amend. A
    /// commit of work is named in a record, and must keep its name.
    pub own_commit: Option<String>,
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
    /// The runtime is going down.
    #[error("the event loop has ended")]
    Ended,
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

    /// Takes what the operator ordered while nobody was listening.
    pub async fn catch_up(&mut self) {
        self.operator.catch_up(&mut *self.sink).await;
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
            if self.wait(remaining.min(LOOK_AGAIN)).await == Waited::Halted {
                return Waited::Halted;
            }
            if is_over(&self.store) {
                return Waited::Skipped;
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
        let mut patience = GIT_RETRIES;
        loop {
            let error = match off_loop(&self.git, question).await {
                Some(Ok(answer)) => return Ok(answer),
                Some(Err(error)) => error,
                None => return Err(PassError::Ended),
            };
            if patience == 0 || self.wait(GIT_RETRY).await == Waited::Halted {
                return Err(error.into());
            }
            patience -= 1;
            self.warn(format!("git failed, asking again: {}", chain(&error)));
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
            let waited = self.wait(DISK_RETRY).await;
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

/// Runs a git operation beside the event loop.
pub async fn off_loop<T: Send + 'static>(
    git: &Git,
    work: impl FnOnce(&Git) -> T + Send + 'static,
) -> Option<T> {
    let git = git.clone();
    tokio::task::spawn_blocking(move || work(&git)).await.ok()
}
