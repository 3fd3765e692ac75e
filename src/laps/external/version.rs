//! Which version is it, and what does that version say?

use std::path::Path;

use serde_json::Value;

use crate::process::ask;

/// A version, such as 0.8.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// What a program of this name understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaks {
    /// Before 0.9: one file, and exit 3 when there is nothing to hand out.
    Plain,
    /// 0.9 and later: stints, scopes, exits 10 to 12.
    Stints,
    /// It does not say. Nothing is taken for granted.
    Unknown,
}

/// The first version that has stints.
const STINTS: Version = Version(0, 9, 0);

/// The version that a program says.
pub(super) fn of(program: &Path, workspace: &Path) -> Option<Version> {
    ["version", "--version"].iter().find_map(|arg| {
        let answer = ask(program.as_os_str(), &[arg], &[], workspace)?;
        first(&answer)
    })
}

/// What a program understands: by its version, or else by what it makes of a command that came with stints.
pub(super) fn speaks(program: &Path, workspace: &Path) -> Speaks {
    match of(program, workspace) {
        Some(version) if version >= STINTS => Speaks::Stints,
        Some(_) => Speaks::Plain,
        None => match ask(program.as_os_str(), &["status", "--json-output"], &[], workspace) {
            Some(answer) if answer.is_empty() => Speaks::Plain,
            Some(answer)
                if serde_json::from_str::<Value>(&answer).is_ok_and(|value| value["state"].is_string()) =>
            {
                Speaks::Stints
            }
            _ => Speaks::Unknown,
        },
    }
}

/// The first `digits.digits.digits` of a text.
fn first(text: &str) -> Option<Version> {
    let starts = |at: &usize| *at == 0 || !text.as_bytes()[at - 1].is_ascii_digit();
    (0..text.len()).filter(|at| text.as_bytes()[*at].is_ascii_digit()).filter(starts).find_map(|at| {
        let mut parts = text[at..].splitn(3, '.');
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next()?.parse().ok()?;
        let rest = parts.next()?;
        let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        Some(Version(major, minor, rest[..end].parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // 30-203
    #[test]
    fn the_first_three_numbers_are_the_version() {
        for (text, version) in [
            ("0.8.1\n", Some(Version(0, 8, 1))),
            ("v1.0.0-dev.abc\n", Some(Version(1, 0, 0))),
            ("laps version 0.12.34 (go1.22)\n", Some(Version(0, 12, 34))),
            ("0.9.0+rally.1.2.3", Some(Version(0, 9, 0))),
            ("dev\n", None),
            ("1.2", None),
            ("ü1.2.3", Some(Version(1, 2, 3))),
            ("", None),
        ] {
            assert_eq!(first(text), version, "{text:?}");
        }
        assert!(Version(0, 8, 10) > Version(0, 8, 9) && Version(0, 10, 0) > Version(0, 9, 9));
    }
}
