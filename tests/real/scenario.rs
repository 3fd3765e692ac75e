//! What the mock answers: decided by the scenario in the address and by markers in the
//! prompt, never by state that a test would have to reset.
//!
//! | scenario | answer |
//! |---|---|
//! | `ok` | obeys the markers |
//! | `401`, `404`, `429`, `500`, `529` | this status with the provider's error body |
//! | `hang` | reads the request and says nothing |
//! | `slow2` | `ok` after 2 s |
//!
//! | marker, in the last user message | answer |
//! |---|---|
//! | `MAKEFILE(name\|content)` | a shell call that writes the file; content `RECALL` is the recalled word |
//! | `RUN(command)` | a shell call with the command |
//! | `RECALL` | `RECALL:word` from `CODEWORD=word` in an earlier user message, else `RECALL:none` |

use std::time::Duration;

use regex::Regex;
use serde_json::{Value, json};

/// How a request is treated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scenario {
    /// Answered, after a while.
    Ok(Duration),
    /// Refused with a status.
    Status(u16),
    /// Never answered.
    Hang,
}

impl Scenario {
    /// From its name in the address.
    pub fn parse(name: &str) -> Option<Scenario> {
        match name {
            "ok" => Some(Scenario::Ok(Duration::ZERO)),
            "hang" => Some(Scenario::Hang),
            _ => match name.strip_prefix("slow") {
                Some(seconds) => Some(Scenario::Ok(Duration::from_secs(seconds.parse().ok()?))),
                None => Some(Scenario::Status(name.parse().ok()?)),
            },
        }
    }
}

/// The conversation that a request carries.
#[derive(Debug, Clone, Default)]
pub struct Conversation {
    /// Texts of the user's messages, oldest first.
    pub users: Vec<String>,
    /// Whether the last thing in it is a tool's result.
    pub tool_done: bool,
}

impl Conversation {
    /// From the body of a `messages` request.
    pub fn of(body: &Value) -> Conversation {
        let mut conversation = Conversation::default();
        for message in body["messages"].as_array().into_iter().flatten() {
            let content = &message["content"];
            let blocks = content.as_array().cloned().unwrap_or_default();
            if message["role"] != "user" {
                continue;
            }
            if blocks.iter().any(|block| block["type"] == "tool_result") {
                conversation.tool_done = true;
                continue;
            }
            let texts: Vec<&str> = match content.as_str() {
                Some(text) => vec![text],
                None => blocks.iter().filter_map(|block| block["text"].as_str()).collect(),
            };
            conversation.users.push(texts.join("\n"));
            conversation.tool_done = false;
        }
        conversation
    }

    /// What the user remembered to be asked for, in an earlier message than the last.
    fn codeword(&self) -> String {
        let marker = Regex::new(r"CODEWORD=(\w+)").unwrap();
        let earlier = self.users.split_last().map_or(&[][..], |(_, earlier)| earlier).join("\n");
        let found = marker.captures_iter(&earlier).last().map(|found| found[1].to_owned());
        found.unwrap_or_else(|| "none".to_owned())
    }

    /// The answer to it.
    pub fn answer(&self) -> Answer {
        let last = self.users.last().map_or("", String::as_str);
        if !self.tool_done {
            if let Some(found) = Regex::new(r"MAKEFILE\(([^|)]+)\|([^)]*)\)").unwrap().captures(last) {
                let content = if &found[2] == "RECALL" { self.codeword() } else { found[2].to_owned() };
                return Answer::Shell(format!("printf '%s' '{content}' > '{}'", &found[1]));
            }
            if let Some(found) = Regex::new(r"RUN\(([^)]+)\)").unwrap().captures(last) {
                return Answer::Shell(found[1].to_owned());
            }
        }
        Answer::Text(match (last.contains("RECALL"), self.tool_done) {
            (true, _) => format!("RECALL:{}", self.codeword()),
            (false, true) => "DONE".to_owned(),
            (false, false) => "PONG".to_owned(),
        })
    }
}

/// What the model says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A final text.
    Text(String),
    /// A call of the shell tool.
    Shell(String),
}

impl Answer {
    fn stop_reason(&self) -> &'static str {
        match self {
            Answer::Text(_) => "end_turn",
            Answer::Shell(_) => "tool_use",
        }
    }

    /// The whole message, for a request without streaming.
    pub fn message(&self, model: &Value) -> Value {
        let block = match self {
            Answer::Text(text) => json!({"type": "text", "text": text}),
            Answer::Shell(command) => {
                let id = format!("toolu_{}", uuid::Uuid::new_v4().simple());
                let input = json!({"command": command, "description": "asked for by the test"});
                json!({"type": "tool_use", "id": id, "name": "Bash", "input": input})
            }
        };
        json!({
            "id": format!("msg_{}", uuid::Uuid::new_v4().simple()), "type": "message", "role": "assistant",
            "model": model, "content": [block], "stop_reason": self.stop_reason(), "stop_sequence": null,
            "usage": usage(),
        })
    }

    /// The same as the events of a stream, each behind its name.
    pub fn events(&self, model: &Value) -> Vec<Value> {
        let mut message = self.message(model);
        let mut block = message["content"][0].take();
        message["content"] = json!([]);
        message["stop_reason"] = Value::Null;
        let delta = match self {
            Answer::Text(text) => json!({"type": "text_delta", "text": text}),
            Answer::Shell(_) => {
                json!({"type": "input_json_delta", "partial_json": block["input"].to_string()})
            }
        };
        let emptied = if block["type"] == "text" { ("text", json!("")) } else { ("input", json!({})) };
        block[emptied.0] = emptied.1;
        vec![
            json!({"type": "message_start", "message": message}),
            json!({"type": "content_block_start", "index": 0, "content_block": block}),
            json!({"type": "content_block_delta", "index": 0, "delta": delta}),
            json!({"type": "content_block_stop", "index": 0}),
            json!({
                "type": "message_delta", "usage": {"output_tokens": OUTPUT_TOKENS},
                "delta": {"stop_reason": self.stop_reason(), "stop_sequence": null},
            }),
            json!({"type": "message_stop"}),
        ]
    }
}

/// Tokens that every answer costs.
pub const INPUT_TOKENS: u64 = 1234;
/// Of a cache, beside them.
pub const CACHED_TOKENS: u64 = 789;
/// Tokens that every answer has.
pub const OUTPUT_TOKENS: u64 = 56;

fn usage() -> Value {
    json!({
        "input_tokens": INPUT_TOKENS, "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": CACHED_TOKENS, "output_tokens": OUTPUT_TOKENS,
    })
}

/// The provider's body for a refusal.
pub fn refusal(status: u16, model: &Value) -> Value {
    let missing = format!("model: {}", model.as_str().unwrap_or_default());
    let (kind, message) = match status {
        401 => ("authentication_error", "invalid x-api-key"),
        404 => ("not_found_error", missing.as_str()),
        429 => (
            "rate_limit_error",
            "This request would exceed your account's rate limit. Please try again later.",
        ),
        529 => ("overloaded_error", "Overloaded"),
        _ => ("api_error", "Internal server error"),
    };
    json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_mock"})
}
