//! What changed since a snapshot.

use super::error::Result;
use super::ownership::is_rally_owned;
use super::paths;
use super::repository::Git;
use super::snapshot::Snapshot;
use super::status::{Entry, Status};

/// How a path differs from HEAD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// HEAD does not have it.
    Added,
    /// HEAD has something else there.
    Modified,
    /// Only HEAD has it.
    Deleted,
}

/// One path that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// From the top of the work tree, `/` between folders; not always UTF-8.
    /// The path of a nested repository ends with `/`.
    pub path: Vec<u8>,
    /// How it differs from HEAD.
    pub kind: ChangeKind,
}

impl Change {
    /// The path for records and people.
    pub fn text(&self) -> String {
        paths::text(&self.path)
    }
}

/// How a dirty path differs from HEAD; `None` when it does not: it was staged as new and deleted again.
pub(super) fn kind(entry: &Entry) -> Option<ChangeKind> {
    let missing = entry.worktree == b'D' || (entry.index == b'D' && entry.worktree != b'?');
    match (entry.in_head, missing) {
        (true, true) => Some(ChangeKind::Deleted),
        (true, false) => Some(ChangeKind::Modified),
        (false, false) => Some(ChangeKind::Added),
        (false, true) => None,
    }
}

/// Where a workspace stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// HEAD; `None` without commits.
    pub head: Option<String>,
    /// What is dirty and was not so in the snapshot, rally's own paths left out, sorted by path.
    pub changes: Vec<Change>,
}

impl Git {
    /// What is dirty now and holds something else than at the time of the snapshot,
    /// rally's own paths left out, sorted by path.
    pub fn changes_since(&self, snapshot: &Snapshot) -> Result<Vec<Change>> {
        Ok(self.state_since(snapshot)?.changes)
    }

    /// HEAD and the changes since a snapshot, asked at once.
    pub fn state_since(&self, snapshot: &Snapshot) -> Result<State> {
        let status = self.status(&[])?;
        let changed = self.differing(&status, snapshot);
        let changes = changed
            .filter_map(|(path, entry)| Some(Change { path: path.clone(), kind: kind(entry)? }))
            .collect();
        Ok(State { changes, head: status.head })
    }

    /// The dirty paths of a status that differ from a snapshot, rally's own left out.
    pub(super) fn differing<'a>(
        &'a self,
        status: &'a Status,
        snapshot: &'a Snapshot,
    ) -> impl Iterator<Item = (&'a Vec<u8>, &'a Entry)> {
        status
            .entries
            .iter()
            .filter(|(path, _)| !is_rally_owned(path))
            .filter(|(path, entry)| snapshot.differs(self, path, entry))
    }

    /// Number of dirty paths that are not rally's own; 0 when git does not answer.
    pub fn dirty_count(&self) -> usize {
        self.status(&[])
            .map_or(0, |status| status.entries.keys().filter(|path| !is_rally_owned(path)).count())
    }

    /// Whether anything that is not rally's own is dirty; `false` when git does not answer.
    pub fn is_dirty(&self) -> bool {
        self.dirty_count() > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        let entry = |code: &[u8; 2], in_head| Entry {
            index: code[0],
            worktree: code[1],
            in_head,
            unmerged: false,
            submodule: false,
            inside: false,
        };
        let table = [
            (b".M", true, Some(ChangeKind::Modified)),
            (b"M.", true, Some(ChangeKind::Modified)),
            (b".T", true, Some(ChangeKind::Modified)),
            (b".D", true, Some(ChangeKind::Deleted)),
            (b"D.", true, Some(ChangeKind::Deleted)),
            (b"MD", true, Some(ChangeKind::Deleted)),
            (b"D?", true, Some(ChangeKind::Modified)),
            (b"A.", false, Some(ChangeKind::Added)),
            (b".A", false, Some(ChangeKind::Added)),
            (b".?", false, Some(ChangeKind::Added)),
            (b"AD", false, None),
        ];
        for (code, in_head, wanted) in table {
            assert_eq!(kind(&entry(code, in_head)), wanted, "{}", String::from_utf8_lossy(code));
        }
    }
}
