//! Points in time in figures: dates such as `2026-06-16 18:29:51`, and epochs.

use std::sync::LazyLock;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use regex::Regex;

use super::zones;
use crate::failure::pattern::regex;
use crate::model::Timestamp;

/// Words and fields that stand before a reset: `resets on`, `try again at`, `"resetsAt": "`, `quotaResetTimeStamp=`.
const BEFORE: &str = concat!(
    r#"(?i)(?:\b(?:resets?|try again|available again)\s+(?:on\s+|at:?\s+)?"#,
    r#"|resets?[ _-]?(?:at|time(?:stamp)?)["']?\s*[:=]?\s*["']?)"#,
);
static FIGURES: LazyLock<Regex> = LazyLock::new(|| {
    regex(&format!(
        "{BEFORE}{}{}",
        r"(?<date>\d{4}-\d{2}-\d{2})(?:[ T](?<time>\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?))?",
        zones::PATTERN
    ))
});
static EPOCH: LazyLock<Regex> = LazyLock::new(|| {
    regex(&format!(
        r#"(?:\||{BEFORE}|(?i:ratelimit[a-z-]*-reset["']?\s*[:=]\s*["']?))\s*(\d{{13}}|\d{{10}})\b"#
    ))
});

/// A date, and a time of day or the whole day, in the zone that they name, else in `zone`.
pub(super) fn find(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let told = FIGURES.captures(text)?;
    let date: Date = told["date"].parse().ok()?;
    let zone = zones::captured(&told).unwrap_or_else(|| zone.clone());
    match told.name("time") {
        Some(time) => instant_of(date.to_datetime(time.as_str().parse().ok()?), &zone),
        None => day(date, now, &zone),
    }
}

/// Some time on this day: its beginning, or its end once it has begun.
pub(super) fn day(date: Date, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let begins = |date: Date| instant_of(date.to_datetime(Time::midnight()), zone);
    if date == now.to_zoned(zone.clone()).date() { begins(date.tomorrow().ok()?) } else { begins(date) }
}

/// An epoch behind a bar, or in a field that names it.
pub(super) fn epoch(text: &str) -> Option<Timestamp> {
    instant(EPOCH.captures(text)?[1].parse().ok()?)
}

/// Seconds, or milliseconds when they are too many: 10¹¹ seconds are the year 5138.
pub(super) fn instant(epoch: i64) -> Option<Timestamp> {
    if epoch >= 100_000_000_000 {
        return Timestamp::from_millisecond(epoch).ok();
    }
    Timestamp::from_second(epoch).ok()
}

pub(super) fn instant_of(at: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    Some(at.to_zoned(zone.clone()).ok()?.timestamp())
}
