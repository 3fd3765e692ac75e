//! What can go wrong with remembered things.

use std::io;
use std::path::{Path, PathBuf};

use super::jsonl::MAX_LINE;
use super::records::RECORD_VERSION;

/// An error of the store. The cause of an I/O error is its `source`.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or folder could not be used.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried: `read`, `write`, …
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The disk or the quota is full; the file is as it was before.
    #[error(
        "no space left on device: {} could not be written and is as it was before; free some space there and try again",
        path.display()
    )]
    DiskFull {
        /// The file.
        path: PathBuf,
    },
    /// A record that no reader would accept.
    #[error("a record of {bytes} bytes is too large for {} (limit {MAX_LINE} bytes)", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Size of the record.
        bytes: usize,
    },
    /// A record that cannot be written as JSON.
    #[error("cannot encode a record for {}", path.display())]
    Encode {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: serde_json::Error,
    },
    /// A file that should be rewritten is not what it should be.
    #[error("{} is not valid JSON; move it away and try again", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: serde_json::Error,
    },
    /// The state belongs to a newer rally.
    #[error(
        "{} was written by a newer rally (record version {found}, this one knows {RECORD_VERSION}): update rally",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Version of its newest record.
        found: u32,
    },
    /// A folder stands where a file has to be.
    #[error("{} is a folder, but a file belongs there; move it away and try again", path.display())]
    FolderInTheWay {
        /// The folder.
        path: PathBuf,
    },
    /// A try that was not allocated, or has its record already.
    #[error("try {id} is not running: it was never allocated, or it has its record already")]
    NotRunning {
        /// The try.
        id: u64,
    },
    /// No such inbox message.
    #[error("there is no message {id} in {}", path.display())]
    UnknownMessage {
        /// The id asked for.
        id: u64,
        /// The inbox.
        path: PathBuf,
    },
    /// An inbox message that nobody waits for any more.
    #[error("message {id} is {status} already")]
    MessageOver {
        /// The message.
        id: u64,
        /// What became of it.
        status: String,
    },
}

impl StoreError {
    /// Whether waiting for room on the disk helps.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, StoreError::DiskFull { .. })
    }

    /// An I/O error with its file; a full disk becomes [`StoreError::DiskFull`].
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                StoreError::DiskFull { path: path.to_owned() }
            }
            _ => StoreError::Io { action, path: path.to_owned(), source },
        }
    }

    /// For `map_err`: [`StoreError::io`] with what was tried and where.
    pub(crate) fn at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
        move |source| StoreError::io(action, path, source)
    }
}
