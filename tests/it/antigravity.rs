//! Whole relays with a stand-in for Antigravity.

use std::path::PathBuf;
use std::process::Stdio;

use crate::support::{Agy, Sandbox, stderr, stdout};

const FLASH: &str = "agy:Gemini 3.5 Flash (High)";
const PRO: &str = "agy:Gemini 3 Pro";

/// The session of the stand-in's first invocation.
const SESSION: &str = "8eb5b287-eadb-4fc6-ae08-000000000001";

const VERSIONS: [Agy; 2] = [Agy::First, Agy::Streaming];

/// One attempt, so that a failing agent ends the pass at once.
fn strict() -> Sandbox {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[reliability]\nretry_budget = 1\nmax_failed_runs = 1\n");
    sandbox
}

fn only_try(sandbox: &Sandbox) -> serde_json::Value {
    let tries = sandbox.tries();
    assert_eq!(tries.len(), 1, "{tries:?}");
    tries[0].clone()
}

fn settings(sandbox: &Sandbox) -> PathBuf {
    sandbox.home().join(".gemini/antigravity-cli/settings.json")
}

fn write_settings(sandbox: &Sandbox, text: &str) {
    std::fs::create_dir_all(settings(sandbox).parent().unwrap()).unwrap();
    std::fs::write(settings(sandbox), text).unwrap();
}

