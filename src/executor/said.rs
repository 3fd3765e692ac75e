//! What an agent's output says to a person: the agent's words, its tools, what went wrong.
//!
//! A [`Narrator`] reads events as [`super::Parser`]s do, for another end: nothing is decided by what it tells. It is
//! lenient in everything; what it does not know it leaves out.

use std::fmt::Debug;
use std::time::Duration;

use serde_json::{Map, Value};

use super::{antigravity, claude, codex, gemini, json, opencode};
use crate::model::{Cli, Usage, text};

/// Longest detail of a tool's use, in characters.
const DETAIL_LIMIT: usize = 300;

/// Something that an agent or its CLI said. The texts are foreign and not yet sanitised.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// A whole text of the agent.
    Text(String),
    /// The next piece of a running text.
    Piece(String),
    /// The running text is over.
    Break,
    /// What the agent thinks.
    Thought(String),
    /// A tool was started.
    Tool {
        /// As the CLI calls it.
        name: String,
        /// The most telling of its input, on one line; may be empty.
        detail: String,
    },
    /// What a tool answered.
    ToolOutput {
        /// May be empty.
        text: String,
        /// Whether it failed.
        failed: bool,
    },
    /// An error, or a request that the CLI makes again.
    Problem(String),
    /// Something beside the work: the session, the model.
    Note(String),
    /// A line that is no event.
    Plain(String),
    /// The agent's turn is over.
    End(End),
}

/// How a turn ended, as far as it is told.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct End {
    /// Whether the CLI says that it went well.
    pub ok: bool,
    /// Why not.
    pub message: Option<String>,
    /// Tokens, as the CLI counts them: of this try or of the whole session.
    pub usage: Option<Usage>,
    /// US dollars, likewise.
    pub cost: Option<f64>,
    /// How long it took.
    pub duration: Option<Duration>,
}

/// An event of a stream.
pub type Event = Map<String, Value>;

/// Tells what the events of one CLI mean.
pub trait Narrator: Debug {
    /// Whether an object is surely an event of this CLI's stream.
    fn knows(&self, event: &Event) -> bool;

    /// What an event says; appended to `said`.
    fn event(&mut self, event: &Event, said: &mut Vec<Said>);

    /// What a line says that holds no event; a CLI may write a log of its own among its events.
    fn plain(&mut self, line: &str, said: &mut Vec<Said>) {
        said.push(Said::Plain(line.to_owned()));
    }
}

/// A fresh narrator for the output of a built-in CLI.
pub fn narrator(cli: Cli) -> Box<dyn Narrator> {
    match cli {
        Cli::Antigravity => Box::new(antigravity::Narrator::default()),
        Cli::Claude => Box::new(claude::Narrator::default()),
        Cli::Codex => Box::new(codex::Narrator::default()),
        Cli::Gemini => Box::new(gemini::Narrator),
        Cli::Opencode => Box::new(opencode::Narrator::default()),
    }
}

/// What one line says. Of a broken line the events in it, and what stands around them as plain text.
pub fn line(narrator: &mut dyn Narrator, line: &str) -> Vec<Said> {
    let mut said = Vec::new();
    if let Some(event) = json::object::<Event>(line) {
        if narrator.knows(&event) {
            narrator.event(&event, &mut said);
        } else {
            narrator.plain(line, &mut said);
        }
        return said;
    }
    let mut events = Vec::new();
    json::objects_within(
        line,
        |event: &Event| narrator.knows(event),
        |event, source| {
            let from = source.as_ptr() as usize - line.as_ptr() as usize;
            events.push((event, from, from + source.len()));
        },
    );
    let mut shown = 0;
    let found = !events.is_empty();
    for (event, from, to) in events {
        around(narrator, &line[shown..from], &mut said);
        narrator.event(&event, &mut said);
        shown = to;
    }
    if found {
        around(narrator, &line[shown..], &mut said);
    } else {
        narrator.plain(line, &mut said);
    }
    said
}

fn around(narrator: &mut dyn Narrator, text: &str, said: &mut Vec<Said>) {
    if !text.trim().is_empty() {
        narrator.plain(text, said);
    }
}

/// The text of a field; `None` if it is none, or blank.
pub(super) fn text<'a>(event: &'a Event, key: &str) -> Option<&'a str> {
    event.get(key)?.as_str().filter(|text| !text.trim().is_empty())
}

