//! How each CLI delivers an error text: the shapes of its events and logs, as recordings show them.

use std::fs;
use std::path::Path;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use rally::executor::{
    Custom, CustomSpec, Executor, HarnessSpec, Report, Request, Stream, TailStream, built_in,
};
use rally::model::{self, Exit, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Row;

/// The session of every try here; claude's, codex's and Antigravity's are UUIDs.
const SESSION: &str = "01a204d0-d81a-7273-a09a-46133c28bce4";
const OPENCODE_SESSION: &str = "ses_dfb34849cffe1jyXr9AmrnyM5V";
const ANTIGRAVITY_HELP: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/antigravity/stand-in.help.txt"));

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cli {
    Antigravity,
    Claude,
    Codex,
    Custom,
    Gemini,
    Opencode,
}

impl Cli {
    pub const ALL: [Cli; 6] =
        [Cli::Antigravity, Cli::Claude, Cli::Codex, Cli::Custom, Cli::Gemini, Cli::Opencode];

    pub fn name(self) -> &'static str {
        match self {
            Cli::Antigravity => "antigravity",
            Cli::Claude => "claude",
            Cli::Codex => "codex",
            Cli::Custom => "custom",
            Cli::Gemini => "gemini",
            Cli::Opencode => "opencode",
        }
    }
}

/// What was said, and by whom.
pub struct Said {
    pub executor: Box<dyn Executor>,
    pub report: Report,
    pub workspace: TempDir,
    _home: TempDir,
}

/// What a CLI writes, and where.
#[derive(Default)]
struct Wire {
    pieces: Vec<(Stream, String)>,
}

impl Wire {
    fn line(&mut self, stream: Stream, line: impl AsRef<str>) {
        self.pieces.push((stream, format!("{}\n", line.as_ref())));
    }

    fn event(&mut self, event: &Value) {
        self.line(Stream::Stdout, event.to_string());
    }
}

/// Plays a row to the parser of its CLI.
pub fn play(cli: Cli, row: &Row, now: Timestamp) -> Said {
    let (home, workspace) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let executor = executor(cli, row, home.path());
    let mut wire = Wire::default();
    match row.carrier.as_str() {
        // A whole line of the stream, as it stands.
        "event" => {
            begin(cli, &mut wire);
            match serde_json::from_str::<Value>(&row.text) {
                // The events of another session would be none of this one's.
                Ok(mut event) if event.get("session_id").is_some() => {
                    event["session_id"] = json!(SESSION);
                    wire.event(&event);
                }
                _ => wire.line(Stream::Stdout, &row.text),
            }
        }
        "stdout" => wire.line(Stream::Stdout, &row.text),
        "stderr" => {
            wire.line(Stream::Stderr, &row.text);
            if cli == Cli::Antigravity && row.exit() == Exit::Code(0) {
                wire.event(&antigravity_result("SUCCESS", "", None));
            }
        }
        // Not a word.
        "exit" => {}
        // The CLI's own log of the session, and nothing elsewhere.
        "disk" => {
            begin(cli, &mut wire);
            disk(cli, row, now, home.path(), workspace.path());
        }
        _ => match cli {
            Cli::Claude => claude(row, &mut wire),
            Cli::Codex => codex(row, &mut wire),
            Cli::Gemini => gemini(row, &mut wire),
            Cli::Opencode => opencode(row, now, &mut wire),
            Cli::Antigravity => antigravity(row, now, &mut wire),
            Cli::Custom => panic!("{} is no carrier", row.carrier),
        },
    }
    let request = Request::new("do it", workspace.path(), home.path());
    let mut parser = executor.parser(&request);
    let mut events = Vec::new();
    for (stream, bytes) in &wire.pieces {
        parser.feed(*stream, bytes.as_bytes(), &mut events);
    }
    let report = parser.finish(Some(row.exit()), now);
    assert!(!report.completed, "{}: {:?} is no failure", cli.name(), row.text);
    Said { executor, report, workspace, _home: home }
}

