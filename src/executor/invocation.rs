//! What a try asks of a CLI, and the command line that asks it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::model::{Category, Evidence, Identity};

/// Longest single argument that Linux takes (`MAX_ARG_STRLEN`, 32 pages), its NUL included.
pub const MAX_ARGUMENT: usize = 128 << 10;

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
    /// The id for a new session, where [`super::Executor::takes_session`] says so; a UUID.
    pub session: Option<&'a str>,
    /// The agent's working directory.
    pub workspace: &'a Path,
    /// A folder of this try's own, empty; it is removed after the try.
    pub scratch: &'a Path,
    /// Who commits here, for a CLI that hides the global git configuration from its tools.
    pub identity: Option<&'a Identity>,
}

impl<'a> Request<'a> {
    /// A prompt for a fresh session, and nothing else asked for.
    pub fn new(prompt: &'a str, workspace: &'a Path, scratch: &'a Path) -> Request<'a> {
        Request {
            prompt,
            model: None,
            effort: None,
            resume: None,
            session: None,
            workspace,
            scratch,
            identity: None,
        }
    }
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
    /// A log that the CLI writes beside its output; it is read while it grows, as [`super::Stream::Log`].
    pub log: Option<PathBuf>,
    /// Remarks for the operator, such as a setting that the CLI has no flag for.
    pub notes: Vec<String>,
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
    /// The CLI takes no prompt of this size, whichever way it comes.
    #[error("the prompt ({size} {unit}) is more than {harness} takes ({limit} {unit})")]
    PromptRefused {
        /// Canonical harness name.
        harness: String,
        /// Size of the prompt.
        size: usize,
        /// Largest size that it takes.
        limit: usize,
        /// What is counted.
        unit: &'static str,
    },
    /// The prompt holds a NUL character, which no argument can.
    #[error("the prompt holds a NUL character, which {harness} cannot take as an argument")]
    PromptHasNul {
        /// Canonical harness name.
        harness: String,
    },
    /// A file of the CLI's that has to be read or changed first cannot be.
    #[error("{harness}: {}: {why}", file.display())]
    Settings {
        /// Canonical harness name.
        harness: String,
        /// The file.
        file: PathBuf,
        /// What is wrong, and the way out.
        why: String,
    },
}

impl PrepareError {
    /// Why a prompt cannot be passed where an argument has room for `limit` bytes of it, if it cannot.
    pub fn of_argument(harness: &str, prompt: &str, limit: usize) -> Result<(), PrepareError> {
        let harness = harness.to_owned();
        if prompt.contains('\0') {
            return Err(PrepareError::PromptHasNul { harness });
        }
        if prompt.len() > limit {
            return Err(PrepareError::PromptTooLong { harness, bytes: prompt.len(), limit });
        }
        Ok(())
    }

    /// The same as evidence: nothing was started, and starting again would not help.
    pub fn evidence(&self) -> Evidence {
        let cause = match self {
            PrepareError::PromptTooLong { .. } | PrepareError::PromptRefused { .. } => "prompt_too_long",
            PrepareError::PromptHasNul { .. } => "prompt_has_nul",
            PrepareError::Settings { .. } => "settings",
        };
        Evidence::new("prepare", Some(Category::HarnessLaunch), self.to_string()).with_cause(cause)
    }
}
