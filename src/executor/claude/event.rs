//! One line of the stream, read by key.
//!
//! Keys come in any order (2.1.330 writes `result` events with `type` near the end), so no
//! prefix means anything. A field of an unexpected type is left out rather than
//! costing the whole event.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::limits::RateLimit;
use crate::executor::final_text::Structured;
use crate::executor::json::{loose, objects_within};
use crate::model::Usage;

/// What rally reads of an event. `error` and `api_error` are set on the assistant
/// message that stands for a failed request, and again on the `result`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Event<'a> {
    #[serde(rename = "type", borrow, deserialize_with = "loose")]
    pub kind: Option<&'a str>,
    #[serde(borrow, deserialize_with = "loose")]
    pub subtype: Option<&'a str>,
    #[serde(borrow, deserialize_with = "loose")]
    pub session_id: Option<&'a str>,
    #[serde(borrow, deserialize_with = "loose")]
    pub error: Option<&'a str>,
    #[serde(borrow, deserialize_with = "loose")]
    pub api_error: Option<&'a str>,
    #[serde(deserialize_with = "loose")]
    pub api_error_status: Option<u16>,
    /// Of `system/api_retry`; null when there was no answer at all.
    #[serde(deserialize_with = "loose")]
    pub error_status: Option<u16>,
    #[serde(deserialize_with = "loose")]
    pub attempt: Option<u32>,
    #[serde(deserialize_with = "loose")]
    pub retry_delay_ms: Option<f64>,
    /// Of `system/background_tasks_changed`: all that are running now.
    #[serde(deserialize_with = "loose")]
    pub tasks: Option<Vec<IgnoredAny>>,
    #[serde(borrow, deserialize_with = "loose")]
    pub rate_limit_info: Option<RateLimit<'a>>,
    #[serde(deserialize_with = "loose")]
    pub is_error: Option<bool>,
    #[serde(deserialize_with = "loose")]
    pub result: Option<Answer>,
    #[serde(deserialize_with = "loose")]
    pub errors: Option<Vec<String>>,
    #[serde(deserialize_with = "loose")]
    pub total_cost_usd: Option<f64>,
    #[serde(deserialize_with = "loose")]
    pub usage: Option<Tokens>,
}

/// The final answer in its possible shapes.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Answer {
    Text(String),
    Structured(Structured),
    Other(IgnoredAny),
}

/// Tokens as the API counts them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Tokens {
    input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    thinking_tokens: Option<u64>,
}

impl Tokens {
    /// Tokens written to the cache were read like any other.
    pub fn usage(&self) -> Usage {
        let input = self.input_tokens.unwrap_or(0);
        Usage {
            input_tokens: input.saturating_add(self.cache_creation_input_tokens.unwrap_or(0)),
            cached_input_tokens: self.cache_read_input_tokens.unwrap_or(0),
            output_tokens: self.output_tokens.unwrap_or(0),
            reasoning_tokens: self
                .output_tokens_details
                .as_ref()
                .and_then(|d| d.thinking_tokens)
                .unwrap_or(0),
        }
    }
}

/// The content of an `assistant` or `user` event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Envelope {
    message: Message,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message {
    content: Vec<Block>,
}

/// One block of content.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block {
    Text {
        #[serde(default)]
        text: String,
    },
    ToolUse {
        #[serde(default)]
        name: String,
    },
    ToolResult {},
    #[serde(other)]
    Other,
}

impl Envelope {
    /// The blocks; none when the content is not a list of them (a plain string, for example).
    pub fn blocks(line: &str) -> Vec<Block> {
        serde_json::from_str::<Envelope>(line).unwrap_or_default().message.content
    }
}

/// Calls `each` with every event that stands inside a broken line, and tells whether it is of this session: stderr
/// text and events of other writers get into the middle of lines.
pub(super) fn recover(line: &str, session: Option<&str>, mut each: impl FnMut(&Event<'_>, &str, bool)) {
    const KINDS: [&str; 5] = ["system", "assistant", "user", "result", "rate_limit_event"];
    let is_event = |event: &Event<'_>| {
        event.session_id.is_some() && event.kind.is_some_and(|kind| KINDS.contains(&kind))
    };
    objects_within(line, is_event, |event, source| {
        let ours = session.is_none() || event.session_id == session;
        each(&event, source, ours);
    });
}
