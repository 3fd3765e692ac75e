//! opencode: events on standard output, its log on standard error.

use rally::executor::{Opencode, Stream};
use rally::model::Category;
use rally::relay::life::Stop;
use serde_json::{Value, json};

use super::{Transcript, bait, spec};

pub const SESSION: &str = "ses_df82aa2e5ffehnBRcq5XtMzqUB";

pub fn opencode(name: &str) -> Transcript {
    Transcript::new(Box::new(Opencode::new(spec("opencode"))), name)
}

fn event(kind: &str, part: Value) -> Value {
    json!({"type": kind, "timestamp": 1_795_427_757_495_u64, "sessionID": SESSION, "part": part})
}

pub fn begin() -> Value {
    event("step_start", json!({"type": "step-start"}))
}

pub fn said(text: &str) -> Value {
    event("text", json!({"type": "text", "text": text}))
}

pub fn tool(output: &str) -> Value {
    let state = json!({"status": "completed", "input": {"command": output}, "output": output, "metadata": {"output": output}});
    event("tool_use", json!({"type": "tool", "tool": "bash", "callID": "c", "state": state}))
}

pub fn finish(reason: &str) -> Value {
    event("step_finish", json!({"type": "step-finish", "reason": reason, "cost": 0}))
}

pub fn error(name: &str, data: Value) -> Value {
    let mut error = event("error", Value::Null);
    error["error"] = json!({"name": name, "data": data});
    error
}

/// The same event of another session.
fn of_another(mut event: Value) -> Value {
    event["sessionID"] = "ses_other".into();
    event
}

pub fn work() -> Vec<Value> {
    vec![
        begin(),
        said("I will look at the rate limit code."),
        tool(bait::DIFF),
        finish("tool-calls"),
        begin(),
    ]
}

/// A line of the log.
pub fn logged(level: &str, rest: &str) -> String {
    format!("timestamp=2026-11-22T20:00:00.000Z level={level} run=r1 {rest} session.id={SESSION}")
}

pub fn transcripts() -> Vec<Transcript> {
    use Category::{AgentError, UnidentifiedIssue};
    let recovered = logged(
        "ERROR",
        "message=\"stream error\" agent=build error.error=\"AI_APICallError: Rate limit reached\"",
    );
    let on = logged("INFO", "message=loop step=1");
    let mcp = logged(
        "ERROR",
        "message=\"mcp tool failed\" error=\"Error: 429 Too Many Requests, rate limit exceeded\"",
    );
    let bash = logged(
        "ERROR",
        "message=\"tool execution failed\" error=\"Error: usage limit reached, connection refused\"",
    );
    let title = logged(
        "ERROR",
        "message=\"stream error\" small=true agent=title error.error=\"AI_APICallError: Rate limit reached\"",
    );
    let asked = logged("INFO", "message=evaluated permission=bash pattern=\"echo usage limit reached\"");
    vec![
        opencode("edits rate-limit code and completes").out(&work()).out(&[said("Done."), finish("stop")]),
        opencode("its last words quote a banner").out(&work()).out(&[said(bait::BANNER), finish("stop")]),
        opencode("edits rate-limit code and ends with 1").out(&work()).exits(1).fails(UnidentifiedIssue),
        opencode("edits rate-limit code and is killed").out(&work()).killed(9).fails(UnidentifiedIssue),
        opencode("reads a log with events of its own kind, and is killed")
            .out(&[begin(), tool(bait::EVENTS)])
            .killed(9)
            .fails(UnidentifiedIssue),
        opencode("such a log in a broken event")
            .out(&[begin()])
            .out(&[tool("@@").to_string().replace("@@", &format!("log:\n{}end", bait::EVENTS))])
            .exits(1)
            .fails(UnidentifiedIssue),
        opencode("an event of another session, in a line of its own")
            .out(&[begin(), said("Starting a second one.")])
            .out(&[of_another(error("APIError", json!({"message": "Usage limit reached", "statusCode": 429})))])
            .exits(1)
            .fails(UnidentifiedIssue),
        opencode("another session ends its turn, ours is killed")
            .out(&[begin(), said("Starting a second one.")])
            .out(&[of_another(finish("stop"))])
            .killed(9)
            .fails(UnidentifiedIssue),
        opencode("a diff in a broken event")
            .out(&[begin()])
            .out(&[tool("@@").to_string().replace("@@", bait::DIFF)])
            .exits(1)
            .fails(UnidentifiedIssue),
        opencode("a request that recovered, and a crash later")
            .out(&work())
            .err(&[&recovered, &on])
            .out(&[tool("ok")])
            .killed(11)
            .fails(UnidentifiedIssue),
        opencode("an error event that recovered, and a crash later")
            .out(&[begin(), error("APIError", json!({"message": "Overloaded", "statusCode": 529})), begin(), tool("ok"), finish("tool-calls")])
            .killed(11)
            .fails(UnidentifiedIssue),
        opencode("its log tells of a tool that met limits").out(&work()).err(&[&mcp]).exits(1).fails(UnidentifiedIssue),
        opencode("its log tells of a command that met limits").out(&work()).err(&[&bash]).exits(1).fails(UnidentifiedIssue),
        opencode("only the title was refused").out(&work()).err(&[&title]).exits(1).fails(UnidentifiedIssue),
        opencode("it asks to run a command that speaks of limits").out(&work()).err(&[&asked]).exits(1).fails(UnidentifiedIssue),
        opencode("noise on standard error")
            .err(&[
                "(node:7) [DEP0040] DeprecationWarning: The `punycode` module is deprecated.",
                "MCP server search: connection refused, rate limit exceeded",
                "npm error 429 Too Many Requests - GET https://registry.npmjs.org/@acme/plugin",
            ])
            .out(&work())
            .exits(1)
            .fails(UnidentifiedIssue),
        opencode("an error of its own while it patched limits")
            .out(&work())
            .out(&[error("UnknownError", json!({"message": "Agent runtime crashed while applying patch."}))])
            .exits(1)
            .fails(AgentError),
        opencode("a request refused for its form, which names a tool after limits")
            .out(&work())
            .out(&[error("APIError", json!({"message": "Invalid 'tools[3].name': 'rate_limit_check'", "statusCode": 400}))])
            .exits(1)
            .fails(AgentError),
        opencode("a refused permission")
            .out(&work())
            .out(&[finish("tool-calls")])
            .err(&["! permission requested: bash (curl limits.example/usage); auto-rejecting"])
            .fails(AgentError),
        opencode("killed by us while it worked on limits").out(&work()).killed(15).stopped(Stop::RunTimeout).times_out(),
        opencode("limits in letters that are none")
            .out(&[begin()])
            .bytes(Stream::Stdout, b"{\"type\":\"text\",\"sessionID\":\"ses_df82aa2e5ffehnBRcq5XtMzqUB\",\"part\":{\"type\":\"text\",\"text\":\"usage limit \xff\"}}\n".to_vec())
            .exits(1)
            .fails(UnidentifiedIssue),
    ]
}
