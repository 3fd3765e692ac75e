//! opencode's stream, told to a person.

use serde_json::Value;

use super::event::{Failure, Tokens};
use super::log_line::LogLine;
use crate::executor::said::{self, End, Event, Said, content, object, read, text};
use crate::model::Usage;

/// See [`said::Narrator`].
#[derive(Debug, Default)]
pub struct Narrator {
    /// Whether the session was told.
    begun: bool,
    usage: Option<Usage>,
    cost: Option<f64>,
}

impl said::Narrator for Narrator {
    fn knows(&self, event: &Event) -> bool {
        text(event, "type").is_some() && event.contains_key("sessionID")
    }

    fn event(&mut self, event: &Event, said: &mut Vec<Said>) {
        if !self.begun {
            self.begun = true;
            said.push(said::session(text(event, "sessionID"), None));
        }
        let part = object(event, "part");
        let words = part.and_then(|part| text(part, "text")).map(str::to_owned);
        match (text(event, "type"), part) {
            (Some("text"), _) => said.extend(words.map(Said::Text)),
            (Some("reasoning"), _) => said.extend(words.map(Said::Thought)),
            (Some("tool_use"), Some(part)) => tool(part, said),
            (Some("step_finish"), Some(part)) => said.extend(self.step(part)),
            (Some("error"), _) => said.push(Said::Problem(failure(event))),
            _ => {}
        }
    }

    /// It writes its log among its events; of that, what went wrong is told.
    fn plain(&mut self, line: &str, said: &mut Vec<Said>) {
        match LogLine::read(line) {
            Some(log) if ["ERROR", "WARN"].contains(&log.level.as_str()) => {
                let told = if log.error.is_empty() {
                    log.message
                } else {
                    format!("{}: {}", log.message, log.error)
                };
                said.push(Said::Problem(told));
            }
            Some(_) => {}
            None => said.push(Said::Plain(line.to_owned())),
        }
    }
}

impl Narrator {
    /// Every step has its own figures; the turn's are their sum.
    fn step(&mut self, part: &Event) -> Option<Said> {
        if let Some(tokens) = read::<Tokens>(part, "tokens") {
            self.usage = Some(self.usage.unwrap_or_default().plus(tokens.usage()));
        }
        if let Some(cost) = part.get("cost").and_then(Value::as_f64) {
            self.cost = Some(self.cost.unwrap_or_default() + cost);
        }
        let reason = text(part, "reason").filter(|reason| *reason != "tool-calls")?;
        let ok = reason == "stop";
        let message = (!ok).then(|| format!("ended by {reason}"));
        Some(Said::End(End { ok, message, usage: self.usage.take(), cost: self.cost.take(), duration: None }))
    }
}

/// A tool is told when it is over, with its answer.
fn tool(part: &Event, said: &mut Vec<Said>) {
    let state = object(part, "state");
    said.push(said::tool(text(part, "tool"), state.and_then(|state| state.get("input"))));
    let Some(state) = state else { return };
    let failed = text(state, "status") == Some("error");
    let error = text(state, "error").map(str::to_owned);
    said.push(Said::ToolOutput { text: error.unwrap_or_else(|| content(state.get("output"))), failed });
}

fn failure(event: &Event) -> String {
    let failure = read::<Failure>(event, "error").unwrap_or_default();
    let name = failure.name.unwrap_or_else(|| "error".to_owned());
    match failure.data.and_then(|data| data.message) {
        Some(message) => format!("{name}: {message}"),
        None => name,
    }
}
