//! The driver of an installed `laps`, against a stand-in of both versions.

use rally::laps::{Lap, NewLap, Offer, Place, Queue, Standing};

use crate::support::{Sandbox, stderr, stdout};

const VERSIONS: [&str; 2] = ["0.8.1", "0.9.0"];

/// A workspace whose queue is kept by a `laps` of this version.
fn scene(version: &str) -> (Sandbox, Queue) {
    let sandbox = Sandbox::new();
    let program = sandbox.install_laps(version);
    laps(&sandbox, 0, &["init"]);
    let queue = detect(&sandbox).unwrap();
    assert_eq!(queue.program(), Some(program.as_path()));
    (sandbox, queue)
}

fn detect(sandbox: &Sandbox) -> Option<Queue> {
    Queue::detect(&sandbox.repo(), Some(sandbox.bin().as_os_str()))
}

/// Runs `laps` as an agent would.
#[track_caller]
fn laps(sandbox: &Sandbox, code: i32, args: &[&str]) -> String {
    let output = sandbox.laps(args).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {}{}", stdout(&output), stderr(&output));
    stdout(&output)
}

fn new(title: &str, description: &str, assignee: Option<&str>) -> NewLap {
    NewLap { title: title.into(), description: description.into(), assignee: assignee.map(Into::into) }
}

#[track_caller]
fn lap(offer: Offer) -> Lap {
    match offer {
        Offer::Lap(lap) => lap,
        other => panic!("{other:?}"),
    }
}

fn titles(queue: &Queue) -> Vec<String> {
    queue.waiting().unwrap().into_iter().map(|lap| lap.title).collect()
}

// 30-200: no folder, no file, no program: no queue of another program.
#[test]
fn the_queue_of_a_workspace_is_found() {
    let sandbox = Sandbox::new();
    assert!(detect(&sandbox).is_none(), "no folder");
    sandbox.write(".laps/hooks.json", "{}");
    assert!(detect(&sandbox).is_none(), "a folder alone is no queue");
    sandbox.write(".laps/laps.json", "");
    let queue = detect(&sandbox).unwrap();
    assert_eq!(
        (queue.program(), queue.advisory()),
        (None, None),
        "nothing is installed, and nothing is missing"
    );
    std::os::unix::fs::symlink(Sandbox::rally_path(), sandbox.bin().join("laps")).unwrap();
    assert_eq!(detect(&sandbox).unwrap().program(), None, "this binary under that name");
    std::fs::remove_file(sandbox.bin().join("laps")).unwrap();
    let program = sandbox.install_laps("0.9.0");
    let queue = detect(&sandbox).unwrap();
    assert_eq!((queue.program(), queue.advisory()), (Some(program.as_path()), None));
}

// 30-203: older than 0.8.1 is said, an unreadable version is not.
#[test]
fn an_old_program_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write(".laps/laps.json", "");
    for (script, said) in [
        ("echo 0.8.1", false),
        ("echo v1.0.0-dev.abc", false),
        ("echo dev", false),
        ("exit 1", false),
        ("echo 0.8.0", true),
        ("test $1 = --version && echo laps 0.7.12", true),
    ] {
        sandbox.program("laps", script);
        let advisory = detect(&sandbox).unwrap().advisory();
        assert_eq!(advisory.is_some(), said, "{script}: {advisory:?}");
        assert!(advisory.is_none_or(|words| words.contains("older than the required v0.8.1")));
    }
}

// 30-200, 30-L2, 30-L11, 40-14.12: the life of a lap, in both versions.
#[test]
fn a_lap_is_claimed_done_and_given_back() {
    for version in VERSIONS {
        let (sandbox, queue) = scene(version);
        assert_eq!(
            (queue.head().unwrap(), queue.claim().unwrap()),
            (Offer::Empty, Offer::Empty),
            "{version}"
        );
        let text = "First line\n\n-----\nNot the lap you intended? A line of mine.";
        let laps_to_add = [new("One <1>", text, Some("dev")), new("Two", "", None)];
        let ids = queue.add(Place::Tail, &laps_to_add).unwrap();
        let follow_ups = queue.add(Place::Head, &[new("A", "", None), new("B", "", None)]).unwrap();
        assert_eq!(titles(&queue), ["A", "B", "One <1>", "Two"], "{version}");
        for id in &follow_ups {
            laps(&sandbox, 0, &["delete", id]);
            assert_eq!(queue.standing(id).unwrap(), Standing::Gone);
        }

        let one = lap(queue.head().unwrap());
        assert!(!sandbox.repo().join(".laps/claim").exists(), "to look is not to claim");
        assert_eq!(
            (one.id.as_str(), one.title.as_str(), one.description.as_str()),
            (&*ids[0], "One <1>", text)
        );
        assert_eq!(one.assignee.as_deref(), Some("dev"));
        assert_eq!(lap(queue.claim().unwrap()), one);
        assert_eq!(sandbox.read(".laps/claim").starts_with('{'), version == "0.9.0");
        assert!(!queue.release(&ids[1]).unwrap(), "that one is not claimed");
        assert!(queue.release(&one.id).unwrap());
        assert!(!queue.release(&one.id).unwrap());

        queue.claim().unwrap();
        queue.add(Place::Head, &[new("In between", "", None)]).unwrap();
        assert!(laps(&sandbox, 0, &["done"]).starts_with("One <1>\n"), "the claimed lap, not the head");
        assert_eq!(queue.standing(&ids[0]).unwrap(), Standing::Done);
        assert_eq!(queue.standing(&ids[1]).unwrap(), Standing::Todo);
        assert_eq!(lap(queue.claim_again(&ids[1]).unwrap()).title, "Two");
        assert!(queue.release(&ids[1]).unwrap(), "it was claimed");
        let error = queue.claim_again(&ids[0]).unwrap_err().to_string();
        assert!(error.contains("is done"), "{error}");

        for _ in 0..2 {
            queue.claim().unwrap();
            laps(&sandbox, 0, &["done"]);
        }
        assert_eq!(
            (queue.head().unwrap(), queue.claim().unwrap()),
            (Offer::Complete, Offer::Complete),
            "{version}"
        );
        assert!(titles(&queue).is_empty());
    }
}

