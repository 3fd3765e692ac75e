//! The commits that rally makes: an agent's work, rally's own state, its set-up.

use std::collections::BTreeSet;

use super::changes::kind;
use super::commit::{CommitReport, Message, Plan};
use super::error::{GitError, Result};
use super::ownership::{is_rally_owned, is_tracked_state};
use super::repository::Git;
use super::snapshot::Snapshot;

/// The message of a commit that holds only rally's own state.
const STATE_MESSAGE: &str = "rally: update state";

/// A commit of an agent's work.
#[derive(Debug, Clone, Copy)]
pub struct WorkCommit<'a> {
    /// What was dirty before the run.
    pub snapshot: &'a Snapshot,
    /// The whole message, literally.
    pub message: &'a str,
    /// Whether the user's commit hooks run.
    pub run_hooks: bool,
}

impl Git {
    /// Commits what changed since the snapshot together with rally's tracked state. Does nothing when
    /// only that state changed. What the user has staged besides stays staged, and uncommitted.
    ///
    /// An error means that git could not say what is dirty; a commit that was refused is a warning.
    pub fn commit_work(&self, request: &WorkCommit<'_>) -> Result<CommitReport> {
        let plan = || {
            let status = self.status(&[])?;
            let changed: BTreeSet<&[u8]> =
                self.differing(&status, request.snapshot).map(|(path, _)| path.as_slice()).collect();
            let wanted = |path: &[u8], _: &_| changed.contains(path) || is_tracked_state(path);
            let plan = Plan::new(self, &status, Message::New(request.message), wanted);
            let has_work = plan.takes(|path| {
                !is_rally_owned(path) && status.entries.get(path).is_some_and(|entry| kind(entry).is_some())
            });
            Ok(if has_work { plan } else { plan.dropped() })
        };
        self.report(plan, request.run_hooks)
    }

    /// Commits rally's tracked state if it changed: into `last_own`, a commit that this process made, when
    /// that is HEAD and on no remote (its message and author stay), else as a commit of its own.
    pub fn commit_state(&self, last_own: Option<&str>) -> Result<CommitReport> {
        let plan = || {
            let status = self.status(&[])?;
            let own = status.head.as_deref().filter(|head| last_own == Some(head));
            let new = Plan::new(self, &status, Message::New(STATE_MESSAGE), |path, _| is_tracked_state(path));
            let fold = new.takes(|_| true) && own.is_some_and(|own| !self.is_on_remote(own));
            Ok(if fold { Plan { message: Message::Amend, ..new } } else { new })
        };
        self.report(plan, false)
    }

    /// Commits these files and folders alone, the message being taken literally. Skipped are ignored ones,
    /// and those behind a symbolic link: what is there is not in this work tree.
    /// `None` when they hold nothing to commit. No hooks run.
    pub fn commit_paths(&self, paths: &[&str], message: &str) -> Result<Option<String>> {
        if paths.is_empty() {
            return Ok(None);
        }
        let plan = || {
            let named = self.status(paths)?;
            let all = self.status(&[])?;
            let wanted = |path: &[u8], _: &_| {
                named.entries.contains_key(path)
                    && !path.starts_with(b".rally/state/")
                    && !self.is_beyond_a_link(path)
            };
            Ok(Plan::new(self, &all, Message::New(message), wanted))
        };
        self.commit(&mut plan()?, plan, false)
    }

    /// Trouble is a warning, because a commit that failed loses nothing; but who stopped it wants it made later.
    fn report<'m>(&self, again: impl Fn() -> Result<Plan<'m>>, hooks: bool) -> Result<CommitReport> {
        let mut plan = again()?;
        let (hash, warnings) = match self.commit(&mut plan, again, hooks) {
            Ok(hash) => (hash, Vec::new()),
            Err(error @ GitError::Stopped { .. }) => return Err(error),
            Err(error) => (None, vec![format!("nothing was committed, the work is kept: {error}")]),
        };
        Ok(CommitReport { hash, left: plan.left, warnings })
    }
}
