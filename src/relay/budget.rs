//! How much time a run has, over all its tries and the pauses between them. Pure: what passed is told
//! in active time, so that it stands still while rally is suspended or paused.

use std::time::Duration;

/// The time of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    whole: Duration,
    used: Duration,
}

impl Budget {
    /// A run that begins.
    pub fn new(whole: Duration) -> Budget {
        Budget { whole, used: Duration::ZERO }
    }

    /// A run that goes on after `used` of its time. It gets `least` in any case: who asks for it to go
    /// on wants more than its end.
    pub fn resumed(whole: Duration, used: Duration, least: Duration) -> Budget {
        Budget { whole, used: used.min(whole.saturating_sub(least)) }
    }

    /// A try, or a pause, took this long.
    pub fn spend(&mut self, time: Duration) {
        self.used = self.used.saturating_add(time);
    }

    /// What is left.
    pub fn left(&self) -> Duration {
        self.whole.saturating_sub(self.used)
    }

    /// Whether nothing is left.
    pub fn is_spent(&self) -> bool {
        self.left().is_zero()
    }

    /// Whether time for a try is left after a pause.
    pub fn outlasts(&self, pause: Duration) -> bool {
        pause < self.left()
    }

    /// The cap of a single try, which means nothing unless it is smaller than the whole budget.
    pub fn cap(&self, try_timeout: Duration) -> Option<Duration> {
        (try_timeout < self.whole).then_some(try_timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    // 30-155, 20-AF-RT-11
    #[test]
    fn at_a_tie_there_is_one_timer() {
        let budget = Budget::new(secs(600));
        assert_eq!(budget.cap(secs(599)), Some(secs(599)));
        assert_eq!(budget.cap(secs(600)), None);
        assert_eq!(budget.cap(secs(3600)), None);
    }

    // 30-156, 30-158
    #[test]
    fn tries_and_pauses_use_it_up() {
        let mut budget = Budget::new(secs(100));
        budget.spend(secs(40));
        budget.spend(secs(30));
        assert_eq!(budget.left(), secs(30));
        assert!(budget.outlasts(secs(29)) && !budget.outlasts(secs(30)));
        assert!(!budget.is_spent());
        budget.spend(secs(31));
        assert!(budget.is_spent() && !budget.outlasts(Duration::ZERO));
    }

    #[test]
    fn a_resumed_run_goes_on_where_it_stood() {
        assert_eq!(Budget::resumed(secs(100), secs(60), secs(10)).left(), secs(40));
        assert_eq!(Budget::resumed(secs(100), secs(500), secs(10)).left(), secs(10));
        assert_eq!(Budget::resumed(secs(5), secs(500), secs(10)).left(), secs(5));
    }

    proptest! {
        #[test]
        fn never_grows(whole in 0u64..10_000, parts in prop::collection::vec(0u64..5_000, 0..20)) {
            let mut budget = Budget::new(secs(whole));
            for part in parts {
                let before = budget.left();
                budget.spend(secs(part));
                prop_assert!(budget.left() <= before);
                prop_assert_eq!(budget.is_spent(), !budget.outlasts(Duration::ZERO));
            }
        }
    }
}
