//! The grammar of one entry, the same in flags, mixes and routes: `alias[:model][:quota]`.
//!
//! The last of several segments is a quota if it is `N` or `N-M`. A model that contains `/` may
//! contain `:` behind it (`op:openrouter/x:free`); every other colon separates.

use std::fmt;

/// How many runs in a row an entry gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    /// As many as succeed: it stays until it fails.
    Open,
    /// This many (at least 1), then the next entry.
    Exactly(u32),
    /// At least `min`, and up to `max` while no other entry can run.
    Range {
        /// At least 1.
        min: u32,
        /// More than `min`.
        max: u32,
    },
}

/// Who an entry names, not yet looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identifier {
    /// A harness as typed.
    pub alias: String,
    /// A model name or a raw model.
    pub model: Option<String>,
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.model {
            Some(model) => write!(f, "{}:{model}", self.alias),
            None => f.write_str(&self.alias),
        }
    }
}

/// One entry, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// As typed.
    pub text: String,
    /// Who.
    pub identifier: Identifier,
    /// How often; [`Quota::Open`] when nothing is said.
    pub quota: Quota,
}

/// Why a text is no entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Nothing there.
    #[error("the entry is empty; write a harness, like cc or cc:opus:2")]
    Empty,
    /// A line break or another control character.
    #[error("\"{}\" holds a control character", .0.escape_debug())]
    Control(String),
    /// `cc:`, `cc::2`, `:opus`.
    #[error("\"{0}\" has nothing beside a colon; write alias, alias:model, alias:N or alias:model:N")]
    EmptySegment(String),
    /// `cc:0`, `cc:0-5`.
    #[error("\"{0}\": a quota must be positive")]
    ZeroQuota(String),
    /// `cc:5-3`.
    #[error("\"{0}\": the quota's minimum must not exceed its maximum")]
    ReversedQuota(String),
    /// `claude:opus:4.7`.
    #[error(
        "\"{text}\" has {count} identifier segments, expected 1 or 2 \
         (a model may contain a colon only behind a slash)"
    )]
    Segments {
        /// As typed.
        text: String,
        /// How many there are without the quota.
        count: usize,
    },
    /// `cc: 2`.
    #[error("\"{}\" has a blank beside a colon; write alias:model:N without blanks around the colons", .0.escape_debug())]
    Blank(String),
    /// `cc:-1`.
    #[error("\"{0}\": a model cannot start with a dash, the CLI would take it for a flag")]
    Dash(String),
}

impl Entry {
    /// Parses one entry. Nothing is trimmed.
    ///
    /// # Errors
    ///
    /// See [`EntryError`].
    pub fn parse(text: &str) -> Result<Entry, EntryError> {
        if text.is_empty() {
            return Err(EntryError::Empty);
        }
        if text.contains(char::is_control) {
            return Err(EntryError::Control(text.to_owned()));
        }
        let mut segments: Vec<&str> = text.split(':').collect();
        let quota = match segments.as_slice() {
            [_, .., last] => quota(text, last)?,
            _ => None,
        };
        if quota.is_some() {
            segments.pop();
        }
        if segments.iter().any(|segment| segment.trim().is_empty()) {
            return Err(EntryError::EmptySegment(text.to_owned()));
        }
        if segments.iter().skip(1).any(|segment| segment.trim() != *segment) {
            return Err(EntryError::Blank(text.to_owned()));
        }
        let (alias, model) = match segments.as_slice() {
            [alias] => (*alias, None),
            [alias, model] => (*alias, Some((*model).to_owned())),
            [alias, first, ..] if first.contains('/') => (*alias, Some(segments[1..].join(":"))),
            other => {
                return Err(EntryError::Segments { text: text.to_owned(), count: other.len() });
            }
        };
        if model.as_deref().is_some_and(|model| model.starts_with('-')) {
            return Err(EntryError::Dash(text.to_owned()));
        }
        Ok(Entry {
            text: text.to_owned(),
            identifier: Identifier { alias: alias.to_owned(), model },
            quota: quota.unwrap_or(Quota::Open),
        })
    }
}