fn executor(cli: Cli, row: &Row, home: &Path) -> Box<dyn Executor> {
    let spec = |program: &str, variable: &str| HarnessSpec {
        extra_env: vec![(variable.into(), home.to_str().unwrap().into())],
        ..HarnessSpec::plain(cli.name(), program)
    };
    match cli {
        Cli::Claude => built_in(model::Cli::Claude, spec("claude", "CLAUDE_CONFIG_DIR")),
        Cli::Codex => built_in(model::Cli::Codex, spec("codex", "CODEX_HOME")),
        Cli::Gemini => built_in(model::Cli::Gemini, spec("gemini", "HOME")),
        Cli::Opencode => built_in(model::Cli::Opencode, spec("opencode", "XDG_DATA_HOME")),
        Cli::Antigravity => {
            let mut executor = built_in(model::Cli::Antigravity, spec("agy", "HOME"));
            // The first versions had no stream of events.
            if row.carrier != "stdout" {
                executor.learn(&|_| Some(ANTIGRAVITY_HELP.to_owned()));
            }
            executor
        }
        Cli::Custom => Box::new(Custom::new(CustomSpec {
            name: "mine".into(),
            command: vec!["agent".into()],
            model_flag: None,
            output_lines: 40,
            tail_stream: TailStream::Combined,
            args: vec![],
            env: vec![],
        })),
    }
}

/// The first event of a session.
fn begin(cli: Cli, wire: &mut Wire) {
    match cli {
        Cli::Claude => wire.event(&json!({"type": "system", "subtype": "init", "session_id": SESSION})),
        Cli::Codex => {
            wire.event(&json!({"type": "thread.started", "thread_id": SESSION}));
            wire.event(&json!({"type": "turn.started"}));
        }
        Cli::Gemini => wire.event(&json!({"type": "init", "session_id": SESSION, "model": "auto"})),
        Cli::Opencode => wire.event(
            &json!({"type": "step_start", "sessionID": OPENCODE_SESSION, "part": {"type": "step-start"}}),
        ),
        Cli::Antigravity => wire.event(&json!({"event": "init", "conversation_id": SESSION, "init": {}})),
        Cli::Custom => {}
    }
}

/// `result`: a failed request, told as an answer and as the end; `errors`: what keeps a session from beginning.
fn claude(row: &Row, wire: &mut Wire) {
    begin(Cli::Claude, wire);
    let result = match row.carrier.as_str() {
        "result" => {
            let mut answer = json!({
                "type": "assistant", "session_id": SESSION,
                "message": {"content": [{"type": "text", "text": row.text}]},
            });
            if let Some(error) = &row.error {
                answer["error"] = json!(error);
            }
            wire.event(&answer);
            json!({
                "type": "result", "subtype": "success", "is_error": true, "session_id": SESSION,
                "api_error_status": row.status, "result": row.text,
            })
        }
        "errors" => json!({
            "type": "result", "subtype": "error_during_execution", "is_error": true, "session_id": SESSION,
            "errors": [row.text],
        }),
        other => panic!("{other} is no carrier of claude's"),
    };
    wire.event(&result);
}

/// `failed`: the turn failed.
fn codex(row: &Row, wire: &mut Wire) {
    assert_eq!(row.carrier, "failed");
    begin(Cli::Codex, wire);
    wire.event(&json!({"type": "error", "message": row.text}));
    wire.event(&json!({"type": "turn.failed", "error": {"message": row.text}}));
}

/// `result`: the run failed.
fn gemini(row: &Row, wire: &mut Wire) {
    assert_eq!(row.carrier, "result");
    begin(Cli::Gemini, wire);
    let error = json!({"type": "unknown", "message": row.text});
    wire.event(&json!({"type": "result", "status": "error", "error": error, "stats": {}}));
}

