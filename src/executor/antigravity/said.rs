//! Antigravity's stream, told to a person. Versions without a stream print plain text.

use serde_json::Value;

use super::event::Tokens;
use crate::executor::said::{self, End, Event, Said, content, duration, object, read, text};

/// See [`said::Narrator`].
#[derive(Debug, Default)]
pub struct Narrator {
    /// The step of the running text.
    speaking: Option<u64>,
    /// The step of the tool that was told when it began.
    tool: Option<u64>,
    spoke: bool,
}

impl said::Narrator for Narrator {
    fn knows(&self, event: &Event) -> bool {
        text(event, "event").is_some_and(|kind| event.contains_key(kind))
    }

    fn event(&mut self, event: &Event, said: &mut Vec<Said>) {
        let kind = text(event, "event").unwrap_or_default();
        let Some(fields) = object(event, kind) else { return };
        match kind {
            "init" => said.push(said::session(text(event, "conversation_id"), text(fields, "model"))),
            "step_update" => self.step(fields, said),
            "result" => self.result(fields, said),
            _ => {}
        }
    }
}

impl Narrator {
    fn step(&mut self, step: &Event, said: &mut Vec<Said>) {
        let index = step.get("step_index").and_then(Value::as_u64);
        let over = matches!(text(step, "state"), Some("DONE" | "ERROR"));
        let failed = text(step, "state") == Some("ERROR");
        match text(step, "step_type") {
            Some("agent_response") => {
                if self.speaking != index {
                    said.push(Said::Break);
                    self.speaking = index;
                }
                if let Some(words) = step.get("text_delta").and_then(Value::as_str).filter(|w| !w.is_empty())
                {
                    self.spoke = true;
                    said.push(Said::Piece(words.to_owned()));
                }
                if failed {
                    said.extend(problem(step).map(Said::Problem));
                }
            }
            Some("tool") => {
                let info = object(step, "tool_info");
                if self.tool.is_none() || self.tool != index {
                    self.tool = index;
                    let name = text(step, "tool_name").or_else(|| text(info?, "name"));
                    said.push(said::tool(name, info.and_then(|info| info.get("parameters"))));
                }
                if over {
                    let output = content(info.and_then(|info| info.get("output")));
                    said.push(Said::ToolOutput { text: problem(step).unwrap_or(output), failed });
                }
            }
            _ => {}
        }
    }

    fn result(&mut self, result: &Event, said: &mut Vec<Said>) {
        let ok = text(result, "status") == Some("SUCCESS");
        if !self.spoke {
            said.extend(text(result, "response").map(|answer| Said::Text(answer.to_owned())));
        }
        said.push(Said::End(End {
            ok,
            message: problem(result),
            usage: read::<Tokens>(result, "usage").and_then(|tokens| tokens.usage()),
            cost: None,
            duration: duration(result, "duration_seconds", 1000.0),
        }));
    }
}

/// An error is a text, or an object with a `message`.
fn problem(fields: &Event) -> Option<String> {
    text(fields, "error").or_else(|| text(object(fields, "error")?, "message")).map(str::to_owned)
}
