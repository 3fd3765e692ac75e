//! How files stand before rally does something to them: what people have not committed stays theirs.

use std::collections::BTreeMap;

use super::command::Call;
use super::error::{GitError, Result};
use super::repository::Git;
use super::status::Entry;

/// How a file stands that git knows of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Footing {
    /// HEAD, the index and the work tree hold the same.
    Clean,
    /// The work tree holds something else than the index, or git was told not to look.
    Edited,
    /// The index holds something else than HEAD, and the work tree the same as the index.
    Staged,
    /// The index holds something else than HEAD, and the work tree something else again.
    StagedAndEdited,
    /// Only the work tree has it.
    Untracked,
}

impl Git {
    /// How everything in these files and folders stands, by path from the top of the work tree. Ignored
    /// files, and those behind a symbolic link, are not in it.
    pub fn footings(&self, within: &[&str]) -> Result<BTreeMap<Vec<u8>, Footing>> {
        let listed = self.run(Call::new("ls-files").args(["-v", "-z", "--"]).args(within))?.ok()?;
        let mut footings = BTreeMap::new();
        for record in listed.stdout.split(|byte| *byte == 0).filter(|record| !record.is_empty()) {
            let Some((tag, path)) = record.split_at_checked(2) else {
                return Err(GitError::Unexpected {
                    command: "ls-files".to_owned(),
                    detail: format!("{:?}", String::from_utf8_lossy(record)),
                });
            };
            // Other letters: changes are hidden (assume-unchanged, skip-worktree), or a conflict.
            footings.insert(path.to_vec(), if tag == b"H " { Footing::Clean } else { Footing::Edited });
        }
        for (path, entry) in self.status(within)?.entries {
            footings.insert(path, of(&entry));
        }
        Ok(footings)
    }
}

fn of(entry: &Entry) -> Footing {
    match (entry.index, entry.worktree) {
        _ if entry.unmerged => Footing::StagedAndEdited,
        (b'.', b'?') => Footing::Untracked,
        (b'.', _) => Footing::Edited,
        (_, b'.') => Footing::Staged,
        _ => Footing::StagedAndEdited,
    }
}