// 40-14.12, 30-L1: a damaged queue is no empty one.
#[test]
fn a_corrupt_queue_is_an_error() {
    for version in VERSIONS {
        let (sandbox, queue) = scene(version);
        sandbox.write(".laps/laps.json", "{\"version\":2,\"tasks\":[{\"unknown\":1}]}");
        for error in [
            queue.claim().unwrap_err(),
            queue.head().unwrap_err(),
            queue.waiting().unwrap_err(),
            queue.standing("x").unwrap_err(),
            queue.add(Place::Head, &[new("One", "", None)]).unwrap_err(),
        ] {
            let error = error.to_string();
            assert!(error.contains("(exit 2)") && error.contains("unknown field"), "{version}: {error}");
        }
        // A hook that fails is no end either.
        sandbox.write(".laps/laps.json", "");
        sandbox.write(
            ".laps/hooks.json",
            r#"{"hooks":[{"title":"guard","command":"claim","when":"before","run":"echo no >&2; exit 1"}]}"#,
        );
        let error = queue.claim().unwrap_err().to_string();
        assert!(error.contains("(exit 4)") && error.contains("guard"), "{version}: {error}");
    }
}

/// A queue with a stint at its head, and a lap behind it.
fn with_stint(sandbox: &Sandbox, envelope: &str, stint: &str) {
    let lap = |kind: &str, id: &str, more: &str| {
        format!(
            r#"{{"kind":"{kind}","id":"{id}",{more}"title":"{id}","description":"","isDone":false,"order":{},"createdAt":"2026-04-28T10:15:00Z","updatedAt":"2026-04-28T10:15:00Z","completedAt":null}}"#,
            65536 * id.len()
        )
    };
    let root = [lap("stint", "r-1", "\"ref\":\"auth\","), lap("lap", "root-2", "")].join(",");
    sandbox.write(".laps/laps.json", &format!(r#"{{"version":3,"tasks":[{root}]}}"#));
    let tasks = if stint.is_empty() { String::new() } else { lap("lap", stint, "") };
    sandbox.write(
        ".laps/stints/auth.laps.json",
        &format!(r#"{{"version":3,"prefix":"auth"{envelope},"tasks":[{tasks}]}}"#),
    );
}

// 40-9.3, 40-9.7: a stint is worked through, holds the queue back, or hides what comes after it.
#[test]
fn a_stint_at_the_head_is_understood() {
    let (sandbox, queue) = scene("0.9.0");
    with_stint(&sandbox, "", "auth-3");
    assert_eq!(titles(&queue), ["auth-3", "root-2"]);
    assert_eq!(lap(queue.claim_again("root-2").unwrap()).id, "root-2", "past the active stint");
    assert_eq!(lap(queue.claim_again("auth-3").unwrap()).id, "auth-3");
    assert_eq!(lap(queue.claim().unwrap()).id, "auth-3");
    laps(&sandbox, 0, &["done"]);
    assert!(sandbox.repo().join(".laps/stints/archive/auth.laps.json").exists());
    assert_eq!(queue.standing("auth-3").unwrap(), Standing::Done, "from the archive");
    assert_eq!(lap(queue.claim().unwrap()).id, "root-2");

    with_stint(&sandbox, r#","held":true"#, "auth-3");
    let held = Offer::Held { scope: "auth".to_owned() };
    assert_eq!((queue.claim().unwrap(), queue.head().unwrap()), (held.clone(), held.clone()));
    assert_eq!(queue.claim_again("auth-3").unwrap(), held);

    with_stint(&sandbox, "", "");
    let error = queue.claim().unwrap_err().to_string();
    assert!(error.contains("stint auth") && error.contains("laps delete r-1 --root"), "{error}");
    laps(&sandbox, 0, &["delete", "r-1", "--root"]);
    assert_eq!(lap(queue.claim().unwrap()).id, "root-2", "the way out works");
}
