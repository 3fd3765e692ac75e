//! What a path of the work tree holds, so that "has it changed?" is about content.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How much of a file is in memory at a time.
const CHUNK: usize = 128 * 1024;

/// What a path holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Content {
    /// A regular file.
    File {
        /// SHA-256 of its bytes, hexadecimal.
        sha256: String,
        /// Whether its owner may execute it: the part of the mode that git keeps.
        executable: bool,
    },
    /// A symbolic link, with the SHA-256 of its target.
    Symlink(String),
    /// Nothing.
    Missing,
    /// A folder: a nested repository, as git names no other folder.
    Folder,
    /// A submodule at this commit.
    Submodule(String),
    /// A socket, pipe or device.
    Special,
    /// Something that could not be read.
    Unreadable,
}

/// What the file system says about a path; as long as it says the same, the content is
/// the same. Time of change (ctime) cannot be set back by programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    size: u64,
    mode: u32,
    inode: u64,
    modified: i64,
    changed: i64,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Stamp {
        let nanoseconds =
            |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
        Stamp {
            size: metadata.size(),
            mode: metadata.mode(),
            inode: metadata.ino(),
            modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether the path was last changed clearly before `moment` (nanoseconds since 1970):
    /// only then would a later change show, as file systems count time in steps of up to 2 s.
    fn settled_before(&self, moment: i64) -> bool {
        self.changed.max(self.modified) < moment.saturating_sub(2_000_000_000)
    }
}

/// The content of a path at some moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fingerprint {
    /// What it holds.
    pub content: Content,
    /// For files and links: what spares reading them again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stamp: Option<Stamp>,
}

impl Fingerprint {
    /// A submodule at a commit.
    pub fn submodule(head: String) -> Fingerprint {
        Fingerprint { content: Content::Submodule(head), stamp: None }
    }

    /// Whether the file system says that the path was changed after a moment, nanoseconds after 1970.
    pub fn changed_after(&self, moment: i64) -> bool {
        self.stamp.is_some_and(|stamp| stamp.changed > moment)
    }

    /// Reads a path. What cannot be read is a fingerprint too.
    pub fn of(path: &Path) -> Fingerprint {
        let metadata = match path.symlink_metadata() {
            Ok(metadata) => metadata,
            Err(error) => return Fingerprint { content: absent(&error), stamp: None },
        };
        if metadata.is_dir() {
            return Fingerprint { content: Content::Folder, stamp: None };
        }
        let content = if metadata.is_symlink() {
            path.read_link()
                .map(|target| Content::Symlink(hex(&Sha256::digest(target.as_os_str().as_bytes()))))
        } else if metadata.is_file() {
            let executable = metadata.permissions().mode() & 0o100 != 0;
            hash(path).map(|sha256| Content::File { sha256, executable })
        } else {
            Ok(Content::Special)
        };
        let content = content.unwrap_or_else(|error| absent(&error));
        Fingerprint { content, stamp: Some(Stamp::of(&metadata)) }
    }

    /// Whether `path` still holds what it held at the time of this fingerprint, `taken`
    /// nanoseconds after 1970.
    pub fn still_holds(&self, path: &Path, taken: i64) -> bool {
        if let Some(stamp) = self.stamp
            && stamp.settled_before(taken)
            && path.symlink_metadata().is_ok_and(|metadata| Stamp::of(&metadata) == stamp)
        {
            return true;
        }
        let now = Fingerprint::of(path);
        now.content == self.content && (now.content != Content::Unreadable || now.stamp == self.stamp)
    }
}

/// A path that cannot be looked at because a folder above it is gone (or has become a file) is missing.
fn absent(error: &io::Error) -> Content {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Content::Missing,
        _ => Content::Unreadable,
    }
}

fn hash(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hasher.finalize())),
            count => hasher.update(&buffer[..count]),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_and_mode_count_and_times_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "one").unwrap();
        let before = Fingerprint::of(&path);
        std::fs::write(&path, "two").unwrap();
        assert!(!before.still_holds(&path, i64::MIN));
        std::fs::write(&path, "one").unwrap();
        assert!(before.still_holds(&path, i64::MIN));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(!before.still_holds(&path, i64::MIN));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(Fingerprint::of(&path).content, Content::Missing);
        assert_eq!(Fingerprint::of(&path.join("below")).content, Content::Missing);
        std::os::unix::fs::symlink("one", &path).unwrap();
        assert!(matches!(Fingerprint::of(&path).content, Content::Symlink(_)));
    }

    #[test]
    fn an_unchanged_stamp_spares_reading_only_when_it_is_old_enough() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "one").unwrap();
        let mut before = Fingerprint::of(&path);
        before.content = Content::Special;
        let changed = before.stamp.unwrap().changed;
        assert!(before.still_holds(&path, changed + 3_000_000_000), "the file was read");
        assert!(!before.still_holds(&path, changed + 1_000_000_000), "the stamp was trusted too early");
    }

    #[test]
    fn a_pipe_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        assert_eq!(Fingerprint::of(&path).content, Content::Special);
    }
}
