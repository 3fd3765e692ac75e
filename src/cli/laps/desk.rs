//! Where a command of the queue works, and how it answers.

use std::io::Write;

use super::grammar::{Global, Scope as Flags};
use super::stop::{self, Stop};
use crate::cli::output;
use crate::laps::file::json::Node;
use crate::laps::file::{Entry, STINT_VERSION};
use crate::laps::folder::{Folder, Scope, Spot};
use crate::model::Timestamp;

/// The folder `.laps` and what the options say about it.
#[derive(Debug)]
pub struct Desk {
    /// Whether JSON is wanted.
    pub json: bool,
    /// The folder.
    pub folder: Folder,
    /// The queue that is meant.
    pub scope: Scope,
    /// The moment of the command.
    pub now: Timestamp,
}

/// What a command answers.
#[derive(Debug)]
pub struct Said {
    /// For people, with its last new line.
    pub text: String,
    /// For programs.
    pub json: Node,
    /// For hooks: ids, a number, or the text.
    pub output: String,
    /// The lap concerned, for hooks.
    pub lap: Option<Entry>,
}

impl Desk {
    /// The folder around the current one, which is made in a git repository that has none.
    pub fn open(json: bool, global: &Global, flags: &Flags) -> Result<Desk, Stop> {
        let here =
            std::env::current_dir().map_err(|e| Stop::store(format!("the current folder is gone: {e}")))?;
        let folder = Folder::discover(&here)?;
        Ok(Desk { json, folder, scope: scope(global, flags), now: Timestamp::now() })
    }

    /// Prints an answer, and what went wrong beside it.
    pub fn answer(&self, said: &Said) -> Result<(), Stop> {
        self.warn();
        let text = if self.json { said.json.compact() + "\n" } else { said.text.clone() };
        print(&text)
    }

    /// Says what went wrong without stopping anything.
    pub fn warn(&self) {
        self.folder.warnings().iter().for_each(|warning| stop::note(warning));
    }
}

/// The queue that the options mean.
pub fn scope(global: &Global, flags: &Flags) -> Scope {
    match (&flags.stint, &global.file) {
        (Some(stint), _) => Scope::Stint(stint.clone()),
        (None, Some(file)) => Scope::File(file.clone()),
        (None, None) if flags.root => Scope::Root,
        (None, None) => Scope::Active,
    }
}

/// An entry as it is on disk.
pub fn node(entry: &Entry, spot: &Spot) -> Node {
    entry.node(spot.tasks.version >= STINT_VERSION)
}

/// An answer about one lap, which is named by its id.
pub fn about(text: String, entry: Entry, spot: &Spot) -> Said {
    Said {
        text,
        json: Node::object([("task", node(&entry, spot))]),
        output: entry.id.clone(),
        lap: Some(entry),
    }
}

/// Writes to standard output. A reader that went away is no trouble.
pub fn print(text: &str) -> Result<(), Stop> {
    match output::document(text.as_bytes()).and_then(|()| std::io::stdout().flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Stop::store(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}
