//! Reads the output of a program that speaks no protocol: its last lines are its summary.
//!
//! Nothing tells such a program's own words from its agent's prose, so all of its last lines may be evidence once it has
//! failed: one that writes `rate limit` there and then ends with an error is taken at its word.

use std::collections::VecDeque;

use super::TailStream;
use crate::executor::lines::LineSplitter;
use crate::executor::plain::PlainTail;
use crate::executor::{AgentEvent, Parser, Report, Stream};
use crate::model::text::{self, FINAL_TEXT_LIMIT};
use crate::model::{Exit, Timestamp};

/// Longest kept line, in characters: no summary holds more of one.
const LINE_LIMIT: usize = FINAL_TEXT_LIMIT;

/// Most lines that are kept, whatever is configured: no summary holds more.
const MAX_LINES: usize = FINAL_TEXT_LIMIT;

/// Reads what one process of a custom harness prints.
#[derive(Debug)]
pub struct CustomParser {
    tail_stream: TailStream,
    stdout: Output,
    stderr: Output,
    plain: PlainTail,
}

#[derive(Debug)]
struct Output {
    splitter: LineSplitter,
    last: VecDeque<String>,
    /// Blank lines since the last other one: they are trailing whitespace until more is said.
    blank: usize,
    keep: usize,
}

impl Output {
    fn remember(&mut self, line: String) {
        if line.is_empty() {
            self.blank = (self.blank + 1).min(self.keep);
            return;
        }
        if !self.last.is_empty() {
            self.last.extend(std::iter::repeat_n(String::new(), self.blank));
        }
        self.blank = 0;
        self.last.push_back(line);
        while self.last.len() > self.keep {
            self.last.pop_front();
        }
    }
}

impl CustomParser {
    /// A parser that takes its summary from the last `lines` lines of a stream.
    pub fn new(tail_stream: TailStream, lines: usize) -> Self {
        let output = || Output {
            splitter: LineSplitter::default(),
            last: VecDeque::new(),
            blank: 0,
            keep: lines.min(MAX_LINES),
        };
        CustomParser { tail_stream, stdout: output(), stderr: output(), plain: PlainTail::default() }
    }

    /// Bytes of memory held for unfinished lines.
    pub fn retained(&self) -> usize {
        self.stdout.splitter.retained() + self.stderr.splitter.retained()
    }

    fn summary(&self) -> String {
        let lines: Vec<&str> = match self.tail_stream {
            TailStream::Stdout => self.stdout.last.iter().map(String::as_str).collect(),
            TailStream::Stderr => self.stderr.last.iter().map(String::as_str).collect(),
            TailStream::Combined => {
                self.stdout.last.iter().chain(&self.stderr.last).map(String::as_str).collect()
            }
        };
        let from = lines.len().saturating_sub(self.stdout.keep);
        text::bounded(lines[from..].join("\n").trim(), FINAL_TEXT_LIMIT)
    }
}

impl Parser for CustomParser {
    fn feed(&mut self, stream: Stream, bytes: &[u8], events: &mut Vec<AgentEvent>) {
        let CustomParser { stdout, stderr, plain, .. } = self;
        let output = match stream {
            Stream::Stdout | Stream::Log => stdout,
            Stream::Stderr => stderr,
        };
        let mut lines = Vec::new();
        output.splitter.feed(bytes, |line| lines.push(visible(line.bytes)));
        if lines.iter().any(|line: &String| !line.is_empty()) {
            events.push(AgentEvent::Text);
        }
        for line in lines {
            plain.push(&line);
            output.remember(line);
        }
    }

    fn finish(&mut self, exit: Option<Exit>, _now: Timestamp) -> Report {
        for output in [&mut self.stdout, &mut self.stderr] {
            let mut rest = None;
            output.splitter.finish(|line| rest = Some(visible(line.bytes)));
            if let Some(line) = rest {
                self.plain.push(&line);
                output.remember(line);
            }
        }
        Report {
            completed: exit.is_some_and(Exit::is_zero),
            summary: Some(self.summary()).filter(|summary| !summary.is_empty()),
            plain_tail: self.plain.lines(),
            ..Report::default()
        }
    }
}

/// The line as a terminal would show it: without escapes, and after a carriage return only
/// what was written over the rest.
fn visible(line: &[u8]) -> String {
    let stripped = anstream::adapter::strip_bytes(line).into_vec();
    let line = String::from_utf8_lossy(&stripped);
    let line = line.trim_end();
    let line = line.rsplit('\r').next().unwrap_or(line);
    text::ellipsis(line.trim_end(), LINE_LIMIT)
}
