//! Foreign bytes that come in blocks, cut anywhere.

use super::{State, step};
use crate::model::mask;

/// Longest UTF-8 character, in bytes.
const LONGEST: usize = 4;

/// [`super::text`] over blocks: neither a character nor a control sequence is torn where they are cut. Only a line
/// feed ends an unterminated string: in a text that goes on for hours, one broken title must not hide the rest.
#[derive(Debug)]
pub struct Stream {
    state: State,
    /// The beginning of a character whose end is still to come.
    torn: Vec<u8>,
    /// Masks secrets, also where the blocks are cut in one.
    masked: mask::Stream,
}

impl Default for Stream {
    fn default() -> Self {
        Stream { state: State::Ground, torn: Vec::with_capacity(LONGEST), masked: mask::Stream::default() }
    }
}

impl Stream {
    /// What of the next bytes may be shown. Bytes that are no UTF-8 become U+FFFD.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        let mut clean = String::with_capacity(bytes.len());
        let mut rest = bytes;
        // A torn character is completed byte by byte.
        while !self.torn.is_empty()
            && let Some((first, others)) = rest.split_first()
        {
            self.torn.push(*first);
            rest = others;
            let torn = std::mem::take(&mut self.torn);
            self.decode(&torn, &mut clean);
        }
        self.decode(rest, &mut clean);
        lossy(self.masked.push(&mask::shared(), clean.as_bytes()))
    }

    /// The bytes are over.
    pub fn finish(&mut self) -> String {
        let Stream { torn, mut masked, .. } = std::mem::take(self);
        let mask = mask::shared();
        let mut rest = masked.push(&mask, String::from_utf8_lossy(&torn).as_bytes());
        rest.extend(masked.finish(&mask));
        lossy(rest)
    }

    fn decode(&mut self, bytes: &[u8], clean: &mut String) {
        let whole = bytes.len() - torn_end(bytes);
        for chunk in bytes[..whole].utf8_chunks() {
            chunk.valid().chars().for_each(|c| self.take(c, clean));
            if !chunk.invalid().is_empty() {
                self.take(char::REPLACEMENT_CHARACTER, clean);
            }
        }
        self.torn.extend_from_slice(&bytes[whole..]);
    }

    fn take(&mut self, c: char, clean: &mut String) {
        if c == '\n' && matches!(self.state, State::Osc | State::Text) {
            self.state = State::Ground;
        }
        let (next, keep) = step(self.state, c);
        self.state = next;
        if keep {
            clean.push(c);
        }
    }
}

/// The mask cuts between characters.
fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// How many bytes at the end are the beginning of a character.
fn torn_end(bytes: &[u8]) -> usize {
    let from = bytes.len().saturating_sub(LONGEST - 1);
    match bytes[from..].iter().rposition(|byte| byte & 0xc0 != 0x80) {
        Some(at) => {
            let end = &bytes[from + at..];
            match std::str::from_utf8(end) {
                Err(error) if error.valid_up_to() == 0 && error.error_len().is_none() => end.len(),
                Ok(_) | Err(_) => 0,
            }
        }
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{is_shown, text};
    use super::*;
    use proptest::prelude::*;

    fn through(bytes: &[u8], size: usize) -> String {
        let mut stream = Stream::default();
        let mut clean: String = bytes.chunks(size).map(|block| stream.push(block)).collect();
        clean.push_str(&stream.finish());
        clean
    }

    // 50-R19
    #[test]
    fn nothing_is_torn_between_blocks() {
        let raw = "a\x1b[31mred\x1b]0;title \u{201c}x\u{201d}\x07 \u{9b}2J“ü”⏱ 📁\x1b]52;c;cm0gLXJm\x07b"
            .as_bytes();
        for size in 1..=raw.len() {
            assert_eq!(through(raw, size), "ared “ü”⏱ 📁b", "blocks of {size}");
        }
        assert_eq!(through(b"\xf0\x9f", 1), "\u{fffd}");
        assert_eq!(through(b"a\xf0\x9fb\xff", 1), "a\u{fffd}b\u{fffd}");
    }

    #[test]
    fn an_unterminated_string_hides_no_more_than_its_line() {
        assert_eq!(through(b"a\x1b]0;never ended\nb\x1bPnor this\nc", 3), "a\nb\nc");
    }

    proptest! {
        #[test]
        fn blocks_change_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..200), size in 1usize..20) {
            let whole = through(&bytes, bytes.len().max(1));
            prop_assert_eq!(through(&bytes, size), whole.clone());
            prop_assert!(whole.chars().all(is_shown));
        }

        #[test]
        fn one_line_is_cleaned_like_any_text(line in "[^\\n]{0,80}", size in 1usize..20) {
            prop_assert_eq!(through(line.as_bytes(), size), text(&line));
        }
    }
}
