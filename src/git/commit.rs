//! Making one commit out of some paths, without taking along what else is staged.
//!
//! The paths go into the user's index first and the commit follows: should rally die in between, they are merely
//! staged, and a note ([`super::staged`]) lets the next start take them back. Only when other changes are staged too is the commit made from an index
//! beside the user's. It becomes HEAD only in the place of the commit that it was made on.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use super::command::{Answer, Call};
use super::error::{GitError, Result};
use super::index::Pick;
use super::repository::Git;
use super::screen::{LeftOut, why_left};
use super::status::{Entry, Status};
use crate::model::Identity;
use crate::model::mask;

/// How long another git may hold the index before rally gives up.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);
/// How often the lock is looked at.
const LOCK_LOOK: Duration = Duration::from_millis(50);
/// How often a commit is made anew because somebody else was faster.
const TRIES: usize = 10;
/// What the reflog says of a commit that had to go.
const UNDONE: &str = "rally: HEAD had moved";

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

/// What a commit is to hold and to say.
#[derive(Debug)]
pub(super) struct Plan<'m> {
    /// HEAD that the status was compared with: the commit is made on this one and on no other.
    pub head: Option<String>,
    pub picks: Vec<Pick>,
    pub left: Vec<LeftOut>,
    /// Whether the user's index holds other changes, which must stay out.
    pub others_staged: bool,
    pub message: Message<'m>,
}

impl<'m> Plan<'m> {
    /// Picks those dirty paths that are wanted and may be committed.
    pub fn new(
        git: &Git,
        status: &Status,
        message: Message<'m>,
        wanted: impl Fn(&[u8], &Entry) -> bool,
    ) -> Plan<'m> {
        let (picks, left) = (Vec::new(), Vec::new());
        let mut plan = Plan { head: status.head.clone(), picks, left, others_staged: false, message };
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

    /// The same without anything to commit.
    pub fn dropped(self) -> Plan<'m> {
        Plan { picks: Vec::new(), ..self }
    }

    /// Whether one of these paths would be committed.
    pub fn takes(&self, mut test: impl FnMut(&[u8]) -> bool) -> bool {
        self.picks.iter().any(|pick| test(&pick.path))
    }
}

