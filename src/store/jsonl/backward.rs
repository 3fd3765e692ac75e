//! Reading records from the newest to the oldest, so that looking at the newest costs
//! the same whatever lies before them.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::marker::PhantomData;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::{BLOCK, MAX_LINE};
use crate::store::StoreError;

/// Records of a file as it was when opened, newest first. A missing file has none.
#[derive(Debug)]
pub struct RecordsBack<T> {
    path: PathBuf,
    lines: Option<LinesBack>,
    skipped: usize,
    record: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> RecordsBack<T> {
    /// Starts at the end of the file.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let lines = match File::open(path) {
            Ok(file) => Some(LinesBack::new(file).map_err(StoreError::at("read", path))?),
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            Err(e) => return Err(StoreError::io("open", path, e)),
        };
        Ok(RecordsBack { path: path.to_owned(), lines, skipped: 0, record: PhantomData })
    }

    /// Bad lines met so far; one that is still being written is none.
    pub fn skipped(&self) -> usize {
        self.skipped + self.lines.as_ref().map_or(0, |l| l.too_long)
    }

    /// Bytes read so far.
    pub fn bytes_read(&self) -> u64 {
        self.lines.as_ref().map_or(0, |l| l.len - l.unread)
    }
}

impl<T: DeserializeOwned> Iterator for RecordsBack<T> {
    type Item = Result<T, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let lines = self.lines.as_mut()?;
        loop {
            match lines.next_line() {
                Ok(None) => return None,
                Ok(Some(line)) if line.text.trim_ascii().is_empty() => {}
                Ok(Some(line)) => match serde_json::from_slice(line.text) {
                    Ok(record) => return Some(Ok(record)),
                    Err(_) => self.skipped += usize::from(line.ended),
                },
                // Somebody repaired the tail while we looked: there is nothing more to say.
                Err(e) if e.kind() == ErrorKind::UnexpectedEof => return None,
                Err(e) => {
                    // Asking again would fail again, for ever.
                    self.lines = None;
                    return Some(Err(StoreError::io("read", &self.path, e)));
                }
            }
        }
    }
}

struct Line<'a> {
    text: &'a [u8],
    ended: bool,
}

#[derive(Debug)]
struct LinesBack {
    file: File,
    len: u64,
    /// Everything before this offset has not been read.
    unread: u64,
    /// Read, but not handed out.
    carry: Vec<u8>,
    /// Where in `carry` the line handed out last begins: it is dropped at the next call.
    handed_out: Option<usize>,
    ended: bool,
    too_long: usize,
}

impl LinesBack {
    fn new(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(LinesBack {
            file,
            len,
            unread: len,
            carry: Vec::new(),
            handed_out: None,
            ended: false,
            too_long: 0,
        })
    }