// 20-AF-AG-05, 20-AF-AG-15, 20-AF-EX-01
#[test]
fn the_first_version_reads_its_model_from_the_settings() {
    let sandbox = strict();
    sandbox.agy(
        Agy::First,
        "cp \"$HELD/settings.json\" \"$S/settings.$N\"; echo x > made.txt; answer 'all done'",
    );
    let output = sandbox.relay(&["--agent", FLASH, "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(sandbox.note("model.1"), "Gemini 3.5 Flash (High)");
    assert_eq!(sandbox.note("settings.1"), "{\"model\": \"Gemini 3.5 Flash (High)\"}\n");
    assert_eq!(std::fs::read_dir(settings(&sandbox).parent().unwrap()).unwrap().count(), 0);
    let args = sandbox.note("args.1");
    let args: Vec<&str> = args.lines().collect();
    assert_eq!(args[..3], ["--print-timeout", "720h0m0s", "--dangerously-skip-permissions"]);
    assert_eq!(args[3], "--log-file");
    assert_eq!(args[5], "--print", "the prompt stands last");
    assert!(sandbox.note("prompt.1").contains("work") && sandbox.note("stdin.1").is_empty());
    let record = only_try(&sandbox);
    assert_eq!(record["session_id"], SESSION);
    assert_eq!(record["model"], "Gemini 3.5 Flash (High)");
    assert_eq!(record["summary"], "all done");
    let log = std::fs::read_to_string(record["log_path"].as_str().unwrap()).unwrap();
    assert!(log.contains("Print mode: conversation=") && log.contains("all done"), "{log}");
    assert!(!std::path::Path::new(args[4]).exists(), "the try's folder is gone");
}

#[test]
fn newer_versions_take_flags_and_stream() {
    let sandbox = strict();
    write_settings(&sandbox, "{\"model\": \"mine\"}");
    sandbox.agy(
        Agy::Streaming,
        "cp \"$HELD/settings.json\" \"$S/settings.$N\"; tool run_command; echo x > made.txt; answer 'all done'",
    );
    let output = sandbox.relay(&["--agent", FLASH, "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(sandbox.note("model.1"), "Gemini 3.5 Flash (High)");
    assert_eq!(sandbox.note("settings.1"), "{\"model\": \"mine\"}");
    let args = sandbox.note("args.1");
    assert!(
        args.contains("--disable-slash-commands\n--output-format\nstream-json\n--model\nGemini"),
        "{args}"
    );
    let record = only_try(&sandbox);
    assert_eq!(
        (&record["session_id"], &record["summary"], &record["tool_calls"]),
        (&SESSION.into(), &"all done".into(), &1.into())
    );
    let usage = serde_json::json!({
        "input_tokens": 10, "cached_input_tokens": 3, "output_tokens": 5, "reasoning_tokens": 2
    });
    assert_eq!(record["usage"], usage);
}

#[test]
fn a_prompt_that_looks_like_a_command_or_a_flag_is_a_prompt() {
    for version in VERSIONS {
        let sandbox = strict();
        sandbox.agy(version, "echo x > made.txt; answer done");
        let output = sandbox.relay(&["--agent", "agy", "--", "/help --print-timeout 20"]);
        assert!(output.status.success(), "{version:?}: {}", stdout(&output));
        assert!(sandbox.note("prompt.1").contains("/help --print-timeout 20"));
    }
}

// 20-20 #25: two rallies at once, each with its own model
#[test]
fn a_second_relay_with_another_model_waits_for_its_turn() {
    let (first, second) = (strict(), strict());
    write_settings(&first, "{ /* mine */ \"theme\": 1 }\n");
    let script = "echo x > made.txt; here; await go; answer done";
    first.agy(Agy::First, script);
    second.agy(Agy::First, script);
    let one = first.start_relay(&["--agent", FLASH, "work"]);
    first.wait_for_note("here.1");
    // The same user in another repository.
    let mut two = second.rally(["relay", "--agent", PRO, "work"]);
    let out = second.root().join("two.out");
    two.env("HOME", first.home()).stdout(std::fs::File::create(&out).unwrap()).stderr(Stdio::null());
    let mut two = two.spawn().unwrap();
    let waits = || std::fs::read_to_string(&out).unwrap().contains("waiting until rally (pid");
    second.wait_for("the second to wait", waits);
    assert!(!second.notes().join("args.1").exists());
    first.release("go");
    second.release("go");
    assert!(one.finish().status.success());
    assert!(two.wait().unwrap().success());
    assert_eq!(first.note("model.1"), "Gemini 3.5 Flash (High)");
    assert_eq!(second.note("model.1"), "Gemini 3 Pro");
    assert_eq!(std::fs::read_to_string(settings(&first)).unwrap(), "{ /* mine */ \"theme\": 1 }\n");
}

// 20-20 #26
#[test]
fn a_killed_rally_leaves_a_model_that_the_next_try_takes_back() {
    for version in VERSIONS {
        let sandbox = strict();
        write_settings(&sandbox, "{\"model\": \"mine\", \"theme\": 1}");
        sandbox.agy(Agy::First, "here; sleep 600");
        let relay = sandbox.start_relay(&["--agent", FLASH, "work"]);
        sandbox.wait_for_note("here.1");
        relay.kill();
        sandbox.wait_until_nobody_is_left();
        assert_eq!(sandbox.note("model.1"), "Gemini 3.5 Flash (High)");
        assert!(std::fs::read_to_string(settings(&sandbox)).unwrap().contains("Flash"));
        // Also when agy was updated meanwhile.
        sandbox.agy(version, "echo x > made.txt; answer done");
        let output = sandbox.relay(&["--resume", "--agent", PRO]);
        assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
        assert_eq!(sandbox.note("model.2"), "Gemini 3 Pro");
        assert_eq!(
            std::fs::read_to_string(settings(&sandbox)).unwrap(),
            "{\"model\": \"mine\", \"theme\": 1}"
        );
        assert_eq!(std::fs::read_dir(settings(&sandbox).parent().unwrap()).unwrap().count(), 1);
    }
}

#[test]
fn the_next_relay_takes_it_back_whoever_works() {
    let sandbox = strict();
    write_settings(&sandbox, "{\"model\": \"mine\"}");
    sandbox.agy(Agy::First, "here; sleep 600");
    let relay = sandbox.start_relay(&["--agent", FLASH, "work"]);
    sandbox.wait_for_note("here.1");
    relay.kill();
    sandbox.wait_until_nobody_is_left();
    sandbox.claude("init; echo x > made.txt; result ok");
    let output = sandbox.relay(&["--new", "--agent", "cc", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert!(
        stderr(&output).contains("took back the model of a try that was cut short"),
        "{}",
        stderr(&output)
    );
    assert_eq!(std::fs::read_to_string(settings(&sandbox)).unwrap(), "{\"model\": \"mine\"}");
}

// 30-S16, 20-AF-AG-06, 20-20 #4
#[test]
fn the_next_attempt_goes_on_with_the_conversation() {
    for version in VERSIONS {
        let sandbox = Sandbox::initialised();
        sandbox.agy(
            version,
            "if [ $N = 1 ]; then failed 'request timed out'; exit 1; fi; echo x > made.txt; answer done",
        );
        let output = sandbox.relay(&["--agent", "agy", "work"]);
        assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
        assert!(!sandbox.note("args.1").contains("--conversation"));
        assert!(sandbox.note("args.2").contains(&format!("--conversation\n{SESSION}\n")), "{version:?}");
        let tries = sandbox.tries();
        assert_eq!(tries[0]["category"], "transient_infra", "{:?}", tries[0]);
        assert_eq!((&tries[0]["session_id"], &tries[1]["session_id"]), (&SESSION.into(), &SESSION.into()));
    }
}

#[test]
fn a_conversation_that_is_gone_becomes_a_new_one() {
    for version in VERSIONS {
        let sandbox = Sandbox::initialised();
        sandbox.agy(
            version,
            "if [ $N = 1 ]; then rm \"$S/conversations\"; failed no; exit 1; fi; echo x > made.txt; answer done",
        );
        let output = sandbox.relay(&["--agent", "agy", "work"]);
        assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
        let sessions: Vec<String> =
            sandbox.tries().iter().map(|t| t["session_id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(sessions, [SESSION, &SESSION.replace("00001", "00002")], "{version:?}");
    }
}

#[test]
fn a_prompt_too_long_for_an_argument_starts_nothing() {
    let sandbox = strict();
    sandbox.agy(Agy::First, "answer done");
    std::fs::write(sandbox.root().join("prompt"), "x".repeat(200 << 10)).unwrap();
    let file = sandbox.root().join("prompt").display().to_string();
    let output = sandbox.relay(&["--agent", FLASH, "--prompt-file", &file]);
    assert_eq!(output.status.code(), Some(1));
    assert!(!sandbox.notes().join("args.1").exists() && !settings(&sandbox).exists());
    let record = only_try(&sandbox);
    assert_eq!(
        (&record["category"], &record["cause"]),
        (&"harness_launch".into(), &"prompt_too_long".into())
    );
    let message = record["evidence"]["message"].as_str().unwrap();
    assert!(message.contains("limit 131071 bytes"), "{message}");
}

#[test]
fn settings_that_cannot_be_read_are_named() {
    let sandbox = strict();
    write_settings(&sandbox, "{ \"theme\" }");
    sandbox.agy(Agy::First, "answer done");
    let output = sandbox.relay(&["--agent", FLASH, "work"]);
    assert_eq!(output.status.code(), Some(1));
    let record = only_try(&sandbox);
    assert_eq!((&record["category"], &record["cause"]), (&"harness_launch".into(), &"settings".into()));
    assert!(record["evidence"]["message"].as_str().unwrap().contains("settings.json"));
    assert!(!sandbox.notes().join("args.1").exists());
}

const QUOTA: &str = "RESOURCE_EXHAUSTED (code 429): Individual quota reached. Please upgrade your subscription to \
                     increase your limits. Resets in 2h39m52s.";

/// How a try failed: version, script, category, cause, source of the evidence, and what it says.
type Failure<'a> = (Agy, String, &'a str, Option<&'a str>, &'a str, &'a str);

// 20-AF-AG-07, 20-AF-AG-12, 20-AF-AG-14
#[test]
fn failures_are_told_apart() {
    use Agy::{First, Streaming};
    let not_logged_in = "You are not logged into Antigravity";
    let login = format!(
        "E%s 1 main.go:7] Failed to poll ListExperiments: error getting token source: {not_logged_in}"
    );
    let stamp = "$(date '+%m%d %H:%M:%S.000000')";
    let failures: Vec<Failure<'_>> = vec![
        // A failed request, from 1.2.6.
        (
            Streaming,
            format!(
                "result ERROR '' ',\"error\":\"model failed\"'; \
                 echo 'AGY_ERROR: {{\"status\":\"RESOURCE_EXHAUSTED\",\"http_code\":429,\"short_error\":\"{QUOTA}\"}}' >&2; exit 3"
            ),
            "usage_limit",
            None,
            "stderr",
            "Individual quota reached",
        ),
        (
            Streaming,
            "echo 'AGY_ERROR: {\"status\":\"UNAVAILABLE\",\"grpc_code\":14,\"retryable\":true}' >&2; exit 3".into(),
            "provider_overloaded",
            None,
            "stderr",
            "UNAVAILABLE",
        ),
        // Out of time, and called a success.
        (
            Streaming,
            "echo '[agy] print timeout after 25s with turn in progress; returning partial output' >&2; \
             TOKENS=0 answer 'half of it'"
                .into(),
            "unidentified_issue",
            Some("print_timeout"),
            "stderr",
            "print timeout after 25s",
        ),
        (
            First,
            "echo 'error: timeout waiting for response' >&2; exit 1".into(),
            "unidentified_issue",
            Some("print_timeout"),
            "stderr",
            "timeout waiting",
        ),
        // Refused, and called a success.
        (
            Streaming,
            "result SUCCESS '' ',\"denied_actions\":[{\"action\":\"command\",\"display_name\":\"run_command\"}]'".into(),
            "agent_error",
            Some("permission_denied"),
            "stderr",
            "run_command",
        ),
        (
            First,
            "echo 'a tool required the \"command\" permission that headless mode cannot prompt for, so it was \
             auto-denied' >&2"
                .into(),
            "agent_error",
            Some("permission_denied"),
            "stderr",
            "refused command",
        ),
        // Before the turn.
        (
            Streaming,
            "result ERROR '' ',\"error\":\"invalid model selection: x\"'; exit 1".into(),
            "invalid_model",
            None,
            "stream",
            "invalid model selection",
        ),
        (
            Streaming,
            "failed 'authentication required'; exit 1".into(),
            "auth_or_proxy",
            None,
            "stream",
            "authentication required",
        ),
        (
            Streaming,
            "failed 'Your AI credits balance is too low to continue.'; exit 3".into(),
            "usage_limit",
            None,
            "stream",
            "credits balance",
        ),
        (
            Streaming,
            "wrong 'flag provided but not defined: -model'".into(),
            "harness_launch",
            Some("usage_error"),
            "stderr",
            "not defined: -model",
        ),
        // The first versions say it on standard output, or only in the log.
        (First, format!("echo '{QUOTA}'; exit 1"), "usage_limit", None, "text", "Individual quota reached"),
        (First, format!("echo 'Error: {QUOTA}'"), "usage_limit", None, "stdout", "Individual quota reached"),
        (
            First,
            format!("echo strange >&2; printf '{login}\\n' \"{stamp}\" >> \"$LOG\"; exit 1"),
            "auth_or_proxy",
            None,
            "log",
            not_logged_in,
        ),
        (
            First,
            format!(
                "echo strange >&2; mkdir -p \"$HELD/log\"; cp \"$LOG\" \"$HELD/log/cli-20261123_100000.log\"; \
                 printf '{login}\\n' \"{stamp}\" >> \"$HELD/log/cli-20261123_100000.log\"; exit 1"
            ),
            "auth_or_proxy",
            None,
            "antigravity_log",
            not_logged_in,
        ),
        // Silence.
        (First, "exit 0".into(), "unidentified_issue", None, "stdout", "gave no answer"),
        (Streaming, "exit 0".into(), "unidentified_issue", None, "stdout", "without telling a result"),
    ];
    std::thread::scope(|scope| {
        for failures in failures.chunks(failures.len().div_ceil(3)) {
            scope.spawn(move || failures.iter().for_each(fails));
        }
    });
}

fn fails((version, script, category, cause, source, says): &Failure<'_>) {
    let sandbox = strict();
    sandbox.agy(*version, &format!("echo x > made.txt; {script}"));
    let output = sandbox.relay(&["--agent", FLASH, "work"]);
    assert_eq!(output.status.code(), Some(1), "{script}: {}", stdout(&output));
    let record = only_try(&sandbox);
    assert_eq!(
        (record["completed"].as_bool(), record["category"].as_str(), record["cause"].as_str()),
        (Some(false), Some(*category), *cause),
        "{script}: {record}"
    );
    let evidence = &record["evidence"];
    assert_eq!(evidence["source"], *source, "{script}: {record}");
    assert!(evidence["message"].as_str().unwrap().contains(says), "{script}: {record}");
    assert_eq!(record["session_id"], SESSION, "{script}");
    let resets = script.contains("Resets in");
    assert_eq!(evidence["reset_at"].is_string(), resets, "{script}: {record}");
    assert!(!settings(&sandbox).exists());
}

#[test]
fn a_quota_that_is_retried_in_silence_is_read_from_the_log() {
    for version in VERSIONS {
        let sandbox = Sandbox::initialised();
        sandbox.configure("[reliability]\nretry_budget = 1\nmax_failed_runs = 1\nretry_patience_secs = 1\n");
        sandbox.agy(
            version,
            &format!("note E 'run.go:9] agent executor error: model unreachable: {QUOTA}'; sleep 600"),
        );
        let output = sandbox.relay(&["--agent", FLASH, "work"]);
        assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
        let record = only_try(&sandbox);
        assert_eq!(record["category"], "usage_limit", "{record}");
        assert!(record["evidence"]["reset_at"].is_string(), "{record}");
    }
}
