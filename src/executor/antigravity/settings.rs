//! The model of versions without a flag for it: `"model"` in the settings file that all of the user's sessions share.
//!
//! It is set for the time of a try and taken back afterwards. Several rallies may want it at once, so a small
//! journal beside the file says who has set it to what, and what was there before; a lock that is never held for
//! longer than it takes to read and write both protects it. Who finds a journal whose holders are all dead takes
//! the setting back first. A value that somebody else has written meanwhile is theirs and stays.

mod turn;

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use self::turn::Turn;
use super::{document, settings_file};
use crate::executor::{Held, Hold, PrepareError};
use crate::model::ProcessIdentity;
use crate::process::identity;

/// The member of the settings.
const KEY: &str = "model";

/// Longest settings file that is read: 1 MiB.
const LONGEST: u64 = 1 << 20;

/// How long the lock is waited for before a try; then it is asked again.
const BRIEF: Duration = Duration::from_millis(100);

/// How long after a try, when there is no other chance.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often.
const LOOK: Duration = Duration::from_millis(5);

/// Why the settings cannot be read or changed.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}; mend it, or choose no model for this harness")]
    Malformed(#[from] document::Malformed),
}

/// Who has set the model, and what was there before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Journal {
    v: u32,
    /// The model that is set.
    ours: String,
    /// The value that was there before, as it was written.
    previous: Option<String>,
    before: Before,
    /// Processes that have a try running with it, one entry per try.
    holders: Vec<ProcessIdentity>,
}

/// The file before it was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Before {
    Missing,
    /// Nothing but this whitespace.
    Blank(String),
    Object,
}

/// What became of the setting.
#[derive(Debug, PartialEq, Eq)]
enum Restored {
    /// It is as it was.
    Back,
    /// Somebody has changed it meanwhile.
    Theirs,
}

/// Sets the model, or joins those who have. Without a model nothing is set, but a model that somebody else has
/// set is waited out: the try would run with it.
pub(super) fn hold(
    home: &Path,
    harness: &str,
    model: Option<&str>,
    me: Option<ProcessIdentity>,
) -> Result<Held, PrepareError> {
    let file = settings_file(home);
    let try_to = || {
        let place = Place::of(&file)?;
        if model.is_none() && !place.journal.exists() {
            return Ok(Held::Nothing);
        }
        place.hold(harness, model, me)
    };
    try_to().map_err(|why: Trouble| PrepareError::Settings {
        harness: harness.to_owned(),
        file: file.clone(),
        why: why.to_string(),
    })
}

/// Takes back what tries of dead processes have left in the settings below this home; says what was done, or why
/// it cannot be. To be called when nothing is running yet.
pub fn repair(home: &Path) -> Vec<String> {
    let file = settings_file(home);
    let try_to = || {
        let place = Place::of(&file)?;
        if !place.journal.exists() {
            return Ok(None);
        }
        let Some(_lock) = Lock::take(&place.lock, BRIEF)? else { return Ok(None) };
        let dead = place.read_journal()?.filter(|journal| !journal.holders.iter().any(identity::is_alive));
        dead.map(|journal| place.take_back(&journal)).transpose()
    };
    match try_to() {
        Ok(None | Some(Restored::Theirs)) => vec![],
        Ok(Some(Restored::Back)) => {
            vec![format!("{}: took back the model of a try that was cut short", file.display())]
        }
        Err(why) => {
            let why: Trouble = why;
            vec![format!("{}: the model of a try that was cut short is still set: {why}", file.display())]
        }
    }
}

/// Whether the settings choose the provider that takes a key from the environment.
pub(super) fn uses_api_key(home: &Path) -> bool {
    let text = read(&settings_file(home)).ok().flatten().unwrap_or_default();
    let provider = document::value(&text, "modelProvider").ok().flatten();
    provider.and_then(|raw| serde_json::from_str::<String>(raw).ok()).as_deref() == Some("gemini")
}

/// The files that belong together.
#[derive(Debug)]
struct Place {
    /// The settings themselves, behind all links.
    real: PathBuf,
    journal: PathBuf,
    lock: PathBuf,
    turn: Turn,
}

