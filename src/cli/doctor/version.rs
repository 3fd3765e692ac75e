//! Versions of CLIs: read out of what `--version` prints, and compared with the proven one. Pure.
//!
//! Observed: `2.1.330 (Claude Code)`, `codex-cli 0.169.0`, `0.61.0`, `1.18.33`.

use std::cmp::Ordering;

use serde::Serialize;

/// How an installed version stands to the proven one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Compared {
    /// It is the proven one.
    Same,
    /// It came later.
    Newer,
    /// It came earlier.
    Older,
    /// No version of this CLI is proven.
    Unproven,
    /// The CLI did not tell a version.
    Unknown,
}

/// The first version in an answer. Three numbers are looked for first: a runtime may print something
/// of its own before.
pub fn find(answer: &str) -> Option<&str> {
    let words = || answer.split(|c: char| c.is_whitespace() || "()[],;:\"'".contains(c));
    let versions = || words().map(|word| word.strip_prefix('v').unwrap_or(word));
    let of = |n: usize| versions().find(|word| numbers(word).is_some_and(|numbers| numbers.len() >= n));
    of(3).or_else(|| of(2))
}

/// Compares an installed version with the proven one.
pub fn compare(installed: Option<&str>, proven: Option<&str>) -> Compared {
    let Some(installed) = installed else { return Compared::Unknown };
    let Some(proven) = proven else { return Compared::Unproven };
    if installed == proven {
        return Compared::Same;
    }
    match (numbers(installed), numbers(proven)) {
        (Some(a), Some(b)) => match a.cmp(&b).then_with(|| finished(installed).cmp(&finished(proven))) {
            Ordering::Less => Compared::Older,
            Ordering::Greater => Compared::Newer,
            // Two builds of one version.
            Ordering::Equal => Compared::Same,
        },
        _ => Compared::Unknown,
    }
}

/// `1.2.3` before any `-` or `+`; `None` when something else than numbers stands there.
fn numbers(version: &str) -> Option<Vec<u64>> {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    core.split('.').map(|part| part.parse().ok()).collect()
}

/// A preview (`1.2.3-alpha.1`) comes before its version.
fn finished(version: &str) -> bool {
    !version.split('+').next().unwrap_or_default().contains('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_in_answers() {
        let table = [
            ("2.1.330 (Claude Code)\n", Some("2.1.330")),
            ("codex-cli 0.169.0\n", Some("0.169.0")),
            ("0.61.0\n", Some("0.61.0")),
            ("agent v1.2.3-nightly.20261123+g1a2b3c, built today", Some("1.2.3-nightly.20261123+g1a2b3c")),
            ("(node 20.1) warning: old\n4.5.6", Some("4.5.6")),
            ("agent 1.18", Some("1.18")),
            ("unknown option --version", None),
            ("2026-11-23 build 7", None),
            ("", None),
        ];
        for (answer, version) in table {
            assert_eq!(find(answer), version, "{answer}");
        }
    }

    #[test]
    fn comparisons() {
        use Compared::*;
        let table = [
            (Some("2.1.330"), Some("2.1.330"), Same),
            (Some("2.1.330+build"), Some("2.1.330"), Same),
            (Some("2.1.1000"), Some("2.1.330"), Newer),
            (Some("10.0.0"), Some("9.9.9"), Newer),
            (Some("2.1"), Some("2.1.330"), Older),
            (Some("0.169.0-alpha.3"), Some("0.169.0"), Older),
            (Some("0.170.0-alpha.3"), Some("0.169.0"), Newer),
            (Some("0.61.0"), Some("0.61.1"), Older),
            (Some("1.0.0"), None, Unproven),
            (None, Some("1.0.0"), Unknown),
            (None, None, Unknown),
        ];
        for (installed, proven, compared) in table {
            assert_eq!(compare(installed, proven), compared, "{installed:?} {proven:?}");
        }
    }
}
