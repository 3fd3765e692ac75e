//! Codex's `exec --json`: a thread, one turn in it, and items. Observed with 0.169.0.
//!
//! The end is `turn.completed`, whose usage counts the whole thread, resumed turns included; no cost and no
//! model are told. A failure is `error` and `turn.failed` with the same message; a retry is an `error` that says
//! `Reconnecting... n/5 (why)`. An unknown thread is refused, but what is no UUID silently begins a new one.

use serde_json::Value;

use super::{Ending, Line, Manner, UnknownSession, Vocabulary, Who, field, reason_phrase};
use crate::scripted::ordered::{Json, object};
use crate::scripted::script::Retry;

/// The manner of `codex`.
#[derive(Debug, Default)]
pub(super) struct Codex {
    has_thread: bool,
    items: u32,
    tool: Option<Item>,
}

/// An item that is being worked on.
#[derive(Debug)]
enum Item {
    Command { id: String, command: String },
    FileChange { id: String, path: String },
}

impl Codex {
    fn next_id(&mut self) -> String {
        let id = format!("item_{}", self.items);
        self.items += 1;
        id
    }

    fn message(&mut self, text: &str) -> Line {
        let item = object! { "id": self.next_id(), "type": "agent_message", "text": text };
        out(&object! { "type": "item.completed", "item": item })
    }
}

impl Manner for Codex {
    fn vocabulary(&self) -> Vocabulary {
        Vocabulary { background_tasks: false, retry: true, result: &["status"] }
    }

    fn unknown_session(&self, id: &str) -> UnknownSession {
        if uuid::Uuid::try_parse(id).is_err() {
            return UnknownSession::StartsAnew(Vec::new());
        }
        let words = format!(
            "Error: thread/resume: thread/resume failed: no rollout found for thread id {id} (code -32600)"
        );
        UnknownSession::Refused(vec![Line::Err(words)], 1)
    }

    fn init(&mut self, who: &Who) -> Vec<Line> {
        let mut lines = Vec::new();
        if !self.has_thread {
            self.has_thread = true;
            lines.push(out(&object! { "type": "thread.started", "thread_id": &who.session }));
        }
        lines.push(out(&object! { "type": "turn.started" }));
        lines
    }

    fn say(&mut self, _who: &Who, text: &str) -> Vec<Line> {
        vec![self.message(text)]
    }

    fn tool_started(&mut self, _who: &Who, name: &str, input: &Value) -> Vec<Line> {
        let id = self.next_id();
        let item = match field(input, "file_path") {
            Some(path) if name == "Write" => Item::FileChange { id, path: path.to_owned() },
            _ => Item::Command { id, command: field(input, "command").unwrap_or(name).to_owned() },
        };
        let line = out(&object! { "type": "item.started", "item": item.json("in_progress", "", None) });
        self.tool = Some(item);
        vec![line]
    }

    fn tool_ended(&mut self, _who: &Who, output: &str, is_error: bool) -> Vec<Line> {
        let Some(item) = self.tool.take() else { return Vec::new() };
        let status = if is_error { "failed" } else { "completed" };
        let item = item.json(status, output, Some(i32::from(is_error)));
        vec![out(&object! { "type": "item.completed", "item": item })]
    }

    fn retry(&mut self, _who: &Who, retry: &Retry) -> Vec<Line> {
        let why = match retry.status {
            Some(status) => failure(&retry.error, Some(status)),
            None => format!("stream disconnected before completion: {}", retry.error),
        };
        let words = format!("Reconnecting... {}/5 ({why})", retry.attempt);
        vec![out(&object! { "type": "error", "message": words })]
    }

    fn result(&mut self, _who: &Who, ending: &Ending<'_>) -> Vec<Line> {
        if ending.result.is_error {
            let message = failure(ending.text.unwrap_or_default(), ending.result.status);
            let error = object! { "message": &message };
            return vec![
                out(&object! { "type": "error", "message": message }),
                out(&object! { "type": "turn.failed", "error": error }),
            ];
        }
        let mut lines: Vec<Line> = ending.text.map(|text| self.message(text)).into_iter().collect();
        let tokens = ending.whole_session;
        let usage = object! {
            "input_tokens": tokens.input + tokens.cached, "cached_input_tokens": tokens.cached,
            "cache_write_input_tokens": 0_u64, "output_tokens": tokens.output,
            "reasoning_output_tokens": tokens.reasoning,
        };
        lines.push(out(&object! { "type": "turn.completed", "usage": usage }));
        lines
    }
}

impl Item {
    fn json(&self, status: &str, output: &str, exit_code: Option<i32>) -> Json {
        match self {
            Item::Command { id, command } => object! {
                "id": id, "type": "command_execution", "command": format!("/bin/bash -lc {command:?}"),
                "aggregated_output": output, "exit_code": exit_code, "status": status,
            },
            Item::FileChange { id, path } => {
                let changes = Json::List(vec![object! { "path": path, "kind": "add" }]);
                object! { "id": id, "type": "file_change", "changes": changes, "status": status }
            }
        }
    }
}

/// How codex words a failed request; without a status, as the server did.
fn failure(text: &str, status: Option<u16>) -> String {
    match status {
        Some(429) => "exceeded retry limit, last status: 429 Too Many Requests".to_owned(),
        Some(500) => "We’re currently experiencing high demand, which may cause temporary errors.".to_owned(),
        None | Some(400 | 404) => text.to_owned(),
        Some(status) => {
            let url = "http://127.0.0.1/v1/responses";
            format!("unexpected status {status} {}: {text}, url: {url}", reason_phrase(status))
        }
    }
}

fn out(event: &Json) -> Line {
    Line::Out(event.to_string())
}
