//! When an exhausted quota comes back, read from a provider's own words.
//!
//! Understood are
//! * spans: `resets in 3h 24m`, `reset after 19h21m22s`, `1d12h`, `in 2 hours`, `try again in 3 days 4 hours 12 minutes`;
//! * clock times, with a zone or without, also of tomorrow or of a weekday: `resets 10:05pm (UTC)`, `resets Thu 3pm`;
//! * dates, with a clock or without: `try again at Jun 5th, 2026 5:22 AM`, `resets Oct 24`;
//! * dates in figures: `will reset at 2026-06-16 18:29:51`, `2026-11-28T18:00:00Z`;
//! * epochs: `limit reached|1795385132`, `"resetsAt":1795385132000`.
//!
//! The name of a window (`5-hour limit`) is its length and not the time until it ends; see [`super::window`].

mod clock;
mod figures;
mod zones;

use std::sync::LazyLock;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use regex::Regex;

use super::pattern::regex;
use super::wait;
use crate::model::Timestamp;

/// No window that is told by a span or a clock is longer: a week, and a day for clocks that differ. What is farther
/// away is tried after this time, which costs one try.
const FARTHEST: SignedDuration = SignedDuration::from_hours(8 * 24);

/// The same for what the provider dates: accounts are paid by the month.
const FARTHEST_DATE: SignedDuration = SignedDuration::from_hours(32 * 24);

/// What has passed so recently was told just before it, or by a clock that differs a little.
const JUST_PASSED: SignedDuration = SignedDuration::from_mins(5);

/// When it is worth a try then: soon, but not at once, lest a message that stays the same be asked for over and over.
const SOON: SignedDuration = SignedDuration::from_mins(1);

static SPAN: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)\b(?:resets?|try again|available again)\s+(?:(?:in|after)\s+)?"));

/// The point in time that `text` names. Times without a zone of their own are read in `zone`. It lies after `now`, and
/// no farther away than windows are long; a time that is over is none.
pub fn find(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let dated = |at: Timestamp| bounded(at, now, FARTHEST_DATE);
    if let Some(at) = figures::find(text, now, zone) {
        return dated(at);
    }
    if let Some(span) = span(text) {
        return bounded(now.checked_add(span).unwrap_or(Timestamp::MAX), now, FARTHEST);
    }
    if let Some(at) = figures::epoch(text) {
        return dated(at);
    }
    clock::find(text, now, zone).and_then(|told| match told {
        clock::Told::Clock(at) => bounded(at, now, FARTHEST),
        clock::Told::Date(at) => dated(at),
    })
}

/// The same for a point in time that a typed field tells: epoch seconds or milliseconds.
pub fn from_epoch(epoch: i64, now: Timestamp) -> Option<Timestamp> {
    bounded(figures::instant(epoch)?, now, FARTHEST_DATE)
}

fn bounded(at: Timestamp, now: Timestamp, farthest: SignedDuration) -> Option<Timestamp> {
    let ahead = at.duration_since(now);
    if ahead > SignedDuration::ZERO {
        return now.checked_add(ahead.min(farthest)).ok();
    }
    if ahead >= -JUST_PASSED { now.checked_add(SOON).ok() } else { None }
}

fn span(text: &str) -> Option<std::time::Duration> {
    SPAN.find_iter(text).find_map(|before| wait::span(&text[before.end()..]))
}

#[cfg(test)]
mod tests;
