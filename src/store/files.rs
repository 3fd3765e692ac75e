//! Whole files: replaced atomically, and folders that are safe on disk.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use super::{StoreError, private};
use crate::model::mask;

/// Makes new and renamed entries of a folder survive a power cut.
pub fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    File::open(dir).and_then(|d| d.sync_all()).map_err(StoreError::at("sync", dir))
}

/// Like [`sync_dir`], for the folder that holds `path`.
pub fn sync_parent(path: &Path) -> Result<(), StoreError> {
    sync_dir(parent(path))
}

/// Creates a folder that only its owner can enter, with everything above it.
pub fn create_private_dir(dir: &Path) -> Result<(), StoreError> {
    private::folder(dir).map_err(StoreError::at("create the folder", dir))
}

/// How the names of files begin that are about to replace others.
const TEMPORARY: &str = ".new-";

/// Deletes what a death in the middle of [`replace`] left in a folder. The caller keeps
/// everybody out who might be at it.
pub(super) fn remove_temporaries(dir: &Path) -> Result<(), StoreError> {
    let entries = std::fs::read_dir(dir).map_err(StoreError::at("read", dir))?;
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
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(dir)?;
        file.write_all(&bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(StoreError::at("write", path))?;
    sync_dir(dir)
}

/// Deletes a file; one that is not there is fine.
pub fn remove(path: &Path) -> Result<(), StoreError> {
    match std::fs::remove_file(path) {
        Ok(()) => sync_parent(path),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(StoreError::io("delete", path, e)),
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
