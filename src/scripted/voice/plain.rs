//! Plain text, as custom harnesses print it: words and nothing else. What has no words is left out.

use serde_json::Value;

use super::{Ending, Line, Manner, UnknownSession, Vocabulary, Who};

/// The manner of a program without a protocol.
#[derive(Debug)]
pub(super) struct Plain;

impl Manner for Plain {
    fn vocabulary(&self) -> Vocabulary {
        let result = &["subtype", "error", "status", "resets_in_secs", "cost"];
        Vocabulary { background_tasks: true, retry: true, result }
    }

    /// It takes its arguments as they are, and resumes nothing.
    fn unknown_session(&self, _id: &str) -> UnknownSession {
        UnknownSession::StartsAnew(Vec::new())
    }

    fn init(&mut self, _who: &Who) -> Vec<Line> {
        Vec::new()
    }

    fn say(&mut self, _who: &Who, text: &str) -> Vec<Line> {
        vec![Line::Out(text.to_owned())]
    }

    fn tool_started(&mut self, _who: &Who, name: &str, _input: &Value) -> Vec<Line> {
        vec![Line::Out(format!("[{name}]"))]
    }

    fn tool_ended(&mut self, _who: &Who, output: &str, _is_error: bool) -> Vec<Line> {
        if output.is_empty() { Vec::new() } else { vec![Line::Out(output.to_owned())] }
    }

    fn result(&mut self, _who: &Who, ending: &Ending<'_>) -> Vec<Line> {
        ending.text.map(|text| Line::Out(text.to_owned())).into_iter().collect()
    }
}