    /// The line before the one handed out last. The first may lack its newline.
    fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        if let Some(start) = self.handed_out.take() {
            // The newline before the line handed out last is the end of this one.
            self.carry.truncate(start.saturating_sub(1));
            self.ended = true;
            if start == 0 && self.unread == 0 {
                return Ok(None);
            }
        }
        // Only what has not been searched yet.
        let mut fresh = self.carry.len();
        loop {
            if let Some(at) = memchr::memrchr(b'\n', &self.carry[..fresh]) {
                return Ok(Some(self.hand_out(at + 1)));
            }
            if self.unread == 0 {
                if self.carry.is_empty() && !self.ended {
                    return Ok(None);
                }
                return Ok(Some(self.hand_out(0)));
            }
            if self.carry.len() > MAX_LINE {
                self.skip_line()?;
                fresh = self.carry.len();
            } else {
                fresh = self.read_block()?;
            }
        }
    }

    fn hand_out(&mut self, start: usize) -> Line<'_> {
        self.handed_out = Some(start);
        Line { text: &self.carry[start..], ended: self.ended }
    }

    /// Puts the block before `carry` in front of it. Blocks grow with the line, so
    /// that a long one is not moved over and over.
    fn read_block(&mut self) -> io::Result<usize> {
        let size = (BLOCK.max(self.carry.len()) as u64).min(self.unread) as usize;
        let from = self.unread - size as u64;
        let mut block = vec![0; size];
        self.file.read_exact_at(&mut block, from)?;
        block.extend_from_slice(&self.carry);
        self.carry = block;
        self.unread = from;
        Ok(size)
    }

    /// Drops a line that is too long, up to the newline before it.
    fn skip_line(&mut self) -> io::Result<()> {
        self.too_long += 1;
        self.carry = Vec::new();
        while self.unread > 0 {
            self.read_block()?;
            if let Some(at) = memchr::memrchr(b'\n', &self.carry) {
                self.carry.truncate(at);
                self.ended = true;
                return Ok(());
            }
            self.carry.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::jsonl::read_all;
    use proptest::prelude::*;
    use serde_json::Value;

    fn write(content: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        file
    }

    fn ids(content: &[u8]) -> (Vec<u64>, usize) {
        let file = write(content);
        let mut back = RecordsBack::<Value>::open(file.path()).unwrap();
        let ids = back.by_ref().map(|r| r.unwrap()["id"].as_u64().unwrap_or(0)).collect();
        (ids, back.skipped())
    }

    #[test]
    fn newest_first() {
        let cases: [(&[u8], &[u64], usize); 9] = [
            (b"", &[], 0),
            (b"\n", &[], 0),
            (b"{\"id\":1}", &[1], 0),
            (b"{\"id\":1}\n", &[1], 0),
            (b"\n\n{\"id\":1}\r\n\n{\"id\":2}\r\n \n", &[2, 1], 0),
            (b"{\"id\":1}\nrubbish\n{\"id\":2}\n", &[2, 1], 1),
            (b"{\"id\":1}\n{\"id\":2", &[1], 0),
            (b"\0\0\0\n{\"id\":2}\n", &[2], 1),
            (b"rubbish\n", &[], 1),
        ];
        for (content, expected, skipped) in cases {
            assert_eq!(ids(content), (expected.to_vec(), skipped), "{}", String::from_utf8_lossy(content));
        }
    }

    #[test]
    fn lines_longer_than_a_block_or_than_the_limit() {
        let mut content = b"{\"id\":1}\n".to_vec();
        content.resize(content.len() + MAX_LINE + BLOCK, b'x');
        content.push(b'\n');
        content.extend(format!("{{\"id\":2,\"s\":\"{}\"}}\n", "y".repeat(5 * BLOCK)).into_bytes());
        assert_eq!(ids(&content), (vec![2, 1], 1));
        let mut first = vec![b'x'; MAX_LINE + BLOCK];
        first.extend_from_slice(b"\n{\"id\":3}\n");
        assert_eq!(ids(&first), (vec![3], 1));
    }

    #[test]
    fn the_newest_record_costs_one_block() {
        let mut content = Vec::new();
        for id in 0..20_000 {
            content.extend(format!("{{\"id\":{id}}}\n").into_bytes());
        }
        let file = write(&content);
        let mut back = RecordsBack::<Value>::open(file.path()).unwrap();
        assert_eq!(back.next().unwrap().unwrap()["id"], 19_999);
        assert_eq!(back.bytes_read(), BLOCK as u64);
    }

    proptest! {
        #[test]
        fn backward_is_forward_reversed(
            lines in prop::collection::vec("(|\\{\"id\":[0-9]{1,5}\\}|rubbish|\\{\"id\":1,\"s\":\"ä{0,40}\"\\})\r?", 0..40),
            ended: bool,
        ) {
            let mut content = lines.join("\n").into_bytes();
            if ended && !content.is_empty() {
                content.push(b'\n');
            }
            let file = write(&content);
            let (mut forward, skipped) = read_all::<Value>(file.path()).unwrap();
            forward.reverse();
            let mut back = RecordsBack::<Value>::open(file.path()).unwrap();
            let backward: Vec<Value> = back.by_ref().map(Result::unwrap).collect();
            prop_assert_eq!(backward, forward);
            prop_assert_eq!(back.skipped(), skipped);
        }
    }
}
