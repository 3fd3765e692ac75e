//! State of the earlier program, in both of its layouts.

use rally::model::Outcome;
use rally::store::messages::Inbox;
use rally::store::migrate::prepare;

use super::*;
use crate::support::{stderr, stdout};

const TREES: [&str; 6] = ["finished", "failures", "interrupted", "paused", "recovered", "flat"];

/// A workspace with a tree of the earlier program, its log paths put right.
fn tree(name: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/state").join(name);
    let data = sandbox.home().join(".local/share/rally");
    copy(&from.join("dot-rally"), &sandbox.repo().join(".rally"), &data);
    copy(&from.join("data"), &data, &data);
    sandbox
}

fn copy(from: &Path, to: &Path, data: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let target = to.join(name.replace("dot-gitignore", ".gitignore"));
        if path.is_dir() {
            copy(&path, &target, data);
        } else {
            let text = std::fs::read_to_string(&path).unwrap();
            let text = text.replace("/home/user/.local/share/rally", data.to_str().unwrap());
            std::fs::write(target, text).unwrap();
        }
    }
}

// 30-183, 30-191: every tree opens, loses nothing, and the commands work on it.
#[test]
fn every_tree_opens_and_loses_nothing() {
    for name in TREES {
        let sandbox = tree(name);
        let layout = layout(&sandbox);
        let old = |file: &str| -> Vec<serde_json::Value> {
            let flat = lines(&layout.rally_dir().join(file));
            if flat.is_empty() { lines(&layout.state_dir().join(file)) } else { flat }
        };
        let before =
            (old("tries.jsonl"), old("relays.jsonl"), old("agent_status.jsonl"), old("messages.jsonl"));
        let (store, opened) = open(&layout);
        assert!(opened.warnings.is_empty(), "{name}: {:?}", opened.warnings);
        let tries = lines(&layout.tries());
        assert_eq!(tries[..before.0.len()], before.0, "{name}");
        assert_eq!(tries.len() - before.0.len(), opened.interrupted.len(), "{name}");
        assert_eq!(store.recent_tries(99, None).unwrap().len(), tries.len(), "{name}: every line is read");
        assert_eq!(lines(&layout.relays())[..before.1.len()], before.1, "{name}");
        assert_eq!(store.status_events().unwrap().len(), before.2.len(), "{name}");
        assert_eq!(Inbox::new(&layout).load().unwrap().len(), before.3.len(), "{name}");
        assert_eq!(lines(&layout.agent_status()), before.2, "{name}");
        assert_eq!(lines(&layout.messages()), before.3, "{name}");
        drop(store);

        let status = sandbox.rally(["status"]).output().unwrap();
        assert!(status.status.success(), "{name}: {}", stderr(&status));
        let last = tries.last().unwrap()["id"].to_string();
        assert!(stdout(&status).contains(&format!("last try  {last}: ")), "{name}: {}", stdout(&status));
        let tail = sandbox.rally(["tail", "--try", &last]).output().unwrap();
        assert!(tail.status.success(), "{name}: {}", stderr(&tail));
        let log = std::fs::read(tries.last().unwrap()["log_path"].as_str().unwrap()).unwrap();
        assert_eq!(tail.stdout, log, "{name}");
    }
}

#[test]
fn a_try_that_the_earlier_program_left_becomes_interrupted() {
    let sandbox = tree("interrupted");
    let layout = layout(&sandbox);
    let lock = WorkspaceLock::acquire(&layout).unwrap();
    let mut reap = |_: &TryStarted, _: Option<(&_, &_)>| panic!("there is nothing to recognise it by");
    let (mut store, opened) = Store::open(layout.clone(), lock, at(1000), &mut reap).unwrap();
    let [cut] = &opened.interrupted[..] else { panic!("{:?}", opened.interrupted) };
    assert_eq!((cut.id, cut.relay_id, cut.run_id, cut.attempt_number), (2, 2, 1, 1));
    assert_eq!(cut.outcome, Some(Outcome::Interrupted));
    assert_eq!(cut.agent_type, "unknown");
    assert!(cut.log_path.as_deref().unwrap().ends_with("try-2.log"));
    let relay = opened.survey.resumable.unwrap();
    assert_eq!((relay.id, relay.completed_iterations, relay.target_iterations), (2, 0, 3));
    assert_eq!((relay.first_try_id, relay.last_try_id), (Some(2), Some(2)));
    assert_eq!(opened.survey.open_run, None, "the earlier program kept no snapshot");
    assert_eq!(store.next_run_id(2).unwrap(), 2);
    assert_eq!(store.allocate_try(new_try(2, 2, 1), at(5)).unwrap().try_id, 3);
    assert!(!store.read_run_state().unwrap().unwrap().has_active());
    drop(store);
    assert_eq!(open(&layout).1.interrupted.len(), 1, "only the try that was cut just now");
}

