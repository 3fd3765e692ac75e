//! One line of the stream, read by key. A field of an unexpected type is left out rather than
//! costing the whole event.

use serde::Deserialize;

use crate::executor::json::{loose, objects_within};
use crate::model::Usage;

/// What rally reads of an event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Event<'a> {
    #[serde(rename = "type", borrow, deserialize_with = "loose")]
    pub kind: Option<&'a str>,
    /// Of `thread.started`.
    #[serde(borrow, deserialize_with = "loose")]
    pub thread_id: Option<&'a str>,
    /// Of `error`.
    #[serde(deserialize_with = "loose")]
    pub message: Option<String>,
    /// Of `turn.failed`.
    #[serde(deserialize_with = "loose")]
    pub error: Option<Problem>,
    /// Of `turn.completed`.
    #[serde(deserialize_with = "loose")]
    pub usage: Option<Tokens>,
    /// Of `item.started` and `item.completed`.
    #[serde(borrow, deserialize_with = "loose")]
    pub item: Option<Item<'a>>,
}

/// Why a turn failed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Problem {
    #[serde(deserialize_with = "loose")]
    pub message: Option<String>,
}

/// Something that the agent said or did.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Item<'a> {
    #[serde(borrow, deserialize_with = "loose")]
    pub id: Option<&'a str>,
    #[serde(rename = "type", borrow, deserialize_with = "loose")]
    pub kind: Option<&'a str>,
    /// Of `agent_message`.
    #[serde(deserialize_with = "loose")]
    pub text: Option<String>,
}

impl<'a> Item<'a> {
    /// The name of the tool that it is the use of.
    pub fn tool(&self) -> Option<&'a str> {
        const TOOLS: [&str; 5] =
            ["command_execution", "file_change", "web_search", "mcp_tool_call", "collab_tool_call"];
        self.kind.filter(|kind| TOOLS.contains(kind))
    }
}

/// Tokens of the whole session so far, as the API counts them: those served from a cache are also
/// among those read, those spent on reasoning also among those written.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Tokens {
    #[serde(deserialize_with = "loose")]
    input_tokens: Option<u64>,
    #[serde(deserialize_with = "loose")]
    cached_input_tokens: Option<u64>,
    #[serde(deserialize_with = "loose")]
    output_tokens: Option<u64>,
    #[serde(deserialize_with = "loose")]
    reasoning_output_tokens: Option<u64>,
}

impl Tokens {
    /// What was read without the cache, and the rest as counted.
    pub fn usage(&self) -> Usage {
        let cached = self.cached_input_tokens.unwrap_or(0);
        Usage {
            input_tokens: self.input_tokens.unwrap_or(0).saturating_sub(cached),
            cached_input_tokens: cached,
            output_tokens: self.output_tokens.unwrap_or(0),
            reasoning_tokens: self.reasoning_output_tokens.unwrap_or(0),
        }
    }
}

/// Calls `each` with every event that stands inside a broken line: something without a line end was printed
/// before it, or what came before was cut off.
pub(super) fn recover(line: &str, mut each: impl FnMut(Event<'_>)) {
    const KINDS: [&str; 8] = [
        "thread.started",
        "turn.started",
        "turn.completed",
        "turn.failed",
        "item.started",
        "item.updated",
        "item.completed",
        "error",
    ];
    let is_ours = |event: &Event<'_>| event.kind.is_some_and(|kind| KINDS.contains(&kind));
    objects_within(line, is_ours, |event, _| each(event));
}
