//! What agents report of laps, through `rally progress`, through the installed hooks and below an installed `laps`.

use std::path::Path;
use std::process::{Output, Stdio};

use rally::git;
use rally::laps::hooks;
use rally::store::{Layout, RunState, Shared, progress};
use serde_json::{Value, json};

use crate::support::{Sandbox, stderr, stdout};

const RUN: &str = "relay-1-run-2";

/// A workspace with a queue, an installed `laps`, rally's hooks, and a run in the view.
fn workspace(version: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(".rally/.gitignore", "state/\n");
    sandbox.install_laps(version);
    sandbox.program("rally", &format!("exec '{}' \"$@\"", Sandbox::rally_path().display()));
    sandbox.write(".laps/laps.json", "{\"version\": 2, \"tasks\": []}\n");
    hooks::install(&sandbox.repo()).unwrap();
    sandbox
}

fn layout(sandbox: &Sandbox) -> Layout {
    Layout::new(&sandbox.repo(), &sandbox.root().join("data")).unwrap()
}

fn view(sandbox: &Sandbox, lap: &str) {
    let layout = layout(sandbox);
    std::fs::create_dir_all(layout.state_dir()).unwrap();
    let change = |view: &mut RunState| {
        view.run_id = RUN.to_owned();
        view.pinned_lap_id = Some(lap.to_owned());
        view.set_active(1, 2, 3, "/log", rally::model::time::now());
    };
    Shared::lock(&layout).unwrap().update_run_state(change).unwrap();
}

fn laps(sandbox: &Sandbox, args: &[&str]) -> Output {
    sandbox.laps(args).output().unwrap()
}

fn good(output: Output) -> String {
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    stdout(&output)
}

/// Adds a lap of this role at the end and claims the head; gives its id.
fn claimed(sandbox: &Sandbox) -> String {
    let id = good(laps(sandbox, &["add", "tail", "--title", "Build it", "--assignee", "backend"]));
    good(laps(sandbox, &["claim"]));
    let id = id.trim().to_owned();
    view(sandbox, &id);
    id
}

fn tasks(sandbox: &Sandbox) -> Vec<Value> {
    let queue: Value = serde_json::from_str(&sandbox.read(".laps/laps.json")).unwrap();
    queue["tasks"].as_array().unwrap().iter().filter(|task| task["isDone"] == false).cloned().collect()
}

fn last_entry(sandbox: &Sandbox) -> Value {
    sandbox.records(".rally/summary.jsonl").pop().unwrap()
}

// 30-198, 30-202, 40-14.7
#[test]
fn done_and_wrapup_below_an_installed_laps() {
    for version in ["0.8.1", "0.9.0"] {
        let sandbox = workspace(version);
        let id = claimed(&sandbox);
        let said = good(laps(&sandbox, &["done"]));
        assert_eq!(said.lines().next(), Some("Build it"), "{version}");
        for part in ["laps wrapup --summary", "<lap-description>: done", "lap's description in the place"] {
            assert!(said.contains(part), "{said}");
        }
        let wrapup =
            ["wrapup", "--summary", "a 'b' $(x) *", "--followup", "x y", "--classification", "continue"];
        assert!(good(laps(&sandbox, &wrapup)).contains("Progress recorded."));
        let entry = last_entry(&sandbox);
        assert_eq!(entry["run_id"], RUN);
        assert_eq!(entry["summary"], "a 'b' $(x) *");
        assert_eq!(entry["followups"], json!(["x y"]));
        assert_eq!(entry["classification"], "continue");
        assert_eq!(entry["laps_completed"], json!([id]));
        let left = tasks(&sandbox);
        assert_eq!(left.len(), 1, "the follow-up is the only lap left");
        assert_eq!(entry["created_lap_ids"], json!([left[0]["id"]]));
        assert_eq!(left[0]["title"], "x y");
        let audit = sandbox.records(".rally/state/hook-audit.jsonl");
        assert_eq!((&audit[0]["hook"], &audit[0]["lap_id"]), (&json!("laps-done"), &json!(id)));
        assert_eq!(audit[1]["args"][1], "a 'b' $(x) *");
    }
}

