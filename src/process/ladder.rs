//! How a tree is ended: ever stronger signals, each with time to obey. Pure: `now` is passed in.

use std::time::Duration;

use super::protocol::TreeSignal::{self, Interrupt, Kill, Terminate};

/// One rung: a signal, and how long it is given before the next.
type Rung = (TreeSignal, Duration);

/// The operator's cancel, a time-out, a freeze: INT, 5 s, TERM, 2 s, KILL. TERM is the first
/// signal that reaches a shell's background jobs, which ignore INT.
const CANCEL: &[Rung] =
    &[(Interrupt, Duration::from_secs(5)), (Terminate, Duration::from_secs(2)), (Kill, Duration::ZERO)];

/// rally itself is gone: all must be gone within 2 s, so KILL comes after 0.8 s.
const ABANDONED: &[Rung] = &[
    (Interrupt, Duration::from_millis(400)),
    (Terminate, Duration::from_millis(400)),
    (Kill, Duration::ZERO),
];

/// What the agent left behind: its task is over, so a second is enough.
const REAP: &[Rung] = &[(Terminate, Duration::from_secs(1)), (Kill, Duration::ZERO)];

/// A kill ladder in progress.
///
/// Times are readings of any clock that does not go backwards; rally passes its try's *active*
/// time ([`super::ActiveClock`]), so that a stop by job control does not use up the agent's grace.
/// A signal that is delivered late moves the later ones: each always has its full time.
#[derive(Debug, Clone)]
pub struct Ladder {
    rungs: &'static [Rung],
    next: usize,
    due_at: Duration,
}

impl Ladder {
    /// The ladder of a cancel: INT at once, TERM after 5 s, KILL 2 s later.
    pub fn new(now: Duration) -> Ladder {
        Ladder { rungs: CANCEL, next: 0, due_at: now }
    }

    /// The ladder after rally's end: INT at once, TERM after 0.4 s, KILL 0.4 s later.
    pub fn abandoned(now: Duration) -> Ladder {
        Ladder { rungs: ABANDONED, next: 0, due_at: now }
    }

    /// The ladder for leftovers: TERM at once, KILL after 1 s.
    pub fn reap(now: Duration) -> Ladder {
        Ladder { rungs: REAP, next: 0, due_at: now }
    }

    /// Skips to KILL, due at once. Does nothing when KILL was already given out.
    pub fn force(&mut self) {
        if self.next < self.rungs.len() {
            self.next = self.rungs.len() - 1;
            self.due_at = Duration::ZERO;
        }
    }

    /// When the next signal is due; `None` after KILL.
    pub fn next_deadline(&self) -> Option<Duration> {
        (self.next < self.rungs.len()).then_some(self.due_at)
    }

    /// The signal to send now, if one is due; each is given out once.
    pub fn due(&mut self, now: Duration) -> Option<TreeSignal> {
        let (signal, patience) = *self.rungs.get(self.next)?;
        if now < self.due_at {
            return None;
        }
        self.next += 1;
        self.due_at = now + patience;
        Some(signal)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// What a ladder gives out when it is asked exactly at its deadlines.
    fn course(mut ladder: Ladder) -> Vec<(u64, TreeSignal)> {
        let mut course = Vec::new();
        while let Some(at) = ladder.next_deadline() {
            assert_eq!(at.checked_sub(ms(1)).and_then(|early| ladder.due(early)), None);
            course.push((at.as_millis() as u64, ladder.due(at).unwrap()));
        }
        assert_eq!(ladder.due(Duration::MAX), None);
        course
    }

    #[test]
    fn each_ladder_has_its_times() {
        // AF-KL-02 as decided: TERM stands between INT and KILL.
        assert_eq!(course(Ladder::new(ms(100))), [(100, Interrupt), (5100, Terminate), (7100, Kill)]);
        assert_eq!(course(Ladder::abandoned(ms(100))), [(100, Interrupt), (500, Terminate), (900, Kill)]);
        assert_eq!(course(Ladder::reap(ms(100))), [(100, Terminate), (1100, Kill)]);
    }

    #[test]
    fn force_kills_at_once_and_only_once() {
        let mut ladder = Ladder::new(ms(50));
        assert_eq!(ladder.due(ms(50)), Some(Interrupt));
        ladder.force();
        assert_eq!(ladder.due(ms(51)), Some(Kill));
        ladder.force();
        assert_eq!(ladder.due(ms(52)), None);
        assert_eq!(ladder.next_deadline(), None);
    }

    #[test]
    fn a_late_signal_keeps_the_time_of_the_next() {
        let mut ladder = Ladder::new(ms(0));
        assert_eq!(ladder.due(ms(60_000)), Some(Interrupt));
        assert_eq!(ladder.due(ms(60_001)), None);
        assert_eq!(ladder.due(ms(65_000)), Some(Terminate));
    }

    proptest! {
        #[test]
        fn whatever_the_polls_the_order_holds_and_kill_is_last(
            polls in proptest::collection::vec((0_u64..3000, proptest::bool::weighted(0.1)), 1..40)
        ) {
            let mut ladder = Ladder::new(ms(0));
            let mut now = ms(0);
            let mut sent: Vec<(Duration, TreeSignal, bool)> = Vec::new();
            let mut forced = false;
            for (step, force) in polls {
                now += ms(step);
                if force {
                    ladder.force();
                    forced = true;
                }
                if let Some(signal) = ladder.due(now) {
                    sent.push((now, signal, forced));
                }
                prop_assert!(ladder.next_deadline().is_none_or(|at| at > now));
            }
            let signals: Vec<TreeSignal> = sent.iter().map(|(_, signal, _)| *signal).collect();
            let ranks: Vec<usize> = signals
                .iter()
                .map(|s| [Interrupt, Terminate, Kill].iter().position(|o| o == s).unwrap())
                .collect();
            prop_assert!(ranks.windows(2).all(|pair| pair[0] < pair[1]));
            if forced {
                prop_assert_eq!(signals.last(), Some(&Kill));
            }
            for pair in sent.windows(2).filter(|pair| !pair[1].2) {
                let patience = if pair[0].1 == Interrupt { ms(5000) } else { ms(2000) };
                prop_assert!(pair[1].0 - pair[0].0 >= patience);
            }
        }
    }
}
