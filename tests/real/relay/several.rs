//! What goes beyond one CLI and one try: mixes, shared folders, pauses, harnesses of the user's own.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{Settings, UNIQUE, footer, initialise, new_relay, rally, tries};
use crate::cli::Cli;
use crate::lab::{holds, lab, wait_until};

// 10-Z4, 30-S2
#[test]
fn a_mix_takes_turns() {
    lab(&[Cli::Claude, Cli::Gemini, Cli::Opencode], |lab| {
        initialise(lab, &Settings::default());
        let args = ["relay", "--new", "-i", "3", "--agent", "cc ge op", UNIQUE];
        let done = lab.run(rally(lab, "ok", "mix", &args)).expect_code(0);
        let records: [Value; 3] = tries(lab, &done);
        let agents = records.each_ref().map(|record| record["agent_type"].as_str().unwrap());
        assert_eq!(agents, ["claude", "gemini", "opencode"]);
        assert!(records.iter().all(|record| record["completed"] == true), "{records:#?}");
        for (number, cli) in [(1, "claude"), (2, "gemini"), (3, "opencode")] {
            assert!(done.stdout.contains(&format!("[{number}/3] {cli} - ")), "{done:#?}");
        }
        let models: Vec<String> = lab.mock.turns("mix").into_iter().map(|turn| turn.model).collect();
        let expected = [Cli::Claude, Cli::Gemini, Cli::Opencode].map(|cli| [cli.model_at_server(); 2]);
        assert_eq!(models, expected.as_flattened());
    });
}

// 30-S13
#[test]
fn repositories_share_a_data_folder_and_no_logs() {
    lab(&[Cli::Codex], |lab| {
        let other = lab.sandbox.root().join("other");
        lab.sandbox.git(["clone", "-q", ".", other.to_str().unwrap()]);
        let data = lab.sandbox.root().join("data");
        let config = format!(
            "schema_version = 2\ndata_dir = \"{}\"\n[defaults]\ncodex_model = \"gpt-5.5\"\n\
             [reliability]\nretry_budget = 1\nmax_failed_runs = 1\n",
            data.display()
        );
        for folder in [lab.sandbox.repo(), other.clone()] {
            lab.run(at(&folder, rally(lab, "ok", "init", &["init"]))).expect_code(0);
            std::fs::write(folder.join(".rally/config.toml"), &config).unwrap();
            let command = new_relay(lab, Cli::Codex, "ok", UNIQUE);
            lab.run(at(&folder, command)).expect_code(0);
        }
        let log = |folder: &std::path::Path| {
            let text = std::fs::read_to_string(folder.join(".rally/state/tries.jsonl")).unwrap();
            let record: Value = serde_json::from_str(text.trim_end()).unwrap();
            std::path::PathBuf::from(record["log_path"].as_str().unwrap())
        };
        let logs = [log(&lab.sandbox.repo()), log(&other)];
        assert!(logs.iter().all(|log| log.exists() && log.starts_with(data.join("tries"))), "{logs:?}");
        assert_ne!(logs[0].parent(), logs[1].parent());
    });
}

fn at(folder: &std::path::Path, mut command: std::process::Command) -> std::process::Command {
    command.current_dir(folder);
    command
}

// 30-S10, 30-S12: a CLI that cannot reach its provider twice in a run is paused.
#[test]
fn repeated_trouble_pauses_the_runner() {
    lab(&[Cli::Codex], |lab| {
        initialise(lab, &Settings { tries: 2, failed_runs: 2, ..Settings::default() });
        let running = lab.start(new_relay(lab, Cli::Codex, "503-ra1", UNIQUE));
        let waits = || running.stdout().contains("all agents paused, waiting");
        wait_until(waits, || format!("no pause: {}", running.story()));
        running.signal(Signal::TERM);
        let done = running.finish().expect_code(128 + 15);
        let log = lab.sandbox.home().join(".local/share/rally/relays");
        assert!(holds(&log, "all agents paused, waiting"), "{}", log.display());
        let records: [Value; 2] = tries(lab, &done);
        assert!(records.iter().all(|record| record["category"] == "provider_overloaded"), "{records:#?}");
        let events = lab.sandbox.records(".rally/state/agent_status.jsonl");
        assert_eq!(events.len(), 1, "{events:#?}");
        assert_eq!(events[0]["event_type"], "paused", "{events:#?}");
        assert_eq!(events[0]["agent_type"], "codex", "{events:#?}");
        assert_eq!(events[0]["model"], Cli::Codex.model(), "{events:#?}");
    });
}

