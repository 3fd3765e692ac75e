//! The files of the queue below the commands: bytes, links, damage and stints.

use std::os::unix::fs::{PermissionsExt, symlink};

use crate::support::{Sandbox, stderr, stdout};

const QUEUE: &str = ".laps/laps.json";

/// Version 3, with everything that a file may have.
const FULL: &str = r#"{
  "version": 3,
  "future": [
    1e2
  ],
  "tasks": [
    {
      "kind": "lap",
      "id": "repo-000d",
      "title": "done",
      "description": "",
      "isDone": true,
      "order": 1,
      "createdAt": "2026-04-28T10:15:00.5Z",
      "updatedAt": "2026-04-28T12:15:00+02:00",
      "completedAt": "2026-04-28T10:16:00Z"
    },
    {
      "kind": "stint",
      "id": "repo-000a",
      "ref": "auth",
      "title": "auth",
      "description": "",
      "isDone": false,
      "order": 65536,
      "createdAt": "2026-04-28T10:15:00Z",
      "updatedAt": "2026-04-28T10:15:00Z",
      "completedAt": null,
      "colour": "\u003cred\u003e"
    },
    {
      "kind": "lap",
      "id": "repo-000b",
      "title": "last",
      "description": "two\nlines",
      "assignee": "qa",
      "isDone": false,
      "order": 131072,
      "createdAt": "2026-04-28T10:15:00Z",
      "updatedAt": "2026-04-28T10:15:00Z",
      "completedAt": null
    }
  ]
}
"#;

const STINT: &str = r#"{
  "version": 3,
  "prefix": "auth",
  "tasks": [
    {
      "kind": "lap",
      "id": "auth-000c",
      "title": "login",
      "description": "",
      "isDone": false,
      "order": 65536,
      "createdAt": "2026-04-28T10:15:00Z",
      "updatedAt": "2026-04-28T10:15:00Z",
      "completedAt": null
    }
  ]
}
"#;

fn full() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(QUEUE, FULL);
    sandbox.write(".laps/stints/auth.laps.json", STINT);
    sandbox
}

fn laps(sandbox: &Sandbox, code: i32, args: &[&str]) -> (String, String) {
    let output = sandbox.rally(["laps"]).args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {}{}", stdout(&output), stderr(&output));
    (stdout(&output), stderr(&output))
}

fn first_line(sandbox: &Sandbox, args: &[&str]) -> String {
    laps(sandbox, 0, args).0.lines().next().unwrap_or_default().to_owned()
}

fn exists(sandbox: &Sandbox, path: &str) -> bool {
    sandbox.repo().join(path).exists()
}

// 40-14.11, 40-4: looks change nothing, a change changes its entry only, the claim is JSON.
#[test]
fn a_full_file_of_version_3_is_changed_only_where_it_is_meant() {
    let sandbox = full();
    for look in [&["list"][..], &["get"], &["count"], &["status"], &["list", "--all", "--tree"]] {
        laps(&sandbox, 0, look);
        assert_eq!(sandbox.read(QUEUE), FULL, "{look:?}");
    }
    assert_eq!(first_line(&sandbox, &["claim"]), "login");
    let claim = sandbox.read(".laps/claim");
    let start = r#"{"lap":"auth-000c","file":"stints/auth.laps.json","scope":"auth","claimedAt":"20"#;
    assert!(claim.starts_with(start) && claim.ends_with("Z\"}\n"), "{claim}");
    laps(&sandbox, 0, &["claim"]);
    assert_eq!(sandbox.read(".laps/claim"), claim, "the same lap again keeps its time");
    laps(&sandbox, 0, &["--root", "assign", "repo-000b", "ui"]);
    let was: Vec<&str> = FULL.lines().collect();
    let is = sandbox.read(QUEUE);
    let changed: Vec<(&str, &str)> = was.into_iter().zip(is.lines()).filter(|(a, b)| a != b).collect();
    assert_eq!(changed.len(), 2, "{is}");
    assert_eq!(changed[0].1, "      \"assignee\": \"ui\",");
    assert!(changed[1].1.starts_with("      \"updatedAt\""));
}

