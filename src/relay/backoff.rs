//! Pauses between attempts.

use std::time::Duration;

/// No pause is longer, unless the provider asks for it.
pub const LONGEST: Duration = Duration::from_secs(300);

/// The pause after `failures` failures in a row (from 1): `base` doubling up to
/// [`LONGEST`], spread by `jitter` (0 to 1) over the upper half so that many
/// relays do not retry in step. A provider's own `hint` wins when it is longer.
pub fn pause(failures: u32, base: Duration, hint: Option<Duration>, jitter: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let full = base.saturating_mul(1 << doublings).min(LONGEST);
    let spread = full.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0));
    hint.map_or(spread, |hint| hint.max(spread))
}

/// How much later than the known end of a wait it is tried again: 5 to 30 s, so that not everybody who
/// draws from an account comes in the same second; less for a wait of less than five minutes, of which it is never
/// more than a tenth.
pub fn lateness(remaining: Duration, jitter: f64) -> Duration {
    let most = (remaining / 10).min(Duration::from_secs(30));
    most.mul_f64((1.0 + 5.0 * jitter.clamp(0.0, 1.0)) / 6.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BASE: Duration = Duration::from_secs(2);

    #[test]
    fn doubles_up_to_five_minutes() {
        let pauses: Vec<u64> = (1..=10).map(|n| pause(n, BASE, None, 1.0).as_secs()).collect();
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    }

    #[test]
    fn a_hint_wins_when_it_is_longer() {
        assert_eq!(pause(1, BASE, Some(Duration::from_secs(1200)), 0.3).as_secs(), 1200);
        assert!(pause(8, BASE, Some(Duration::from_secs(1)), 1.0) > Duration::from_secs(200));
    }

    #[test]
    fn a_zero_base_means_no_pause() {
        assert_eq!(pause(7, Duration::ZERO, None, 1.0), Duration::ZERO);
    }

    // 50-R24; deviation: a short wait gets less, or the spread would be most of it.
    #[test]
    fn long_waits_end_a_little_late() {
        let hour = Duration::from_secs(3600);
        for (remaining, jitter, late) in [
            (hour, 0.0, 5_000),
            (hour, 0.5, 17_500),
            (hour, 1.0, 30_000),
            (hour, 7.0, 30_000),
            (Duration::from_secs(300), 1.0, 30_000),
            (Duration::from_secs(100), 1.0, 10_000),
            (Duration::from_secs(6), 0.0, 100),
            (Duration::from_secs(6), 0.5, 350),
            (Duration::ZERO, 1.0, 0),
        ] {
            assert_eq!(lateness(remaining, jitter).as_millis(), late, "{remaining:?} {jitter}");
        }
    }

    proptest! {
        #[test]
        fn stays_in_its_band(failures in 0u32..100, jitter in 0.0f64..1.0) {
            let full = pause(failures, BASE, None, 1.0);
            let some = pause(failures, BASE, None, jitter);
            prop_assert!(some <= full && some * 2 >= full);
        }
    }
}