impl Place {
    fn of(file: &Path) -> Result<Place, Trouble> {
        let real = behind_links(file)?;
        // Beside the real file: two homes may share it.
        let beside = |suffix: &str| {
            let mut name = OsString::from(".");
            name.push(real.file_name().unwrap_or_default());
            name.push(suffix);
            real.with_file_name(name)
        };
        Ok(Place {
            journal: beside(".rally"),
            lock: beside(".rally-lock"),
            turn: Turn(beside(".rally-next")),
            real,
        })
    }

    fn hold(self, harness: &str, model: Option<&str>, me: Option<ProcessIdentity>) -> Result<Held, Trouble> {
        let mut folders = DirBuilder::new();
        folders.recursive(true).mode(0o700).create(self.real.parent().unwrap_or(Path::new("/")))?;
        let Some(_lock) = Lock::take(&self.lock, BRIEF)? else {
            return Ok(Held::Busy(format!("{harness}: waiting for {}", self.lock.display())));
        };
        let journal = self.settle()?;
        let Some(model) = model else {
            return Ok(journal.map_or(Held::Nothing, |journal| self.busy(harness, &journal)));
        };
        let me = me.ok_or_else(|| io::Error::other("this process cannot be found in /proc"))?;
        let others = journal.as_ref().filter(|journal| journal.ours != model);
        if others.is_some() || self.turn.is_of_another(&me) {
            self.turn.wait(&me)?;
            let next = || Held::Busy(format!("{harness}: waiting until another rally has had its turn"));
            return Ok(others.map_or_else(next, |journal| self.busy(harness, journal)));
        }
        let text = read(&self.real)?;
        let (before, text) = match text {
            None => (Before::Missing, "{}\n".to_owned()),
            Some(text) if text.trim().is_empty() => (Before::Blank(text), "{}\n".to_owned()),
            Some(text) => (Before::Object, text),
        };
        let previous = document::value(&text, KEY)?;
        let is_set = is(previous, model);
        let mut journal = match journal {
            Some(journal) if is_set => journal,
            // The first, or somebody has changed it meanwhile: then that is what comes back.
            other => Journal {
                v: 1,
                ours: model.to_owned(),
                previous: previous.map(str::to_owned),
                before,
                holders: other.map(|journal| journal.holders).unwrap_or_default(),
            },
        };
        journal.holders.push(me.clone());
        self.write_journal(&journal)?;
        if !is_set {
            let raw = serde_json::Value::from(model).to_string();
            let written = document::with(&text, KEY, &raw).map_err(Trouble::from);
            if let Err(error) = written.and_then(|text| Ok(replace(&self.real, &text)?)) {
                journal.holders.retain(|holder| *holder != me);
                if journal.holders.is_empty() {
                    fs::remove_file(&self.journal)?;
                } else {
                    self.write_journal(&journal)?;
                }
                return Err(error);
            }
        }
        self.turn.over();
        Ok(Held::Ready(Box::new(ModelHold { place: self, me })))
    }

    fn busy(&self, harness: &str, journal: &Journal) -> Held {
        let pids: Vec<String> = journal.holders.iter().map(|holder| holder.pid.to_string()).collect();
        Held::Busy(format!(
            "{harness}: waiting until rally (pid {}) is done with the model `{}`, which it has set in {}",
            pids.join(", "),
            journal.ours,
            self.real.display()
        ))
    }

    /// Strikes out the dead; when nobody is left the setting is taken back. Says who still holds it.
    fn settle(&self) -> Result<Option<Journal>, Trouble> {
        let Some(mut journal) = self.read_journal()? else { return Ok(None) };
        journal.holders.retain(identity::is_alive);
        if journal.holders.is_empty() {
            self.take_back(&journal)?;
            return Ok(None);
        }
        Ok(Some(journal))
    }

    /// Removes one holder, and the setting with the last one.
    fn leave(&self, me: &ProcessIdentity) -> Result<Restored, Trouble> {
        let Some(_lock) = Lock::take(&self.lock, PATIENCE)? else {
            return Err(io::Error::other(format!("{} is locked", self.lock.display())).into());
        };
        let Some(mut journal) = self.read_journal()? else { return Ok(Restored::Theirs) };
        if let Some(at) = journal.holders.iter().position(|holder| holder == me) {
            journal.holders.remove(at);
        }
        journal.holders.retain(identity::is_alive);
        // Should the rest fail, the next one who needs the setting finds nobody in the journal.
        self.write_journal(&journal)?;
        if journal.holders.is_empty() { self.take_back(&journal) } else { Ok(Restored::Back) }
    }