// 30-198, 30-L4, 30-L8, 30-L9, 40-13.16, 40-13.25
#[test]
fn a_handoff_puts_its_followups_first_in_order_and_gives_the_claim_back() {
    for version in ["0.8.1", "0.9.0"] {
        let sandbox = workspace(version);
        let id = claimed(&sandbox);
        assert!(good(laps(&sandbox, &["handoff"])).contains("laps wrapup --summary"), "{version}");
        let long = format!("{}\nand a second line", "ü".repeat(31));
        let wrapup = ["wrapup", "--summary", "half", "--followup", &long, "--followup", "second"];
        good(laps(&sandbox, &wrapup));
        let left = tasks(&sandbox);
        let titles: Vec<&str> = left.iter().map(|task| task["title"].as_str().unwrap()).collect();
        assert_eq!(titles, [&*format!("{}...", "ü".repeat(30)), "second", "Build it"]);
        assert_eq!(left[0]["description"], long);
        assert_eq!(left[0]["assignee"], "backend");
        let entry = last_entry(&sandbox);
        assert_eq!(entry["handoff"]["created_lap_ids"], json!([left[0]["id"], left[1]["id"]]));
        assert_eq!(entry["laps_completed"], "none");
        assert!(!sandbox.repo().join(".laps/claim").exists(), "a stray done completes nothing");
        // The next wrapup of the run is none of a handoff.
        good(laps(&sandbox, &["wrapup", "--summary", "later"]));
        assert!(last_entry(&sandbox).get("handoff").is_none());
        let reported = progress::reported(&layout(&sandbox), RUN).unwrap();
        assert_eq!(reported.handoffs[0].lap_id, id);
        assert_eq!(reported.created.len(), 2);
        assert_eq!(
            reported.handed_over().unwrap().handoff.as_ref().unwrap().created_lap_ids,
            reported.created
        );
    }
}

// A wrapup that is cut between two of its steps is completed by the next, and nothing is there twice.
#[test]
fn an_interrupted_wrapup_is_completed_when_it_is_said_again() {
    let sandbox = workspace("0.9.0");
    claimed(&sandbox);
    let wrapup = ["wrapup", "--summary", "half", "--followup", "one", "--followup", "two"];
    good(laps(&sandbox, &["handoff"]));
    good(laps(&sandbox, &wrapup));
    let (queue, entry) = (tasks(&sandbox), last_entry(&sandbox));
    let journal = sandbox.read(".rally/state/journal.jsonl");
    let lines: Vec<&str> = journal.lines().collect();
    assert_eq!(lines.len(), 3, "begun, entry, laps: {journal}");
    let head = sandbox.read(".laps/laps.json");
    let first = queue[0]["id"].as_str().unwrap();
    // Cut before the ids were noted; with one of the laps missing; before the line of the summary; not at all.
    for (kept, drop_first, has_line) in
        [(2, false, false), (2, true, false), (3, false, false), (3, false, true)]
    {
        sandbox.write(".rally/state/journal.jsonl", &format!("{}\n", lines[..kept].join("\n")));
        sandbox.write(".rally/summary.jsonl", &if has_line { format!("{entry}\n") } else { String::new() });
        sandbox.write(".laps/laps.json", &head);
        if drop_first {
            good(laps(&sandbox, &["delete", first]));
        }
        good(laps(&sandbox, &wrapup));
        assert_eq!(tasks(&sandbox).len(), 3, "kept {kept}");
        let lines = sandbox.records(".rally/summary.jsonl");
        assert_eq!(lines.len(), 1, "kept {kept}");
        assert_eq!(lines[0]["handoff"]["created_lap_ids"].as_array().unwrap().len(), 2);
        let reported = progress::reported(&layout(&sandbox), RUN).unwrap();
        assert_eq!((reported.entries.len(), reported.created.len()), (1, 2), "kept {kept}");
    }
}

