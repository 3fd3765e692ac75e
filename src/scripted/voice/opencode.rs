//! opencode's `run --format json`. Observed with 1.18.33.
//!
//! Every line names the session. A step begins when the model answers, holds texts and finished tools, and ends
//! with its reason, tokens and cost: `tool-calls` if another step follows, `stop` if the turn is over. There is no
//! event for the end, and nothing for a request that failed before an answer came. A failure is one `error` line.
//! Its log alone tells when a session is created, a step is asked for, a request is retried and the turn is over.

use serde_json::Value;

use super::{Ending, Line, Manner, UnknownSession, Vocabulary, Who};
use crate::model::time;
use crate::scripted::ordered::{Json, object};
use crate::scripted::script::{Retry, Tokens};

/// The manner of `opencode`.
#[derive(Debug, Default)]
pub(super) struct Opencode {
    /// The message of the step that is open.
    step: Option<String>,
    /// Steps that are over.
    steps: u32,
    tool: Option<(String, Value)>,
}

impl Manner for Opencode {
    fn vocabulary(&self) -> Vocabulary {
        Vocabulary { background_tasks: false, retry: true, result: &["error", "status", "cost"] }
    }

    fn new_session(&self) -> String {
        id("ses")
    }

    fn unknown_session(&self, _id: &str) -> UnknownSession {
        UnknownSession::Refused(
            vec![Line::Err("\x1b[91m\x1b[1mError: \x1b[0mSession not found".to_owned())],
            1,
        )
    }

    /// Nothing but the log tells anything before the model answers.
    fn init(&mut self, who: &Who) -> Vec<Line> {
        self.step = None;
        self.steps = 0;
        let mut lines = Vec::new();
        if !who.resumed {
            let cwd = std::env::current_dir().unwrap_or_default();
            let fields = format!(
                "id={} slug=scripted version=1.18.33 directory={} path=\"\"",
                who.session,
                cwd.display()
            );
            lines.push(log("INFO", "created", &fields));
        }
        lines.push(self.asked(who));
        lines
    }

    fn say(&mut self, who: &Who, text: &str) -> Vec<Line> {
        let (mut lines, part) = self.part(who);
        let part = part.with("type", "text").with("text", text);
        lines.push(out(&event("text", who).with("part", part.with("time", time_of_a_moment()))));
        lines
    }

    /// A tool is told when it has ended; until then only its step.
    fn tool_started(&mut self, who: &Who, name: &str, input: &Value) -> Vec<Line> {
        let mut input = input.clone();
        if let Some(fields) = input.as_object_mut()
            && let Some(path) = fields.remove("file_path")
        {
            fields.insert("filePath".to_owned(), path);
        }
        self.tool = Some((name.to_lowercase(), input));
        self.part(who).0
    }

    fn tool_ended(&mut self, who: &Who, output: &str, is_error: bool) -> Vec<Line> {
        let Some((name, input)) = self.tool.take() else { return Vec::new() };
        let (mut lines, _) = self.part(who);
        let (status, told) = if is_error { ("error", "error") } else { ("completed", "output") };
        let state = object! { "status": status, "input": input }.with(told, output);
        let state = state.with("time", time_of_a_moment());
        let part = object! {
            "type": "tool", "tool": name, "callID": id("call"), "state": state, "id": id("prt"),
            "sessionID": &who.session, "messageID": self.step.clone().unwrap_or_default(),
        };
        lines.push(out(&event("tool_use", who).with("part", part)));
        lines.extend(self.finish(who, "tool-calls", &Tokens::default(), 0.0));
        lines
    }

    fn retry(&mut self, who: &Who, retry: &Retry) -> Vec<Line> {
        let (provider, model) = who.model.split_once('/').unwrap_or(("scripted", &who.model));
        let error = format!("AI_APICallError: {}", retry.error);
        let fields = format!(
            "providerID={provider} modelID={model} session.id={} small=false agent=build mode=primary error.error={error:?}",
            who.session
        );
        vec![log("ERROR", "\"stream error\"", &fields)]
    }

