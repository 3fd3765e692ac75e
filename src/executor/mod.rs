//! How each agent CLI is driven: argv in, typed events out.
//!
//! An [`Executor`] only describes. It spawns nothing, waits for nothing and prints
//! nothing; one driver in the relay room does that for all of them.

use std::ffi::OsString;
use std::path::Path;

use crate::model::{Evidence, Exit, Usage};

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

/// What one try asks of the CLI.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The whole prompt.
    pub prompt: &'a str,
    /// The model to pass, if any.
    pub model: Option<&'a str>,
    /// The reasoning effort to pass, if any.
    pub effort: Option<&'a str>,
    /// The session to resume, if any.
    pub resume: Option<&'a str>,
    /// The agent's working directory.
    pub workspace: &'a Path,
}

/// What the agent's standard input is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stdin {
    /// `/dev/null`.
    Null,
    /// These bytes, then end of file.
    Bytes(Vec<u8>),
}

/// Where the agent's standard error goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stderr {
    /// Into the same pipe as standard output.
    Merged,
    /// Into a pipe of its own.
    Separate,
}

/// A command line that the driver can hand to a guard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// Program name (looked up in PATH) or path.
    pub program: OsString,
    /// Arguments, without the program.
    pub args: Vec<OsString>,
    /// Variables set on top of rally's own environment.
    pub env: Vec<(OsString, OsString)>,
    /// Standard input.
    pub stdin: Stdin,
    /// Standard error.
    pub stderr: Stderr,
    /// Remarks for the operator, such as a setting that the CLI has no flag for.
    pub notes: Vec<String>,
}

/// Which pipe bytes came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output, or both when merged.
    Stdout,
    /// Standard error when separate.
    Stderr,
}

/// What the parser saw while the agent works.
#[derive(Debug, Clone, PartialEq)]
pub enum AgentEvent {
    /// The CLI told its session.
    Session(String),
    /// A tool was started; the name is the CLI's.
    ToolStarted(String),
    /// A tool ended.
    ToolEnded,
    /// The agent wrote text (bounded, not sanitised).
    Text(String),
    /// The CLI retries a request by itself.
    Retrying {
        /// What it retries, as evidence with a category.
        evidence: Box<Evidence>,
        /// Which retry, from 1; 0 when unknown.
        attempt: u32,
    },
    /// The agent's turn is over: the CLI is expected to exit. May come again, the last one counts.
    End,
    /// Number of background tasks that the CLI waits for after its end event.
    BackgroundTasks(usize),
}

/// What a try produced, read from its output.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// Whether the CLI itself says that the task went well.
    pub completed: bool,
    /// Final text, at most [`crate::model::text::FINAL_TEXT_LIMIT`] characters.
    pub summary: Option<String>,
    /// What the agent says is left to do.
    pub remaining_work: String,
    /// Whether the agent says that it dealt with its inbox message.
    pub message_addressed: Option<bool>,
    /// Paths that the agent says it changed.
    pub files_changed: Vec<String>,
    /// The session, also when the try failed.
    pub session_id: Option<String>,
    /// Tool invocations seen; `None` when the CLI does not tell.
    pub tool_calls: Option<u64>,
    /// Tokens of this try alone.
    pub usage: Option<Usage>,
    /// Cost in US dollars.
    pub cost: Option<Cost>,
    /// Why it failed, if the output tells.
    pub evidence: Option<Evidence>,
    /// Whether an end-of-run event was seen.
    pub ended: bool,
}

/// Cost as the CLI counts it, US dollars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cost {
    /// Of this try alone.
    ThisTry(f64),
    /// Of the whole session, earlier tries included.
    WholeSession(f64),
}

/// Reads an agent's output as it comes. Memory stays bounded whatever is printed.
pub trait Parser {
    /// Takes the next bytes and appends what they mean to `events`.
    fn feed(&mut self, stream: Stream, bytes: &[u8], events: &mut Vec<AgentEvent>);

    /// The output is over; `exit` is `None` when the process had to be abandoned.
    fn finish(&mut self, exit: Option<Exit>) -> Report;
}

/// A request that cannot be handed to the CLI.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrepareError {
    /// The prompt cannot be passed as an argument.
    #[error("the prompt ({bytes} bytes) does not fit into one argument of {harness} (limit {limit} bytes)")]
    PromptTooLong {
        /// Canonical harness name.
        harness: String,
        /// Size of the prompt.
        bytes: usize,
        /// Largest size that fits.
        limit: usize,
    },
    /// The prompt holds a NUL character, which no argument can.
    #[error("the prompt holds a NUL character, which {harness} cannot take as an argument")]
    PromptHasNul {
        /// Canonical harness name.
        harness: String,
    },
}

/// One agent CLI.
pub trait Executor {
    /// Canonical harness name.
    fn harness(&self) -> &str;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// The command line for a request.
    fn invocation(&self, request: &Request<'_>) -> Result<Invocation, PrepareError>;

    /// A fresh parser for one try.
    fn parser(&self) -> Box<dyn Parser>;

    /// Evidence that the CLI left on disk about this very session, for a try that failed without telling why.
    fn disk_evidence(&self, _session_id: &str, _workspace: &Path) -> Option<Evidence> {
        None
    }
}
