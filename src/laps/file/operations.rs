//! What can be done with a task file. Nothing is changed by an operation that fails.

use std::collections::{BTreeMap, BTreeSet};

use super::{At, Entry, Kind, Stamp, TaskFile, new_id};
use crate::laps::NewLap;
use crate::model::Timestamp;

/// Why an operation is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpError {
    /// No entry has this id.
    #[error("lap {0} not found")]
    Unknown(String),
    /// Several have.
    #[error("the id {0} stands more than once; give one of them another in the file")]
    Ambiguous(String),
    /// An entry of the file has none.
    #[error("a lap has no id; give it one in the file")]
    Nameless,
    /// It is done.
    #[error("lap {0} is already done")]
    Done(String),
    /// It is not.
    #[error("lap {0} is not done")]
    Todo(String),
    /// It stands for a whole queue.
    #[error("{id} is the stint {stint}, not a lap; name one of its laps")]
    Stint {
        /// The entry.
        id: String,
        /// The stint.
        stint: String,
    },
    /// No title. The number counts from 1 in a batch.
    #[error("the title of lap {0} must not be blank")]
    BlankTitle(usize),
    /// Behind itself.
    #[error("lap {0} cannot be moved after itself")]
    AfterItself(String),
    /// All lengths are taken.
    #[error("there is no free id for {0:?}; give it another title")]
    NoId(String),
}

/// What was added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// As given, in the same order.
    pub entries: Vec<Entry>,
    /// The target is done, so they went to the head.
    pub after_done: bool,
}

/// What was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// As it is now.
    pub entry: Entry,
    /// The number before.
    pub from: i64,
    /// The target is done, so it went to the head.
    pub after_done: bool,
}

/// What is to be changed; an empty value clears.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edit {
    /// Never blank.
    pub title: Option<String>,
    /// May be empty.
    pub description: Option<String>,
    /// Blank for nobody.
    pub assignee: Option<String>,
}

/// Which entries are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// Those that wait, head first.
    Todo,
    /// Those that wait, then the done ones, oldest first.
    All,
    /// Done ones, newest first.
    Done,
}

/// A role's share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// `unassigned` for nobody.
    pub assignee: String,
    /// Done ones.
    pub complete: usize,
    /// Waiting ones.
    pub incomplete: usize,
}

/// The lap that an undo would reopen. The greatest is the newest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Undoable {
    /// When it was done.
    pub completed_at: Timestamp,
    /// The lap.
    pub id: String,
}

