//! What the rest of rally would say about the answers, before they are saved.

use std::path::Path;

use super::content::Content;
use super::field::Change;
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
pub fn notes(workspace: &Path, env: &Env, file: &Path, text: &str, edits: &[Change]) -> Vec<Note> {
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
fn unknown(catalog: &Catalog<'_>, edits: &[Change]) -> Vec<Note> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(path: &[&str], new: Content) -> Change {
        Change { path: path.iter().map(|part| (*part).to_owned()).collect(), old: None, new: Some(new) }
    }

    #[test]
    fn what_the_loader_and_the_catalog_say() {
        let home = tempfile::tempdir().unwrap();
        let env = Env { home: Some(home.path().to_owned()), ..Env::default() };
        let (own, workspace) = (env.user_file().unwrap(), home.path().join("repo"));
        let repository = crate::config::repository_file(&workspace);
        let notes = |file: &Path, text: &str, edits: &[Change]| {
            let notes = notes(&workspace, &env, file, text, edits);
            notes.into_iter().map(|note| (note.is_error, note.text)).collect::<Vec<_>>()
        };

        let mix = [edit(&["defaults", "mix"], Content::Text("cc:2 mycode".to_owned()))];
        let said = notes(&repository, "", &mix);
        assert!(
            !said[0].0 && said[0].1.starts_with("defaults.mix: unknown agent alias \"mycode\""),
            "{said:?}"
        );
        let route = [edit(&["routes", "ui"], Content::List(vec!["cc".to_owned(), "op:zen".to_owned()]))];
        let said = notes(&own, "", &route);
        assert!(said.len() == 1 && said[0].1.starts_with("routes.ui: unknown model \"zen\""), "{said:?}");

        // A name that the other file gives is known.
        std::fs::create_dir_all(own.parent().unwrap()).unwrap();
        std::fs::write(&own, "[harness.mycode]\ncommand = ['m']\n[reliability]\ntry_timeout_secs = 9\n")
            .unwrap();
        assert_eq!(notes(&repository, "", &mix), [], "warnings about the other file are told elsewhere");

        let said = notes(&repository, "data_dir = '$X'\n", &[]);
        assert!(said[0].0 && said[0].1.contains("not expanded"), "{said:?}");
        let said = notes(&repository, "\n[reliability]\nretry_budget = -1\n", &[]);
        assert!(said[0].0 && said[0].1.contains("config.toml:3: "), "{said:?}");

        std::fs::write(&own, "[defaults]\nmix = 1\n").unwrap();
        let said = notes(&repository, "", &[]);
        assert!(!said[0].0 && said[0].1.contains("has mistakes"), "{said:?}");
        assert_eq!(notes(&own, "[defaults]\nmix = 'cc'\n", &[]), []);
    }
}
