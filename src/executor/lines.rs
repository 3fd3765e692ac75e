//! Cuts a stream into lines with bounded memory.
//!
//! Up to [`LINE_CAP`] a line is kept whole, which leaves room for an end-of-run event
//! with a very long answer (a model writes at most some hundred KiB in one turn). Of a
//! longer line only the last [`TAIL`] bytes are kept: enough to find an event that was
//! printed into the end of a broken one.

use memchr::memchr;

/// Longest line that is kept whole: 4 MiB. With its parsed copy, and whatever the allocator
/// keeps, that stays below the 32 MiB that rally may use.
pub const LINE_CAP: usize = 4 << 20;

/// What is kept of a longer one: its last 64 KiB.
pub const TAIL: usize = 64 << 10;

/// Capacity that may stay allocated between lines.
const IDLE: usize = 4 * TAIL;

/// One line, without its line end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// The bytes, or the last [`TAIL`] of them.
    pub bytes: &'a [u8],
    /// Whether the beginning is missing.
    pub cut: bool,
}

/// Collects chunks and gives out lines. How the stream is chunked changes nothing.
#[derive(Debug, Default)]
pub struct LineSplitter {
    buffer: Vec<u8>,
    cut: bool,
}

impl LineSplitter {
    /// Takes the next chunk; `each` gets every line that it completes.
    pub fn feed(&mut self, mut bytes: &[u8], mut each: impl FnMut(Line<'_>)) {
        while let Some(at) = memchr(b'\n', bytes) {
            let (line, rest) = (&bytes[..at], &bytes[at + 1..]);
            bytes = rest;
            if self.buffer.is_empty() && line.len() <= LINE_CAP {
                each(Line { bytes: without_cr(line), cut: false });
            } else {
                self.push(line);
                self.end_line(&mut each);
            }
        }
        self.push(bytes);
    }

    /// The stream is over; `each` gets an unterminated last line.
    pub fn finish(&mut self, mut each: impl FnMut(Line<'_>)) {
        if !self.buffer.is_empty() {
            self.end_line(&mut each);
        }
    }

    /// What there is of the line that has no end yet.
    pub fn unfinished(&self) -> Line<'_> {
        Line { bytes: &self.buffer, cut: self.cut }
    }

    /// Bytes of memory held for the unfinished line.
    pub fn retained(&self) -> usize {
        self.buffer.capacity()
    }

    fn push(&mut self, bytes: &[u8]) {
        if !self.cut && self.buffer.len() + bytes.len() > LINE_CAP {
            self.cut = true;
        }
        if self.cut {
            let new = &bytes[bytes.len().saturating_sub(TAIL)..];
            self.drop_all_but(TAIL);
            self.buffer.shrink_to(IDLE);
            self.buffer.extend_from_slice(new);
            return;
        }
        let wanted = self.buffer.len() + bytes.len();
        if wanted > self.buffer.capacity() {
            // Doubling, but never beyond the cap.
            let capacity = wanted.max(2 * self.buffer.capacity()).min(LINE_CAP);
            self.buffer.reserve_exact(capacity - self.buffer.len());
        }
        self.buffer.extend_from_slice(bytes);
    }

    fn end_line(&mut self, each: &mut impl FnMut(Line<'_>)) {
        if self.cut {
            self.drop_all_but_exactly(TAIL);
        }
        each(Line { bytes: without_cr(&self.buffer), cut: self.cut });
        self.buffer.clear();
        self.buffer.shrink_to(IDLE);
        self.cut = false;
    }

    /// Drops from the front, but only once a good deal has gathered, so that a line that
    /// comes byte by byte does not move its tail for every one of them.
    fn drop_all_but(&mut self, keep: usize) {
        if self.buffer.len() > 3 * keep {
            self.drop_all_but_exactly(keep);
        }
    }

    fn drop_all_but_exactly(&mut self, keep: usize) {
        let surplus = self.buffer.len().saturating_sub(keep);
        self.buffer.drain(..surplus);
    }
}

fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(chunks: &[&[u8]]) -> Vec<(Vec<u8>, bool)> {
        let mut splitter = LineSplitter::default();
        let mut lines = Vec::new();
        for chunk in chunks {
            splitter.feed(chunk, |line| lines.push((line.bytes.to_vec(), line.cut)));
        }
        splitter.finish(|line| lines.push((line.bytes.to_vec(), line.cut)));
        lines
    }

    #[test]
    fn lines_and_an_unterminated_last_one() {
        let lines = split(&[b"one\r\ntw", b"o\n\nthree"]);
        let texts: Vec<&[u8]> = lines.iter().map(|(line, _)| line.as_slice()).collect();
        assert_eq!(texts, [&b"one"[..], b"two", b"", b"three"]);
    }

    #[test]
    fn a_line_of_fifty_megabytes_holds_little_memory() {
        let mut splitter = LineSplitter::default();
        let chunk = vec![b'x'; 64 << 10];
        let mut seen = Vec::new();
        for _ in 0..800 {
            splitter.feed(&chunk, |_| panic!("no line has ended"));
            assert!(splitter.retained() <= LINE_CAP, "{}", splitter.retained());
        }
        assert!(splitter.retained() <= IDLE, "{}", splitter.retained());
        splitter.feed(b"end\nnext\n", |line| seen.push((line.bytes.len(), line.cut)));
        assert_eq!(seen, [(TAIL, true), (4, false)]);
        assert!(splitter.retained() <= IDLE);
    }

    #[test]
    fn the_tail_of_a_cut_line_does_not_depend_on_the_chunks() {
        let mut whole = vec![b'a'; LINE_CAP];
        whole.extend((0..200_000u32).map(|i| b'a' + u8::try_from(i % 26).unwrap()));
        let expected = &whole[whole.len() - TAIL..];
        for size in [1 << 12, 100_003, whole.len()] {
            let lines = split(&whole.chunks(size).collect::<Vec<_>>());
            assert_eq!(lines.len(), 1);
            assert!(lines[0].1 && lines[0].0 == expected, "chunks of {size}");
        }
    }

    proptest! {
        #[test]
        fn chunks_change_nothing(bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..300), size in 1usize..40) {
            let expected = split(&[&bytes]);
            prop_assert_eq!(split(&bytes.chunks(size).collect::<Vec<_>>()), expected);
        }
    }
}
