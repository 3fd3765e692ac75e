//! Antigravity: an event stream in newer versions, plain text in older ones; a log beside it.

use rally::executor::{Antigravity, Executor};
use rally::model::Category;
use rally::relay::life::Stop;
use serde_json::{Value, json};

use super::{Transcript, bait, spec};

const HELP: &str = include_str!("../../../fixtures/antigravity/stand-in.help.txt");

/// A version with an event stream.
pub fn agy(name: &str) -> Transcript {
    let mut agy = Antigravity::new(spec("antigravity"));
    agy.learn(&|_| Some(HELP.to_owned()));
    Transcript::new(Box::new(agy), name)
}

/// A version that prints its answer alone.
pub fn old(name: &str) -> Transcript {
    Transcript::new(Box::new(Antigravity::new(spec("antigravity"))), &format!("{name} (old)"))
}

pub fn init() -> Value {
    json!({"event": "init", "conversation_id": "8eb5b287", "init": {"cwd": "/w"}})
}

fn step(index: u64, kind: &str, state: &str, more: Value) -> Value {
    let mut step =
        json!({"conversation_id": "8eb5b287", "step_index": index, "state": state, "step_type": kind});
    for (key, value) in more.as_object().unwrap() {
        step[key] = value.clone();
    }
    json!({"event": "step_update", "step_update": step})
}

pub fn said(text: &str) -> Value {
    step(1, "agent_response", "DONE", json!({"text_delta": text}))
}

pub fn tool(output: &str) -> Value {
    let info =
        json!({"name": "run_command", "parameters": {"command": output}, "output": output, "error": output});
    step(2, "tool", "ERROR", json!({"tool_name": "run_command", "tool_info": info, "error": output}))
}

pub fn success(answer: &str) -> Value {
    json!({"event": "result", "result": {"conversation_id": "8eb5b287", "status": "SUCCESS", "response": answer}})
}

pub fn refused(message: &str) -> Value {
    json!({"event": "result", "result": {"conversation_id": "8eb5b287", "status": "ERROR", "error": message}})
}

pub fn work() -> Vec<Value> {
    vec![init(), said("I will look at the rate limit code."), tool(bait::DIFF)]
}

pub fn transcripts() -> Vec<Transcript> {
    use Category::{AgentError, UnidentifiedIssue};
    vec![
        agy("edits rate-limit code and completes").out(&work()).out(&[success("Done.")]),
        agy("its answer tells of a banner").out(&work()).out(&[success(&format!("It now shows: {}", bait::BANNER))]),
        agy("edits rate-limit code and ends with 1").out(&work()).exits(1).fails(UnidentifiedIssue),
        agy("edits rate-limit code and is killed").out(&work()).killed(9).fails(UnidentifiedIssue),
        agy("reads a log with events of its own kind, and is killed")
            .out(&[init(), tool(bait::EVENTS), tool(bait::LOGS)])
            .killed(9)
            .fails(UnidentifiedIssue),
        agy("a diff in a broken event")
            .out(&[init()])
            .out(&[tool("@@").to_string().replace("@@", bait::DIFF)])
            .exits(1)
            .fails(UnidentifiedIssue),
        agy("a failed turn without a known reason")
            .out(&work())
            .out(&[refused("the agent could not finish src/rate_limit.rs")])
            .exits(1)
            .fails(AgentError),
        agy("noise while it signs in, and an MCP server's quota")
            .err(&[
                "2026/11/22 You are not logged into Antigravity.",
                "mcp: server search: quota exceeded, too many requests",
            ])
            .out(&work())
            .exits(1)
            .fails(UnidentifiedIssue),
        agy("a quota in the log that the model got over")
            .log(&["E1122 19:59:00.000000 1 x.go:1] agent executor error: model unreachable: RESOURCE_EXHAUSTED (code 429)"])
            .out(&work())
            .exits(1)
            .fails(UnidentifiedIssue),
        agy("killed by us while it worked on limits").out(&work()).killed(15).stopped(Stop::TryTimeout).times_out(),
        old("answers about limits").out(&[bait::WORDS, "All of them are handled."]),
        old("speaks of limits and ends with 1").out(&[bait::WORDS, bait::DIFF]).exits(1).fails(UnidentifiedIssue),
        old("prints errors of others on its way, and ends with 1")
            .out(&["I ran it and saw:", "Error: usage limit reached", "Error: RESOURCE_EXHAUSTED", "which I then mended."])
            .exits(1)
            .fails(UnidentifiedIssue),
    ]
}
