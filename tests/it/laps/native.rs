//! What an agent reports through rally's own queue: done, handed over, wrapped up.

use std::os::unix::fs::symlink;
use std::process::Command;

use rally::model::Timestamp;
use rally::store::progress::Reported;
use rally::store::records::LapRef;
use rally::store::{Layout, NewRelay, NewTry, Shared, Store, WorkspaceLock};
use serde_json::{Value, json};

use super::commands::{add, hooks, laps, out, queue};
use crate::support::{Sandbox, stderr, stdout};

/// A workspace in the middle of a try, whose lap is claimed. A second lap waits.
struct Scene {
    sandbox: Sandbox,
    store: Store,
    tag: String,
    run: String,
    lap: String,
    /// Whether the agent types `laps`, and not `rally laps`.
    short: bool,
}

impl Scene {
    fn new(short: bool) -> Scene {
        let sandbox = queue();
        sandbox.write(".rally/.gitignore", "state/\n");
        symlink(Sandbox::rally_path(), sandbox.bin().join("laps")).unwrap();
        let lap = out(&sandbox, &["add", "tail", "--title", "Build it", "--assignee", "backend"]);
        let lap = lap.trim_end().to_owned();
        add(&sandbox, "tail", "Later");
        out(&sandbox, &["claim"]);
        let layout = Layout::new(&sandbox.repo(), &sandbox.root().join("data")).unwrap();
        let lock = WorkspaceLock::acquire(&layout).unwrap();
        let now = Timestamp::now();
        let (mut store, _) = Store::open(layout.clone(), lock, now, &mut |_, _| Vec::new()).unwrap();
        let relay =
            store.create_relay(NewRelay { target_iterations: 1, ..NewRelay::default() }, now).unwrap().id;
        let lap_ref = LapRef {
            lap_title: None,
            lap_id: Some(lap.clone()),
            lap_assignee: Some("backend".into()),
            role: Some("backend".into()),
        };
        let started = NewTry {
            relay_id: relay,
            run_id: 1,
            attempt: 1,
            tag: "tag-of-the-try".into(),
            harness: "claude".into(),
            lap: lap_ref,
            ..NewTry::default()
        };
        let tag = store.allocate_try(started, now).unwrap().tag;
        let run = format!("relay-{relay}-run-1");
        let shown = |view: &mut rally::store::RunState| {
            view.run_id.clone_from(&run);
            view.pinned_lap_id = Some(lap.clone());
        };
        Shared::lock(&layout).unwrap().update_run_state(shown).unwrap();
        Scene { sandbox, store, tag, run, lap, short }
    }

    /// `laps` as the agent calls it.
    fn agent(&self, args: &[&str]) -> Command {
        let mut command = match self.short {
            true => self.sandbox.command(self.sandbox.bin().join("laps")),
            false => self.sandbox.rally(["laps"]),
        };
        command.args(args).env("RALLY_TRY", &self.tag);
        command
    }

    fn says(&self, code: i32, args: &[&str]) -> (String, String) {
        let output = self.agent(args).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}{}", stdout(&output), stderr(&output));
        (stdout(&output), stderr(&output))
    }

    fn good(&self, args: &[&str]) -> String {
        let (text, noise) = self.says(0, args);
        assert_eq!(noise, "", "{args:?}");
        text
    }

    fn reported(&self) -> Reported {
        self.store.reported(&self.run).unwrap()
    }

    fn waiting(&self) -> Vec<Value> {
        let list: Value = serde_json::from_str(&out(&self.sandbox, &["list", "--json"])).unwrap();
        list["tasks"].as_array().unwrap().clone()
    }

    fn last_entry(&self) -> Value {
        self.sandbox.records(".rally/summary.jsonl").pop().unwrap()
    }
}

fn texts<'a>(laps: &'a [Value], key: &str) -> Vec<&'a str> {
    laps.iter().map(|lap| lap[key].as_str().unwrap()).collect()
}

