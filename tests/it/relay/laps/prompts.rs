//! What the agent of a lap is told, what it works with, and what it leaves behind.

use serde_json::json;

use super::{WORK, relay, waiting, workspace};
use crate::support::{Sandbox, rally};

const CC: [&str; 2] = ["--agent", "cc"];

/// The parts are in the text, in this order.
#[track_caller]
fn in_order(text: &str, parts: &[&str]) {
    let mut from = 0;
    for part in parts {
        let at = text[from..].find(part);
        from += at.unwrap_or_else(|| panic!("no {part:?} in its place in:\n{text}")) + part.len();
    }
}

// 30-40, 30 section 16.1
#[test]
fn the_prompt_of_a_lap_has_its_parts_in_order() {
    let sandbox = workspace(&["Build the gate@senior"]);
    sandbox.claude(WORK);
    relay(&sandbox, 0, &CC);
    let prompt = sandbox.note("prompt.1");
    let id = sandbox.tries()[0]["lap_id"].as_str().unwrap().to_owned();
    in_order(
        &prompt,
        &[
            "Persona: claude",
            "## Headless Operation",
            "## Finalizing Your Work",
            "Task: Build the gate\n",
            &format!("Lap ID: {id}\nAssignee: senior\n"),
            "## Role Instructions",
            "## Task\n\ndo it\n",
            "## Run Exit Conditions",
            "already claimed",
            "`laps done`",
            "`laps handoff`",
        ],
    );
    assert!(!prompt.contains("rally progress") && !prompt.contains("## Leftover Changes"), "{prompt}");
}

// 30-37, 30-38
#[test]
fn the_text_of_a_role_is_the_users_else_rallys_else_none() {
    let sandbox = workspace(&["one@senior", "two@junior", "three@designer", "four"]);
    sandbox.write(".rally/agents/user/SENIOR.md", "Be terse as a stone.\n");
    sandbox.git(["add", "-A"]);
    sandbox.git(["commit", "-q", "-m", "role"]);
    sandbox.claude(WORK);
    relay(&sandbox, 0, &CC);
    let role = |n| {
        let prompt = sandbox.note(&format!("prompt.{n}"));
        let text = prompt.split_once("## Role Instructions\n\n")?.1.split_once("\n\n## Task\n");
        Some(text.unwrap().0.to_owned())
    };
    assert_eq!(role(1).as_deref(), Some("Be terse as a stone."));
    assert!(role(2).is_some_and(|text| text.contains("five") || text.contains("iteration")));
    assert_eq!((role(3), role(4)), (None, None));
}

// 30-X3
#[test]
fn a_role_file_that_cannot_be_read_is_replaced_by_rallys_text() {
    let sandbox = workspace(&["one@senior"]);
    let file = sandbox.repo().join(".rally/agents/user/senior.md");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink("nowhere.md", &file).unwrap();
    sandbox.claude(WORK);
    let said = relay(&sandbox, 0, &CC);
    assert!(said.contains("the role senior gets rally's own text"), "{said}");
    assert!(sandbox.note("prompt.1").contains("## Role Instructions"));
}

// 20-AF-PR-06, 30 section 16.1
#[test]
fn verify_is_told_to_add_laps_and_never_to_hand_off() {
    let sandbox = workspace(&["Check it@verify"]);
    sandbox.claude(WORK);
    let said = relay(&sandbox, 0, &CC);
    let prompt = sandbox.note("prompt.1");
    assert!(!prompt.contains("## Finalizing Your Work") && prompt.contains("do not hand off"), "{prompt}");
    // 10-M8
    assert!(said.contains("[1/1] VERIFY: claude - Check it - started "), "{said}");
}

// 30-35
#[test]
fn the_instructions_of_laps_replace_the_projects() {
    let sandbox = workspace(&["one"]);
    sandbox.write(".rally/instructions.md", "For all work.\n");
    sandbox.write("laps.md", "For laps alone.\n");
    sandbox.configure("[laps]\ninstructions_file = \"laps.md\"\n");
    sandbox.claude(WORK);
    relay(&sandbox, 0, &CC);
    let prompt = sandbox.note("prompt.1");
    assert!(prompt.contains("## Project Instructions\n\nFor laps alone.\n"), "{prompt}");
    assert!(!prompt.contains("For all work."));

    // A free run has nothing to do with it.
    relay(&sandbox, 0, &["--new", "--no-laps", "--agent", "cc", "work"]);
    assert!(sandbox.note("prompt.2").contains("For all work."));

    std::fs::remove_file(sandbox.repo().join("laps.md")).unwrap();
    rally(&sandbox, 0, &["laps", "add", "tail", "--title", "two"]);
    let said = relay(&sandbox, 0, &["--new", "--agent", "cc"]);
    assert_eq!(said.matches("laps.md ([laps].instructions_file) is left out").count(), 1, "{said}");
    assert!(sandbox.note("prompt.3").contains("For all work."));
}

