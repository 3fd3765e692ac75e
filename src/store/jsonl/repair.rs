//! Torn tails: the end of a file that a crash or a power cut left behind.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::{BLOCK, MAX_LINE, leftovers};
use crate::store::{StoreError, disk, files};

/// What was done to a tail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repair {
    /// Nothing was wrong.
    Clean,
    /// A whole record lacked its newline.
    NewlineAdded,
    /// White space without newline is gone.
    BlankDropped,
    /// This many bytes were moved to this file.
    Quarantined(u64, PathBuf),
}

/// Makes the next append safe: afterwards the file is empty or ends with a newline, and holds nothing of which this
/// process was told that it was not stored. Whoever reads to decide what to append does this first.
/// A tail that is no whole record goes to `<quarantine>/<name>.torn-<n>`.
pub fn repair_tail(path: &Path, quarantine: &Path) -> Result<Repair, StoreError> {
    let mut file = match disk::open_existing(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Repair::Clean),
        Err(e) => return Err(StoreError::io("open", path, e)),
    };
    leftovers::take_back(path, &file).map_err(StoreError::at("truncate", path))?;
    let (start, len) = tail_range(&file).map_err(StoreError::at("read", path))?;
    if start == len {
        return Ok(Repair::Clean);
    }
    let tail = read_tail(&file, start, len).map_err(StoreError::at("read", path))?;
    match tail.as_deref().map(<[u8]>::trim_ascii) {
        Some([]) => {
            cut(&file, start).map_err(StoreError::at("truncate", path))?;
            Ok(Repair::BlankDropped)
        }
        Some(text) if is_record(text) => {
            add_newline(&mut file, len).map_err(StoreError::at("write", path))?;
            Ok(Repair::NewlineAdded)
        }
        _ => {
            let torn = move_away(&mut file, start, path, quarantine)?;
            cut(&file, start).map_err(StoreError::at("truncate", path))?;
            Ok(Repair::Quarantined(len - start, torn))
        }
    }
}

/// No proper prefix of a JSON object is one, so a valid object is a whole record.
fn is_record(text: &[u8]) -> bool {
    text.first() == Some(&b'{') && serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok()
}

/// Where the text after the last newline begins, and the length of the file.
fn tail_range(file: &File) -> io::Result<(u64, u64)> {
    let len = file.metadata()?.len();
    let mut end = len;
    let mut block = vec![0; BLOCK];
    while end > 0 {
        // The common case looks at one byte only.
        let size = if end == len { 1 } else { end.min(BLOCK as u64) as usize };
        let from = end - size as u64;
        file.read_exact_at(&mut block[..size], from)?;
        if let Some(at) = memchr::memrchr(b'\n', &block[..size]) {
            return Ok((from + at as u64 + 1, len));
        }
        end = from;
    }
    Ok((0, len))
}

/// The tail, unless it is longer than any record.
fn read_tail(file: &File, start: u64, len: u64) -> io::Result<Option<Vec<u8>>> {
    if len - start > MAX_LINE as u64 {
        return Ok(None);
    }
    let mut tail = vec![0; (len - start) as usize];
    file.read_exact_at(&mut tail, start)?;
    Ok(Some(tail))
}

fn add_newline(file: &mut File, len: u64) -> io::Result<()> {
    file.seek(SeekFrom::Start(len))?;
    disk::write_all(file, b"\n")?;
    disk::sync_data(file)
}

fn cut(file: &File, len: u64) -> io::Result<()> {
    disk::set_len(file, len)?;
    disk::sync_data(file)
}

/// Copies everything from `start` on into a new file.
fn move_away(file: &mut File, start: u64, path: &Path, dir: &Path) -> Result<PathBuf, StoreError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (torn, copy) = create_numbered(dir, &format!("{name}.torn-"))?;
    let mut write = || -> io::Result<()> {
        file.seek(SeekFrom::Start(start))?;
        let mut block = vec![0; BLOCK];
        loop {
            match file.read(&mut block)? {
                0 => return disk::sync_all(&copy),
                n => disk::write_all(&copy, &block[..n])?,
            }
        }
    };
    write().map_err(StoreError::at("write", &torn))?;
    files::sync_dir(dir)?;
    Ok(torn)
}

