//! The end of an output that is not protocol: what a CLI says in plain words.

use std::collections::VecDeque;
use std::sync::LazyLock;

use regex::Regex;

use crate::failure::pattern::regex;
use crate::model::text;

/// How many of the last lines count, protocol events included.
pub const WINDOW: u64 = 50;

/// Longest kept line, in characters.
const LINE_LIMIT: usize = 500;

/// What a CLI passes on from programs beside it: servers of tools, hooks, its runtime, what installs its parts. Their
/// limits, refusals and connections are not those of the model's service.
static ASIDE: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?i)\bmcp(?:\b|_)|\bDeprecationWarning\b|\bhook\b.{0,80}\bfailed\b",
        r"|^npm (?:err!|error|warn|notice)|^curl: \(\d|^fatal: unable to access",
    ))
});

/// What a CLI says of a request that it makes again by itself.
static RETRIED: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)\bretrying\b|\breconnecting\b|\bwill retry\b|\battempt \d+ ?(?:/|of\b)"));

/// Whether a line of a CLI is about a program beside it.
pub fn is_aside(line: &str) -> bool {
    ASIDE.is_match(line)
}

/// Remembers the plain lines among the last [`WINDOW`] ones.
#[derive(Debug, Default)]
pub struct PlainTail {
    lines: VecDeque<(u64, String)>,
    seen: u64,
    torn: Torn,
}

/// Whether a line may belong to the event before it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Torn {
    #[default]
    No,
    /// The line before was a part of an event: this one may be the rest of it.
    Perhaps,
    /// An event began and did not end. What follows may be a tool's output, however many lines there are.
    Open,
}

impl PlainTail {
    /// A whole event went by.
    pub fn event(&mut self) {
        self.skip();
        self.torn = Torn::No;
    }

    /// Whether an event began and has not ended, as far as one can see.
    pub fn is_torn(&self) -> bool {
        self.torn == Torn::Open
    }

    /// Takes a line that is no whole event; it is kept if it is a plain one of the CLI's own. `recovered` says that
    /// there was an event in it, `cut` that its beginning is missing.
    pub fn line(&mut self, line: &str, recovered: bool, cut: bool) {
        let begins = line.starts_with('{');
        // Half an event may hold prose or a tool's output: no plain words.
        let half = begins || recovered || cut;
        let plain = match self.torn {
            Torn::No => !half,
            Torn::Perhaps => !half && !line.ends_with('}'),
            Torn::Open => false,
        };
        if plain {
            self.hear(line);
        } else {
            self.skip();
        }
        self.torn = match self.torn {
            Torn::Open => Torn::Open,
            _ if line.starts_with("{\"") && !recovered && !cut && !line.ends_with('}') => Torn::Open,
            _ if half => Torn::Perhaps,
            _ => Torn::No,
        };
    }

    /// The model works on: what was tried again has succeeded, and is no reason any more. Other words may
    /// still be the reason of a failure that follows.
    pub fn went_on(&mut self) {
        self.lines.retain(|(_, line)| !RETRIED.is_match(line));
    }

    /// A line of a CLI went by; it is kept unless it is about something beside it.
    pub fn hear(&mut self, line: &str) {
        if is_aside(line) {
            self.skip();
        } else {
            self.push(line);
        }
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
        let lines = |lines: &[(&str, bool)]| {
            let mut tail = PlainTail::default();
            lines.iter().for_each(|(line, recovered)| tail.line(line, *recovered, false));
            tail.lines()
        };
        // One that began and did not end may go on over any number of lines.
        assert_eq!(
            lines(&[("{\"type\":\"user", false), ("rate limit", false), ("}", false), ("429", false)]),
            [""; 0]
        );
        // Of one that was found in a broken line only the rest is missing.
        assert_eq!(lines(&[("Warning: {…}", true), ("\"prose\"}", false), ("said}", false)]), ["said}"]);
        assert_eq!(lines(&[("{\"a\":1}{\"b\":2}", false), ("said", false)]), ["said"]);
        assert_eq!(lines(&[("{", false), ("}", false), ("said", false)]), ["said"]);

        let mut tail = PlainTail::default();
        tail.line("{\"type\":\"user", false, false);
        assert!(tail.is_torn());
        tail.event();
        tail.line("said", false, false);
        tail.line("the end of a long one", false, true);
        assert_eq!(tail.lines(), ["said"]);
        tail.push("429, retrying in 2 seconds (attempt 1/10)");
        tail.went_on();
        assert_eq!(tail.lines(), ["said"]);
    }

    // 50-R23
    #[test]
    fn programs_beside_the_cli_do_not_speak_for_it() {
        for line in [
            "MCP server \"github\": 401 Unauthorized",
            "[mcp:search] rate limit exceeded",
            "Error executing mcp__jira__search: 429",
            "(node:7) [DEP0040] DeprecationWarning: The `punycode` module is deprecated.",
            "SessionEnd hook [./notify.sh] failed: connection refused",
            "npm ERR! 429 Too Many Requests - GET https://registry.npmjs.org/left-pad",
            "npm error code E429",
            "curl: (7) Failed to connect: Connection refused",
            "fatal: unable to access 'https://h/r.git/': Connection refused",
        ] {
            assert!(is_aside(line), "{line}");
        }
        for line in [
            "error: rate limit exceeded",
            "API Error: 529 Overloaded",
            "fatal: usage limit reached",
            "You've hit your usage limit. Try again at 5:22 AM.",
            "dial tcp 127.0.0.1:8080: connection refused",
        ] {
            assert!(!is_aside(line), "{line}");
        }
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
