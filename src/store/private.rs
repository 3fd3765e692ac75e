//! Files and folders that are nobody else's business, whatever the umask says: prompts, transcripts and what agents
//! did. Those that an earlier version left open to others are closed when they are next written to.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// What others than the owner may do.
const OTHERS: u32 = 0o077;

/// Makes a folder that only its owner can enter, with everything above it. One that is there is closed to others.
///
/// # Errors
/// When it cannot be made. That it cannot be closed (it is somebody else's) stops nobody.
pub fn folder(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    // A link leads to a folder that rally did not make.
    let found = dir.symlink_metadata()?;
    if found.is_dir() && found.mode() & OTHERS != 0 {
        let _ = std::fs::set_permissions(dir, Permissions::from_mode(0o700));
    }
    Ok(())
}

/// Opens a file that only its owner can read. One that is there is closed to others.
///
/// # Errors
/// Those of opening it.
pub fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let file = options.mode(0o600).open(path)?;
    let found = file.metadata()?;
    if found.is_file() && found.mode() & OTHERS != 0 && found.nlink() == 1 {
        let _ = file.set_permissions(Permissions::from_mode(0o600));
    }
    Ok(file)
}

/// Opens a file as its folder is: in one that only its owner can enter it is as private, elsewhere (what git
/// tracks) a file like any other.
///
/// # Errors
/// Those of opening it.
pub fn open_like_folder(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let is_private =
        path.parent().and_then(|dir| dir.metadata().ok()).is_some_and(|dir| dir.mode() & OTHERS == 0);
    if is_private { open(options, path) } else { options.open(path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().mode() & 0o777
    }

    #[test]
    fn what_was_open_to_others_is_closed() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("a/b");
        folder(&dir).unwrap();
        assert_eq!((mode(&dir), mode(dir.parent().unwrap())), (0o700, 0o700));
        std::fs::set_permissions(&dir, Permissions::from_mode(0o777)).unwrap();
        let file = dir.join("file");
        std::fs::write(&file, "x").unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o664)).unwrap();
        drop(open_like_folder(OpenOptions::new().append(true), &file).unwrap());
        assert_eq!(mode(&file), 0o664, "the folder is open");
        folder(&dir).unwrap();
        drop(open_like_folder(OpenOptions::new().append(true), &file).unwrap());
        assert_eq!((mode(&dir), mode(&file)), (0o700, 0o600));
    }

    #[test]
    fn what_a_link_leads_to_stays_as_it_is() {
        let root = tempfile::tempdir().unwrap();
        let (theirs, link) = (root.path().join("theirs"), root.path().join("link"));
        std::fs::create_dir(&theirs).unwrap();
        std::fs::set_permissions(&theirs, Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink(&theirs, &link).unwrap();
        folder(&link).unwrap();
        assert_eq!(mode(&theirs), 0o755);
    }
}
