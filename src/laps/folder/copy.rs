//! The last good copy of every queue file, below rally's state: anybody can cut a file to nothing, and git does not
//! know what was added since the last commit. Copies are best effort, and only made where rally is set up.

use std::fs;
use std::path::PathBuf;

use super::{Folder, LapsError, Result};
use crate::laps::file::{Entry, TaskFile};
use crate::store::private;

/// Where rally is set up.
const HOME: &str = ".rally";
/// Where copies are, below the workspace.
const PLACE: &str = ".rally/state/laps";

impl Folder {
    fn copy(&self, file: &str) -> Option<PathBuf> {
        self.root.join(HOME).is_dir().then(|| self.root.join(PLACE).join(file))
    }

    /// The copy of a file, if there are laps in it, and those.
    pub fn kept(&self, file: &str) -> Option<(PathBuf, TaskFile)> {
        let path = self.copy(file)?;
        let tasks = TaskFile::parse(&fs::read(&path).ok()?).ok()??;
        (!tasks.entries.is_empty()).then_some((path, tasks))
    }

    /// What is done for files that another program writes: a root queue that was cut to nothing is an error, and
    /// every file that can be read is copied. One that cannot is that program's business.
    pub fn look_after(&self) -> Result<()> {
        for file in self.all_files()? {
            let Some(bytes) = self.raw(&file)? else { continue };
            match self.understand(&file, &bytes) {
                Ok(Some(tasks)) => {
                    self.put_copy_aside(&file, &tasks);
                    self.keep(&file, &bytes);
                }
                Err(error @ LapsError::CutToNothing { .. }) => return Err(error),
                Ok(None) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Makes these bytes of a file the last good ones.
    pub(super) fn keep(&self, file: &str, bytes: &[u8]) {
        let Some(path) = self.copy(file) else { return };
        if fs::read(&path).is_ok_and(|known| known == bytes) {
            return;
        }
        let write = || {
            let dir = path.parent()?;
            private::folder(dir).ok()?;
            let mut temporary = tempfile::NamedTempFile::new_in(dir).ok()?;
            std::io::Write::write_all(&mut temporary, bytes).ok()?;
            temporary.persist(&path).ok()
        };
        if write().is_none() {
            self.warn(format!("cannot keep a copy of {} in {}", self.path(file).display(), path.display()));
        }
    }

    /// A file is about to be changed. If nothing of what waited in its copy is in it any more, somebody else has
    /// begun it anew: then that copy is put aside.
    pub(super) fn put_copy_aside(&self, file: &str, now: &TaskFile) {
        let Some((path, then)) = self.kept(file) else { return };
        let is_there = |old: &Entry| now.entries.iter().any(|entry| entry.id == old.id);
        if then.waiting().next().is_none() || then.entries.iter().any(is_there) {
            return;
        }
        let aside = path.with_extension("before.json");
        if fs::rename(&path, &aside).is_ok() {
            let (count, file) = (then.waiting().count(), self.path(file));
            self.warn(format!(
                "{} has lost the {count} laps that waited in it; they are kept in {}",
                file.display(),
                aside.display()
            ));
        }
    }

    /// A file was moved away or deleted on purpose.
    pub(super) fn forget_copy(&self, file: &str) {
        if let Some(path) = self.copy(file) {
            let _ = fs::remove_file(path);
        }
    }
}