/// Creates `<dir>/<prefix><n>` with the first free number.
fn create_numbered(dir: &Path, prefix: &str) -> Result<(PathBuf, File), StoreError> {
    let mut number = 1u32;
    loop {
        let path = dir.join(format!("{prefix}{number}"));
        match disk::create_new(&path) {
            Ok(file) => return Ok((path, file)),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => number += 1,
            Err(e) => return Err(StoreError::io("create", &path, e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::jsonl::{Durability, append, read_all};
    use serde_json::{Value, json};

    struct Scratch(tempfile::TempDir);

    impl Scratch {
        fn new(content: &[u8]) -> Scratch {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join("t.jsonl"), content).unwrap();
            Scratch(dir)
        }
        fn path(&self) -> PathBuf {
            self.0.path().join("t.jsonl")
        }
        fn repair(&self) -> Repair {
            repair_tail(&self.path(), self.0.path()).unwrap()
        }
        fn torn(&self, n: u32) -> Vec<u8> {
            std::fs::read(self.0.path().join(format!("t.jsonl.torn-{n}"))).unwrap()
        }
    }

    // Every prefix of a file of three records: what was complete stays, the torn rest
    // is kept aside, and the next record is never lost.
    #[test]
    fn every_prefix_of_three_records() {
        let lines = [r#"{"id":1,"s":"a"}"#, r#"{"id":2,"s":"ä€🦀"}"#, r#"{"id":3,"s":"\n{}"}"#];
        for ending in ["\n", "\r\n"] {
            let whole: Vec<u8> = lines.iter().flat_map(|l| [*l, ending].concat().into_bytes()).collect();
            for len in 0..=whole.len() {
                let scratch = Scratch::new(&whole[..len]);
                let repair = scratch.repair();
                append(&scratch.path(), &json!({"id": 9}), Durability::Cached).unwrap();
                let (records, skipped) = read_all::<Value>(&scratch.path()).unwrap();
                assert_eq!(skipped, 0, "length {len}");
                let mut complete: Vec<u64> = Vec::new();
                let mut end = 0;
                for (n, line) in lines.iter().enumerate() {
                    end += line.len();
                    if len >= end {
                        complete.push(n as u64 + 1);
                    }
                    end += ending.len();
                }
                complete.push(9);
                let ids: Vec<u64> = records.iter().map(|r| r["id"].as_u64().unwrap()).collect();
                assert_eq!(ids, complete, "length {len}");
                if let Repair::Quarantined(bytes, _) = repair {
                    let torn = scratch.torn(1);
                    assert_eq!(torn.len() as u64, bytes);
                    assert!(whole[..len].ends_with(&torn));
                }
            }
        }
    }

    #[test]
    fn odd_tails() {
        let good = b"{\"id\":1}\n";
        let cases: [(&[u8], Repair); 5] = [
            (b"", Repair::Clean),
            (b"  \t", Repair::BlankDropped),
            (b"{\"id\":2} ", Repair::NewlineAdded),
            (b"\n \r\n", Repair::Clean),
            (b"{\"id\":2}\r", Repair::NewlineAdded),
        ];
        for (tail, expected) in cases {
            let scratch = Scratch::new(&[good, tail].concat());
            assert_eq!(scratch.repair(), expected, "{tail:?}");
            assert_eq!(scratch.repair(), Repair::Clean, "a second repair has nothing to do");
        }
        for tail in [&[0u8; 300][..], b"12", b"null", b"{\"s\":\"\xf0\x9f", b"<<<<<<< HEAD"] {
            let scratch = Scratch::new(&[good, tail].concat());
            assert!(matches!(scratch.repair(), Repair::Quarantined(n, _) if n == tail.len() as u64));
            assert_eq!(std::fs::read(scratch.path()).unwrap(), good);
            assert_eq!(scratch.torn(1), tail);
        }
    }

    #[test]
    fn quarantines_never_overwrite_each_other() {
        let scratch = Scratch::new(b"{\"a\"");
        scratch.repair();
        std::fs::write(scratch.path(), "{\"b\"").unwrap();
        assert!(matches!(scratch.repair(), Repair::Quarantined(4, path) if path.ends_with("t.jsonl.torn-2")));
        assert_eq!(scratch.torn(1), b"{\"a\"");
    }

    #[test]
    fn a_tail_longer_than_any_record_is_moved_without_reading_it() {
        let mut content = b"{\"id\":1}\n".to_vec();
        content.resize(content.len() + MAX_LINE + 1, b'x');
        let scratch = Scratch::new(&content);
        assert!(matches!(scratch.repair(), Repair::Quarantined(..)));
        assert_eq!(std::fs::read(scratch.path()).unwrap(), b"{\"id\":1}\n");
    }

    #[test]
    fn a_missing_file_is_clean() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(repair_tail(&dir.path().join("none"), dir.path()).unwrap(), Repair::Clean);
    }
}
