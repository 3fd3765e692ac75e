//! Whole files: replaced atomically, and folders that are safe on disk.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::{StoreError, disk};
use crate::model::mask;

/// Makes new and renamed entries of a folder survive a power cut.
pub fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    disk::sync_dir(dir).map_err(StoreError::at("sync", dir))
}

/// Like [`sync_dir`], for the folder that holds `path`.
pub fn sync_parent(path: &Path) -> Result<(), StoreError> {
    sync_dir(parent(path))
}

/// Creates a folder that only its owner can enter, with everything above it.
pub fn create_private_dir(dir: &Path) -> Result<(), StoreError> {
    disk::create_private_dir(dir).map_err(StoreError::at("create the folder", dir))
}

/// How the names of files begin that are about to replace others.
const TEMPORARY: &str = ".new-";

/// How many letters and digits follow.
const TEMPORARY_SUFFIX: usize = 10;

/// Deletes what a death in the middle of [`replace`] left in a folder. The caller keeps
/// everybody out who might be at it.
pub(super) fn remove_temporaries(dir: &Path) -> Result<(), StoreError> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(StoreError::io("read", dir, e)),
    };
    for entry in entries.flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(TEMPORARY.as_bytes()) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Puts `bytes` in place of whatever `path` held: readers see all of the old or all
/// of the new content, also after a crash. Secrets are masked.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let dir = parent(path);
    let bytes = mask::shared().record(bytes.to_vec());
    let write = || -> io::Result<()> {
        let (temporary, file) = create_temporary(dir)?;
        let put = disk::write_all(&file, &bytes)
            .and_then(|()| disk::sync_all(&file))
            .and_then(|()| disk::rename(&temporary, path));
        put.inspect_err(|_| {
            // One that stays is deleted when the store is opened next.
            let _ = disk::remove_file(&temporary);
        })
    };
    write().map_err(StoreError::at("write", path))?;
    sync_dir(dir)
}

/// A new file for its owner's eyes only, under a name that nobody has.
fn create_temporary(dir: &Path) -> io::Result<(PathBuf, File)> {
    loop {
        let suffix: String = std::iter::repeat_with(fastrand::alphanumeric).take(TEMPORARY_SUFFIX).collect();
        let path = dir.join(format!("{TEMPORARY}{suffix}"));
        match disk::create_new(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

/// Deletes a file; one that is not there is fine.
pub fn remove(path: &Path) -> Result<(), StoreError> {
    match disk::remove_file(path) {
        Ok(()) => sync_parent(path),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        Err(e) => Err(StoreError::io("delete", path, e)),
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
