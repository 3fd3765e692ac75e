//! What rally has staged in the user's index, noted on disk for as long as it stands there uncommitted.
//!
//! A commit of rally's goes through the user's index. Should rally be killed on the way, the agent's work would stay
//! staged beside what the user has staged, and nobody could tell them apart. So a note in the git folder says which
//! entries are rally's and what stood in their place; whoever commits or starts next takes back what is still exactly
//! as noted, and leaves everything else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::command::Call;
use super::error::{GitError, Result};
use super::index::{Pick, SavedIndex, UNBORN};
use super::repository::Git;

/// A folder in the git folder, of a name that git does not know.
const NOTE: &str = "rally-staged";
/// In the note: the index as it was.
const BEFORE: &str = "before";
/// In the note: the same with what rally stages. Two whole indexes, because making them costs a single call of git.
const MADE: &str = "made";

/// Entries of an index by path, as `update-index --index-info` reads them; several while there is a conflict.
type Entries = BTreeMap<Vec<u8>, Vec<Vec<u8>>>;

impl Git {
    fn note_path(&self) -> PathBuf {
        self.git_dir().join(NOTE)
    }

    /// Notes what staging these paths will put into the user's index, and what is in its place now.
    pub(super) fn note_staging(&self, saved: &SavedIndex, picks: &[Pick]) -> Result<()> {
        if !picks.iter().any(|pick| pick.stale) {
            return Ok(());
        }
        let note = self.folder_aside()?;
        let [before, made] = [BEFORE, MADE].map(|name| note.path().join(name));
        saved.write(&before)?;
        saved.write(&made)?;
        self.stage(picks, Some(&made))?;
        fs::rename(note.keep(), self.note_path()).map_err(GitError::io(self.note_path()))
    }

    /// The commit is made, or what was staged for it is taken back.
    pub(super) fn forget_staging(&self) -> Result<()> {
        match fs::remove_dir_all(self.note_path()) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(GitError::io(self.note_path())(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Takes out of the user's index what a killed rally has left staged there; whether it found any such note.
    /// The files stay as they are. Does nothing while another rally commits: the note is that one's.
    ///
    /// # Errors
    /// When git or the note cannot be read or the index be written. The note stays, and the next call tries again.
    pub fn take_back_staged(&self) -> Result<bool> {
        if !self.note_path().exists() {
            return Ok(false);
        }
        match self.try_commit_lock()? {
            Some(_lock) => self.take_back_noted(),
            None => Ok(false),
        }
    }

    /// The same for who holds the lock of commits.
    pub(super) fn take_back_noted(&self) -> Result<bool> {
        if !self.note_path().exists() {
            return Ok(false);
        }
        let [before, made] = [BEFORE, MADE].map(|name| self.entries(Some(&self.note_path().join(name))));
        match (before, made) {
            (Ok(before), Ok(made)) => {
                let undo = undoing(&before, &made, &self.entries(None)?, self.uncommitted()?.as_ref());
                if !undo.is_empty() {
                    let update = Call::new("update-index").args(["-z", "--index-info"]);
                    self.run(update.input(undo))?.ok()?;
                }
            }
            // Half a note says nothing.
            (Err(GitError::Failed { .. }), _) | (_, Err(GitError::Failed { .. })) => {}
            (Err(error), _) | (_, Err(error)) => return Err(error),
        }
        self.forget_staging()?;
        Ok(true)
    }

    fn entries(&self, index: Option<&Path>) -> Result<Entries> {
        let listed = self.run(Call::new("ls-files").args(["--stage", "-z"]).index(index))?.ok()?.stdout;
        Ok(entries(&listed))
    }

    /// The paths in which the index differs from HEAD; `None` without commits, when all of them do.
    fn uncommitted(&self) -> Result<Option<BTreeSet<Vec<u8>>>> {
        let Some(head) = self.head()? else { return Ok(None) };
        let call = Call::new("diff-index").args(["--cached", "--name-only", "-z", "--no-renames"]);
        let changed = self.run(call.args(["--ignore-submodules=none", &head, "--"]))?.ok()?.stdout;
        Ok(Some(changed.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect()))
    }
}

fn entries(listed: &[u8]) -> Entries {
    let mut entries = Entries::new();
    for record in listed.split(|byte| *byte == 0) {
        let Some(tab) = record.iter().position(|byte| *byte == b'\t') else { continue };
        entries.entry(record[tab + 1..].to_vec()).or_default().push(record.to_vec());
    }
    entries
}

/// What `update-index --index-info` needs to put back what was there `before`, where the index still has exactly what
/// was `made` and HEAD does not.
fn undoing(
    before: &Entries,
    made: &Entries,
    now: &Entries,
    uncommitted: Option<&BTreeSet<Vec<u8>>>,
) -> Vec<u8> {
    let paths: BTreeSet<&Vec<u8>> = before.keys().chain(made.keys()).collect();
    let mut undo = Vec::new();
    for path in paths {
        let (was, staged) = (before.get(path), made.get(path));
        let is_rallys = was != staged && now.get(path) == staged;
        if !is_rallys || uncommitted.is_some_and(|open| !open.contains(path)) {
            continue;
        }
        match was {
            Some(records) => records.iter().for_each(|record| {
                undo.extend_from_slice(record);
                undo.push(0);
            }),
            // Mode 0 takes it out.
            None => undo.extend([format!("0 {UNBORN}\t").as_bytes(), path, b"\0"].concat()),
        }
    }
    undo
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &[u8] = b"100644 aaaa 0\tx\0";
    const B: &[u8] = b"100644 bbbb 0\tx\0";
    const NONE: &[u8] = b"0 0000000000000000000000000000000000000000\tx\0";

    fn undo(before: &[u8], made: &[u8], now: &[u8], open: bool) -> Vec<u8> {
        let open: BTreeSet<Vec<u8>> = open.then(|| b"x".to_vec()).into_iter().collect();
        undoing(&entries(before), &entries(made), &entries(now), Some(&open))
    }

    #[test]
    fn only_what_is_as_it_was_left_is_taken_back() {
        assert_eq!(undo(b"", A, A, true), NONE);
        assert_eq!(undo(B, A, A, true), B);
        assert_eq!(undo(B, b"", b"", true), B);
        assert_eq!(undoing(&entries(b""), &entries(A), &entries(A), None), NONE);
        // It is not rally's; it is committed; the user has staged something else; the user has unstaged it.
        assert_eq!(undo(A, A, A, true), b"");
        assert_eq!(undo(b"", A, A, false), b"");
        assert_eq!(undo(b"", A, B, true), b"");
        assert_eq!(undo(B, A, b"", true), b"");
    }
}