/// `error`: an event of the stream; `log`: a line of the log, which comes on standard error.
fn opencode(row: &Row, now: Timestamp, wire: &mut Wire) {
    match row.carrier.as_str() {
        "error" => {
            let mut data = json!({"message": row.text, "isRetryable": row.retryable});
            if let Some(status) = row.status {
                data["statusCode"] = json!(status);
            }
            if let Some(after) = &row.header {
                data["responseHeaders"] = json!({"retry-after": after});
            }
            if let Some(body) = &row.body {
                data["responseBody"] = json!(body);
            }
            let error = json!({"name": row.name, "data": data});
            wire.event(&json!({"type": "error", "sessionID": OPENCODE_SESSION, "error": error}));
        }
        "log" => {
            begin(Cli::Opencode, wire);
            wire.line(Stream::Stderr, opencode_log(row, now));
        }
        other => panic!("{other} is no carrier of opencode's"),
    }
}

fn opencode_log(row: &Row, now: Timestamp) -> String {
    format!(
        "timestamp={now:.3} level=ERROR run=ceb86af6 message=\"stream error\" providerID=mock modelID=m1 \
         session.id={OPENCODE_SESSION} small=false agent=build error.error={}",
        json!(row.text)
    )
}

fn antigravity_result(status: &str, response: &str, error: Option<&str>) -> Value {
    let mut result = json!({"conversation_id": SESSION, "status": status, "response": response, "usage": {}});
    if let Some(error) = error {
        result["error"] = json!(error);
    }
    json!({"event": "result", "result": result})
}

/// `result`: the turn failed; `log`: a line of the log that rally asked for; `denied`: a refusal, and an empty answer.
fn antigravity(row: &Row, now: Timestamp, wire: &mut Wire) {
    begin(Cli::Antigravity, wire);
    match row.carrier.as_str() {
        "result" => wire.event(&antigravity_result("ERROR", "", Some(&row.text))),
        "log" => wire.line(Stream::Log, glog(&row.text, now)),
        "denied" => {
            wire.line(Stream::Stderr, &row.text);
            wire.event(&antigravity_result("SUCCESS", "", None));
        }
        other => panic!("{other} is no carrier of Antigravity's"),
    }
}

fn glog(text: &str, now: Timestamp) -> String {
    let local = now.to_zoned(TimeZone::system());
    format!("E{} 1 main.go:7] {text}", local.strftime("%m%d %H:%M:%S%.6f"))
}

/// Writes what the CLI notes on disk when it has given up.
fn disk(cli: Cli, row: &Row, now: Timestamp, home: &Path, workspace: &Path) {
    let (path, line) = match cli {
        Cli::Claude => {
            let dashed = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
            let folder: String = workspace.to_str().unwrap().chars().map(dashed).collect();
            let line = json!({
                "type": "assistant", "timestamp": now, "isApiErrorMessage": true, "error": row.error,
                "apiErrorStatus": row.status, "message": {"content": [{"type": "text", "text": row.text}]},
            });
            (format!("projects/{folder}/{SESSION}.jsonl"), line.to_string())
        }
        Cli::Codex => {
            let error = json!({"message": row.text, "codex_error_info": row.error});
            let line = json!({
                "timestamp": now, "type": "event_msg",
                "payload": {"type": "task_complete", "last_agent_message": null, "error": error},
            });
            (format!("sessions/2026/11/22/rollout-2026-11-22T20-05-41-{SESSION}.jsonl"), line.to_string())
        }
        Cli::Opencode => ("opencode/log/opencode.log".into(), opencode_log(row, now)),
        Cli::Antigravity => {
            let at = now - SignedDuration::from_mins(1);
            let begun = format!("I1 1 printmode.go:130] Print mode: conversation={SESSION}, sending message");
            let path = ".gemini/antigravity-cli/log/cli-20261123_100000.log".into();
            (path, format!("{begun}\n{}", glog(&row.text, at)))
        }
        Cli::Gemini | Cli::Custom => panic!("{} keeps no log of failures", cli.name()),
    };
    let path = home.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, line + "\n").unwrap();
}
