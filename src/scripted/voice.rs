//! How the agent prints what it does.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::Harness;
use super::script::{Retry, TurnResult};
use crate::model::time;

/// Prints in the manner of a harness. Every call is flushed, as a real CLI does.
pub struct Voice<'a> {
    /// Whose manner.
    pub harness: Harness,
    /// Standard output.
    pub out: &'a mut dyn Write,
    /// The session that events name.
    pub session: String,
    /// The model that events name.
    pub model: String,
    tools: u32,
    results: u32,
}

impl std::fmt::Debug for Voice<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Voice").field("harness", &self.harness).field("session", &self.session).finish()
    }
}

impl<'a> Voice<'a> {
    /// A voice that has said nothing yet.
    pub fn new(harness: Harness, out: &'a mut dyn Write, session: String, model: String) -> Self {
        Voice { harness, out, session, model, tools: 0, results: 0 }
    }

    /// Bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.out.flush()
    }

    /// A line as it is.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        self.raw(format!("{text}\n").as_bytes())
    }

    /// A turn begins.
    pub fn init(&mut self) -> io::Result<()> {
        let cwd = std::env::current_dir().unwrap_or_default();
        self.event(json!({
            "type": "system", "subtype": "init", "cwd": cwd, "session_id": self.session,
            "tools": ["Bash", "Read", "Write"], "model": self.model, "permissionMode": "bypassPermissions",
        }))
    }

    /// The agent says something.
    pub fn say(&mut self, text: &str) -> io::Result<()> {
        match self.harness {
            Harness::Plain => self.line(text),
            Harness::Claude => self.assistant(json!({"type": "text", "text": text}), None),
        }
    }

    /// A tool begins.
    pub fn tool_started(&mut self, name: &str, input: &Value) -> io::Result<()> {
        self.tools += 1;
        match self.harness {
            Harness::Plain => self.line(&format!("[{name}]")),
            Harness::Claude => {
                let id = format!("toolu_{}", self.tools);
                self.assistant(json!({"type": "tool_use", "id": id, "name": name, "input": input}), None)
            }
        }
    }

    /// The tool that began last ends.
    pub fn tool_ended(&mut self, output: &str, is_error: bool) -> io::Result<()> {
        match self.harness {
            Harness::Plain if output.is_empty() => Ok(()),
            Harness::Plain => self.line(output),
            Harness::Claude => {
                let id = format!("toolu_{}", self.tools);
                let block = json!({"tool_use_id": id, "type": "tool_result", "content": output, "is_error": is_error});
                self.event(json!({
                    "type": "user", "message": {"role": "user", "content": [block]},
                    "parent_tool_use_id": null, "session_id": self.session,
                }))
            }
        }
    }

    /// How many background tasks are running.
    pub fn background_tasks(&mut self, count: usize) -> io::Result<()> {
        let tasks: Vec<Value> =
            (0..count).map(|n| json!({"task_id": format!("b{n}"), "task_type": "local_bash"})).collect();
        self.event(json!({
            "type": "system", "subtype": "background_tasks_changed", "tasks": tasks, "session_id": self.session,
        }))
    }

    /// A failed request is retried.
    pub fn retry(&mut self, retry: &Retry) -> io::Result<()> {
        self.event(json!({
            "type": "system", "subtype": "api_retry", "attempt": retry.attempt, "max_retries": 10,
            "retry_delay_ms": 500, "error_status": retry.status, "error": retry.error, "session_id": self.session,
        }))
    }

    /// The turn ends; a failed request is announced first, as the real CLI does.
    pub fn result(&mut self, result: &TurnResult, text: Option<&str>) -> io::Result<()> {
        if self.harness == Harness::Plain {
            return text.map_or(Ok(()), |text| self.line(text));
        }
        if let Some(secs) = result.resets_in_secs {
            let resets_at = time::now().as_second().saturating_add(i64::try_from(secs).unwrap_or(i64::MAX));
            self.event(json!({
                "type": "rate_limit_event", "session_id": self.session,
                "rate_limit_info": {"status": "rejected", "resetsAt": resets_at, "rateLimitType": "five_hour"},
            }))?;
        }
        if let Some(error) = &result.error {
            let block = json!({"type": "text", "text": text.unwrap_or_default()});
            self.assistant(block, Some((error, result.status)))?;
        }
        let usage = &result.usage;
        let mut event = json!({
            "duration_api_ms": 1, "session_id": self.session, "total_cost_usd": result.cost,
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
        self.event(event)
    }

    /// The result of a session that nobody knows.
    pub fn unknown_session(&mut self, id: &str) -> io::Result<()> {
        self.event(json!({
            "type": "result", "subtype": "error_during_execution", "is_error": true, "session_id": id,
            "total_cost_usd": 0, "errors": [format!("No conversation found with session ID: {id}")],
        }))
    }

    fn assistant(&mut self, block: Value, error: Option<(&str, Option<u16>)>) -> io::Result<()> {
        let mut event = json!({
            "type": "assistant",
            "message": {"type": "message", "role": "assistant", "model": self.model, "content": [block]},
            "parent_tool_use_id": null, "session_id": self.session,
        });
        if let Some((name, status)) = error {
            event["error"] = json!(name);
            event["is_api_error_message"] = json!(true);
            event["api_error_status"] = json!(status);
        }
        self.event(event)
    }

    /// Only a CLI with a protocol prints events.
    fn event(&mut self, event: Value) -> io::Result<()> {
        match self.harness {
            Harness::Claude => self.line(&event.to_string()),
            Harness::Plain => Ok(()),
        }
    }
}
