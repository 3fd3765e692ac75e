//! Antigravity's `--output-format stream-json`: the key of an event is `event`, not `type`. As reported for
//! 1.1.8 and later; 1.2.6 and later fail with exit code 3 and `AGY_ERROR: {…}` on standard error.
//!
//! An unknown conversation is replaced by a new one with a warning. Retries are told nowhere.

use serde_json::{Value, json};

use super::{Ending, Line, Manner, UnknownSession, Vocabulary, Who};
use crate::model::time;
use crate::scripted::ordered::{Json, object};
use crate::scripted::script::{Tokens, TurnResult};

/// The manner of `agy`.
#[derive(Debug, Default)]
pub(super) struct Antigravity {
    steps: u64,
    tool: Option<(String, Value)>,
    turns: u64,
}

impl Manner for Antigravity {
    fn vocabulary(&self) -> Vocabulary {
        Vocabulary { background_tasks: false, retry: false, result: &["error", "status"] }
    }

    fn unknown_session(&self, id: &str) -> UnknownSession {
        UnknownSession::StartsAnew(vec![Line::Err(format!("warning: conversation \"{id}\" not found"))])
    }

    fn init(&mut self, who: &Who) -> Vec<Line> {
        let cwd = std::env::current_dir().unwrap_or_default();
        let init = object! {
            "cwd": cwd.display().to_string(), "tools": json!(["run_command", "view_file", "write_to_file"]),
            "permission_mode": "dangerously-skip-permissions",
        };
        let at = time::now().strftime("%m%d %H:%M:%S%.6f").to_string();
        vec![
            Line::Log(format!(
                "I{at} {} printmode.go:130] Print mode: conversation={}, sending message",
                std::process::id(),
                who.session
            )),
            out(&object! { "event": "init", "conversation_id": &who.session, "init": init }),
        ]
    }

    fn say(&mut self, who: &Who, text: &str) -> Vec<Line> {
        let step = self.step(who, "DONE", "agent_response").with("text_delta", text);
        self.steps += 1;
        vec![update(step)]
    }

    fn tool_started(&mut self, who: &Who, name: &str, input: &Value) -> Vec<Line> {
        let name = tool_name(name).to_owned();
        let info = object! { "name": &name, "parameters": input.clone() };
        let step = self.step(who, "ACTIVE", "tool").with("tool_name", &name).with("tool_info", info);
        self.tool = Some((name, input.clone()));
        vec![update(step)]
    }

    fn tool_ended(&mut self, who: &Who, output: &str, is_error: bool) -> Vec<Line> {
        let Some((name, input)) = self.tool.take() else { return Vec::new() };
        let (state, told) = if is_error { ("ERROR", "error") } else { ("DONE", "output") };
        let info = object! { "name": &name, "parameters": input }.with(told, output);
        let step = self.step(who, state, "tool").with("tool_name", name).with("tool_info", info);
        self.steps += 1;
        vec![update(step)]
    }

    fn result(&mut self, who: &Who, ending: &Ending<'_>) -> Vec<Line> {
        let Ending { result, text, .. } = *ending;
        self.turns += 1;
        let text = text.unwrap_or_default();
        let mut lines = Vec::new();
        let told = object! { "conversation_id": &who.session };
        let told = if result.is_error {
            let status = result.error.as_deref().unwrap_or("UNKNOWN");
            let code = result.status.map_or_else(String::new, |status| format!(" (code {status})"));
            told.with("status", "ERROR").with("response", "").with("error", format!("{status}{code}: {text}"))
        } else {
            if !text.is_empty() {
                lines.extend(self.say(who, text));
            }
            told.with("status", "SUCCESS").with("response", text)
        };
        let told = told.with("duration_seconds", 0.001).with("num_turns", self.turns);
        lines.push(out(&object! { "event": "result", "result": told.with("usage", usage(&result.usage)) }));
        lines.extend(result.is_error.then(|| agy_error(result, text)));
        lines
    }

    fn failure_code(&self, _result: &TurnResult) -> u8 {
        3
    }
}

impl Antigravity {
    fn step(&self, who: &Who, state: &str, kind: &str) -> Json {
        object! {
            "conversation_id": &who.session, "step_index": self.steps, "state": state, "step_type": kind,
        }
    }
}

fn update(step: Json) -> Line {
    out(&object! { "event": "step_update", "step_update": step })
}

/// What scripts hold of a failure; the real object's keys are not documented.
fn agy_error(result: &TurnResult, text: &str) -> Line {
    let mut error = object! { "status": result.error.as_deref().unwrap_or("UNKNOWN"), "short_error": text };
    if let Some(status) = result.status {
        let retryable = status == 429 || status >= 500;
        error = error.with("http_code", status).with("retryable", retryable);
    }
    Line::Err(format!("AGY_ERROR: {error}"))
}

fn usage(tokens: &Tokens) -> Json {
    let total = tokens.input + tokens.cached + tokens.output;
    object! {
        "input_tokens": tokens.input, "output_tokens": tokens.output, "thinking_tokens": tokens.reasoning,
        "cache_read_tokens": tokens.cached, "total_tokens": total,
    }
}

/// What agy calls the tools that scripts name.
fn tool_name(name: &str) -> &str {
    match name {
        "Bash" => "run_command",
        "Read" => "view_file",
        "Write" => "write_to_file",
        other => other,
    }
}

fn out(event: &Json) -> Line {
    Line::Out(event.to_string())
}
