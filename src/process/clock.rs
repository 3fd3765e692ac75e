//! Elapsed time without the time that rally was stopped. Pure: `now` is passed in.

use std::time::{Duration, Instant};

/// A stopwatch for the try cap and the run's budget, which leave out stopped time.
///
/// A suspended machine needs no help: `Instant` is the monotonic clock, which stands still then.
/// A stop by job control must be told with [`pause`](ActiveClock::pause) and
/// [`resume`](ActiveClock::resume); both may be repeated.
#[derive(Debug, Clone)]
pub struct ActiveClock {
    /// Active time up to `since`.
    before: Duration,
    /// The start of the stretch that is running; `None` while paused.
    since: Option<Instant>,
}

impl ActiveClock {
    /// A clock that runs from `now` on.
    pub fn start(now: Instant) -> ActiveClock {
        ActiveClock { before: Duration::ZERO, since: Some(now) }
    }

    /// Stops the clock.
    pub fn pause(&mut self, now: Instant) {
        self.before = self.elapsed(now);
        self.since = None;
    }

    /// Lets the clock run again.
    pub fn resume(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// Active time so far.
    pub fn elapsed(&self, now: Instant) -> Duration {
        self.before + self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stopped_time_does_not_count() {
        let start = Instant::now();
        let at = |secs| start + Duration::from_secs(secs);
        let mut clock = ActiveClock::start(start);
        assert_eq!(clock.elapsed(at(3)).as_secs(), 3);
        clock.pause(at(5));
        clock.pause(at(6));
        assert_eq!(clock.elapsed(at(60)).as_secs(), 5);
        clock.resume(at(65));
        clock.resume(at(66));
        assert_eq!(clock.elapsed(at(70)).as_secs(), 10);
    }

    #[test]
    fn a_reading_from_before_the_start_is_zero() {
        let start = Instant::now() + Duration::from_secs(10);
        assert_eq!(ActiveClock::start(start).elapsed(start - Duration::from_secs(1)), Duration::ZERO);
    }
}
