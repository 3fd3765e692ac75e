//! Hooks of the queue: what `.laps/hooks.json` says, rally's own entries in it, and how hooks are run.

mod audit;
mod install;
mod json;
mod run;
mod variables;

use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde_json::Value;

pub use audit::{audit, audit_log};
pub use install::{Installed, Noted, install, install_and_commit};
pub use run::{Failed, run};
pub use variables::Vars;

/// Entries whose title begins so are rally's.
pub const OWN: &str = "rally:";

/// Why the hooks cannot be read or installed.
#[derive(Debug, thiserror::Error)]
pub enum HooksError {
    /// `hooks.json` is damaged.
    #[error("{path} is no list of hooks: {why}; mend it, or move it away and rally writes a new one")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its line.
        why: String,
    },
    /// A file cannot be read or written.
    #[error("cannot {what} {path}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
}

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Before its command; a failure stops the command.
    Before,
    /// After its command.
    After,
}

impl Stage {
    /// As `hooks.json` spells it.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Before => "before",
            Stage::After => "after",
        }
    }
}

/// The hooks that rally installs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    /// A lap was completed.
    Done,
    /// A lap is about to be handed over.
    Handoff,
    /// The agent reports the end of its work.
    Wrapup,
}

impl Hook {
    /// All of them, in the order of their entries.
    pub const ALL: [Hook; 3] = [Hook::Done, Hook::Handoff, Hook::Wrapup];

    /// `laps-done`.
    pub fn name(self) -> &'static str {
        match self {
            Hook::Done => "laps-done",
            Hook::Handoff => "laps-handoff",
            Hook::Wrapup => "laps-wrapup",
        }
    }
}

impl FromStr for Hook {
    type Err = String;

    fn from_str(name: &str) -> Result<Hook, String> {
        Hook::ALL.into_iter().find(|hook| hook.name() == name).ok_or_else(|| format!("no hook '{name}'"))
    }
}

/// An entry of `hooks.json`. What is missing is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub title: String,
    /// What it is for.
    pub description: String,
    /// The command it belongs to: `done`, `claim-undo`.
    pub command: String,
    /// `before` or `after`; it never runs with anything else.
    pub when: String,
    /// Text for the shell, with variables.
    pub run: String,
    /// Whether what it prints is shown.
    pub passback: bool,
}

impl Entry {
    fn of(value: &Value) -> Entry {
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        Entry {
            title: text("title"),
            description: text("description"),
            command: text("command"),
            when: text("when"),
            run: text("run"),
            passback: value.get("passback").and_then(Value::as_bool).unwrap_or_default(),
        }
    }

    /// Whether it is one of rally's, which rally's own queue does not run: it reports by itself.
    pub fn is_own(&self) -> bool {
        self.title.starts_with(OWN)
    }
}

/// `.laps/hooks.json`.
pub fn path(root: &Path) -> PathBuf {
    root.join(".laps/hooks.json")
}

/// The entries in order; none without a file.
pub fn read(root: &Path) -> Result<Vec<Entry>, HooksError> {
    let path = path(root);
    let Some(text) = json::text(&path)? else { return Ok(Vec::new()) };
    Ok(json::Document::parse(&path, text)?.entries().iter().map(Entry::of).collect())
}
