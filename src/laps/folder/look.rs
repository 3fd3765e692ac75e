//! Looking at several files without the lock: a stint may go to the archive, or come back, between two of them.

use std::os::unix::fs::MetadataExt;

use super::{Folder, Result};

/// How often it is looked again. Somebody who changes the queue all the time is not waited for.
const TURNS: usize = 100;

impl Folder {
    /// What `look` sees while no file of the queue changes.
    pub(super) fn steady<T>(&self, look: impl Fn() -> Result<T>) -> Result<T> {
        let mut before = self.marks()?;
        for _ in 0..TURNS {
            let seen = look();
            let after = self.marks()?;
            if before == after {
                return seen;
            }
            before = after;
        }
        look()
    }

    /// The files, and what changes with each of their savings.
    fn marks(&self) -> Result<Vec<(String, Option<[i64; 4]>)>> {
        let mark = |file: String| {
            let data = self.path(&file).metadata().ok();
            let mark = data.map(|data| {
                [data.ino().cast_signed(), data.mtime(), data.mtime_nsec(), data.size().cast_signed()]
            });
            (file, mark)
        };
        Ok(self.all_files()?.into_iter().map(mark).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::super::ROOT_FILE;
    use super::*;

    #[test]
    fn a_look_is_repeated_when_a_stint_moved_meanwhile() {
        let workspace = tempfile::tempdir().unwrap();
        let folder = Folder::of(workspace.path());
        let [old, new] = ["stints/archive", "stints"].map(|dir| folder.path(dir).join("auth.laps.json"));
        std::fs::create_dir_all(old.parent().unwrap()).unwrap();
        std::fs::write(&old, "{}").unwrap();
        let looks = Cell::new(0);
        let seen = folder.steady(|| {
            let files = folder.all_files()?;
            if looks.replace(looks.get() + 1) == 0 {
                std::fs::rename(&old, &new).unwrap();
            }
            Ok(files)
        });
        assert_eq!(seen.unwrap(), [ROOT_FILE, "stints/auth.laps.json"]);
        assert_eq!(looks.get(), 2);
    }
}
