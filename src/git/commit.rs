//! Making one commit out of some paths, without taking along what else is staged.
//!
//! The paths go into the user's index first and the commit follows: should rally die in
//! between, they are merely staged, and the next try commits them. Only when other changes
//! are staged too is the commit made from an index beside the user's.

use std::time::{Duration, Instant};

use super::command::{Answer, Call};
use super::error::{GitError, Result};
use super::index::{Pick, SavedIndex};
use super::repository::Git;
use super::screen::{LeftOut, why_left};
use super::status::{Entry, Status};
use crate::model::Identity;

/// How long another git may hold the index before rally gives up.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);
/// How often the lock is looked at.
const LOCK_LOOK: Duration = Duration::from_millis(50);

/// Tries again while another git holds the index.
fn patiently<T>(mut work: impl FnMut() -> Result<T>) -> Result<T> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match work() {
            Err(error) if error.is_lock() && Instant::now() < deadline => std::thread::sleep(LOCK_LOOK),
            done => return done,
        }
    }
}

/// What came of an attempt to commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommitReport {
    /// The new commit; `None` when there was nothing to commit, or it could not be made.
    pub hash: Option<String>,
    /// Changed paths that rally does not commit.
    pub left: Vec<LeftOut>,
    /// Why nothing was committed, if that is remarkable. The work is still there.
    pub warnings: Vec<String>,
}

/// What a commit is to say.
#[derive(Debug, Clone, Copy)]
pub(super) enum Message<'a> {
    /// A new commit with this message, literally.
    New(&'a str),
    /// HEAD again, with its message and author.
    Amend,
}

/// What a commit is to hold.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// HEAD that the status was compared with.
    head: Option<String>,
    picks: Vec<Pick>,
    pub left: Vec<LeftOut>,
    /// Whether the user's index holds other changes, which must stay out.
    others_staged: bool,
}

impl Plan {
    /// Picks those dirty paths that are wanted and may be committed.
    pub fn new(git: &Git, status: &Status, wanted: impl Fn(&[u8], &Entry) -> bool) -> Plan {
        let mut plan = Plan { head: status.head.clone(), ..Plan::default() };
        for (path, entry) in &status.entries {
            let staged = entry.index != b'.';
            if !wanted(path, entry) {
                plan.others_staged |= staged;
            } else if let Some(why) = why_left(git.root(), path, entry) {
                plan.left.push(LeftOut { path: path.clone(), why });
                plan.others_staged |= staged;
            } else {
                plan.picks.push(Pick { path: path.clone(), stale: entry.worktree != b'.' });
            }
        }
        plan
    }

    /// Whether one of these paths would be committed.
    pub fn takes(&self, mut test: impl FnMut(&[u8]) -> bool) -> bool {
        self.picks.iter().any(|pick| test(&pick.path))
    }
}

impl Git {
    /// Makes the commit of a plan; `None` when it would be empty. Waits a little for another git
    /// that holds the index. After an error the index is as it was.
    pub(super) fn commit(&self, plan: &Plan, message: Message<'_>, hooks: bool) -> Result<Option<String>> {
        patiently(|| {
            if let Some(operation) = self.busy() {
                return Err(GitError::Busy(operation));
            }
            if self.index_locked() {
                return Err(GitError::Locked(self.lock_path()));
            }
            let saved = self.save_index()?;
            let made = self.stage_and_commit(plan, &saved, message, hooks);
            let undo = !matches!(made, Ok(Some(_))) && self.save_index()? != saved;
            if undo {
                patiently(|| self.restore_index(&saved))?;
            }
            made
        })
    }

