//! How a command of the queue ends short: with an exit code of `laps`, and one message.

use std::io::Write;

use crate::laps::file::OpError;
use crate::laps::file::json::Node;
use crate::laps::folder::LapsError;
use crate::model::mask;

/// The command line was wrong.
pub const USAGE: u8 = 1;
/// The queue cannot be used.
pub const STORE: u8 = 2;
/// There is no such thing.
pub const NOT_FOUND: u8 = 3;
/// A hook refused.
pub const HOOK: u8 = 4;
/// A closed gate.
pub const HELD: u8 = 10;
/// There never was a lap.
pub const EMPTY: u8 = 11;
/// Every lap is done.
pub const COMPLETE: u8 = 12;

/// Why a command ended without what it is for.
#[derive(Debug, PartialEq, Eq)]
pub enum Stop {
    /// An error, for standard error.
    Error(u8, String),
    /// Nothing can be handed out. That is an answer and no error.
    Nothing(Nothing),
}

/// Why nothing can be handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nothing {
    /// This scope is held.
    Held(String),
    /// There never was a lap.
    Empty,
    /// Every lap is done.
    Complete,
}

impl Nothing {
    fn state(&self) -> &'static str {
        match self {
            Nothing::Held(_) => "held",
            Nothing::Empty => "empty",
            Nothing::Complete => "complete",
        }
    }

    fn code(&self) -> u8 {
        match self {
            Nothing::Held(_) => HELD,
            Nothing::Empty => EMPTY,
            Nothing::Complete => COMPLETE,
        }
    }
}

impl Stop {
    /// The command line was wrong.
    pub fn usage(message: impl Into<String>) -> Stop {
        Stop::Error(USAGE, message.into())
    }

    /// There is no such thing.
    pub fn not_found(message: impl Into<String>) -> Stop {
        Stop::Error(NOT_FOUND, message.into())
    }

    /// The queue, or a file beside it, cannot be used.
    pub fn store(message: impl std::fmt::Display) -> Stop {
        Stop::Error(STORE, message.to_string())
    }

    /// `move`, `edit` and `assign` call a wrong lap a wrong command line.
    pub fn of_change(error: LapsError) -> Stop {
        match error {
            LapsError::NotFound(_) | LapsError::Op(OpError::Unknown(_) | OpError::Done(_)) => {
                Stop::usage(error.to_string())
            }
            other => other.into(),
        }
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Stop::Error(code, _) => *code,
            Stop::Nothing(nothing) => nothing.code(),
        }
    }

    /// Says it, as text or as JSON.
    pub fn tell(&self, json: bool) {
        match self {
            Stop::Error(code, message) if json => {
                let object = [("error", message.as_str().into()), ("exitCode", i64::from(*code).into())];
                let _ = writeln!(std::io::stderr(), "{}", mask::text(&Node::object(object).compact()));
            }
            Stop::Error(_, message) => note(message),
            Stop::Nothing(nothing) => {
                if let Nothing::Held(scope) = nothing {
                    note(&format!("stint {scope} is held: start no lap of it; `stints release` opens it"));
                }
                if json {
                    let object =
                        [("exitCode", i64::from(nothing.code()).into()), ("state", nothing.state().into())];
                    let _ = writeln!(std::io::stdout(), "{}", Node::object(object).compact());
                }
            }
        }
    }
}

impl From<LapsError> for Stop {
    fn from(error: LapsError) -> Stop {
        Stop::Error(error.exit_code(), crate::model::text::chain(&error))
    }
}

/// One line for the person at the other end, on standard error.
pub fn note(message: &str) {
    let _ = writeln!(std::io::stderr(), "laps: {}", crate::terminal::sanitize::text(message));
}
