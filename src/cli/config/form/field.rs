//! One question about one key: what the file holds, what was answered, and which edits that makes.

use super::content::{Content, Kind};
use crate::config::edit::Draft;

/// A change of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The parts of the key.
    pub path: Vec<String>,
    /// What the file holds; `None` when nothing.
    pub old: Option<Content>,
    /// What it will hold; `None` when the key is removed.
    pub new: Option<Content>,
}

/// A question.
#[derive(Debug, Clone)]
pub struct Field {
    /// What the question calls it.
    pub label: String,
    /// What `?` says.
    pub help: String,
    /// What holds when no file says anything; empty when nothing does.
    pub default: String,
    /// What it wants.
    pub kind: Kind,
    /// Where an answer goes.
    path: Vec<String>,
    /// What stands there.
    old: Option<Content>,
    /// Other spellings of the key that the file holds.
    twins: Vec<(Vec<String>, Content)>,
    answer: Answer,
}

/// What was said about a field.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    /// Nothing: as it was.
    Keep,
    /// Away with it.
    Clear,
    /// This.
    Set(Content),
}

impl Field {
    /// The field for a key as the file has it. Of `spellings` the first is the current one; the
    /// others are read, and make way when the field changes.
    pub fn load(draft: &Draft, kind: Kind, label: &str, spellings: &[&[&str]]) -> Field {
        let owned = |path: &[&str]| path.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>();
        let mut found = spellings.iter().map(|path| (owned(path), draft.get(path).map(Content::of)));
        let (path, old) = found.next().unwrap_or_default();
        let twins = found.filter_map(|(path, content)| Some((path, content?))).collect();
        let (label, help, default) = (label.to_owned(), String::new(), String::new());
        Field { label, help, default, kind, path, old, twins, answer: Answer::Keep }
    }

    /// With what `?` says.
    #[must_use]
    pub fn help(mut self, help: &str) -> Field {
        help.clone_into(&mut self.help);
        self
    }

    /// With what holds when nothing is set.
    #[must_use]
    pub fn default(mut self, default: impl ToString) -> Field {
        self.default = default.to_string();
        self
    }

    /// Writes the answer under the spelling that the file uses, if it is only there.
    #[must_use]
    pub fn spelled_as_found(mut self) -> Field {
        if self.old.is_none()
            && let Some((path, content)) = self.twins.pop()
        {
            self.label = path.last().cloned().unwrap_or_default();
            (self.path, self.old) = (path, Some(content));
        }
        self
    }

    /// What counts as things stand: the answer, else what the file holds.
    pub fn current(&self) -> Option<&Content> {
        match &self.answer {
            Answer::Set(content) => Some(content),
            Answer::Clear => None,
            Answer::Keep => self.loaded(),
        }
    }

    /// An empty text under the current spelling leaves the word to an older one.
    fn loaded(&self) -> Option<&Content> {
        let says = |content: &&Content| **content != Content::Text(String::new());
        let twins = || self.twins.iter().map(|(_, content)| content);
        self.old.iter().chain(twins()).find(says).or(self.old.as_ref()).or_else(|| twins().next())
    }

    /// Takes an answer: an empty line keeps what is there, `-` clears it.
    ///
    /// # Errors
    ///
    /// A fragment that says why the line is no answer; everything stays as it was then.
    pub fn answer(&mut self, line: &str) -> Result<(), String> {
        match line.trim() {
            "" => {}
            "-" => self.answer = Answer::Clear,
            line => self.answer = Answer::Set(self.kind.parse(line)?),
        }
        Ok(())
    }

    /// Whether an answer changes anything.
    pub fn is_changed(&self) -> bool {
        self.current() != self.loaded()
    }

    /// The edits that the answer makes: none, unless it says otherwise than the file.
    pub fn edits(&self) -> Vec<Change> {
        if !self.is_changed() {
            return Vec::new();
        }
        let new = self.current().cloned();
        let own = Change { path: self.path.clone(), old: self.old.clone(), new };
        let twins = self.twins.iter().map(|(path, old)| {
            let (path, old) = (path.clone(), Some(old.clone()));
            Change { path, old, new: None }
        });
        twins.chain([own]).filter(|edit| edit.old != edit.new).collect()
    }
}
