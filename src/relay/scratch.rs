//! A try's own folder for what is worth nothing after it: private temporary files, logs. Some CLIs
//! leave megabytes there each time they run.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

/// What the names of all of them begin with.
const PREFIX: &str = "rally-";

/// Where the folder of the try with this tag will be: directly in the system's folder for temporary
/// files, because the path of a socket in it must not get long.
pub fn place(tag: &str) -> String {
    let folder = std::env::temp_dir();
    // The agent's own folder is another than ours.
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    // A name that is no UTF-8 could not be written down for the start after a crash.
    format!("{}/{PREFIX}{tag}", folder.to_str().unwrap_or("/tmp").trim_end_matches('/'))
}

/// Makes it, for its owner alone. What is there already is somebody else's and an error.
pub fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// Whether this may be the folder of the try with this tag: a journal can come along with somebody else's
/// repository, and must not choose what is removed.
pub fn is_of(path: &Path, tag: &str) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let made_by_us = uuid::Uuid::try_parse(tag).is_ok();
    path.is_absolute() && made_by_us && name.and_then(|name| name.strip_prefix(PREFIX)) == Some(tag)
}

/// Removes the folder of the try with this tag, with everything in it; links in it are not followed. Nothing there
/// is no error, and what does not look like ours is left alone.
pub fn remove(path: &Path, tag: &str) -> io::Result<()> {
    let found = match path.symlink_metadata() {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !is_of(path, tag) || !found.is_dir() || found.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other("it is no folder of rally's"));
    }
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(path)?;
            std::fs::remove_dir_all(path)
        }
        done => done,
    }
}

/// Tools leave folders that nobody may write to, such as Go's module cache.
fn open_up(folder: &Path) -> io::Result<()> {
    std::fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // Not of what a link leads to.
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "602d111b-7d5f-4f6c-9d31-0c6a4a1f2b3c";

    #[test]
    fn a_journal_from_anywhere_chooses_no_folder() {
        assert!(is_of(Path::new(&place(TAG)), TAG));
        for (path, tag) in
            [("/home/me/rally-project", "project"), ("/home/me/rally-", ""), ("/tmp/other", TAG)]
        {
            assert!(!is_of(Path::new(path), tag), "{path}");
        }
        assert!(!is_of(Path::new(&format!("rally-{TAG}")), TAG), "relative to what?");
    }

    #[test]
    fn what_was_made_goes_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let ours = folder.path().join(format!("rally-{TAG}"));
        make(&ours).unwrap();
        assert_eq!(ours.metadata().unwrap().mode() & 0o777, 0o700);
        make(&ours).unwrap_err();
        std::fs::create_dir(ours.join("deep")).unwrap();
        std::fs::write(folder.path().join("precious"), "mine").unwrap();
        std::os::unix::fs::symlink(folder.path(), ours.join("deep/link")).unwrap();
        std::fs::set_permissions(ours.join("deep"), Permissions::from_mode(0o500)).unwrap();
        remove(&ours, TAG).unwrap();
        assert!(!ours.exists());
        remove(&ours, TAG).unwrap();

        let other = folder.path().join("rally-other");
        make(&other).unwrap();
        remove(&other, TAG).unwrap_err();
        remove(&other, "").unwrap_err();
        std::os::unix::fs::symlink(&other, &ours).unwrap();
        remove(&ours, TAG).unwrap_err();
        assert!(other.exists());
        assert_eq!(std::fs::read_to_string(folder.path().join("precious")).unwrap(), "mine");
    }
}
