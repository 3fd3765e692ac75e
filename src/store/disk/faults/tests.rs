//! Lets a scripted relay meet a fault at every call that its store makes, and looks at what is left.

mod check;
mod lives;
mod script;

use std::collections::BTreeMap;

use super::Fault;
use lives::{faultless, meet};
use script::Script;

/// Every kind of fault, as the table names it.
const KINDS: [(&str, &[Fault]); 10] = [
    ("crash before", &[Fault::CrashBefore]),
    ("crash after", &[Fault::CrashAfter]),
    ("power cut", &[Fault::PowerCut]),
    ("torn write", &[Fault::Torn(4), Fault::Torn(8)]),
    ("short write", &[Fault::Short(4)]),
    ("short write on a dying disk", &[Fault::ShortAndBroken]),
    ("no space once", &[Fault::FullOnce]),
    ("no space from", &[Fault::FullFrom]),
    ("I/O error once", &[Fault::BrokenOnce]),
    ("I/O error from", &[Fault::BrokenFrom]),
];

/// How many threads share the faults.
const HANDS: usize = 2;

/// Plays every fault at every call of a script that it fits.
fn play(script: Script) -> usize {
    let good = &faultless(script);
    let (mut points, mut kinds) = (Vec::new(), BTreeMap::new());
    for (place, (name, faults)) in KINDS.iter().enumerate() {
        for (call, made) in good.made.iter().enumerate() {
            let fitting = faults.iter().filter(|fault| fault.fits(made));
            points.extend(fitting.map(|fault| (call, *fault)).inspect(|_| {
                *kinds.entry((place, *name)).or_insert(0) += 1;
            }));
        }
    }
    let of_hand = |hand: usize| points.iter().skip(hand).step_by(HANDS);
    let violations: Vec<String> = std::thread::scope(|scope| {
        let work = |hand| {
            scope.spawn(move || {
                of_hand(hand).flat_map(|(call, fault)| meet(script, good, *call, *fault)).collect()
            })
        };
        let hands: Vec<_> = (0..HANDS).map(work).collect();
        hands.into_iter().flat_map(|hand| -> Vec<String> { hand.join().unwrap() }).collect()
    });
    let kinds: Vec<String> = kinds.iter().map(|((_, name), count)| format!("{name} {count}")).collect();
    println!(
        "store, {}: {} calls, {} fault points ({}), {} violations",
        script.name,
        good.made.len(),
        points.len(),
        kinds.join(", "),
        violations.len()
    );
    let shown: Vec<&str> = violations.iter().take(20).map(String::as_str).collect();
    assert!(violations.is_empty(), "{} violations:\n{}", violations.len(), shown.join("\n"));
    points.len()
}

// 50-R10, 50-R11, 50-R12, 50-R14, 50-R16
#[test]
fn a_relay_survives_a_fault_at_every_call() {
    assert!(play(script::RELAY) >= 500);
}

#[test]
fn files_that_are_made_shorter_survive_a_fault_at_every_call() {
    play(script::LONG_JOURNAL);
    play(script::LONG_LEDGERS);
}
