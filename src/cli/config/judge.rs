//! Whether an edit may be saved: it must not add a mistake. Those that were there before are told,
//! and hold nothing up, so that a broken file can be repaired one step at a time.

use std::path::Path;

use super::place::Place;
use super::print;
use crate::config::{ConfigError, Diagnostic, Inspection};
use crate::routing::Rules;

/// What an edit would do.
#[derive(Debug, Default)]
pub struct Judgement {
    /// Mistakes that it would add: reason enough to refuse it.
    pub new: Vec<Diagnostic>,
    /// Mistakes that were there before.
    pub remaining: Vec<Diagnostic>,
    /// Warnings that it adds.
    pub warnings: Vec<Diagnostic>,
    /// The other files, when they cannot be read.
    pub unreadable: Vec<ConfigError>,
    /// What would count after it.
    pub after: Option<Inspection>,
}

/// Compares what is wrong before and after `file` gets another text. The user's file must be right with
/// this repository's laid over it, and also without: a mistake in it stops rally in every other repository.
pub fn judge(place: &Place, file: &Path, before: &str, after: &str) -> Judgement {
    let all: Vec<&Path> = place.files().collect();
    let mut judgement = compare(place, &all, file, before, after);
    if all.last() != Some(&file) {
        let known: Vec<String> = judgement.new.iter().map(identity).collect();
        let alone = compare(place, &[file], file, before, after).new;
        let elsewhere = alone.into_iter().filter(|error| !known.contains(&identity(error)));
        judgement.new.extend(elsewhere.map(|error| Diagnostic {
            message: format!("{} (in every other repository, where your file counts, too)", error.message),
            ..error
        }));
    }
    judgement
}

fn compare(place: &Place, files: &[&Path], file: &Path, before: &str, after: &str) -> Judgement {
    let (old, _) = place.inspect(files, Some((file, before)));
    let (new, unreadable) = place.inspect(files, Some((file, after)));
    let ((old_errors, old_warnings), (errors, warnings)) = (all(&old), all(&new));
    let (added, remaining) = split(&old_errors, errors);
    let (warnings, _) = split(&old_warnings, warnings);
    Judgement { new: added, remaining, warnings, unreadable, after: Some(new) }
}

/// Everything that is wrong with a configuration, and everything that is suspicious: also what only
/// the routing room sees, like members of providers that name nobody. That one is not asked about half
/// a configuration.
pub fn all(inspection: &Inspection) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
    let (mut errors, mut warnings) = (inspection.errors.clone(), inspection.warnings.clone());
    if !inspection.is_partial {
        let (wrong, doubtful) = Rules::of(&inspection.config).diagnostics();
        errors.extend(wrong);
        warnings.extend(doubtful);
    }
    (errors, warnings)
}

/// Those that are not in `old`, and those that are.
fn split(old: &[Diagnostic], new: Vec<Diagnostic>) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
    let mut known: Vec<String> = old.iter().map(identity).collect();
    new.into_iter().partition(|diagnostic| {
        let found = known.iter().position(|known| *known == identity(diagnostic));
        found.map(|at| known.swap_remove(at)).is_none()
    })
}

/// A complaint without its line numbers: an edit moves those of others.
fn identity(diagnostic: &Diagnostic) -> String {
    let file = diagnostic.origin.as_ref().map(|origin| origin.file.display().to_string());
    let mut words = Vec::new();
    let mut line = false;
    for word in diagnostic.message.split(' ') {
        words.push(if line { word.trim_matches(|c: char| c.is_ascii_digit()) } else { word });
        line = word.ends_with("line");
    }
    format!("{}\n{}\n{}", file.unwrap_or_default(), diagnostic.key, words.join(" "))
}

impl Judgement {
    /// Why the edit is refused. In `file` itself the lines are those of a text that is not saved.
    pub fn reasons(&self, file: &Path) -> String {
        let reason = |error: &Diagnostic| match &error.origin {
            Some(origin) if origin.file == file => error.message.clone(),
            _ => error.to_string(),
        };
        self.new.iter().map(reason).collect::<Vec<_>>().join("\n")
    }

    /// Says what the operator should know after the edit was saved.
    pub fn tell(&self) -> std::io::Result<()> {
        self.unreadable.iter().try_for_each(|error| print::say("warning", error))?;
        print::warnings(&self.remaining)?;
        print::warnings(&self.warnings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Origin;

    fn diagnostic(line: usize, message: &str) -> Diagnostic {
        let origin = Some(Origin { file: "f".into(), line });
        Diagnostic { origin, key: "k".to_owned(), message: message.to_owned() }
    }

    #[test]
    fn a_mistake_is_the_same_when_its_line_moves() {
        let old = [diagnostic(3, "a and b (line 2) differ"), diagnostic(4, "x is 5"), diagnostic(5, "same")];
        let (new, remaining) = split(
            &old,
            vec![
                diagnostic(9, "a and b (line 12) differ"),
                diagnostic(4, "x is 6"),
                diagnostic(1, "same"),
                diagnostic(2, "same"),
            ],
        );
        assert_eq!(new, [diagnostic(4, "x is 6"), diagnostic(2, "same")]);
        assert_eq!(remaining, [diagnostic(9, "a and b (line 12) differ"), diagnostic(1, "same")]);
    }
}
