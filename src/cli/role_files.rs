//! Bringing the files of roles in order and committing what rally did there, and nothing of anybody else's.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use crate::git::{Footing, Git, GitError};
use crate::model::text::chain;
use crate::prompt::roles::{self, FOLDER, RoleError, Synced};
use crate::terminal::sanitize;

/// How the files of the folder stand, by path from the top of the work tree.
type Footings = BTreeMap<Vec<u8>, Footing>;

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Whether any file is other than before.
    pub changed: bool,
    /// Whether there is a new commit.
    pub committed: bool,
}

/// Makes `.rally/agents` where it is missing, brings it in order and commits that under `subject`. What
/// the operator should know of it goes to standard error behind `label`; that nothing can be committed is
/// a warning there.
///
/// What was not committed before is the user's: it is moved where it belongs, and stays uncommitted.
///
/// # Errors
///
/// [`RoleError`] when something in the folder cannot be read or written.
pub fn put_in_order(
    workspace: &Path,
    git: Result<Option<&Git>, &GitError>,
    subject: &str,
    label: &str,
) -> Result<Outcome, RoleError> {
    let pending = roles::prepare(&workspace.join(FOLDER))?;
    // Afterwards nobody could tell what the user had committed.
    let before = match git {
        Ok(Some(git)) => git.footings(&[FOLDER]).map(|before| Some((git, before))).map_err(|e| chain(&e)),
        Ok(None) => Ok(None),
        Err(problem) => Err(chain(problem)),
    };
    let synced = pending.carry_out()?;
    if let Some(notice) = &synced.notice {
        say(label, notice);
    }
    let made = match before {
        Ok(Some((git, before))) => commit(git, &before, &synced, subject).map_err(|e| chain(&e)),
        Ok(None) => Ok(false),
        Err(problem) => Err(problem),
    };
    if let Err(problem) = &made {
        say("warning", &format!("the role files are not committed: {problem}"));
    }
    Ok(Outcome { changed: synced.changed, committed: made.unwrap_or(false) })
}

fn say(label: &str, text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{label}: {}", sanitize::text(text));
}

fn commit(git: &Git, before: &Footings, synced: &Synced, subject: &str) -> Result<bool, GitError> {
    if !synced.changed && !is_due(before, synced) {
        return Ok(false);
    }
    let after = match synced.moved.is_empty() {
        true => Footings::new(),
        false => git.footings(&[FOLDER])?,
    };
    let files = own(before, &after, synced);
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    Ok(git.commit_paths(&files, subject)?.is_some())
}

/// Whether rally's texts wait for a commit, though nothing changed now.
fn is_due(before: &Footings, synced: &Synced) -> bool {
    let mut footings = synced.builtin.iter().filter_map(|file| before.get(place(file).as_bytes()));
    footings.any(|footing| *footing != Footing::Clean)
}

/// What of it may be committed, as paths from the top of the work tree: rally's texts, and the places
/// where it removed or moved a file that was as HEAD has it.
fn own(before: &Footings, after: &Footings, synced: &Synced) -> Vec<String> {
    let was = |file: &Path| before.get(place(file).as_bytes()).copied();
    let mut files = Vec::new();
    for file in &synced.builtin {
        let is_ours = match was(file) {
            None | Some(Footing::Clean | Footing::Edited | Footing::Untracked) => true,
            // An interrupted commit of ours, unless the index has what was replaced now.
            Some(Footing::Staged) => !synced.written.contains(file),
            Some(Footing::StagedAndEdited) => false,
        };
        files.extend(is_ours.then(|| place(file)));
    }
    let was_clean = |file: &Path| was(file) == Some(Footing::Clean);
    files.extend(synced.removed.iter().filter(|file| was_clean(file)).map(|file| place(file)));
    for (from, to) in &synced.moved {
        let had_room = matches!(was(to), None | Some(Footing::Clean | Footing::Untracked));
        // Git does not know the new place where it is ignored or behind a link: half a move would be a loss.
        if was_clean(from) && had_room && after.contains_key(place(to).as_bytes()) {
            files.extend([place(from), place(to)]);
        }
    }
    files
}

/// Names of role files are text.
fn place(file: &Path) -> String {
    format!("{FOLDER}/{}", file.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;
    use std::path::PathBuf;

    fn footings(given: &[(&str, Footing)]) -> Footings {
        given.iter().map(|(file, footing)| (place(Path::new(file)).into_bytes(), *footing)).collect()
    }

    #[test]
    fn only_what_was_committed_is_committed_again() {
        use Footing::{Clean, Edited, Staged, StagedAndEdited, Untracked};
        let moved = Synced { moved: vec![("qa.md".into(), "user/qa.md".into())], ..Synced::default() };
        let removed = Synced { removed: vec!["ui.md".into()], ..Synced::default() };
        let kept = Synced { builtin: vec!["builtin/ui.md".into()], ..Synced::default() };
        let written = Synced { written: kept.builtin.clone(), ..kept.clone() };
        let new = footings(&[("user/qa.md", Untracked)]);
        for (synced, before, after, wanted) in [
            (&moved, &[("qa.md", Clean)][..], &new, &["qa.md", "user/qa.md"][..]),
            (&moved, &[("qa.md", Clean), ("user/qa.md", Untracked)], &new, &["qa.md", "user/qa.md"]),
            (&moved, &[("qa.md", Clean), ("user/qa.md", Staged)], &new, &[]),
            (&moved, &[("qa.md", Clean), ("user/qa.md", Edited)], &new, &[]),
            (&moved, &[("qa.md", Clean)], &Footings::new(), &[]),
            (&moved, &[("qa.md", Edited)], &new, &[]),
            (&moved, &[("qa.md", Staged)], &new, &[]),
            (&moved, &[("qa.md", Untracked)], &new, &[]),
            (&moved, &[], &new, &[]),
            (&removed, &[("ui.md", Clean)], &new, &["ui.md"]),
            (&removed, &[("ui.md", Edited)], &new, &[]),
            (&removed, &[("ui.md", Staged)], &new, &[]),
            (&kept, &[], &new, &["builtin/ui.md"]),
            (&kept, &[("builtin/ui.md", Edited)], &new, &["builtin/ui.md"]),
            // Staged by a commit that was cut.
            (&kept, &[("builtin/ui.md", Staged)], &new, &["builtin/ui.md"]),
            (&kept, &[("builtin/ui.md", StagedAndEdited)], &new, &[]),
            (&written, &[("builtin/ui.md", Edited)], &new, &["builtin/ui.md"]),
            (&written, &[("builtin/ui.md", Staged)], &new, &[]),
        ] {
            let wanted: Vec<String> = wanted.iter().map(|file| place(&PathBuf::from(file))).collect();
            assert_eq!(own(&footings(before), after, synced), wanted, "{before:?} {synced:?}");
        }
        assert!(!is_due(&footings(&[("builtin/ui.md", Clean), ("qa.md", Untracked)]), &kept));
        assert!(is_due(&footings(&[("builtin/ui.md", Untracked)]), &kept));
    }
}
