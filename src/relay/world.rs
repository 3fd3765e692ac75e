//! Everything that the loop works with, gathered once per pass.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::event::{Event, Sink};
use super::operator::{Operator, Waited};
use super::settings::Settings;
use crate::executor::Registry;
use crate::git::Git;
use crate::model::Identity;
use crate::model::text::chain;
use crate::store::{Store, StoreError};

/// How often a full disk is tried again.
const DISK_RETRY: Duration = Duration::from_secs(5);

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
            self.emit(Event::Waiting { reason: chain(&error), remaining: DISK_RETRY, first });
            first = false;
            let waited = self.wait(DISK_RETRY).await;
            self.emit(Event::WaitEnded);
            if waited == Waited::Halted {
                return Err(error);
            }
        }
    }
}

/// Runs a git operation beside the event loop.
pub async fn off_loop<T: Send + 'static>(
    git: &Git,
    work: impl FnOnce(&Git) -> T + Send + 'static,
) -> Option<T> {
    let git = git.clone();
    tokio::task::spawn_blocking(move || work(&git)).await.ok()
}
