//! The folder `.laps` of a workspace: its queue files, the claim and the log. Every change is made under a lock on
//! the folder itself, which leaves no file behind, and survives a death at any moment.
//!
//! The program `laps` takes no lock: a file that it changed between our reading and our writing is read again, and
//! the change made anew.

mod actions;
mod claim;
mod copy;
#[cfg(test)]
mod deaths;
mod events;
mod look;
mod remove;
mod save;
mod stints;
#[cfg(test)]
mod tests;
mod walk;

use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex};

pub use claim::Claim;
pub use stints::StintFile;

use super::file::{Entry, FileError, OpError, TaskFile};
use crate::process::Brake;

/// The root queue, relative to the folder.
pub const ROOT_FILE: &str = "laps.json";

/// Why the queue cannot say or do something.
#[derive(Debug, thiserror::Error)]
pub enum LapsError {
    /// Neither `.laps` nor `.git`, here or above.
    #[error("no .laps and no .git in {} or any folder above; run `git init` first, or make a folder .laps", .0.display())]
    NoFolder(PathBuf),
    /// The system refused.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// A verb.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A queue file that cannot be understood.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: FileError,
    },
    /// A queue file that was cut to nothing.
    #[error(
        "{} is empty, but {} laps in it; restore it with `{}`, or write {{}} into it for a new queue",
        path.display(),
        copy.as_ref().map_or("the last commit has".to_owned(), |copy| format!("its last copy {} has", copy.display())),
        copy.as_ref().map_or_else(
            || format!("git checkout HEAD -- {}", path.display()),
            |copy| format!("cp {} {}", copy.display(), path.display()))
    )]
    CutToNothing {
        /// The file.
        path: PathBuf,
        /// A copy with laps; `None` when git has one.
        copy: Option<PathBuf>,
    },
    /// The lock did not come free.
    #[error("another process has held {} for {} s; end it and try again", path.display(), seconds)]
    Locked {
        /// The folder.
        path: PathBuf,
        /// How long was waited.
        seconds: u64,
    },
    /// Somebody changes the file all the time.
    #[error("{} was changed by another program each time; try again", .0.display())]
    Contended(PathBuf),
    /// A name that leads out of the folder.
    #[error("{0:?} is outside of the folder .laps; name a file in it")]
    Outside(String),
    /// No such stint or lap; with the way out.
    #[error("{0}")]
    NotFound(String),
    /// The chain of stints is broken, or the archive is in the way.
    #[error("{0}")]
    Stint(String),
    /// No such queue.
    #[error("{0}")]
    NoQueue(String),
    /// Nothing is claimed.
    #[error("nothing is claimed{}", head.as_ref().map_or(String::new(), |head| format!(
        "; the head is {} ({}): run `laps claim` first, or `laps done {}`", head.id, head.title, head.id)))]
    NothingClaimed {
        /// What a claim would give.
        head: Option<Box<Entry>>,
    },
    /// Nothing was done that could be opened again.
    #[error("there is no completed lap to undo")]
    NothingDone,
    /// It was done long ago.
    #[error("lap {id} was completed {seconds} s ago; use --yes to open it again")]
    TooOld {
        /// The lap.
        id: String,
        /// Its age.
        seconds: i64,
    },
    /// It is claimed.
    #[error("lap {0} is claimed; run `laps claim undo` first, or use --force")]
    Claimed(String),
    /// The file's laps do not allow it.
    #[error(transparent)]
    Op(#[from] OpError),
}

