//! What is a secret, and what stands in its place: the values of variables that are named like one, and texts that
//! begin as the tokens of well-known services do.
//!
//! There is one [`shared`] mask, made from rally's environment. It is asked where text leaves rally: on its way to the
//! terminal, into records and logs, into commits, and before a text is cut (half a secret could not be found any more).

mod known;
mod record;
mod shared;
mod stream;

use std::borrow::Cow;
use std::ops::Range;

use aho_corasick::AhoCorasick;

pub use shared::{learn, shared, text};
pub use stream::Stream;

/// Stands where a secret was.
pub const MARKER: &str = "[masked]";

/// Shorter values are no secrets: `true`, `on`, `us`.
const SHORTEST: usize = 8;

/// A variable with one of these in its name holds a secret.
const NAMES: [&str; 4] = ["KEY", "TOKEN", "SECRET", "PASSWORD"];

/// Words that rally itself writes into its records. Whoever has one of them as a value of such a variable has a
/// setting there, and records in which they are masked could not be read any more.
const OWN_WORDS: [&str; 20] = [
    "completed",
    "cancelled",
    "interrupted",
    "abandoned",
    "superseded",
    "usage_limit",
    "rate_limit",
    "overloaded",
    "harness_launch",
    "agent_error",
    "no_changes",
    "try_timeout",
    "run_timeout",
    "startup_hang",
    "operator",
    "graceful_stop",
    "quit_now",
    "combined",
    "disabled",
    "required",
];

/// Finds secrets.
#[derive(Debug, Default)]
pub struct Mask {
    /// Every form in which one may appear.
    forms: Vec<Vec<u8>>,
    finder: Option<AhoCorasick>,
}

impl Mask {
    /// Of these variables. `is_place` says whether a value is a path that exists: that is where a secret is, not one.
    pub fn of<'v>(
        variables: impl IntoIterator<Item = (&'v str, &'v str)>,
        is_place: impl Fn(&str) -> bool,
    ) -> Mask {
        let secrets =
            variables.into_iter().filter(|(name, value)| is_secret(name, value) && !is_place(value));
        let mut forms: Vec<Vec<u8>> = secrets.flat_map(|(_, value)| forms(value)).collect();
        forms.sort();
        forms.dedup();
        // Too many for a finder cannot happen; then there is none, and only the well-known tokens are found.
        let finder = (!forms.is_empty()).then(|| AhoCorasick::new(&forms).ok()).flatten();
        Mask { forms, finder }
    }

    /// The text with [`MARKER`] in place of every secret.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let found = self.find(text.as_bytes(), 0);
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        Cow::Owned(String::from_utf8_lossy(&replaced(text.as_bytes(), &found)).into_owned())
    }

    /// Where secrets are that begin at `from` or later, in order; those that overlap are one.
    fn find(&self, bytes: &[u8], from: usize) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = known::find(bytes, from);
        if let Some(finder) = &self.finder {
            let hits = finder.find_overlapping_iter(bytes).map(|hit| hit.range());
            found.extend(hits.filter(|at| at.start >= from));
        }
        found.sort_by_key(|at| (at.start, at.end));
        let mut merged: Vec<Range<usize>> = Vec::with_capacity(found.len());
        for at in found {
            match merged.last_mut() {
                Some(last) if at.start < last.end => last.end = last.end.max(at.end),
                _ => merged.push(at),
            }
        }
        merged
    }

    /// From where on the end of `bytes` may be the beginning of a secret.
    fn begun(&self, bytes: &[u8]) -> usize {
        let half = |form: &Vec<u8>| {
            let longest = bytes.len().min(form.len().saturating_sub(1));
            (1..=longest).rev().find(|length| bytes.ends_with(&form[..*length]))
        };
        bytes.len() - self.forms.iter().filter_map(half).max().unwrap_or(0)
    }
}

fn is_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase();
    NAMES.iter().any(|part| name.contains(part))
        && value.trim().chars().count() >= SHORTEST
        && !OWN_WORDS.contains(&value.trim())
}

/// How a value may stand in a text: as it is, trimmed, on one line, each of its lines for itself (a key in PEM), and each
/// of these as JSON writes it.
fn forms(value: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![value.to_owned(), value.trim().to_owned(), super::text::one_line(value)];
    if value.contains('\n') {
        let lines = value.lines().map(str::trim).filter(|line| !line.starts_with("-----"));
        forms.extend(lines.map(str::to_owned));
    }
    let json: Vec<String> = forms
        .iter()
        .filter_map(|form| serde_json::to_string(form).ok())
        .map(|quoted| quoted[1..quoted.len() - 1].to_owned())
        .collect();
    forms.extend(json);
    forms.into_iter().filter(|form| form.chars().count() >= SHORTEST).map(String::into_bytes).collect()
}

fn replaced(bytes: &[u8], found: &[Range<usize>]) -> Vec<u8> {
    let mut clean = Vec::with_capacity(bytes.len());
    let mut at = 0;
    for secret in found {
        clean.extend_from_slice(&bytes[at..secret.start]);
        clean.extend_from_slice(MARKER.as_bytes());
        at = secret.end;
    }
    clean.extend_from_slice(&bytes[at..]);
    clean
}

#[cfg(test)]
mod tests;
