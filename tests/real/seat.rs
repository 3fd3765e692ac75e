//! At most two opencode at once: each takes up to 1.2 GB, and the machine may be small.

use std::fs::{File, TryLockError};
use std::time::Duration;

use super::install;

const SEATS: usize = 2;

/// Waits for a seat. It is free again when the file is closed, or when this process ends.
pub fn take() -> File {
    let files: Vec<File> =
        (0..SEATS).map(|seat| File::create(install::cache().join(format!("seat-{seat}"))).unwrap()).collect();
    loop {
        for file in &files {
            match file.try_lock() {
                Ok(()) => return file.try_clone().unwrap(),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => panic!("cannot lock a seat: {error}"),
            }
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
