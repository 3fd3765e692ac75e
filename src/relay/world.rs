//! Everything that the loop works with, gathered once per pass.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::event::{Event, Sink};
use super::operator::{Operator, Waited};
use super::settings::Settings;
use crate::executor::Registry;
use crate::git::Git;
use crate::store::{Store, StoreError};

/// How often a full disk is tried again.
const DISK_RETRY: Duration = Duration::from_secs(5);

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
    /// `.rally/instructions.md`.
    pub instructions: Option<String>,
    /// The newest commit that this process made: the only one it may amend.
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
            self.emit(Event::Waiting { reason: error.to_string(), remaining: DISK_RETRY, first });
            first = false;
            if self.operator.wait(DISK_RETRY).await == Waited::Halted {
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
