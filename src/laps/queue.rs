//! The queue as the relay sees it, whoever keeps it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::built_in;
use super::external::{self, External, Version};
use super::folder::{Folder, ROOT_FILE};
use super::installed;
use crate::process::Brake;

/// The root queue, from the top of the workspace.
const FILE: &str = ".laps/laps.json";

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

/// The oldest version of the program that relays are known to work with.
const REQUIRED: Version = Version(0, 8, 1);

/// The queue of one workspace.
#[derive(Debug, Clone)]
pub struct Queue {
    root: PathBuf,
    keeper: Keeper,
}

#[derive(Debug, Clone)]
enum Keeper {
    BuiltIn(Folder),
    External(External),
}

impl Queue {
    /// The queue of a workspace that has a `.laps/laps.json`: the program `laps` of this search path, or rally's
    /// own where there is none or where it is this very binary.
    pub fn detect(workspace: &Path, path: Option<&OsStr>) -> Option<Queue> {
        if let Err(why) = workspace.join(FILE).metadata()
            && why.kind() == std::io::ErrorKind::NotFound
        {
            return None;
        }
        let keeper = match installed::program(workspace, path) {
            Some(program) => Keeper::External(External::new(program, workspace)),
            None => Keeper::BuiltIn(Folder::of(workspace)),
        };
        Some(Queue { root: workspace.to_owned(), keeper })
    }

    /// The same queue, whose calls this brake can end.
    pub fn with_brake(&self, brake: &Brake) -> Queue {
        let keeper = match &self.keeper {
            Keeper::BuiltIn(folder) => Keeper::BuiltIn(folder.with_brake(brake)),
            Keeper::External(external) => Keeper::External(external.with_brake(brake)),
        };
        Queue { root: self.root.clone(), keeper }
    }

    /// The installed program, if that keeps the queue.
    pub fn program(&self) -> Option<&Path> {
        match &self.keeper {
            Keeper::BuiltIn(_) => None,
            Keeper::External(external) => Some(external.program()),
        }
    }

    /// What the operator should know of the installed program: too old, unreadable version.
    pub fn advisory(&self) -> Option<String> {
        match &self.keeper {
            Keeper::BuiltIn(_) => None,
            Keeper::External(external) => installed::companion()
                .and_then(|path| advice(&path, external))
                .or_else(|| advice(external.program(), external)),
        }
    }

    /// Who is asked. A queue that was there and is gone is not an empty one: an agent may have tidied it away.
    fn keeper(&self) -> Result<&Keeper, QueueError> {
        let file = self.root.join(FILE);
        match file.symlink_metadata() {
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => {
                let way = match Folder::of(&self.root).kept(ROOT_FILE) {
                    Some((copy, _)) => format!("cp {} {}", copy.display(), file.display()),
                    None => format!("git checkout HEAD -- {FILE}"),
                };
                Err(QueueError::Failed(format!(
                    "the queue: {} is gone; restore it with `{way}`",
                    file.display()
                )))
            }
            _ => {
                if let Keeper::External(_) = &self.keeper {
                    // The program takes a file that was cut to nothing for a new one.
                    Folder::of(&self.root).look_after()?;
                }
                Ok(&self.keeper)
            }
        }
    }

    /// Claims the head. A second claim hands out the same lap again.
    pub fn claim(&self) -> Result<Offer, QueueError> {
        match self.keeper()? {
            Keeper::BuiltIn(folder) => built_in::claim(folder),
            Keeper::External(external) => external.claim(),
        }
    }

    /// Claims this lap, for a run that goes on with it. Refused when it is done or gone.
    pub fn claim_again(&self, id: &str) -> Result<Offer, QueueError> {
        match self.keeper()? {
            Keeper::BuiltIn(folder) => built_in::claim_again(folder, id),
            Keeper::External(external) => external.claim_again(id),
        }
    }

    /// The lap that the claim names, in either form; `None` when there is no claim that can be read.
    pub fn claimed(&self) -> Option<String> {
        external::claimed(&self.root)
    }

    /// What a claim would give. Changes nothing.
    pub fn head(&self) -> Result<Offer, QueueError> {
        match self.keeper()? {
            Keeper::BuiltIn(folder) => built_in::head(folder),
            Keeper::External(external) => external.head(),
        }
    }

    /// The laps that wait, in order, those of queued stints in their place.
    pub fn waiting(&self) -> Result<Vec<Lap>, QueueError> {
        match self.keeper()? {
            Keeper::BuiltIn(folder) => built_in::waiting(folder),
            Keeper::External(external) => external.waiting(),
        }
    }

    /// How a lap stands, wherever it is: root file, stints, archive.
    pub fn standing(&self, id: &str) -> Result<Standing, QueueError> {
        match self.keeper()? {
            Keeper::BuiltIn(folder) => built_in::standing(folder, id),
            Keeper::External(external) => external.standing(id),
        }
    }

    /// Adds laps in one step, and says their ids in the same order.
    pub fn add(&self, place: Place, laps: &[NewLap]) -> Result<Vec<String>, QueueError> {
        match self.keeper()? {
            Keeper::BuiltIn(folder) => built_in::add(folder, place, laps),
            Keeper::External(external) => external.add(place, laps),
        }
    }

    /// Gives the claim back, if it still names this lap. Says whether it did.
    pub fn release(&self, id: &str) -> Result<bool, QueueError> {
        match &self.keeper {
            Keeper::BuiltIn(folder) => built_in::release(folder, id),
            Keeper::External(external) => external.release(id),
        }
    }
}

/// A program whose version cannot be read is none of the operator's business: it may be a development build.
fn advice(program: &Path, external: &External) -> Option<String> {
    let version = external.version_of(program).filter(|version| *version < REQUIRED)?;
    let shown = program.display();
    Some(format!(
        "{shown} is laps v{version}, older than the required v{REQUIRED}: update it, or remove it to use rally's own queue"
    ))
}
