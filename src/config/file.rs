//! What a configuration file holds, whoever asks.

use std::io::{Error, ErrorKind};
use std::path::Path;

/// The content of a file; `None` when it is missing.
///
/// # Errors
///
/// For what exists and cannot be read.
pub(super) fn bytes(file: &Path) -> std::io::Result<Option<Vec<u8>>> {
    // A pipe in its place would block.
    if std::fs::metadata(file).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return Err(Error::other("it is no regular file"));
    }
    match std::fs::read(file) {
        Ok(bytes) => Ok(Some(bytes)),
        // Somebody keeps the file elsewhere, and that place is not there today: running without it
        // would run other agents than they chose.
        Err(error) if error.kind() == ErrorKind::NotFound && file.is_symlink() => Err(Error::other(
            "it is a symbolic link to a file that is not there; make that file, or remove the link",
        )),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}