// 30-58..63
#[test]
fn an_unfinished_try_is_followed_by_guidance_and_leaves_its_work_uncommitted() {
    let sandbox = workspace(&["Build it"]);
    sandbox.claude(
        "init; git log --format=%s -- work.txt > \"$S/log.$N\"; git status --porcelain > \"$S/status.$N\"
        echo $N >> work.txt; [ $N = 1 ] || laps done; result ok",
    );
    relay(&sandbox, 0, &CC);
    let tries = sandbox.tries();
    assert_eq!((&tries[0]["outcome"], &tries[0]["category"]), (&json!("incomplete"), &json!(null)));
    assert_eq!(tries[0]["fail_reason"], "incomplete: file changes without finalization");
    assert_eq!(tries[0]["commit_hash"], "");
    assert_eq!(sandbox.note("log.2"), "", "nothing was committed");
    assert!(sandbox.note("status.2").contains("?? work.txt"));
    let guidance = "## Task\n\ndo it\n\nThe try before this one ended without finalising";
    assert!(!sandbox.note("prompt.1").contains("The try before"));
    assert!(sandbox.note("prompt.2").contains(guidance), "{}", sandbox.note("prompt.2"));
    // 30-60
    let status = sandbox.records(".rally/state/agent_status.jsonl");
    assert!(status.iter().all(|event| event["event_type"] == "active"), "{status:#?}");
}

// 30-61
#[test]
fn what_lay_there_before_is_not_unfinished_work() {
    let sandbox = workspace(&["Build it"]);
    sandbox.write("theirs.txt", "half\n");
    sandbox.claude("init; [ $N = 1 ] || laps done; result ok");
    relay(&sandbox, 0, &CC);
    let tries = sandbox.tries();
    assert_eq!(tries[0]["outcome"], "failed", "{tries:#?}");
    assert!(sandbox.note("prompt.1").contains("## Leftover Changes"));
    assert_eq!(sandbox.tries()[0]["evidence"]["source"], "workspace");
    assert!(sandbox.note("prompt.2").contains("The try before this one ended without finalising"));
}

// 30-76
#[test]
fn a_command_that_is_only_written_down_does_nothing() {
    let sandbox = workspace(&["Build it"]);
    sandbox.configure("[reliability]\nretry_budget = 1\nmax_failed_runs = 1\n");
    sandbox.claude("init; result 'laps done'");
    let said = relay(&sandbox, 1, &CC);
    assert!(said.contains("the agent wrote `laps done` as text, but did not execute it"), "{said}");
    assert_eq!(waiting(&sandbox).len(), 1);
    assert_eq!(sandbox.tries()[0]["outcome"], "failed");
    assert_eq!(sandbox.relays()[0]["completed_iterations"], 0);
}

/// One variable of the agent's environment.
fn variable(sandbox: &Sandbox, name: &str) -> Option<String> {
    let env = sandbox.note("env.1");
    env.lines().find_map(|line| line.strip_prefix(&format!("{name}=")).map(str::to_owned))
}

// 30 section 13.3, 40-L: the session that a claim is held for, and no key of others
#[test]
fn the_environment_of_an_agent_names_its_session_and_finds_these_programs() {
    for installed in [false, true] {
        let sandbox = workspace(&["one"]);
        let program =
            if installed { sandbox.install_laps("0.9.0") } else { Sandbox::rally_path().to_owned() };
        sandbox.claude(&format!(
            "for it in rally laps; do readlink -f \"$(command -v $it)\" > \"$S/$it\"; done; {WORK}"
        ));
        let mut command = sandbox.rally(["relay", "--agent", "cc"]);
        let output = command.env("LAPS_NEW_RELIC_LICENSE_KEY", "secret").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let session = variable(&sandbox, "LAPS_SESSION");
        assert!(session.is_some() && session == variable(&sandbox, "RALLY_TRY"), "{session:?}");
        assert_eq!(variable(&sandbox, "LAPS_NEW_RELIC_LICENSE_KEY"), None);
        let found = |name| std::path::PathBuf::from(sandbox.note(name).trim());
        assert_eq!(found("rally"), Sandbox::rally_path().canonicalize().unwrap());
        assert_eq!(found("laps"), program.canonicalize().unwrap());
    }
}

