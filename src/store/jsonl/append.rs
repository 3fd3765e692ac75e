//! Appending records: all of one, or nothing.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;

use serde::Serialize;

use super::{MAX_LINE, leftovers};
use crate::model::mask;
use crate::store::{StoreError, disk, files};

/// How safe an appended record has to be when the call returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Survives the death of rally.
    Cached,
    /// Survives a power cut.
    Synced,
}

/// What appending needs from a file; tests put one in its place that fails.
trait Target {
    fn len(&self) -> io::Result<u64>;
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    fn sync(&self) -> io::Result<()>;
    fn truncate(&self, len: u64) -> io::Result<()>;
}

impl Target for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        disk::write(self, bytes)
    }
    fn sync(&self) -> io::Result<()> {
        disk::sync_data(self)
    }
    fn truncate(&self, len: u64) -> io::Result<()> {
        disk::set_len(self, len)
    }
}

/// Appends one record. When this fails, the file is as it was before. Says the
/// file's length before, for [`undo`]. The caller keeps other writers out.
pub fn append<T: Serialize>(path: &Path, record: &T, durability: Durability) -> Result<u64, StoreError> {
    append_all(path, std::slice::from_ref(record), durability)
}

/// Appends several records with a single write, secrets masked: all of them, or none.
pub fn append_all<T: Serialize>(
    path: &Path,
    records: &[T],
    durability: Durability,
) -> Result<u64, StoreError> {
    let mut bytes = Vec::new();
    for record in records {
        let start = bytes.len();
        serde_json::to_writer(&mut bytes, record)
            .map_err(|source| StoreError::Encode { path: path.to_owned(), source })?;
        if bytes.len() - start > MAX_LINE {
            return Err(StoreError::TooLarge { path: path.to_owned(), bytes: bytes.len() - start });
        }
        bytes.push(b'\n');
    }
    let bytes = mask::shared().record(bytes);
    let mut file = disk::open_append(path).map_err(StoreError::at("open", path))?;
    let write = |error| StoreError::io("write", path, error);
    let len = leftovers::take_back(path, &file).map_err(write)?;
    if len == 0 && durability == Durability::Synced {
        // Before the record: once that is written, nothing may fail any more that cannot take it back.
        files::sync_parent(path)?;
    }
    match write_once(&mut file, &bytes, durability) {
        Ok(before) => Ok(before),
        Err(failed) => {
            if let Some(len) = failed.left {
                leftovers::remember(path, len, bytes);
            }
            Err(write(failed.error))
        }
    }
}

/// Takes back what was appended since the file was `len` bytes long.
pub fn undo(path: &Path, len: u64) -> Result<(), StoreError> {
    disk::open_existing(path).and_then(|file| disk::set_len(&file, len)).map_err(|error| {
        leftovers::remember_tail(path, len);
        StoreError::io("truncate", path, error)
    })
}

/// A write that failed.
#[derive(Debug)]
struct Failed {
    error: io::Error,
    /// The length of the file before, when it could not be cut back to it.
    left: Option<u64>,
}

fn write_once(file: &mut impl Target, bytes: &[u8], durability: Durability) -> Result<u64, Failed> {
    let before = file.len().map_err(|error| Failed { error, left: None })?;
    let result = loop {
        match file.write(bytes) {
            Ok(n) if n == bytes.len() => break Ok(()),
            // On a file, a short write means that the disk filled up in the middle.
            Ok(_) => break Err(ErrorKind::StorageFull.into()),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => break Err(e),
        }
    };
    let result = match (result, durability) {
        (Ok(()), Durability::Synced) => file.sync(),
        (result, _) => result,
    };
    match result {
        Ok(()) => Ok(before),
        Err(error) => {
            let left = file.truncate(before).is_err().then_some(before);
            Err(Failed { error, left })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    /// A file on a disk with `room` bytes left that fails as told.
    #[derive(Default)]
    struct Disk {
        content: RefCell<Vec<u8>>,
        room: usize,
        interruptions: usize,
        sync_fails: bool,
        writes: usize,
    }

    impl Target for Disk {
        fn len(&self) -> io::Result<u64> {
            Ok(self.content.borrow().len() as u64)
        }
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.interruptions > 0 {
                self.interruptions -= 1;
                return Err(ErrorKind::Interrupted.into());
            }
            self.writes += 1;
            if self.room == 0 {
                return Err(ErrorKind::StorageFull.into());
            }
            let n = bytes.len().min(self.room);
            self.content.borrow_mut().extend_from_slice(&bytes[..n]);
            Ok(n)
        }
        fn sync(&self) -> io::Result<()> {
            if self.sync_fails { Err(io::Error::other("EIO")) } else { Ok(()) }
        }
        fn truncate(&self, len: u64) -> io::Result<()> {
            self.content.borrow_mut().truncate(len as usize);
            Ok(())
        }
    }

    #[test]
    fn all_or_nothing_at_every_amount_of_room() {
        let line = b"{\"id\":2}\n";
        for room in 0..=line.len() {
            let mut disk = Disk { content: RefCell::new(b"{\"id\":1}\n".to_vec()), room, ..Disk::default() };
            let result = write_once(&mut disk, line, Durability::Synced);
            let content = disk.content.into_inner();
            if room == line.len() {
                assert_eq!(result.unwrap(), 9);
                assert_eq!(content, b"{\"id\":1}\n{\"id\":2}\n");
            } else {
                assert_eq!(result.unwrap_err().error.kind(), ErrorKind::StorageFull);
                assert_eq!(content, b"{\"id\":1}\n", "room {room}");
            }
            assert_eq!(disk.writes, 1, "one write per record");
        }
    }

    #[test]
    fn a_failed_sync_takes_the_record_back() {
        let mut disk = Disk { room: 100, sync_fails: true, ..Disk::default() };
        assert!(write_once(&mut disk, b"{}\n", Durability::Synced).is_err());
        assert!(disk.content.borrow().is_empty());
        assert!(write_once(&mut disk, b"{}\n", Durability::Cached).is_ok());
    }

    #[test]
    fn an_interrupted_write_is_repeated() {
        let mut disk = Disk { room: 100, interruptions: 3, ..Disk::default() };
        write_once(&mut disk, b"{}\n", Durability::Synced).unwrap();
        assert_eq!(disk.content.into_inner(), b"{}\n");
    }

    #[test]
    fn a_record_that_nobody_could_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.jsonl");
        let error = append(&path, &"x".repeat(MAX_LINE), Durability::Cached).unwrap_err();
        assert!(matches!(error, StoreError::TooLarge { .. }));
        assert!(!path.exists());
    }

    #[test]
    fn undo_restores_the_length() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.jsonl");
        append(&path, &1, Durability::Cached).unwrap();
        let before = append(&path, &2, Durability::Synced).unwrap();
        undo(&path, before).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"1\n");
    }
}
