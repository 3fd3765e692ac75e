//! Several processes at the queue at once.

use std::collections::BTreeSet;
use std::thread;

use serde_json::Value;

use crate::support::{Sandbox, rally, stdout};

/// A lap as its process was told of it. Titles tell laps apart: the id of a deleted one may be given out again.
struct Mine {
    id: String,
    title: String,
    is_done: bool,
    is_deleted: bool,
}

fn work(sandbox: &Sandbox, worker: u64, steps: usize) -> Vec<Mine> {
    let mut random = fastrand::Rng::with_seed(worker);
    let mut laps: Vec<Mine> = Vec::new();
    let run = |args: &[&str]| {
        let output = sandbox.rally(["laps"]).args(args).output().unwrap();
        (output.status.success(), stdout(&output).trim_end().to_owned())
    };
    for step in 0..steps {
        let open: Vec<&mut Mine> = laps.iter_mut().filter(|lap| !lap.is_done && !lap.is_deleted).collect();
        let mine = random.choice(open);
        match (random.u8(..5), mine) {
            (0, Some(lap)) => {
                assert!(run(&["done", &lap.id]).0);
                lap.is_done = true;
            }
            (1, Some(lap)) => {
                assert!(run(&["delete", "--force", &lap.id]).0);
                lap.is_deleted = true;
            }
            (2, Some(lap)) => assert!(run(&["move", &lap.id, "head"]).0),
            (3, Some(lap)) => assert!(run(&["edit", &lap.id, "--description", "changed"]).0),
            _ => {
                let place = if random.bool() { "head" } else { "tail" };
                let title = format!("lap {step} of {worker}");
                let (good, id) = run(&["add", place, "--title", &title]);
                assert!(good);
                laps.push(Mine { id, title, is_done: false, is_deleted: false });
            }
        }
    }
    laps
}

fn ids(sandbox: &Sandbox) -> Vec<String> {
    let file: Value = serde_json::from_str(&sandbox.read(".laps/laps.json")).unwrap();
    let laps = file["tasks"].as_array().unwrap().iter();
    laps.map(|lap| lap["id"].as_str().unwrap().to_owned()).collect()
}

// 40-13.1, 40-14.9
#[test]
fn nothing_that_was_acknowledged_is_lost() {
    let sandbox = Sandbox::new();
    rally(&sandbox, 0, &["laps", "init"]);
    let told: Vec<Mine> = thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|worker| {
                scope.spawn({
                    let sandbox = &sandbox;
                    move || work(sandbox, worker, 60)
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    let file: Value = serde_json::from_str(&sandbox.read(".laps/laps.json")).unwrap();
    let laps = file["tasks"].as_array().unwrap();
    let text = |lap: &Value, key: &str| lap[key].as_str().unwrap().to_owned();
    let present: BTreeSet<_> =
        laps.iter().map(|lap| (text(lap, "id"), text(lap, "title"), lap["isDone"] == true)).collect();
    let expected: BTreeSet<_> =
        told.into_iter().filter(|lap| !lap.is_deleted).map(|lap| (lap.id, lap.title, lap.is_done)).collect();
    assert_eq!(present, expected);
    let ids: BTreeSet<_> = laps.iter().map(|lap| text(lap, "id")).collect();
    assert_eq!(laps.len(), ids.len(), "an id stands twice");
}

// 40-14.9
#[test]
fn two_processes_add_two_hundred_laps_each() {
    let sandbox = Sandbox::new();
    rally(&sandbox, 0, &["laps", "init"]);
    thread::scope(|scope| {
        for worker in ["a", "b"] {
            let sandbox = &sandbox;
            scope.spawn(move || {
                for _ in 0..200 {
                    let output = sandbox.rally(["laps", "add", "tail", "--title", worker]).output().unwrap();
                    assert!(output.status.success());
                }
            });
        }
    });
    assert_eq!(ids(&sandbox).into_iter().collect::<BTreeSet<_>>().len(), 400);
}
