//! Points in time as people write them: `3pm`, `tomorrow at 9:30`, `Thu 10:00 AM`, `Oct 9th, 2025 2:30 PM`, `Oct 24`.

use std::sync::LazyLock;

use jiff::ToSpan;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use regex::{Captures, Regex};

use super::{JUST_PASSED, figures, zones};
use crate::failure::pattern::regex;
use crate::model::Timestamp;

static CLOCK: LazyLock<Regex> = LazyLock::new(|| {
    let parts = [
        r"(?i)\b(?:resets?|try again|available again)\s+(?:on\s+|at\s+)?",
        r"(?:(?<tomorrow>tomorrow)\b,?\s*(?:at\s+)?)?",
        r"(?:(?<weekday>mon|tue|wed|thu|fri|sat|sun)(?:s|nes|rs|ur)?(?:day)?\b,?\s*(?:at\s+)?)?",
        r"(?:(?<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s+(?<day>\d{1,2})(?:st|nd|rd|th)?\b",
        r"(?:,?\s+(?<year>\d{4})\b)?(?:,|\s+at)?\s*)?",
        r"(?:(?<hour>\d{1,2})(?::(?<minute>\d{2}))?\s*(?<half>am|pm)?\b)?",
        zones::PATTERN,
    ];
    regex(&parts.concat())
});

/// What a text tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// A time of some day that follows.
    Clock(Timestamp),
    /// A day of the calendar.
    Date(Timestamp),
}

/// The first such time in the text, in the zone that it names, else in `zone`.
pub(super) fn find(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Told> {
    CLOCK.captures_iter(text).find_map(|told| {
        let zone = zones::captured(&told).unwrap_or_else(|| zone.clone());
        match told.name("month") {
            Some(month) => date(&told, month.as_str(), now, &zone).map(Told::Date),
            None => clock(&told, now, &zone).map(Told::Clock),
        }
    })
}

fn clock(told: &Captures<'_>, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let time = time(told)?;
    let today = now.to_zoned(zone.clone()).date();
    let days: Vec<Date> = match (told.name("tomorrow"), told.name("weekday")) {
        (Some(_), _) => vec![today.tomorrow().ok()?],
        (None, Some(name)) => {
            let weekday = weekday(name.as_str())?;
            // Today's may have passed.
            (0..=7)
                .filter_map(|days| today.checked_add(days.days()).ok())
                .filter(|day| day.weekday() == weekday)
                .collect()
        }
        // Yesterday's may have passed just now.
        (None, None) => (-1..=1).filter_map(|days| today.checked_add(days.days()).ok()).collect(),
    };
    let still_counts = |at: &Timestamp| at.duration_since(now) >= -JUST_PASSED;
    days.into_iter().flat_map(|day| instants(day, time, zone)).find(still_counts)
}

/// The moments at which a clock shows this on this day: two on the night when it is put back. What it leaves out when
/// it is put forward is read as if it had not been.
fn instants(day: Date, time: Time, zone: &TimeZone) -> Vec<Timestamp> {
    let told = zone.to_ambiguous_zoned(day.to_datetime(time));
    let zoned = match told.offset() {
        AmbiguousOffset::Fold { .. } => vec![told.clone().earlier(), told.later()],
        AmbiguousOffset::Gap { .. } | AmbiguousOffset::Unambiguous { .. } => vec![told.compatible()],
    };
    zoned.into_iter().flatten().map(|at| at.timestamp()).collect()
}

fn date(told: &Captures<'_>, month: &str, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let month = month_number(month)?;
    let day: i8 = told["day"].parse().ok()?;
    let instant = |date: Date| match time(told) {
        Some(time) => figures::instant_of(date.to_datetime(time), zone),
        None => figures::day(date, now, zone),
    };
    if let Some(year) = told.name("year") {
        return instant(Date::new(year.as_str().parse().ok()?, month, day).ok()?);
    }
    // In December a January date is next year's; a date just gone by is simply over.
    let this_year = now.to_zoned(zone.clone()).year();
    let years = (-1..=1).filter_map(|years| instant(Date::new(this_year + years, month, day).ok()?));
    years.min_by_key(|at| at.duration_since(now).abs())
}

/// The time of day. An hour alone, without its half of the day, may be any number.
fn time(told: &Captures<'_>) -> Option<Time> {
    let named: i8 = told.name("hour")?.as_str().parse().ok()?;
    let half = told.name("half").map(|half| half.as_str().to_ascii_lowercase());
    let minute = told.name("minute");
    let hour = match half.as_deref() {
        None => minute.map(|_| named)?,
        Some(_) if !(1..=12).contains(&named) => return None,
        Some("pm") => named % 12 + 12,
        Some(_) => named % 12,
    };
    let minute: i8 = minute.map_or(Ok(0), |minute| minute.as_str().parse()).ok()?;
    Time::new(hour, minute, 0, 0).ok()
}

fn month_number(name: &str) -> Option<i8> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let at = MONTHS.iter().position(|month| name.eq_ignore_ascii_case(month))?;
    i8::try_from(at + 1).ok()
}

fn weekday(name: &str) -> Option<Weekday> {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let at = DAYS.iter().position(|day| name.eq_ignore_ascii_case(day))?;
    Weekday::from_monday_zero_offset(i8::try_from(at).ok()?).ok()
}
