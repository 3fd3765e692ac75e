//! OpenAI chat completions, as opencode uses them: `POST v1/chat/completions`.

use serde_json::{Value, json};

use super::conversation::{Answer, Conversation, first_of, id};
use super::http::Reply;
use super::usage::{CACHED_TOKENS, INPUT_TOKENS, OUTPUT_TOKENS, REASONING_TOKENS};

/// What a request says.
pub fn read(body: &Value) -> Conversation {
    let tools = body["tools"].as_array().into_iter().flatten();
    let mut conversation = Conversation {
        model: body["model"].as_str().unwrap_or_default().to_owned(),
        effort: body["reasoning_effort"].as_str().map(str::to_owned),
        stream: body["stream"] == true,
        shell: first_of(&["bash"], tools.filter_map(|tool| tool["function"]["name"].as_str())),
        ..Conversation::default()
    };
    for message in body["messages"].as_array().into_iter().flatten() {
        let content = &message["content"];
        match message["role"].as_str() {
            Some("user") => {
                let parts = content.as_array().into_iter().flatten();
                let texts = parts.filter_map(|part| part["text"].as_str());
                conversation.said(content.as_str().into_iter().chain(texts));
            }
            Some("tool") => conversation.tool_done = true,
            _ => {}
        }
    }
    conversation
}

/// The answer, whole or streamed.
pub fn reply(asked: &Conversation, answer: &Answer) -> Reply {
    let usage = json!({
        "prompt_tokens": INPUT_TOKENS + CACHED_TOKENS,
        "prompt_tokens_details": {"cached_tokens": CACHED_TOKENS},
        "completion_tokens": OUTPUT_TOKENS,
        "completion_tokens_details": {"reasoning_tokens": REASONING_TOKENS},
        "total_tokens": INPUT_TOKENS + CACHED_TOKENS + OUTPUT_TOKENS,
    });
    let (message, reason) = match answer {
        Answer::Text(text) => (json!({"role": "assistant", "content": text}), "stop"),
        Answer::Shell { tool, command } => {
            let arguments = json!({"command": command, "description": "asked for by the test"});
            let function = json!({"name": tool, "arguments": arguments.to_string()});
            let call = json!({"index": 0, "id": id("call"), "type": "function", "function": function});
            (json!({"role": "assistant", "content": null, "tool_calls": [call]}), "tool_calls")
        }
    };
    if !asked.stream {
        let choice = json!({"index": 0, "message": message, "finish_reason": reason});
        return Reply::json(
            200,
            json!({
                "id": id("chatcmpl"), "object": "chat.completion", "created": 0, "model": asked.model,
                "choices": [choice], "usage": usage,
            }),
        );
    }
    let chunk = |choices: Value| {
        json!({
            "id": "chatcmpl_mock", "object": "chat.completion.chunk", "created": 0, "model": asked.model,
            "choices": choices,
        })
    };
    let mut last = chunk(json!([]));
    last["usage"] = usage;
    let events = vec![
        chunk(json!([{"index": 0, "delta": message, "finish_reason": null}])),
        chunk(json!([{"index": 0, "delta": {}, "finish_reason": reason}])),
        last,
    ];
    Reply::events(events, false).then("[DONE]")
}

/// The five-hour window of a subscription behind opencode is used up, or that of the month.
pub fn usage_limit(wait: u64) -> Reply {
    let message = match wait / 86_400 {
        0 => format!("5-hour usage limit reached. Resets in {} minutes.", wait / 60),
        days => format!("Monthly usage limit reached. Resets in {days} days."),
    };
    Reply::json(429, json!({"type": "error", "error": {"type": "GoUsageLimitError", "message": message}}))
        .retry_after(Some(wait))
}
