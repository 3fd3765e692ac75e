//! One line of the stream, read by key.
//!
//! The kind stands under `event`, and the fields in an object of the same name. A field of an unexpected type is
//! left out rather than costing the whole event.

use serde::Deserialize;
use serde_json::Value;

use crate::executor::final_text::Structured;
use crate::executor::json;
use crate::executor::json::loose;
use crate::model::Usage;

/// What rally reads of an event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Event<'a> {
    /// `init`, `step_update` or `result`.
    #[serde(rename = "event", borrow, deserialize_with = "loose")]
    pub kind: Option<&'a str>,
    /// Of `init`.
    #[serde(borrow, deserialize_with = "loose")]
    pub conversation_id: Option<&'a str>,
    #[serde(borrow, deserialize_with = "loose")]
    pub step_update: Option<Step<'a>>,
    #[serde(borrow, deserialize_with = "loose")]
    pub result: Option<Outcome<'a>>,
}

/// A step of the turn. Its own conversation may be that of a sub-agent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Step<'a> {
    #[serde(deserialize_with = "loose")]
    pub step_index: Option<u64>,
    /// `ACTIVE`, `DONE` or `ERROR`.
    #[serde(borrow, deserialize_with = "loose")]
    pub state: Option<&'a str>,
    /// `user_input`, `agent_response`, `tool`, …
    #[serde(borrow, deserialize_with = "loose")]
    pub step_type: Option<&'a str>,
    #[serde(deserialize_with = "loose")]
    pub text_delta: Option<String>,
    #[serde(deserialize_with = "loose")]
    pub tool_name: Option<String>,
    /// Of a response that failed: a text, or an object with a `message`.
    error: Value,
}

impl Step<'_> {
    /// What a failed step says.
    pub fn said(&self) -> Option<&str> {
        said(&self.error)
    }
}

/// How the turn ended.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Outcome<'a> {
    #[serde(borrow, deserialize_with = "loose")]
    pub conversation_id: Option<&'a str>,
    /// `SUCCESS`, also of a turn that ran out of time or was refused its tools; or `ERROR`.
    #[serde(borrow, deserialize_with = "loose")]
    pub status: Option<&'a str>,
    #[serde(deserialize_with = "loose")]
    pub response: Option<String>,
    #[serde(deserialize_with = "loose")]
    pub structured_output: Option<Structured>,
    error: Value,
    #[serde(deserialize_with = "loose")]
    pub usage: Option<Tokens>,
    #[serde(deserialize_with = "loose")]
    denied_actions: Option<Vec<Value>>,
}

impl Outcome<'_> {
    /// What a failed turn says.
    pub fn said(&self) -> Option<&str> {
        said(&self.error)
    }

    /// Names of what was refused.
    pub fn denied(&self) -> impl Iterator<Item = &str> {
        self.denied_actions.iter().flatten().map(|action| {
            let named = ["display_name", "action", "permission"].iter().find_map(|key| action[key].as_str());
            named.or(action.as_str()).unwrap_or("an action")
        })
    }
}

fn said(error: &Value) -> Option<&str> {
    error.as_str().or_else(|| error["message"].as_str()).filter(|text| !text.trim().is_empty())
}

/// Tokens of the whole turn, all of its requests together. Cached ones are not in `input_tokens`, thoughts
/// are in `output_tokens`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Tokens {
    #[serde(deserialize_with = "loose")]
    input_tokens: Option<u64>,
    #[serde(deserialize_with = "loose")]
    output_tokens: Option<u64>,
    #[serde(deserialize_with = "loose")]
    thinking_tokens: Option<u64>,
    #[serde(deserialize_with = "loose")]
    cache_read_tokens: Option<u64>,
}

impl Tokens {
    /// The counts; none when all are 0, which is what a turn without a figure is given.
    pub fn usage(&self) -> Option<Usage> {
        let usage = Usage {
            input_tokens: self.input_tokens.unwrap_or(0),
            cached_input_tokens: self.cache_read_tokens.unwrap_or(0),
            output_tokens: self.output_tokens.unwrap_or(0),
            reasoning_tokens: self.thinking_tokens.unwrap_or(0),
        };
        (usage != Usage::default()).then_some(usage)
    }
}

/// An event from a line that is one JSON object with a kind.
pub(super) fn read(line: &str) -> Option<Event<'_>> {
    json::object(line).filter(|event: &Event<'_>| event.kind.is_some())
}
