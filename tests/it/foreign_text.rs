//! 50-R19: nothing that a repository, a configuration, a record, a command line or an agent says is obeyed by the
//! terminal, whichever command tells it. Looked at are the bytes, and the screen that they make.

#![allow(clippy::unwrap_used, reason = "helpers of a test panic like the test itself")]

use std::io::Read;
use std::num::NonZero;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use regex::Regex;
use serde_json::json;

use crate::support::{Sandbox, stdout};

/// Everything of the table of R19 in one text: clipboard, link, title, device control, reset, 8-bit controls, a
/// question that the terminal answers on standard input, another screen, an erased one, bidi, and a string without end.
const EVIL: &str = "A\u{1b}]52;c;cm0gLXJm\u{7}B\u{1b}]8;;http://evil/\u{1b}\\C\u{1b}]8;;\u{1b}\\D\u{1b}]0;owned\u{7}E\
                    \u{1b}P+q544e\u{1b}\\F\u{1b}cG\u{9b}2JH\u{9d}0;owned\u{9c}I\u{90}x\u{9c}J\u{1b}[6nK\u{1b}[cL\
                    \u{1b}[?1049hM\u{1b}[2JN\u{202e}O\u{2066}P\u{7f}Q\u{8}R\u{1b}]0;owned";

/// What is left of it.
const TAME: &str = "ABCDEFGHIJKLMNOPQR";

/// The bytes that a command sends to its terminal.
fn bytes(mut command: CommandBuilder) -> Vec<u8> {
    let size = PtySize { rows: 50, cols: 200, ..PtySize::default() };
    let pty = native_pty_system().openpty(size).unwrap();
    command.env("TERM", "xterm-256color");
    let mut child = pty.slave.spawn_command(command).unwrap();
    drop(pty.slave);
    let mut reader = pty.master.try_clone_reader().unwrap();
    let mut seen = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(n @ 1..) = reader.read(&mut chunk) {
        seen.extend_from_slice(&chunk[..n]);
    }
    child.wait().unwrap();
    seen
}

/// What a terminal obeys.
#[derive(Debug, Default)]
struct Obeyed(Vec<String>);

impl vt100::Callbacks for Obeyed {
    fn set_window_title(&mut self, _: &mut vt100::Screen, title: &[u8]) {
        self.0.push(format!("title {}", String::from_utf8_lossy(title)));
    }

    fn set_window_icon_name(&mut self, _: &mut vt100::Screen, name: &[u8]) {
        self.0.push(format!("icon {}", String::from_utf8_lossy(name)));
    }

    fn copy_to_clipboard(&mut self, _: &mut vt100::Screen, _: &[u8], data: &[u8]) {
        self.0.push(format!("clipboard {}", String::from_utf8_lossy(data)));
    }

    fn audible_bell(&mut self, _: &mut vt100::Screen) {
        self.0.push("bell".to_owned());
    }
}

/// Looks at what a command prints in a terminal: only rally's own colours, repainting and line wrap may be in it.
/// Says the text without them.
#[track_caller]
fn harmless(what: &str, command: CommandBuilder) -> String {
    let bytes = bytes(command);
    let text = String::from_utf8(bytes.clone()).unwrap();
    let own = Regex::new(r"\x1b\[(?:[0-9;]*m|[0-9]*A|2?K|J|\?7[hl])").unwrap();
    let left = own.replace_all(&text, "").into_owned();
    let strange = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}')
    };
    assert!(!left.contains(strange), "{what}: {left:?}");
    let [rows, columns] = [50, 200].map(|n| NonZero::new(n).unwrap());
    let mut terminal = vt100::Parser::new_with_callbacks(rows, columns, 0, Obeyed::default());
    terminal.process(&bytes);
    assert_eq!(terminal.callbacks().0, Vec::<String>::new(), "{what}");
    assert!(!terminal.screen().alternate_screen(), "{what}");
    left
}

/// As TOML and JSON write it.
fn quoted(text: &str) -> String {
    json!(text).to_string().replace('\u{7f}', "\\u007f")
}

