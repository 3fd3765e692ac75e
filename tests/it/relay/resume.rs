//! Going on with an unfinished relay.

use std::io::Write;
use std::process::Stdio;

use super::routes::{HANDS, order, with_hands};
use crate::support::{Sandbox, stderr, stdout};

/// Works until it is cut; the next invocation does the rest.
const CUT: &str =
    "init; if [ $N = 1 ]; then echo cut > cut.txt; here; sleep 600; fi; echo x > made.txt; result ok";

/// A relay of two iterations that failed after its first.
fn unfinished() -> Sandbox {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[reliability]\nretry_budget = 1\nmax_failed_runs = 1\n");
    sandbox.claude("init; if [ $N = 2 ]; then failed no; exit 1; fi; echo $N > file-$N.txt; result ok");
    let output = sandbox.relay(&["-i", "2", "--agent", "cc", "first task"]);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    sandbox
}

pub(super) fn answering(sandbox: &Sandbox, answers: &str, args: &[&str]) -> std::process::Output {
    let mut command = sandbox.rally(["relay"]);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(answers.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

// 30-S5, 10-Z2
#[test]
fn a_piped_answer_resumes() {
    let sandbox = unfinished();
    let output = answering(&sandbox, "resume\n", &["--agent", "cc"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert!(
        stderr(&output).contains("Unfinished relay #1 at iteration 1/2 (mix: cc)"),
        "{}",
        stderr(&output)
    );
    let relays = sandbox.relays();
    assert_eq!(relays.len(), 1);
    assert_eq!(relays[0]["completed_iterations"], 2);
    assert!(!relays[0]["ended_at"].is_null());
    assert!(sandbox.note("prompt.3").contains("first task"), "the task is remembered");
    let runs: Vec<u64> = sandbox.tries().iter().map(|t| t["run_id"].as_u64().unwrap()).collect();
    assert_eq!(runs, [1, 2, 3], "run numbers never repeat");
}

// 30-S5, 30-S7
#[test]
fn a_piped_answer_begins_anew() {
    let sandbox = unfinished();
    let output = answering(&sandbox, "new\n", &["--agent", "cc", "second task"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let relays = sandbox.relays();
    assert_eq!(relays.len(), 2);
    assert!(!relays[0]["ended_at"].is_null() && !relays[1]["ended_at"].is_null());
    assert!(sandbox.note("prompt.3").contains("second task"));
}

#[test]
fn two_answers_for_two_questions() {
    let sandbox = unfinished();
    sandbox.configure("[harness.other]\ncommand = [\"other\"]\n[reliability]\nretry_budget = 1\n");
    sandbox.program("other", "echo x > other.txt; echo done");
    let output = answering(&sandbox, "resume\noverwrite\n", &["--agent", "other"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(sandbox.tries().last().unwrap()["agent_type"], "other");

    let sandbox = unfinished();
    sandbox.configure("[harness.other]\ncommand = [\"other\"]\n[reliability]\nretry_budget = 1\n");
    let output = answering(&sandbox, "resume\nkeep\n", &["--agent", "other"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(sandbox.tries().last().unwrap()["agent_type"], "claude");
}

#[test]
fn a_typo_is_asked_again_and_never_a_default() {
    let sandbox = unfinished();
    let output = answering(&sandbox, "nwe\nnew\n", &["--agent", "cc", "second"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(sandbox.relays().len(), 2);
}

// 10-2.7: flags ask nothing and replace what they name
#[test]
fn resume_replaces_what_it_is_given_and_says_so() {
    let sandbox = unfinished();
    sandbox.configure("[harness.other]\ncommand = [\"other\"]\n[reliability]\nretry_budget = 1\n");
    sandbox.program("other", "cat > $PWD/prompt-$$.txt; echo done");
    let output = sandbox.relay(&["--resume", "-i", "3", "--agent", "other", "third task"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert!(!stderr(&output).contains("Unfinished relay"), "no question");
    for word in ["mix", "task", "target"] {
        assert!(stderr(&output).contains(&format!("the {word} of relay #1")), "{}", stderr(&output));
    }
    let relay = &sandbox.relays()[0];
    assert_eq!((&relay["target_iterations"], &relay["completed_iterations"]), (&3.into(), &3.into()));
    assert_eq!(relay["prompt"], "third task");
}

#[test]
fn resume_with_nothing_to_resume_says_so() {
    let sandbox = Sandbox::initialised();
    sandbox.claude("init; echo x > made.txt; result ok");
    let output = sandbox.relay(&["--resume", "--agent", "cc", "work"]);
    assert!(output.status.success());
    assert!(stderr(&output).contains("no unfinished relay"), "{}", stderr(&output));
}

// D15: the rotation goes on where it stood
#[test]
fn the_rotation_survives_a_restart() {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[harness.b]\ncommand = [\"b\"]\n[harness.c]\ncommand = [\"c\"]\n");
    sandbox.claude("here; init; echo a >> order.txt; result ok");
    sandbox.program("b", "echo b >> order.txt; echo done");
    sandbox.program(
        "c",
        "while [ -e hold ]; do sleep 0.02; done; echo c >> order.txt; echo done; : > $HOME/c-ran",
    );
    sandbox.write("hold", "");
    let relay = sandbox.start_relay(&["-i", "4", "--agent", "cc b c", "work"]);
    sandbox.wait_for("two runs", || sandbox.tries().len() == 2);
    relay.kill();
    sandbox.wait_until_nobody_is_left();
    std::fs::remove_file(sandbox.repo().join("hold")).unwrap();
    let output = sandbox.relay(&["--resume"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(sandbox.read("order.txt"), "a\nb\nc\na\n");
}

// The heart of the matter: nothing is lost, nothing is done twice, the session goes on
#[test]
fn after_kill_9_the_run_goes_on_in_its_session_and_commits_everything() {
    let sandbox = Sandbox::initialised();
    sandbox.write("mine.txt", "the user's, before\n");
    sandbox.claude(
        "init; if [ $N = 1 ]; then echo cut > cut.txt; here; sleep 600; fi; echo rest > rest.txt; result ok",
    );
    let relay = sandbox.start_relay(&["--agent", "cc", "work"]);
    sandbox.wait_for_note("here.1");
    let known = || sandbox.records(".rally/state/journal.jsonl").iter().any(|line| line["fact"] == "session");
    sandbox.wait_for("the session to be known", known);
    relay.kill();
    sandbox.wait_until_nobody_is_left();
    assert!(sandbox.tries().is_empty());

    let output = sandbox.relay(&["--resume"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let tries = sandbox.tries();
    assert_eq!(tries.len(), 2);
    assert_eq!((&tries[0]["outcome"], &tries[0]["session_id"]), (&"interrupted".into(), &"session-1".into()));
    assert_eq!((&tries[1]["outcome"], &tries[1]["run_id"]), (&"completed".into(), &tries[0]["run_id"]));
    assert_eq!((&tries[0]["attempt_number"], &tries[1]["attempt_number"]), (&1.into(), &2.into()));
    assert!(sandbox.note("args.2").contains("--resume\nsession-1"), "{}", sandbox.note("args.2"));
    let files = sandbox.git(["show", "--format=", "--name-only", "HEAD"]);
    assert_eq!(files, ".rally/summary.jsonl\ncut.txt\nrest.txt");
    assert_eq!(sandbox.git(["status", "--porcelain"]), "?? mine.txt", "nothing of the user's");
}

#[test]
fn a_cancelled_try_commits_nothing_and_the_resumed_run_does() {
    let sandbox = Sandbox::initialised();
    let head = sandbox.git(["rev-parse", "HEAD"]);
    sandbox.claude(
        "init; if [ $N = 1 ]; then echo cut > cut.txt; here; sleep 600; fi; echo rest > rest.txt; result ok",
    );
    let relay = sandbox.start_relay(&["--agent", "cc", "work"]);
    sandbox.wait_for_note("here.1");
    relay.signal("TERM");
    assert_eq!(relay.finish().status.code(), Some(143));
    assert_eq!(sandbox.git(["rev-parse", "HEAD"]), head);
    let output = sandbox.relay(&["--resume"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(
        sandbox.git(["show", "--format=", "--name-only", "HEAD"]),
        ".rally/summary.jsonl\ncut.txt\nrest.txt"
    );
    assert_eq!(sandbox.tries()[1]["run_id"], 1, "the same run");
}

// 30-S6: the only runner is paused: wait, do not fail
#[test]
fn resume_waits_for_a_paused_runner() {
    let sandbox = unfinished();
    let now = now();
    sandbox.write(
        ".rally/state/agent_status.jsonl",
        &format!("{{\"agent_type\":\"claude\",\"event_type\":\"paused\",\"timestamp\":\"{now}\"}}\n"),
    );
    let relay = sandbox.start_relay(&["--resume"]);
    let logs = sandbox.home().join(".local/share/rally/relays");
    let folder = std::fs::read_dir(logs).unwrap().next().unwrap().unwrap().path();
    let log = folder.join("relay-1.log");
    let waiting = || std::fs::read_to_string(&log).unwrap_or_default().contains("all agents paused, waiting");
    sandbox.wait_for("the wait", waiting);
    relay.signal("TERM");
    let output = relay.finish();
    assert_eq!(output.status.code(), Some(143), "{}", stderr(&output));
    assert_eq!(sandbox.tries().len(), 2, "nothing was run");
}

// 10-M3: --new clears pauses and freezes, and keeps what is known about exhausted accounts
#[test]
fn new_clears_a_frozen_agent_but_keeps_known_resets() {
    let sandbox = unfinished();
    let now = now();
    let events = format!(
        "{{\"agent_type\":\"claude\",\"event_type\":\"frozen\",\"timestamp\":\"{now}\"}}\n\
         {{\"agent_type\":\"codex\",\"event_type\":\"benched\",\"timestamp\":\"{now}\",\"reset_at\":\"2099-01-01T00:00:00Z\"}}\n"
    );
    sandbox.write(".rally/state/agent_status.jsonl", &events);
    let output = sandbox.relay(&["--new", "--agent", "cc", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let left = sandbox.records(".rally/state/agent_status.jsonl");
    assert!(
        left.iter().any(|event| event["agent_type"] == "codex" && event["event_type"] == "benched"),
        "{left:?}"
    );

    let output = sandbox.relay(&["--new", "--forget-limits", "--agent", "cc", "work"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let left = sandbox.records(".rally/state/agent_status.jsonl");
    assert!(
        !left.iter().any(|event| event["agent_type"] == "codex" && event["event_type"] == "benched"),
        "{left:?}"
    );
}

/// The current time, as records write it.
fn now() -> String {
    rally::model::time::rfc3339_millis(rally::model::time::now())
}

// Killed between the verdict and the record: here in the middle of the commit
#[test]
fn a_crash_between_verdict_and_record_is_completed_not_repeated() {
    for step in ["write-tree", "commit-tree", "update-ref"] {
        crash_at(step);
    }
}

fn crash_at(step: &str) {
    let sandbox = Sandbox::initialised();
    sandbox.write("mine.txt", "the user's\n");
    sandbox.claude("init; echo $N > made-$N.txt; result 'all done'");
    // A git that tells when it commits, and then waits for ever.
    let git = which_git();
    let notes = sandbox.notes();
    let notes = notes.display();
    sandbox.program(
        "git",
        &format!(
            "case \" $* \" in *' {step} '*) if [ ! -e {notes}/free ]; then echo $$ > {notes}/git; touch {notes}/committing; exec sleep 600; fi;; esac; \
             exec {git} \"$@\""
        ),
    );
    let relay = sandbox.start_relay(&["--agent", "cc", "work"]);
    sandbox.wait_for_note("committing");
    relay.kill();
    sandbox.release("free");
    assert!(sandbox.tries().is_empty(), "the scene is set: no record yet");
    // Git calls are rally's own children, not the agent's: nobody ends this one for us.
    let ended = std::process::Command::new("kill").arg(sandbox.note("git").trim()).status().unwrap();
    assert!(ended.success());

    let output = sandbox.relay(&["--resume"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let tries = sandbox.tries();
    assert_eq!(tries.len(), 1, "nothing was done twice: {tries:?}");
    assert_eq!((&tries[0]["outcome"], &tries[0]["summary"]), (&"completed".into(), &"all done".into()));
    assert_eq!(tries[0]["commit_hash"].as_str().unwrap(), sandbox.git(["rev-parse", "HEAD"]));
    assert_eq!(sandbox.git(["show", "--format=", "--name-only", "HEAD"]), ".rally/summary.jsonl\nmade-1.txt");
    assert_eq!(sandbox.git(["status", "--porcelain"]), "?? mine.txt");
    assert_eq!(sandbox.records(".rally/summary.jsonl").len(), 1);
}

fn which_git() -> String {
    let folders = ["/usr/local/bin", "/usr/bin", "/bin"];
    let found =
        folders.iter().map(|folder| format!("{folder}/git")).find(|git| std::path::Path::new(git).exists());
    found.expect("a git")
}

// A session that the CLI lost costs no attempt
#[test]
fn a_lost_session_begins_afresh_at_no_cost() {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[reliability]\nretry_budget = 2\nmax_failed_runs = 1\n");
    sandbox.claude(
        "if [ $N = 2 ]; then echo 'No conversation found with session ID: session-1' >&2; \
         echo '{\"type\":\"result\",\"subtype\":\"error_during_execution\",\"is_error\":true,\"session_id\":\"session-1\",\"errors\":[\"No conversation found with session ID: session-1\"]}'; exit 1; fi; \
         init; if [ $N = 1 ]; then failed no; exit 1; fi; echo x > made.txt; result ok",
    );
    let output = sandbox.relay(&["--agent", "cc", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let tries = sandbox.tries();
    assert_eq!(tries.len(), 3);
    assert_eq!(tries[1]["cause"], "session_lost");
    assert!(sandbox.note("args.2").contains("--resume") && !sandbox.note("args.3").contains("--resume"));
}

// A snapshot of any size survives a crash
#[test]
fn thousands_of_dirty_files_are_remembered_over_a_crash() {
    let sandbox = Sandbox::initialised();
    for n in 0..6000 {
        sandbox.write(&format!("untracked/a-rather-long-name-of-a-file-that-is-not-mine-{n}.txt"), "x");
    }
    sandbox.claude(CUT);
    let relay = sandbox.start_relay(&["--agent", "cc", "work"]);
    sandbox.wait_for_note("here.1");
    relay.kill();
    sandbox.wait_until_nobody_is_left();
    let snapshots = sandbox.repo().join(".rally/state/aside");
    assert_eq!(std::fs::read_dir(&snapshots).unwrap().count(), 1, "too large for the journal");
    let output = sandbox.relay(&["--resume"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(
        sandbox.git(["show", "--format=", "--name-only", "HEAD"]),
        ".rally/summary.jsonl\ncut.txt\nmade.txt"
    );
    assert_eq!(std::fs::read_dir(&snapshots).unwrap().count(), 0, "and gone with its run");
}

// What the user does while no agent works stays the user's
#[test]
fn what_changes_between_two_passes_is_not_committed() {
    let sandbox = Sandbox::initialised();
    sandbox.write("docs/old.txt", "old\n");
    sandbox.git(["add", "."]);
    sandbox.git(["commit", "-q", "-m", "docs"]);
    sandbox.claude(CUT);
    let relay = sandbox.start_relay(&["--agent", "cc", "work"]);
    sandbox.wait_for_note("here.1");
    relay.signal("TERM");
    assert_eq!(relay.finish().status.code(), Some(143));
    sandbox.write("note.txt", "the user's\n");
    sandbox.write("README.txt", "the user's\n");
    sandbox.git(["add", "README.txt"]);
    std::fs::remove_file(sandbox.repo().join("docs/old.txt")).unwrap();
    let output = sandbox.relay(&["--resume"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert!(stderr(&output).contains("taken for yours"), "{}", stderr(&output));
    assert_eq!(
        sandbox.git(["show", "--format=", "--name-only", "HEAD"]),
        ".rally/summary.jsonl\ncut.txt\nmade.txt"
    );
    assert_eq!(sandbox.git(["status", "--porcelain"]), "M  README.txt\n D docs/old.txt\n?? note.txt");
}

// The same after a kill: the last beat tells when the agent was last watched
#[test]
fn after_a_kill_too() {
    let sandbox = Sandbox::initialised();
    sandbox.claude(CUT);
    let relay = sandbox.start_relay(&["--agent", "cc", "work"]);
    sandbox.wait_for_note("here.1");
    relay.kill();
    sandbox.wait_until_nobody_is_left();
    // Longer than the margin that a guard gets: no condition can be waited for instead.
    std::thread::sleep(std::time::Duration::from_secs(4));
    sandbox.write("note.txt", "the user's\n");
    let output = sandbox.relay(&["--resume"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(
        sandbox.git(["show", "--format=", "--name-only", "HEAD"]),
        ".rally/summary.jsonl\ncut.txt\nmade.txt"
    );
    assert_eq!(sandbox.git(["status", "--porcelain"]), "?? note.txt");
}

// A cut run goes on with another agent when its own is not in the mix any more: nothing is lost
#[test]
fn another_agent_takes_over_the_work_of_a_cut_run() {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[harness.other]\ncommand = [\"other\"]\n");
    sandbox.claude("init; echo cut > cut.txt; here; sleep 600");
    sandbox.program("other", "echo rest > rest.txt; echo done");
    let relay = sandbox.start_relay(&["--agent", "cc", "work"]);
    sandbox.wait_for_note("here.1");
    relay.kill();
    let output = sandbox.relay(&["--resume", "--agent", "other"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(
        sandbox.git(["show", "--format=", "--name-only", "HEAD"]),
        ".rally/summary.jsonl\ncut.txt\nrest.txt"
    );
    assert_eq!(sandbox.tries()[1]["run_id"], 1);
}

// Killed after the last record, before the relay's end: nothing is left to be resumed
#[test]
fn a_relay_that_only_lacks_its_end_is_complete() {
    let sandbox = Sandbox::initialised();
    sandbox.claude("init; echo $N > made-$N.txt; result ok");
    assert!(sandbox.relay(&["--agent", "cc", "work"]).status.success());
    let relays = sandbox.read(".rally/state/relays.jsonl");
    let first = relays.lines().next().unwrap();
    sandbox.write(".rally/state/relays.jsonl", &format!("{first}\n"));
    let output = sandbox.relay(&["--resume"]);
    assert!(output.status.success());
    assert!(stdout(&output).contains("Relay 1 is complete."), "{}", stdout(&output));
    assert_eq!(sandbox.tries().len(), 1, "no agent was called");

    sandbox.write(".rally/state/relays.jsonl", &format!("{first}\n"));
    let output = sandbox.relay(&["--resume", "-i", "2"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(sandbox.relays().len(), 1);
    assert_eq!(sandbox.tries().len(), 2);
}

// A CLI that loses every session is forgiven once, not for ever
#[test]
fn losing_sessions_does_not_go_on_for_ever() {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[reliability]\nretry_budget = 3\nmax_failed_runs = 1\n");
    sandbox.claude("echo 'No conversation found with session ID: x' >&2; exit 1");
    let output = sandbox.relay(&["--agent", "cc", "work"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(sandbox.tries().len() <= 4, "{}", sandbox.tries().len());
}

// A question leaves signals to the system: nothing is under way yet
#[test]
fn a_signal_ends_the_question() {
    let sandbox = unfinished();
    let mut command = sandbox.rally(["relay", "--agent", "cc"]);
    command.stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut asked = [0; 12];
    std::io::Read::read_exact(child.stderr.as_mut().unwrap(), &mut asked).unwrap();
    std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(15));
}

/// Reads on until these words have come.
fn read_until(stream: &mut impl std::io::Read, words: &str) -> String {
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).contains(words) {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        said.push(byte[0]);
    }
    String::from_utf8(said).unwrap()
}

// Meanwhile another process has replaced the mix: the old answer means nothing, and what is asked is what runs
#[test]
fn a_question_that_stood_open_while_the_mix_was_replaced_is_asked_again() {
    let sandbox = with_hands();
    sandbox.configure(&format!(
        "{HANDS}[reliability]\nretry_budget = 1\nmax_failed_runs = 1\nrequire_changes = false\n"
    ));
    let fail = |name: &str| sandbox.notes().join(format!("fail-{name}"));
    for name in ["b", "c"] {
        std::fs::write(fail(name), "").unwrap();
    }
    assert_eq!(sandbox.relay(&["--agent", "b", "work"]).status.code(), Some(1));

    let mut command = sandbox.rally(["relay"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut waiting = command.spawn().unwrap();
    let mut told = waiting.stderr.take().unwrap();
    read_until(&mut told, "(mix: b)");
    assert_eq!(sandbox.relay(&["--resume", "--agent", "c"]).status.code(), Some(1));
    for name in ["b", "c"] {
        std::fs::remove_file(fail(name)).unwrap();
    }
    waiting.stdin.take().unwrap().write_all(b"resume\nresume\n").unwrap();
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut told, &mut rest).unwrap();
    let output = waiting.wait_with_output().unwrap();
    assert!(output.status.success(), "{rest}{}", stdout(&output));
    assert!(rest.contains("Unfinished relay #1 at iteration 0/1 (mix: c)"), "{rest}");
    assert_eq!(order(&sandbox), "c");
    let relay = sandbox.relays().pop().unwrap();
    assert_eq!((&relay["agent_mix"], &relay["completed_iterations"]), (&"__override__:c".into(), &1.into()));
}

#[test]
fn a_task_on_standard_input_leaves_no_room_for_answers() {
    let sandbox = unfinished();
    let output = answering(&sandbox, "new task\n", &["--agent", "cc", "-"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--resume or --new"), "{}", stderr(&output));
    let output = answering(&sandbox, "nwe\n", &["--agent", "cc"]);
    assert_eq!(output.status.code(), Some(1), "a typo is no answer: {}", stderr(&output));
}

// A script that resumes in a loop must not begin anything new
#[test]
fn resume_without_a_task_begins_nothing() {
    let sandbox = Sandbox::initialised();
    sandbox.claude("init; echo x > made.txt; result ok");
    let output = sandbox.relay(&["--resume", "--agent", "cc"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(sandbox.tries().is_empty() && sandbox.relays().is_empty());
}

#[test]
fn a_session_that_is_not_the_one_asked_for_is_told() {
    let sandbox = Sandbox::initialised();
    sandbox.claude(
        "if [ $N = 2 ]; then SESSION=another; fi; init; \
         if [ $N = 1 ]; then failed later; exit 1; fi; echo x > made.txt; result ok",
    );
    let output = sandbox.relay(&["--new", "--agent", "cc", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let told = format!("{}{}", stdout(&output), stderr(&output));
    assert!(told.contains("claude did not continue session session-1 but began another"), "{told}");
    assert_eq!(sandbox.tries()[1]["session_id"], "another");
}

#[test]
fn a_session_that_was_lost_costs_no_attempt_however_often() {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[reliability]\nretry_budget = 3\nmax_failed_runs = 1\n");
    // Every session is forgotten with the turn that failed.
    sandbox.claude(
        "case \"$SESSION\" in session-$N) ;; *) echo \"No conversation found with session ID: $SESSION\"; exit 1;; esac; \
         init; if [ $N -lt 5 ]; then failed \"not yet $N\"; exit 1; fi; echo x > made.txt; result ok",
    );
    let output = sandbox.relay(&["--new", "--agent", "cc", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let causes: Vec<bool> = sandbox.tries().iter().map(|t| t["cause"] == "session_lost").collect();
    assert_eq!(causes, [false, true, false, true, false]);
    assert!(!stdout(&output).contains("4/3"), "{}", stdout(&output));
}

#[test]
fn a_session_is_known_before_its_cli_says_a_word() {
    let sandbox = Sandbox::initialised();
    sandbox.claude("if [ $N = 1 ]; then here; sleep 600; fi; init; echo x > made.txt; result ok");
    let relay = sandbox.start_relay(&["--agent", "cc", "work"]);
    sandbox.wait_for_note("here.1");
    relay.kill();
    sandbox.wait_until_nobody_is_left();
    let output = sandbox.relay(&["--resume"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let value = |args: &str, flag: &str| {
        let args = sandbox.note(args);
        let mut args = args.lines();
        args.find(|arg| *arg == flag).and_then(|_| args.next()).map(str::to_owned)
    };
    let given = value("args.1", "--session-id");
    assert!(given.is_some());
    assert_eq!(value("args.2", "--resume"), given);
    assert_eq!(value("args.2", "--session-id"), None);
}
