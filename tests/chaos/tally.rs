//! What was done, counted.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use crate::fault::Fault;

/// What came of one round.
#[derive(Debug)]
pub struct Played {
    pub fault: Fault,
    pub relays: u64,
    pub tries: u64,
    /// What was done to them, by name: kills, stops, cuts.
    pub strikes: BTreeMap<String, u64>,
    pub violations: Vec<String>,
    /// Why the fault could not be made on this machine.
    pub skipped: Option<String>,
}

#[derive(Debug, Default)]
struct Row {
    rounds: u64,
    skipped: u64,
    relays: u64,
    tries: u64,
    strikes: u64,
    violations: u64,
}

/// Sums over all rounds.
#[derive(Debug, Default)]
pub struct Tally {
    rows: BTreeMap<Fault, Row>,
    strikes: BTreeMap<String, u64>,
    reasons: BTreeMap<String, u64>,
    kill_rounds: u64,
}

impl Tally {
    pub fn add(&mut self, played: &Played) {
        let row = self.rows.entry(played.fault).or_default();
        row.rounds += 1;
        row.skipped += u64::from(played.skipped.is_some());
        row.relays += played.relays;
        row.tries += played.tries;
        row.strikes += played.strikes.values().sum::<u64>();
        row.violations += played.violations.len() as u64;
        self.kill_rounds += u64::from(played.strikes.keys().any(|strike| strike.contains("killed")));
        for (strike, times) in &played.strikes {
            *self.strikes.entry(strike.clone()).or_default() += times;
        }
        if let Some(reason) = &played.skipped {
            *self.reasons.entry(reason.clone()).or_default() += 1;
        }
    }

    pub fn violations(&self) -> u64 {
        self.rows.values().map(|row| row.violations).sum()
    }

    pub fn table(&self, seed: u64, took: Duration) -> String {
        let mut text = format!(
            "\n{:<30}{:>8}{:>9}{:>8}{:>8}{:>9}{:>12}\n",
            "fault", "rounds", "skipped", "relays", "tries", "strikes", "violations"
        );
        let mut sum = Row::default();
        let mut line = |name: &str, row: &Row| {
            let _ = writeln!(
                text,
                "{name:<30}{:>8}{:>9}{:>8}{:>8}{:>9}{:>12}",
                row.rounds, row.skipped, row.relays, row.tries, row.strikes, row.violations
            );
        };
        for (fault, row) in &self.rows {
            line(fault.name(), row);
            sum.rounds += row.rounds;
            sum.skipped += row.skipped;
            sum.relays += row.relays;
            sum.tries += row.tries;
            sum.strikes += row.strikes;
            sum.violations += row.violations;
        }
        line("all", &sum);
        let strikes = self.strikes.iter().map(|(name, times)| format!("{name} {times}"));
        let _ = writeln!(text, "\nstrikes: {}", strikes.collect::<Vec<_>>().join(", "));
        for (reason, times) in &self.reasons {
            let _ = writeln!(text, "skipped {times}: {reason}");
        }
        let _ = write!(
            text,
            "chaos: {} rounds with seed {seed} in {} s: {} with a kill, {} strikes, {} violations",
            sum.rounds,
            took.as_secs(),
            self.kill_rounds,
            sum.strikes,
            sum.violations
        );
        text
    }
}
