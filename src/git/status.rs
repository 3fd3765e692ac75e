//! Reads `git status --porcelain=v2 -z`.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::command::{Answer, Call};
use super::error::{GitError, Result};
use super::repository::Git;

/// What is dirty, and the commit that it is compared with.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Status {
    /// HEAD; `None` without commits.
    pub head: Option<String>,
    /// Everything dirty or untracked-not-ignored, by path from the top of the work tree.
    /// The path of a nested repository ends with `/`.
    pub entries: BTreeMap<Vec<u8>, Entry>,
}

/// One dirty path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// Difference between HEAD and the index, one letter of git's; `.` for none.
    pub index: u8,
    /// Difference between the index and the work tree; `?` when untracked.
    pub worktree: u8,
    /// Whether HEAD has this path.
    pub in_head: bool,
    /// Whether it waits for a merge conflict to be solved.
    pub unmerged: bool,
    /// Whether it is a submodule.
    pub submodule: bool,
    /// Whether it is one whose own work tree is dirty, its commit being the same.
    pub inside: bool,
}

impl Entry {
    const UNTRACKED: Entry = Entry {
        index: b'.',
        worktree: b'?',
        in_head: false,
        unmerged: false,
        submodule: false,
        inside: false,
    };

    /// Git's two letters, `??` when untracked.
    pub fn code(&self) -> String {
        let index = if self.worktree == b'?' && self.index == b'.' { b'?' } else { self.index };
        format!("{}{}", char::from(index), char::from(self.worktree))
    }
}

impl Git {
    /// What is dirty. `only` limits the answer to these files and folders.
    pub(super) fn status(&self, only: &[&str]) -> Result<Status> {
        let call = Call::new("status").args([
            "--porcelain=v2",
            "-z",
            "--branch",
            "--no-ahead-behind",
            "--untracked-files=all",
            "--no-renames",
            // What is dirty inside a submodule cannot be committed here, but it is work.
            "--ignore-submodules=none",
            "--",
        ]);
        parse(&self.run(call.args(only))?.ok()?)
    }
}

impl Status {
    /// Tells one set of dirty paths from another: `:` and a hash, or nothing when all is clean.
    pub(super) fn digest(&self) -> String {
        if self.entries.is_empty() {
            return String::new();
        }
        let mut hash = Sha256::new();
        for (path, entry) in &self.entries {
            hash.update(path);
            hash.update([0, entry.index, entry.worktree, 0]);
        }
        format!(":{:x}", hash.finalize())
    }
}

fn parse(answer: &Answer) -> Result<Status> {
    let mut status = Status::default();
    for record in answer.stdout.split(|byte| *byte == 0).filter(|record| !record.is_empty()) {
        if read_record(record, &mut status).is_none() {
            return Err(GitError::Unexpected {
                command: "status".to_owned(),
                detail: format!("{:?}", String::from_utf8_lossy(record)),
            });
        }
    }
    Ok(status)
}

fn read_record(record: &[u8], status: &mut Status) -> Option<()> {
    match record.first_chunk()? {
        b"# " => {
            if let Some(hash) = record.strip_prefix(b"# branch.oid ").filter(|hash| *hash != b"(initial)") {
                status.head = Some(String::from_utf8(hash.to_vec()).ok()?);
            }
        }
        b"1 " => {
            let ([_, code, submodule, in_head, ..], path) = fields::<8>(record)?;
            let [index, worktree] = *code.first_chunk()?;
            let entry = Entry {
                index,
                worktree,
                in_head: in_head.iter().any(|digit| *digit != b'0'),
                unmerged: false,
                submodule: submodule.first() == Some(&b'S'),
                inside: matches!(submodule, [b'S', b'.', ..]),
            };
            status.entries.insert(path.to_vec(), entry);
        }
        b"u " => {
            let ([_, code, ..], path) = fields::<10>(record)?;
            let [index, worktree] = *code.first_chunk()?;
            let entry =
                Entry { index, worktree, in_head: true, unmerged: true, submodule: false, inside: false };
            status.entries.insert(path.to_vec(), entry);
        }
        b"? " => {
            // A path that was only taken out of the index comes twice: as `D.` and as untracked.
            let entry = status.entries.entry(record[2..].to_vec()).or_insert(Entry::UNTRACKED);
            entry.worktree = b'?';
        }
        _ => return None,
    }
    Some(())
}

/// The first N fields, and the path, which may hold spaces.
fn fields<const N: usize>(record: &[u8]) -> Option<([&[u8]; N], &[u8])> {
    let mut parts = record.splitn(N + 1, |byte| *byte == b' ');
    let mut fields = [&b""[..]; N];
    for field in &mut fields {
        *field = parts.next()?;
    }
    Some((fields, parts.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Status> {
        parse(&Answer {
            subcommand: "status",
            status: std::process::ExitStatus::default(),
            stdout: text.as_bytes().to_vec(),
            stderr: Vec::new(),
        })
    }

    #[test]
    fn every_kind_of_record() {
        let status = read(
            "# branch.oid abc\0# branch.head main\0\
             1 .M N... 100644 100644 100644 a b src/a b\n.rs\0\
             1 D. N... 100644 000000 000000 a 0 gone\0? gone\0\
             1 AM SC.. 000000 160000 160000 0 a sub\0\
             u UU N... 100644 100644 100644 100644 a b c fight\0\
             ? -new *\0? nested/\0",
        )
        .unwrap();
        assert_eq!(status.head.as_deref(), Some("abc"));
        let code = |path: &str| status.entries[path.as_bytes()].code();
        assert_eq!(code("src/a b\n.rs"), ".M");
        assert_eq!(code("gone"), "D?");
        assert!(status.entries[&b"gone"[..]].in_head);
        assert!(status.entries[&b"sub"[..]].submodule && !status.entries[&b"sub"[..]].in_head);
        assert!(status.entries[&b"fight"[..]].unmerged);
        assert_eq!(code("-new *"), "??");
        assert_eq!(status.entries.len(), 6);
        assert_eq!(read("# branch.oid (initial)\0").unwrap().head, None);
    }

    #[test]
    fn unknown_records_are_an_error() {
        for text in ["x", "9 new kind", "1 .M N... 100644", "u UU"] {
            assert!(matches!(read(text), Err(GitError::Unexpected { .. })), "{text}");
        }
    }
}
