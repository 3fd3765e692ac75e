//! The two things that every harness brings along: a describer and a parser.

use std::fmt::Debug;
use std::path::Path;

use super::{
    AgentEvent, Counted, HarnessSpec, Held, Home, Invocation, PrepareError, Report, Request, Stream,
};
use crate::model::{Evidence, Exit, QuotaWindow, Timestamp, Usage};

/// What an executor's CLI can truly do. A claim is proved end to end by a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Captures a session id and can resume it with a new prompt.
    pub resume: bool,
    /// Takes a reasoning effort.
    pub effort: bool,
    /// Speaks a structured stream with an end-of-run event, so that exit 0 alone is no success.
    pub end_event: bool,
}

/// Reads an agent's output as it comes. Memory stays bounded whatever is printed.
pub trait Parser: Debug {
    /// Takes the next bytes and appends what they mean to `events`.
    fn feed(&mut self, stream: Stream, bytes: &[u8], events: &mut Vec<AgentEvent>);

    /// The tokens that the CLI has told so far: what the report would say if the output ended here. `None` until it
    /// tells any, which most do at the end of a turn.
    fn usage(&self) -> Option<Counted<Usage>> {
        None
    }

    /// The output is over; `exit` is `None` when the process had to be abandoned.
    /// `now` turns "resets in 3h" into a point in time.
    fn finish(&mut self, exit: Option<Exit>, now: Timestamp) -> Report;
}

/// Where to look for evidence after a try that did not tell why it failed.
#[derive(Debug, Clone, Copy)]
pub struct DiskQuery<'a> {
    /// The session of this very try, if its stream told one.
    pub session_id: Option<&'a str>,
    /// The agent's working directory.
    pub workspace: &'a Path,
    /// When the try began: a resumed session's log also holds older failures.
    pub since: Timestamp,
    /// The current time.
    pub now: Timestamp,
}

/// Whether a CLI looks signed in, judged by names of files and variables alone: nothing
/// secret is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignIn {
    /// This file or variable says so.
    Yes(String),
    /// Nothing says so; this is what would.
    No(String),
    /// Nothing that could be seen would tell.
    Unknown,
}

/// Asks the installed CLI about itself: runs it with these arguments, briefly, and returns what it
/// printed on both streams.
pub type Ask<'a> = &'a dyn Fn(&[&str]) -> Option<String>;

/// One agent CLI.
pub trait Executor: Debug {
    /// Its name, its program, and what the user has set for it.
    fn spec(&self) -> &HarnessSpec;

    /// Canonical harness name, or the user's own for a harness built on another.
    fn harness(&self) -> &str {
        &self.spec().name
    }

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Learns what the installed version can do, once before the first try. Needed only where versions
    /// differ; an executor that could not ask claims what every version can.
    fn learn(&mut self, _ask: Ask<'_>) {}

    /// The command line for a request.
    fn invocation(&self, request: &Request<'_>) -> Result<Invocation, PrepareError>;

    /// Sets up what the CLI reads from outside the try's own folder. Never waits.
    fn hold(&self, _request: &Request<'_>) -> Result<Held, PrepareError> {
        Ok(Held::Nothing)
    }

    /// Takes back what tries that a crash cut have left set up; says what was done, or why it cannot be.
    fn repair(&self) -> Vec<String> {
        Vec::new()
    }

    /// A fresh parser for one try.
    fn parser(&self, request: &Request<'_>) -> Box<dyn Parser>;

    /// Evidence that the CLI left on disk about this very session. A missing or
    /// unreadable log is no error: there is simply nothing to learn from it.
    fn disk_evidence(&self, _query: &DiskQuery<'_>) -> Option<Evidence> {
        None
    }

    /// The account's windows as the CLI noted them on disk in this very session, for those that do not tell
    /// them on their output. None when there is nothing to be read.
    fn disk_quota(&self, _query: &DiskQuery<'_>) -> Vec<QuotaWindow> {
        Vec::new()
    }

    /// Whether a new session can be given its id beforehand. Then it is known whatever becomes of the try.
    fn takes_session(&self) -> bool {
        false
    }

    /// What shares one quota with a model of this CLI: the whole account, as a rule.
    fn quota_scope(&self, _model: Option<&str>) -> String {
        self.harness().to_owned()
    }

    /// Where the CLI keeps what is its own, and has to write.
    fn homes(&self) -> Vec<Home> {
        Vec::new()
    }

    /// Whether it looks signed in.
    fn sign_in(&self) -> SignIn {
        SignIn::Unknown
    }
}
