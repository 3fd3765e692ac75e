//! Gemini CLI: events on standard output, words and stacks on standard error.

use rally::executor::{Gemini, Stream};
use rally::model::Category;
use rally::relay::life::Stop;
use serde_json::{Value, json};

use super::{Transcript, bait, spec};

const AT: &str = "2026-11-22T19:42:46.306Z";

pub fn gemini(name: &str) -> Transcript {
    Transcript::new(Box::new(Gemini::new(spec("gemini"))), name)
}

pub fn init() -> Value {
    json!({"type": "init", "timestamp": AT, "session_id": "e515ee55-b954-40b3-bfb0-a9ed6e079733", "model": "auto"})
}

pub fn said(text: &str) -> Value {
    json!({"type": "message", "timestamp": AT, "role": "assistant", "content": text, "delta": true})
}

/// A tool's use and its result.
pub fn tool(output: &str, status: &str) -> [Value; 2] {
    [
        json!({"type": "tool_use", "timestamp": AT, "tool_name": "run_shell_command", "tool_id": "t", "parameters": {"command": output}}),
        json!({"type": "tool_result", "timestamp": AT, "tool_id": "t", "status": status, "output": output,
               "error": {"type": "shell_execute_error", "message": output}}),
    ]
}

pub fn success() -> Value {
    json!({"type": "result", "timestamp": AT, "status": "success", "stats": {"total_tokens": 3870, "tool_calls": 1}})
}

pub fn refused(message: &str) -> Value {
    json!({"type": "result", "timestamp": AT, "status": "error", "error": {"type": "unknown", "message": message}})
}

fn remark(severity: &str, message: &str) -> Value {
    json!({"type": "error", "timestamp": AT, "severity": severity, "message": message})
}

pub fn work() -> Vec<Value> {
    let [called, result] = tool(bait::DIFF, "success");
    vec![init(), said("I will look at the rate limit code."), called, result]
}

pub fn transcripts() -> Vec<Transcript> {
    use Category::{AgentError, HarnessLaunch, UnidentifiedIssue};
    vec![
        gemini("edits rate-limit code and completes").out(&work()).out(&[said("Done."), success()]),
        gemini("its last words quote a banner").out(&work()).out(&[said(bait::BANNER), success()]),
        gemini("edits rate-limit code and ends with 1").out(&work()).exits(1).fails(UnidentifiedIssue),
        gemini("edits rate-limit code and is killed").out(&work()).killed(9).fails(UnidentifiedIssue),
        gemini("reads a log with events of its own kind, and is killed")
            .out(&[init()])
            .out(&tool(bait::EVENTS, "success"))
            .killed(9)
            .fails(UnidentifiedIssue),
        gemini("such a log in a broken event, and the work is completed")
            .out(&[init()])
            .out(&[tool("@@", "success")[1].to_string().replace("@@", &format!("log:\n{}end", bait::EVENTS))])
            .out(&[said("Read."), success()]),
        gemini("a diff in a broken event")
            .out(&[init()])
            .out(&[tool("@@", "success")[1].to_string().replace("@@", bait::DIFF)])
            .exits(1)
            .fails(UnidentifiedIssue),
        gemini("a tool's error on standard error, over many lines")
            .out(&work())
            .err(&["Error executing tool run_shell_command: HTTP 429", "usage limit reached", "RESOURCE_EXHAUSTED"])
            .exits(1)
            .fails(UnidentifiedIssue),
        gemini("a tool that failed for good")
            .out(&work())
            .out(&[refused("Error executing tool run_shell_command: 429 Too Many Requests, quota exceeded")])
            .exits(54)
            .fails(AgentError),
        gemini("a hook that stopped it and speaks of limits")
            .out(&work())
            .out(&[remark("error", "Agent execution stopped: quota exceeded in tests/limits.rs"), refused("")])
            .exits(1)
            .fails(AgentError),
        gemini("it went round in circles")
            .out(&work())
            .out(&[remark("warning", "Loop detected, stopping execution"), success()])
            .fails(AgentError),
        gemini("retries that recovered, and a crash later")
            .out(&[init()])
            .err(&[
                "Attempt 1 failed with status 429. Retrying with backoff... ApiError: {\"error\":{\"code\":429,\"message\":\"Resource has been exhausted\",\"status\":\"RESOURCE_EXHAUSTED\"}}",
                "    at throwErrorIfNotOK (file:///bundle/gemini.js:1:1)",
                "  status: 429",
                "}",
            ])
            .out(&[said("On.")])
            .err(&["FATAL ERROR: v8::ToLocalChecked Empty MaybeLocal"])
            .killed(6)
            .fails(UnidentifiedIssue),
        gemini("noise of the CLI itself")
            .err(&[
                "(node:7) [DEP0040] DeprecationWarning: The `punycode` module is deprecated.",
                "YOLO mode is enabled. All tool calls will be automatically approved.",
                "Error during discovery for MCP server 'github': connect ECONNREFUSED 127.0.0.1:3000",
                "[MCP error] Error discovering tools from server 'jira': 401 UNAUTHENTICATED",
                "MCP server 'search' said: Too many requests, quota exceeded",
            ])
            .out(&work())
            .exits(1)
            .fails(UnidentifiedIssue),
        gemini("limits in the fields of an error that nobody names")
            .out(&work())
            .err(&["An unexpected critical error occurred:", "  rateLimit: 'usage limit reached'", "}"])
            .exits(1)
            .fails(UnidentifiedIssue),
        gemini("arguments that it does not know")
            .err(&["Unknown argument: rate-limit", "Usage: gemini [options]", "  --quota  quota exceeded"])
            .exits(1)
            .fails(HarnessLaunch),
        gemini("interrupted, with exit code 0").out(&work()).fails(UnidentifiedIssue),
        gemini("killed by us while it worked on limits").out(&work()).stopped(Stop::TryTimeout).times_out(),
        gemini("limits in letters that are none")
            .out(&[init()])
            .bytes(Stream::Stdout, b"{\"type\":\"tool_result\",\"timestamp\":\"2026-11-22T19:42:46.577Z\",\"output\":\"RESOURCE_EXHAUSTED \xff\"}\n".to_vec())
            .exits(1)
            .fails(UnidentifiedIssue),
    ]
}
