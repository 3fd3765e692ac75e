//! Reading a file, and changing it so that nobody ever sees half of it.

use std::fs::{File, Permissions, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Folder, LapsError, Result};
use crate::git;
use crate::laps::file::TaskFile;

/// How long a lock is waited for: changes take milliseconds, so whoever has it is stopped.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(5);

/// How often a change is made anew because somebody changed the file meanwhile.
const TURNS: usize = 100;

/// How our temporary files begin.
const TEMPORARY: &str = ".laps-new-";

/// The folder is ours until this is dropped.
pub(super) struct Lock<'f> {
    pub(super) folder: &'f Folder,
    _handle: File,
}

impl Folder {
    /// Takes the lock, and sweeps up what deaths left.
    pub(super) fn lock(&self) -> Result<Lock<'_>> {
        std::fs::create_dir_all(&self.dir).map_err(LapsError::io("create", &self.dir))?;
        let handle = File::open(&self.dir).map_err(LapsError::io("open", &self.dir))?;
        let begun = Instant::now();
        loop {
            match handle.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if begun.elapsed() > PATIENCE || self.brake.is_pulled() => {
                    let seconds = begun.elapsed().as_secs();
                    return Err(LapsError::Locked { path: self.dir.clone(), seconds });
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
                Err(TryLockError::Error(source)) => return Err(LapsError::io("lock", &self.dir)(source)),
            }
        }
        for dir in [self.dir.clone(), self.path("stints"), self.path("stints/archive")] {
            sweep(&dir);
        }
        Ok(Lock { folder: self, _handle: handle })
    }

    pub(super) fn raw(&self, file: &str) -> Result<Option<Vec<u8>>> {
        let path = self.path(file);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(LapsError::io("read", &path)(e)),
        }
    }

    /// A queue file; `None` when it is missing or has nothing in it.
    pub(super) fn read(&self, file: &str) -> Result<Option<TaskFile>> {
        let Some(bytes) = self.raw(file)? else { return Ok(None) };
        self.understand(file, &bytes)
    }

    pub(super) fn understand(&self, file: &str, bytes: &[u8]) -> Result<Option<TaskFile>> {
        let path = self.path(file);
        let tasks =
            TaskFile::parse(bytes).map_err(|source| LapsError::File { path: path.clone(), source })?;
        if tasks.is_none() && bytes.trim_ascii().is_empty() {
            let copy = self.kept(file).map(|(copy, _)| copy);
            if copy.is_some() || self.committed_laps(&path) {
                return Err(LapsError::CutToNothing { path, copy });
            }
        }
        for warning in tasks.iter().flat_map(|tasks| &tasks.warnings) {
            self.warn(format!("{}: {warning}", path.display()));
        }
        Ok(tasks)
    }

    fn committed_laps(&self, path: &Path) -> bool {
        let committed = git::discover(&self.root).ok().flatten().and_then(|git| git.committed(path));
        committed
            .and_then(|bytes| TaskFile::parse(&bytes).ok().flatten())
            .is_some_and(|old| !old.entries.is_empty())
    }
}

