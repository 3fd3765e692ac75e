//! Codex: events on standard output, its log on standard error.

use rally::executor::{Codex, Stream};
use rally::model::Category;
use rally::relay::life::Stop;
use serde_json::{Value, json};

use super::{Transcript, bait, spec};

pub fn codex(name: &str) -> Transcript {
    Transcript::new(Box::new(Codex::new(spec("codex"))), name)
}

pub fn begin() -> [Value; 2] {
    [
        json!({"type": "thread.started", "thread_id": "01a204c7-8a5b-7fd3-a6fd-2fef9fe7b9bf"}),
        json!({"type": "turn.started"}),
    ]
}

fn item(kind: &str, item: Value) -> Value {
    json!({"type": kind, "item": item})
}

fn command(output: &str, status: &str, code: Option<i32>) -> Value {
    json!({"id": "item_1", "type": "command_execution", "command": "bash -lc 'cargo test'",
           "aggregated_output": output, "exit_code": code, "status": status})
}

/// A command and its output.
pub fn tool(output: &str) -> [Value; 2] {
    [
        item("item.started", command("", "in_progress", None)),
        item("item.completed", command(output, "completed", Some(0))),
    ]
}

pub fn said(text: &str) -> Value {
    item("item.completed", json!({"id": "item_2", "type": "agent_message", "text": text}))
}

pub fn completed() -> Value {
    json!({"type": "turn.completed", "usage": {"input_tokens": 2468, "output_tokens": 112}})
}

pub fn error(message: &str) -> Value {
    json!({"type": "error", "message": message})
}

pub fn failed(message: &str) -> Value {
    json!({"type": "turn.failed", "error": {"message": message}})
}

pub fn work() -> Vec<Value> {
    let [thread, turn] = begin();
    let [started, over] = tool(bait::DIFF);
    vec![thread, turn, said("I will look at the rate limit code."), started, over]
}

/// An event with this output in it, with its line ends as they are.
fn broken(output: &str) -> String {
    tool("@@")[1].to_string().replace("@@", output)
}

pub fn transcripts() -> Vec<Transcript> {
    use Category::{AgentError, HarnessLaunch, UnidentifiedIssue};
    vec![
        codex("edits rate-limit code and completes").out(&work()).out(&[said("Done."), completed()]),
        codex("its last message quotes a banner").out(&work()).out(&[said(bait::BANNER), completed()]),
        codex("its last message begins like a marker and an error")
            .out(&work())
            .out(&[said(bait::BEGINNINGS), completed()]),
        codex("edits rate-limit code and ends with 1").out(&work()).exits(1).fails(UnidentifiedIssue),
        codex("edits rate-limit code and is killed").out(&work()).killed(9).fails(UnidentifiedIssue),
        codex("fails tests that are named after limits")
            .out(&begin())
            .out(&[item("item.completed", command(bait::NEXTEST, "failed", Some(100)))])
            .exits(1)
            .fails(UnidentifiedIssue),
        codex("reasons about limits and is killed")
            .out(&begin())
            .out(&[item("item.completed", json!({"id": "item_3", "type": "reasoning", "text": bait::WORDS}))])
            .killed(15)
            .fails(UnidentifiedIssue),
        codex("a warning of its own that names limits")
            .out(&begin())
            .out(&[item("item.completed", json!({"id": "item_0", "type": "error",
                "message": "Model metadata for `rate-limit-1` not found. Rate limit windows are unknown."}))])
            .exits(1)
            .fails(UnidentifiedIssue),
        codex("reads a log with events of its own kind")
            .out(&begin())
            .out(&tool(bait::EVENTS))
            .out(&[said("Read."), completed()]),
        codex("reads such a log and is killed").out(&begin()).out(&tool(bait::EVENTS)).killed(9).fails(UnidentifiedIssue),
        codex("such a log in a broken event, and the work goes on and crashes")
            .out(&begin())
            .out(&[broken(&format!("log:\n{}end", bait::EVENTS))])
            .out(&tool("ok"))
            .killed(11)
            .fails(UnidentifiedIssue),
        codex("such a log in a broken event, and the work is completed")
            .out(&begin())
            .out(&[broken(&format!("log:\n{}end", bait::EVENTS))])
            .out(&[said("Read."), completed()]),
        codex("a diff in a broken event").out(&begin()).out(&[broken(bait::DIFF)]).exits(1).fails(UnidentifiedIssue),
        codex("retries that recovered, and a crash later")
            .out(&begin())
            .out(&[error("Reconnecting... 1/5 (unexpected status 429 Too Many Requests: slow down)")])
            .out(&tool("ok"))
            .killed(11)
            .fails(UnidentifiedIssue),
        codex("an error that the turn got over, and an end without a word")
            .out(&begin())
            .out(&[error("stream error: HTTP 529")])
            .out(&tool("ok"))
            .exits(1)
            .fails(UnidentifiedIssue),
        codex("a tool that ended the turn, and what it was about")
            .out(&work())
            .out(&[failed("Fatal error: apply_patch failed in src/rate_limit.rs: `429 Too Many Requests` not found")])
            .exits(1)
            .fails(AgentError),
        codex("a request refused for its form, which names a tool after limits")
            .out(&work())
            .out(&[failed("unexpected status 400 Bad Request: Invalid 'tools[3].name': 'rate_limit_check', url: http://h/v1")])
            .exits(1)
            .fails(AgentError),
        codex("an MCP server that did not start, told as an error")
            .out(&begin())
            .out(&[error("MCP client for `github` failed to start: error sending request: 401 Unauthorized")])
            .killed(9)
            .fails(UnidentifiedIssue),
        codex("its log on standard error quotes a tool")
            .out(&work())
            .err(&[
                "2026-11-22T20:00:00.000000Z ERROR codex_core::tools: error=exec_command failed: 429 Too Many Requests",
                "usage limit reached, resets in 3h",
                "2026-11-22T20:00:01.000000Z WARN codex_rmcp_client: MCP server stderr: rate limit exceeded",
            ])
            .exits(1)
            .fails(UnidentifiedIssue),
        codex("words on standard error before it began")
            .err(&["Reading additional input from stdin...", "WARNING: rate limit of the update check reached"])
            .exits(1)
            .fails(UnidentifiedIssue),
        codex("arguments that it does not know")
            .err(&["error: unexpected argument '--rate-limit' found", "Usage: codex exec [OPTIONS] [PROMPT]"])
            .exits(2)
            .fails(HarnessLaunch),
        codex("killed by us while it worked on limits").out(&work()).killed(15).stopped(Stop::TryTimeout).times_out(),
        codex("a line of five megabytes full of limits")
            .out(&begin())
            .out(&tool(&bait::WORDS.repeat((5 << 20) / bait::WORDS.len())))
            .exits(1)
            .fails(UnidentifiedIssue),
        codex("glued events, the last of them completes")
            .out(&begin())
            .out(&[format!("{}{}{}", tool(bait::WORDS)[1], said(bait::BANNER), completed())]),
        codex("a message that is no UTF-8")
            .out(&begin())
            .bytes(Stream::Stdout, b"{\"type\":\"item.completed\",\"item\":{\"id\":\"item_2\",\"type\":\"agent_message\",\"text\":\"usage limit \xff\xfe\"}}\n".to_vec())
            .exits(1)
            .fails(UnidentifiedIssue),
    ]
}
