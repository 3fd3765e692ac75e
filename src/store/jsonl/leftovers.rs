//! What failed appends could not take back, because the disk failed there, too. The caller was told that nothing
//! was stored and will try again: were it left, a try would have two ends.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::store::disk;

/// By file: its length before, and what was to be appended.
static LEFT: Mutex<BTreeMap<PathBuf, (u64, Vec<u8>)>> = Mutex::new(BTreeMap::new());

/// Some or all of `bytes` may stand in the file behind its first `len` bytes.
pub(super) fn remember(path: &Path, len: u64, bytes: Vec<u8>) {
    LEFT.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), (len, bytes));
}

/// What stands in the file behind its first `len` bytes is left.
pub(super) fn remember_tail(path: &Path, len: u64) {
    let Ok(content) = std::fs::read(path) else { return };
    if let Some(tail) = usize::try_from(len).ok().and_then(|len| content.get(len..)) {
        remember(path, len, tail.to_owned());
    }
}

/// What the death of the process does to its memory, for the files of one folder.
#[cfg(test)]
pub(in crate::store) fn forget_below(folder: &Path) {
    LEFT.lock().unwrap_or_else(PoisonError::into_inner).retain(|path, _| !path.starts_with(folder));
}

/// Cuts off what was left, unless the file has become another meanwhile. Says the file's length. `file` is open
/// to append; reading needs another handle.
pub(super) fn take_back(path: &Path, file: &File) -> io::Result<u64> {
    let is = file.metadata()?.len();
    let mut left = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((len, bytes)) = left.get(path) else { return Ok(is) };
    let tail = is.checked_sub(*len).and_then(|tail| usize::try_from(tail).ok()).unwrap_or_default();
    let mut is_ours = (1..=bytes.len()).contains(&tail);
    if is_ours {
        let mut found = vec![0; tail];
        File::open(path)?.read_exact_at(&mut found, *len)?;
        is_ours = bytes.starts_with(&found);
    }
    let len = if is_ours { *len } else { is };
    if is_ours {
        disk::set_len(file, len)?;
        disk::sync_data(file)?;
    }
    left.remove(path);
    Ok(len)
}
