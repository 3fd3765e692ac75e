//! Gemini CLI's `stream-json`. Observed with 0.61.0.
//!
//! Only `init` names the session; the prompt is repeated as a message; what the agent says comes in `delta`
//! messages that belong together; `result` ends the turn and tells tokens but no cost. A failure is a `result` whose
//! error type is always `unknown`, and the exit code is the HTTP status modulo 256 (a missing model: 1). Retries are
//! told on standard error alone.

use serde_json::Value;

use super::{Ending, Line, Manner, UnknownSession, Vocabulary, Who, reason_phrase};
use crate::model::time;
use crate::scripted::ordered::{Json, object};
use crate::scripted::script::{Retry, TurnResult};

/// The manner of `gemini`.
#[derive(Debug, Default)]
pub(super) struct Gemini {
    tools: u32,
    tool_id: String,
}

impl Manner for Gemini {
    fn vocabulary(&self) -> Vocabulary {
        Vocabulary { background_tasks: false, retry: true, result: &["status"] }
    }

    fn unknown_session(&self, id: &str) -> UnknownSession {
        let words = format!("Error resuming session: Invalid session identifier \"{id}\".");
        UnknownSession::Refused(vec![Line::Err(words)], 42)
    }

    fn init(&mut self, who: &Who) -> Vec<Line> {
        let yolo = "YOLO mode is enabled. All tool calls will be automatically approved.";
        vec![
            Line::Err(yolo.to_owned()),
            Line::Err(yolo.to_owned()),
            out(&event("init").with("session_id", &who.session).with("model", &who.model)),
            out(&event("message").with("role", "user").with("content", &who.prompt)),
        ]
    }

    fn say(&mut self, _who: &Who, text: &str) -> Vec<Line> {
        vec![out(&event("message").with("role", "assistant").with("content", text).with("delta", true))]
    }

    fn tool_started(&mut self, _who: &Who, name: &str, input: &Value) -> Vec<Line> {
        let name = tool_name(name);
        let at = time::now().as_millisecond();
        self.tool_id = format!("{name}__{name}_{at}_{}", self.tools);
        self.tools += 1;
        let event = event("tool_use").with("tool_name", name).with("tool_id", &self.tool_id);
        vec![out(&event.with("parameters", input.clone()))]
    }

    fn tool_ended(&mut self, _who: &Who, output: &str, is_error: bool) -> Vec<Line> {
        let event = event("tool_result").with("tool_id", &self.tool_id);
        let event = event.with("status", if is_error { "error" } else { "success" }).with("output", output);
        vec![out(&if is_error {
            event.with("error", object! { "type": "unknown", "message": output })
        } else {
            event
        })]
    }

    fn retry(&mut self, _who: &Who, retry: &Retry) -> Vec<Line> {
        let Retry { error, status, attempt } = retry;
        let Some(status) = status else {
            let words = format!("Attempt {attempt} failed. Retrying with backoff... Error: {error}");
            return vec![Line::Err(words)];
        };
        let name = reason_phrase(*status).to_uppercase().replace(' ', "_");
        let body = object! { "code": *status, "message": error, "status": name };
        let body = object! { "error": body };
        vec![
            Line::Err(format!(
                "Attempt {attempt} failed with status {status}. Retrying with backoff... _ApiError: {body}"
            )),
            Line::Err("    at throwErrorIfNotOK (file:///gemini-cli/bundle/chunk.js:267833:24) {".to_owned()),
            Line::Err(format!("  status: {status}")),
            Line::Err("}".to_owned()),
        ]
    }

    fn result(&mut self, who: &Who, ending: &Ending<'_>) -> Vec<Line> {
        let Ending { result, text, .. } = *ending;
        let event = event("result");
        if result.is_error {
            let mut message = format!("[API Error: {}]", text.unwrap_or_default());
            if result.status == Some(429) {
                message.push_str("\nPlease wait and try again later. To increase your limits, request a quota increase through AI Studio, or switch to another /auth method");
            }
            let error = object! { "type": "unknown", "message": message };
            let event = event.with("status", "error").with("error", error);
            return vec![out(&event.with("stats", self.stats(who, result)))];
        }
        let mut lines = text.map_or_else(Vec::new, |text| self.say(who, text));
        lines.push(out(&event.with("status", "success").with("stats", self.stats(who, result))));
        lines
    }

    fn failure_code(&self, result: &TurnResult) -> u8 {
        match result.status {
            None | Some(404) => 1,
            Some(status) => status.to_le_bytes()[0],
        }
    }
}

impl Gemini {
    fn stats(&self, who: &Who, result: &TurnResult) -> Json {
        let tokens = &result.usage;
        let read = tokens.input + tokens.cached;
        let counts = object! {
            "total_tokens": read + tokens.output, "input_tokens": read, "output_tokens": tokens.output,
            "cached": tokens.cached, "input": tokens.input,
        };
        let models = object! {}.with(who.model.clone(), counts.clone());
        counts.with("duration_ms", 1_u64).with("tool_calls", self.tools).with("models", models)
    }
}

/// What gemini calls the tools that scripts name.
fn tool_name(name: &str) -> &str {
    match name {
        "Bash" => "run_shell_command",
        "Read" => "read_file",
        "Write" => "write_file",
        other => other,
    }
}

fn event(kind: &str) -> Json {
    object! { "type": kind, "timestamp": time::rfc3339_millis(time::now()) }
}

fn out(event: &Json) -> Line {
    Line::Out(event.to_string())
}
