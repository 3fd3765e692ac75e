//! Opening logs to write them, so that nobody deletes them meanwhile, and beginning another file of a relay's log.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::store::disk;

/// How many old files of a relay's log are kept.
pub const OLD_RELAY_LOGS: u32 = 5;

/// A log that was deleted at the very moment of its opening is made anew, at most this often.
const RETRIES: u32 = 8;

/// Opens a log and holds it, shared, for as long as the file is open.
pub(super) fn held(path: &Path, open: impl Fn(&Path) -> io::Result<File>) -> io::Result<File> {
    for _ in 0..RETRIES {
        let file = open(path)?;
        // Where nothing can be locked, nothing is deleted either.
        let _ = file.try_lock_shared();
        if is_named(&file, path)? {
            return Ok(file);
        }
    }
    Err(io::Error::other("the log is deleted whenever it is opened"))
}

fn is_named(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    Ok(path.metadata().is_ok_and(|named| (named.dev(), named.ino()) == (ours.dev(), ours.ino())))
}

/// The log of a relay: appended to, and begun anew when it gets too large.
#[derive(Debug)]
pub struct RelayFile {
    path: PathBuf,
    file: File,
    bytes: u64,
    most: Option<u64>,
}

impl RelayFile {
    /// Opens (or creates, with its folders) a log.
    ///
    /// # Errors
    /// When a folder or the file cannot be made.
    pub fn open(path: &Path, most: Option<u64>) -> io::Result<RelayFile> {
        if let Some(folder) = path.parent() {
            // That of all workspaces above it is rally's, too.
            folder.parent().map_or(Ok(()), disk::create_private_dir)?;
            disk::create_private_dir(folder)?;
        }
        let file = held(path, disk::open_append)?;
        let bytes = file.metadata()?.len();
        Ok(RelayFile { path: path.to_owned(), file, bytes, most })
    }

    /// Appends a line; before it another file is begun if this one would get too large.
    ///
    /// # Errors
    /// When it cannot be written. A file that cannot be renamed is written on.
    pub fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let length = line.len() as u64;
        if self.bytes > 0 && self.most.is_some_and(|most| self.bytes.saturating_add(length) > most) {
            let _ = self.begin_another();
        }
        disk::write_all(&self.file, line)?;
        self.bytes = self.bytes.saturating_add(length);
        Ok(())
    }

    fn begin_another(&mut self) -> io::Result<()> {
        for number in (0..OLD_RELAY_LOGS).rev() {
            match disk::rename(&self.old(number), &self.old(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.file = held(&self.path, disk::open_append)?;
        self.bytes = self.file.metadata()?.len();
        Ok(())
    }

    /// The log, or the file that was it so many files ago.
    fn old(&self, number: u32) -> PathBuf {
        if number == 0 {
            return self.path.clone();
        }
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_gets_too_large_makes_way_and_five_old_ones_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("relays/w-00000000/relay-1.log");
        let mut log = RelayFile::open(&path, Some(10)).unwrap();
        for line in 0..20 {
            log.append(format!("{line:03}\n").as_bytes()).unwrap();
        }
        let text = |number| std::fs::read_to_string(log.old(number)).unwrap();
        assert_eq!((text(0), text(1)), ("018\n019\n".to_owned(), "016\n017\n".to_owned()));
        assert_eq!(text(OLD_RELAY_LOGS), "008\n009\n");
        assert!(!log.old(OLD_RELAY_LOGS + 1).exists());
        // A line that is too large for any file has one of its own, and nothing is cut.
        log.append(b"much longer than ten\n").unwrap();
        drop(log);
        let mut log = RelayFile::open(&path, Some(10)).unwrap();
        log.append(b"next\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "next\n");
        assert_eq!(std::fs::read_to_string(log.old(1)).unwrap(), "much longer than ten\n");
    }

    #[test]
    fn without_a_limit_one_file_grows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("relay-1.log");
        let mut log = RelayFile::open(&path, None).unwrap();
        (0..1000).for_each(|_| log.append(b"0123456789\n").unwrap());
        assert_eq!(path.metadata().unwrap().len(), 11_000);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
