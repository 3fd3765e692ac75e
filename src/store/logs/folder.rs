//! What lies in the folders of logs. No link is followed below the data folder: what stands behind one is not rally's.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, statat};
use rustix::io::Errno;

use super::{Held, Kind, Log, OLD_RELAY_LOGS};
use crate::model::Timestamp;
use crate::store::disk;

/// Hex digits at the end of a workspace's folder.
const HASH_DIGITS: usize = 8;

impl Kind {
    /// The folder of all workspaces' logs.
    fn folder(self) -> &'static str {
        match self {
            Kind::Try => "tries",
            Kind::Relay => "relays",
        }
    }
}

/// A file of a log.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
    /// Device, inode, length and time: whether it is still the file that was judged.
    look: (u64, u64, u64, Timestamp),
}

/// A log with its files.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) log: Log,
    /// Whose workspace's.
    pub(super) workspace: String,
    dir: Rc<OwnedFd>,
    /// The first is the log itself.
    parts: Vec<Part>,
}

/// Whether a log could be had alone.
#[derive(Debug)]
pub(super) enum Grip {
    /// Nobody writes it.
    Free(File),
    /// Somebody does.
    InUse,
    /// It is gone, or another file has its name by now.
    Changed,
}

/// What lies below a data folder.
#[derive(Debug, Default)]
pub(super) struct Folders {
    pub(super) logs: Vec<Found>,
    /// What rally did not make, and what it is.
    pub(super) strange: Vec<(PathBuf, &'static str)>,
}

impl Folders {
    /// Reads the logs of one workspace, or of all.
    pub(super) fn read(data: &Path, only: Option<&str>) -> io::Result<Folders> {
        let mut folders = Folders::default();
        let data_dir =
            match openat(CWD, data, OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) {
                Ok(dir) => dir,
                Err(Errno::NOENT) => return Ok(folders),
                Err(error) => return Err(error.into()),
            };
        for kind in [Kind::Try, Kind::Relay] {
            let path = data.join(kind.folder());
            let Some(dir) = folders.enter(&data_dir, &path)? else { continue };
            match only {
                Some(key) => folders.workspace(kind, &dir, &path.join(key))?,
                None => {
                    for name in names(&dir)? {
                        let path = path.join(&name);
                        match is_key(&name) {
                            true => folders.workspace(kind, &dir, &path)?,
                            false => folders.strange.push((path, "not a workspace's folder")),
                        }
                    }
                }
            }
        }
        Ok(folders)
    }

    /// Opens a folder in another one; what is none is strange, and what is not there is nothing.
    fn enter(&mut self, above: &OwnedFd, path: &Path) -> io::Result<Option<OwnedFd>> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
        match openat(above, path.file_name().unwrap_or_default(), flags, Mode::empty()) {
            Ok(dir) => Ok(Some(dir)),
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::LOOP | Errno::NOTDIR) => {
                self.strange.push((path.to_owned(), "a link or no folder"));
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn workspace(&mut self, kind: Kind, above: &OwnedFd, path: &Path) -> io::Result<()> {
        let Some(dir) = self.enter(above, path)? else { return Ok(()) };
        let dir = Rc::new(dir);
        let workspace = path.file_name().unwrap_or_default().to_string_lossy();
        let mut parts: BTreeMap<(u64, u32), Vec<(bool, Part)>> = BTreeMap::new();
        for name in names(&dir)? {
            let path = path.join(&name);
            let Some(meaning) = meaning(kind, &name) else {
                self.strange.push((path, "not a name of rally's"));
                continue;
            };
            let stat = match statat(&*dir, name.as_str(), AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(error.into()),
            };
            if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
                let part = Part { path, look: look(&stat) };
                parts.entry((meaning.id, meaning.life)).or_default().push((meaning.is_beside, part));
            } else {
                self.strange.push((path, "a link or no file"));
            }
        }
        for ((id, _), mut parts) in parts {
            parts.sort_by_key(|(is_beside, _)| *is_beside);
            let parts: Vec<Part> = parts.into_iter().map(|(_, part)| part).collect();
            let log = Log {
                kind,
                id,
                path: parts[0].path.clone(),
                bytes: parts.iter().fold(0, |sum: u64, part| sum.saturating_add(part.look.2)),
                modified: parts.iter().map(|part| part.look.3).max().unwrap_or(Timestamp::MAX),
                held: None,
            };
            self.logs.push(Found {
                log,
                workspace: workspace.clone().into_owned(),
                dir: Rc::clone(&dir),
                parts,
            });
        }
        Ok(())
    }
}

impl Found {
    /// The log alone, if nobody writes it.
    pub(super) fn grip(&self) -> io::Result<Grip> {
        let first = &self.parts[0];
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let name = first.path.file_name().unwrap_or_default();
        let file = match openat(&*self.dir, name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT | Errno::LOOP) => return Ok(Grip::Changed),
            Err(error) => return Err(error.into()),
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Grip::InUse),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Under the lock: from here on nobody begins to write it.
        let is_same = look(&rustix::fs::fstat(file.as_fd())?) == first.look && self.is_same(first)?;
        Ok(if is_same { Grip::Free(file) } else { Grip::Changed })
    }