impl LapsError {
    fn io(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> LapsError {
        move |source| LapsError::Io { what, path: path.to_owned(), source }
    }

    /// The exit code of `laps`: 1 usage, 2 store, 3 not found.
    pub fn exit_code(&self) -> u8 {
        match self {
            LapsError::Outside(_) | LapsError::Claimed(_) => 1,
            LapsError::NoFolder(_)
            | LapsError::Io { .. }
            | LapsError::File { .. }
            | LapsError::CutToNothing { .. }
            | LapsError::Locked { .. }
            | LapsError::Contended(_)
            | LapsError::Stint(_) => 2,
            LapsError::NotFound(_)
            | LapsError::NoQueue(_)
            | LapsError::NothingClaimed { .. }
            | LapsError::NothingDone
            | LapsError::TooOld { .. } => 3,
            LapsError::Op(error) => match error {
                OpError::Unknown(_) | OpError::Done(_) | OpError::Todo(_) => 3,
                OpError::Stint { .. } | OpError::BlankTitle(_) | OpError::AfterItself(_) => 1,
                OpError::Ambiguous(_) | OpError::Nameless | OpError::NoId(_) => 2,
            },
        }
    }
}

pub(super) type Result<T> = std::result::Result<T, LapsError>;

/// Which queue a command means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// The deepest one that the root's head leads to.
    Active,
    /// The root.
    Root,
    /// A stint.
    Stint(String),
    /// A file by name, `.json` may be missing.
    File(String),
}

/// A queue and how it was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// Its file, relative to the folder.
    pub file: String,
    /// `root`, a stint, a path of stints, or the file.
    pub scope: String,
    /// The held stint on the way to it, or itself.
    pub held: Option<String>,
    /// What was read.
    pub tasks: TaskFile,
}

/// What the queue hands out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handed {
    /// A lap.
    Lap {
        /// The lap.
        entry: Box<Entry>,
        /// Where it is.
        spot: Box<Spot>,
    },
    /// A gate is closed.
    Held {
        /// The stint.
        stint: String,
        /// The way to it.
        scope: String,
    },
    /// There are no laps.
    Empty,
    /// All are done.
    Complete,
}

/// The folder. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
    dir: PathBuf,
    warnings: Arc<Mutex<Vec<String>>>,
    brake: Brake,
}

impl Folder {
    /// The folder `.laps` of this workspace, which need not exist yet.
    pub fn of(workspace: &Path) -> Folder {
        Folder {
            root: workspace.to_owned(),
            dir: workspace.join(".laps"),
            warnings: Arc::default(),
            brake: Brake::default(),
        }
    }

    /// The same, whose waits for the lock and for hooks this brake can end.
    pub fn with_brake(&self, brake: &Brake) -> Folder {
        Folder { brake: brake.clone(), ..self.clone() }
    }

    /// What ends the waits.
    pub fn brake(&self) -> &Brake {
        &self.brake
    }

    /// The folder that serves `from`: the first `.laps` upward, or a new one beside the first `.git`.
    pub fn discover(from: &Path) -> Result<Folder> {
        for level in from.ancestors() {
            let folder = Folder::of(level);
            if folder.dir.is_dir() {
                return Ok(folder);
            }
            if level.join(".git").symlink_metadata().is_ok() {
                std::fs::create_dir_all(&folder.dir).map_err(LapsError::io("create", &folder.dir))?;
                return Ok(folder);
            }
        }
        Err(LapsError::NoFolder(from.to_owned()))
    }

    /// The top of the workspace, where hooks run.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder itself.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A file of the folder.
    pub fn path(&self, file: &str) -> PathBuf {
        self.dir.join(file)
    }

    /// What went wrong without stopping anything, once.
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.lock().map(|mut list| std::mem::take(&mut *list)).unwrap_or_default()
    }

    fn warn(&self, text: String) {
        if let Ok(mut list) = self.warnings.lock()
            && !list.contains(&text)
        {
            list.push(text);
        }
    }
}

/// The file that `-f NAME` means. One outside of the folder is refused.
pub fn file_name(name: &str) -> Result<String> {
    let whole = match name {
        "" => ROOT_FILE.to_owned(),
        name if name.ends_with(".json") => name.to_owned(),
        name => format!("{name}.json"),
    };
    let mut parts = Vec::new();
    for part in Path::new(&whole).components() {
        match part {
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(LapsError::Outside(name.to_owned()));
            }
        }
    }
    Ok(parts.join("/"))
}
