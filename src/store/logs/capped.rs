//! The log of a try: bytes as they come. With a limit, its beginning and its end are kept, and a line between them says
//! how much was left out.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::writing::held;
use crate::store::disk;

/// Of a log with a limit, this part is its beginning.
const HEAD_PART: u64 = 4;

/// How much is moved at once.
const BLOCK: usize = 64 << 10;

/// Longest line between the parts.
const MARK_LIMIT: u64 = 128;

/// Writes the log of a try.
#[derive(Debug)]
pub struct TryLog {
    file: File,
    cap: Option<Cap>,
}

/// What is known of a log with a limit.
#[derive(Debug)]
struct Cap {
    most: u64,
    /// Length by now.
    length: u64,
    /// Where the beginning ends, once something was left out.
    head: Option<u64>,
    /// Bytes of the line that says so.
    mark: u64,
    /// Bytes that were left out.
    lost: u64,
}

impl TryLog {
    /// Opens a log to write at its end; it never gets larger than `most` bytes.
    ///
    /// # Errors
    /// Those of opening it.
    pub fn open(path: &Path, most: Option<u64>) -> io::Result<TryLog> {
        let Some(most) = most else {
            return Ok(TryLog { file: held(path, disk::open_append)?, cap: None });
        };
        // What is appended to cannot be written elsewhere.
        let mut file = held(path, disk::open_lock)?;
        let length = file.seek(SeekFrom::End(0))?;
        Ok(TryLog { file, cap: Some(Cap { most, length, head: None, mark: 0, lost: 0 }) })
    }

    /// Writes what comes next.
    ///
    /// # Errors
    /// Those of writing, and of moving what is kept.
    pub fn append(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let Some(cap) = &mut self.cap else { return disk::write_all(&self.file, bytes) };
        while !bytes.is_empty() {
            if cap.length >= cap.most {
                cap.leave_out(&mut self.file)?;
            }
            let room = usize::try_from(cap.most.saturating_sub(cap.length)).unwrap_or(usize::MAX).max(1);
            let (now, rest) = bytes.split_at(room.min(bytes.len()));
            disk::write_all(&self.file, now)?;
            cap.length += now.len() as u64;
            bytes = rest;
        }
        Ok(())
    }
}

impl Cap {
    /// Leaves out the older half of what stands behind the beginning. The newest bytes are written over only by
    /// themselves: a crash in between loses none of them.
    fn leave_out(&mut self, file: &mut File) -> io::Result<()> {
        let head = match self.head {
            Some(head) => head,
            None => after_last_line(file, self.most / HEAD_PART)?,
        };
        let behind = head + self.mark;
        let half = behind + (self.length - behind).div_ceil(2) + MARK_LIMIT;
        // The end begins with a whole line, unless that would cost much of it.
        let near = half + (self.length.saturating_sub(half) / 4).min(BLOCK as u64);
        let from = after_next_line(file, half, near)?.min(self.length);
        let lost = self.lost + (from - behind);
        let mark = format!("\n[rally: {lost} bytes are left out here, see logs.try_max_bytes]\n");
        let mark = if is_after_line(file, head)? { &mark[1..] } else { &mark };
        file.seek(SeekFrom::Start(head))?;
        disk::write_all(file, mark.as_bytes())?;
        let mut to = head + mark.len() as u64;
        let mut at = from;
        let mut block = vec![0; BLOCK];
        while at < self.length {
            file.seek(SeekFrom::Start(at))?;
            let read = file.read(&mut block)?;
            if read == 0 {
                break;
            }
            file.seek(SeekFrom::Start(to))?;
            disk::write_all(file, &block[..read])?;
            (at, to) = (at + read as u64, to + read as u64);
        }
        disk::set_len(file, to)?;
        file.seek(SeekFrom::Start(to))?;
        *self = Cap { most: self.most, length: to, head: Some(head), mark: mark.len() as u64, lost };
        Ok(())
    }
}

/// Where the last line ends that is over before `end`; `end` itself, if it is in the middle of a very long one.
fn after_last_line(file: &File, end: u64) -> io::Result<u64> {
    let begin = end.saturating_sub(BLOCK as u64);
    let block = block(file, begin, end)?;
    Ok(memchr::memrchr(b'\n', &block).map_or(end, |at| begin + at as u64 + 1))
}