// 30-S11
#[test]
fn no_changes_are_no_reason_to_pause() {
    lab(&[Cli::Codex], |lab| {
        initialise(lab, &Settings { tries: 2, ..Settings::default() });
        let done = lab.run(new_relay(lab, Cli::Codex, "ok", "Say hello")).expect_code(1);
        let records: [Value; 2] = tries(lab, &done);
        assert!(records.iter().all(|record| record["fail_reason"] == "no changes made"), "{records:#?}");
        let events = lab.sandbox.records(".rally/state/agent_status.jsonl");
        assert!(events.iter().all(|event| event["event_type"] != "paused"), "{events:#?}");
    });
}

/// Arguments of the user's stand beside rally's own, which are in no conflict with each other.
#[test]
fn codex_takes_arguments_of_the_users() {
    lab(&[Cli::Codex], |lab| {
        let more =
            "[harness.codex]\nargs = [\"--skip-git-repo-check\", \"-c\", \"model_reasoning_effort=low\"]";
        initialise(lab, &Settings { more, ..Settings::default() });
        let done = lab.run(new_relay(lab, Cli::Codex, "ok", UNIQUE)).expect_code(0);
        let [record] = tries(lab, &done);
        assert_eq!(record["completed"], true, "{record:#}");
        let turns = lab.mock.turns("ok");
        assert!(turns.iter().all(|turn| turn.effort.as_deref() == Some("low")), "{turns:#?}");
    });
}

const MYCODE: &str = r#"
[harness.mycode]
command = ["opencode", "run", "$PROMPT", "--format", "json"]
model_flag = "--model"
output_strategy = "tail"
output_lines = 50
tail_stream = "stdout"

[harness.mycode.models]
mini = "mock/m1"
big = "mock/m2"
"#;

// 10-Z7, 30-S4, 30-S19
#[test]
fn opencode_as_a_harness_of_the_users_own() {
    lab(&[Cli::Opencode], |lab| {
        initialise(lab, &Settings { more: MYCODE, ..Settings::default() });
        let args = ["relay", "--new", "--agent", "mycode:big", UNIQUE];
        let done = lab.run(rally(lab, "ok", "mine", &args)).expect_code(0);
        let [record] = tries(lab, &done);
        assert_eq!(record["completed"], true, "{record:#}");
        assert_eq!(record["agent_type"], "mycode");
        assert_eq!(record["model"], "mock/m2");
        let summary = record["summary"].as_str().unwrap();
        assert!(summary.contains("DONE") && !summary.contains('\x1b'), "{record:#}");
        assert!(lab.mock.turns("mine").iter().all(|turn| turn.model == "m2"));
        let relays = lab.sandbox.records(".rally/state/relays.jsonl");
        assert!(relays.last().unwrap()["agent_mix"].as_str().unwrap().contains("mycode"), "{relays:#?}");
        assert!(!done.stderr.contains("TUI"), "{done:#?}");
    });
}

#[test]
fn opencode_as_a_terminal_program_is_warned_about() {
    lab(&[], |lab| {
        let more = "[harness.mycode]\ncommand = [\"opencode\"]";
        initialise(lab, &Settings { more, ..Settings::default() });
        let done = lab.run(rally(lab, "ok", "check", &["relay", "--resume"])).expect_code(0);
        assert!(done.stderr.contains("opencode without run starts its TUI"), "{done:#?}");
    });
}

#[test]
fn root_without_a_sandbox_is_explained() {
    lab(&[Cli::Claude], |lab| {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: not root");
            return;
        }
        initialise(lab, &Settings::default());
        let mut command = new_relay(lab, Cli::Claude, "ok", "Create MAKEFILE(never.txt|)");
        command.env_remove("IS_SANDBOX");
        let done = lab.run(command).expect_code(1);
        let [record] = tries(lab, &done);
        assert_eq!(record["outcome"], "failed", "{record:#}");
        assert_eq!(record["exit"], json!({"code": 1}), "{record:#}");
        assert!(record["fail_reason"].as_str().unwrap().contains("root"), "{record:#}");
        assert!(footer(&done, "✗ failed").contains("root"), "{done:#?}");
        assert!(lab.mock.turns("ok").is_empty());
    });
}
