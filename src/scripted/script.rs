//! What a script can say. An unknown key is an error, so that a typing mistake cannot pass a test.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Whose manners the agent has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harness {
    /// Claude Code: reads its arguments and speaks its event stream.
    Claude,
    /// Prints plain text, as custom harnesses do.
    Plain,
}

/// One script.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    #[serde(rename = "try")]
    tries: Vec<Try>,
}

/// What one invocation does.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Try {
    /// Prints nothing unless a step does: no first event.
    #[serde(default)]
    pub silent: bool,
    /// Leaves standard input alone until a `read_stdin` step.
    #[serde(default)]
    pub late_stdin: bool,
    /// In order; without an `exit` the code is 0 at the end.
    pub steps: Vec<Step>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Says a text.
    Say(String),
    /// Uses a tool from start to end.
    Tool(Tool),
    /// Starts a tool of this name and leaves it running.
    ToolStarted(String),
    /// Ends the tool that was left running.
    ToolEnded,
    /// Writes a file, with its folders.
    Write(Text),
    /// Adds to a file.
    Append(Text),
    /// Commits what this invocation wrote.
    Commit(Commit),
    /// Sleeps, milliseconds.
    SleepMs(u64),
    /// Waits until a file exists: lets a test hold the agent at a point.
    WaitFor(PathBuf),
    /// Makes an empty file: tells a test that the agent came here.
    Touch(String),
    /// Prints at least this many bytes in ordinary lines.
    StreamBytes(u64),
    /// Prints one line of this many megabytes.
    HugeLineMb(u64),
    /// Prints a line that is not UTF-8.
    InvalidUtf8,
    /// Prints a text without ending the line.
    HalfLine(String),
    /// Prints a line as it stands.
    Line(String),
    /// Prints a line to standard error.
    Stderr(String),
    /// Begins a turn (again).
    Init,
    /// Tells how many background tasks are running.
    BackgroundTasks(usize),
    /// Tells that a failed request is retried.
    Retry(Retry),
    /// Ends the turn.
    Result(TurnResult),
    /// Exits with this code.
    Exit(u8),
    /// Sends this signal to itself.
    Signal(Signal),
    /// From now on these signals do nothing.
    IgnoreSignals(Vec<Signal>),
    /// Leaves a process behind.
    Spawn(Spawn),
    /// Reads standard input to its end.
    ReadStdin,
    /// Never ends.
    Hang,
    /// Remembers a word for this session.
    Remember(String),
    /// Says `RECALL:` and what this session remembers, or `none`.
    Recall,
    /// Runs a command as a tool would; its exit code and output become the tool's result.
    Run(Vec<String>),
}

/// A tool and what it prints.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its input, as the model would write it.
    #[serde(default)]
    pub input: serde_json::Map<String, serde_json::Value>,
    /// What it prints.
    #[serde(default)]
    pub output: String,
}

/// A file and its text.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Relative to the working directory, or absolute.
    pub path: String,
    /// The text.
    pub content: String,
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    /// Its message.
    pub message: String,
    /// Everything that is dirty, not only what this invocation wrote.
    #[serde(default)]
    pub all: bool,
}

/// A retried request.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// For example `rate_limit` or `server_error`.
    pub error: String,
    /// HTTP status; absent when there was no answer.
    #[serde(default)]
    pub status: Option<u16>,
    /// Which retry, from 1.
    pub attempt: u32,
}

/// The end of a turn.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TurnResult {
    /// Final text; without one the event has none.
    pub text: Option<String>,
    /// Whether the turn failed.
    pub is_error: bool,
    /// `success` unless told otherwise.
    pub subtype: Option<String>,
    /// Name of the error that a failed request had, such as `rate_limit`.
    pub error: Option<String>,
    /// HTTP status that a failed request had.
    pub status: Option<u16>,
    /// The account's window is used up and comes back after this many seconds.
    pub resets_in_secs: Option<u64>,
    /// Cost of the whole session, US dollars.
    pub cost: f64,
    /// Tokens of this turn.
    pub usage: Tokens,
}

/// Tokens of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tokens {
    /// Read.
    pub input: u64,
    /// Read from a cache.
    pub cached: u64,
    /// Written.
    pub output: u64,
    /// Of these, for reasoning.
    pub reasoning: u64,
}

/// A signal by its usual name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "the names say it all")]
pub enum Signal {
    Hup,
    Int,
    Quit,
    Kill,
    Term,
    Segv,
    Usr1,
    Usr2,
}

/// A process that is left behind.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spawn {
    /// How it is related to the agent.
    pub kind: Relation,
    /// How long it lives.
    pub secs: u64,
    /// File that gets its pid.
    #[serde(default)]
    pub pid_file: Option<String>,
}

/// How a left-over process is related to its agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// Child in the agent's own session and group.
    Plain,
    /// Child in a session of its own.
    Setsid,
    /// Orphan in a session of its own.
    DoubleFork,
    /// Child in a session of its own that holds the agent's standard output open.
    HoldsStdout,
}

/// A script that cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// It cannot be read.
    #[error("cannot read the script {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It makes no sense.
    #[error("the script {path} makes no sense: {message}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
    /// It holds no try.
    #[error("the script {path} has no [[try]]")]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

impl Script {
    /// Reads a script: JSON if the file's name says so, else TOML.
    pub fn load(path: &Path) -> Result<Script, ScriptError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ScriptError::Read { path: path.to_owned(), source })?;
        let parsed: Result<Script, String> = if path.extension().is_some_and(|extension| extension == "json")
        {
            serde_json::from_str(&text).map_err(|error| error.to_string())
        } else {
            toml::from_str(&text).map_err(|error| error.to_string())
        };
        let script = parsed.map_err(|message| ScriptError::Parse { path: path.to_owned(), message })?;
        if script.tries.is_empty() {
            return Err(ScriptError::Empty { path: path.to_owned() });
        }
        Ok(script)
    }

    /// What the `number`th invocation does, from 1; the last one repeats.
    pub fn part(&self, number: usize) -> Option<&Try> {
        self.tries.get(number.saturating_sub(1)).or_else(|| self.tries.last())
    }
}
