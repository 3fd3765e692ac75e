//! Splits what a CLI prints into lines, each stream by itself, for whoever understands them.

use std::fmt::Debug;

use super::lines::{Line, LineSplitter};
use super::{AgentEvent, Counted, Parser, Report, Stream};
use crate::model::{Exit, Timestamp, Usage};

/// Understands the lines of one try.
pub trait Lines: Debug {
    /// A line of standard output, or of both streams when they are merged.
    fn stdout(&mut self, line: Line<'_>, events: &mut Vec<AgentEvent>);

    /// A line of standard error.
    fn stderr(&mut self, line: Line<'_>, events: &mut Vec<AgentEvent>);

    /// The tokens that they have told so far.
    fn usage(&self) -> Option<Counted<Usage>>;

    /// What they amount to.
    fn report(&self, exit: Option<Exit>, now: Timestamp) -> Report;
}

/// A parser for CLIs that speak in lines and keep no log of their own for rally.
#[derive(Debug, Default)]
pub struct LineParser<L> {
    stdout: LineSplitter,
    stderr: LineSplitter,
    seen: L,
}

impl<L> LineParser<L> {
    /// Bytes of memory held for unfinished lines.
    pub fn retained(&self) -> usize {
        self.stdout.retained() + self.stderr.retained()
    }
}

impl<L: Lines> Parser for LineParser<L> {
    fn feed(&mut self, stream: Stream, bytes: &[u8], events: &mut Vec<AgentEvent>) {
        match stream {
            Stream::Stdout => self.stdout.feed(bytes, |line| self.seen.stdout(line, events)),
            Stream::Stderr => self.stderr.feed(bytes, |line| self.seen.stderr(line, events)),
            Stream::Log => {}
        }
    }

    fn usage(&self) -> Option<Counted<Usage>> {
        self.seen.usage()
    }

    fn finish(&mut self, exit: Option<Exit>, now: Timestamp) -> Report {
        self.stdout.finish(|line| self.seen.stdout(line, &mut Vec::new()));
        self.stderr.finish(|line| self.seen.stderr(line, &mut Vec::new()));
        self.seen.report(exit, now)
    }
}
