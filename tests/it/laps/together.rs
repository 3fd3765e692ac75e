//! Several processes at the queue at once.

use std::collections::BTreeSet;
use std::thread;

use serde_json::Value;

use crate::support::{Sandbox, rally, stdout};

/// What a process was told about its laps.
#[derive(Default)]
struct Told {
    added: BTreeSet<String>,
    deleted: BTreeSet<String>,
    done: BTreeSet<String>,
}

fn work(sandbox: &Sandbox, worker: u64, steps: usize) -> Told {
    let mut random = fastrand::Rng::with_seed(worker);
    let mut told = Told::default();
    let run = |args: &[&str]| {
        let output = sandbox.rally(["laps"]).args(args).output().unwrap();
        (output.status.success(), stdout(&output).trim_end().to_owned())
    };
    for step in 0..steps {
        let open: Vec<String> = told.added.difference(&(&told.done | &told.deleted)).cloned().collect();
        let mine = random.choice(&open);
        match (random.u8(..5), mine) {
            (0, Some(id)) => assert!(run(&["done", id]).0 && told.done.insert(id.clone())),
            (1, Some(id)) => assert!(run(&["delete", "--force", id]).0 && told.deleted.insert(id.clone())),
            (2, Some(id)) => assert!(run(&["move", id, "head"]).0),
            (3, Some(id)) => assert!(run(&["edit", id, "--description", "changed"]).0),
            _ => {
                let place = if random.bool() { "head" } else { "tail" };
                let (good, id) = run(&["add", place, "--title", &format!("lap {step} of {worker}")]);
                assert!(good && told.added.insert(id));
            }
        }
    }
    told
}

fn ids(sandbox: &Sandbox, only_done: bool) -> Vec<String> {
    let file: Value = serde_json::from_str(&sandbox.read(".laps/laps.json")).unwrap();
    let laps = file["tasks"].as_array().unwrap().iter();
    let laps = laps.filter(|lap| !only_done || lap["isDone"] == true);
    laps.map(|lap| lap["id"].as_str().unwrap().to_owned()).collect()
}

// 40-13.1, 40-14.9
#[test]
fn nothing_that_was_acknowledged_is_lost() {
    let sandbox = Sandbox::new();
    rally(&sandbox, 0, &["laps", "init"]);
    let told: Vec<Told> = thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|worker| {
                scope.spawn({
                    let sandbox = &sandbox;
                    move || work(sandbox, worker, 60)
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let union =
        |of: fn(&Told) -> &BTreeSet<String>| told.iter().flat_map(of).cloned().collect::<BTreeSet<_>>();
    let (added, deleted, done) = (union(|t| &t.added), union(|t| &t.deleted), union(|t| &t.done));
    let present = ids(&sandbox, false);
    assert_eq!(present.len(), present.iter().collect::<BTreeSet<_>>().len(), "an id stands twice");
    assert_eq!(present.into_iter().collect::<BTreeSet<_>>(), &added - &deleted);
    assert_eq!(ids(&sandbox, true).into_iter().collect::<BTreeSet<_>>(), done);
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
    assert_eq!(ids(&sandbox, false).into_iter().collect::<BTreeSet<_>>().len(), 400);
}
