//! Reading a whole file of records, for files that are kept small.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::Path;

use serde::de::DeserializeOwned;

use super::{BLOCK, MAX_LINE};
use crate::store::StoreError;

/// All records of a file and the number of lines that were skipped. Blank lines do
/// not count; a missing file is empty; a last line without newline counts if it is whole.
pub fn read_all<T: DeserializeOwned>(path: &Path) -> Result<(Vec<T>, usize), StoreError> {
    let mut records = Vec::new();
    let mut skipped = 0;
    skipped += for_each_line(path, |line, ended| match serde_json::from_slice(line) {
        Ok(record) => records.push(record),
        Err(_) => skipped += usize::from(ended),
    })?;
    Ok((records, skipped))
}

/// Calls `f` with every line that is not blank, and whether its newline is there.
/// Says how many lines were longer than [`MAX_LINE`].
pub(crate) fn for_each_line(path: &Path, mut f: impl FnMut(&[u8], bool)) -> Result<usize, StoreError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(0),
        Err(e) => return Err(StoreError::io("open", path, e)),
    };
    let mut lines = Lines::new(BufReader::with_capacity(BLOCK, file));
    while let Some(ended) = lines.next_line().map_err(StoreError::at("read", path))? {
        if !lines.line.trim_ascii().is_empty() {
            f(&lines.line, ended);
        }
    }
    Ok(lines.too_long)
}

/// Lines of bounded length.
pub(super) struct Lines<R> {
    reader: R,
    /// The line that was read last, without its newline.
    pub(super) line: Vec<u8>,
    /// Bytes that the line took in the file.
    pub(super) consumed: u64,
    too_long: usize,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Lines { reader, line: Vec::new(), consumed: 0, too_long: 0 }
    }

    /// Reads the next line into `line`: `None` at the end, else whether it had a
    /// newline. A line that is too long comes out empty.
    pub(super) fn next_line(&mut self) -> std::io::Result<Option<bool>> {
        self.line.clear();
        self.consumed = 0;
        let mut dropped = false;
        loop {
            let block = match self.reader.fill_buf() {
                Ok(block) => block,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            if block.is_empty() {
                return Ok((self.consumed > 0).then_some(false));
            }
            let newline = memchr::memchr(b'\n', block);
            let text = &block[..newline.unwrap_or(block.len())];
            if !dropped && self.line.len() + text.len() <= MAX_LINE {
                self.line.extend_from_slice(text);
            } else if !dropped {
                dropped = true;
                self.too_long += 1;
                self.line = Vec::new();
            }
            let used = text.len() + usize::from(newline.is_some());
            self.reader.consume(used);
            self.consumed += used as u64;
            if newline.is_some() {
                return Ok(Some(true));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn bad_lines_are_skipped_and_counted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.jsonl");
        let mut content = b"{\"id\":1}\r\n\n  \n<<<<<<< HEAD\n".to_vec();
        content.extend_from_slice(&[0; 4096]);
        content.extend_from_slice(b"\n{\"s\":\"\xff\"}\n");
        content.resize(content.len() + MAX_LINE + 10, b'x');
        content.extend_from_slice(b"\n{\"id\":2}\n{\"id\":3}");
        std::fs::write(&path, content).unwrap();
        let (records, skipped) = read_all::<Value>(&path).unwrap();
        assert_eq!(records.iter().map(|r| r["id"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(skipped, 4);
    }

    // 30-189
    #[test]
    fn a_missing_file_is_empty() {
        let (records, skipped) = read_all::<Value>(Path::new("/does/not/exist")).unwrap();
        assert!(records.is_empty());
        assert_eq!(skipped, 0);
    }

    #[test]
    fn a_line_that_is_still_being_written_is_no_bad_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.jsonl");
        std::fs::write(&path, "{\"id\":1}\n{\"id\":").unwrap();
        let (records, skipped) = read_all::<Value>(&path).unwrap();
        assert_eq!((records.len(), skipped), (1, 0));
    }
}
