//! All roles at a glance, for `rally routes check`.

use std::collections::BTreeSet;
use std::path::Path;

use super::folder::{RoleError, first};
use super::lookup::Source;
use super::{NAMES, sync};
use crate::prompt::snippets::snippet;

/// A role that somebody has a text for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its name, in lower case.
    pub name: String,
    /// Where the text comes from that the next relay will use. Files that rally manages count as
    /// embedded; every other is named where it is now.
    pub source: Source,
    /// Length of the text as it stands in a prompt.
    pub bytes: usize,
    /// What the operator should know about a text of the project's own.
    pub advisory: Option<Advisory>,
}

impl Role {
    /// Roughly how many tokens the text costs: a quarter of its bytes.
    pub fn tokens(&self) -> usize {
        self.bytes / 4
    }
}

/// A text speaks of what every prompt of a lap says anyway, in words that may not fit together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advisory {
    /// The term that was found.
    pub term: &'static str,
    /// The shared text that speaks of it.
    pub text: &'static str,
}

/// Terms, in the order in which they are looked for, and the shared text about each.
const TERMS: [(&str, &str); 4] = [
    ("laps done", "finalize"),
    ("laps handoff", "finalize"),
    ("laps wrapup", "finalize"),
    ("headless", "headless"),
];

/// Every role by name: rally's own and those with a file in `.rally/agents`, which may be missing.
/// Files count as they will when the next relay has brought them in order.
///
/// # Errors
///
/// [`RoleError`] when something in there cannot be read.
pub fn survey(agents_dir: &Path) -> Result<Vec<Role>, RoleError> {
    let folders = sync::after(agents_dir)?;
    let names: BTreeSet<&str> =
        folders.iter().flatten().map(|entry| entry.role.as_str()).chain(NAMES).collect();
    let mut roles = Vec::new();
    for name in names {
        let (source, text) = match first(folders.iter().map(Vec::as_slice), name)? {
            Some((entry, text)) if entry.ours.is_none() => (Source::File(entry.path.clone()), text),
            _ => match super::embedded(name) {
                Some(text) => (Source::Embedded, text.to_owned()),
                // Blank files of a role that rally has no text for.
                None => continue,
            },
        };
        let advisory = if source == Source::Embedded { None } else { advise(&text) };
        roles.push(Role { name: name.to_owned(), source, bytes: text.trim().len(), advisory });
    }
    Ok(roles)
}

fn advise(text: &str) -> Option<Advisory> {
    let text = text.to_lowercase();
    let (term, name) = TERMS.into_iter().find(|(term, _)| text.contains(term))?;
    snippet(name).map(|text| Advisory { term, text })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    fn with(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        root
    }

    /// `name file`, custom ones alone.
    fn custom(root: &Path) -> Vec<String> {
        let shown = |role: Role| match role.source {
            Source::Embedded => None,
            Source::File(path) => {
                Some(format!("{} {}", role.name, path.strip_prefix(root).unwrap().display()))
            }
        };
        survey(root).unwrap().into_iter().filter_map(shown).collect()
    }

    // 10-K9
    #[test]
    fn rallys_own_roles_are_always_there() {
        for root in [with(&[]).path().to_owned(), with(&[("user/x/y.md", "")]).path().to_owned()] {
            let roles = survey(&root).unwrap();
            assert_eq!(roles.iter().map(|role| role.name.as_str()).collect::<Vec<_>>(), NAMES);
            for role in roles {
                let text = super::super::embedded(&role.name).unwrap();
                assert_eq!((role.bytes, role.tokens()), (text.len(), text.len() / 4));
                assert_eq!((role.source, role.advisory), (Source::Embedded, None));
            }
        }
    }

    // 10-K10, D46: what rally manages is not custom, and what is in user/ is listed
    #[test]
    fn custom_is_what_people_wrote() {
        let senior = super::super::embedded("senior").unwrap();
        let root = with(&[("user/.keep", "")]);
        sync::prepare(root.path()).unwrap().carry_out().unwrap();
        assert!(root.path().join("builtin/senior.md").exists());
        assert_eq!(custom(root.path()), [""; 0], "after role set-up nothing is custom");

        for (files, wanted) in [
            (&[("senior.md", "mine")][..], &["senior senior.md"][..]),
            (&[("senior.md", senior)], &[]),
            (&[("builtin/senior.md", " "), ("senior.md", "mine")], &["senior senior.md"]),
            // What somebody wrote there is going to be moved to user/, before what was not in force.
            (&[("builtin/senior.md", "old"), ("senior.md", "mine")], &["senior builtin/senior.md"]),
            (&[("builtin/senior.md", "edited")], &["senior builtin/senior.md"]),
            (&[("builtin/senior.md", "edited"), ("user/senior.md", " ")], &["senior builtin/senior.md"]),
            (&[("builtin/senior.md", "edited"), ("user/senior.txt", "mine")], &["senior user/senior.txt"]),
            (&[("user/senior.md", ""), ("senior.md", "mine")], &["senior senior.md"]),
            (&[("user/senior.md/x", ""), ("senior.md", "mine")], &["senior senior.md"]),
            (&[("user/Senior.md", senior)], &["senior user/Senior.md"]),
            (&[("user/senior.md", "mine"), ("senior.md", "old")], &["senior user/senior.md"]),
            (
                &[("user/QA.txt", "q"), ("lead.md", "l"), ("user/blank.md", " ")],
                &["lead lead.md", "qa user/QA.txt"],
            ),
            (&[("builtin/qa.md", "q")], &["qa builtin/qa.md"]),
        ] {
            assert_eq!(custom(with(files).path()), wanted, "{files:?}");
        }
    }

    // 10-K10
    #[test]
    fn a_text_about_shared_things_gets_advice() {
        for (text, wanted) in [
            ("Then run `LAPS Done`.", Some(("laps done", "finalize"))),
            ("headless, laps wrapup, laps handoff", Some(("laps handoff", "finalize"))),
            ("headless, laps wrapup", Some(("laps wrapup", "finalize"))),
            ("# Headless rules", Some(("headless", "headless"))),
            ("Be kind.", None),
        ] {
            let root = with(&[("user/senior.md", text)]);
            let roles = survey(root.path()).unwrap();
            let found = roles.iter().find(|role| role.name == "senior").unwrap().advisory;
            let wanted = wanted.map(|(term, name)| (term, snippet(name).unwrap()));
            assert_eq!(found.map(|advisory| (advisory.term, advisory.text)), wanted, "{text}");
            assert!(roles.iter().all(|role| role.name == "senior" || role.advisory.is_none()));
        }
    }

    #[test]
    fn a_folder_that_cannot_be_read_is_an_error() {
        let root = with(&[("agents", "a file")]);
        let problem = survey(&root.path().join("agents")).unwrap_err().to_string();
        assert!(problem.starts_with("cannot read ") && problem.contains("agents: "), "{problem}");
    }
}
