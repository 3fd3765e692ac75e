//! What a check came to, how it is printed, and which exit code all of them make. Pure.

use serde::Serialize;

use crate::cli::error::{FAILURE, SUCCESS};
use crate::model::text;
use crate::terminal::sanitize;
use crate::terminal::style::{Palette, Tone};

/// How serious a finding is, the least serious first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Worth knowing; nothing has to be done.
    Note,
    /// A relay can run, but something is missing or will go wrong in part.
    Warning,
    /// A relay cannot run as configured, or something runs that must not.
    Problem,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Level::Ok => "ok",
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Problem => "problem",
        }
    }

    fn tone(self) -> Tone {
        match self {
            Level::Ok => Tone::Good,
            Level::Note => Tone::Dim,
            Level::Warning => Tone::Warn,
            Level::Problem => Tone::Bad,
        }
    }
}

/// What a finding is about, in the order of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// The agent CLIs.
    Harnesses,
    /// git and the repository.
    Git,
    /// The two files.
    Configuration,
    /// What is remembered in `.rally/state`.
    State,
    /// What crashes left behind.
    Leftovers,
    /// Space and permissions.
    Disk,
    /// What rally needs of the system.
    Platform,
}

impl Group {
    fn title(self) -> &'static str {
        match self {
            Group::Harnesses => "Harnesses",
            Group::Git => "Git",
            Group::Configuration => "Configuration",
            Group::State => "State",
            Group::Leftovers => "Leftovers",
            Group::Disk => "Disk",
            Group::Platform => "Platform",
        }
    }
}

/// What one check came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub group: Group,
    /// How serious it is.
    pub level: Level,
    /// A word or two: a harness, a file, a place.
    pub subject: String,
    /// What was found.
    pub text: String,
    /// What to do about it.
    pub way_out: Option<String>,
}

impl Finding {
    /// A finding that nothing has to be done about.
    pub fn new(group: Group, level: Level, subject: &str, text: impl Into<String>) -> Finding {
        Finding { group, level, subject: subject.to_owned(), text: text.into(), way_out: None }
    }

    /// Adds what to do about it.
    pub fn way_out(mut self, way_out: impl Into<String>) -> Finding {
        self.way_out = Some(way_out.into());
        self
    }
}

/// How many findings there are of the levels that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Of [`Level::Problem`].
    pub problems: usize,
    /// Of [`Level::Warning`].
    pub warnings: usize,
    /// Of [`Level::Note`].
    pub notes: usize,
}

/// Counts the findings.
pub fn count(findings: &[Finding]) -> Count {
    let of = |level| findings.iter().filter(|finding| finding.level == level).count();
    Count { problems: of(Level::Problem), warnings: of(Level::Warning), notes: of(Level::Note) }
}

/// Only problems make the command fail.
pub fn exit_code(findings: &[Finding]) -> u8 {
    if count(findings).problems > 0 { FAILURE } else { SUCCESS }
}

/// The findings by group, one line each, and a line that sums them up. `findings` are in the order of
/// their groups.
pub fn lines(findings: &[Finding], palette: Palette) -> Vec<String> {
    let mut lines = Vec::new();
    let subject = |finding: &Finding| sanitize::line(&finding.subject);
    let width = findings.iter().map(|finding| subject(finding).chars().count()).max().unwrap_or(0);
    let mut group = None;
    for finding in findings {
        if group != Some(finding.group) {
            group = Some(finding.group);
            lines.push(finding.group.title().to_owned());
        }
        let level = palette.paint(finding.level.tone(), format!("{:<7}", finding.level.word()));
        let way_out = finding.way_out.iter().map(|way_out| format!("; {way_out}"));
        let text: String = std::iter::once(finding.text.clone()).chain(way_out).collect();
        lines.push(format!("  {level}  {:<width$}  {}", subject(finding), sanitize::line(&text)));
    }
    lines.push(summary(count(findings)));
    lines
}

fn summary(count: Count) -> String {
    let parts = [(count.problems, "problem"), (count.warnings, "warning"), (count.notes, "note")];
    let named = parts.iter().filter(|(n, _)| *n > 0).map(|(n, noun)| text::count(*n, noun));
    let named: Vec<String> = named.collect();
    if named.is_empty() { "Everything is as it should be.".to_owned() } else { named.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(level: Level) -> Finding {
        Finding::new(Group::Git, level, "x", "y")
    }

    #[test]
    fn only_problems_fail() {
        let table: [(&[Level], u8, &str); 5] = [
            (&[], 0, "Everything is as it should be."),
            (&[Level::Ok], 0, "Everything is as it should be."),
            (&[Level::Ok, Level::Note, Level::Note], 0, "2 notes"),
            (&[Level::Warning, Level::Note], 0, "1 warning, 1 note"),
            (&[Level::Warning, Level::Problem, Level::Problem], 1, "2 problems, 1 warning"),
        ];
        for (levels, code, text) in table {
            let findings: Vec<Finding> = levels.iter().copied().map(finding).collect();
            assert_eq!(
                (exit_code(&findings), summary(count(&findings)).as_str()),
                (code, text),
                "{levels:?}"
            );
        }
    }

    #[test]
    fn lines_are_grouped_aligned_and_clean() {
        let findings = [
            Finding::new(Group::Harnesses, Level::Ok, "cc", "fine\nhere"),
            Finding::new(Group::Harnesses, Level::Problem, "my\x1b[31mcode", "gone").way_out("install it"),
            Finding::new(Group::Git, Level::Note, "identity", "none"),
        ];
        assert_eq!(
            lines(&findings, Palette { colour: false }),
            [
                "Harnesses",
                "  ok       cc        fine here",
                "  problem  mycode    gone; install it",
                "Git",
                "  note     identity  none",
                "1 problem, 1 note",
            ]
        );
        let coloured = lines(&findings[1..2], Palette { colour: true });
        assert!(coloured[1].starts_with("  \x1b[38;5;9mproblem\x1b[0m  mycode"), "{coloured:?}");
    }
}
