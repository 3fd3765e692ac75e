//! Whether a press is the first or the second. Pure: `now` is passed in.

use std::time::{Duration, Instant};

use crate::model::Key;

/// A second press of the same key within this time confirms the first.
pub const WINDOW: Duration = Duration::from_secs(4);

/// Which press of a key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// The first: nothing happens yet.
    First,
    /// The second, in time.
    Second,
}

/// The key that was pressed once.
#[derive(Debug, Clone, Copy, Default)]
pub struct Arming(Option<(Key, Instant)>);

impl Arming {
    /// A key was pressed. Another key than the one before begins anew, and so does one that comes too late.
    pub fn press(&mut self, key: Key, now: Instant) -> Count {
        let in_time = |at: Instant| now.saturating_duration_since(at) < WINDOW;
        let armed = self.0.take().is_some_and(|(armed, at)| armed == key && in_time(at));
        if armed {
            return Count::Second;
        }
        self.0 = Some((key, now));
        Count::First
    }

    /// Until when a second press would confirm.
    pub fn until(&self) -> Option<Instant> {
        self.0.map(|(_, at)| at + WINDOW)
    }

    /// Forgets a first press that nobody can confirm any more; says whether there was one.
    pub fn expire(&mut self, now: Instant) -> bool {
        self.0.take_if(|(_, at)| now.saturating_duration_since(*at) >= WINDOW).is_some()
    }

    /// Forgets the first press: rally was stopped meanwhile.
    pub fn disarm(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Which presses, at these milliseconds, were second ones.
    fn counts(presses: &[(Key, u64)]) -> Vec<Count> {
        let start = Instant::now();
        let mut arming = Arming::default();
        presses.iter().map(|(key, at)| arming.press(*key, start + Duration::from_millis(*at))).collect()
    }

    // 20-AF-KB-01 to 05, 30-169
    #[test]
    fn the_table() {
        use Count::{First, Second};
        use Key::{GracefulStop, Pause, QuitNow, Skip};
        type Row<'a> = (&'a [(Key, u64)], &'a [Count]);
        let rows: [Row<'_>; 8] = [
            (&[(QuitNow, 0)], &[First]),
            (&[(Skip, 0), (Skip, 1)], &[First, Second]),
            (&[(Skip, 0), (Skip, 3_999)], &[First, Second]),
            // The window is over: the second press is a first one, which the third confirms.
            (&[(Skip, 0), (Skip, 4_000), (Skip, 4_001)], &[First, First, Second]),
            (&[(QuitNow, 0), (GracefulStop, 1)], &[First, First]),
            (&[(QuitNow, 0), (GracefulStop, 1), (QuitNow, 2)], &[First, First, First]),
            // A third press confirms nothing.
            (&[(Pause, 0), (Pause, 1), (Pause, 2), (Pause, 3)], &[First, Second, First, Second]),
            (&[(Pause, 0), (Skip, 5), (Skip, 9)], &[First, First, Second]),
        ];
        for (presses, expected) in rows {
            assert_eq!(counts(presses), expected, "{presses:?}");
        }
        for key in Key::ALL {
            assert_eq!(counts(&[(key, 0), (key, 100)]), [First, Second], "{key:?}");
        }
    }

    #[test]
    fn what_is_disarmed_is_pressed_anew() {
        let (mut arming, now) = (Arming::default(), Instant::now());
        arming.press(Key::QuitNow, now);
        arming.disarm();
        assert_eq!(arming.press(Key::QuitNow, now), Count::First);
    }

    #[test]
    fn what_is_not_confirmed_is_over_once() {
        let (mut arming, now) = (Arming::default(), Instant::now());
        assert!(arming.until().is_none() && !arming.expire(now));
        arming.press(Key::Pause, now);
        assert_eq!(arming.until(), Some(now + WINDOW));
        assert!(!arming.expire(now + WINDOW - Duration::from_millis(1)));
        assert!(arming.expire(now + WINDOW) && !arming.expire(now + WINDOW));
        assert!(arming.until().is_none());
    }

    proptest! {
        #[test]
        fn a_second_press_has_a_first_one_just_before(presses in prop::collection::vec((0..4usize, 0..6_000u64), 0..40)) {
            let mut at = 0;
            let presses: Vec<(Key, u64)> = presses
                .into_iter()
                .map(|(key, later)| { at += later; (Key::ALL[key], at) })
                .collect();
            let counts = counts(&presses);
            for index in (0..presses.len()).filter(|index| counts[*index] == Count::Second) {
                prop_assert!(index > 0 && counts[index - 1] == Count::First);
                prop_assert_eq!(presses[index - 1].0, presses[index].0);
                prop_assert!(presses[index].1 - presses[index - 1].1 < 4_000);
            }
        }
    }
}