    fn result(&mut self, who: &Who, ending: &Ending<'_>) -> Vec<Line> {
        let Ending { result, text, .. } = *ending;
        if result.is_error {
            return vec![out(&event("error", who).with("error", error(ending)))];
        }
        let mut lines = match text {
            Some(text) => self.say(who, text),
            None => self.part(who).0,
        };
        lines.extend(self.finish(who, "stop", &result.usage, result.cost));
        lines.push(log("INFO", "\"exiting loop\"", &format!("session.id={}", who.session)));
        lines
    }
}

impl Opencode {
    /// The beginning of a part, and the line that opens its step if none is open.
    fn part(&mut self, who: &Who) -> (Vec<Line>, Json) {
        let mut lines = Vec::new();
        let message = self.step.get_or_insert_with(|| {
            let message = id("msg");
            let part = object! { "id": id("prt"), "messageID": &message, "sessionID": &who.session, "type": "step-start" };
            lines.push(out(&event("step_start", who).with("part", part)));
            message
        });
        let part = object! { "id": id("prt"), "messageID": &*message, "sessionID": &who.session };
        (lines, part)
    }

    /// The log's line about the next request to the model.
    fn asked(&self, who: &Who) -> Line {
        log("INFO", "loop", &format!("session.id={} step={}", who.session, self.steps))
    }

    /// The lines that close the open step: the next one is asked for, if only to find that the turn is over.
    fn finish(&mut self, who: &Who, reason: &str, tokens: &Tokens, cost: f64) -> Vec<Line> {
        let Some(message) = self.step.take() else { return Vec::new() };
        self.steps += 1;
        let cache = object! { "write": 0_u64, "read": tokens.cached };
        let tokens = object! {
            "total": tokens.input + tokens.cached + tokens.output, "input": tokens.input,
            "output": tokens.output.saturating_sub(tokens.reasoning), "reasoning": tokens.reasoning,
            "cache": cache,
        };
        let part = object! {
            "id": id("prt"), "reason": reason, "messageID": message, "sessionID": &who.session,
            "type": "step-finish", "tokens": tokens, "cost": cost,
        };
        vec![out(&event("step_finish", who).with("part", part)), self.asked(who)]
    }
}

/// Only what a provider said has a status, and tells whether it would be retried.
fn error(ending: &Ending<'_>) -> Json {
    let Ending { result, text, .. } = *ending;
    let name = result.error.as_deref().unwrap_or("APIError");
    let data = object! { "message": text.unwrap_or_default() };
    let data = match result.status {
        Some(status) => {
            let retryable = status == 429 || status >= 500;
            data.with("statusCode", status).with("isRetryable", retryable)
        }
        None if name == "APIError" => data.with("isRetryable", true),
        None => data,
    };
    object! { "name": name, "data": data }
}

fn event(kind: &str, who: &Who) -> Json {
    object! { "type": kind, "timestamp": time::now().as_millisecond(), "sessionID": &who.session }
}

/// Everything takes no time.
fn time_of_a_moment() -> Json {
    let now = time::now().as_millisecond();
    object! { "start": now, "end": now }
}

/// An id in opencode's shape: `prt_204c65995001URP306b2KnHXQ3`.
fn id(kind: &str) -> String {
    let mut id = format!("{kind}_{}", uuid::Uuid::new_v4().simple());
    id.truncate(kind.len() + 1 + 26);
    id
}

/// A line of the log.
fn log(level: &str, message: &str, fields: &str) -> Line {
    let at = time::rfc3339_millis(time::now());
    Line::Log(format!("timestamp={at} level={level} run=5c519ed0 message={message} {fields}"))
}

fn out(event: &Json) -> Line {
    Line::Out(event.to_string())
}
