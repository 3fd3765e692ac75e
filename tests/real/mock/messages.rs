//! Anthropic Messages, as Claude Code uses them: `POST v1/messages`.

use serde_json::{Value, json};

use super::conversation::{Answer, Conversation, first_of, id};
use super::http::Reply;
use super::usage::{CACHED_TOKENS, INPUT_TOKENS, OUTPUT_TOKENS};
use super::window::Windows;

/// What a request says.
pub fn read(body: &Value) -> Conversation {
    let tools = body["tools"].as_array().into_iter().flatten();
    let mut conversation = Conversation {
        model: body["model"].as_str().unwrap_or_default().to_owned(),
        effort: body["output_config"]["effort"].as_str().map(str::to_owned),
        stream: body["stream"] == true,
        shell: first_of(&["Bash"], tools.filter_map(|tool| tool["name"].as_str())),
        ..Conversation::default()
    };
    for message in body["messages"].as_array().into_iter().flatten() {
        if message["role"] != "user" {
            continue;
        }
        let content = &message["content"];
        let blocks = || content.as_array().into_iter().flatten();
        if blocks().any(|block| block["type"] == "tool_result") {
            conversation.tool_done = true;
            continue;
        }
        conversation
            .said(content.as_str().into_iter().chain(blocks().filter_map(|block| block["text"].as_str())));
    }
    conversation
}

/// The answer, whole or streamed.
pub fn reply(asked: &Conversation, answer: &Answer) -> Reply {
    let message = message(&asked.model, answer);
    if asked.stream { Reply::events(events(message), true) } else { Reply::json(200, message) }
}

fn message(model: &str, answer: &Answer) -> Value {
    let (block, stop_reason) = match answer {
        Answer::Text(text) => (json!({"type": "text", "text": text}), "end_turn"),
        Answer::Shell { tool, command } => {
            let input = json!({"command": command, "description": "asked for by the test"});
            (json!({"type": "tool_use", "id": id("toolu"), "name": tool, "input": input}), "tool_use")
        }
    };
    json!({
        "id": id("msg"), "type": "message", "role": "assistant", "model": model, "content": [block],
        "stop_reason": stop_reason, "stop_sequence": null,
        "usage": {
            "input_tokens": INPUT_TOKENS, "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": CACHED_TOKENS, "output_tokens": OUTPUT_TOKENS,
        },
    })
}

/// A message as the events of a stream.
fn events(mut message: Value) -> Vec<Value> {
    let mut block = message["content"][0].take();
    let stop_reason = message["stop_reason"].take();
    message["content"] = json!([]);
    let delta = if block["type"] == "text" {
        json!({"type": "text_delta", "text": std::mem::replace(&mut block["text"], json!(""))})
    } else {
        let input = std::mem::replace(&mut block["input"], json!({}));
        json!({"type": "input_json_delta", "partial_json": input.to_string()})
    };
    vec![
        json!({"type": "message_start", "message": message}),
        json!({"type": "content_block_start", "index": 0, "content_block": block}),
        json!({"type": "content_block_delta", "index": 0, "delta": delta}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({
            "type": "message_delta", "usage": {"output_tokens": OUTPUT_TOKENS},
            "delta": {"stop_reason": stop_reason, "stop_sequence": null},
        }),
        json!({"type": "message_stop"}),
    ]
}

/// The body of a refusal.
pub fn refusal(status: u16, model: &str) -> Value {
    let missing = format!("model: {model}");
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

/// The five-hour window of a subscription is used up: the headers say so.
pub fn usage_limit(resets_at: u64, wait: u64) -> Reply {
    Reply::json(429, refusal(429, ""))
        .retry_after(Some(wait))
        .header("anthropic-ratelimit-unified-status", "rejected")
        .header("anthropic-ratelimit-unified-reset", resets_at)
        .header("anthropic-ratelimit-unified-representative-claim", "five_hour")
        .header("anthropic-ratelimit-unified-5h-status", "rejected")
        .header("anthropic-ratelimit-unified-5h-utilization", "1.0")
        .header("anthropic-ratelimit-unified-5h-reset", resets_at)
}

/// How much of a subscriber's windows is used, beside an answer. The server only allows; what is
/// a warning the CLI decides by itself.
pub fn windows(reply: Reply, windows: &Windows) -> Reply {
    let [short, long] = windows.0.map(|window| (window.percent / 100.0, window.resets_at));
    reply
        .header("anthropic-ratelimit-unified-status", "allowed")
        .header("anthropic-ratelimit-unified-reset", short.1)
        .header("anthropic-ratelimit-unified-representative-claim", "five_hour")
        .header("anthropic-ratelimit-unified-5h-status", "allowed")
        .header("anthropic-ratelimit-unified-5h-utilization", short.0)
        .header("anthropic-ratelimit-unified-5h-reset", short.1)
        .header("anthropic-ratelimit-unified-7d-status", "allowed")
        .header("anthropic-ratelimit-unified-7d-utilization", long.0)
        .header("anthropic-ratelimit-unified-7d-reset", long.1)
}
