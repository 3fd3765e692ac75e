//! Whether somebody else has changed what is known about the runners, seen without reading it.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Store;

/// What the files of the runners' health look like from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glance([Option<Look>; 2]);

/// A file that is appended to grows; one that is replaced is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    length: u64,
    inode: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
}

impl Store {
    /// Looks at the events of the runners and at the quota ledger. Two equal looks: nothing has changed.
    pub fn glance(&self) -> Glance {
        Glance([look(&self.layout.agent_status()), look(&self.layout.quota())])
    }
}

/// `None`: there is no such file, or it cannot be looked at.
fn look(path: &Path) -> Option<Look> {
    let file = path.metadata().ok()?;
    Some(Look { length: file.len(), inode: file.ino(), modified: (file.mtime(), file.mtime_nsec()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    // 30-P11
    #[test]
    fn every_change_of_a_file_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("status");
        let mut seen = vec![look(&path)];
        std::fs::write(&path, "one\n").unwrap();
        seen.push(look(&path));
        std::fs::write(&path, "one\ntwo\n").unwrap();
        seen.push(look(&path));
        assert_eq!(look(&path), look(&path));
        // Another file of the same length and time.
        let other = folder.path().join("other");
        std::fs::write(&other, "two\none\n").unwrap();
        let modified = path.metadata().unwrap().modified().unwrap();
        std::fs::File::options().append(true).open(&other).unwrap().set_modified(modified).unwrap();
        std::fs::rename(&other, &path).unwrap();
        seen.push(look(&path));
        for (index, one) in seen.iter().enumerate() {
            assert!(!seen[..index].contains(one), "{index}: {seen:?}");
        }
    }
}
