//! What a start makes of a queue, and of a relay of the other kind.

use super::{WORK, relay, waiting, workspace};
use crate::support::{Sandbox, rally, stderr};

/// The workspace of the brief, made with this `laps`.
fn brief(sandbox: &Sandbox, laps: &dyn Fn(&[&str])) {
    laps(&["init"]);
    laps(&["on"]);
    laps(&["add", "head", "--title", "Task 1", "--description", "Create file task1.txt with content 'done'"]);
    laps(&["add", "tail", "--title", "Task 2", "--description", "Create file task2.txt with content 'done'"]);
    let output = sandbox.rally(["init"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    std::fs::create_dir(sandbox.notes()).unwrap();
    // The task is read, not counted: the prompt names the file.
    sandbox.claude(
        "init; file=$(grep -o 'task[0-9]\\.txt' \"$S/prompt.$N\" | head -n 1); echo done > \"$file\"
        laps done && laps wrapup --summary \"made $file\"; result ok",
    );
    let said = relay(sandbox, 0, &["--new", "--iterations", "2", "--agent", "cc"]);
    assert_eq!(said.matches("Installed rally hooks in ROOT/repo/.laps/hooks/rally").count(), 1, "{said}");
    assert_eq!((&*sandbox.read("task1.txt"), &*sandbox.read("task2.txt")), ("done\n", "done\n"));
    assert!(said.contains("Relay complete."), "{said}");
    assert_eq!(waiting(sandbox), [""; 0]);
    let tries = sandbox.tries();
    assert_eq!(tries.len(), 2, "{said}");
    assert!(tries.iter().all(|record| record["outcome"] == "completed"), "{tries:#?}");
    assert_eq!(sandbox.relays()[0]["completed_iterations"], 2);
    assert_eq!(sandbox.git(["log", "--format=%s"]).matches("rally: install laps hooks").count(), 1);
}

// 30-S9, 10-Z6
#[test]
fn the_queue_of_the_brief_is_worked_off() {
    let sandbox = Sandbox::new();
    brief(&sandbox, &|args| {
        rally(&sandbox, 0, &[&["laps"], args].concat());
    });
    assert!(rally(&sandbox, 0, &["laps", "list"]).trim().is_empty(), "the queue is empty");
}

// 30-S9, 10-Z6
#[test]
fn the_queue_of_the_brief_is_worked_off_under_the_name_laps() {
    let sandbox = Sandbox::new();
    std::os::unix::fs::symlink(Sandbox::rally_path(), sandbox.bin().join("laps")).unwrap();
    brief(&sandbox, &|args| assert!(sandbox.laps(args).output().unwrap().status.success()));
    let list = sandbox.laps(["list"]).output().unwrap();
    assert!(list.status.success() && list.stdout.trim_ascii().is_empty(), "{list:?}");
}

// 30-S9, 10-Z6: the program of others
#[test]
fn the_queue_of_the_brief_is_worked_off_with_an_installed_program() {
    for version in ["0.8.1", "0.9.0"] {
        let sandbox = Sandbox::new();
        let program = sandbox.install_laps(version);
        brief(&sandbox, &|args| {
            let output = sandbox.laps(args).output().unwrap();
            assert!(output.status.success(), "{args:?}: {output:?}");
        });
        let link = sandbox.repo().join(".rally/state/bin/laps");
        assert_eq!(std::fs::read_link(link).unwrap(), program, "agents find it, too");
    }
}

#[test]
fn a_task_beside_a_queue_is_refused_with_the_ways_out() {
    let sandbox = workspace(&["one"]);
    sandbox.claude(WORK);
    for task in [&["work"][..], &["--prompt-file", "README.txt"], &["-"]] {
        let said = relay(&sandbox, 2, &[&["--agent", "cc"], task].concat());
        assert!(said.contains("--no-laps") && said.contains("rally laps add"), "{said}");
    }
    assert!(sandbox.relays().is_empty());
}

// 30-S9: the other way
#[test]
fn without_its_queue_a_workspace_runs_freely() {
    let sandbox = workspace(&["one"]);
    let before = sandbox.read(".laps/laps.json");
    sandbox.claude("init; echo x > made.txt; result ok");
    let said = relay(&sandbox, 0, &["--no-laps", "--agent", "cc", "work"]);
    assert!(!said.contains("Installed rally hooks"), "{said}");
    assert_eq!(sandbox.read(".laps/laps.json"), before);
    assert!(!sandbox.relays()[0]["laps_backed"].as_bool().unwrap_or(false));
    assert!(!sandbox.repo().join(".rally/state/bin/laps").exists());
    assert!(
        !sandbox.repo().join(".laps/claim").exists() && !sandbox.repo().join(".laps/hooks.json").exists()
    );
}

#[test]
fn an_empty_queue_begins_nothing() {
    let sandbox = workspace(&[]);
    for _ in 0..2 {
        let said = relay(&sandbox, 0, &["--agent", "cc"]);
        assert!(said.contains("The queue is empty") && said.contains("rally laps add"), "{said}");
        assert!(sandbox.relays().is_empty() && !sandbox.repo().join(".laps/hooks.json").exists());
        // One that was worked off is empty, too.
        rally(&sandbox, 0, &["laps", "add", "tail", "--title", "x"]);
        rally(&sandbox, 0, &["laps", "claim"]);
        rally(&sandbox, 0, &["laps", "done"]);
    }
}

#[test]
fn a_queue_that_is_damaged_or_held_begins_nothing() {
    let sandbox = workspace(&["one"]);
    let whole = sandbox.read(".laps/laps.json");
    sandbox.write(".laps/laps.json", "{ \"version\": 2, \"tasks\": [");
    let said = relay(&sandbox, 1, &["--agent", "cc"]);
    assert!(said.contains("laps.json"), "{said}");
    sandbox.write(".laps/laps.json", &whole);
    let hooks = "{ no list";
    sandbox.write(".laps/hooks.json", hooks);
    let said = relay(&sandbox, 1, &["--agent", "cc"]);
    assert!(said.contains("hooks.json"), "{said}");
    assert_eq!(sandbox.read(".laps/hooks.json"), hooks);
    assert!(sandbox.relays().is_empty());
}

#[test]
fn a_relay_of_the_other_kind_is_refused_with_the_way_out() {
    let sandbox = workspace(&["one", "two"]);
    sandbox.configure("[reliability]\nretry_budget = 1\nmax_failed_runs = 1\n");
    sandbox.claude("exit 1");
    relay(&sandbox, 1, &["--agent", "cc"]);
    let said = relay(&sandbox, 2, &["--resume", "--no-laps"]);
    assert!(said.contains("without --no-laps") && said.contains("--new"), "{said}");
    std::fs::rename(sandbox.repo().join(".laps"), sandbox.root().join("laps")).unwrap();
    let said = relay(&sandbox, 2, &["--resume"]);
    assert!(said.contains("is gone") && said.contains("--new"), "{said}");

    relay(&sandbox, 1, &["--new", "--agent", "cc", "work"]);
    std::fs::rename(sandbox.root().join("laps"), sandbox.repo().join(".laps")).unwrap();
    let said = relay(&sandbox, 2, &["--resume"]);
    assert!(said.contains("with --no-laps") && said.contains("--new"), "{said}");
    sandbox.claude("init; echo x > made.txt; result ok");
    relay(&sandbox, 0, &["--resume", "--no-laps"]);
    assert_eq!(waiting(&sandbox).len(), 2);
}