#[test]
fn counters_of_the_earlier_program_are_derived_anew() {
    let sandbox = tree("failures");
    let layout = layout(&sandbox);
    let relays = std::fs::read_to_string(layout.relays()).unwrap();
    let ended = ",\"ended_at\":\"2026-11-22T21:35:29Z\",\"first_try_id\":2";
    assert!(relays.contains(ended));
    std::fs::write(layout.relays(), relays.replacen(ended, ",\"first_try_id\":2", 1)).unwrap();
    let (store, opened) = open(&layout);
    let relay = opened.survey.resumable.unwrap();
    assert_eq!((relay.id, relay.first_try_id, relay.last_try_id), (1, Some(1), Some(4)));
    assert_eq!(store.next_run_id(1).unwrap(), 3);
    assert_eq!(store.last_relay().unwrap().id, 2);
    assert_eq!(lines(&layout.relays()).last().unwrap()["id"], 2, "the last line is the newest relay");
}

const MOVED: [&str; 7] = [
    "tries.jsonl",
    "messages.jsonl",
    "relays.jsonl",
    "agent_status.jsonl",
    "hook-audit.jsonl",
    "run-state.json",
    "current_task.md",
];

fn old_layout() -> (Sandbox, Layout) {
    let sandbox = Sandbox::without_repository();
    for name in MOVED {
        sandbox.write(&format!(".rally/{name}"), &format!("old {name}"));
    }
    for name in ["batches/1/x", "relays/y", "progress.yaml", "config.toml.bak"] {
        sandbox.write(&format!(".rally/{name}"), "untouched");
    }
    let layout = layout(&sandbox);
    (sandbox, layout)
}

// 30-192
#[test]
fn files_move_into_the_state_folder() {
    let (sandbox, layout) = old_layout();
    for _ in 0..2 {
        assert!(prepare(&layout).unwrap().is_empty());
        for name in MOVED {
            assert!(!layout.rally_dir().join(name).exists(), "{name}");
            assert_eq!(sandbox.read(&format!(".rally/state/{name}")), format!("old {name}"));
        }
        assert!(!layout.rally_dir().join("batches").exists());
        assert!(!layout.rally_dir().join("relays").exists());
        for name in ["progress.yaml", "config.toml.bak"] {
            assert_eq!(sandbox.read(&format!(".rally/{name}")), "untouched");
        }
    }
}

// 30-192
#[test]
fn nothing_is_overwritten_when_both_layouts_have_a_file() {
    let (sandbox, layout) = old_layout();
    sandbox.write(".rally/state/tries.jsonl", "old tries.jsonl");
    sandbox.write(".rally/state/relays.jsonl", "new");
    let notices = prepare(&layout).unwrap();
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(notices[0].contains("relays.jsonl.legacy-conflict"));
    assert!(!layout.rally_dir().join("tries.jsonl").exists());
    assert!(!layout.state_dir().join("tries.jsonl.legacy-conflict").exists());
    assert_eq!(sandbox.read(".rally/state/relays.jsonl"), "new");
    assert_eq!(sandbox.read(".rally/state/relays.jsonl.legacy-conflict"), "old relays.jsonl");

    sandbox.write(".rally/relays.jsonl", "old relays.jsonl");
    assert!(prepare(&layout).unwrap().is_empty(), "the same as the conflict file");
    assert!(!layout.rally_dir().join("relays.jsonl").exists());

    sandbox.write(".rally/relays.jsonl", "a third one");
    for _ in 0..2 {
        let notices = prepare(&layout).unwrap();
        assert!(notices[0].contains("left where it is"), "{notices:?}");
        assert_eq!(sandbox.read(".rally/relays.jsonl"), "a third one");
        assert_eq!(sandbox.read(".rally/state/relays.jsonl.legacy-conflict"), "old relays.jsonl");
    }

    std::fs::remove_file(layout.state_dir().join("current_task.md")).unwrap();
    std::fs::create_dir(layout.state_dir().join("current_task.md")).unwrap();
    sandbox.write(".rally/current_task.md", "x");
    assert!(prepare(&layout).unwrap_err().to_string().contains("is a folder"));
}

// 30-S13 of the list of mistakes: the state must never be committed.
#[test]
fn the_state_folder_is_always_ignored() {
    let cases = [
        (None, "state/\n"),
        (Some(""), "state/\n"),
        (Some("x"), "x\nstate/\n"),
        (Some("x\n"), "x\nstate/\n"),
        (Some("# state/\n"), "# state/\nstate/\n"),
        (Some("/state\r\n"), "/state\r\n"),
        (Some("state"), "state"),
        (Some("a\n/state/\nb"), "a\n/state/\nb"),
    ];
    for (old, expected) in cases {
        let sandbox = Sandbox::without_repository();
        if let Some(old) = old {
            sandbox.write(".rally/.gitignore", old);
        }
        for _ in 0..2 {
            prepare(&layout(&sandbox)).unwrap();
            assert_eq!(sandbox.read(".rally/.gitignore"), expected);
        }
    }
}