impl Lock<'_> {
    /// Changes a queue file; a missing one is a new one. A change that fails leaves the file as it is.
    pub(super) fn edit<T>(
        &self,
        file: &str,
        mut change: impl FnMut(&mut TaskFile) -> Result<T>,
    ) -> Result<T> {
        let folder = self.folder;
        for _ in 0..TURNS {
            let before = folder.raw(file)?;
            let mut tasks = before
                .as_deref()
                .map(|bytes| folder.understand(file, bytes))
                .transpose()?
                .flatten()
                .unwrap_or_default();
            folder.put_copy_aside(file, &tasks);
            let known = tasks.clone();
            let answer = change(&mut tasks)?;
            // Whatever its form: a file in which nothing changes is nobody's to write.
            if before.is_some() && tasks == known {
                return Ok(answer);
            }
            let after = tasks.bytes();
            let unchanged = || folder.raw(file).map(|now| now == before);
            if replace(&folder.path(file), &after, unchanged)? {
                folder.keep(file, &after);
                return Ok(answer);
            }
        }
        Err(LapsError::Contended(folder.path(file)))
    }

    /// Writes a file as a whole.
    pub(super) fn write(&self, file: &str, bytes: &[u8]) -> Result<()> {
        replace(&self.folder.path(file), bytes, || Ok(true)).map(drop)
    }

    /// Deletes a file; one that is not there is fine.
    pub(super) fn remove(&self, file: &str) -> Result<()> {
        let path = self.folder.path(file);
        self.folder.forget_copy(file);
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(LapsError::io("delete", &path)(e)),
            _ => {
                point();
                Ok(())
            }
        }
    }

    /// Moves a file to a name that is free.
    pub(super) fn rename(&self, file: &str, to: &str) -> Result<()> {
        let (from, to) = (self.folder.path(file), self.folder.path(to));
        if to.symlink_metadata().is_ok() {
            return Err(LapsError::Stint(format!("{} is there already; move it away first", to.display())));
        }
        let act = || -> std::io::Result<()> {
            if let Some(dir) = to.parent() {
                std::fs::create_dir_all(dir)?;
            }
            std::fs::rename(&from, &to)?;
            self.folder.forget_copy(file);
            point();
            sync(&from);
            sync(&to);
            Ok(())
        };
        act().map_err(LapsError::io("move", &from))
    }
}

/// Puts bytes in place of a file, through a link and with the mode kept, if `still` says so at the last moment.
fn replace(path: &Path, bytes: &[u8], still: impl FnOnce() -> Result<bool>) -> Result<bool> {
    let path = &target(path).map_err(LapsError::io("follow", path))?;
    let dir = path.parent().unwrap_or(Path::new("."));
    let prepare = || -> std::io::Result<tempfile::NamedTempFile> {
        std::fs::create_dir_all(dir)?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(TEMPORARY).suffix(".tmp").permissions(Permissions::from_mode(0o644));
        let mut file = builder.tempfile_in(dir)?;
        point();
        if let Ok(known) = path.metadata() {
            file.as_file().set_permissions(known.permissions())?;
        }
        file.write_all(bytes)?;
        point();
        file.as_file().sync_all()?;
        Ok(file)
    };
    let file = prepare().map_err(LapsError::io("write", path))?;
    if !still()? {
        return Ok(false);
    }
    point();
    file.persist(path).map_err(|e| LapsError::io("write", path)(e.error))?;
    point();
    sync(path);
    Ok(true)
}

/// Where a link leads, also to a file that is not there yet.
fn target(path: &Path) -> std::io::Result<PathBuf> {
    match std::fs::read_link(path) {
        Ok(link) if path.exists() => {
            drop(link);
            path.canonicalize()
        }
        Ok(link) => Ok(path.parent().unwrap_or(Path::new(".")).join(link)),
        Err(_) => Ok(path.to_owned()),
    }
}

/// Where the tests let the process die.
fn point() {
    #[cfg(test)]
    super::deaths::point();
}

/// The folder is as durable as the system allows: some file systems refuse.
fn sync(path: &Path) {
    if let Some(dir) = path.parent() {
        let _ = File::open(dir).and_then(|dir| dir.sync_all());
    }
}

/// Whoever holds the lock has written nothing yet: our temporary files are left by the dead. Those of `laps` carry
/// the id of their process.
fn sweep(dir: &Path) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(stem) = name.strip_suffix(".tmp") else { continue };
        let dead = || {
            let pid = stem
                .rsplit_once('.')
                .and_then(|(_, pid)| pid.parse().ok())
                .and_then(rustix::process::Pid::from_raw);
            pid.is_some_and(|pid| rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH))
        };
        if stem.starts_with(TEMPORARY) || dead() {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}
