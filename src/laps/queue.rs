//! The queue as the relay sees it, whoever keeps it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// A task of the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lap {
    /// `<prefix>-<hex>`, unique in its file.
    pub id: String,
    /// One line.
    pub title: String,
    /// May be empty.
    pub description: String,
    /// The role that is to do it; never blank.
    pub assignee: Option<String>,
}

/// A task that is to be added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewLap {
    /// Never blank.
    pub title: String,
    /// May be empty.
    pub description: String,
    /// The role that is to do it.
    pub assignee: Option<String>,
}

/// Where laps are added; several keep their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// They are done next.
    Head,
    /// They are done last.
    Tail,
}

/// What the queue has to offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    /// The lap that is done next.
    Lap(Lap),
    /// A gate is closed: the operator holds back what comes next.
    Held {
        /// Name of the stint.
        scope: String,
    },
    /// There never was a lap.
    Empty,
    /// Every lap is done.
    Complete,
}

/// How a lap stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It waits.
    Todo,
    /// It is done.
    Done,
    /// It is in no file of the queue.
    Gone,
}

/// Why the queue cannot say or do something. Never the same as an empty one.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// In words, the way out included.
    #[error("{0}")]
    Failed(String),
}

/// The queue of one workspace.
#[derive(Debug, Clone)]
pub struct Queue {
    root: PathBuf,
}

impl Queue {
    /// The queue of a workspace that has a `.laps/laps.json`: the program `laps` of this search path, or rally's
    /// own where there is none or where it is this very binary.
    pub fn detect(workspace: &Path, _path: Option<&OsStr>) -> Option<Queue> {
        workspace.join(".laps/laps.json").exists().then(|| Queue { root: workspace.to_owned() })
    }

    /// The installed program, if that keeps the queue.
    pub fn program(&self) -> Option<&Path> {
        None
    }

    /// What the operator should know of the installed program: too old, unreadable version.
    pub fn advisory(&self) -> Option<String> {
        None
    }

    /// Claims the head. A second claim hands out the same lap again.
    pub fn claim(&self) -> Result<Offer, QueueError> {
        self.unbuilt()
    }

    /// Claims this lap, for a run that goes on with it. Refused when it is done or gone.
    pub fn claim_again(&self, _id: &str) -> Result<Offer, QueueError> {
        self.unbuilt()
    }

    /// What a claim would give. Changes nothing.
    pub fn head(&self) -> Result<Offer, QueueError> {
        self.unbuilt()
    }

    /// The laps that wait, in order, those of queued stints in their place.
    pub fn waiting(&self) -> Result<Vec<Lap>, QueueError> {
        self.unbuilt()
    }

    /// How a lap stands, wherever it is: root file, stints, archive.
    pub fn standing(&self, _id: &str) -> Result<Standing, QueueError> {
        self.unbuilt()
    }

    /// Adds laps in one step, and says their ids in the same order.
    pub fn add(&self, _place: Place, _laps: &[NewLap]) -> Result<Vec<String>, QueueError> {
        self.unbuilt()
    }

    /// Gives the claim back, if it still names this lap. Says whether it did.
    pub fn release(&self, _id: &str) -> Result<bool, QueueError> {
        self.unbuilt()
    }

    fn unbuilt<T>(&self) -> Result<T, QueueError> {
        Err(QueueError::Failed(format!("the queue of {} cannot be used yet", self.root.display())))
    }
}
