//! The assistant's last words, gathered from the pieces that they come in.
//!
//! Observed: when a stream breaks off, the CLI waits at least a second, asks the model again and prints the
//! new answer behind the torn one, with nothing on either stream between them (`PONG`, five minutes, `PONG`). So a
//! piece that comes a second or more after the one before may be a new beginning.

use std::time::Duration;

use crate::executor::final_text::{FinalText, MALFORMED, Structured};
use crate::model::{Timestamp, time};

/// Shortest wait before a broken stream is asked for again.
const SHORTEST_RETRY: Duration = Duration::from_secs(1);

/// Most pauses that are remembered, the last ones; the CLI asks four times in all.
const MAX_PAUSES: usize = 32;

/// Longest text that is kept whole: 1 MiB. Of a longer one the beginning and the end are kept,
/// which is all that a summary shows.
const LIMIT: usize = 1 << 20;

/// What the assistant has said since the last tool ran.
#[derive(Debug, Default)]
pub(super) struct Answer {
    text: String,
    /// Where pieces begin that came after a pause.
    pauses: Vec<usize>,
    last: Option<Timestamp>,
    cut: bool,
}

impl Answer {
    /// The next piece, and when it was said.
    pub fn push(&mut self, piece: &str, at: Option<Timestamp>) {
        let paused = match (self.last, at) {
            (Some(last), Some(at)) => time::since(last, at) >= SHORTEST_RETRY,
            _ => false,
        };
        if paused && !self.cut {
            if self.pauses.len() == MAX_PAUSES {
                self.pauses.remove(0);
            }
            self.pauses.push(self.text.len());
        }
        self.last = at.or(self.last);
        self.text.push_str(piece);
        if self.text.len() > LIMIT {
            self.shorten();
        }
    }

    /// A tool was called: what was said before is not the answer.
    pub fn clear(&mut self) {
        *self = Answer::default();
    }

    /// What the words say about the task.
    pub fn understood(&self) -> FinalText {
        let whole = self.text.trim();
        if self.cut && whole.starts_with('{') {
            return FinalText::missing(MALFORMED);
        }
        // Half an object and then a whole one is not prose.
        let begun = self.pauses.iter().rev().filter_map(|at| self.text.get(*at..)).chain([whole]);
        let object = begun
            .map(str::trim)
            .filter(|text| text.starts_with('{'))
            .find_map(|text| serde_json::from_str::<Structured>(text).ok());
        match object {
            Some(object) => FinalText::from_structured(object),
            None => FinalText::from_text(self.last_telling()),
        }
    }

    /// The text without the torn beginnings that were told again from the start: what follows a pause repeats all
    /// that was told so far, or is torn itself and repeats a part of it.
    fn last_telling(&self) -> &str {
        let mut from = 0;
        for (number, at) in self.pauses.iter().enumerate() {
            let next = self.pauses.get(number + 1);
            let (Some(torn), Some(again)) =
                (self.text.get(from..*at), self.text.get(*at..next.copied().unwrap_or(self.text.len())))
            else {
                continue;
            };
            let torn_again = next.is_some() && !again.is_empty() && torn.starts_with(again);
            if again.starts_with(torn) || torn_again {
                from = *at;
            }
        }
        &self.text[from..]
    }

    /// Drops the middle.
    fn shorten(&mut self) {
        let boundary = |at: usize| (0..=at).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0);
        let (head, tail) = (boundary(LIMIT / 4), boundary(self.text.len() - LIMIT / 4));
        self.text.replace_range(head..tail, "");
        self.pauses.clear();
        self.cut = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces with the seconds at which they were said.
    fn answer(pieces: &[(&str, i64)]) -> Answer {
        let mut answer = Answer::default();
        for (piece, second) in pieces {
            answer.push(piece, Timestamp::from_second(*second).ok());
        }
        answer
    }

    fn summary(pieces: &[(&str, i64)]) -> String {
        answer(pieces).understood().summary
    }

    #[test]
    fn an_answer_that_is_told_again_counts_once() {
        assert_eq!(summary(&[("PONG", 0), ("PONG", 300)]), "PONG");
        assert_eq!(
            summary(&[("The ans", 0), ("The ", 2), ("The answer ", 5), ("is 42.", 5)]),
            "The answer is 42."
        );
        assert_eq!(summary(&[("Well, ", 0), ("", 2), ("done", 4), (" it is.", 6)]), "Well, done it is.");
        // Without a pause nothing was asked again.
        assert_eq!(summary(&[("1", 0), ("1", 0)]), "11");
        // A slow model goes on where it was.
        assert_eq!(summary(&[("First this,", 0), (" then that.", 9)]), "First this, then that.");
    }

    #[test]
    fn half_an_object_does_not_hide_the_whole_one() {
        let torn = answer(&[
            ("{\"completed\":fal", 0),
            ("{\"completed\":false,", 2),
            ("\"summary\":\"not yet\"}", 2),
        ]);
        let read = torn.understood();
        assert_eq!((read.completed, read.summary.as_str()), (false, "not yet"));
        let slow = answer(&[("{\"completed\":false,", 0), ("\"summary\":\"slow\"}", 2)]);
        assert_eq!(slow.understood().summary, "slow");
    }

    #[test]
    fn memory_stays_bounded() {
        let mut long = Answer::default();
        long.push("begin", None);
        for second in 0..200_000 {
            long.push("äöü and so on, ", Timestamp::from_second(second * 5).ok());
        }
        long.push("end", None);
        assert!(long.text.len() <= LIMIT && long.pauses.len() <= MAX_PAUSES);
        let summary = long.understood().summary;
        assert!(summary.starts_with("begin") && summary.ends_with("end"));
        long.text.insert(0, '{');
        assert!(!long.understood().completed);
    }
}
