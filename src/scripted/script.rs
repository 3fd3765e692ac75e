//! What a script can say. An unknown key is an error, so that a typing mistake cannot pass a test.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::voice::manner;

/// Whose manners the agent has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harness {
    /// Claude Code.
    Claude,
    /// Codex.
    Codex,
    /// Gemini CLI.
    Gemini,
    /// opencode.
    Opencode,
    /// Antigravity's `agy`.
    Antigravity,
    /// Prints plain text, as custom harnesses do.
    Plain,
}

impl Harness {
    /// Its name, as errors say it.
    pub fn name(self) -> &'static str {
        match self {
            Harness::Claude => "claude",
            Harness::Codex => "codex",
            Harness::Gemini => "gemini",
            Harness::Opencode => "opencode",
            Harness::Antigravity => "antigravity",
            Harness::Plain => "plain",
        }
    }
}

/// One script.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    path: PathBuf,
    tries: Vec<Try>,
}

/// What one invocation does.
#[derive(Debug, Clone, PartialEq)]
pub struct Try {
    /// Prints nothing unless a step does: no first event.
    pub silent: bool,
    /// Leaves standard input alone until a `read_stdin` step.
    pub late_stdin: bool,
    /// In order. Without an `exit` the code is 0 at the end, or what the CLI makes of a failed result.
    pub steps: Vec<Placed>,
}

/// A step and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// For people: `line 4`.
    pub place: String,
    /// What to do.
    pub step: Step,
}

/// A script as it is written; `S` is a step.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<S> {
    #[serde(rename = "try")]
    tries: Vec<WrittenTry<S>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTry<S> {
    #[serde(default)]
    silent: bool,
    #[serde(default)]
    late_stdin: bool,
    steps: Vec<S>,
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
    /// US dollars as the CLI counts them: Claude Code for the whole session, opencode for this turn.
    pub cost: f64,
    /// Tokens of this turn.
    pub usage: Tokens,
}

/// Tokens of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
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

impl TurnResult {
    /// Names of the fields in use that not every CLI can tell.
    pub fn special(&self) -> impl Iterator<Item = &'static str> {
        let fields = [
            ("subtype", self.subtype.is_some()),
            ("error", self.error.is_some()),
            ("status", self.status.is_some()),
            ("resets_in_secs", self.resets_in_secs.is_some()),
            ("cost", self.cost > 0.0),
        ];
        fields.into_iter().filter(|(_, in_use)| *in_use).map(|(name, _)| name)
    }
}

impl Tokens {
    /// Both together.
    pub fn plus(self, other: Tokens) -> Tokens {
        Tokens {
            input: self.input + other.input,
            cached: self.cached + other.cached,
            output: self.output + other.output,
            reasoning: self.reasoning + other.reasoning,
        }
    }
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
    /// The CLI that it is played as has no words for something.
    #[error("{}, {place}: {harness} has no words for {what}", path.display())]
    NoWords {
        /// The file.
        path: PathBuf,
        /// Where in it.
        place: String,
        /// The CLI.
        harness: &'static str,
        /// What cannot be said.
        what: String,
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
        let tries = if path.extension().is_some_and(|extension| extension == "json") {
            from_json(&text)
        } else {
            from_toml(&text)
        };
        let tries = tries.map_err(|message| ScriptError::Parse { path: path.to_owned(), message })?;
        if tries.is_empty() {
            return Err(ScriptError::Empty { path: path.to_owned() });
        }
        Ok(Script { path: path.to_owned(), tries })
    }

    /// Fails if the script wants something said that this CLI has no words for.
    pub fn suits(&self, harness: Harness) -> Result<(), ScriptError> {
        let vocabulary = manner(harness).vocabulary();
        for placed in self.tries.iter().flat_map(|part| &part.steps) {
            if let Some(what) = vocabulary.lacks(&placed.step) {
                let place = placed.place.clone();
                return Err(ScriptError::NoWords {
                    path: self.path.clone(),
                    place,
                    harness: harness.name(),
                    what,
                });
            }
        }
        Ok(())
    }

    /// What the `number`th invocation does, from 1; the last one repeats.
    pub fn part(&self, number: usize) -> Option<&Try> {
        self.tries.get(number.saturating_sub(1)).or_else(|| self.tries.last())
    }
}

fn from_toml(text: &str) -> Result<Vec<Try>, String> {
    let written: Written<toml::Spanned<Step>> = toml::from_str(text).map_err(|error| error.to_string())?;
    Ok(placed(written, |_, _, step| {
        let before = text.get(..step.span().start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        Placed { place: format!("line {line}"), step: step.into_inner() }
    }))
}

/// JSON does not tell lines.
fn from_json(text: &str) -> Result<Vec<Try>, String> {
    let written: Written<Step> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    Ok(placed(written, |part, number, step| Placed { place: format!("try {part}, step {number}"), step }))
}

/// Says of each step where it stands; tries and steps count from 1.
fn placed<S>(written: Written<S>, place: impl Fn(usize, usize, S) -> Placed) -> Vec<Try> {
    (1..)
        .zip(written.tries)
        .map(|(part, WrittenTry { silent, late_stdin, steps })| Try {
            silent,
            late_stdin,
            steps: (1..).zip(steps).map(|(number, step)| place(part, number, step)).collect(),
        })
        .collect()
}