/// `N` or `N-M`; `None` for everything else.
fn quota(text: &str, segment: &str) -> Result<Option<Quota>, EntryError> {
    let (min, max) = match segment.split_once('-') {
        Some((min, max)) => (number(min), number(max)),
        None => (number(segment), number(segment)),
    };
    match (min, max) {
        (Some(0), Some(_)) | (Some(_), Some(0)) => Err(EntryError::ZeroQuota(text.to_owned())),
        (Some(min), Some(max)) if min > max => Err(EntryError::ReversedQuota(text.to_owned())),
        (Some(min), Some(max)) if min == max => Ok(Some(Quota::Exactly(min))),
        (Some(min), Some(max)) => Ok(Some(Quota::Range { min, max })),
        _ => Ok(None),
    }
}

/// Digits only; what does not fit is as good as the largest number.
fn number(text: &str) -> Option<u32> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    // 10-E1 to E7, E9, E11, E14, E15, D35
    #[test]
    fn entries_that_parse() {
        use Quota::{Exactly, Open};
        for (text, identifier, quota) in [
            ("cc", "cc", Open),
            ("cc:3", "cc", Exactly(3)),
            ("cc:03", "cc", Exactly(3)),
            ("cc:99999999999999999999", "cc", Exactly(u32::MAX)),
            ("model-pro:2-5", "model-pro", Quota::Range { min: 2, max: 5 }),
            ("cc:2-2", "cc", Exactly(2)),
            ("claude:opus-4.7", "claude:opus-4.7", Open),
            ("claude:opus-4.7:1", "claude:opus-4.7", Exactly(1)),
            (
                "opencode:opencode-go/kimi-k2.6:1-5",
                "opencode:opencode-go/kimi-k2.6",
                Quota::Range { min: 1, max: 5 },
            ),
            ("opencode:opencode-go/kimi-k2.6", "opencode:opencode-go/kimi-k2.6", Open),
            ("opencode:opencode-go/kimi-k2.6:3", "opencode:opencode-go/kimi-k2.6", Exactly(3)),
            ("op:z:4", "op:z", Exactly(4)),
            ("op:gk:2-6", "op:gk", Quota::Range { min: 2, max: 6 }),
            ("codex:gpt-4", "codex:gpt-4", Open),
            ("claude:claude-4.5-sonnet", "claude:claude-4.5-sonnet", Open),
            ("4", "4", Open),
            ("42", "42", Open),
            ("op:openrouter/x:free", "op:openrouter/x:free", Open),
            ("op:openrouter/x:free:2", "op:openrouter/x:free", Exactly(2)),
            ("op:ollama/llama3:8b", "op:ollama/llama3:8b", Open),
            ("agy:Gemini 3.5 Flash (High):2", "agy:Gemini 3.5 Flash (High)", Exactly(2)),
        ] {
            let entry = Entry::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((entry.identifier.to_string().as_str(), entry.quota), (identifier, quota), "{text}");
            assert_eq!(entry.text, text);
        }
    }

    // 10-E8, E10, E13, D36
    #[test]
    fn entries_that_are_refused() {
        for (text, wanted) in [
            ("", "empty"),
            ("cc:0", "\"cc:0\": a quota must be positive"),
            ("cc:0-5", "must be positive"),
            ("cc:5-0", "must be positive"),
            ("cc:5-3", "must not exceed"),
            ("claude:opus:4.7", "\"claude:opus:4.7\" has 3 identifier segments"),
            ("a:b:c:3", "has 3 identifier segments"),
            ("bad:too:many:segments", "has 4 identifier segments"),
            ("op:z:abc", "has 3 identifier segments"),
            ("op:x:openrouter/y", "has 3 identifier segments"),
            ("claude::opus", "nothing beside a colon"),
            ("cc:", "nothing beside a colon"),
            ("cc::2", "nothing beside a colon"),
            (":opus", "nothing beside a colon"),
            (":", "nothing beside a colon"),
            ("cc: ", "nothing beside a colon"),
            ("cc:-1", "cannot start with a dash"),
            ("cc: 2", "a blank beside a colon"),
            ("agy:Gemini 3.5 :2", "a blank beside a colon"),
            ("cc:a\nb", "control character"),
        ] {
            let error = Entry::parse(text).unwrap_err().to_string();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_text_parses_or_is_refused(text in "[a-c:/0-9 -]{0,14}|.{0,20}") {
            if let Ok(entry) = Entry::parse(&text) {
                // The identifier is the text without its quota.
                proptest::prop_assert!(text.starts_with(&entry.identifier.to_string()));
                if entry.quota == Quota::Open {
                    proptest::prop_assert_eq!(text, entry.identifier.to_string());
                }
            }
        }
    }
}