    fn stage_and_commit(
        &self,
        plan: &Plan,
        saved: &SavedIndex,
        message: Message<'_>,
        hooks: bool,
    ) -> Result<Option<String>> {
        self.stage(&plan.picks)?;
        let side = match plan.others_staged {
            true => Some(self.side_index(plan.head.as_deref(), saved, &plan.picks)?),
            false => None,
        };
        let index = side.as_ref().map(|side| side.path());
        let mut call =
            Call::new("commit").args(["-q", "--no-gpg-sign", "--cleanup=verbatim", "--allow-empty-message"]);
        if !hooks {
            call = call.args(["--no-verify"]);
        }
        call = match message {
            // Git takes no NUL in a message.
            Message::New(text) => {
                let text = format!("{}\n", text.trim_end().replace('\0', ""));
                call.args(["-F", "-"]).input(text.into_bytes())
            }
            Message::Amend => call.args(["--amend", "--no-edit"]),
        };
        for setting in self.missing_identity()? {
            call = call.config(setting);
        }
        let ended = self.run(call.index(index).hooks(hooks)).and_then(Answer::ok);
        let head = self.head()?;
        match (ended, head) {
            // Also when a hook that runs after the commit failed or hung.
            (_, Some(head)) if plan.head.as_ref() != Some(&head) => {
                if hooks && side.is_some() {
                    self.follow_hooks(plan.head.as_deref(), &head)?;
                }
                Ok(Some(head))
            }
            (Ok(_), _) => Ok(None),
            (Err(error), _) => {
                if self.is_empty(plan, index) {
                    Ok(None)
                } else {
                    Err(error)
                }
            }
        }
    }

    /// Whether an index holds nothing that HEAD does not hold too.
    fn is_empty(&self, plan: &Plan, index: Option<&std::path::Path>) -> bool {
        let Some(head) = &plan.head else { return false };
        let call = Call::new("diff-index").args(["--cached", "--quiet", head, "--"]);
        self.run(call.index(index)).is_ok_and(|answer| answer.status.success())
    }

    /// A hook that changed what was committed from an index beside the user's has not changed
    /// the user's: without this, its changes would look taken back there.
    fn follow_hooks(&self, before: Option<&str>, head: &str) -> Result<()> {
        let Some(before) = before else { return Ok(()) };
        let call = Call::new("diff-tree").args(["-r", "-z", "--name-only", "--no-renames", before, head]);
        let changed = self.run(call)?.ok()?.stdout;
        let call = Call::new("reset").args(["-q", "--pathspec-from-file=-", "--pathspec-file-nul"]);
        self.run(call.input(changed))?.ok().map(drop)
    }

    /// Who commits here: what the user has configured, completed by rally's own.
    pub fn identity(&self) -> Result<Identity> {
        let (name, email) = self.configured_identity()?;
        let fallback = Identity::fallback();
        Ok(Identity { name: name.unwrap_or(fallback.name), email: email.unwrap_or(fallback.email) })
    }

    /// Settings for that part of an identity which the user has not configured.
    fn missing_identity(&self) -> Result<Vec<String>> {
        let (name, email) = self.configured_identity()?;
        let fallback = Identity::fallback();
        let name = name.is_none().then(|| format!("user.name={}", fallback.name));
        let email = email.is_none().then(|| format!("user.email={}", fallback.email));
        Ok(name.into_iter().chain(email).collect())
    }

    /// `user.name` and `user.email`, as far as they say something.
    fn configured_identity(&self) -> Result<(Option<String>, Option<String>)> {
        let call = Call::new("config").args(["-z", "--get-regexp", r"^user\.(name|email)$"]);
        // Exit 1: neither is set.
        let answer = self.run(call)?;
        // The last of several counts.
        let value = |key: &str| {
            let of_key =
                |record: &[u8]| Some(record.strip_prefix(key.as_bytes())?.strip_prefix(b"\n")?.to_vec());
            let found = answer.stdout.split(|byte| *byte == 0).rev().find_map(of_key);
            found.map(|value| String::from_utf8_lossy(&value).into_owned()).filter(|value| !value.is_empty())
        };
        Ok((value("user.name"), value("user.email")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_is_for_locks_alone() {
        let mut tries = 0;
        let done = patiently(|| {
            tries += 1;
            if tries < 3 { Err(GitError::Locked("index.lock".into())) } else { Ok(tries) }
        });
        assert_eq!(done.unwrap(), 3);
        let mut tries = 0;
        let done: Result<()> = patiently(|| {
            tries += 1;
            Err(GitError::Busy("merge"))
        });
        assert!(matches!(done, Err(GitError::Busy("merge"))));
        assert_eq!(tries, 1);
    }
}