// 30-96..101
#[test]
fn the_wrapup_is_the_summary_and_a_run_without_one_gets_a_line() {
    let sandbox = workspace(&["one", "two"]);
    sandbox.claude(
        "init; laps done; if [ $N = 1 ]; then laps wrapup --summary 'the report'; fi; result \"said $N\"",
    );
    relay(&sandbox, 0, &CC);
    let tries = sandbox.tries();
    assert_eq!((&tries[0]["summary"], &tries[1]["summary"]), (&json!("the report"), &json!("said 2")));
    let lines = sandbox.records(".rally/summary.jsonl");
    let of = |n: usize| {
        let name = format!("relay-1-run-{n}");
        let found: Vec<_> = lines.iter().filter(|line| line["run_id"] == *name).collect();
        assert_eq!(found.len(), 1, "{lines:#?}");
        (found[0]["summary"].clone(), found[0]["laps_completed"].clone())
    };
    assert_eq!(of(1), (json!("the report"), json!([tries[0]["lap_id"]])));
    assert_eq!(of(2), (json!("said 2"), json!([tries[1]["lap_id"]])));
}

// 10-F, [reasoning]
#[test]
fn what_a_role_wants_reaches_the_command_line() {
    let sandbox = workspace(&["one@senior", "two@junior", "three"]);
    sandbox.configure("[reasoning]\nsenior = \"high\"\njunior = \"haiku\"\n");
    sandbox.claude(WORK);
    relay(&sandbox, 0, &CC);
    let args = |n| sandbox.note(&format!("args.{n}"));
    assert!(args(1).contains("high\n"), "{}", args(1));
    assert!(args(2).contains("haiku\n") && !args(2).contains("high\n"), "{}", args(2));
    assert!(!args(3).contains("high\n") && !args(3).contains("haiku\n"), "{}", args(3));
}

// 40-9: a closed gate ends a pass, and is no reason to think that the queue is empty
#[test]
fn a_closed_gate_ends_a_pass_and_the_relay_goes_on_when_it_is_open() {
    let sandbox = workspace(&["first"]);
    for args in [&["new", "auth"][..], &["enqueue", "auth", "tail"]] {
        rally(&sandbox, 0, &[&["laps", "stints"], args].concat());
    }
    rally(&sandbox, 0, &["laps", "add", "tail", "-s", "auth", "--title", "second"]);
    rally(&sandbox, 0, &["laps", "stints", "hold", "auth"]);
    sandbox.claude(WORK);
    let said = relay(&sandbox, 1, &CC);
    assert!(said.contains("held at the gate of auth") && said.contains("rally relay --resume"), "{said}");
    assert_eq!(sandbox.relays()[0]["ended_at"], json!(null));

    // A fresh start has nothing to begin.
    let said = relay(&sandbox, 1, &["--new", "--agent", "cc"]);
    assert!(said.contains("auth"), "{said}");
    assert_eq!((sandbox.relays().len(), sandbox.tries().len()), (1, 1), "{said}");

    rally(&sandbox, 0, &["laps", "stints", "release", "auth"]);
    relay(&sandbox, 0, &["--resume"]);
    assert_eq!(sandbox.tries().len(), 2);
    assert!(sandbox.relays()[0]["ended_at"].is_string());
}

// 30-102, 30-I2
#[test]
fn a_message_reaches_the_next_lap_and_is_addressed() {
    let sandbox = workspace(&["one", "two"]);
    rally(&sandbox, 0, &["message", "add", "mind the gap"]);
    sandbox.claude(WORK);
    relay(&sandbox, 0, &CC);
    assert!(sandbox.note("prompt.1").contains("Inbox Message:\nmind the gap"));
    assert!(!sandbox.note("prompt.2").contains("mind the gap"));
    assert!(rally(&sandbox, 0, &["message", "list"]).contains("no messages wait"));
    assert_eq!(sandbox.relays()[0]["consumed_message_ids"], json!([1]));
}

// 30-L14
#[test]
fn the_claim_of_a_lap_that_waits_for_a_runner_is_given_back_at_a_stop() {
    let sandbox = workspace(&["one"]);
    sandbox.configure("[reliability]\nretry_budget = 2\n");
    sandbox.claude("echo 'rate limit reached, retry after 10ms' >&2; exit 1");
    let running = sandbox.start_relay(&CC);
    sandbox.wait_for("the pause of the runner", || {
        let events = sandbox.whole_records(".rally/state/agent_status.jsonl");
        events.iter().any(|event| event["event_type"] == "paused")
    });
    running.signal("TERM");
    assert_eq!(running.finish().status.code(), Some(143));
    assert_eq!(sandbox.tries().len(), 2);
    assert!(!sandbox.repo().join(".laps/claim").exists());
    assert_eq!(waiting(&sandbox).len(), 1);
}