/// Where the next line begins, if that is before `near`; else `from` itself, in the middle of a long one.
fn after_next_line(file: &File, from: u64, near: u64) -> io::Result<u64> {
    let block = block(file, from, near)?;
    Ok(memchr::memchr(b'\n', &block).map_or(from, |at| from + at as u64 + 1))
}

fn is_after_line(file: &File, at: u64) -> io::Result<bool> {
    Ok(at == 0 || block(file, at - 1, at)? == b"\n")
}

/// What stands there, as far as there is anything.
fn block(file: &File, from: u64, to: u64) -> io::Result<Vec<u8>> {
    let mut block = vec![0; usize::try_from(to - from).unwrap_or(BLOCK)];
    let read = file.read_at(&mut block, from)?;
    block.truncate(read);
    Ok(block)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MOST: u64 = 4096;

    /// What a log holds after these pieces: beginning, bytes said to be left out, end.
    fn written(pieces: &[Vec<u8>]) -> (Vec<u8>, u64, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("try-1.log");
        let mut log = TryLog::open(&path, Some(MOST)).unwrap();
        for piece in pieces {
            log.append(piece).unwrap();
            assert!(path.metadata().unwrap().len() <= MOST);
        }
        let text = std::fs::read(&path).unwrap();
        let words = b"[rally: ";
        let Some(at) = memchr::memmem::find(&text, words) else { return (text, 0, Vec::new()) };
        let end = at + memchr::memchr(b'\n', &text[at..]).unwrap();
        let mark = std::str::from_utf8(&text[at..end]).unwrap();
        let lost = mark.split(' ').nth(1).unwrap().parse().unwrap();
        (text[..at].to_vec(), lost, text[end + 1..].to_vec())
    }

    #[test]
    fn whole_lines_are_kept_on_both_sides() {
        let lines: Vec<Vec<u8>> = (0..5000).map(|n| format!("line {n}\n").into_bytes()).collect();
        let all = lines.concat();
        let (head, lost, tail) = written(&lines);
        assert!(head.ends_with(b"\n") && all.starts_with(&head));
        assert!(tail.starts_with(b"line ") && all.ends_with(&tail));
        assert_eq!(head.len() as u64 + lost + tail.len() as u64, all.len() as u64);
        assert!(head.len() > 900 && tail.len() > 1200, "{} {}", head.len(), tail.len());
    }

    #[test]
    fn what_is_small_enough_stays_as_it_came() {
        let bytes = vec![0xff; 4096];
        assert_eq!(written(std::slice::from_ref(&bytes)), (bytes.clone(), 0, Vec::new()));
    }

    #[test]
    fn without_a_limit_everything_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("try-1.log");
        let mut log = TryLog::open(&path, None).unwrap();
        (0..100).for_each(|_| log.append(&[b'x'; 1000]).unwrap());
        assert_eq!(path.metadata().unwrap().len(), 100_000);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_that_is_not_counted(
            sizes in prop::collection::vec((0usize..6000, prop::bool::ANY), 0..30),
        ) {
            let mut next = 0u32;
            let pieces: Vec<Vec<u8>> = sizes
                .into_iter()
                .map(|(size, has_lines)| {
                    let mut piece = Vec::with_capacity(size);
                    while piece.len() < size {
                        next += 1;
                        piece.extend_from_slice(next.to_string().as_bytes());
                        piece.push(if has_lines && next.is_multiple_of(3) { b'\n' } else { b',' });
                    }
                    piece
                })
                .collect();
            let all = pieces.concat();
            let (head, lost, tail) = written(&pieces);
            if lost == 0 {
                prop_assert_eq!(head, all);
            } else {
                // A line that goes on before the mark is ended for it.
                let head = if all.starts_with(&head) { &head[..] } else { &head[..head.len() - 1] };
                prop_assert!(all.starts_with(head) && all.ends_with(&tail));
                prop_assert_eq!(head.len() as u64 + lost + tail.len() as u64, all.len() as u64);
                prop_assert!(tail.len() as u64 >= MOST / 8);
            }
        }
    }
}