/// A configuration that is refused: its errors quote it.
fn refused() -> String {
    format!(
        "[harness.cc.models]\nbad = {0}\n[harness.mine]\ncommand = ['nothing-here', {0}]\n\
         [reasoning]\nsenior = {0}\n[routes]\ndefault = ['cc:bad', 'mine']\n{0} = ['cc']\n\
         [providers]\n{0} = ['cc:bad']\n[strange]\n{0} = 1\n",
        quoted(EVIL)
    )
}

/// One that counts, so that reports are made: what is foreign in it stands where it may.
fn accepted() -> String {
    format!(
        "[harness.cc.models]\nbad = \"m\u{202e}odel\"\n[harness.mine]\ncommand = ['claude', {0}]\n\
         [harness.mine.env]\nX = {0}\n[routes]\ndefault = ['cc:bad', 'mine']\n[strange]\n{0} = 1\n\
         [reliability]\nretry_budget = 1\nmax_failed_runs = 1\n[reliability.chars_per_token]\n{0} = 4\n",
        quoted(EVIL)
    )
}

/// A workspace in which everybody says what must not be obeyed.
fn workspace(configuration: &str) -> Sandbox {
    let sandbox = Sandbox::initialised();
    sandbox.claude("");
    sandbox.configure(configuration);
    sandbox.write(".rally/instructions.md", EVIL);
    sandbox.write(&format!("odd {}", "\u{1b}]0;owned\u{7}"), "x");
    sandbox.git(["add", "."]);
    sandbox.git(["commit", "-q", "-m", EVIL]);
    sandbox.git(["checkout", "-q", "-b", "b\u{202e}\u{9b}ranch"]);
    let record = json!({
        "id": 1, "run_id": 1, "relay_id": 1, "agent_type": EVIL, "model": EVIL, "completed": false,
        "outcome": "failed", "started_at": "2026-11-23T16:40:31Z", "ended_at": "2026-11-23T16:41:13Z",
        "attempt_number": 1, "fail_reason": EVIL, "summary": EVIL, "runtime_ms": 42_000, "log_path": EVIL,
        "files_changed": [EVIL], "category": "agent_error", "exit": {"code": 1}, "commit_hash": EVIL,
        "evidence": {"source": EVIL, "message": EVIL},
    });
    sandbox.write(".rally/state/tries.jsonl", &format!("{record}\n"));
    let relay = json!({
        "id": 1, "agent_mix": EVIL, "target_iterations": 5, "completed_iterations": 1, "status": EVIL,
        "started_at": "2026-11-23T16:40:31Z", "prompt": EVIL,
    });
    sandbox.write(".rally/state/relays.jsonl", &format!("{relay}\n"));
    let status = json!({
        "agent_type": "claude", "model": EVIL, "event_type": "benched", "timestamp": "2026-11-23T16:40:31Z",
        "reset_at": "2099-11-23T16:40:31Z", "reason": EVIL, "quota_scope": EVIL,
    });
    sandbox.write(".rally/state/agent_status.jsonl", &format!("{status}\n"));
    let quota = json!({
        "v": 1, "scope": EVIL, "source": EVIL, "at": "2026-11-23T16:40:31Z",
        "windows": [{"name": EVIL, "used": 0.5, "resets_at": "2099-11-23T16:40:31Z"}],
    });
    sandbox.write(".rally/state/quota.jsonl", &format!("{quota}\n"));
    sandbox
}

#[test]
fn no_command_hands_on_what_a_terminal_would_obey() {
    let (refused, accepted) = (workspace(&refused()), workspace(&accepted()));
    for args in [
        &["status"][..],
        &["status", "--json"],
        &["runners"],
        &["runners", "--json"],
        &["quota"],
        &["quota", "--json"],
        &["routes", "check", "--preview", "3"],
        &["routes", "check", "--json"],
        &["doctor"],
        &["doctor", "--json"],
        &["config", "list"],
        &["config", "list", "--origin"],
        &["config", "get", "harness.cc.models.bad"],
        &["config", "get", "harness.mine"],
        &["instructions", "show"],
        &["init"],
        &["init", "roles"],
    ] {
        for (name, sandbox) in [("refused", &refused), ("accepted", &accepted)] {
            harmless(&format!("{args:?}, {name}"), sandbox.in_terminal(args));
        }
    }
    // Some of it is told, so the test looks at something.
    for args in [
        &["status"][..],
        &["runners"],
        &["quota"],
        &["config", "get", "harness.mine.command"],
        &["instructions", "show"],
    ] {
        let said = harmless(&format!("{args:?}"), accepted.in_terminal(args));
        assert!(said.contains(TAME), "{args:?}: {said}");
    }
    harmless("runners clear", accepted.in_terminal(&["runners", "clear", "--all"]));
}

