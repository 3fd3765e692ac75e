//! Claude Code's `stream-json`: every event names the session; a turn ends with `result`, which tells the
//! cost of the whole session and the tokens of this turn.

use serde_json::{Value, json};

use super::{Ending, Line, Manner, UnknownSession, Vocabulary, Who};
use crate::model::time;
use crate::scripted::script::Retry;

/// The manner of `claude`.
#[derive(Debug, Default)]
pub(super) struct Claude {
    tools: u32,
    results: u32,
}

impl Claude {
    fn tool_id(&self) -> String {
        format!("toolu_{}", self.tools)
    }
}

impl Manner for Claude {
    fn vocabulary(&self) -> Vocabulary {
        let result = &["subtype", "error", "status", "resets_in_secs", "cost"];
        Vocabulary { background_tasks: true, retry: true, result }
    }

    fn unknown_session(&self, id: &str) -> UnknownSession {
        let words = format!("No conversation found with session ID: {id}");
        let event = json!({
            "type": "result", "subtype": "error_during_execution", "is_error": true, "session_id": id,
            "total_cost_usd": 0, "errors": [words],
        });
        UnknownSession::Refused(vec![Line::Err(words), out(&event)], 1)
    }

    fn init(&mut self, who: &Who) -> Vec<Line> {
        let cwd = std::env::current_dir().unwrap_or_default();
        vec![out(&json!({
            "type": "system", "subtype": "init", "cwd": cwd, "session_id": who.session,
            "tools": ["Bash", "Read", "Write"], "model": who.model, "permissionMode": "bypassPermissions",
        }))]
    }

    fn say(&mut self, who: &Who, text: &str) -> Vec<Line> {
        vec![out(&assistant(who, json!({"type": "text", "text": text})))]
    }

    fn tool_started(&mut self, who: &Who, name: &str, input: &Value) -> Vec<Line> {
        self.tools += 1;
        let block = json!({"type": "tool_use", "id": self.tool_id(), "name": name, "input": input});
        vec![out(&assistant(who, block))]
    }

    fn tool_ended(&mut self, who: &Who, output: &str, is_error: bool) -> Vec<Line> {
        let block = json!({
            "tool_use_id": self.tool_id(), "type": "tool_result", "content": output, "is_error": is_error,
        });
        vec![out(&json!({
            "type": "user", "message": {"role": "user", "content": [block]},
            "parent_tool_use_id": null, "session_id": who.session,
        }))]
    }

    fn background_tasks(&mut self, who: &Who, count: usize) -> Vec<Line> {
        let tasks: Vec<Value> =
            (0..count).map(|n| json!({"task_id": format!("b{n}"), "task_type": "local_bash"})).collect();
        vec![out(&json!({
            "type": "system", "subtype": "background_tasks_changed", "tasks": tasks, "session_id": who.session,
        }))]
    }

    fn retry(&mut self, who: &Who, retry: &Retry) -> Vec<Line> {
        vec![out(&json!({
            "type": "system", "subtype": "api_retry", "attempt": retry.attempt, "max_retries": 10,
            "retry_delay_ms": 500, "error_status": retry.status, "error": retry.error, "session_id": who.session,
        }))]
    }

    /// A failed request is announced first.
    fn result(&mut self, who: &Who, ending: &Ending<'_>) -> Vec<Line> {
        let Ending { result, text, .. } = *ending;
        let mut lines = Vec::new();
        if let Some(secs) = result.resets_in_secs {
            let resets_at = time::now().as_second().saturating_add(i64::try_from(secs).unwrap_or(i64::MAX));
            lines.push(out(&json!({
                "type": "rate_limit_event", "session_id": who.session,
                "rate_limit_info": {"status": "rejected", "resetsAt": resets_at, "rateLimitType": "five_hour"},
            })));
        }
        if let Some(error) = &result.error {
            let mut event = assistant(who, json!({"type": "text", "text": text.unwrap_or_default()}));
            event["error"] = json!(error);
            event["is_api_error_message"] = json!(true);
            event["api_error_status"] = json!(result.status);
            lines.push(out(&event));
        }
        let usage = &result.usage;
        let mut event = json!({
            "duration_api_ms": 1, "session_id": who.session, "total_cost_usd": result.cost,
            "usage": {
                "input_tokens": usage.input, "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": usage.cached, "output_tokens": usage.output,
                "output_tokens_details": {"thinking_tokens": usage.reasoning},
            },
            "is_error": result.is_error, "num_turns": 1,
            "subtype": result.subtype.as_deref().unwrap_or("success"),
            "api_error_status": result.status, "type": "result", "result_index": self.results,
        });
        if let Some(text) = text {
            event["result"] = json!(text);
        }
        self.results += 1;
        lines.push(out(&event));
        lines
    }
}

fn assistant(who: &Who, block: Value) -> Value {
    json!({
        "type": "assistant",
        "message": {"type": "message", "role": "assistant", "model": who.model, "content": [block]},
        "parent_tool_use_id": null, "session_id": who.session,
    })
}

fn out(event: &Value) -> Line {
    Line::Out(event.to_string())
}