// 30-196: the report is durable even when the queue takes no laps.
#[test]
fn laps_that_cannot_be_added_are_a_warning() {
    let sandbox = workspace("0.9.0");
    view(&sandbox, "repo-1");
    sandbox.write(".laps/laps.json", "{ half");
    let args = ["progress", "--handoff", "--summary", "s", "--followup", "f"];
    let output = sandbox.rally(args).output().unwrap();
    assert!(output.status.success());
    assert!(
        stderr(&output).contains("warning: the follow-ups are recorded, but they are no laps"),
        "{}",
        stderr(&output)
    );
    assert_eq!(
        last_entry(&sandbox)["handoff"],
        json!({"summary": "s", "followups": ["f"], "created_lap_ids": []})
    );
    assert_eq!(sandbox.read(".laps/laps.json"), "{ half");
}

// 30-L3, 40-13.13: what rally says of itself is what the script says.
#[test]
fn scripts_fail_with_rally() {
    let sandbox = workspace("0.9.0");
    let script = |name: &str, args: &[&str]| {
        let path = sandbox.repo().join(format!(".laps/hooks/rally/laps-{name}-hook.sh"));
        sandbox.command(path).args(args).output().unwrap().status.code()
    };
    assert_eq!(script("wrapup", &[]), Some(2), "no summary");
    assert_eq!(script("done", &["$HOME 'x' \"y\""]), Some(0));
    let audit = sandbox.records(".rally/state/hook-audit.jsonl");
    assert_eq!(audit.last().unwrap()["lap_id"], "$HOME 'x' \"y\"");
    sandbox.program("rally", "exit 7");
    for name in ["done", "handoff", "wrapup"] {
        assert_eq!(script(name, &["x"]), Some(7), "{name}");
    }
    // The binary of the relay comes before whatever PATH has.
    std::fs::create_dir_all(sandbox.repo().join(".rally/state/bin")).unwrap();
    let own = sandbox.repo().join(".rally/state/bin/rally");
    std::os::unix::fs::symlink(Sandbox::rally_path(), own).unwrap();
    assert_eq!(script("handoff", &["--any", "thing"]), Some(0));
}

