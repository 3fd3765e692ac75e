//! The end of an output that is not protocol: what a CLI says in plain words.

use std::collections::VecDeque;

use crate::model::text;

/// How many of the last lines count, protocol events included.
pub const WINDOW: u64 = 50;

/// Longest kept line, in characters.
const LINE_LIMIT: usize = 500;

/// Remembers the plain lines among the last [`WINDOW`] ones.
#[derive(Debug, Default)]
pub struct PlainTail {
    lines: VecDeque<(u64, String)>,
    seen: u64,
    /// The line before was a part of an event, so this one may be the rest of it.
    torn: bool,
}

impl PlainTail {
    /// A whole event went by.
    pub fn event(&mut self) {
        self.skip();
        self.torn = false;
    }

    /// Whether a line that is no whole event is a plain one; if not, it has gone by. `half` says that it surely is a
    /// part of an event, which may hold prose or a tool's output.
    pub fn takes(&mut self, line: &str, half: bool) -> bool {
        let plain = !(half || (self.torn && line.ends_with('}')));
        if !plain {
            self.skip();
        }
        self.torn = half;
        plain
    }

    /// A protocol event went by.
    pub fn skip(&mut self) {
        self.seen += 1;
    }

    /// A plain line went by; blank ones do not count.
    pub fn push(&mut self, line: &str) {
        let line = line.trim();
        if line.is_empty() {
            return;
        }
        self.seen += 1;
        if self.lines.len() as u64 == WINDOW {
            self.lines.pop_front();
        }
        self.lines.push_back((self.seen, text::ellipsis(line, LINE_LIMIT)));
    }

    /// The plain lines among the last [`WINDOW`], oldest first.
    pub fn lines(&self) -> Vec<String> {
        let oldest = self.seen.saturating_sub(WINDOW);
        self.lines.iter().filter(|(number, _)| *number > oldest).map(|(_, line)| line.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_fifty_lines_count() {
        let mut tail = PlainTail::default();
        tail.push("early");
        for _ in 0..48 {
            tail.skip();
        }
        tail.push("late");
        assert_eq!(tail.lines(), ["early", "late"]);
        tail.skip();
        assert_eq!(tail.lines(), ["late"]);
    }

    #[test]
    fn the_rest_of_a_torn_event_is_no_plain_line() {
        let mut tail = PlainTail::default();
        assert!(!tail.takes("{\"type\":", true));
        assert!(!tail.takes("\"prose\"}", false));
        assert!(tail.takes("\"prose\"}", false), "nothing is torn any more");
        assert!(!tail.takes("{\"type\":", true));
        tail.event();
        assert!(tail.takes("}", false));
    }

    #[test]
    fn memory_stays_bounded() {
        let mut tail = PlainTail::default();
        for number in 0..1000 {
            tail.push(&format!("{number} {}", "x".repeat(5000)));
        }
        assert_eq!(tail.lines().len(), 50);
        assert!(tail.lines().iter().all(|line| line.chars().count() <= LINE_LIMIT));
        assert!(tail.lines()[49].starts_with("999 "));
    }
}
