//! Claude Code: both streams share one pipe.

use rally::executor::{Claude, Stream};
use rally::model::{Category, Evidence};
use rally::relay::life::Stop;
use serde_json::{Value, json};

use super::{Transcript, bait, spec};

const SESSION: &str = "92025d41-0000-4000-8000-000000000000";

pub fn claude(name: &str) -> Transcript {
    Transcript::new(Box::new(Claude::new(spec("claude"))), name)
}

fn event(mut event: Value) -> Value {
    event["session_id"] = SESSION.into();
    event
}

pub fn init() -> Value {
    event(json!({"type": "system", "subtype": "init", "cwd": "/w", "model": "claude-opus-5-5"}))
}

fn assistant(block: Value) -> Value {
    let message = json!({"role": "assistant", "content": [block]});
    event(json!({"type": "assistant", "message": message, "parent_tool_use_id": null}))
}

pub fn said(text: &str) -> Value {
    assistant(json!({"type": "text", "text": text}))
}

/// A tool's use and its result.
pub fn tool(input: &str, output: &str) -> [Value; 2] {
    [called(input), result_of_tool(output, false)]
}

fn called(input: &str) -> Value {
    assistant(json!({"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": input}}))
}

fn result_of_tool(output: &str, is_error: bool) -> Value {
    let block =
        json!({"type": "tool_result", "tool_use_id": "toolu_1", "content": output, "is_error": is_error});
    event(json!({"type": "user", "message": {"role": "user", "content": [block]}, "parent_tool_use_id": null,
                 "tool_use_result": {"stdout": output, "stderr": output}}))
}

pub fn done(answer: &str) -> Value {
    event(json!({"type": "result", "subtype": "success", "is_error": false, "result": answer,
                 "terminal_reason": "completed"}))
}

/// A request that failed, as the message that stands for it.
pub fn failed(error: &str, status: u16, text: &str) -> Value {
    let mut failed = said(text);
    failed["error"] = error.into();
    failed["api_error_status"] = status.into();
    failed
}

/// The end of a turn whose request failed.
pub fn refused(status: Option<u16>, text: &str) -> Value {
    event(json!({"type": "result", "subtype": "success", "is_error": true, "result": text,
                 "terminal_reason": "api_error", "api_error_status": status}))
}

pub fn retry(attempt: u32, error: &str, status: Option<u16>) -> Value {
    event(json!({"type": "system", "subtype": "api_retry", "attempt": attempt, "max_retries": 10,
                 "retry_delay_ms": 600, "error_status": status, "error": error}))
}

pub fn window(status: &str) -> Value {
    event(json!({"type": "rate_limit_event", "rate_limit_info":
                 {"status": status, "resetsAt": 1_795_385_132, "rateLimitType": "five_hour"}}))
}

/// The same event of a sub-agent.
fn of_sub_agent(mut event: Value) -> Value {
    event["parent_tool_use_id"] = "toolu_0".into();
    event
}

/// The work of an agent that edits code for limits.
pub fn work() -> Vec<Value> {
    let [called, result] = tool("cat src/rate_limit.rs", bait::DIFF);
    vec![init(), said("Let me look at the rate limit code."), called, result]
}

/// An event that holds this output, with its line ends as they are: no CLI should do that.
fn broken(output: &str) -> String {
    let marked = result_of_tool("@@", false).to_string();
    marked.replace("@@", output)
}

