//! A text that comes in blocks, cut anywhere, also in the middle of a secret.

use super::{MARKER, Mask, known};

/// [`Mask::text`] over blocks. What may be the beginning of a secret is held back until it is known.
#[derive(Debug, Default)]
pub struct Stream {
    /// The last byte that was let go, which tells whether a word begins, and what is held back.
    held: Vec<u8>,
    /// Whether there is such a byte.
    has_last: bool,
    /// How many of the held bytes belong to a secret that was replaced already.
    covered: usize,
}

impl Stream {
    /// What of the next bytes may be let go.
    pub fn push(&mut self, mask: &Mask, bytes: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(bytes);
        let first = usize::from(self.has_last);
        // The byte in front is over: it stands there for the words alone.
        let half = first + mask.begun(&self.held[first..]);
        let half = half.min(if self.has_last { known::begun(&self.held) } else { begun_anew(&self.held) });
        self.let_go(mask, half)
    }

    /// The text is over, and so is everything that was held back.
    pub fn finish(&mut self, mask: &Mask) -> Vec<u8> {
        let rest = self.let_go(mask, self.held.len());
        *self = Stream::default();
        rest
    }

    /// Lets everything before `end` go.
    fn let_go(&mut self, mask: &Mask, end: usize) -> Vec<u8> {
        let first = usize::from(self.has_last);
        let mut clean = Vec::with_capacity(end);
        let mut at = first + self.covered;
        for secret in mask.find(&self.held, first) {
            if secret.start >= end {
                break;
            }
            // One that begins in what is covered is part of the same.
            if secret.start >= at {
                clean.extend_from_slice(&self.held[at..secret.start]);
                clean.extend_from_slice(MARKER.as_bytes());
            }
            at = at.max(secret.end);
        }
        if at < end {
            clean.extend_from_slice(&self.held[at..end]);
        }
        self.covered = at.saturating_sub(end);
        if end > first {
            self.held.drain(..end - 1);
            self.has_last = true;
        }
        clean
    }
}

/// [`known::begun`] of a text that has nothing in front.
fn begun_anew(bytes: &[u8]) -> usize {
    known::begun(&[b" ", bytes].concat()) - 1
}
