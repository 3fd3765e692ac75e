//! What a try left in the repository, and committing it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::world::World;
use crate::git::{CommitReport, GitError, Snapshot, State, WorkCommit};
use crate::model::text::chain;

/// What a try left in the repository, before rally commits anything.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Commits that the agent made itself, oldest first.
    pub commits: Vec<String>,
    /// Paths changed by those commits or lying changed in the tree, sorted.
    pub files: Vec<String>,
    /// Whether something of the agent's is uncommitted.
    pub uncommitted: bool,
    /// Whether git could not tell.
    pub unknown: bool,
}

impl Found {
    /// Whether the try changed anything, as far as that is known.
    pub fn changed(&self) -> Option<bool> {
        (!self.unknown).then_some(!self.commits.is_empty() || !self.files.is_empty())
    }
}

/// Looks at the repository after a try.
/// Trouble with git is a warning, and the try's changes are unknown: no success may rest on them.
pub async fn look(world: &mut World, head_before: Option<String>, snapshot: &Arc<Snapshot>) -> Found {
    let snapshot = Arc::clone(snapshot);
    let looked: Option<Result<Found, GitError>> = world
        .off_loop(move |git| {
            let State { head, changes } = git.state_since(&snapshot)?;
            let mut files = BTreeSet::new();
            let mut commits = Vec::new();
            if let Some(after) = head.as_deref().filter(|_| head != head_before) {
                commits = git.commits_between(head_before.as_deref(), after);
                files.extend(git.files_between(head_before.as_deref(), after));
            }
            let uncommitted = !changes.is_empty();
            files.extend(changes.iter().map(|change| change.text()));
            Ok(Found { commits, files: files.into_iter().collect(), uncommitted, unknown: false })
        })
        .await;
    match looked {
        Some(Ok(found)) => found,
        Some(Err(error)) => {
            world.warn(format!("cannot tell what the try changed: {}", chain(&error)));
            Found { unknown: true, ..Found::default() }
        }
        None => Found { unknown: true, ..Found::default() },
    }
}

/// Commits what the run changed, together with rally's tracked state: one commit at
/// most. Trouble is a warning; the tree keeps everything.
///
/// # Errors
/// Only when the operator stopped it: then it is made at the next start, as after a crash.
pub async fn commit_work(
    world: &mut World,
    snapshot: &Arc<Snapshot>,
    message: String,
) -> Result<Option<String>, GitError> {
    let (snapshot, run_hooks) = (Arc::clone(snapshot), world.settings.run_hooks);
    let report = world.off_loop(move |git| {
        git.commit_work(&WorkCommit { snapshot: &snapshot, message: &message, run_hooks })
    });
    match report.await {
        Some(Err(error @ GitError::Stopped { .. })) => Err(error),
        report => Ok(told(world, report)),
    }
}

/// Commits rally's tracked state alone, folded into rally's newest commit where that is allowed.
pub async fn commit_state(world: &mut World) {
    let own = world.own_commit.clone();
    let report = world.off_loop(move |git| git.commit_state(own.as_deref())).await;
    if let Some(hash) = told(world, report) {
        world.own_commit = Some(hash);
    }
}

/// Tells what went wrong or was left out; the new commit.
fn told(world: &mut World, report: Option<Result<CommitReport, GitError>>) -> Option<String> {
    let report = match report? {
        Ok(report) => report,
        Err(error) => {
            world.warn(format!("nothing was committed, the files stay as they are: {}", chain(&error)));
            return None;
        }
    };
    for warning in report.warnings {
        world.warn(warning);
    }
    for left in report.left {
        world.warn(left.to_string());
    }
    report.hash
}