pub fn transcripts() -> Vec<Transcript> {
    use Category::{AgentError, HarnessLaunch, UnidentifiedIssue};
    vec![
        claude("edits rate-limit code and completes").out(&work()).out(&[done("Limits are handled.")]),
        claude("its last words quote a banner").out(&work()).out(&[done(bait::BANNER)]),
        claude("its last words are a banner of its own").out(&work()).out(&[done(bait::CLAUDE_BANNER)]),
        claude("its last words begin like a marker and an error").out(&[init(), done(bait::BEGINNINGS)]),
        claude("edits rate-limit code and ends with 1").out(&work()).exits(1).fails(UnidentifiedIssue),
        claude("edits rate-limit code and is killed").out(&work()).killed(9).fails(UnidentifiedIssue),
        claude("is killed within a tool that prints limits")
            .out(&work())
            .out(&[called(bait::WORDS)])
            .killed(15)
            .fails(UnidentifiedIssue),
        claude("a tool fails with another program's 429")
            .out(&work())
            .out(&[called("npm install"), result_of_tool(bait::NPM, true)])
            .out(&[done("npm is refused; I stopped.")]),
        claude("a turn too many after limits everywhere")
            .out(&work())
            .out(&[event(json!({"type": "result", "subtype": "error_max_turns", "is_error": true}))])
            .exits(1)
            .fails(AgentError),
        claude("an error of the CLI that quotes a tool")
            .out(&work())
            .out(&[event(json!({"type": "result", "subtype": "error_during_execution", "is_error": true,
                "errors": ["Error: MCP tool call failed: 429 Too Many Requests, rate limit exceeded"]}))])
            .exits(1)
            .fails(AgentError),
        claude("a request refused for its form, which names a tool after limits")
            .out(&work())
            .out(&[
                failed("unknown", 400, "API Error: 400 tools.3.name: `rate_limit_check` is no valid name"),
                refused(Some(400), "API Error: 400 tools.3.name: `rate_limit_check` is no valid name"),
            ])
            .exits(1)
            .fails(AgentError),
        claude("says itself that it is not done, because of limits")
            .out(&work())
            .out(&[event(json!({"type": "result", "subtype": "success", "is_error": false,
                "result": {"completed": false, "summary": "usage limit reached, resets in 3h"}}))])
            .fails(AgentError),
        claude("reads a log with events of its own kind")
            .out(&[init()])
            .out(&tool("cat log", bait::EVENTS))
            .out(&[done("Read.")]),
        claude("reads such a log and ends with 1")
            .out(&[init()])
            .out(&tool("cat log", bait::EVENTS))
            .exits(1)
            .fails(UnidentifiedIssue),
        claude("such a log in a broken event, in whole lines")
            .out(&[init(), called("cat log")])
            .out(&[broken(&format!("log:\n{}end", bait::EVENTS))])
            .exits(1)
            .fails(UnidentifiedIssue),
        claude("such a log in a broken event, then the work goes on")
            .out(&[init(), called("cat log")])
            .out(&[broken(&format!("log:\n{}end", bait::EVENTS))])
            .out(&[said("Read."), done("Read.")]),
        claude("a diff in a broken event")
            .out(&[init(), called("git diff")])
            .out(&[broken(bait::DIFF)])
            .exits(1)
            .fails(UnidentifiedIssue),
        claude("a broken event that never ends")
            .out(&[init()])
            .bytes(Stream::Stdout, &broken(&format!("{}\n{}", bait::DIFF, bait::WORDS)).as_bytes()[..800])
            .killed(9)
            .fails(UnidentifiedIssue),
        claude("events of another session, in lines of their own")
            .out(&[init(), said("Starting a second one.")])
            .out(&bait::EVENTS.lines().collect::<Vec<_>>())
            .exits(1)
            .fails(UnidentifiedIssue),
        claude("glued events of another session")
            .out(&[init(), said("Starting a second one.")])
            .out(&[format!("Warning: {}", bait::EVENTS.replace('\n', ""))])
            .exits(1)
            .fails(UnidentifiedIssue),
        claude("a window that is allowed")
            .out(&[init(), window("allowed"), said("Working.")])
            .exits(1)
            .fails(UnidentifiedIssue),
        claude("a window that is nearly used up")
            .out(&[init(), window("allowed_warning"), said("Working.")])
            .killed(9)
            .fails(UnidentifiedIssue),
        claude("a window that was rejected, and the model went on, on paid overage")
            .out(&[init(), window("rejected"), said("Working.")])
            .exits(1)
            .fails(UnidentifiedIssue),
        claude("a rejected window, and then an end for another reason")
            .out(&[
                init(),
                window("rejected"),
                said("Working."),
                event(json!({"type": "result", "subtype": "error_max_turns", "is_error": true})),
            ])
            .exits(1)
            .fails(AgentError),
        claude("retries that recovered, and a crash later")
            .out(&[init(), retry(1, "rate_limit", Some(429)), retry(2, "overloaded", Some(529)), said("On.")])
            .out(&tool("make", "ok"))
            .killed(11)
            .fails(UnidentifiedIssue),
        claude("a failed request that recovered, and a failed test run later")
            .out(&[init(), failed("rate_limit", 429, "API Error: 429"), said("On.")])
            .out(&tool("cargo nextest run", bait::NEXTEST))
            .exits(1)
            .fails(UnidentifiedIssue),
        claude("a sub-agent's failed request, and the agent goes on and crashes")
            .out(&[init(), called("Task")])
            .out(&[of_sub_agent(failed("rate_limit", 429, "API Error: 429 rate limit"))])
            .out(&[result_of_tool("the sub-agent failed: rate limit", true)])
            .killed(11)
            .fails(UnidentifiedIssue),
        claude("a sub-agent that retried, and the agent goes on and crashes")
            .out(&[init(), called("Task"), retry(1, "overloaded", Some(529))])
            .out(&[result_of_tool("the sub-agent gave up", true)])
            .exits(1)
            .fails(UnidentifiedIssue),
        claude("noise of the CLI itself")
            .err(&[
                "(node:7) [DEP0040] DeprecationWarning: The `punycode` module is deprecated.",
                "MCP server \"github\" connection failed: connect ECONNREFUSED, connection refused",
                "Warning: this version is no longer supported in 7 days; last update 5 hours ago",
            ])
            .out(&work())
            .exits(1)
            .fails(UnidentifiedIssue),
        claude("noise at the end: an MCP server that is refused its key and its rate")
            .out(&work())
            .err(&[
                "MCP server \"jira\": 401 Unauthorized: authentication failed, invalid api key",
                "[mcp:search] rate limit exceeded: 429 Too Many Requests",
                "npm error 429 Too Many Requests - GET https://registry.npmjs.org/@acme/mcp",
            ])
            .exits(1)
            .fails(UnidentifiedIssue),
        claude("noise at the end: a hook that failed, and a date")
            .out(&work())
            .err(&[
                "SessionEnd hook [./notify.sh] failed: curl: (7) connection refused",
                "Your plan renews in 7 days",
                "Weekly digest: 5 hours of work",
            ])
            .exits(1)
            .fails(UnidentifiedIssue),
        claude("words on its pipe before the work went on")
            .err(&["API Error: 529 Overloaded. Retrying.", "error: rate limit exceeded, retrying in 5s"])
            .out(&work())
            .exits(1)
            .fails(UnidentifiedIssue),
        claude("killed by us at the end of its time, it complains")
            .out(&work())
            .err(&["Error: read ECONNRESET: connection reset by peer", "request timed out"])
            .exits(143)
            .stopped(Stop::TryTimeout)
            .times_out(),
        claude("killed by us while it worked on limits")
            .out(&work())
            .killed(9)
            .stopped(Stop::RunTimeout)
            .times_out(),
        claude("an unknown option, after its help on limits")
            .err(&["error: unknown option '--rate-limit'"])
            .exits(1)
            .fails(HarnessLaunch),
        claude("a line of five megabytes full of limits")
            .out(&[init()])
            .out(&[result_of_tool(&bait::WORDS.repeat((5 << 20) / bait::WORDS.len()), false)])
            .out(&[said("That was long.")])
            .exits(1)
            .fails(UnidentifiedIssue),
        claude("limits in letters that are none")
            .out(&[init()])
            .bytes(Stream::Stdout, latin(&result_of_tool("\u{1}usage limit reached\u{1}", false)))
            .exits(1)
            .fails(UnidentifiedIssue),
    ]
}

/// The event with bytes in it that are no UTF-8.
fn latin(event: &Value) -> Vec<u8> {
    let mut bytes = event.to_string().replace("\\u0001", "\u{1}").into_bytes();
    for byte in &mut bytes {
        if *byte == 1 {
            *byte = 0xff;
        }
    }
    bytes.push(b'\n');
    bytes
}

/// What rally would stop a try with that retries for ever.
pub fn patience(category: Category) -> Stop {
    Stop::Retrying(Box::new(Evidence::new("stream", Some(category), "retry 9")))
}