impl Git {
    /// Makes the commit of a plan; `None` when it would be empty. Waits a little for another git that holds the index.
    /// When HEAD was moved by somebody else meanwhile, plans `again` from there. What could not be committed is not
    /// left staged.
    pub(super) fn commit<'m>(
        &self,
        plan: &mut Plan<'m>,
        again: impl Fn() -> Result<Plan<'m>>,
        hooks: bool,
    ) -> Result<Option<String>> {
        // Two rallies stage and unstage the same files: one after the other. The lock ends with its process.
        let _one_at_a_time = self.commit_lock()?;
        if patiently(|| self.take_back_noted())? {
            *plan = again()?;
        }
        let first: BTreeSet<Vec<u8>> = plan.picks.iter().map(|pick| pick.path.clone()).collect();
        for _ in 0..TRIES {
            if plan.picks.is_empty() {
                return Ok(None);
            }
            match patiently(|| self.attempt(plan, hooks)) {
                Err(GitError::Moved) => {
                    *plan = again()?;
                    // A branch that was moved without the index and the files makes what is new in it look deleted
                    // here: that is nobody's work.
                    let picks = plan.picks.len();
                    plan.picks.retain(|pick| first.contains(&pick.path));
                    plan.others_staged |= plan.picks.len() < picks;
                }
                done => return done,
            }
        }
        Err(GitError::Moved)
    }

    /// The lock of commits, unless another rally holds it.
    pub(super) fn try_commit_lock(&self) -> Result<Option<File>> {
        let folder = File::open(self.git_dir()).map_err(GitError::io(self.git_dir()))?;
        match folder.try_lock() {
            Err(TryLockError::WouldBlock) => Ok(None),
            // Where there are no locks, git's own have to do.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(folder)),
        }
    }

    fn commit_lock(&self) -> Result<File> {
        let folder = File::open(self.git_dir()).map_err(GitError::io(self.git_dir()))?;
        match folder.lock() {
            // Where there are no locks, git's own have to do.
            Ok(()) | Err(_) => Ok(folder),
        }
    }

    fn attempt(&self, plan: &Plan<'_>, hooks: bool) -> Result<Option<String>> {
        self.check_free()?;
        let saved = self.save_index()?;
        self.note_staging(&saved, &plan.picks)?;
        let made = self.stage(&plan.picks, None).and_then(|()| {
            let side = match plan.others_staged {
                true => Some(self.side_index(plan.head.as_deref(), &saved, &plan.picks)?),
                false => None,
            };
            let index = side.as_ref().map(|side| side.path());
            match hooks {
                false => self.swap_in(plan, index),
                true => self.commit_with_hooks(plan, index),
            }
        });
        if !matches!(made, Ok(Some(_))) {
            patiently(|| self.unstage(&saved, &plan.picks))?;
        }
        self.forget_staging()?;
        made
    }

    /// An error while no commit should be made.
    pub(super) fn check_free(&self) -> Result<()> {
        if let Some(operation) = self.busy() {
            return Err(GitError::Busy(operation));
        }
        if self.index_locked() {
            return Err(GitError::Locked(self.lock_path()));
        }
        Ok(())
    }

    /// Lets `git commit` make it, because only that runs the user's hooks. It takes whatever is HEAD when it starts;
    /// from then on it notices when another commit is faster.
    fn commit_with_hooks(&self, plan: &Plan<'_>, index: Option<&Path>) -> Result<Option<String>> {
        let mut call =
            Call::new("commit").args(["-q", "--no-gpg-sign", "--cleanup=verbatim", "--allow-empty-message"]);
        call = match plan.message {
            // Git takes no NUL in a message.
            Message::New(text) => {
                let text = format!("{}\n", mask::text(text).trim_end().replace('\0', ""));
                call.args(["-F", "-"]).input(text.into_bytes())
            }
            Message::Amend => call.args(["--amend", "--no-edit"]),
        };
        for setting in self.missing_identity()? {
            call = call.config(setting);
        }
        if self.head()? != plan.head {
            return Err(GitError::Moved);
        }
        let ended = self.run(call.index(index).hooks(true)).and_then(Answer::ok);
        let head = self.head()?;
        match (ended, head) {
            // Also when a hook that runs after the commit failed or hung.
            (ended, Some(head)) if plan.head.as_ref() != Some(&head) => {
                self.judge_hooked(plan, index, ended, head)
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

    /// HEAD has moved while hooks ran: by our commit, or by somebody else's.
    fn judge_hooked(
        &self,
        plan: &Plan<'_>,
        index: Option<&Path>,
        ended: Result<Answer>,
        head: String,
    ) -> Result<Option<String>> {
        // Somebody was faster, and git noticed.
        if let Err(GitError::Failed { .. }) = ended {
            return Err(GitError::Moved);
        }
        // Made of the user's index, it holds what the user has committed meanwhile.
        let Some(index) = index else { return Ok(Some(head)) };
        let tree = self.run(Call::new("write-tree").index(Some(index)))?.ok()?.line();
        let Some((ours, parent)) = self.newest_with(&tree, plan.head.as_deref(), &head)? else {
            // It is another's alone.
            return ended.and(Err(GitError::Moved));
        };
        if matches!(plan.message, Message::Amend) || parent == plan.head {
            self.follow_hooks(plan.head.as_deref(), &ours)?;
            return Ok(Some(ours));
        }
        // Made beside the user's index, it takes back what was committed right before it: it goes, unless somebody
        // has built on it already.
        let undone = parent.as_deref().map(|parent| self.move_head(Some(&ours), parent, UNDONE.as_bytes()));
        match undone {
            Some(Err(GitError::Moved)) => Err(GitError::Unexpected {
                command: "commit".to_owned(),
                detail: format!("{ours} takes back what was committed at the same moment: revert it"),
            }),
            Some(Err(error)) => Err(error),
            Some(Ok(())) | None => Err(GitError::Moved),
        }
    }

    /// The newest commit after `before` that has a tree, and its parent.
    fn newest_with(
        &self,
        tree: &str,
        before: Option<&str>,
        head: &str,
    ) -> Result<Option<(String, Option<String>)>> {
        let call =
            Call::new("log").args(["--first-parent", "--no-show-signature", "--format=%H %T %P", head]);
        let listed =
            self.run(call.args(before.map(|before| format!("^{before}"))).args(["--"]))?.ok()?.line();
        Ok(listed.lines().find_map(|line| {
            let mut words = line.split(' ').map(str::to_owned);
            let (hash, of_line, parent) = (words.next()?, words.next()?, words.next());
            (of_line == tree).then_some((hash, parent))
        }))
    }

    /// Whether an index holds nothing that HEAD does not hold too.
    fn is_empty(&self, plan: &Plan<'_>, index: Option<&Path>) -> bool {
        let Some(head) = &plan.head else { return false };
        let call = Call::new("diff-index").args(["--cached", "--quiet", head, "--"]);
        self.run(call.index(index)).is_ok_and(|answer| answer.status.success())
    }

    /// A hook that changed what was committed from an index beside the user's has not changed the user's: without
    /// this, its changes would look taken back there.
    fn follow_hooks(&self, before: Option<&str>, head: &str) -> Result<()> {
        let Some(before) = before else { return Ok(()) };
        let changed = self.changed_names(Some(before), head)?;
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
    pub(super) fn missing_identity(&self) -> Result<Vec<String>> {
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