// Fifty hooks at once: done reports, handoffs and wrapups of one run.
#[test]
fn fifty_reports_at_once_lose_nothing() {
    let sandbox = workspace("0.9.0");
    view(&sandbox, "repo-1");
    let callers: Vec<_> = (0..50)
        .map(|n| {
            let text = n.to_string();
            let args = match n % 3 {
                0 => vec!["progress", "--hook", "laps-done", "--record-lap", &text],
                1 => vec!["progress", "--hook", "laps-handoff", "--set-handoff"],
                _ => vec!["progress", "--hook", "laps-wrapup", "--wrapup", "--summary", &text],
            };
            sandbox.rally(args).stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut caller in callers {
        assert!(caller.wait().unwrap().success());
    }
    let reported = progress::reported(&layout(&sandbox), RUN).unwrap();
    let mut done: Vec<u32> = reported.done.iter().map(|lap| lap.lap_id.parse().unwrap()).collect();
    done.sort_unstable();
    assert_eq!(done, (0..50).step_by(3).collect::<Vec<_>>());
    assert_eq!(reported.handoffs.len(), 17);
    assert_eq!(reported.entries.len(), 16);
    assert_eq!(sandbox.records(".rally/summary.jsonl").len(), 16);
    assert_eq!(sandbox.records(".rally/state/hook-audit.jsonl").len(), 50);
}

fn modes(root: &Path) -> Vec<u32> {
    use std::os::unix::fs::PermissionsExt;
    let folder = root.join(".laps/hooks/rally").read_dir().unwrap();
    folder.map(|file| file.unwrap().metadata().unwrap().permissions().mode() & 0o777).collect()
}

// 30-201, 40-14.8
#[test]
fn hooks_are_installed_once_and_committed_alone() {
    let sandbox = Sandbox::new();
    let root = sandbox.repo();
    let user =
        "{\"title\": \"mine\",\"extra\":[1.0],  \"command\":\"done\",\"when\":\"after\",\"run\":\"a <b>\"}";
    sandbox.write(".laps/laps.json", "{}");
    sandbox.write(".laps/hooks.json", &format!("{{\"version\":1,\"hooks\":[{user}]}}\n"));
    sandbox.git(["add", ".laps/hooks.json"]);
    sandbox.git(["commit", "-q", "-m", "hooks"]);
    sandbox.write("staged.txt", "x");
    sandbox.git(["add", "staged.txt"]);
    let git = git::discover(&root).unwrap();
    let install = || hooks::install_and_commit(&root, Ok(git.as_ref())).unwrap();
    let noted = install();
    let shown = root.join(".laps/hooks/rally").display().to_string();
    assert_eq!(noted.installed, Some(format!("Installed rally hooks in {shown}")));
    assert_eq!(noted.warning, None);
    assert_eq!(modes(&root), [0o755; 3]);
    let files = sandbox.git(["show", "--name-only", "--format=%s", "HEAD"]);
    assert!(files.starts_with("rally: install laps hooks\n"), "{files}");
    assert_eq!(files.lines().filter(|line| line.starts_with(".laps/")).count(), 4, "{files}");
    assert!(!files.contains("staged.txt") && !files.contains("laps.json"), "{files}");
    let text = sandbox.read(".laps/hooks.json");
    assert!(text.contains(user), "{text}");
    assert_eq!(hooks::read(&root).unwrap().len(), 4);
    let head = sandbox.git(["rev-parse", "HEAD"]);
    assert_eq!(install(), hooks::Noted::default());
    assert_eq!(sandbox.read(".laps/hooks.json"), text);
    assert_eq!(sandbox.git(["rev-parse", "HEAD"]), head);
    // A script that was damaged is restored.
    sandbox.write(".laps/hooks/rally/laps-done-hook.sh", "broken");
    assert!(install().installed.is_some());
    assert!(!root.join(".laps/.gitignore").exists());
    sandbox.write(".laps/hooks.json", "{\n  \"hooks\": [\n");
    let error = hooks::install_and_commit(&root, Ok(git.as_ref())).unwrap_err().to_string();
    assert!(error.contains(".laps/hooks.json") && error.contains("line 3"), "{error}");
}

// 30-13.8
#[test]
fn hooks_are_listed_and_their_calls_shown() {
    let sandbox = workspace("0.9.0");
    let list = good(sandbox.rally(["hooks", "list"]).output().unwrap());
    assert!(list.contains("rally:laps-done [rally]") && list.contains("on: after done"), "{list}");
    assert!(list.contains("run: .laps/hooks/rally/laps-wrapup-hook.sh $args"), "{list}");
    let logs = |args: &[&str]| good(sandbox.rally(["hooks", "logs"].iter().chain(args)).output().unwrap());
    assert_eq!(logs(&[]), "no hook of rally's was called yet\n");
    for n in 0..25 {
        let id = n.to_string();
        good(sandbox.rally(["progress", "--hook", "laps-done", "--record-lap", &id]).output().unwrap());
    }
    assert_eq!(logs(&[]).lines().count(), 20);
    assert_eq!(logs(&["-n", "0"]).lines().count(), 25);
    assert!(logs(&["-n", "1"]).contains("\"lap_id\":\"24\""));
    let bare = Sandbox::new();
    assert!(good(bare.rally(["hooks", "list"]).output().unwrap()).starts_with("no hooks: there is no "));
}
