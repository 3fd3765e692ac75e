//! The model of versions without a flag for it: `"model"` in the settings file that all of the user's sessions share.
//!
//! It is set for the time of a try and taken back afterwards. Several rallies may want it at once, so a small
//! journal beside the file says who has set it to what, and what was there before; a lock that is never held for
//! longer than it takes to read and write both protects it. Who finds a journal whose holders are all dead takes
//! the setting back first. A value that somebody else has written meanwhile is theirs and stays.

mod files;
mod journal;
mod lock;
mod loose_ends;
mod turn;

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use self::files::{behind_links, read, replace};
use self::journal::{Before, Holder, Journal};
use self::lock::Lock;
pub(super) use self::loose_ends::LooseEnds;
use self::turn::Turn;
use super::{document, settings_file};
use crate::executor::{Held, Hold, PrepareError};
use crate::model::ProcessIdentity;

/// The member of the settings.
const KEY: &str = "model";

/// Why the settings cannot be read or changed.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}; mend it, or choose no model for this harness")]
    Malformed(#[from] document::Malformed),
    #[error("{} cannot be understood; see to the model there, then remove that file", .0.display())]
    Illegible(PathBuf),
    #[error("{} is of a newer rally; use that one, or see to the model there and remove that file", .0.display())]
    Newer(PathBuf),
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
/// set is waited out: the try would run with it. Never waits.
pub(super) fn hold(
    home: &Path,
    harness: &str,
    model: Option<&str>,
    me: Option<ProcessIdentity>,
    ends: &LooseEnds,
) -> Result<Held, PrepareError> {
    let file = settings_file(home);
    let try_to = || {
        let place = Place::of(&file)?;
        if model.is_none() && !place.journal.exists() {
            return Ok(Held::Nothing);
        }
        place.hold(harness, model, me, ends)
    };
    try_to().map_err(|why: Trouble| PrepareError::Settings {
        harness: harness.to_owned(),
        file: file.clone(),
        why: why.to_string(),
    })
}

/// Takes back what tries of dead processes have left in the settings below this home; says what was done, or why
/// it cannot be. Somebody who has the lock is waited for this long.
pub(super) fn repair(home: &Path, patience: Duration) -> Vec<String> {
    let file = settings_file(home);
    // Where nothing can be looked at, nothing is known to be set.
    let Ok(place) = Place::of(&file) else { return vec![] };
    if !place.journal.exists() && !place.turn.0.exists() {
        return vec![];
    }
    let try_to = || {
        let Some(_lock) = Lock::take(&place.lock, patience)? else { return Ok(None) };
        place.turn.sweep();
        let dead =
            Journal::read(&place.journal)?.filter(|journal| !journal.holders.iter().any(Holder::may_run));
        dead.map(|journal| place.take_back(&journal)).transpose()
    };
    match try_to() {
        Ok(None | Some(Restored::Theirs)) => vec![],
        Ok(Some(Restored::Back)) => {
            vec![format!("{}: took back the model of a try that was cut short", file.display())]
        }
        Err(why @ (Trouble::Illegible(_) | Trouble::Newer(_))) => {
            vec![format!("{}: a model of rally's may still be set: {why}", file.display())]
        }
        Err(why) if place.journal.exists() => {
            vec![format!("{}: the model of a try that was cut short is still set: {why}", file.display())]
        }
        Err(_) => vec![],
    }
}

/// Whether the settings choose the provider that takes a key from the environment.
pub(super) fn uses_api_key(home: &Path) -> bool {
    let text = read(&settings_file(home)).ok().flatten().unwrap_or_default();
    let provider = document::value(&text, "modelProvider").ok().flatten();
    provider.and_then(|raw| serde_json::from_str::<String>(raw).ok()).as_deref() == Some("gemini")
}

/// The files that belong together.
#[derive(Debug, Clone)]
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

    fn hold(
        self,
        harness: &str,
        model: Option<&str>,
        me: Option<ProcessIdentity>,
        ends: &LooseEnds,
    ) -> Result<Held, Trouble> {
        let mut folders = DirBuilder::new();
        folders.recursive(true).mode(0o700).create(self.real.parent().unwrap_or(Path::new("/")))?;
        let Some(_lock) = Lock::take(&self.lock, Duration::ZERO)? else {
            return Ok(Held::Busy(format!("{harness}: waiting for {}", self.lock.display())));
        };
        self.turn.sweep();
        let journal = self.settle(ends)?;
        let Some(model) = model else {
            return Ok(journal.map_or(Held::Nothing, |journal| self.busy(harness, &journal)));
        };
        let me = me.ok_or_else(|| io::Error::other("this process cannot be found in /proc"))?;
        let others = journal.as_ref().filter(|journal| journal.ours != model);
        if others.is_some() || self.turn.is_of_another(&me) {
            self.turn.wait(&me)?;
            ends.waits(Some((self.clone(), me)));
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
            other => {
                let mut changed = Journal::new(model, previous, before);
                changed.holders = other.map(|journal| journal.holders).unwrap_or_default();
                changed
            }
        };
        let me = Holder::here(me);
        journal.holders.push(me.clone());
        journal.write(&self.journal)?;
        if !is_set {
            let raw = serde_json::Value::from(model).to_string();
            let written = document::with(&text, KEY, &raw).map_err(Trouble::from);
            if let Err(error) = written.and_then(|text| Ok(replace(&self.real, &text)?)) {
                journal.strike(&me);
                if journal.holders.is_empty() {
                    fs::remove_file(&self.journal)?;
                } else {
                    journal.write(&self.journal)?;
                }
                return Err(error);
            }
        }
        self.turn.over();
        ends.waits(None);
        Ok(Held::Ready(Box::new(ModelHold { place: self, me, ends: ends.clone() })))
    }

    fn busy(&self, harness: &str, journal: &Journal) -> Held {
        let pids: Vec<String> = journal.holders.iter().map(Holder::name).collect();
        Held::Busy(format!(
            "{harness}: waiting until rally (pid {}) is done with the model `{}`, which it has set in {}",
            pids.join(", "),
            journal.ours,
            self.real.display()
        ))
    }

    /// Strikes out the dead; when nobody is left the setting is taken back. Says who still holds it.
    fn settle(&self, ends: &LooseEnds) -> Result<Option<Journal>, Trouble> {
        let found = match Journal::read(&self.journal) {
            // It tells nothing; the repair at the start has said so.
            Err(Trouble::Illegible(_)) => None,
            other => other?,
        };
        let Some(mut journal) = found else { return Ok(None) };
        let written = journal.holders.len();
        ends.strike(&mut journal);
        journal.strike_dead();
        if journal.holders.is_empty() {
            self.take_back(&journal)?;
            return Ok(None);
        }
        if journal.holders.len() < written {
            journal.write(&self.journal)?;
        }
        Ok(Some(journal))
    }

    /// Removes one holder, and the setting with the last one.
    fn leave(&self, me: &Holder, patience: Duration) -> Result<Restored, Trouble> {
        let Some(_lock) = Lock::take(&self.lock, patience)? else {
            return Err(io::Error::other(format!("{} is locked", self.lock.display())).into());
        };
        let Some(mut journal) = Journal::read(&self.journal)? else { return Ok(Restored::Theirs) };
        journal.strike(me);
        journal.strike_dead();
        // Should the rest fail, the next one who needs the setting finds nobody in the journal.
        journal.write(&self.journal)?;
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
}

/// A model that is set for a try.
#[derive(Debug)]
struct ModelHold {
    place: Place,
    me: Holder,
    ends: LooseEnds,
}

impl Hold for ModelHold {
    /// A lock that is not free soon is not waited for: the entry is struck out when the executor comes back, or ends.
    fn release(self: Box<Self>) -> Vec<String> {
        let file = self.place.real.display().to_string();
        match self.place.leave(&self.me, self.ends.patience()) {
            Ok(Restored::Back) => vec![],
            Ok(Restored::Theirs) => {
                vec![format!("{file}: the model was changed during the try; it is left as it is now")]
            }
            Err(why) => {
                self.ends.is_unreleased(self.place, self.me);
                vec![format!("{file}: the model of the try is still set: {why}")]
            }
        }
    }
}

/// Whether a value, as written, is this text.
fn is(raw: Option<&str>, text: &str) -> bool {
    raw.and_then(|raw| serde_json::from_str::<String>(raw).ok()).is_some_and(|value| value == text)
}

#[cfg(test)]
mod tests;