    /// Puts back what was there, unless somebody else has changed it.
    fn take_back(&self, journal: &Journal) -> Result<Restored, Trouble> {
        let restored = self.restore(journal)?;
        fs::remove_file(&self.journal)?;
        Ok(restored)
    }

    fn restore(&self, journal: &Journal) -> Result<Restored, Trouble> {
        let Some(text) = read(&self.real)? else {
            // Deleted, or never written.
            let same = journal.before == Before::Missing;
            return Ok(if same { Restored::Back } else { Restored::Theirs });
        };
        if text.trim().is_empty() {
            return Ok(Restored::Back);
        }
        let now = document::value(&text, KEY)?;
        if now == journal.previous.as_deref() {
            return Ok(Restored::Back);
        }
        if !is(now, &journal.ours) {
            return Ok(Restored::Theirs);
        }
        let back = match &journal.previous {
            Some(raw) => document::with(&text, KEY, raw)?,
            None => document::without(&text, KEY)?,
        };
        match (&journal.before, back.trim() == "{}") {
            (Before::Missing, true) => fs::remove_file(&self.real)?,
            (Before::Blank(blank), true) => replace(&self.real, blank)?,
            _ => replace(&self.real, &back)?,
        }
        Ok(Restored::Back)
    }

    /// The journal; one that cannot be understood tells nothing.
    fn read_journal(&self) -> Result<Option<Journal>, Trouble> {
        let text = read(&self.journal)?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    fn write_journal(&self, journal: &Journal) -> Result<(), Trouble> {
        let text = serde_json::to_string(journal).map_err(io::Error::from)?;
        Ok(replace(&self.journal, &text)?)
    }
}

/// A model that is set for a try.
#[derive(Debug)]
struct ModelHold {
    place: Place,
    me: ProcessIdentity,
}

impl Hold for ModelHold {
    fn release(self: Box<Self>) -> Vec<String> {
        let file = self.place.real.display();
        match self.place.leave(&self.me) {
            Ok(Restored::Back) => vec![],
            Ok(Restored::Theirs) => {
                vec![format!("{file}: the model was changed during the try; it is left as it is now")]
            }
            Err(why) => vec![format!("{file}: the model of the try is still set: {why}")],
        }
    }
}

/// A lock file that is gone when nobody has it.
#[derive(Debug)]
struct Lock {
    path: PathBuf,
    /// Locked until it is closed.
    _file: File,
}

impl Lock {
    /// Takes the lock; `None` when somebody else keeps it for so long.
    fn take(path: &Path, patience: Duration) -> io::Result<Option<Lock>> {
        let begun = Instant::now();
        loop {
            let file = File::options().write(true).create(true).truncate(false).mode(0o600).open(path)?;
            match file.try_lock() {
                // The one before may have removed the file after it was opened here.
                Ok(()) if is_at(&file, path)? => {
                    return Ok(Some(Lock { path: path.to_owned(), _file: file }));
                }
                Ok(()) => continue,
                Err(TryLockError::WouldBlock) if begun.elapsed() < patience => std::thread::sleep(LOOK),
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let here = file.metadata()?;
    match path.symlink_metadata() {
        Ok(there) => Ok((here.dev(), here.ino()) == (there.dev(), there.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether a value, as written, is this text.
fn is(raw: Option<&str>, text: &str) -> bool {
    raw.and_then(|raw| serde_json::from_str::<String>(raw).ok()).is_some_and(|value| value == text)
}

/// The file that a chain of links leads to, whether it is there or not.
fn behind_links(path: &Path) -> io::Result<PathBuf> {
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
fn read(path: &Path) -> io::Result<Option<String>> {
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
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mode = path.metadata().map_or(0o600, |found| found.permissions().mode() & 0o7777);
    let mut file = tempfile::Builder::new().prefix(".rally-").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests;
