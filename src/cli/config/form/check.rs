//! What the rest of rally would say about the answers, before they are saved.

use std::path::Path;

use super::content::Content;
use super::field::Edit;
use crate::config::{ConfigError, Diagnostic, Env, load_as};
use crate::routing::{Catalog, Entry, split};

/// Something to know before saving.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Whether nothing would run with it.
    pub is_error: bool,
    /// `FILE:LINE: what`, or `KEY: what`.
    pub text: String,
}

/// Loads the configuration as if `file` held `text`: its mistakes and warnings, and names in what
/// was edited that stand for nothing.
pub fn notes(workspace: &Path, env: &Env, file: &Path, text: &str, edits: &[Edit]) -> Vec<Note> {
    let here = |diagnostic: &&Diagnostic| diagnostic.origin.as_ref().is_none_or(|origin| origin.file == file);
    let note = |is_error| move |what: &Diagnostic| Note { is_error, text: what.to_string() };
    match load_as(workspace, env, file, text) {
        Ok(loaded) => {
            let warnings = loaded.warnings.iter().filter(here).map(note(false));
            warnings.chain(unknown(&Catalog::new(&loaded.config), edits)).collect()
        }
        Err(ConfigError::Invalid(errors)) => {
            let mine: Vec<Note> = errors.iter().filter(here).map(note(true)).collect();
            match errors.iter().find_map(|error| error.origin.as_ref()).filter(|_| mine.is_empty()) {
                Some(origin) => {
                    let text = format!("{} has mistakes, see rally doctor", origin.file.display());
                    vec![Note { is_error: false, text }]
                }
                None => mine,
            }
        }
        Err(other) => vec![Note { is_error: true, text: other.to_string() }],
    }
}

/// Entries in new mixes and routes that name no harness or no model.
fn unknown(catalog: &Catalog<'_>, edits: &[Edit]) -> Vec<Note> {
    let mut notes = Vec::new();
    for edit in edits {
        let path: Vec<&str> = edit.path.iter().map(String::as_str).collect();
        let entries = match (path.as_slice(), &edit.new) {
            (["defaults", "mix"], Some(Content::Text(mix))) => split::split(mix).unwrap_or_default(),
            (["routes", _], Some(Content::List(entries))) => entries.clone(),
            _ => continue,
        };
        for entry in entries.iter().filter_map(|entry| Entry::parse(entry).ok()) {
            if let Err(error) = catalog.resolve(&entry.identifier) {
                notes.push(Note { is_error: false, text: format!("{}: {error}", path.join(".")) });
            }
        }
    }
    notes
}
