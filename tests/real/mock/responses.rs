//! OpenAI Responses, as Codex uses them: `POST v1/responses`, always streamed.

use serde_json::{Value, json};

use super::conversation::{Answer, Conversation, first_of, id};
use super::http::Reply;
use super::usage::{CACHED_TOKENS, INPUT_TOKENS, OUTPUT_TOKENS, REASONING_TOKENS};
use super::window::Windows;

/// What a request says.
pub fn read(body: &Value) -> Conversation {
    let tools = body["tools"].as_array().into_iter().flatten();
    let mut conversation = Conversation {
        model: body["model"].as_str().unwrap_or_default().to_owned(),
        effort: body["reasoning"]["effort"].as_str().map(str::to_owned),
        stream: true,
        shell: first_of(&["exec_command"], tools.filter_map(|tool| tool["name"].as_str())),
        ..Conversation::default()
    };
    for item in body["input"].as_array().into_iter().flatten() {
        match item["type"].as_str().unwrap_or("message") {
            "message" if item["role"] == "user" => {
                let parts = item["content"].as_array().into_iter().flatten();
                conversation.said(parts.filter_map(|part| part["text"].as_str()));
            }
            "function_call_output" => conversation.tool_done = true,
            _ => {}
        }
    }
    conversation
}

/// The answer, streamed.
pub fn reply(asked: &Conversation, answer: &Answer) -> Reply {
    let response = |status: &str| {
        json!({
            "id": "resp_mock", "object": "response", "created_at": 0, "status": status,
            "model": asked.model, "output": [], "error": null,
        })
    };
    let mut events = vec![json!({"type": "response.created", "response": response("in_progress")})];
    let item = match answer {
        Answer::Text(text) => {
            let item = id("msg");
            let part = json!({"type": "output_text", "text": text, "annotations": []});
            events.extend([
                json!({"type": "response.output_item.added", "output_index": 0, "item": {
                    "type": "message", "id": item, "status": "in_progress", "role": "assistant", "content": [],
                }}),
                json!({
                    "type": "response.output_text.delta", "item_id": item, "output_index": 0,
                    "content_index": 0, "delta": text,
                }),
            ]);
            json!({"type": "message", "id": item, "status": "completed", "role": "assistant", "content": [part]})
        }
        Answer::Shell { tool, command } => json!({
            "type": "function_call", "id": id("fc"), "call_id": id("call"), "status": "completed",
            "name": tool, "arguments": json!({"cmd": command, "yield_time_ms": 30_000}).to_string(),
        }),
    };
    let mut completed = response("completed");
    completed["output"] = json!([item]);
    completed["usage"] = json!({
        "input_tokens": INPUT_TOKENS + CACHED_TOKENS,
        "input_tokens_details": {"cached_tokens": CACHED_TOKENS},
        "output_tokens": OUTPUT_TOKENS,
        "output_tokens_details": {"reasoning_tokens": REASONING_TOKENS},
        "total_tokens": INPUT_TOKENS + CACHED_TOKENS + OUTPUT_TOKENS,
    });
    events.push(json!({"type": "response.output_item.done", "output_index": 0, "item": item}));
    events.push(json!({"type": "response.completed", "response": completed}));
    Reply::events(events, true)
}

/// The body of a refusal, of chat completions too.
pub fn refusal(status: u16, model: &str) -> Value {
    let (message, kind, code) = match status {
        400 => ("Unsupported parameter.".to_owned(), "invalid_request_error", json!("unsupported_parameter")),
        401 => (
            "Incorrect API key provided: dummy-key.".to_owned(),
            "invalid_request_error",
            json!("invalid_api_key"),
        ),
        404 => (
            format!("The model `{model}` does not exist or you do not have access to it."),
            "invalid_request_error",
            json!("model_not_found"),
        ),
        429 => (
            format!(
                "Rate limit reached for {model} on tokens per min (TPM): Limit 30000, Used 30000, Requested 1."
            ),
            "tokens",
            json!("rate_limit_exceeded"),
        ),
        503 | 529 => (
            "The engine is currently overloaded, please try again later.".to_owned(),
            "server_error",
            Value::Null,
        ),
        _ => {
            ("The server had an error while processing your request.".to_owned(), "server_error", Value::Null)
        }
    };
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
}

/// The window of a ChatGPT plan is used up.
pub fn usage_limit(resets_at: u64, wait: u64) -> Reply {
    let error = json!({
        "type": "usage_limit_reached", "message": "The usage limit has been reached", "plan_type": "plus",
        "resets_at": resets_at, "resets_in_seconds": wait,
    });
    let reply = Reply::json(429, json!({"error": error}));
    windows(reply, &Windows::new(100, resets_at))
        .header("x-codex-rate-limit-reached-type", "rate_limit_reached")
}

/// How much of a plan's windows is used, beside an answer.
pub fn windows(mut reply: Reply, windows: &Windows) -> Reply {
    for (name, window) in ["primary", "secondary"].into_iter().zip(&windows.0) {
        let header = |field: &str| format!("x-codex-{name}-{field}");
        reply = reply
            .header(&header("used-percent"), window.percent)
            .header(&header("window-minutes"), window.minutes)
            .header(&header("reset-at"), window.resets_at);
    }
    reply
}