// 30-198, 40-12.3, 40-14.7
#[test]
fn done_and_wrapup() {
    for short in [false, true] {
        let scene = Scene::new(short);
        let said = scene.good(&["done"]);
        assert_eq!(said.lines().next(), Some("Build it"));
        for part in ["laps wrapup --summary", "<lap-description>: done", "laps done undo"] {
            assert!(said.contains(part), "{said}");
        }
        let words =
            ["wrapup", "--summary", "a 'b' $(x) *", "--followup", "-v x y", "--classification", "continue"];
        assert_eq!(scene.good(&words), "Progress recorded.\n");
        let entry = scene.last_entry();
        assert_eq!((&entry["run_id"], &entry["summary"]), (&json!(scene.run), &json!("a 'b' $(x) *")));
        assert_eq!((&entry["followups"], &entry["classification"]), (&json!(["-v x y"]), &json!("continue")));
        assert_eq!(entry["laps_completed"], json!([scene.lap]));
        assert!(entry.get("handoff").is_none());
        let left = scene.waiting();
        assert_eq!(texts(&left, "title"), ["Later", "-v x y"], "behind what waited before");
        assert_eq!(left[1]["assignee"], "backend");
        assert_eq!(entry["created_lap_ids"], json!([left[1]["id"]]));
        let reported = scene.reported();
        assert_eq!(reported.done.iter().map(|done| done.lap_id.as_str()).collect::<Vec<_>>(), [&scene.lap]);
        assert!(reported.handoffs.is_empty());
    }
}

// 30-198, 40-13.16, 40-13.25
#[test]
fn handoff_and_wrapup() {
    for short in [false, true] {
        let scene = Scene::new(short);
        let said = scene.good(&["handoff"]);
        assert!(said.contains("laps wrapup --summary") && said.contains("(handoff)"), "{said}");
        assert!(scene.sandbox.repo().join(".laps/claim").exists(), "the lap is worked on until the wrapup");
        let words = ["wrapup", "--summary", "half", "--followup", "first", "--followup", "second"];
        assert_eq!(scene.good(&words), "Progress recorded.\n");
        let left = scene.waiting();
        assert_eq!(texts(&left, "title"), ["first", "second", "Build it", "Later"]);
        assert_eq!((&left[0]["assignee"], &left[1]["assignee"]), (&json!("backend"), &json!("backend")));
        assert!(!scene.sandbox.repo().join(".laps/claim").exists(), "a stray done completes nothing");
        scene.says(3, &["done"]);
        let entry = scene.last_entry();
        assert_eq!(entry["handoff"]["created_lap_ids"], json!([left[0]["id"], left[1]["id"]]));
        assert_eq!(
            (&entry["handoff"]["summary"], &entry["laps_completed"]),
            (&json!("half"), &json!("none"))
        );
        let reported = scene.reported();
        assert_eq!(reported.handoffs[0].lap_id, scene.lap);
        assert!(reported.handed_over().is_some());
        // Said again, nothing is there twice.
        assert_eq!(scene.good(&words), "Progress recorded.\n");
        assert_eq!((scene.waiting().len(), scene.reported().entries.len()), (4, 1));
    }
}

// Outside of a try the operator's `done` tells the relay nothing; a wrapup is kept under an id of its own.
#[test]
fn outside_of_a_try() {
    let scene = Scene::new(false);
    let journal = || scene.sandbox.read(".rally/state/journal.jsonl");
    let before = journal();
    assert!(!out(&scene.sandbox, &["done"]).contains("wrapup"));
    assert_eq!(journal(), before);
    let sandbox = queue();
    sandbox.write(".rally/.gitignore", "state/\n");
    assert_eq!(
        out(&sandbox, &["wrapup", "--summary", "by hand", "--followup", "more"]),
        "Progress recorded.\n"
    );
    let entry = sandbox.records(".rally/summary.jsonl").pop().unwrap();
    assert!(!entry["run_id"].as_str().unwrap().starts_with("relay-"), "{entry}");
    assert!(out(&sandbox, &["list", "--oneline"]).contains("more"));
}

