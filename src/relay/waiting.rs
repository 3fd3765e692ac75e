//! Time as a pass sees it. Pauses, benches and freezes end at points of wall time, but a wall clock that is set
//! must neither end them nor draw them out.

use std::time::Duration;

use jiff::SignedDuration;

use crate::model::{Timestamp, time};

/// A wall clock that is off by no more than this is believed: it was set right, and resets are told by the
/// right time. What is further off is a step that says nothing about how long somebody was out.
const BELIEVED: Duration = Duration::from_secs(300);

/// The clock of a pass. It follows the wall clock, also through a suspend, but not through its steps.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Timestamp,
    boot: Option<Duration>,
}

impl Clock {
    /// Starts now.
    pub fn start() -> Clock {
        Clock { start: time::now(), boot: since_boot() }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        now(self.start, self.elapsed(), time::now())
    }

    /// How long still.
    pub fn until(&self, until: Timestamp) -> Duration {
        time::since(self.now(), until)
    }

    /// What somebody else told by the wall clock, by this clock.
    pub fn adopt(&self, told: Timestamp) -> Timestamp {
        let wall = time::now();
        let step = wall.duration_since(now(self.start, self.elapsed(), wall));
        told.checked_sub(step).unwrap_or(told)
    }

    fn elapsed(&self) -> Option<Duration> {
        Some(since_boot()?.saturating_sub(self.boot?))
    }
}

/// The time, when the wall clock said `start` before `elapsed` and says `wall` now. `elapsed` counts suspended
/// time, too; `None` where no clock does that: then there is only the wall clock to believe.
pub fn now(start: Timestamp, elapsed: Option<Duration>, wall: Timestamp) -> Timestamp {
    let expected = elapsed
        .and_then(|elapsed| SignedDuration::try_from(elapsed).ok())
        .and_then(|elapsed| start.checked_add(elapsed).ok());
    match expected {
        Some(expected) if wall.duration_since(expected).unsigned_abs() > BELIEVED => expected,
        _ => wall,
    }
}

/// Time since the machine was started, suspended time included.
#[cfg(target_os = "linux")]
fn since_boot() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::try_from(time).ok()
}

#[cfg(not(target_os = "linux"))]
fn since_boot() -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3600;
    const DAY: i64 = 24 * HOUR;

    /// The seconds that a wait of two hours still takes, after `elapsed` seconds, when the wall clock has gone
    /// on by `wall` seconds.
    fn still(elapsed: Option<i64>, wall: i64) -> u64 {
        let start: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let after = |seconds| start + SignedDuration::from_secs(seconds);
        let elapsed = elapsed.map(|seconds| Duration::from_secs(seconds.unsigned_abs()));
        time::since(now(start, elapsed, after(wall)), after(2 * HOUR)).as_secs()
    }

    // 30-P10, 50-R9
    #[test]
    fn a_clock_that_is_set_neither_ends_a_wait_nor_draws_it_out() {
        for (elapsed, wall, left) in [
            (Some(0), 0, 7200),
            (Some(HOUR), HOUR, 3600),
            // Suspended or not: what counts is that the time is over.
            (Some(3 * HOUR), 3 * HOUR, 0),
            // Set by a day.
            (Some(HOUR), HOUR + DAY, 3600),
            (Some(HOUR), HOUR - DAY, 3600),
            (Some(2 * HOUR), 2 * HOUR - DAY, 0),
            // Set right.
            (Some(HOUR), HOUR + 300, 3300),
            (Some(HOUR), HOUR - 300, 3900),
            (Some(HOUR), HOUR + 301, 3600),
            // No other clock.
            (None, HOUR, 3600),
            (None, HOUR + DAY, 0),
        ] {
            assert_eq!(still(elapsed, wall), left, "{elapsed:?} {wall}");
        }
    }

    #[test]
    fn the_real_clocks_agree() {
        let clock = Clock::start();
        let told = time::now() + SignedDuration::from_hours(1);
        assert_eq!(clock.adopt(told), told);
        assert!(clock.until(told) <= Duration::from_secs(3600));
        assert!(clock.until(clock.start).is_zero());
    }
}
