//! The views of the queue, and the commands that change one lap.

use serde_json::{Value, json};

use super::commands::{add, hooks, laps, out, queue};

fn keys(text: &str) -> Vec<String> {
    let object: serde_json::Map<String, Value> = serde_json::from_str(text).unwrap();
    let mut keys: Vec<String> = object.keys().cloned().collect();
    keys.sort_by_key(|key| text.find(&format!("\"{key}\":")).unwrap());
    keys
}

// 40-7.5, 40-7.12
#[test]
fn the_tree_and_the_state_of_all() {
    let sandbox = queue();
    let later = add(&sandbox, "tail", "later");
    out(&sandbox, &["assign", &later, "dev"]);
    out(&sandbox, &["stints", "new", "auth"]);
    let entry = out(&sandbox, &["stints", "enqueue", "auth", "head"]);
    let login = out(&sandbox, &["add", "tail", "-s", "auth", "--title", "login"]);
    let (entry, login) = (entry.trim_end(), login.trim_end());
    out(&sandbox, &["claim"]);
    let tree = format!(
        "1. auth/ (stint - 1 laps)\n  1. > login\n     {login} · — · todo\n2. later\n   {later} · dev · todo\n"
    );
    assert_eq!(out(&sandbox, &["list", "--tree"]), tree);
    assert_eq!(out(&sandbox, &["list", "--root", "--oneline"]).lines().count(), 2);
    let text = format!(
        "File: laps.json\nState: active\nLaps: 2 todo, 0 done (2 total)\nHead: {entry} — auth\n\
         Active stint: auth (1 todo, 0 done, 1 total)\nClaim: {login} (valid)\nTodo by assignee:\n- dev: 1\n- unassigned: 1\n"
    );
    assert_eq!(out(&sandbox, &["status"]), text);
    let status = out(&sandbox, &["status", "--json"]);
    let wanted = ["file", "state", "counts", "head", "claim", "assignees", "activeStint", "stints"];
    assert_eq!(keys(&status), wanted);
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["claim"]["file"], "stints/auth.laps.json");
    assert_eq!(
        (&status["activeStint"], &status["activeStint"]["active"]),
        (&status["stints"][0], &json!(true))
    );
    out(&sandbox, &["claim", "undo"]);
    out(&sandbox, &["stints", "hold", "auth"]);
    let held = out(&sandbox, &["status", "--json"]);
    assert!(keys(&held).contains(&"gate".to_owned()) && held.contains("\"state\":\"held\""), "{held}");
    assert!(out(&sandbox, &["status"]).contains("\nGate: stint auth is held"));
    assert!(out(&sandbox, &["stints"]).contains("enqueue"), "half a command is answered by help");
}

// 40-7.6 to 40-7.10
#[test]
fn laps_are_moved_changed_counted_and_dropped() {
    let sandbox = queue();
    let [a, b, c] = ["a", "b", "c"].map(|title| add(&sandbox, "tail", title));
    assert_eq!(out(&sandbox, &["move", &c, "head"]), format!("{c}\n"));
    out(&sandbox, &["move", &a, "after", &b]);
    let order = |all: &str| -> Vec<String> {
        let list: Value = serde_json::from_str(&out(&sandbox, &["list", all, "--json"])).unwrap();
        list["tasks"].as_array().unwrap().iter().map(|lap| lap["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(order("--all"), [&c, &b, &a].map(String::as_str));
    assert_eq!(out(&sandbox, &["edit", &b, "--title", "B", "--description", "x\\ny"]), format!("{b}\n"));
    assert_eq!(out(&sandbox, &["assign", &b, " dev "]), format!("{b}\n"));
    assert_eq!(out(&sandbox, &["get", &b]), "B\nAssignee: dev\n\nx\ny\n");
    out(&sandbox, &["done", &c]);
    let (text, notice) = laps(&sandbox, 0, &["edit", &c, "--title", "C"]);
    assert!(text == format!("{c}\n") && notice.contains("already done"), "{text}{notice}");
    let (_, notice) = laps(&sandbox, 0, &["move", &b, "after", &c]);
    assert!(notice.contains("head"), "{notice}");
    let counts = "Laps done: 1 out of 3\n\nBy role:\n- dev: 0 complete, 1 incomplete\n- unassigned: 1 complete, 1 incomplete\n";
    assert_eq!(out(&sandbox, &["count"]), counts);
    for words in [
        &["move", &c, "head"][..],
        &["move", &a, "after", &a],
        &["edit", &a],
        &["edit", &a, "--title", " "],
        &["assign", &a],
        &["assign", &a, "x", "y"],
        &["prune", "-1"],
    ] {
        laps(&sandbox, 1, words);
    }
    assert_eq!(out(&sandbox, &["prune"]), "0\n");
    assert_eq!(out(&sandbox, &["prune", "0", "--json"]), "{\"removed\":1}\n");
    assert_eq!(out(&sandbox, &["delete", &a, "--json"]), format!("{{\"deleted\":\"{a}\"}}\n"));
    assert_eq!(order("--all"), [b.as_str()]);
}

// 40-7.13, 40-8.2, 40-10
#[test]
fn the_log_is_filtered_and_has_hooks() {
    let sandbox = queue();
    assert_eq!(out(&sandbox, &["log"]), "", "a queue of version 2 has none");
    sandbox.write(".laps/laps.json", "{\"version\":3,\"tasks\":[]}\n");
    let mut add = sandbox.rally(["laps", "add", "tail", "--title", "a"]);
    assert!(add.env("LAPS_SESSION", "one").output().unwrap().status.success());
    let b = self::add(&sandbox, "tail", "b");
    out(&sandbox, &["done", &b]);
    sandbox.write(".laps/log.jsonl", &(sandbox.read(".laps/log.jsonl") + "half a li\n"));
    let events = |args: &[&str]| -> Vec<String> {
        let (text, note) = laps(&sandbox, 0, &[&["log", "--json"], args].concat());
        assert!(note.contains("malformed"), "{note}");
        let log: Value = serde_json::from_str(&text).unwrap();
        log["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line["event"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(events(&[]), ["created", "created", "completed"]);
    assert_eq!(events(&["-n", "1"]), ["completed"]);
    assert_eq!(events(&["--session", "one"]), ["created"]);
    assert_eq!(events(&["--lap", &b]), ["created", "completed"]);
    assert_eq!(events(&["--scope", "auth"]), [""; 0]);
    assert_eq!(events(&["--since", "2100-01-01T00:00:00Z"]), [""; 0]);
    laps(&sandbox, 2, &["log", "--since", "yesterday"]);
    laps(&sandbox, 2, &["log", "-n", "-1"]);
    let tell = r#"{"title":"t","command":"log","when":"after","run":"echo \"$command $exit_code\" > told"}"#;
    hooks(&sandbox, tell);
    assert_eq!(events(&[]).len(), 3);
    assert_eq!(sandbox.read("told"), "log 0\n");
}