// 40-13.10
#[test]
fn a_link_stays_a_link_and_the_mode_is_kept() {
    let sandbox = Sandbox::new();
    sandbox.write("elsewhere/queue.json", "{\n  \"version\": 2,\n  \"tasks\": []\n}\n");
    let real = sandbox.repo().join("elsewhere/queue.json");
    std::fs::set_permissions(&real, PermissionsExt::from_mode(0o640)).unwrap();
    std::fs::create_dir(sandbox.repo().join(".laps")).unwrap();
    symlink("../elsewhere/queue.json", sandbox.repo().join(QUEUE)).unwrap();
    laps(&sandbox, 0, &["add", "tail", "--title", "x"]);
    assert!(sandbox.repo().join(QUEUE).is_symlink());
    assert!(sandbox.read("elsewhere/queue.json").contains("\"title\": \"x\""));
    assert_eq!(real.metadata().unwrap().permissions().mode() & 0o777, 0o640);
}

// 40-13.6, 13.7, 13.9
#[test]
fn damage_is_no_empty_queue() {
    let sandbox = full();
    sandbox.git(["add", "."]);
    sandbox.git(["commit", "-qm", "queue"]);
    for damage in ["", " \n", "{\"version\": 2", "<<<<<<< HEAD\n"] {
        sandbox.write(QUEUE, damage);
        for command in [&["claim"][..], &["get"], &["list"], &["add", "tail", "--title", "x"]] {
            let (out, _) = laps(&sandbox, 2, command);
            assert_eq!(out, "", "{damage:?} {command:?}");
        }
        assert_eq!(sandbox.read(QUEUE), damage);
    }
    sandbox.write(QUEUE, FULL);
    sandbox.write(".laps/claim", "{\"lap\":");
    let (_, told) = laps(&sandbox, 0, &["list"]);
    assert!(told.contains("claim") && exists(&sandbox, ".laps/claim"), "a look moves nothing: {told}");
    let (_, told) = laps(&sandbox, 0, &["claim"]);
    let (_, place) = told.split_once("moved to ").unwrap();
    assert_eq!(std::fs::read_to_string(place.trim()).unwrap(), "{\"lap\":");
    assert!(sandbox.read(".laps/claim").contains("auth-000c"));
}

// 40-13.8: an id that the log knows is not given again.
#[test]
fn ids_of_deleted_laps_are_not_used_again() {
    let sandbox = full();
    // Ids follow from title and second: one of a hundred equal ones would come twice.
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let id = first_line(&sandbox, &["--root", "add", "tail", "--title", "same"]);
        laps(&sandbox, 0, &["--root", "delete", &id]);
        assert!(seen.insert(id));
    }
}

// 40-9.3, 13.4
#[test]
fn broken_chains_of_stints_are_told_and_mended() {
    let sandbox = full();
    sandbox.write(
        ".laps/stints/auth.laps.json",
        &FULL.replace("repo-", "auth-").replace("auth-000b", "auth-000e"),
    );
    let (_, told) = laps(&sandbox, 2, &["claim"]);
    assert!(told.contains("cycle"), "{told}");
    std::fs::remove_file(sandbox.repo().join(".laps/stints/auth.laps.json")).unwrap();
    assert!(laps(&sandbox, 2, &["get"]).1.contains("missing"));

    // Waiting entry over an archived stint, all done.
    let sandbox = full();
    laps(&sandbox, 0, &["-s", "auth", "done", "auth-000c"]);
    assert!(exists(&sandbox, ".laps/stints/archive/auth.laps.json"));
    sandbox.write(QUEUE, FULL);
    assert_eq!(first_line(&sandbox, &["claim"]), "last");

    // Done entry over a present stint: a lap that is opened again is handed out.
    let sandbox = full();
    laps(&sandbox, 0, &["-s", "auth", "done", "auth-000c"]);
    let archive = sandbox.repo().join(".laps/stints/archive/auth.laps.json");
    std::fs::rename(archive, sandbox.repo().join(".laps/stints/auth.laps.json")).unwrap();
    laps(&sandbox, 0, &["done", "undo"]);
    assert_eq!(first_line(&sandbox, &["claim"]), "login");
}