    fn is_same(&self, part: &Part) -> io::Result<bool> {
        let name = part.path.file_name().unwrap_or_default();
        match statat(&*self.dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(look(&stat) == part.look),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes the log with all its files; the grip is what makes that right.
    pub(super) fn delete(&self, _grip: &File) -> io::Result<()> {
        for part in &self.parts {
            if self.is_same(part)? {
                disk::remove_in(&self.dir, &part.path)?;
            }
        }
        Ok(())
    }

    pub(super) fn hold(&mut self, why: Held) {
        self.log.held = Some(why);
    }
}

fn look(stat: &rustix::fs::Stat) -> (u64, u64, u64, Timestamp) {
    let nanoseconds = i32::try_from(stat.st_mtime_nsec).unwrap_or(0);
    // A time that means nothing is no age.
    let modified = Timestamp::new(stat.st_mtime, nanoseconds).unwrap_or(Timestamp::MAX);
    (stat.st_dev, stat.st_ino, u64::try_from(stat.st_size).unwrap_or(0), modified)
}

fn names(dir: &OwnedFd) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(dir)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name != "." && name != ".." {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Whether a folder is named as that of a workspace: `project-9dad1c3f`.
fn is_key(name: &str) -> bool {
    name.rsplit_once('-').is_some_and(|(name, hash)| {
        let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        !name.is_empty() && hash.len() == HASH_DIGITS && hash.chars().all(is_hex)
    })
}

/// What a name says.
#[derive(Debug, PartialEq, Eq)]
struct Meaning {
    id: u64,
    /// 0, or the number of an old log that made way.
    life: u32,
    /// Whether it only stands beside the log.
    is_beside: bool,
}

fn meaning(kind: Kind, name: &str) -> Option<Meaning> {
    let (prefix, old) = match kind {
        Kind::Try => ("try-", "old-"),
        Kind::Relay => ("relay-", ""),
    };
    let (id, rest) = name.strip_prefix(prefix)?.split_once('.')?;
    let id = number(id)?;
    let of = |life, is_beside| Some(Meaning { id, life, is_beside });
    match rest {
        "log" => of(0, false),
        "netstat.jsonl" if kind == Kind::Try => of(0, true),
        _ => {
            let life = u32::try_from(number(rest.strip_prefix("log.")?.strip_prefix(old)?)?).ok()?;
            let is_made = life > 0 && (kind == Kind::Try || life <= OLD_RELAY_LOGS);
            of(life, false).filter(|_| is_made)
        }
    }
}

/// A number as rally writes it.
fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_rally_makes_mean_anything() {
        let made = |id, life, is_beside| Some(Meaning { id, life, is_beside });
        let table = [
            (Kind::Try, "try-7.log", made(7, 0, false)),
            (Kind::Try, "try-7.netstat.jsonl", made(7, 0, true)),
            (Kind::Try, "try-7.log.old-12", made(7, 12, false)),
            (Kind::Relay, "relay-3.log", made(3, 0, false)),
            (Kind::Relay, "relay-3.log.5", made(3, 5, false)),
            (Kind::Relay, "relay-3.log.6", None),
            (Kind::Relay, "relay-3.log.0", None),
            (Kind::Relay, "relay-3.netstat.jsonl", None),
            (Kind::Relay, "try-3.log", None),
            (Kind::Try, "relay-3.log", None),
            (Kind::Try, "try-07.log", None),
            (Kind::Try, "try-+7.log", None),
            (Kind::Try, "try-.log", None),
            (Kind::Try, "try-7.log.gz", None),
            (Kind::Try, "try-7.log.old-", None),
            (Kind::Try, "try-7.log.1", None),
            (Kind::Try, "try-99999999999999999999.log", None),
            (Kind::Try, "tries.jsonl", None),
            (Kind::Try, "try-7", None),
        ];
        for (kind, name, wanted) in table {
            assert_eq!(meaning(kind, name), wanted, "{name}");
        }
        assert!(is_key("project-9dad1c3f") && is_key("my-cool--00000000"));
        assert!(
            !["project", "-9dad1c3f", "p-9DAD1C3F", "p-9dad1c3", "..", "p-9dad1c3f~"].into_iter().any(is_key)
        );
    }
}