/// The object of a field.
pub(super) fn object<'a>(event: &'a Event, key: &str) -> Option<&'a Event> {
    event.get(key)?.as_object()
}

/// The objects of a list.
pub(super) fn objects<'a>(event: &'a Event, key: &str) -> impl Iterator<Item = &'a Event> {
    event.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

/// A number of milliseconds, or of seconds with a `scale` of 1000.
pub(super) fn duration(event: &Event, key: &str, scale: f64) -> Option<Duration> {
    let millis = event.get(key)?.as_f64()? * scale;
    Duration::try_from_secs_f64(millis / 1000.0).ok()
}

/// A typed reading of a field.
pub(super) fn read<T: serde::de::DeserializeOwned>(event: &Event, key: &str) -> Option<T> {
    serde_json::from_value(event.get(key)?.clone()).ok()
}

/// `Session 078dd733, model claude-opus-5-5`.
pub(super) fn session(id: Option<&str>, model: Option<&str>) -> Said {
    let parts = [id.map(|id| format!("session {id}")), model.map(|model| format!("model {model}"))];
    Said::Note(parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

/// The use of a tool.
pub(super) fn tool(name: Option<&str>, input: Option<&Value>) -> Said {
    Said::Tool {
        name: name.unwrap_or("a tool").to_owned(),
        detail: text::ellipsis(&input.map(telling).unwrap_or_default(), DETAIL_LIMIT),
    }
}

/// The most telling of a tool's input, on one line.
fn telling(input: &Value) -> String {
    // In this order: what is run, where it looks and for what, what is fetched, what is wanted.
    const KEYS: [&str; 20] = [
        "command",
        "cmd",
        "CommandLine",
        "pattern",
        "query",
        "Query",
        "url",
        "Url",
        "uri",
        "file_path",
        "filePath",
        "absolute_path",
        "AbsolutePath",
        "TargetFile",
        "path",
        "dir_path",
        "DirectoryPath",
        "description",
        "prompt",
        "name",
    ];
    // Beside a pattern: where.
    const WHERE: [&str; 4] = ["path", "dir_path", "include", "glob"];
    let Some(fields) = input.as_object() else {
        return text::one_line(&shown(input));
    };
    let Some((key, value)) = KEYS.iter().find_map(|key| Some((*key, fields.get(*key)?))) else {
        return if fields.is_empty() { String::new() } else { text::one_line(&input.to_string()) };
    };
    let mut told = text::one_line(&shown(value));
    if key == "pattern"
        && let Some(place) = WHERE.iter().find_map(|key| text(fields, key))
    {
        told = format!("{told} in {}", text::one_line(place));
    }
    told
}

/// A text as it is, words with spaces between them, anything else as JSON.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(words) => words.iter().map(shown).collect::<Vec<_>>().join(" "),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

/// The text of a content that may be a text, or a list of blocks with texts.
pub(super) fn content(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(blocks)) => {
            let texts = blocks.iter().filter_map(|block| block.get("text").and_then(Value::as_str));
            texts.collect::<Vec<_>>().join("\n")
        }
        Some(Value::Object(fields)) => content(fields.get("content")),
        Some(Value::Null | Value::Bool(_) | Value::Number(_)) | None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_most_telling_input_is_told() {
        for (input, expected) in [
            (json!({"description": "run", "command": "cargo test\n  --lib"}), "cargo test --lib"),
            (json!({"command": ["bash", "-c", "make"]}), "bash -c make"),
            (json!({"pattern": "fn main", "path": "src"}), "fn main in src"),
            (json!({"file_path": "/w/a.rs", "content": "x"}), "/w/a.rs"),
            (json!({"url": "https://example.org", "prompt": "read"}), "https://example.org"),
            (json!({"todos": [1]}), r#"{"todos":[1]}"#),
            (json!({}), ""),
            (json!(null), ""),
            (json!("free words"), "free words"),
        ] {
            assert_eq!(telling(&input), expected);
        }
        let Said::Tool { detail, .. } = tool(None, Some(&json!({"command": "x".repeat(5000)}))) else {
            panic!()
        };
        assert_eq!(detail.chars().count(), DETAIL_LIMIT);
    }
}
