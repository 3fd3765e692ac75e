//! A lock that several rallies share, and that is held for no longer than it takes to read and write small files.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often a taken lock is tried again.
const LOOK: Duration = Duration::from_millis(5);

/// A lock file that is gone when nobody has it.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    /// Locked until it is closed.
    _file: File,
}

impl Lock {
    /// Takes the lock; `None` when somebody else keeps it for so long. Without patience nothing is waited for.
    pub fn take(path: &Path, patience: Duration) -> io::Result<Option<Lock>> {
        let begun = Instant::now();
        loop {
            let file = File::options().write(true).create(true).truncate(false).mode(0o600).open(path)?;
            match file.try_lock() {
                // The one before may have removed the file after it was opened here.
                Ok(()) if is_at(&file, path)? => {
                    return Ok(Some(Lock { path: path.to_owned(), _file: file }));
                }
                Ok(()) => continue,
                Err(TryLockError::WouldBlock) if begun.elapsed() < patience => std::thread::sleep(LOOK),
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let here = file.metadata()?;
    match path.symlink_metadata() {
        Ok(there) => Ok((here.dev(), here.ino()) == (there.dev(), there.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
