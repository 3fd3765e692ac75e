//! What is read from an agent's output: events while it works, a report when it is over.

use crate::model::{Evidence, QuotaWindow, Usage};

/// Which pipe bytes came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output, or both when merged.
    Stdout,
    /// Standard error when separate.
    Stderr,
    /// The CLI's own log of this try.
    Log,
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
    /// The agent wrote text.
    Text,
    /// The CLI retries a request by itself.
    Retrying {
        /// What it retries, as evidence with a category.
        evidence: Box<Evidence>,
        /// Which retry, from 1; 0 when unknown.
        attempt: u32,
    },
    /// The agent's turn begins, or goes on after an [`AgentEvent::End`]: a linger that began there is over.
    TurnStarted,
    /// The agent's turn is over: the CLI is expected to exit. May come again, the last one counts.
    End,
    /// Number of background tasks that the CLI waits for after its end event.
    BackgroundTasks(usize),
    /// The CLI told how full the account's windows are: those that it named, as they stand now.
    Quota(Vec<QuotaWindow>),
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
    /// Tokens.
    pub usage: Option<Counted<Usage>>,
    /// Cost in US dollars.
    pub cost: Option<Counted<f64>>,
    /// Why it failed, if the output tells.
    pub evidence: Option<Evidence>,
    /// Whether an end-of-run event was seen, and no turn began after it.
    pub ended: bool,
    /// Of the output's last 50 lines, those that are not protocol events: the only
    /// ones that text patterns may look at.
    pub plain_tail: Vec<String>,
}

/// A figure as the CLI counts it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Counted<T> {
    /// Of this try alone.
    ThisTry(T),
    /// Of the whole session, earlier tries included.
    WholeSession(T),
}
