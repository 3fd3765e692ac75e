//! Reads and replaces small files that others read and write, too.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Longest file that is read: 1 MiB.
const LONGEST: u64 = 1 << 20;

/// The file that a chain of links leads to, whether it is there or not.
pub(super) fn behind_links(path: &Path) -> io::Result<PathBuf> {
    const MOST: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MOST {
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("/")).join(target),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(path),
            // No link.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return path.canonicalize(),
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("too many links"))
}

/// The text of a file; `None` when there is none.
pub(super) fn read(path: &Path) -> io::Result<Option<String>> {
    let found = match path.metadata() {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    // A pipe in its place would block.
    if !found.is_file() || found.len() > LONGEST {
        return Err(io::Error::other("it is no file of a size that settings have"));
    }
    let mut text = String::new();
    File::open(path)?.take(LONGEST).read_to_string(&mut text)?;
    Ok(Some(text))
}

/// Replaces a file at once: whoever reads it sees the old or the new text. Its mode stays.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mode = path.metadata().map_or(0o600, |found| found.permissions().mode() & 0o7777);
    let mut file = tempfile::Builder::new().prefix(".rally-").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}
