//! The scripted agent: it must behave as the CLIs do that it stands for.

#![allow(clippy::unwrap_used, reason = "the helpers of a test panic like the test itself")]

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rally::executor::{
    AgentEvent, Claude, Counted, Executor, HarnessSpec, Invocation, Report, Request, Stdin, Stream,
};
use rally::model::{Category, Exit, Timestamp};

use crate::support::{Sandbox, stderr, stdout};

/// Puts a program into PATH that plays a script.
pub fn fake(sandbox: &Sandbox, program: &str, manners: &str, script: &str) {
    let root = sandbox.root().display();
    std::fs::write(sandbox.root().join(format!("{program}.toml")), script).unwrap();
    let rally = Sandbox::rally_path().display();
    let files =
        format!("--script {root}/{program}.toml --state {root}/{program}.state --record {root}/record");
    sandbox.program(program, &format!("exec {rally} scripted {manners} {files} -- \"$@\""));
}

/// Runs an invocation as a driver would.
pub fn driven(sandbox: &Sandbox, invocation: &Invocation) -> Output {
    let mut command = sandbox.command(&invocation.program);
    command
        .args(&invocation.args)
        .envs(invocation.env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let stdin = child.stdin.take().unwrap();
    if let Stdin::Bytes(prompt) = &invocation.stdin {
        // A CLI that refuses its arguments never reads its prompt.
        let _ = { stdin }.write_all(prompt);
    } else {
        drop(stdin);
    }
    child.wait_with_output().unwrap()
}

fn request<'a>(prompt: &'a str, resume: Option<&'a str>) -> Request<'a> {
    let request = Request::new(prompt, Path::new("/"), Path::new("/"));
    Request { model: Some("opus"), effort: Some("high"), resume, ..request }
}

/// One try with the real executor against the fake CLI.
fn attempt(sandbox: &Sandbox, prompt: &str, resume: Option<&str>) -> (Report, Vec<AgentEvent>) {
    let claude = Claude::new(HarnessSpec::plain("claude", "claude"));
    let request = request(prompt, resume);
    let output = driven(sandbox, &claude.invocation(&request).unwrap());
    let mut parser = claude.parser(&request);
    let mut events = Vec::new();
    parser.feed(Stream::Stdout, &output.stdout, &mut events);
    parser.feed(Stream::Stdout, &output.stderr, &mut events);
    let exit = output.status.code().map_or_else(|| Exit::Signal(output.status.signal().unwrap()), Exit::Code);
    (parser.finish(Some(exit), Timestamp::now()), events)
}

fn plain(sandbox: &Sandbox, script: &str) -> Command {
    std::fs::write(sandbox.root().join("script.toml"), script).unwrap();
    let script = sandbox.root().join("script.toml");
    sandbox.rally([Path::new("scripted"), Path::new("plain"), Path::new("--script"), &script])
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "timed out: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

// 30-S16, 20-S18 (executor side): the session of the first try is the one that the second resumes, and it remembers
#[test]
fn a_resumed_session_remembers_its_codeword() {
    let sandbox = Sandbox::new();
    fake(
        &sandbox,
        "claude",
        "claude",
        r#"
        [[try]]
        steps = [{ remember = "plum" }, { result = { text = "noted", cost = 0.25, usage = { input = 10, cached = 5, output = 2 } } }]
        [[try]]
        steps = ["recall", { result = { text = "RECALL:$RECALL", cost = 0.5 } }]
        "#,
    );
    let (first, events) = attempt(&sandbox, "- remember plum", None);
    assert!(first.completed, "{first:?}");
    let session = first.session_id.unwrap();
    assert_eq!(events[0], AgentEvent::Session(session.clone()));
    assert!(matches!(first.usage, Some(Counted::ThisTry(usage)) if usage.input_tokens == 10));
    let (second, _) = attempt(&sandbox, "which word?", Some(&session));
    assert_eq!(second.session_id.as_deref(), Some(session.as_str()));
    assert_eq!(second.summary.as_deref(), Some("RECALL:plum"));
    assert_eq!(second.cost, Some(Counted::WholeSession(0.5)));
    // A fresh session knows nothing.
    let (third, _) = attempt(&sandbox, "which word?", None);
    assert_ne!(third.session_id, Some(session));
    assert_eq!(third.summary.as_deref(), Some("RECALL:none"));
    let given = std::fs::read_to_string(sandbox.root().join("record")).unwrap();
    let given: Vec<serde_json::Value> =
        given.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(given.len(), 3);
    assert_eq!((&given[0]["prompt"], &given[0]["n"]), (&"- remember plum".into(), &1.into()));
    let argv: Vec<&str> =
        given[1]["argv"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap()).collect();
    assert!(
        argv.windows(2).any(|pair| pair[0] == "--resume" && pair[1] == second.session_id.as_deref().unwrap())
    );
    assert!(argv.windows(2).any(|pair| pair == ["--model", "opus"]));
    assert_eq!(given[0]["env"]["IS_SANDBOX"], serde_json::Value::Null);
    assert_eq!(given[0]["cwd"], sandbox.repo().canonicalize().unwrap().to_str().unwrap());
}

#[test]
fn a_session_that_nobody_knows_is_refused() {
    let sandbox = Sandbox::new();
    fake(&sandbox, "claude", "claude", "[[try]]\nsteps = [{ result = { text = \"ok\" } }]");
    let (report, _) = attempt(&sandbox, "p", Some("00000000-0000-4000-8000-000000000000"));
    assert!(!report.completed);
    assert_eq!(report.session_id, None);
    assert_eq!(report.evidence.unwrap().cause.as_deref(), Some("session_lost"));
}

#[test]
fn an_agent_that_fails_once_and_then_does_its_work() {
    let sandbox = Sandbox::new();
    fake(
        &sandbox,
        "claude",
        "claude",
        r#"
        [[try]]
        steps = [
            { retry = { error = "rate_limit", status = 429, attempt = 1 } },
            { result = { text = "API Error: Request rejected (429)", is_error = true, error = "rate_limit", status = 429 } },
            { exit = 1 },
        ]
        [[try]]
        steps = [
            { write = { path = "made/$N.txt", content = "hello $MODEL\n" } },
            { append = { path = "made/$N.txt", content = "more\n" } },
            { commit = { message = "Add file $N" } },
            { run = ["git", "log", "-1", "--format=%s"] },
            { result = { text = "did $N" } },
        ]
        "#,
    );
    sandbox.write("dirty.txt", "the user's own");
    let (first, events) = attempt(&sandbox, "p", None);
    assert_eq!(first.evidence.unwrap().category, Some(Category::ShortRateLimit));
    assert!(events.iter().any(|event| matches!(event, AgentEvent::Retrying { attempt: 1, .. })));
    for number in ["2", "3"] {
        let (report, _) = attempt(&sandbox, "p", None);
        assert!(report.completed);
        assert_eq!(report.summary, Some(format!("did {number}")));
        assert_eq!(report.tool_calls, Some(4));
        assert_eq!(sandbox.read(&format!("made/{number}.txt")), "hello opus\nmore\n");
        assert_eq!(sandbox.git(["log", "-1", "--format=%s"]), format!("Add file {number}"));
    }
    // It commits what it wrote and nothing else.
    assert_eq!(sandbox.git(["status", "--porcelain"]), "?? dirty.txt");
}

#[test]
fn a_used_up_account_names_its_reset() {
    let sandbox = Sandbox::new();
    fake(
        &sandbox,
        "claude",
        "claude",
        r#"
        [[try]]
        steps = [
            { result = { text = "You've hit your 5-hour limit", is_error = true, error = "rate_limit", status = 429, resets_in_secs = 345600 } },
            { exit = 1 },
        ]
        "#,
    );
    let evidence = attempt(&sandbox, "p", None).0.evidence.unwrap();
    let now = Timestamp::now();
    let reason = rally::failure::display_reason(Category::UsageLimit, Some(&evidence), now);
    assert_eq!(reason, "usage limit, resets in 96h0m");
}

#[test]
fn whatever_it_prints_the_end_is_found() {
    let sandbox = Sandbox::new();
    fake(
        &sandbox,
        "claude",
        "claude",
        r#"
        [[try]]
        steps = [
            { say = "hm" }, { stream_bytes = 100000 }, { huge_line_mb = 12 }, "invalid_utf8",
            { line = "warning: plain words" }, { stderr = "to the other stream" },
            { tool = { name = "Bash", input = { command = "ls" }, output = "a b" } },
            { background_tasks = 1 }, { result = { text = "first" } }, { background_tasks = 0 },
            "init", { half_line = "{\"type\":\"assistant\",\"mess" }, { result = { text = "second" } },
        ]
        "#,
    );
    let (report, events) = attempt(&sandbox, "p", None);
    assert!(report.completed, "{report:?}");
    assert_eq!(report.summary.as_deref(), Some("second"));
    assert!(events.contains(&AgentEvent::BackgroundTasks(1)));
    assert_eq!(events.iter().filter(|event| **event == AgentEvent::TurnStarted).count(), 2);
}

#[test]
fn exit_codes_and_signals() {
    let sandbox = Sandbox::new();
    let run = |steps: &str| plain(&sandbox, &format!("[[try]]\nsteps = [{steps}]")).output().unwrap();
    assert_eq!(run("{ say = \"all\" }, { exit = 42 }, { say = \"never\" }").status.code(), Some(42));
    assert_eq!(run("{ signal = \"KILL\" }").status.signal(), Some(9));
    assert_eq!(run("{ signal = \"TERM\" }").status.signal(), Some(15));
    let survived = run(
        "{ ignore_signals = [\"INT\", \"TERM\"] }, { signal = \"TERM\" }, { signal = \"INT\" }, { say = \"alive\" }",
    );
    assert_eq!(survived.status.code(), Some(0));
    assert_eq!(stdout(&survived), "alive\n");
}

#[test]
fn a_test_can_hold_it_at_a_point() {
    let sandbox = Sandbox::new();
    let (reached, go) = (sandbox.root().join("reached"), sandbox.root().join("go"));
    let script = format!(
        "[[try]]\nsteps = [{{ touch = '{}' }}, {{ wait_for = '{}' }}, {{ say = \"on\" }}]",
        reached.display(),
        go.display()
    );
    let mut child = plain(&sandbox, &script).stdout(Stdio::piped()).spawn().unwrap();
    until("the agent came to its point", || reached.exists());
    assert!(child.try_wait().unwrap().is_none());
    std::fs::write(&go, "").unwrap();
    assert_eq!(stdout(&child.wait_with_output().unwrap()), "on\n");
}

#[test]
fn it_reads_standard_input_when_told_to() {
    let sandbox = Sandbox::new();
    let script =
        "[[try]]\nlate_stdin = true\nsteps = [{ say = \"first\" }, \"read_stdin\", { say = \"after\" }]";
    let mut child: Child =
        plain(&sandbox, script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"first\n");
    assert!(child.try_wait().unwrap().is_none());
    drop(child.stdin.take());
    assert_eq!(stdout(&child.wait_with_output().unwrap()), "after\n");
}

#[cfg(target_os = "linux")]
#[test]
fn it_leaves_processes_behind_in_every_shape() {
    let sandbox = Sandbox::new();
    for (kind, own_session, holds_stdout) in [
        ("plain", false, false),
        ("setsid", true, false),
        ("double_fork", true, false),
        ("holds_stdout", true, true),
    ] {
        let pid_file = sandbox.root().join(kind);
        let script = format!(
            "[[try]]\nsteps = [{{ spawn = {{ kind = \"{kind}\", secs = 60, pid_file = '{}' }} }}, {{ say = \"bye\" }}, \"hang\"]",
            pid_file.display()
        );
        let mut agent = plain(&sandbox, &script).stdout(Stdio::piped()).spawn().unwrap();
        until("the pid is told", || pid_file.exists());
        let pid: i32 = std::fs::read_to_string(&pid_file).unwrap().trim().parse().unwrap();
        let is_sleep = |stat: &procfs::process::Stat| stat.comm == "sleep";
        let stat = || procfs::process::Process::new(pid).and_then(|process| process.stat());
        until("the process has its shape", || {
            stat().is_ok_and(|stat| is_sleep(&stat) && (stat.session == pid) == own_session)
        });
        let stdout_of = |pid: i32| std::fs::read_link(format!("/proc/{pid}/fd/1")).unwrap();
        let agent_pid = i32::try_from(agent.id()).unwrap();
        assert_eq!(stdout_of(pid) == stdout_of(agent_pid), holds_stdout, "{kind}");
        assert_eq!(stat().unwrap().ppid == agent_pid, kind != "double_fork", "{kind}");
        agent.kill().unwrap();
        agent.wait().unwrap();
        assert!(stat().is_ok_and(|stat| is_sleep(&stat)), "{kind} outlives its agent");
        rustix::process::kill_process(
            rustix::process::Pid::from_raw(pid).unwrap(),
            rustix::process::Signal::KILL,
        )
        .unwrap();
    }
}

#[test]
fn a_plain_agent_says_only_words() {
    let sandbox = Sandbox::new();
    let script = "[[try]]\nsteps = [{ say = \"one\" }, { tool = { name = \"Bash\", output = \"two\" } }, { background_tasks = 3 }, { result = { text = \"three\" } }]";
    assert_eq!(stdout(&plain(&sandbox, script).output().unwrap()), "one\n[Bash]\ntwo\nthree\n");
}

// 20-AF-CX (observed): usage counts the whole thread, over resumes and over processes.
#[test]
fn codex_counts_the_whole_thread() {
    let sandbox = Sandbox::new();
    let script = "[[try]]\nsteps = [{ result = { text = \"ok\", usage = { input = 445, cached = 789, output = 56, reasoning = 7 } } }]";
    fake(&sandbox, "codex", "codex", script);
    let mut thread = String::new();
    for turns in 1..=3 {
        let resume = if thread.is_empty() { String::new() } else { format!("resume {thread}") };
        let line = format!("codex exec --json {resume} - </dev/null");
        let output = sandbox.command("sh").args(["-c", &line]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let events: Vec<serde_json::Value> =
            stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let usage = &events.last().unwrap()["usage"];
        assert_eq!(usage["input_tokens"], 1234 * turns);
        assert_eq!(usage["cached_input_tokens"], 789 * turns);
        assert_eq!(usage["reasoning_output_tokens"], 7 * turns);
        let told = events[0]["thread_id"].as_str().unwrap().to_owned();
        assert!(thread.is_empty() || thread == told);
        thread = told;
    }
}

#[test]
fn a_failed_result_has_the_exit_code_of_its_cli() {
    let sandbox = Sandbox::new();
    let script = "[[try]]\nsteps = [{ result = { text = \"no\", is_error = true, status = 429 } }, { say = \"goes on\" }]\n\
                  [[try]]\nsteps = [{ result = { text = \"no\", is_error = true } }, { exit = 9 }]\n\
                  [[try]]\nsteps = [{ result = { text = \"no\", is_error = true } }, { result = { text = \"yes\" } }]";
    for (manners, line, code) in [
        ("claude", "claude -p --verbose --output-format stream-json", 1),
        ("codex", "codex exec --json -", 1),
        ("gemini", "gemini --output-format stream-json --skip-trust", 173),
        ("opencode", "opencode run --format json", 1),
        ("antigravity", "agy --output-format stream-json -p hello", 3),
    ] {
        let program = line.split(' ').next().unwrap();
        fake(&sandbox, program, manners, script);
        let run = |line: &str| sandbox.command("sh").args(["-c", line]).output().unwrap();
        let codes = [1, 2, 3].map(|_| run(line).status.code());
        assert_eq!(codes, [Some(code), Some(9), Some(0)], "{manners}");
        let version = stdout(&run(&format!("{program} --version")));
        assert!(version.contains('.') && version.lines().count() == 1, "{version}");
        // Asking for the version is no invocation.
        assert_eq!(run(line).status.code(), Some(0));
    }
}

#[test]
fn bad_scripts_and_arguments_are_named() {
    let sandbox = Sandbox::new();
    let said = |script: &str| {
        let output = plain(&sandbox, script).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{script}");
        stderr(&output)
    };
    assert!(said("[[try]]\nsteps = [{ sya = \"x\" }]").contains("unknown variant `sya`"));
    assert!(said("[[try]]\nsteps = [{ signal = \"NONE\" }]").contains("NONE"));
    assert!(said("try = []").contains("has no [[try]]"));
    assert!(said("[[try]]\nsteps = []\nstep = 1").contains("step"));
    assert!(said("[[try]]\nsteps = [{ run = [] }]").contains("needs a command"));
    assert!(said("[[try]]\nsteps = [{ run = [\"nonesuch-program\"] }]").contains("nonesuch-program"));
    let missing = sandbox.rally(["scripted", "plain", "--script", "nonesuch.toml"]).output().unwrap();
    assert!(stderr(&missing).contains("nonesuch.toml"));
    assert!(said("[[try]]\nsteps = [{ signal = \"NONE\" }]").contains("line 2"));
    // What the CLI has no words for is refused at its place, before anything is played.
    let mute = |manners: &str, name: &str, script: &str| {
        let file = sandbox.root().join(name);
        std::fs::write(&file, script).unwrap();
        let output =
            sandbox.rally(["scripted", manners, "--script", file.to_str().unwrap()]).output().unwrap();
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(1), ""), "{script}");
        stderr(&output)
    };
    let script = "[[try]]\nsteps = [{ say = \"x\" }]\n[[try]]\nsteps = [\n    { say = \"x\" },\n    { background_tasks = 1 },\n]";
    let said_of = |words: &str, parts: [&str; 2]| parts.iter().all(|part| words.contains(part));
    assert!(said_of(
        &mute("codex", "s.toml", script),
        ["s.toml, line 6: ", "codex has no words for `background_tasks`"]
    ));
    let script = r#"{"try":[{"steps":[{"say":"x"},{"result":{"cost":1.0}}]}]}"#;
    assert!(said_of(&mute("gemini", "s.json", script), ["s.json, try 1, step 2: ", "`cost` in a `result`"]));
    // JSON scripts work, too; and the fake claude insists on the arguments that the real one needs.
    let script = sandbox.root().join("script.json");
    std::fs::write(&script, r#"{"try":[{"steps":[{"say":"json"}]}]}"#).unwrap();
    let script = script.to_str().unwrap();
    let output = sandbox.rally(["scripted", "plain", "--script", script]).output().unwrap();
    assert_eq!(stdout(&output), "json\n");
    let output = sandbox
        .rally(["scripted", "claude", "--script", script, "--", "-p", "--output-format", "stream-json"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("requires --verbose"));
}
