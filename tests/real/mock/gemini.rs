//! Gemini, as its CLI uses it: `POST v1beta/models/M:generateContent` and `:streamGenerateContent`.

use serde_json::{Value, json};

use super::conversation::{Answer, Conversation, first_of};
use super::http::Reply;
use super::usage::{CACHED_TOKENS, INPUT_TOKENS, OUTPUT_TOKENS};

/// What a request says.
pub fn read(body: &Value, model: &str, stream: bool) -> Conversation {
    let tools = body["tools"].as_array().into_iter().flatten();
    let functions = tools.flat_map(|tool| tool["functionDeclarations"].as_array().into_iter().flatten());
    let config = &body["generationConfig"];
    let mut conversation = Conversation {
        model: model.to_owned(),
        stream,
        json: config["responseMimeType"] == "application/json",
        shell: first_of(&["run_shell_command"], functions.filter_map(|function| function["name"].as_str())),
        ..Conversation::default()
    };
    for message in body["contents"].as_array().into_iter().flatten() {
        if message["role"] == "model" {
            continue;
        }
        let parts = || message["parts"].as_array().into_iter().flatten();
        if parts().any(|part| part["functionResponse"].is_object()) {
            conversation.tool_done = true;
            continue;
        }
        conversation.said(parts().filter_map(|part| part["text"].as_str()));
    }
    conversation
}

/// The answer, whole or streamed.
pub fn reply(asked: &Conversation, answer: &Answer) -> Reply {
    let part = match answer {
        // The small model that chooses a model, when none is named, is to answer in JSON.
        Answer::Text(_) if asked.json => {
            let choice = json!({"reasoning": "because", "model_choice": "flash"});
            json!({"text": choice.to_string()})
        }
        Answer::Text(text) => json!({"text": text}),
        Answer::Shell { tool, command } => {
            let args = json!({"command": command, "description": "asked for by the test"});
            json!({"functionCall": {"name": tool, "args": args}})
        }
    };
    let content = json!({"role": "model", "parts": [part]});
    let finish = json!({
        "candidates": [{"content": content, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {
            "promptTokenCount": INPUT_TOKENS + CACHED_TOKENS, "cachedContentTokenCount": CACHED_TOKENS,
            "candidatesTokenCount": OUTPUT_TOKENS,
            "totalTokenCount": INPUT_TOKENS + CACHED_TOKENS + OUTPUT_TOKENS,
        },
        "modelVersion": asked.model, "responseId": "mock",
    });
    if !asked.stream {
        return Reply::json(200, finish);
    }
    // A thought comes first, so that there is a beginning before the answer.
    let thought = json!({"text": "**Looking**", "thought": true});
    let begin = json!({
        "candidates": [{"content": {"role": "model", "parts": [thought]}, "index": 0}],
        "modelVersion": asked.model, "responseId": "mock",
    });
    Reply::events(vec![begin, finish], false)
}

/// The body of a refusal.
pub fn refusal(status: u16, model: &str) -> Value {
    let missing = format!(
        "models/{model} is not found for API version v1beta, or is not supported for generateContent."
    );
    let (word, message) = match status {
        400 => ("INVALID_ARGUMENT", "Request contains an invalid argument."),
        401 => ("UNAUTHENTICATED", "API key not valid. Please pass a valid API key."),
        404 => ("NOT_FOUND", missing.as_str()),
        429 => (
            "RESOURCE_EXHAUSTED",
            "Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_requests, \
             limit: 5\nPlease retry in 34.07s.",
        ),
        503 | 529 => ("UNAVAILABLE", "The model is overloaded. Please try again later."),
        _ => ("INTERNAL", "An internal error has occurred."),
    };
    let mut error = json!({"code": status, "message": message, "status": word});
    if status == 429 {
        let violation = json!({
            "quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests",
            "quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "quotaValue": "5",
        });
        error["details"] = json!([
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]},
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"},
        ]);
    }
    json!({"error": error})
}

/// The quota is used up.
pub fn usage_limit(wait: u64) -> Reply {
    let mut body = refusal(429, "");
    let message =
        format!("You exceeded your current quota, please check your plan. Please retry in {wait}s.");
    body["error"]["message"] = json!(message);
    body["error"]["details"] =
        json!([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{wait}s")}]);
    Reply::json(429, body)
}
