//! How the agent prints what it does: what is common to all voices, and which there are.
//!
//! A [`Manner`] turns one thing that happens into the lines that its CLI would print; it prints nothing
//! itself. Which fields there are, and in which order, is as recordings of the CLIs show it.

mod antigravity;
mod claude;
mod codex;
mod gemini;
mod opencode;
mod plain;

use std::fmt::Debug;
use std::fs::OpenOptions;
use std::io::{self, Write};

use serde_json::Value;

use super::Harness;
use super::arguments::Log;
use super::script::{Retry, Step, Tokens, TurnResult};

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// On standard output.
    Out(String),
    /// On standard error.
    Err(String),
    /// In the log that the CLI writes beside its output.
    Log(String),
}

/// Who speaks, and to whom: what events name.
#[derive(Debug, Clone, Default)]
pub struct Who {
    /// The session.
    pub session: String,
    /// Whether it goes on with a session, instead of beginning one.
    pub resumed: bool,
    /// The model.
    pub model: String,
    /// What was asked for.
    pub prompt: String,
}

/// The end of a turn, ready to be said.
#[derive(Debug, Clone, Copy)]
pub struct Ending<'a> {
    /// What the script says.
    pub result: &'a TurnResult,
    /// Its text with the `$` words filled in.
    pub text: Option<&'a str>,
    /// Tokens of the whole session, this turn included.
    pub whole_session: Tokens,
}

/// What a voice does about a session that it does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnknownSession {
    /// Says so and exits with this code.
    Refused(Vec<Line>, u8),
    /// Begins a new one, with or without a word about it.
    StartsAnew(Vec<Line>),
}

/// What a voice has words for; a script that wants more of it is refused before it is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vocabulary {
    /// `background_tasks` steps.
    pub background_tasks: bool,
    /// `retry` steps.
    pub retry: bool,
    /// Fields of a `result` that not every voice can tell.
    pub result: &'static [&'static str],
}

impl Vocabulary {
    /// What a step wants said that there are no words for.
    pub fn lacks(&self, step: &Step) -> Option<String> {
        match step {
            Step::BackgroundTasks(_) if !self.background_tasks => Some("`background_tasks`".to_owned()),
            Step::Retry(_) if !self.retry => Some("`retry`".to_owned()),
            Step::Result(result) => result
                .special()
                .find(|name| !self.result.contains(name))
                .map(|name| format!("`{name}` in a `result`")),
            _ => None,
        }
    }
}

/// The manner of one CLI.
pub trait Manner: Debug {
    /// What it has words for.
    fn vocabulary(&self) -> Vocabulary;

    /// An id for a new session.
    fn new_session(&self) -> String {
        uuid::Uuid::new_v4().to_string()
    }

    /// It was asked to resume a session that nobody knows.
    fn unknown_session(&self, id: &str) -> UnknownSession;

    /// A turn begins.
    fn init(&mut self, who: &Who) -> Vec<Line>;

    /// The agent says something.
    fn say(&mut self, who: &Who, text: &str) -> Vec<Line>;

    /// A tool begins. Scripts name tools as Claude Code does.
    fn tool_started(&mut self, who: &Who, name: &str, input: &Value) -> Vec<Line>;

    /// The tool that began last ends.
    fn tool_ended(&mut self, who: &Who, output: &str, is_error: bool) -> Vec<Line>;

    /// How many background tasks are running.
    fn background_tasks(&mut self, _who: &Who, _count: usize) -> Vec<Line> {
        Vec::new()
    }

    /// A failed request is retried.
    fn retry(&mut self, _who: &Who, _retry: &Retry) -> Vec<Line> {
        Vec::new()
    }

    /// The turn ends.
    fn result(&mut self, who: &Who, ending: &Ending<'_>) -> Vec<Line>;

    /// The exit code after a failed turn.
    fn failure_code(&self, _result: &TurnResult) -> u8 {
        1
    }
}

/// A manner that has said nothing yet.
pub fn manner(harness: Harness) -> Box<dyn Manner> {
    match harness {
        Harness::Claude => Box::<claude::Claude>::default(),
        Harness::Codex => Box::<codex::Codex>::default(),
        Harness::Gemini => Box::<gemini::Gemini>::default(),
        Harness::Opencode => Box::<opencode::Opencode>::default(),
        Harness::Antigravity => Box::<antigravity::Antigravity>::default(),
        Harness::Plain => Box::new(plain::Plain),
    }
}

/// Prints what a manner says. Every line is flushed, as a real CLI does.
pub struct Voice<'a> {
    /// Who speaks.
    pub who: Who,
    manner: Box<dyn Manner>,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    log: Log,
}

impl Debug for Voice<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Voice").field("manner", &self.manner).field("who", &self.who).finish()
    }
}

impl<'a> Voice<'a> {
    /// A voice with its streams; `log` is where the lines of the CLI's own log go.
    pub fn new(
        manner: Box<dyn Manner>,
        who: Who,
        out: &'a mut dyn Write,
        err: &'a mut dyn Write,
        log: Log,
    ) -> Self {
        Voice { who, manner, out, err, log }
    }

    /// Prints what the manner says about something.
    pub fn says(&mut self, what: impl FnOnce(&mut dyn Manner, &Who) -> Vec<Line>) -> io::Result<()> {
        let lines = what(self.manner.as_mut(), &self.who);
        self.lines(lines)
    }

    /// The exit code after a failed turn.
    pub fn failure_code(&self, result: &TurnResult) -> u8 {
        self.manner.failure_code(result)
    }

    /// Prints lines.
    pub fn lines(&mut self, lines: Vec<Line>) -> io::Result<()> {
        for line in lines {
            match line {
                Line::Out(text) => self.raw(format!("{text}\n").as_bytes())?,
                Line::Err(text) => self.err(&text)?,
                Line::Log(text) => self.log(&text)?,
            }
        }
        Ok(())
    }

    /// Bytes as they are, on standard output.
    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.out.flush()
    }

    fn err(&mut self, line: &str) -> io::Result<()> {
        // In one write, because standard error may be the same pipe as standard output.
        self.err.write_all(format!("{line}\n").as_bytes())?;
        self.err.flush()
    }

    /// The log is shared by everything that the CLI runs at the same time: a line is one write.
    fn log(&mut self, line: &str) -> io::Result<()> {
        let path = match &self.log {
            Log::Nowhere => return Ok(()),
            Log::Stderr => return self.err(line),
            Log::File(path) => path,
        };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        file.write_all(format!("{line}\n").as_bytes())
    }
}

/// A field of a tool's input, as text.
fn field<'a>(input: &'a Value, name: &str) -> Option<&'a str> {
    input.get(name).and_then(Value::as_str)
}

/// The reason phrase of an HTTP status, as the CLIs quote it.
fn reason_phrase(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        529 => "Overloaded",
        _ => "Unknown Status",
    }
}

#[cfg(test)]
mod tests;
