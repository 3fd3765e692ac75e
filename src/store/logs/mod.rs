//! The logs of tries and relays in the data folder: written under a lock, kept small, and deleted when they are too
//! old or too many.
//!
//! Whoever writes a log holds a shared lock of the kernel on it, and only who gets it alone may delete it: so no log
//! is deleted that is being written, whatever the records say.

mod capped;
mod collect;
mod decide;
mod folder;
mod writing;

use std::path::PathBuf;
use std::time::Duration;

pub use capped::TryLog;
pub use collect::{Collection, Ended, Scope, collect};
pub use decide::{Plan, decide};
pub use writing::{OLD_RELAY_LOGS, RelayFile};

use crate::config::LogsConfig;
use crate::model::Timestamp;

/// Whose log it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A try's: what its agent printed, and the samples of its liveness.
    Try,
    /// A relay's.
    Relay,
}

/// Why a log stays, however old it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// It is being written, or may be at any moment.
    Running,
    /// It is the newest of a relay that can be resumed.
    Resumable,
    /// It is the newest of another workspace, of whose relays nothing is known here.
    Newest,
}

/// A log, as it is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Whose.
    pub kind: Kind,
    /// Of its try or relay.
    pub id: u64,
    /// Its first file.
    pub path: PathBuf,
    /// Of all its files together.
    pub bytes: u64,
    /// When it was written to last.
    pub modified: Timestamp,
    /// Why it stays.
    pub held: Option<Held>,
}

/// What is kept. What is `None` is unlimited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// How old a log may grow.
    pub keep: Option<Duration>,
    /// How large all logs may be together.
    pub bytes: Option<u64>,
}

impl Limits {
    /// Whether everything stays.
    pub fn is_unlimited(&self) -> bool {
        *self == Limits::default()
    }
}

impl From<&LogsConfig> for Limits {
    fn from(config: &LogsConfig) -> Limits {
        Limits { keep: config.keep, bytes: config.keep_bytes }
    }
}
