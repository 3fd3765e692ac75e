//! Codex's stream, told to a person.

use std::collections::BTreeSet;

use serde_json::Value;

use super::event::Tokens;
use crate::executor::said::{self, End, Event, Said, content, object, objects, read, text};

/// Items under way that are remembered. More are never open at once.
const MOST_OPEN: usize = 1000;

/// See [`said::Narrator`].
#[derive(Debug, Default)]
pub struct Narrator {
    /// Tools that were told when they began.
    open: BTreeSet<String>,
}

impl said::Narrator for Narrator {
    fn knows(&self, event: &Event) -> bool {
        const KINDS: [&str; 4] = ["thread.", "turn.", "item.", "error"];
        text(event, "type").is_some_and(|kind| KINDS.iter().any(|known| kind.starts_with(known)))
    }

    fn event(&mut self, event: &Event, said: &mut Vec<Said>) {
        match text(event, "type") {
            Some("thread.started") => said.push(said::session(text(event, "thread_id"), None)),
            Some("item.started") => {
                if let Some(item) = object(event, "item") {
                    self.started(item, said);
                }
            }
            Some("item.completed") => {
                if let Some(item) = object(event, "item") {
                    self.completed(item, said);
                }
            }
            Some("error") => said.extend(text(event, "message").map(|text| Said::Problem(text.to_owned()))),
            Some("turn.completed") => said.push(Said::End(End {
                ok: true,
                usage: read::<Tokens>(event, "usage").map(|tokens| tokens.usage()),
                ..End::default()
            })),
            Some("turn.failed") => {
                let message = object(event, "error").and_then(|error| text(error, "message"));
                said.push(Said::End(End { message: message.map(str::to_owned), ..End::default() }));
            }
            _ => {}
        }
    }
}

impl Narrator {
    fn started(&mut self, item: &Event, said: &mut Vec<Said>) {
        if let Some(tool) = tool(item) {
            said.push(tool);
            if let (Some(id), true) = (text(item, "id"), self.open.len() < MOST_OPEN) {
                self.open.insert(id.to_owned());
            }
        }
    }

    fn completed(&mut self, item: &Event, said: &mut Vec<Said>) {
        match text(item, "type") {
            Some("agent_message") => said.extend(text(item, "text").map(|text| Said::Text(text.to_owned()))),
            Some("reasoning") => said.extend(text(item, "text").map(|text| Said::Thought(text.to_owned()))),
            Some("error") => said.extend(text(item, "message").map(|text| Said::Problem(text.to_owned()))),
            Some("todo_list") => said.push(Said::Note(plan(item))),
            _ => {
                let Some(tool) = tool(item) else { return };
                if !text(item, "id").is_some_and(|id| self.open.remove(id)) {
                    said.push(tool);
                }
                said.push(answer(item));
            }
        }
    }
}

/// The tool whose use an item is.
fn tool(item: &Event) -> Option<Said> {
    let detail = |key| item.get(key).cloned().unwrap_or_default();
    Some(match text(item, "type")? {
        "command_execution" => {
            let command = text(item, "command").unwrap_or_default();
            said::tool(Some("Shell"), Some(&Value::from(without_shell(command))))
        }
        "file_change" => {
            let changes = objects(item, "changes").map(|change| {
                format!(
                    "{} {}",
                    text(change, "kind").unwrap_or("change"),
                    text(change, "path").unwrap_or("?")
                )
            });
            said::tool(Some("Edit"), Some(&Value::from(changes.collect::<Vec<_>>().join(", "))))
        }
        "web_search" => said::tool(Some("Search"), Some(&detail("query"))),
        "mcp_tool_call" => {
            let name = [text(item, "server"), text(item, "tool")];
            let name = name.into_iter().flatten().collect::<Vec<_>>().join(".");
            said::tool(Some(&name), Some(&detail("arguments")))
        }
        "collab_tool_call" => said::tool(text(item, "tool"), Some(&detail("prompt"))),
        _ => return None,
    })
}

/// The command that a shell is given: `/bin/bash -lc "make"` runs `make`.
fn without_shell(command: &str) -> &str {
    let inner = command.split_once("sh -lc ").map_or(command, |(_, inner)| inner);
    ['"', '\''].iter().find_map(|quote| inner.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(inner)
}

fn answer(item: &Event) -> Said {
    let error = object(item, "error").and_then(|error| text(error, "message"));
    let code = item.get("exit_code").and_then(Value::as_i64);
    let failed =
        text(item, "status") == Some("failed") || error.is_some() || code.is_some_and(|code| code != 0);
    let mut output = error.or(text(item, "aggregated_output")).map(str::to_owned);
    output = output.or_else(|| Some(content(item.get("result"))).filter(|text| !text.is_empty()));
    let output = output.unwrap_or_else(|| match code {
        Some(code) if failed => format!("exit code {code}"),
        _ => String::new(),
    });
    Said::ToolOutput { text: output, failed }
}

/// `plan: ✓ look, write, test`.
fn plan(item: &Event) -> String {
    let steps = objects(item, "items").map(|step| {
        let done = step.get("completed").and_then(Value::as_bool) == Some(true);
        format!("{}{}", if done { "✓ " } else { "" }, text(step, "text").unwrap_or("?"))
    });
    format!("plan: {}", steps.collect::<Vec<_>>().join(", "))
}
