//! A try's own folder for what is worth nothing after it: private temporary files, logs. Some CLIs
//! leave megabytes there each time they run.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

/// What the names of all of them begin with.
const PREFIX: &str = "rally-";

/// Where the folder of the try with this tag will be: directly in the system's folder for temporary
/// files, because the path of a socket in it must not get long.
pub fn place(tag: &str) -> String {
    let folder = std::env::temp_dir();
    // A name that is no UTF-8 could not be written down for the start after a crash.
    format!("{}/{PREFIX}{tag}", folder.to_str().unwrap_or("/tmp").trim_end_matches('/'))
}

/// Makes it, for its owner alone. What is there already is somebody else's and an error.
pub fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// Removes it with everything in it; links in it are not followed. Nothing there is no error, and what does not
/// look like one of ours is left alone.
pub fn remove(path: &Path) -> io::Result<()> {
    let named = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(PREFIX));
    let found = match path.symlink_metadata() {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !named || !found.is_dir() || found.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other("it is no folder of rally's"));
    }
    std::fs::remove_dir_all(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_goes_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let ours = folder.path().join("rally-tag");
        make(&ours).unwrap();
        assert_eq!(ours.metadata().unwrap().mode() & 0o777, 0o700);
        make(&ours).unwrap_err();
        std::fs::create_dir(ours.join("deep")).unwrap();
        std::fs::write(folder.path().join("precious"), "mine").unwrap();
        std::os::unix::fs::symlink(folder.path(), ours.join("deep/link")).unwrap();
        remove(&ours).unwrap();
        assert!(!ours.exists());
        remove(&ours).unwrap();

        let other = folder.path().join("other");
        make(&other).unwrap();
        remove(&other).unwrap_err();
        std::os::unix::fs::symlink(&other, &ours).unwrap();
        remove(&ours).unwrap_err();
        assert!(other.exists());
        assert_eq!(std::fs::read_to_string(folder.path().join("precious")).unwrap(), "mine");
    }
}
