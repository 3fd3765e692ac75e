//! What can go wrong when git is asked.

use std::io;
use std::path::PathBuf;

/// Shorthand of this room.
pub type Result<T, E = GitError> = std::result::Result<T, E>;

/// An answer that git did not give.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The program could not be started.
    #[error("git cannot be started ({0}): is it installed and in PATH?")]
    Start(#[source] io::Error),
    /// The folder to work in is missing or is a file.
    #[error("{0} is not a folder")]
    NoFolder(PathBuf),
    /// There is a repository, but nothing is checked out here.
    #[error(
        "{0} is in a repository without a work tree (bare, or inside .git): run rally where its files are"
    )]
    NoWorkTree(PathBuf),
    /// Git ended with an error.
    #[error("git {command} failed: {detail}")]
    Failed {
        /// The subcommand.
        command: String,
        /// What git (or a hook) said, shortened.
        detail: String,
    },
    /// Git did not end in time and was stopped.
    #[error("git {command} was still running after {seconds} s and was stopped")]
    TimedOut {
        /// The subcommand.
        command: String,
        /// The limit.
        seconds: u64,
    },
    /// The operator did not want to wait for it any longer.
    #[error("git {command} was stopped by the operator")]
    Stopped {
        /// The subcommand.
        command: String,
    },
    /// Git's answer has a shape that rally does not know.
    #[error("git {command} answered something unexpected: {detail}")]
    Unexpected {
        /// The subcommand.
        command: String,
        /// The part that was not understood.
        detail: String,
    },
    /// A file of the repository could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A merge, rebase or the like is under way.
    #[error("a {0} is in progress: finish or abort it, then rally commits again")]
    Busy(&'static str),
    /// Somebody else commits all the time.
    #[error("HEAD kept moving: somebody else commits at the same time")]
    Moved,
    /// Another git holds the index, or died while it did.
    #[error("{} is in the way: another git is at work, or one died (then delete that file)", .0.display())]
    Locked(PathBuf),
}

impl GitError {
    /// Whether another git was in the way, so that it may work in a moment.
    pub(super) fn is_lock(&self) -> bool {
        match self {
            GitError::Locked(_) => true,
            GitError::Failed { detail, .. } => detail.contains("index.lock"),
            _ => false,
        }
    }

    /// Attaches a path to an I/O error.
    pub(super) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> GitError {
        let path = path.into();
        move |source| GitError::Io { path, source }
    }
}