// Agents ask for help first: that is no report, and needs neither a queue nor `.rally`.
#[test]
fn help_of_what_reports_does_nothing() {
    let scene = Scene::new(true);
    let fires =
        |name: &str| format!(r#"{{"title":"t","command":"{name}","when":"before","run":"touch ran"}}"#);
    hooks(&scene.sandbox, &[fires("handoff"), fires("wrapup")].join(","));
    let journal = scene.sandbox.read(".rally/state/journal.jsonl");
    for flag in ["--help", "-h"] {
        let help = scene.good(&["wrapup", flag]);
        for part in ["laps wrapup", "--summary <TEXT>", "--followup <TEXT>", "--classification <WORD>"] {
            assert!(help.contains(part), "{help}");
        }
        assert!(scene.good(&["handoff", flag]).contains("Hand the claimed lap over"));
        assert!(scene.good(&["wrapup", "--summary", "x", flag]).contains("Usage"));
    }
    assert!(scene.good(&["help", "wrapup"]).contains("--summary <TEXT>"));
    assert_eq!(scene.sandbox.read(".rally/state/journal.jsonl"), journal);
    assert!(!scene.sandbox.repo().join("ran").exists());
    let bare = Sandbox::without_repository();
    assert!(out(&bare, &["wrapup", "--help"]).contains("Usage"));
}

// 30-198: a wrapup that cannot be understood records nothing, and says what it wants.
#[test]
fn wrong_wrapups() {
    let scene = Scene::new(true);
    scene.good(&["handoff"]);
    let table: [(&[&str], &str); 6] = [
        (&["wrapup"], "--summary <TEXT>"),
        (&["wrapup", "--summary"], "--summary <TEXT>"),
        (&["wrapup", "--summary", " \n"], "--summary must not be blank"),
        (&["wrapup", "--summary", "x", "--status", "done"], "'--status'"),
        (&["wrapup", "all is well"], "'all is well'"),
        (&["wrapup", "--summary", "x", "--json-output"], "'--json-output'"),
    ];
    for (words, part) in table {
        let (text, why) = scene.says(1, words);
        assert!(text.is_empty() && why.contains(part) && why.starts_with("laps: "), "{words:?}: {text}{why}");
    }
    assert!(scene.reported().entries.is_empty() && scene.reported().is_handing_over());
    // A word that looks like an option is a summary where one is expected.
    scene.good(&["wrapup", "--summary", "--version"]);
    assert_eq!(scene.last_entry()["summary"], "--version");
}

// 40-12.3, 40-8.4: foreign hooks run around what rally does natively; those of rally would report it twice.
#[test]
fn foreign_hooks_run_and_rallys_own_do_not() {
    let scene = Scene::new(true);
    let mut entries = Vec::new();
    for command in ["done", "handoff", "wrapup"] {
        entries.push(json!({"title": format!("rally:laps-{command}"), "command": command, "when": "before",
            "run": "touch rallys", "passback": true}));
        for when in ["before", "after"] {
            entries.push(json!({"title": "mine", "command": command, "when": when, "passback": true,
                "run": format!("echo \"{when} $command $exit_code\" $args; echo {when} $command >> said")}));
        }
    }
    let text: Vec<String> = entries.iter().map(Value::to_string).collect();
    hooks(&scene.sandbox, &text.join(","));
    let said = scene.good(&["done"]);
    assert!(said.starts_with("before done \nBuild it\n") && said.ends_with("\nafter done 0\n"), "{said}");
    let said = scene.good(&["handoff", "--why", "a b"]);
    assert!(said.starts_with("before handoff  --why a b\nThe handoff"), "{said}");
    let said = scene.good(&["wrapup", "--summary", "it's"]);
    assert_eq!(said, "before wrapup  --summary it's\nProgress recorded.\nafter wrapup 0 --summary it's\n");
    assert_eq!(scene.sandbox.read("said").lines().count(), 6);
    assert!(!scene.sandbox.repo().join("rallys").exists());
    assert_eq!(scene.reported().entries.len(), 1);
}

// 40-8.3, 40-13.12: a before-hook that fails stops the report.
#[test]
fn a_before_hook_that_fails_stops_a_report() {
    let scene = Scene::new(true);
    let gate =
        |name: &str| format!(r#"{{"title":"gate","command":"{name}","when":"before","run":"exit 1"}}"#);
    hooks(&scene.sandbox, &["done", "handoff", "wrapup"].map(gate).join(","));
    let journal = scene.sandbox.read(".rally/state/journal.jsonl");
    let table: [&[&str]; 3] = [&["done"], &["handoff"], &["wrapup", "--summary", "x"]];
    for words in table {
        let (text, why) = scene.says(4, words);
        assert!(text.is_empty() && why.contains("gate"), "{text}{why}");
    }
    assert_eq!(scene.sandbox.read(".rally/state/journal.jsonl"), journal);
    assert!(scene.sandbox.repo().join(".laps/claim").exists());
    // Without `.rally` there is nobody to report to, and no reason to run a hook.
    let bare = queue();
    hooks(&bare, r#"{"title":"mark","command":"wrapup","when":"before","run":"touch ran"}"#);
    let (_, why) = laps(&bare, 2, &["wrapup", "--summary", "x"]);
    assert!(why.contains("rally init"), "{why}");
    assert!(!bare.repo().join("ran").exists());
}
