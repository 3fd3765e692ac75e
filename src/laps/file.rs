//! A task file of `laps` in memory: what is read, and the same bytes written. Pure.
//!
//! Versions 1 to 3 are read; the version that was found is written again (1 as 2), so that older programs keep
//! reading the file. Unknown keys are kept where they stand.

mod ids;
pub mod json;
mod operations;
mod order;
mod read;
#[cfg(test)]
mod replay;
mod stamp;
#[cfg(test)]
mod tests;

pub use ids::{new_id, root_prefix};
pub use operations::{Added, Count, Edit, List, Moved, OpError, Undoable};
pub use order::At;
pub use stamp::Stamp;

use json::{Json, Node};

/// The version of new files: every program reads it.
pub const NEW_VERSION: i64 = 2;

/// The newest version that is understood, and the first with stints.
pub const STINT_VERSION: i64 = 3;

/// Why a file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// Not what it should be.
    #[error("line {line}: {what}; correct it, or take the last good one from git")]
    Damaged {
        /// From 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// Git left both sides of a merge.
    #[error("line {line}: a merge conflict marker; keep the laps of both sides and delete the markers")]
    Conflict {
        /// From 1.
        line: usize,
    },
    /// A later program wrote it.
    #[error("version {version} was written by a newer version of laps; please update rally")]
    Newer {
        /// The version.
        version: i64,
    },
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A task.
    Lap,
    /// A reference to a queue file of its own.
    Stint,
}

/// One entry of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Lap or stint.
    pub kind: Kind,
    /// `<prefix>-<hex>`.
    pub id: String,
    /// Name of the stint; empty for a lap.
    pub stint: String,
    /// Never blank when created here.
    pub title: String,
    /// May be empty.
    pub description: String,
    /// Trimmed; empty without one.
    pub assignee: String,
    /// Whether it is done.
    pub is_done: bool,
    /// Sort key among those that wait.
    pub order: i64,
    /// When it was made.
    pub created_at: Stamp,
    /// When it was changed last.
    pub updated_at: Stamp,
    /// When it was done.
    pub completed_at: Option<Stamp>,
    extras: Vec<Extra>,
}

/// A key that is not known, and the slot of the known key that it follows.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Extra {
    slot: usize,
    key: String,
    value: Node,
}

/// A queue file. The entries are in canonical order: done ones first, then the waiting ones, head first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFile {
    /// 2 or 3; a file of version 1 is one of version 2 once it is read.
    pub version: i64,
    /// Four of `[a-z0-9]` in a stint's file; else empty.
    pub prefix: String,
    /// Whether the stint's gate is closed.
    pub held: bool,
    /// In canonical order.
    pub entries: Vec<Entry>,
    /// What the reader should hear: unknown keys, ids that stand twice.
    pub warnings: Vec<String>,
    extras: Vec<Extra>,
}

impl Default for TaskFile {
    fn default() -> TaskFile {
        TaskFile {
            version: NEW_VERSION,
            prefix: String::new(),
            held: false,
            entries: Vec::new(),
            warnings: Vec::new(),
            extras: Vec::new(),
        }
    }
}

impl TaskFile {
    /// Reads a file; `None` for one with nothing in it (blank, or `{}`).
    pub fn parse(bytes: &[u8]) -> Result<Option<TaskFile>, FileError> {
        match bytes.trim_ascii() {
            b"" | b"{}" => Ok(None),
            _ => read::file(bytes).map(Some),
        }
    }

    /// The bytes of the file, in canonical order.
    pub fn bytes(&self) -> Vec<u8> {
        let mut entries: Vec<&Entry> = self.entries.iter().collect();
        entries.sort_by(|a, b| order::canonical(a, b));
        let stints = self.held || !self.prefix.is_empty() || entries.iter().any(|e| e.kind == Kind::Stint);
        let version = if stints { self.version.max(STINT_VERSION) } else { self.version };
        let with_kind = version >= STINT_VERSION;
        let tasks = entries.into_iter().map(|entry| entry.node(with_kind)).collect();
        let slots = [
            ("version", Some(version.into())),
            ("prefix", (!self.prefix.is_empty()).then(|| self.prefix.as_str().into())),
            ("held", self.held.then(|| true.into())),
            ("tasks", Some(Json::Array(tasks).into())),
        ];
        (with_extras(slots, &self.extras).pretty() + "\n").into_bytes()
    }
}

impl Entry {
    /// Its object. `with_kind` says whether the file has kinds (version 3); an entry that was just added is shown
    /// without.
    pub fn node(&self, with_kind: bool) -> Node {
        let kind = match self.kind {
            Kind::Lap => "lap",
            Kind::Stint => "stint",
        };
        let slots = [
            ("kind", with_kind.then(|| kind.into())),
            ("id", Some(self.id.as_str().into())),
            ("ref", (!self.stint.is_empty()).then(|| self.stint.as_str().into())),
            ("title", Some(self.title.as_str().into())),
            ("description", Some(self.description.as_str().into())),
            ("assignee", (!self.assignee.is_empty()).then(|| self.assignee.as_str().into())),
            ("isDone", Some(self.is_done.into())),
            ("order", Some(self.order.into())),
            ("createdAt", Some(self.created_at.text().into())),
            ("updatedAt", Some(self.updated_at.text().into())),
            (
                "completedAt",
                Some(self.completed_at.as_ref().map_or(Json::Null.into(), |at| at.text().into())),
            ),
        ];
        with_extras(slots, &self.extras)
    }
}

fn with_extras<const N: usize>(slots: [(&str, Option<Node>); N], extras: &[Extra]) -> Node {
    let mut members = Vec::new();
    let follow = |members: &mut Vec<(String, Node)>, slot: usize| {
        let here = extras.iter().filter(|extra| extra.slot == slot);
        members.extend(here.map(|extra| (extra.key.clone(), extra.value.clone())));
    };
    follow(&mut members, 0);
    for (n, (key, value)) in slots.into_iter().enumerate() {
        members.extend(value.map(|value| (key.to_owned(), value)));
        follow(&mut members, n + 1);
    }
    Json::Object(members).into()
}
