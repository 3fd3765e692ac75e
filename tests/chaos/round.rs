//! One round: a relay is begun, struck, begun again, and at last left alone to finish.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::fault::Fault;
use crate::invariants;
use crate::relay::{PATIENCE, Relay};
use crate::scene::{Scene, TARGET};
use crate::tally::Played;

/// Plays one round; whatever goes wrong in it is a violation.
pub fn play(seed: u64, number: u64, fault: Fault) -> Played {
    let mut played = Played {
        fault,
        relays: 0,
        tries: 0,
        strikes: std::collections::BTreeMap::new(),
        violations: Vec::new(),
        skipped: fault.impossible_here(),
    };
    if played.skipped.is_some() {
        return played;
    }
    let mut scene = Scene::new(seed, number, fault);
    if fault == Fault::DiskFull && scene.disk.is_none() {
        played.skipped = Some("no small disk can be mounted here".into());
        return played;
    }
    let told = catch_unwind(AssertUnwindSafe(|| run(&mut scene)));
    if let Err(panic) = told {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        scene.violated(text.unwrap_or_else(|| "a panic without words".into()));
    }
    if !scene.violations.is_empty() {
        keep(&mut scene, number);
    }
    played.relays = scene.relays;
    played.tries = scene.sandbox.whole_or_bad(".rally/state/tries.jsonl").len() as u64;
    played.strikes = std::mem::take(&mut scene.strikes);
    played.violations = std::mem::take(&mut scene.violations);
    played
}

fn run(scene: &mut Scene) {
    let target = TARGET.to_string();
    let first = ["--new", "-i", &target, "--agent", "cc", "work"];
    let again = ["--resume", "-i", &target, "--agent", "cc", "work"];
    let mut arguments = first;
    for _ in 0..scene.dice.u32(1..4) {
        scene.relays += 1;
        scene.fault.strike(scene, &arguments);
        if !scene.fault.may_leave_orphans() {
            nobody_is_left(scene);
        }
        invariants::between(scene);
        if scene.is_finished() {
            break;
        }
        arguments = again;
    }
    scene.fault.undo(&scene.sandbox);
    if !scene.is_finished() {
        scene.relays += 1;
        let mut relay = Relay::start(&scene.sandbox, &arguments, scene.relays);
        match relay.end() {
            None => scene.violated("the last relay does not end"),
            Some(status) if !status.success() => {
                let out = scene.sandbox.root().join(format!("out.{}", scene.relays));
                let said = std::fs::read_to_string(out).unwrap_or_default();
                scene.violated(format!("the last relay ended with {status}: {said}"));
            }
            Some(_) => {}
        }
    } else {
        // Killed in its last commit, it leaves what only a next start ends, takes back or commits.
        scene.relays += 1;
        let _ =
            Relay::start(&scene.sandbox, &["--new", "-i", "1", "--agent", "cc", "sweep"], scene.relays).end();
        scene.sandbox.release("swept");
    }
    nobody_is_left(scene);
    invariants::at_the_end(scene);
}

fn nobody_is_left(scene: &mut Scene) {
    let end = Instant::now() + PATIENCE;
    while !scene.sandbox.alive().is_empty() {
        if Instant::now() > end {
            let left = scene.sandbox.alive();
            scene.violated(format!("processes are left: {left:?}"));
            for pid in left {
                crate::relay::send(pid, rustix::process::Signal::KILL);
            }
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// Copies what a violated round left, for a person to look at.
fn keep(scene: &mut Scene, number: u64) {
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("chaos-{number}"));
    let _ = std::fs::remove_dir_all(&to);
    let copied = Command::new("cp").arg("-a").arg(scene.sandbox.root()).arg(&to).status();
    if copied.is_ok_and(|status| status.success()) {
        println!("kept in {}", to.display());
    }
}
