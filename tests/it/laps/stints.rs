//! Queues within the queue, and the views of the whole.

use serde_json::{Value, json};

use super::commands::{add, laps, out, queue};
use crate::support::Sandbox;

fn read(sandbox: &Sandbox, args: &[&str]) -> Value {
    serde_json::from_str(&out(sandbox, args)).unwrap()
}

fn add_to(sandbox: &Sandbox, stint: &str, title: &str) -> String {
    out(sandbox, &["add", "tail", "-s", stint, "--title", title]).trim_end().to_owned()
}

/// A lap `later` in the root, and before it the stint `auth` with `login` and `logout`; gives their ids.
fn nested() -> (Sandbox, [String; 3]) {
    let sandbox = queue();
    let later = add(&sandbox, "tail", "later");
    assert_eq!(out(&sandbox, &["stints", "new", "auth"]), "auth\n");
    out(&sandbox, &["stints", "enqueue", "auth", "head"]);
    let ids = [add_to(&sandbox, "auth", "login"), add_to(&sandbox, "auth", "logout"), later];
    (sandbox, ids)
}

// 40-9.3, 40-9.5, 40-10
#[test]
fn a_stint_is_entered_and_drained() {
    let (sandbox, ids) = nested();
    assert!(ids[0].starts_with("auth-"), "{ids:?}");
    assert_eq!(out(&sandbox, &["get"]), "login\n\n\n");
    assert_eq!(out(&sandbox, &["get", "--root"]), "auth/ (stint)\n");
    let claim = read(&sandbox, &["claim", "--json"]);
    assert_eq!((&claim["claimedId"], &claim["task"]["kind"]), (&json!(ids[0]), &json!("lap")));
    // What an agent adds on the way goes before it in the same stint.
    let blocker = add(&sandbox, "head", "blocker");
    assert!(blocker.starts_with("auth-"), "{blocker}");
    let (_, why) = laps(&sandbox, 3, &["done", &ids[2]]);
    assert!(why.contains("--root"), "{why}");
    out(&sandbox, &["done"]);
    out(&sandbox, &["done", &blocker]);
    out(&sandbox, &["claim"]);
    out(&sandbox, &["done"]);
    assert_eq!(out(&sandbox, &["stints", "ls"]), "auth\tprefix=auth\tlaps=3\tqueued=true\tarchived=true\n");
    assert_eq!(read(&sandbox, &["claim", "--json"])["claimedId"], ids[2].as_str());
    let log = out(&sandbox, &["log", "-n", "3"]);
    let events: Vec<&str> = log.lines().map(|line| line.split(' ').nth(1).unwrap()).collect();
    assert_eq!(events, ["stint.completed", "stint.archived", "claimed"]);
    out(&sandbox, &["claim", "undo"]);
    assert!(out(&sandbox, &["done", "undo"]).contains(&ids[1]));
    assert!(out(&sandbox, &["stints", "ls"]).contains("archived=false"));
    assert_eq!(out(&sandbox, &["get"]), "logout\n\n\n");
}

// 40-9.6, 40-9.7
#[test]
fn a_held_stint_hands_out_nothing() {
    let (sandbox, ids) = nested();
    for _ in 0..2 {
        assert_eq!(out(&sandbox, &["stints", "hold", "auth"]), "auth\n");
    }
    for words in [&["claim"][..], &["get"], &["claim", "-s", "auth", &ids[0]]] {
        let (text, why) = laps(&sandbox, 10, words);
        assert!(text.is_empty() && why.contains("auth is held"), "{words:?}: {text}{why}");
    }
    let (state, _) = laps(&sandbox, 10, &["claim", "--json-output"]);
    assert_eq!(state, "{\"exitCode\":10,\"state\":\"held\"}\n");
    assert!(!sandbox.repo().join(".laps/claim").exists());
    let (text, warning) = laps(&sandbox, 0, &["get", "-s", "auth", &ids[1]]);
    assert!(text.starts_with("logout") && warning.contains("held"), "{text}{warning}");
    out(&sandbox, &["done", "-s", "auth", &ids[0]]);
    add_to(&sandbox, "auth", "more");
    assert!(out(&sandbox, &["stints", "ls"]).ends_with("archived=false\theld=true\n"));
    assert_eq!(
        out(&sandbox, &["stints", "release", "auth", "--json"]),
        "{\"held\":false,\"stint\":\"auth\"}\n"
    );
    assert_eq!(read(&sandbox, &["claim", "--json"])["claimedId"], ids[1].as_str());
}

// 40-9.1, 40-9.6
#[test]
fn stints_are_made_queued_and_removed() {
    let sandbox = queue();
    let root = add(&sandbox, "tail", "root");
    let path = sandbox.repo().join(".laps/stints/api.laps.json");
    let made = json!({"name": "api", "path": path, "prefix": "apix"});
    assert_eq!(read(&sandbox, &["stints", "new", "api", "--json"]), made);
    let table: [(&[&str], i32); 14] = [
        (&["new"], 1),
        (&["new", " "], 1),
        (&["new", "a\nb"], 1),
        (&["new", "api"], 2),
        (&["new", "a/b"], 2),
        (&["nope"], 1),
        (&["show", "none"], 3),
        (&["hold", "none"], 3),
        (&["release", "none"], 3),
        (&["rm", "none"], 3),
        (&["enqueue", "none"], 3),
        (&["enqueue", "api", "middle"], 1),
        (&["enqueue", "api", "after"], 1),
        (&["enqueue", "api", "head", "x"], 1),
    ];
    for (words, code) in table {
        laps(&sandbox, code, &[&["stints"], words].concat());
    }
    let queued = read(&sandbox, &["st", "enqueue", "api", "after", &root, "--json"]);
    assert_eq!((&queued["stint"], &queued["ref"]["kind"]), (&json!("api"), &json!("stint")));
    laps(&sandbox, 3, &["stints", "enqueue", "api"]);
    assert_eq!(out(&sandbox, &["list", "--oneline"]).lines().nth(1), Some("2. api/ (stint - 0 laps)"));
    let lap = add_to(&sandbox, "api", "one");
    out(&sandbox, &["claim", "-s", "api"]);
    let (_, why) = laps(&sandbox, 3, &["stints", "rm", "api"]);
    assert!(why.contains(&lap) && why.contains("--force"), "{why}");
    out(&sandbox, &["claim", "undo"]);
    let (_, why) = laps(&sandbox, 3, &["stints", "rm", "api"]);
    assert!(why.contains("queued") && path.exists(), "{why}");
    out(&sandbox, &["claim", "-s", "api"]);
    assert_eq!(out(&sandbox, &["stints", "rm", "api", "--force"]), "api\n");
    assert!(!path.exists() && !sandbox.repo().join(".laps/claim").exists());
    assert_eq!(read(&sandbox, &["list", "-r", "--json"])["tasks"].as_array().unwrap().len(), 1);
    out(&sandbox, &["stints", "new", "idle"]);
    out(&sandbox, &["stints", "rm", "idle"]);
    assert_eq!(out(&sandbox, &["stints", "ls", "--json"]), "{\"stints\":[]}\n");
}