#[test]
fn no_argument_is_obeyed_either() {
    let sandbox = Sandbox::initialised();
    let gone = format!("/nowhere/{EVIL}");
    for args in [
        &[EVIL][..],
        &["relay", &format!("--{EVIL}")],
        &["relay", "--agent", EVIL, "work"],
        &["relay", "--iterations", EVIL, "work"],
        &["relay", "--resume", EVIL],
        &["tail", EVIL],
        &["config", "get", EVIL],
        &["config", "set", "reliability.retry_budget", EVIL],
        &["config", EVIL],
        &["runners", "clear", EVIL],
        &["progress", "--summary", EVIL],
        &["progress", EVIL],
        &["completions", EVIL],
        &["demo", "--dir", &gone],
        &["init", EVIL],
    ] {
        harmless(&format!("{args:?}"), sandbox.in_terminal(args));
    }
    let mut told = sandbox.in_terminal(&["instructions", "edit"]);
    told.env("EDITOR", format!("false '{EVIL}'"));
    harmless("an editor", told);
    let mut told = sandbox.in_terminal(&["status"]);
    told.env("RALLY_DATA_DIR", format!("~{EVIL}"));
    harmless("a folder", told);
}

#[test]
fn no_relay_hands_on_what_its_agent_says() {
    let sandbox = workspace(&accepted());
    for file in ["relays", "tries", "agent_status", "quota"] {
        std::fs::remove_file(sandbox.repo().join(format!(".rally/state/{file}.jsonl"))).unwrap();
    }
    let evil = quoted(EVIL).trim_matches('"').replace('\'', "");
    std::fs::write(sandbox.notes().join("evil"), &evil).unwrap();
    std::fs::write(sandbox.notes().join("raw"), EVIL).unwrap();
    sandbox.claude(
        r#"init; EVIL=$(cat "$S/evil"); cat "$S/raw"; echo; cat "$S/raw" >&2; echo x > made.$N
        printf '%s\n' '{"type":"assistant","message":{"content":[{"type":"tool_use","id":"t1","name":"'"$EVIL"'","input":{}}]},"session_id":"'"$SESSION"'"}'
        sleep 1.2
        printf '%s\n' '{"type":"result","subtype":"success","is_error":true,"result":"'"$EVIL"'","session_id":"'"$SESSION"'"}'
        exit 1"#,
    );
    let task = format!("work {EVIL}");
    let relay = ["relay", "--new", "--agent", "cc:bad", "--iterations", "1", task.as_str()];
    let said = harmless("a relay", sandbox.in_terminal(&relay));
    assert!(said.contains(TAME) && said.contains("failed"), "{said}");
    harmless("what to do with an open relay", sandbox.in_terminal(&["relay", "--resume"]));
    harmless("status", sandbox.in_terminal(&["status"]));
}

// What a program reads is not touched.
#[test]
fn a_pipe_gets_every_byte() {
    let sandbox = workspace(&accepted());
    let piped = |args: &[&str]| sandbox.rally(args).output().unwrap();
    assert_eq!(piped(&["instructions", "show"]).stdout, EVIL.as_bytes());
    assert_eq!(stdout(&piped(&["config", "get", "harness.mine.command"])), format!("claude\n{EVIL}\n"));
    let status: serde_json::Value = serde_json::from_slice(&piped(&["status", "--json"]).stdout).unwrap();
    assert_eq!(status["last_try"]["fail_reason"], EVIL);
    // On a terminal it is the same object, in other letters.
    let shown = harmless("status --json", sandbox.in_terminal(&["status", "--json"]));
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown, status);
}
