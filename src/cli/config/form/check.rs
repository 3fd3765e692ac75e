//! What the rest of rally would say about the answers, before they are saved.

use std::path::Path;

use crate::cli::config::judge::judge;
use crate::cli::config::place::Place;
use crate::config::Diagnostic;

/// Something to know before saving.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// How bad it is.
    pub weight: Weight,
    /// `FILE:LINE: what`, or `KEY: what`.
    pub text: String,
}

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// A mistake that the answers would bring in.
    New,
    /// A mistake that was there before, and stays.
    Old,
    /// No mistake.
    Warning,
}

/// What is to be said when `file` gets another text: what would be new, wherever it shows, and what
/// stays wrong in this file. The other file is a matter of its own.
pub fn notes(place: &Place, file: &Path, before: &str, after: &str) -> Vec<Note> {
    let here = |what: &&Diagnostic| what.origin.as_ref().is_none_or(|origin| origin.file == file);
    let note = |weight| move |what: &Diagnostic| Note { weight, text: what.to_string() };
    let judgement = judge(place, file, before, after);
    let mut notes: Vec<Note> = judgement.new.iter().map(note(Weight::New)).collect();
    notes.extend(judgement.remaining.iter().filter(here).map(note(Weight::Old)));
    let elsewhere = judgement.remaining.iter().find(|what| !here(what)).and_then(|what| what.origin.as_ref());
    notes.extend(elsewhere.map(|origin| Note {
        weight: Weight::Warning,
        text: format!("{} has mistakes, see rally config list", origin.file.display()),
    }));
    let unreadable = judgement.unreadable.iter().map(ToString::to_string);
    notes.extend(unreadable.map(|text| Note { weight: Weight::Warning, text }));
    notes.extend(judgement.warnings.iter().map(note(Weight::Warning)));
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Env, repository_file};

    #[test]
    fn what_set_would_say() {
        let home = tempfile::tempdir().unwrap();
        let env = Env { home: Some(home.path().to_owned()), ..Env::default() };
        let (own, workspace) = (env.user_file().unwrap(), home.path().join("repo"));
        let repository = repository_file(&workspace);
        let place = Place::of(env, Some(&workspace), &workspace);
        let said = |file: &Path, before: &str, after: &str| -> Vec<(Weight, String)> {
            let notes = notes(&place, file, before, after);
            notes.into_iter().map(|note| (note.weight, note.text)).collect()
        };
        let (mix, routes) = ("[defaults]\nmix = 'cc:2 mycode'\n", "[routes]\ndefault = ['cc', 'op:zen']\n");

        let notes = said(&repository, "", mix);
        assert!(
            notes.len() == 1
                && notes[0].0 == Weight::New
                && notes[0].1.contains("unknown agent alias \"mycode\""),
            "{notes:?}"
        );
        let notes = said(&own, "", routes);
        assert!(notes[0].0 == Weight::New && notes[0].1.contains("unknown model \"zen\""), "{notes:?}");
        // As much is wrong as before, but not the same.
        let notes = said(&own, "[defaults]\nmix = 'hiscode'\n", mix);
        assert!(notes.len() == 1 && notes[0].0 == Weight::New, "{notes:?}");
        assert_eq!(said(&own, mix, mix)[0].0, Weight::Old);
        assert_eq!(said(&own, "", "[defaults]\nclaude_model = 'a*'\n")[0].0, Weight::Warning);

        // A name that the other file gives is known.
        std::fs::create_dir_all(own.parent().unwrap()).unwrap();
        std::fs::write(&own, "[harness.mycode]\ncommand = ['m']\n[reliability]\ntry_timeout_secs = 9\n")
            .unwrap();
        assert_eq!(said(&repository, "", mix), [], "warnings about the other file are told elsewhere");

        let notes = said(&repository, "", "data_dir = '$X'\n");
        assert!(notes[0].0 == Weight::New && notes[0].1.contains("not expanded"), "{notes:?}");
        let notes = said(&repository, "", "\n[reliability]\nretry_budget = -1\n");
        assert!(notes[0].0 == Weight::New && notes[0].1.contains("config.toml:3: "), "{notes:?}");

        std::fs::write(&own, "[defaults]\nmix = 1\n").unwrap();
        let notes = said(&repository, "", "");
        assert!(notes[0].0 == Weight::Warning && notes[0].1.contains("has mistakes"), "{notes:?}");
        assert_eq!(said(&own, "[defaults]\nmix = 1\n", "[defaults]\nmix = 'cc'\n"), []);
    }
}
