//! One line of standard output, read by key.
//!
//! A field of an unexpected type is left out rather than costing the whole event.

use serde::Deserialize;

use crate::executor::json::{loose, objects_within};
use crate::model::{Timestamp, Usage};

/// What rally reads of an event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Event<'a> {
    #[serde(rename = "type", borrow, deserialize_with = "loose")]
    pub kind: Option<&'a str>,
    #[serde(deserialize_with = "loose")]
    pub timestamp: Option<Timestamp>,
    /// Of `init`, the only event that has it.
    #[serde(borrow, deserialize_with = "loose")]
    pub session_id: Option<&'a str>,
    /// Of `message`: `user` or `assistant`.
    #[serde(borrow, deserialize_with = "loose")]
    pub role: Option<&'a str>,
    /// Of `message`: the next piece of the text.
    #[serde(deserialize_with = "loose")]
    pub content: Option<String>,
    #[serde(deserialize_with = "loose")]
    pub tool_name: Option<String>,
    /// Of `result`: `success` or `error`.
    #[serde(borrow, deserialize_with = "loose")]
    pub status: Option<&'a str>,
    /// Of a failed `result`; missing when an `error` event before it told why.
    #[serde(deserialize_with = "loose")]
    pub error: Option<Failure>,
    /// Of `error`.
    #[serde(deserialize_with = "loose")]
    pub message: Option<String>,
    #[serde(deserialize_with = "loose")]
    pub stats: Option<Stats>,
}

/// Why a turn failed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Failure {
    #[serde(deserialize_with = "loose")]
    pub message: Option<String>,
}

/// What the process used up, over all models: of this process alone, also when it resumed a session.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Stats {
    /// With those that the cache served.
    #[serde(deserialize_with = "loose")]
    input_tokens: Option<u64>,
    /// Without them.
    #[serde(deserialize_with = "loose")]
    input: Option<u64>,
    #[serde(deserialize_with = "loose")]
    cached: Option<u64>,
    /// Without those spent on thinking.
    #[serde(deserialize_with = "loose")]
    output_tokens: Option<u64>,
    #[serde(deserialize_with = "loose")]
    total_tokens: Option<u64>,
    #[serde(deserialize_with = "loose")]
    pub tool_calls: Option<u64>,
}

impl Stats {
    /// Thinking is counted nowhere but in the total: what the total has beyond the rest was thought.
    pub fn usage(&self) -> Usage {
        let cached = self.cached.unwrap_or(0);
        let read = self.input_tokens.unwrap_or(0);
        let said = self.output_tokens.unwrap_or(0);
        let thought = self.total_tokens.unwrap_or(0).saturating_sub(read.saturating_add(said));
        Usage {
            input_tokens: self.input.unwrap_or_else(|| read.saturating_sub(cached)),
            cached_input_tokens: cached,
            output_tokens: said.saturating_add(thought),
            reasoning_tokens: thought,
        }
    }
}

/// Calls `each` with every event that stands inside a broken line; every event has a time.
pub(super) fn recover(line: &str, mut each: impl FnMut(&Event<'_>)) {
    const KINDS: [&str; 6] = ["init", "message", "tool_use", "tool_result", "error", "result"];
    let is_ours =
        |event: &Event<'_>| event.timestamp.is_some() && event.kind.is_some_and(|kind| KINDS.contains(&kind));
    objects_within(line, is_ours, |event, _| each(&event));
}
