//! One relay from start to end.

use crate::support::{Sandbox, stderr, stdout};

const CREATE: &str = "init; tool Write; echo made > smoke-test.txt; result 'Made the file.'";

// 30-S1, 10-Z1
#[test]
fn a_file_is_made_committed_and_recorded() {
    let sandbox = Sandbox::initialised();
    sandbox.claude(CREATE);
    let output = sandbox.relay(&["--new", "--iterations", "1", "--agent", "cc", "Create smoke-test.txt"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let tries = sandbox.tries();
    assert_eq!(tries.len(), 1);
    let record = &tries[0];
    assert_eq!(record["completed"], true);
    assert_eq!(record["outcome"], "completed");
    assert_eq!(record["agent_type"], "claude");
    assert_eq!(record["summary"], "Made the file.");
    assert_eq!(record["session_id"], "session-1");
    assert_eq!(record["files_changed"], serde_json::json!(["smoke-test.txt"]));
    assert_eq!(record["tool_calls"], 1);
    assert_eq!(record["usage"]["output_tokens"], 5);
    assert_eq!(record["cost_usd"], 0.01);
    assert_eq!(record["exit"]["code"], 0);
    let hash = record["commit_hash"].as_str().unwrap();
    assert_eq!(hash, sandbox.git(["rev-parse", "HEAD"]));
    assert!(stdout(&output).contains(&hash[..7]), "the footer shows the commit: {}", stdout(&output));
    assert_eq!(
        sandbox.git(["show", "--format=", "--name-only", "HEAD"]),
        ".rally/summary.jsonl\nsmoke-test.txt"
    );
    assert_eq!(sandbox.git(["status", "--porcelain"]), "");
    assert!(stdout(&output).contains("Relay complete."));
}

/// In a container the leader of rally's session is often outside its pid namespace: its number is 0.
#[test]
fn a_session_whose_leader_is_out_of_sight_is_no_trouble() {
    const OPTIONS: [&str; 5] = ["--map-root-user", "--pid", "--fork", "--mount-proc", "--"];
    let sandbox = Sandbox::initialised();
    let possible = sandbox.command("unshare").args(OPTIONS).arg("true").output();
    if !possible.is_ok_and(|output| output.status.success()) {
        println!("skipped: no pid namespace can be made here");
        return;
    }
    sandbox.claude("init; setsid sleep 300 & echo made > made-$N.txt; result ok");
    let output = sandbox
        .command("unshare")
        .args(OPTIONS)
        .arg(Sandbox::rally_path())
        .args(["relay", "--new", "-i", "2", "--agent", "cc", "work"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(sandbox.tries().len(), 2);
}

// 30-S3, 10-Z3, 30-S8
#[test]
fn weights_are_honoured_and_kept_as_typed() {
    let sandbox = Sandbox::initialised();
    sandbox.claude("init; echo $N > file-$N.txt; result ok");
    let output = sandbox.relay(&["--new", "-i", "2", "--agent", "cc:2", "make files"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let mix = sandbox.relays()[0]["agent_mix"].as_str().unwrap().to_owned();
    assert!(mix.contains("cc:2"), "{mix}");
    assert_eq!(sandbox.tries().len(), 2);
    assert!(stdout(&output).contains("[1/2]") && stdout(&output).contains("[2/2]"), "{}", stdout(&output));
}

// 30-178
#[test]
fn a_failed_run_and_its_replacement_have_the_same_place() {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[reliability]\nretry_budget = 1\n");
    sandbox.claude("init; if [ $N = 1 ]; then exit 1; fi; echo $N > file-$N.txt; result ok");
    let output = sandbox.relay(&["-i", "2", "--agent", "cc", "make files"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let shown = stdout(&output);
    let places: Vec<&str> =
        ["[1/2]", "[2/2]", "[3/2]"].into_iter().flat_map(|place| shown.matches(place)).collect();
    assert_eq!(places, ["[1/2]", "[1/2]", "[2/2]"], "{shown}");
}

// 30-S4, 10-Z7, 30-33, 20-AF-GN-01..03
#[test]
fn a_custom_harness_gets_prompt_and_model() {
    let sandbox = Sandbox::initialised();
    sandbox.configure(
        "[harness.mycode]\ncommand = [\"mycode\", \"run\"]\nmodel_flag = \"--model\"\n\
         [harness.mycode.models]\nkimi = \"opencode-go/kimi-k2.6\"\n",
    );
    sandbox.program(
        "mycode",
        "echo \"args: $*\"; cat > prompt.txt; printf '\\033[31mred\\033[0m done\\n'; echo oops >&2",
    );
    let output = sandbox.relay(&["--new", "--agent", "mycode:kimi", "Create file custom-test.txt"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(sandbox.relays()[0]["agent_mix"].as_str().unwrap().contains("mycode:kimi"));
    let record = &sandbox.tries()[0];
    assert_eq!(record["agent_type"], "mycode");
    assert_eq!(record["model"], "opencode-go/kimi-k2.6");
    let summary = record["summary"].as_str().unwrap();
    assert!(
        summary.contains("args: run --model opencode-go/kimi-k2.6") && summary.contains("red done"),
        "{summary}"
    );
    assert!(!summary.contains('\u{1b}'), "no escapes in a summary"); // 30-S19
    assert!(sandbox.read("prompt.txt").contains("Create file custom-test.txt"));
    let log = std::fs::read_to_string(record["log_path"].as_str().unwrap()).unwrap();
    assert!(
        log.contains("oops") && log.contains("\u{1b}[31m"),
        "the transcript is raw and has stderr: {log:?}"
    );
}

// 30-15, 30-40 (free run), 20-AF-PR-07
#[test]
fn the_prompt_reaches_the_agent_by_standard_input() {
    let sandbox = Sandbox::initialised();
    sandbox.write(".rally/instructions.md", "Always write haiku.\n");
    sandbox.claude(CREATE);
    let output = sandbox.relay(&["--agent", "cc", "--", "- Say \"hi\" to $HOME"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let prompt = sandbox.note("prompt.1");
    assert!(prompt.contains("- Say \"hi\" to $HOME"), "{prompt}");
    assert!(prompt.contains("Always write haiku."));
    assert!(prompt.contains("rally progress --summary") && !prompt.contains("laps done"));
    assert!(!sandbox.note("args.1").contains("Say"), "nothing in ps");
    assert_eq!(sandbox.read(".rally/state/current_task.md"), prompt);
}

#[test]
fn the_prompt_may_come_from_a_file_or_standard_input() {
    let sandbox = Sandbox::initialised();
    sandbox.claude("init; echo $N > file-$N.txt; result ok");
    let task = "x".repeat(300_000);
    sandbox.write("task.md", &task);
    let output = sandbox.relay(&["--agent", "cc", "--prompt-file", "task.md"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(sandbox.note("prompt.1").contains(&task), "a prompt of any size");
    let file = std::fs::File::open(sandbox.repo().join("task.md")).unwrap();
    let output = sandbox.rally(["relay", "--agent", "cc", "-"]).stdin(file).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(sandbox.note("prompt.2").contains(&task));
}

// 30-S13, 10-L6
#[test]
fn two_repositories_sharing_a_data_folder_never_mix() {
    let (one, two) = (Sandbox::initialised(), Sandbox::initialised());
    for sandbox in [&one, &two] {
        sandbox.claude("init; echo x > made.txt; result ok");
        let mut command = sandbox.rally(["relay", "--agent", "cc", "work"]);
        let output = command.env("RALLY_DATA_DIR", one.root().join("shared")).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
    }
    let logs: Vec<String> =
        [&one, &two].iter().map(|s| s.tries()[0]["log_path"].as_str().unwrap().to_owned()).collect();
    assert_ne!(logs[0], logs[1]);
    for log in &logs {
        assert!(log.starts_with(&one.root().join("shared/tries").display().to_string()), "{log}");
        assert!(std::path::Path::new(log).exists());
    }
}

// 30-18
#[test]
fn the_relay_log_is_in_the_data_folder() {
    let sandbox = Sandbox::initialised();
    sandbox.claude(CREATE);
    sandbox.relay(&["--agent", "cc", "work"]);
    let relays = sandbox.home().join(".local/share/rally/relays");
    let folder = std::fs::read_dir(&relays).unwrap().next().unwrap().unwrap().path();
    let log = std::fs::read_to_string(folder.join("relay-1.log")).unwrap();
    assert!(log.contains("completed"), "{log}");
    assert!(!sandbox.repo().join(".rally/relays").exists());
}

// 30-28
#[test]
fn the_running_try_is_visible_and_gone_afterwards() {
    let sandbox = Sandbox::initialised();
    sandbox.claude("cp .rally/state/run-state.json $S/state.json; init; echo x > made.txt; result ok");
    let output = sandbox.relay(&["--agent", "cc", "work"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let state: serde_json::Value = serde_json::from_str(&sandbox.note("state.json")).unwrap();
    let record = &sandbox.tries()[0];
    assert_eq!(state["run_id"], "relay-1-run-1");
    assert_eq!(
        (&state["active_relay_id"], &state["active_run_id"]),
        (&record["relay_id"], &record["run_id"])
    );
    assert_eq!(state["active_try_id"], record["id"]);
    assert_eq!(state["active_log_path"], record["log_path"]);
    assert!(!sandbox.repo().join(".rally/state/run-state.json").exists());
}

// 30-19, 30-49, 30-S16
#[test]
fn two_failures_then_success_are_one_run() {
    let sandbox = Sandbox::initialised();
    sandbox.claude("init; if [ $N -lt 3 ]; then failed 'not yet'; exit 1; fi; echo x > made.txt; result ok");
    let output = sandbox.relay(&["--agent", "cc", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let tries = sandbox.tries();
    let attempts: Vec<u64> = tries.iter().map(|t| t["attempt_number"].as_u64().unwrap()).collect();
    assert_eq!(attempts, [1, 2, 3]);
    assert!(tries.iter().all(|t| t["run_id"] == 1));
    assert_eq!(sandbox.relays()[0]["completed_iterations"], 1);
    assert!(sandbox.note("args.2").contains("--resume\nsession-1"), "{}", sandbox.note("args.2"));
    assert!(sandbox.note("args.3").contains("--resume\nsession-1"));
    assert!(!sandbox.note("args.1").contains("--resume"));
    assert!(sandbox.note("prompt.2").contains("not yet"), "the previous summary is told");
    assert!(stdout(&output).contains("passed on try 3/5"), "{}", stdout(&output));
}

// 30-20, 30-22: five attempts a run, five failed runs in a row end the pass; the relay stays resumable
#[test]
fn an_agent_that_always_fails_ends_the_pass() {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[reliability]\nretry_budget = 2\nmax_failed_runs = 2\n");
    sandbox.claude("init; failed 'no way'; exit 1");
    let output = sandbox.relay(&["-i", "3", "--agent", "cc", "work"]);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    let tries = sandbox.tries();
    assert_eq!(tries.len(), 4);
    assert!(tries.iter().all(|t| t["commit_hash"] == "" && t["completed"] == false));
    let relay = &sandbox.relays()[0];
    assert_eq!((&relay["completed_iterations"], &relay["ended_at"]), (&0.into(), &serde_json::Value::Null));
    let runs: Vec<u64> = tries.iter().map(|t| t["run_id"].as_u64().unwrap()).collect();
    assert_eq!(runs, [1, 1, 2, 2], "run numbers never repeat");
    assert!(stdout(&output).contains("2 failed runs in a row"), "{}", stdout(&output));
}

// 30-S20: one attempt, said on the screen, and nobody left who could run
#[test]
fn a_missing_program_is_one_attempt_and_never_a_crash() {
    let sandbox = Sandbox::initialised();
    let output =
        sandbox.rally(["relay", "--agent", "cc", "work"]).env("PATH", "/usr/bin:/bin").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let tries = sandbox.tries();
    assert_eq!(tries.len(), 1);
    assert_eq!(tries[0]["category"], "harness_launch");
    assert_eq!(tries[0]["cause"], "missing_program");
    let screen = stdout(&output);
    assert!(screen.contains("claude") && screen.contains("PATH"), "the cause is on the screen: {screen}");
    assert!(screen.contains("all agents unavailable"), "{screen}");
}

// 30-S11 in its part here: no pause; decisions: require_changes
#[test]
fn a_quick_success_that_changed_nothing_has_failed() {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[reliability]\nretry_budget = 2\nmax_failed_runs = 1\n");
    sandbox.claude("init; result 'all good'");
    let output = sandbox.relay(&["--agent", "cc", "work"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(sandbox.tries()[1]["fail_reason"], "no changes made");
    assert!(sandbox.records(".rally/state/agent_status.jsonl").is_empty());

    sandbox.configure("[reliability]\nrequire_changes = false\n");
    let output = sandbox.relay(&["--new", "--agent", "cc", "work"]);
    assert!(output.status.success(), "{}", stdout(&output));
}

// 30-S10
#[test]
fn repeated_infra_failures_pause_the_runner() {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[reliability]\nretry_budget = 2\nmax_failed_runs = 1\n");
    sandbox.claude("init; echo 'error: connection refused'; exit 1");
    let output = sandbox.relay(&["--agent", "cc", "work"]);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    assert_eq!(sandbox.tries().len(), 2);
    let status = sandbox.records(".rally/state/agent_status.jsonl");
    assert_eq!(status.len(), 1);
    assert_eq!((&status[0]["agent_type"], &status[0]["event_type"]), (&"claude".into(), &"paused".into()));
}

// 30-S17, 30-31: an agent's own report wins, and a handoff is a success
#[test]
fn what_the_agent_records_is_what_counts() {
    let sandbox = Sandbox::initialised();
    sandbox.claude(
        "init; rally progress --handoff --summary 'half done' --followup 'do the rest' && result bye",
    );
    let output = sandbox.relay(&["--agent", "cc", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let record = &sandbox.tries()[0];
    assert_eq!((&record["outcome"], &record["summary"]), (&"handoff_requested".into(), &"half done".into()));
    let lines = sandbox.records(".rally/summary.jsonl");
    assert_eq!(lines.len(), 1, "no stub beside the agent's own line");
    assert_eq!(lines[0]["run_id"], "relay-1-run-1");
    assert_eq!(lines[0]["handoff"]["followups"][0], "do the rest");
}

#[test]
fn what_can_be_refused_is_refused_before_anything_is_written() {
    let sandbox = Sandbox::initialised();
    let refused = |args: &[&str], code: i32, words: &[&str]| {
        let output = sandbox.relay(args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", stderr(&output));
        let text = stderr(&output);
        for word in words {
            assert!(text.contains(word), "{args:?}: {text}");
        }
        assert_eq!(text.matches("error:").count(), 1, "printed once: {text}");
    };
    refused(&["--agent", "gm", "work"], 2, &["unknown agent alias", "gm"]);
    refused(&["--agent", "cc:0", "work"], 2, &["must be positive"]);
    refused(&["--agent", " ", "work"], 2, &["empty value for"]);
    refused(&["--resume", "--new"], 2, &["--resume", "--new"]);
    refused(&["-i", "0", "--agent", "cc", "work"], 2, &["0"]);
    refused(&["-i", "-3", "--agent", "cc", "work"], 2, &["-3"]);
    refused(&["--agent", "cc", "--prompt-file", "nowhere.md"], 1, &["nowhere.md"]);
    refused(&["--agent", "cc", ""], 2, &["empty"]);
    refused(&["--bogus"], 2, &["--bogus", "Usage"]);
    assert!(sandbox.tries().is_empty() && sandbox.relays().is_empty());

    sandbox.write(".laps/laps.json", "{}");
    refused(&["--agent", "cc", "work"], 2, &["queue", "--no-laps"]);

    let outside = Sandbox::without_repository();
    let output = outside.relay(&["--agent", "cc", "work"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("rally init"), "{}", stderr(&output));

    let bare = Sandbox::new();
    let output = bare.relay(&["--agent", "cc", "work"]);
    assert!(stderr(&output).contains("rally init"), "{}", stderr(&output));
}

// 50-R13
#[test]
fn a_second_relay_is_refused_naming_the_holder() {
    let sandbox = Sandbox::initialised();
    sandbox.claude("here; await go; init; echo x > made.txt; result ok");
    let first = sandbox.start_relay(&["--agent", "cc", "work"]);
    sandbox.wait_for_note("here.1");
    let second = sandbox.relay(&["--agent", "cc", "work"]);
    assert_eq!(second.status.code(), Some(75));
    assert!(stderr(&second).contains(&first.pid().to_string()), "{}", stderr(&second));
    let status = sandbox.rally(["status"]).output().unwrap();
    assert!(stdout(&status).contains(&first.pid().to_string()), "{}", stdout(&status));
    sandbox.release("go");
    assert!(first.finish().status.success());
    assert_eq!(sandbox.tries().len(), 1);
}

// 50-R28: a closed standard output ends nothing
#[test]
fn a_reader_that_goes_away_does_not_end_the_relay() {
    let sandbox = Sandbox::initialised();
    sandbox.claude("init; echo $N > file-$N.txt; result ok");
    let script = format!("{} relay -i 3 --agent cc work | head -1", Sandbox::rally_path().display());
    let output = sandbox.command("sh").args(["-c", &script]).output().unwrap();
    assert!(!stderr(&output).contains("panicked"), "{}", stderr(&output));
    sandbox.wait_until_nobody_is_left();
    assert_eq!(sandbox.tries().len(), 3);
    assert!(!sandbox.relays()[0]["ended_at"].is_null());
}

// 50-R27: who shows it decides nothing
#[test]
fn a_reader_that_does_not_read_holds_nobody_up() {
    let sandbox = Sandbox::initialised();
    sandbox.claude("init; echo $N > file-$N.txt; result ok");
    let (_reader, writer) = std::io::pipe().unwrap();
    rustix::pipe::fcntl_setpipe_size(&writer, 4096).unwrap();
    let mut relay = sandbox.rally(["relay", "-i", "12", "--agent", "cc", "work"]);
    let errors = std::fs::File::create(sandbox.root().join("errors")).unwrap();
    let mut relay = relay.stdout(writer).stderr(errors).spawn().unwrap();
    sandbox.wait_for("the relay to end", || relay.try_wait().unwrap().is_some());
    assert!(relay.wait().unwrap().success());
    assert_eq!(sandbox.tries().len(), 12);
}

// 20-AF-QS-02, 20-AF-QS-04, 20-AF-OC-28
#[test]
fn a_used_up_quota_benches_whoever_shares_it_and_nobody_else() {
    let sandbox = Sandbox::initialised();
    sandbox.program(
        "opencode",
        r#"cat > /dev/null; case "$*" in *free/m3*) echo x > made.txt
        echo '{"type":"step_start","sessionID":"ses_1","part":{"type":"step-start"}}'
        echo '{"type":"text","sessionID":"ses_1","part":{"type":"text","text":"done"}}'
        echo '{"type":"step_finish","sessionID":"ses_1","part":{"type":"step-finish","reason":"stop"}}';;
        *) echo '{"type":"error","sessionID":"ses_1","error":{"name":"UsageLimitError","data":{"message":"Usage limit reached. Resets in 96h."}}}'; exit 1;; esac"#,
    );
    let output = sandbox.relay(&["--new", "--agent", "op:lim/m1 op:lim/m2 op:free/m3", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(sandbox.tries().len(), 2, "lim/m2 is not even tried: {}", stdout(&output));
    let benched: Vec<(String, String)> = sandbox
        .records(".rally/state/agent_status.jsonl")
        .iter()
        .map(|event| (event["model"].as_str().unwrap().into(), event["quota_scope"].as_str().unwrap().into()))
        .collect();
    let scope = "opencode:lim".to_owned();
    assert_eq!(benched, [("lim/m1".to_owned(), scope.clone()), ("lim/m2".to_owned(), scope)]);
}