// 40-9.5, 13.23
#[test]
fn an_archive_in_the_way_stops_the_last_lap_and_prune_keeps_what_undo_needs() {
    let sandbox = full();
    sandbox.write(".laps/stints/archive/auth.laps.json", STINT);
    laps(&sandbox, 0, &["claim"]);
    let before = sandbox.read(".laps/stints/auth.laps.json");
    assert!(laps(&sandbox, 2, &["done"]).1.contains("is there already"));
    assert_eq!(sandbox.read(".laps/stints/auth.laps.json"), before);
    std::fs::remove_file(sandbox.repo().join(".laps/stints/archive/auth.laps.json")).unwrap();
    laps(&sandbox, 0, &["done"]);
    laps(&sandbox, 0, &["--root", "prune", "0"]);
    assert!(sandbox.read(QUEUE).contains("repo-000a") && !sandbox.read(QUEUE).contains("repo-000d"));
    laps(&sandbox, 0, &["done", "undo"]);
    assert_eq!(first_line(&sandbox, &["claim"]), "login");
}

// 40-9.2
#[test]
fn a_stint_without_prefix_gets_one_only_while_it_is_empty() {
    let sandbox = full();
    sandbox.write(".laps/stints/auth.laps.json", "{\n  \"version\": 3,\n  \"tasks\": []\n}\n");
    assert!(first_line(&sandbox, &["-s", "auth", "add", "tail", "--title", "x"]).starts_with("auth-"));
    let stint = sandbox.read(".laps/stints/auth.laps.json");
    assert!(stint.contains("\"prefix\": \"auth\""), "{stint}");
    sandbox.write(".laps/stints/auth.laps.json", &stint.replace("  \"prefix\": \"auth\",\n", ""));
    assert!(laps(&sandbox, 2, &["-s", "auth", "add", "tail", "--title", "y"]).1.contains("no prefix"));
}

// 40-4, 13.20: also in a file that only -f reaches; a bare claim means the selected file.
#[test]
fn a_lap_that_was_claimed_in_another_file_is_found() {
    for version in [2, 3] {
        let sandbox = Sandbox::new();
        for file in [QUEUE, ".laps/later.json"] {
            sandbox.write(file, &format!("{{\n  \"version\": {version},\n  \"tasks\": []\n}}\n"));
        }
        sandbox.write(".laps/hooks.json", "{\"version\":1,\"hooks\":[]}\n");
        laps(&sandbox, 0, &["add", "tail", "--title", "root"]);
        for flags in [&["done"][..], &["-f", "later", "done"]] {
            let id = first_line(&sandbox, &["-f", "later", "add", "tail", "--title", "other"]);
            laps(&sandbox, 0, &["-f", "later", "claim"]);
            assert_eq!(first_line(&sandbox, flags), "other", "v{version} {flags:?}");
            assert!(!exists(&sandbox, ".laps/claim"));
            assert!(laps(&sandbox, 3, &["get", &id]).1.contains("use -f later.json"));
        }
        // What is nowhere is a wrong argument of these, and what is elsewhere was not found.
        laps(&sandbox, 1, &["edit", "repo-0000", "--title", "x"]);
        laps(&sandbox, 1, &["assign", "repo-0000", "x"]);
        laps(&sandbox, 1, &["move", "repo-0000", "head"]);
        laps(&sandbox, 3, &["get", "repo-0000"]);
    }
}

// 40-13.8: nobody could tell which of two was done, nor claim what has no name
#[test]
fn a_lap_that_cannot_be_named_is_not_handed_out() {
    let sandbox = Sandbox::new();
    let lap = |id: &str| format!(r#"{{{id}"title": "t", "description": "", "isDone": false, "order": 1}}"#);
    let twice = [lap(r#""id": "a-1", "#), lap(r#""id": "a-1", "#)].join(",");
    for (tasks, told) in [(twice, "the id a-1 stands more than once"), (lap(""), "a lap has no id")] {
        sandbox.write(".laps/laps.json", &format!(r#"{{"version": 2, "tasks": [{tasks}]}}"#));
        let output = sandbox.rally(["laps", "claim"]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && said.contains(told), "{:?} {said}", output.status);
        assert!(!sandbox.repo().join(".laps/claim").exists());
    }
}
