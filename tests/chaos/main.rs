//! Thousands of short relays with awkward agents, in which something is killed, stopped, cut, locked or full.
//!
//! Afterwards nothing may be lost, repeated or leaked; `invariants` says what that means. A round is decided by the
//! seed and its number alone (what the machine's timing adds is not), so that it can be played again:
//!
//! ```sh
//! cargo test --test chaos                                        # the short form, as CI runs it
//! cargo test --release --test chaos -- --rounds 2000             # the long form
//! cargo test --test chaos -- --seed 7 --round 41                 # one round
//! cargo test --test chaos -- --only "rally killed" --rounds 50   # one kind of fault
//! ```
//!
//! Ends with 1 when anything was violated; what such a round left is kept below the target folder.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a round that cannot go on is a violation")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program of its own, which reports")]

#[path = "../it/support/mod.rs"]
mod support;

mod agents;
mod fault;
mod holder;
mod invariants;
mod options;
mod relay;
mod round;
mod scene;
mod tally;

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use options::Options;
use tally::Tally;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(("--hold-terminal", command)) = arguments.split_first().map(|(a, b)| (a.as_str(), b)) {
        return holder::hold(command);
    }
    match Options::parse(&arguments) {
        Ok(Some(options)) => play(&options),
        Ok(None) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("chaos: {problem}");
            ExitCode::from(2)
        }
    }
}

fn play(options: &Options) -> ExitCode {
    let (begun, next, total) = (Instant::now(), AtomicU64::new(0), Mutex::new(Tally::default()));
    let numbers = options.numbers();
    std::thread::scope(|scope| {
        for _ in 0..options.jobs {
            scope.spawn(|| {
                loop {
                    let at = usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap();
                    let Some(number) = numbers.get(at) else { return };
                    let played = round::play(options.seed, *number, options.fault(*number));
                    for violation in &played.violations {
                        println!("VIOLATION in round {number} ({}): {violation}", played.fault.name());
                    }
                    total.lock().unwrap().add(&played);
                }
            });
        }
    });
    let total = total.into_inner().unwrap();
    println!("{}", total.table(options.seed, begun.elapsed()));
    if total.violations() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
