//! Secrets in what rally writes down as JSON.

use serde_json::Value;

use super::{Mask, replaced};

/// Members that rally acts on: where something is, and whose. With a hole in them a try could not be found, resumed or
/// ended any more.
const KEPT: [&str; 12] = [
    "log_path",
    "scratch",
    "tag",
    "session_id",
    "resume",
    "workspace",
    "boot_id",
    "harness",
    "agent_type",
    "model",
    "run_id",
    "lap_id",
];

impl Mask {
    /// JSON, one value or a record a line, with every secret masked but in the names of members and in what rally
    /// acts on. What holds none stays byte for byte; what is no JSON is masked as text.
    pub fn record(&self, json: Vec<u8>) -> Vec<u8> {
        if self.find(&json, 0).is_empty() {
            return json;
        }
        if let Some(clean) = self.value(json.trim_ascii_end()) {
            return if json.ends_with(b"\n") { [&clean[..], b"\n"].concat() } else { clean };
        }
        let lines = json.split_inclusive(|byte| *byte == b'\n');
        lines.flat_map(|line| self.line(line)).collect()
    }

    fn line(&self, line: &[u8]) -> Vec<u8> {
        let found = self.find(line, 0);
        match self.value(line) {
            _ if found.is_empty() => line.to_vec(),
            Some(clean) if line.ends_with(b"\n") => [&clean[..], b"\n"].concat(),
            Some(clean) => clean,
            None => replaced(line, &found),
        }
    }

    fn value(&self, json: &[u8]) -> Option<Vec<u8>> {
        let mut value: Value = serde_json::from_slice(json).ok()?;
        self.walk(&mut value);
        serde_json::to_vec(&value).ok()
    }

    fn walk(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text).into_owned(),
            Value::Array(items) => items.iter_mut().for_each(|item| self.walk(item)),
            Value::Object(members) => {
                let told = members.iter_mut().filter(|(name, _)| !KEPT.contains(&name.as_str()));
                told.for_each(|(_, value)| self.walk(value));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}