impl TaskFile {
    /// Those that wait, head first.
    pub fn waiting(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| !entry.is_done)
    }

    /// What is done next.
    pub fn head(&self) -> Option<&Entry> {
        self.waiting().next()
    }

    /// The one entry of this id.
    pub fn find(&self, id: &str) -> Result<&Entry, OpError> {
        let mut found = self.entries.iter().filter(|entry| entry.id == id);
        match (found.next(), found.next()) {
            (Some(_), _) if id.is_empty() => Err(OpError::Nameless),
            (Some(entry), None) => Ok(entry),
            (Some(_), Some(_)) => Err(OpError::Ambiguous(id.to_owned())),
            (None, _) => Err(OpError::Unknown(id.to_owned())),
        }
    }

    fn change(&mut self, id: &str, change: impl FnOnce(&mut Entry)) -> Result<Entry, OpError> {
        self.find(id)?;
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) else {
            return Err(OpError::Unknown(id.to_owned()));
        };
        change(entry);
        let changed = entry.clone();
        self.sort();
        Ok(changed)
    }

    /// Adds laps, which keep their order. `prefix` is for a file without one; `taken` are ids that are not to be
    /// used beside those of the file.
    pub fn add(
        &mut self,
        at: &At,
        laps: &[NewLap],
        prefix: &str,
        taken: &BTreeSet<String>,
        now: Timestamp,
    ) -> Result<Added, OpError> {
        if let Some(n) = laps.iter().position(|lap| lap.title.trim().is_empty()) {
            return Err(OpError::BlankTitle(n + 1));
        }
        if let At::After(id) = at {
            self.find(id)?;
        }
        let prefix = if self.prefix.is_empty() { prefix.to_owned() } else { self.prefix.clone() };
        let mut taken: BTreeSet<String> =
            self.entries.iter().map(|entry| entry.id.clone()).chain(taken.iter().cloned()).collect();
        let stamp = Stamp::from(now);
        let mut made = Vec::with_capacity(laps.len());
        for lap in laps {
            let id = new_id(&prefix, &lap.title, &stamp, &lap.description, &taken)
                .ok_or_else(|| OpError::NoId(lap.title.clone()))?;
            taken.insert(id.clone());
            made.push(Entry::new(id, lap, &stamp));
        }
        let mut after_done = false;
        let mut at = at.clone();
        let mut turn: Vec<usize> = (0..made.len()).collect();
        if at == At::Head {
            turn.reverse();
        }
        for n in turn {
            let (order, done) = self.order_for(&at)?;
            after_done |= done;
            made[n].order = order;
            self.entries.push(made[n].clone());
            if let At::After(_) = at {
                at = At::After(made[n].id.clone());
            }
        }
        self.sort();
        Ok(Added { entries: made, after_done })
    }

    /// Adds a reference to a stint at a place. Makes the file one of version 3.
    pub fn enqueue(&mut self, at: &At, stint: &str, prefix: &str, now: Timestamp) -> Result<Added, OpError> {
        let lap = NewLap { title: format!("stint:{stint}"), ..NewLap::default() };
        let mut added = self.add(at, &[lap], prefix, &BTreeSet::new(), now)?;
        for made in &mut added.entries {
            *made = self.change(&made.id, |entry| {
                entry.kind = Kind::Stint;
                entry.stint = stint.to_owned();
                entry.title = stint.to_owned();
            })?;
        }
        self.version = self.version.max(super::STINT_VERSION);
        Ok(added)
    }

    /// A lap that waits, for a command that works on it.
    pub fn todo_lap(&self, id: &str) -> Result<&Entry, OpError> {
        let entry = self.find(id)?;
        match entry.kind {
            Kind::Stint => Err(OpError::Stint { id: id.to_owned(), stint: entry.stint.clone() }),
            Kind::Lap if entry.is_done => Err(OpError::Done(id.to_owned())),
            Kind::Lap => Ok(entry),
        }
    }

    /// Completes a lap.
    pub fn done(&mut self, id: &str, now: Timestamp) -> Result<Entry, OpError> {
        self.todo_lap(id)?;
        self.finish(id, now)
    }

    /// Completes an entry, a stint's too.
    pub fn finish(&mut self, id: &str, now: Timestamp) -> Result<Entry, OpError> {
        self.change(id, |entry| {
            entry.is_done = true;
            entry.completed_at = Some(now.into());
            entry.updated_at = now.into();
        })
    }

    /// The newest completed lap.
    pub fn undoable(&self) -> Option<Undoable> {
        let laps = self.entries.iter().filter(|entry| entry.is_done && entry.kind == Kind::Lap);
        let done = laps.filter_map(|entry| Some((entry.completed_at.as_ref()?.at(), entry.id.clone())));
        done.map(|(completed_at, id)| Undoable { completed_at, id }).max()
    }

    /// Opens a done entry again, at its old place.
    pub fn reopen(&mut self, id: &str, now: Timestamp) -> Result<Entry, OpError> {
        if !self.find(id)?.is_done {
            return Err(OpError::Todo(id.to_owned()));
        }
        self.change(id, |entry| {
            entry.is_done = false;
            entry.completed_at = None;
            entry.updated_at = now.into();
        })
    }

    /// Takes an entry away.
    pub fn delete(&mut self, id: &str) -> Result<Entry, OpError> {
        let gone = self.find(id)?.clone();
        self.entries.retain(|entry| entry.id != id);
        Ok(gone)
    }

    /// Takes all done entries away but the newest `keep` and those that are `needed`.
    pub fn prune(&mut self, keep: usize, needed: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        self.sort();
        let done = self.entries.iter().filter(|entry| entry.is_done).count();
        let (gone, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.entries)
            .into_iter()
            .enumerate()
            .partition(|(n, entry)| *n < done.saturating_sub(keep) && !needed(entry));
        self.entries = kept.into_iter().map(|(_, entry)| entry).collect();
        gone.into_iter().map(|(_, entry)| entry).collect()
    }

    /// Moves an entry that waits.
    pub fn move_to(&mut self, id: &str, at: &At, now: Timestamp) -> Result<Moved, OpError> {
        let mover = self.find(id)?.clone();
        if mover.is_done {
            return Err(OpError::Done(id.to_owned()));
        }
        if let At::After(target) = at {
            if target == id {
                return Err(OpError::AfterItself(id.to_owned()));
            }
            self.find(target)?;
        }
        self.entries.retain(|entry| entry.id != id);
        let (order, after_done) = self.order_for(at)?;
        let from = mover.order;
        let entry = Entry { order, updated_at: now.into(), ..mover };
        self.entries.push(entry.clone());
        self.sort();
        Ok(Moved { entry, from, after_done })
    }

    /// Changes the texts of an entry; one that is done stays done.
    pub fn edit(&mut self, id: &str, edit: &Edit, now: Timestamp) -> Result<Entry, OpError> {
        if edit.title.as_ref().is_some_and(|title| title.trim().is_empty()) {
            return Err(OpError::BlankTitle(1));
        }
        self.change(id, |entry| {
            if let Some(title) = &edit.title {
                entry.title.clone_from(title);
            }
            if let Some(description) = &edit.description {
                entry.description.clone_from(description);
            }
            if let Some(assignee) = &edit.assignee {
                assignee.trim().clone_into(&mut entry.assignee);
            }
            entry.updated_at = now.into();
        })
    }

    /// The entries of a list.
    pub fn select(&self, list: List) -> Vec<&Entry> {
        let done = self.entries.iter().filter(|entry| entry.is_done);
        match list {
            List::Todo => self.waiting().collect(),
            List::All => self.waiting().chain(done).collect(),
            List::Done => done.rev().collect(),
        }
    }

    /// The shares of the roles, by name.
    pub fn counts(&self) -> Vec<Count> {
        let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for entry in &self.entries {
            let role = if entry.assignee.is_empty() { "unassigned" } else { entry.assignee.as_str() };
            let (complete, incomplete) = counts.entry(role).or_default();
            *(if entry.is_done { complete } else { incomplete }) += 1;
        }
        let count = |(role, (complete, incomplete)): (&str, _)| Count {
            assignee: role.to_owned(),
            complete,
            incomplete,
        };
        counts.into_iter().map(count).collect()
    }
}

impl Entry {
    fn new(id: String, lap: &NewLap, stamp: &Stamp) -> Entry {
        Entry {
            kind: Kind::Lap,
            id,
            stint: String::new(),
            title: lap.title.clone(),
            description: lap.description.clone(),
            assignee: lap.assignee.as_deref().unwrap_or_default().trim().to_owned(),
            is_done: false,
            order: 0,
            created_at: stamp.clone(),
            updated_at: stamp.clone(),
            completed_at: None,
            extras: Vec::new(),
        }
    }
}
