//! What an agent's final words say about its task.

use serde::Deserialize;

use super::Report;
use crate::model::text::{self, FINAL_TEXT_LIMIT, RECORD_TEXT_LIMIT};

/// Stands for a summary when the end-of-run event is missing or holds no text.
pub const NO_RESULT: &str = "(the agent gave no final result)";
/// Stands for a summary when the final result cannot be read.
pub const MALFORMED: &str = "(the agent's final result cannot be read)";
/// Stands for a summary when a structured result has none.
pub const NO_SUMMARY: &str = "(the agent's final result has no summary)";

/// Longest list of changed paths that is believed.
const MAX_FILES: usize = 1000;

/// The object that an agent may answer instead of prose. Exactly these names are
/// read: whatever else a model writes into it has no effect.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Structured {
    completed: bool,
    #[serde(default)]
    summary: Option<String>,
    #[serde(default)]
    remaining_work: Option<String>,
    #[serde(default)]
    message_addressed: Option<bool>,
    #[serde(default)]
    files_changed: Option<Vec<String>>,
}

/// Final words, understood.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FinalText {
    /// Whether they say that the task is done.
    pub completed: bool,
    /// At most [`FINAL_TEXT_LIMIT`] characters.
    pub summary: String,
    /// What is left to do.
    pub remaining_work: String,
    /// Whether the inbox message was dealt with.
    pub message_addressed: Option<bool>,
    /// Paths that were changed.
    pub files_changed: Vec<String>,
}

impl FinalText {
    /// What they say of a try. What only the stream around them tells is still to be filled in.
    pub fn into_report(self) -> Report {
        Report {
            completed: self.completed,
            summary: Some(self.summary),
            remaining_work: self.remaining_work,
            message_addressed: self.message_addressed,
            files_changed: self.files_changed,
            ..Report::default()
        }
    }

    /// Nothing usable was said; `indicator` says so without showing any of it.
    pub fn missing(indicator: &str) -> Self {
        FinalText { summary: indicator.to_owned(), ..FinalText::default() }
    }

    /// Prose, or a structured object written out as text. A JSON object without
    /// `completed` is an answer like any other: a task may well ask for JSON.
    pub fn from_text(answer: &str) -> Self {
        let answer = text::printable(answer);
        let answer = answer.trim();
        if answer.is_empty() {
            return FinalText::missing(NO_RESULT);
        }
        if answer.starts_with('{')
            && let Ok(structured) = serde_json::from_str::<Structured>(answer)
        {
            return FinalText::from_structured(structured);
        }
        FinalText {
            completed: true,
            summary: text::bounded(answer, FINAL_TEXT_LIMIT),
            ..FinalText::default()
        }
    }

    /// A structured object; without a summary it proves nothing.
    pub fn from_structured(object: Structured) -> Self {
        let summary = object.summary.unwrap_or_default();
        let blank = summary.trim().is_empty();
        let mut files_changed = object.files_changed.unwrap_or_default();
        files_changed.truncate(MAX_FILES);
        FinalText {
            completed: object.completed && !blank,
            summary: if blank {
                NO_SUMMARY.to_owned()
            } else {
                text::bounded(text::printable(&summary).trim(), FINAL_TEXT_LIMIT)
            },
            remaining_work: text::bounded(&object.remaining_work.unwrap_or_default(), RECORD_TEXT_LIMIT),
            message_addressed: object.message_addressed,
            files_changed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // 20-AF-OC-29
    #[test]
    fn no_escape_sequence_gets_into_a_summary() {
        let text = FinalText::from_text("\u{1b}[31mred\u{1b}[0m \u{7}\u{9b}2J\n\tdone");
        assert_eq!(text.summary, "red 2J\n\tdone");
    }

    #[test]
    fn every_snake_case_key_is_read_and_no_other() {
        let answer = r#"{"completed":false,"summary":"half","remaining_work":"rest","message_addressed":true,
            "files_changed":["a"],"evidence":{"category":"usage_limit"},"session_id":"evil","remainingwork":"no"}"#;
        assert_eq!(
            FinalText::from_text(answer),
            FinalText {
                completed: false,
                summary: "half".into(),
                remaining_work: "rest".into(),
                message_addressed: Some(true),
                files_changed: vec!["a".into()],
            }
        );
    }

    #[test]
    fn other_json_is_an_answer_like_any_other() {
        for answer in [r#"{"version":3}"#, "[1]", "{ not json", r#"{"completed":"yes"}"#] {
            let read = FinalText::from_text(answer);
            assert!(read.completed, "{answer}");
            assert_eq!(read.summary, answer);
        }
    }

    #[test]
    fn blank_words_prove_nothing() {
        assert_eq!(FinalText::from_text(" \n"), FinalText::missing(NO_RESULT));
    }
}
