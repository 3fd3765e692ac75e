//! Elapsed time without the time that rally did not run, and whether the machine slept. Pure: readings of the
//! clocks are passed in.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// A longer gap between two readings is no active time: rally did not run (stopped from outside, a frozen
/// cgroup, a virtual machine that was paused). Readings come once a second; a loop that is late by less is a busy
/// machine, whose time counts. The same length of sleep breaks connections.
pub const GAP: Duration = Duration::from_secs(5);

/// What counts of such a gap: the reading that it began with was due after this.
const BEAT: Duration = Duration::from_secs(1);

/// A stopwatch for every bound of a try, which leaves out time in which rally did not run. It must be read about
/// once a second, so that such a time shows as a gap.
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
    /// Time that was left out because of gaps, and that nobody has asked for yet.
    lost: Duration,
}

impl ActiveClock {
    /// A clock that runs from `now` on.
    pub fn start(now: Instant) -> ActiveClock {
        ActiveClock { before: Duration::ZERO, since: Some(now), lost: Duration::ZERO }
    }

    /// Stops the clock.
    pub fn pause(&mut self, now: Instant) {
        self.elapsed(now);
        self.since = None;
    }

    /// Lets the clock run again.
    pub fn resume(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// Active time so far.
    pub fn elapsed(&mut self, now: Instant) -> Duration {
        if let Some(since) = &mut self.since {
            let passed = now.saturating_duration_since(*since);
            let counted = if passed > GAP { BEAT } else { passed };
            self.lost += passed - counted;
            self.before += counted;
            *since = now.max(*since);
        }
        self.before
    }

    /// What was left out because of gaps since this was last asked, if anything was.
    pub fn lost(&mut self) -> Option<Duration> {
        Some(std::mem::take(&mut self.lost)).filter(|lost| !lost.is_zero())
    }
}

/// Readings of the two clocks that differ only by the time that the machine slept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// `CLOCK_BOOTTIME`, which goes on while the machine sleeps. The start times of processes are of this clock.
    pub boot: Duration,
    /// `CLOCK_MONOTONIC`, which does not.
    pub monotonic: Duration,
}

impl Reading {
    /// Now.
    pub fn now() -> Reading {
        // In this order a delay between the two looks like no sleep at all.
        let boot = read(ClockId::Boottime);
        Reading { boot, monotonic: read(ClockId::Monotonic) }
    }
}

fn read(clock: ClockId) -> Duration {
    let now = clock_gettime(clock);
    Duration::new(now.tv_sec.try_into().unwrap_or(0), now.tv_nsec.try_into().unwrap_or(0))
}

/// Notices that the machine slept.
#[derive(Debug, Clone, Copy)]
pub struct SleepWatch {
    /// All the sleep that was seen.
    slept: Duration,
}

impl SleepWatch {
    /// From `now` on.
    pub fn new(now: Reading) -> SleepWatch {
        SleepWatch { slept: now.boot.saturating_sub(now.monotonic) }
    }

    /// For how long the machine has slept since it was last seen to, if that is long enough to matter.
    pub fn look(&mut self, now: Reading) -> Option<Duration> {
        let slept = now.boot.saturating_sub(now.monotonic);
        let new = slept.checked_sub(self.slept).filter(|new| *new > GAP)?;
        self.slept = slept;
        Some(new)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn stopped_time_does_not_count() {
        let start = Instant::now();
        let at = |seconds| start + secs(seconds);
        let mut clock = ActiveClock::start(start);
        assert_eq!(clock.elapsed(at(3)).as_secs(), 3);
        clock.pause(at(5));
        clock.pause(at(6));
        assert_eq!(clock.elapsed(at(60)).as_secs(), 5);
        clock.resume(at(65));
        clock.resume(at(66));
        assert_eq!(clock.elapsed(at(70)).as_secs(), 10);
        assert_eq!(clock.lost(), None, "this stop was told");
    }

    #[test]
    fn a_reading_from_before_the_start_is_zero() {
        let start = Instant::now() + secs(10);
        assert_eq!(ActiveClock::start(start).elapsed(start - secs(1)), Duration::ZERO);
    }

    // 50-R9, 50-R5
    #[test]
    fn time_in_which_nobody_looked_does_not_count_and_is_told_once() {
        let start = Instant::now();
        let at = |seconds| start + secs(seconds);
        let mut clock = ActiveClock::start(start);
        assert_eq!(clock.elapsed(at(5)), secs(5), "a busy machine is late");
        assert_eq!(clock.elapsed(at(4)), secs(5), "never back");
        assert_eq!(clock.elapsed(at(10)), secs(10));
        assert_eq!(clock.lost(), None);
        assert_eq!(clock.elapsed(at(3610)), secs(11));
        assert_eq!(clock.elapsed(at(3611)), secs(12));
        assert_eq!((clock.lost(), clock.lost()), (Some(secs(3599)), None));
        // A stop by job control whose end is seen late.
        clock.pause(at(3612));
        clock.resume(at(7000));
        assert_eq!((clock.elapsed(at(7001)), clock.lost()), (secs(14), None));
    }

    // 50-R9
    #[test]
    fn sleep_is_what_boot_time_is_ahead() {
        let reading = |boot, monotonic| Reading { boot: secs(boot), monotonic: secs(monotonic) };
        let mut watch = SleepWatch::new(reading(1000, 400));
        assert_eq!(watch.look(reading(1600, 1000)), None, "time alone is no sleep");
        assert_eq!(watch.look(reading(1603, 1000)), None);
        assert_eq!(watch.look(reading(1606, 1000)), Some(secs(6)), "many a short one is a long one");
        assert_eq!(watch.look(reading(1606, 1000)), None, "once");
        assert_eq!(watch.look(reading(9000, 1001)), Some(secs(7393)));
        assert_eq!(watch.look(reading(0, 0)), None);
    }

    #[test]
    fn the_real_clocks_agree_with_each_other() {
        let mut watch = SleepWatch::new(Reading::now());
        assert_eq!(watch.look(Reading::now()), None);
    }

    proptest! {
        #[test]
        fn every_moment_is_either_active_or_lost(steps in proptest::collection::vec(0_u64..20_000, 1..50)) {
            let start = Instant::now();
            let mut clock = ActiveClock::start(start);
            let (mut now, mut lost, mut active) = (start, Duration::ZERO, Duration::ZERO);
            for step in steps {
                now += Duration::from_millis(step);
                let next = clock.elapsed(now);
                prop_assert!(next >= active && next - active <= GAP);
                active = next;
                lost += clock.lost().unwrap_or_default();
                prop_assert_eq!(active + lost, now - start);
            }
        }
    }
}
