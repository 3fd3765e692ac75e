//! How full an account's windows are, as its CLI tells it while it works.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::{Timestamp, text};

/// Length of the short window that both Claude Code and Codex know, minutes.
pub const FIVE_HOURS: u64 = 5 * 60;

/// Length of the long one, minutes.
pub const SEVEN_DAYS: u64 = 7 * 24 * 60;

/// Longest name, characters.
const NAME_LIMIT: usize = 60;

/// No window is longer than a month: a reset further ahead is a mistake of whoever told it.
const LONGEST: SignedDuration = SignedDuration::from_hours(31 * 24);

/// One window of a quota: what may be used between two resets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuotaWindow {
    /// The CLI's own name of it: `five_hour`, `seven_day`, `primary`, `secondary`.
    pub name: String,
    /// Length in minutes, if it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u64>,
    /// Share that is used, from 0; 1 is all of it, and more is possible. `None`: not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<f64>,
    /// When it begins anew.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "super::time::millis_option")]
    pub resets_at: Option<Timestamp>,
    /// Whether the service said that it takes no more in this window.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rejected: bool,
}

impl QuotaWindow {
    /// A window of which nothing but the name is known.
    pub fn named(name: &str) -> QuotaWindow {
        let minutes = match name {
            "five_hour" => Some(FIVE_HOURS),
            _ if name.starts_with("seven_day") => Some(SEVEN_DAYS),
            _ => None,
        };
        QuotaWindow {
            name: text::ellipsis(name, NAME_LIMIT),
            minutes,
            used: None,
            resets_at: None,
            rejected: false,
        }
    }

    /// A share as it may be told: nothing below zero, and no number that is none.
    pub fn share(told: Option<f64>) -> Option<f64> {
        told.filter(|share| share.is_finite()).map(|share| share.max(0.0))
    }

    /// A reset as it is told, epoch seconds.
    pub fn reset(told: Option<i64>) -> Option<Timestamp> {
        Timestamp::from_second(told?).ok()
    }

    /// Whether nothing of it is left.
    pub fn is_exhausted(&self) -> bool {
        self.rejected || self.used.is_some_and(|used| used >= 1.0)
    }

    /// Whether it is known that something of it is left. A share that was not told is unknown, not zero.
    pub fn has_room(&self) -> bool {
        !self.rejected && self.used.is_some_and(|used| used < 1.0)
    }

    /// Whether it bounds everything that the account does. Others bound a family of models
    /// (`seven_day_opus`, `codex_other/five_hour`) or paid extras: the account still works when they are used up.
    pub fn is_whole(&self) -> bool {
        matches!(self.name.as_str(), "five_hour" | "seven_day" | "primary" | "secondary")
    }

    /// When it begins anew, if that lies ahead, and not beyond all reason: a clock may have been wrong.
    pub fn ahead(&self, now: Timestamp) -> Option<Timestamp> {
        let latest = now.checked_add(LONGEST).unwrap_or(Timestamp::MAX);
        self.resets_at.filter(|at| *at > now && *at <= latest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_number_from_zero_on() {
        for (told, share) in [
            (None, None),
            (Some(f64::NAN), None),
            (Some(f64::INFINITY), None),
            (Some(-3.0), Some(0.0)),
            (Some(0.5), Some(0.5)),
            (Some(1.5), Some(1.5)),
        ] {
            assert_eq!(QuotaWindow::share(told), share, "{told:?}");
        }
    }

    #[test]
    fn what_is_unknown_is_neither_full_nor_empty() {
        let window = QuotaWindow::named("five_hour");
        assert_eq!(window.minutes, Some(300));
        assert!(!window.is_exhausted() && !window.has_room());
        let told = |used, rejected| QuotaWindow { used: Some(used), rejected, ..window.clone() };
        assert!(told(0.999, false).has_room() && !told(0.999, false).is_exhausted());
        assert!(told(1.0, false).is_exhausted() && !told(1.0, false).has_room());
        assert!(told(0.2, true).is_exhausted() && !told(0.2, true).has_room());
    }

    // 50-R9; deviation: up to 31 days instead of 8, because some plans are counted by the month.
    #[test]
    fn a_reset_lies_ahead_and_within_a_month() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        for (at, holds) in [
            ("2026-11-23T11:59:59Z", false),
            ("2026-11-23T12:00:00Z", false),
            ("2026-11-23T12:00:01Z", true),
            ("2026-12-24T12:00:00Z", true),
            ("2026-12-24T12:00:01Z", false),
        ] {
            let resets_at = at.parse().ok();
            let window = QuotaWindow { resets_at, ..QuotaWindow::named("primary") };
            assert_eq!(window.ahead(now), resets_at.filter(|_| holds), "{at}");
        }
        assert_eq!(QuotaWindow::named("primary").ahead(now), None);
        assert_eq!(QuotaWindow::reset(Some(i64::MAX)), None);
    }
}
