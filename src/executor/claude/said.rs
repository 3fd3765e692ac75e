//! Claude Code's stream, told to a person.

use serde_json::Value;

use super::event::Tokens;
use crate::executor::said::{self, End, Event, Said, content, duration, object, objects, read, text};
use crate::model::text::one_line;

/// See [`said::Narrator`].
#[derive(Debug, Default)]
pub struct Narrator {
    /// Whether the agent has written since its turn began: if not, its answer stands in the result alone.
    spoke: bool,
}

impl said::Narrator for Narrator {
    fn knows(&self, event: &Event) -> bool {
        text(event, "type").is_some() && (event.contains_key("session_id") || event.contains_key("message"))
    }

    fn event(&mut self, event: &Event, said: &mut Vec<Said>) {
        match text(event, "type") {
            Some("system") => self.system(event, said),
            Some("assistant") => self.assistant(event, said),
            Some("user") => user(event, said),
            Some("rate_limit_event") => said.extend(limit(event)),
            Some("result") => self.result(event, said),
            _ => {}
        }
    }
}

impl Narrator {
    fn system(&mut self, event: &Event, said: &mut Vec<Said>) {
        match text(event, "subtype") {
            Some("init") => {
                self.spoke = false;
                said.push(said::session(text(event, "session_id"), text(event, "model")));
            }
            Some("api_retry") => said.push(Said::Problem(retry(event))),
            Some("task_notification") => {
                said.extend(text(event, "summary").map(|s| Said::Note(s.to_owned())))
            }
            Some("compact_boundary") => said.push(Said::Note("the conversation was compacted".to_owned())),
            _ => {}
        }
    }

    fn assistant(&mut self, event: &Event, said: &mut Vec<Said>) {
        let Some(message) = object(event, "message") else { return };
        for block in objects(message, "content") {
            match text(block, "type") {
                Some("text") => {
                    let Some(words) = text(block, "text") else { continue };
                    self.spoke = true;
                    // A failed request is told as a message of the agent's.
                    said.push(match text(event, "error") {
                        Some(_) => Said::Problem(words.to_owned()),
                        None => Said::Text(words.to_owned()),
                    });
                }
                Some("thinking") => said.extend(text(block, "thinking").map(|t| Said::Thought(t.to_owned()))),
                Some("tool_use" | "server_tool_use") => {
                    said.push(said::tool(text(block, "name"), block.get("input")));
                }
                _ => {}
            }
        }
    }

    fn result(&mut self, event: &Event, said: &mut Vec<Said>) {
        let ok = event.get("is_error").and_then(Value::as_bool) == Some(false)
            && text(event, "subtype") == Some("success");
        let answer = text(event, "result").map(str::to_owned);
        let message = if ok {
            said.extend(answer.filter(|_| !self.spoke).map(Said::Text));
            None
        } else {
            let errors = event.get("errors").and_then(Value::as_array).into_iter().flatten();
            let errors: Vec<&str> = errors.filter_map(Value::as_str).collect();
            answer
                .or_else(|| (!errors.is_empty()).then(|| errors.join("\n")))
                .or_else(|| text(event, "subtype").map(str::to_owned))
        };
        said.push(Said::End(End {
            ok,
            message,
            usage: read::<Tokens>(event, "usage").map(|tokens| tokens.usage()),
            cost: event.get("total_cost_usd").and_then(Value::as_f64),
            duration: duration(event, "duration_ms", 1.0),
        }));
    }
}

/// What tools answered. What else stands under `user` was not said by the agent.
fn user(event: &Event, said: &mut Vec<Said>) {
    let Some(message) = object(event, "message") else { return };
    for block in objects(message, "content").filter(|block| text(block, "type") == Some("tool_result")) {
        let failed = block.get("is_error").and_then(Value::as_bool) == Some(true);
        said.push(Said::ToolOutput { text: content(block.get("content")), failed });
    }
}

/// `retry 2 of 10 in 1.1s: overloaded (529)`.
fn retry(event: &Event) -> String {
    let number = |key| event.get(key).and_then(Value::as_u64);
    let mut line = "retry".to_owned();
    if let Some(attempt) = number("attempt") {
        line += &format!(" {attempt}");
    }
    if let Some(most) = number("max_retries") {
        line += &format!(" of {most}");
    }
    if let Some(delay) = duration(event, "retry_delay_ms", 1.0) {
        line += &format!(" in {:.1}s", delay.as_secs_f64());
    }
    line += &format!(": {}", one_line(text(event, "error").unwrap_or("the request failed")));
    if let Some(status) = number("error_status") {
        line += &format!(" ({status})");
    }
    line
}

/// A window that is used up; the others are no news.
fn limit(event: &Event) -> Option<Said> {
    let info = object(event, "rate_limit_info")?;
    let kind = one_line(text(info, "rateLimitType").unwrap_or("a"));
    (text(info, "status") == Some("rejected")).then(|| Said::Problem(format!("{kind} limit: used up")))
}
