//! Gemini's stream, told to a person.

use serde_json::Value;

use super::event::Stats;
use crate::executor::said::{self, End, Event, Said, content, duration, object, read, text};

/// See [`said::Narrator`].
#[derive(Debug, Default)]
pub struct Narrator;

impl said::Narrator for Narrator {
    fn knows(&self, event: &Event) -> bool {
        text(event, "type").is_some() && event.contains_key("timestamp")
    }

    fn event(&mut self, event: &Event, said: &mut Vec<Said>) {
        match text(event, "type") {
            Some("init") => said.push(said::session(text(event, "session_id"), text(event, "model"))),
            Some("message") if text(event, "role") == Some("assistant") => {
                // A piece may be a single space.
                let words = event.get("content").and_then(Value::as_str).unwrap_or_default().to_owned();
                let piece = event.get("delta").and_then(Value::as_bool) == Some(true);
                said.push(if piece { Said::Piece(words) } else { Said::Text(words) });
            }
            Some("tool_use") => said.push(said::tool(text(event, "tool_name"), event.get("parameters"))),
            Some("tool_result") => {
                let failed = text(event, "status") == Some("error");
                let error = object(event, "error").and_then(|error| text(error, "message"));
                let output = error.map_or_else(|| content(event.get("output")), str::to_owned);
                said.push(Said::ToolOutput { text: output, failed });
            }
            Some("error") => said.extend(text(event, "message").map(|text| Said::Problem(text.to_owned()))),
            Some("result") => {
                let error = object(event, "error").and_then(|error| text(error, "message"));
                said.push(Said::End(End {
                    ok: text(event, "status") == Some("success"),
                    message: error.map(str::to_owned),
                    usage: read::<Stats>(event, "stats").map(|stats| stats.usage()),
                    duration: object(event, "stats").and_then(|stats| duration(stats, "duration_ms", 1.0)),
                    cost: None,
                }));
            }
            _ => {}
        }
    }
}
