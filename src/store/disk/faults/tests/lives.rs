//! Plays a script: once without a fault, and then with one each.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use tempfile::TempDir;

use super::super::{Fault, Made, heal, start, state, stop};
use super::check::{APPENDED, CACHED, State, aftermath, read, torn};
use super::script::{Script, World};
use crate::model::Timestamp;
use crate::store::Layout;
use crate::store::jsonl::leftovers::forget_below;

/// A life without a fault.
pub(super) struct Good {
    pub(super) made: Vec<Made>,
    /// What stood on the disk after so many calls.
    states: Vec<State>,
    /// How many calls were made when so many steps were done.
    calls: Vec<usize>,
}

/// Older than every file, so that no time of one comes into a record.
fn at(step: usize) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + step as i64).unwrap()
}

fn workspace(script: Script) -> (TempDir, Layout) {
    // In memory where that is possible: the disk's own time is not what is tested.
    let memory = Path::new("/dev/shm");
    let root = match memory.is_dir() {
        true => tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()),
        false => tempfile::tempdir(),
    };
    let root = root.unwrap();
    std::fs::create_dir(root.path().join("work")).unwrap();
    let layout = Layout::new(&root.path().join("work"), &root.path().join("data")).unwrap();
    (script.setup)(&layout);
    (root, layout)
}

pub(super) fn faultless(script: Script) -> Good {
    let (_root, layout) = workspace(script);
    let states = Rc::new(RefCell::new(vec![read(&layout)]));
    let (seen, of) = (states.clone(), layout.clone());
    let mut known_torn = torn(&layout);
    let look = move || {
        // Readers take no lock: they must never meet half a record that was not there before.
        let torn = torn(&of);
        assert!(torn.iter().all(|file| known_torn.contains(file)), "half a record in {torn:?}");
        known_torn = torn;
        seen.borrow_mut().push(read(&of));
    };
    start(None, Some(Box::new(look)));
    let mut world = World::new(layout.clone());
    let mut calls = vec![0];
    for (number, step) in script.steps.iter().enumerate() {
        step(&mut world, at(number)).unwrap();
        calls.push(states.borrow().len() - 1);
    }
    drop(world);
    let made = stop();
    let states = states.take();
    assert_eq!(made.len() + 1, states.len());
    assert_eq!(aftermath(&layout, at(script.steps.len())), Vec::<String>::new(), "without any fault");
    Good { made, states, calls }
}

/// Plays the script until it meets the fault, and on if that is possible. Says what was wrong.
pub(super) fn meet(script: Script, good: &Good, call: usize, fault: Fault) -> Vec<String> {
    let (_root, layout) = workspace(script);
    start(Some((call, fault)), None);
    let mut world = World::new(layout.clone());
    let mut offences = Vec::new();
    let mut errors = 0;
    let mut done = 0;
    'steps: for (number, step) in script.steps.iter().enumerate() {
        let mut tries = 0;
        while let Err(error) = step(&mut world, at(number)) {
            errors += 1;
            tries += 1;
            if state().0 {
                break 'steps;
            }
            if !state().1 || tries > 2 {
                offences.push(format!("step {number} does not go on: {error}"));
                break 'steps;
            }
            heal();
        }
        // A death that a step has tolerated is known to the next.
        if state().0 {
            break;
        }
        done = number + 1;
    }
    let (_, hit) = state();
    drop(world);
    stop();
    if fault.is_death() {
        forget_below(&layout.rally_dir());
    }
    if !hit {
        offences.push("the fault was never met".to_owned());
    }
    let made = &good.made[call];
    let now = read(&layout);
    if fault.is_death() {
        offences.extend(left(good, &now, done, call, fault));
    } else {
        let called = format!("{} {}", made.what, made.name);
        let is_tolerated = script.tolerated.iter().any(|part| called.contains(part));
        if errors == 0 && !is_tolerated {
            offences.push("nobody was told".to_owned());
        }
        let last = good.states.last().unwrap();
        // What could not be made shorter holds more, but nothing is missing; the journal is made shorter later.
        let is_longer = |file: &str| {
            let whole = |line: &String| line.contains("checkpoint") || now[file].contains(line);
            is_tolerated
                && made.what != "syncdir"
                && (file == "journal.jsonl" || last[file].iter().all(whole))
        };
        let differs = |file: &&&str| last[**file] != now[**file] && !is_longer(file);
        offences.extend(last.keys().filter(differs).map(|file| {
            format!(
                "{file} is not what it is without a fault: {} and {} lines",
                now[file].len(),
                last[file].len()
            )
        }));
    }
    offences.extend(aftermath(&layout, at(script.steps.len())));
    let place = format!("{fault:?} at call {call} ({} {}) in step {done}", made.what, made.name);
    offences.into_iter().map(|offence| format!("{place}: {offence}")).collect()
}

/// What a death has left: of each file a state that it had since the last step that was done.
fn left(good: &Good, now: &State, done: usize, call: usize, fault: Fault) -> Vec<String> {
    let is_power = fault == Fault::PowerCut;
    let since = good.calls[done].min(call);
    let fits = |file: &str, lines: &[String]| {
        let since = if is_power && CACHED.contains(&file) { 0 } else { since };
        let durable = |lines: &[String]| -> Vec<String> {
            let is_cached = |line: &&String| is_power && line.contains("\"fact\":\"try_spawned\"");
            lines.iter().filter(|line| !is_cached(line)).cloned().collect()
        };
        let lines = durable(lines);
        good.states[since..=call + 1].iter().any(|state| durable(&state[file]) == lines)
    };
    let bad = now.iter().filter(|(file, lines)| !fits(file, lines));
    let mut offences: Vec<String> = bad
        .map(|(file, lines)| format!("{file} has {} lines, which it never had since then", lines.len()))
        .collect();
    let last = good.states.last().unwrap();
    offences.extend(
        APPENDED
            .iter()
            .filter(|file| !last[**file].starts_with(&now[**file]))
            .map(|file| format!("{file} is no prefix of what it is without a fault")),
    );
    offences
}
