//! When an exhausted quota comes back, read from a provider's own words.
//!
//! Understood are spans (`resets in 3h 24m`, `reset after 19h21m22s`, `1d12h`, `in 2 hours`), clock times with an
//! optional date and zone (`resets 10:05pm (UTC)`, `try again at Jun 5th, 2026 5:22 AM`), dates in figures
//! (`will reset at 2026-06-16 18:29:51`) and epoch seconds behind a bar (`limit reached|1795385132`).

use std::sync::LazyLock;
use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan};
use regex::{Captures, Regex};

use super::pattern::regex;
use super::wait;
use crate::model::Timestamp;

static SPAN: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)\b(?:resets?|try again|available again)\s+(?:(?:in|after)\s+)?"));
static FIGURES: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?i)\b(?:resets?|try again)\s+(?:on\s+|at\s+)?",
        r"(?<date>\d{4}-\d{2}-\d{2})[ T](?<time>\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)",
        r"\s*(?<zone>z\b|\(?utc\b|[+-]\d{2}:\d{2})?",
    ))
});
static CLOCK: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?i)\b(?:resets?|try again)\s+(?:on\s+|at\s+)?",
        r"(?:(?<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s+(?<day>\d{1,2})(?:st|nd|rd|th)?",
        r"(?:,?\s+(?<year>\d{4}))?(?:,|\s+at)?\s+)?",
        r"(?<hour>\d{1,2})(?::(?<minute>\d{2}))?\s*(?<half>am|pm)?\b(?:\s*\((?<zone>[A-Za-z0-9_+/-]+)\))?",
    ))
});
static EPOCH: LazyLock<Regex> = LazyLock::new(|| regex(r"\|\s*(\d{10})\b"));

/// The point in time that `text` names. Times without a zone of their own are read in `zone`.
pub fn find(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    figures(text, zone)
        .or_else(|| span(text).and_then(|span| now.checked_add(span).ok()))
        .or_else(|| epoch(text))
        .or_else(|| CLOCK.captures(text).and_then(|clock| next_occurrence(&clock, now, zone)))
}

fn span(text: &str) -> Option<Duration> {
    SPAN.find_iter(text).find_map(|before| wait::span(&text[before.end()..]))
}

/// A date and a time in figures, in the zone that they name, else in `zone`.
fn figures(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let told = FIGURES.captures(text)?;
    let at: DateTime = format!("{}T{}", &told["date"], &told["time"]).parse().ok()?;
    let zone = match told.name("zone").map(|zone| zone.as_str()) {
        Some(offset) if offset.starts_with(['+', '-']) => {
            return format!("{at}{offset}").parse().ok();
        }
        Some(_) => TimeZone::UTC,
        None => zone.clone(),
    };
    Some(at.to_zoned(zone).ok()?.timestamp())
}

fn epoch(text: &str) -> Option<Timestamp> {
    Timestamp::from_second(EPOCH.captures(text)?[1].parse().ok()?).ok()
}

/// The next time a clock shows what was captured, by the calendar: a day may have 23 or 25 hours.
fn next_occurrence(clock: &Captures<'_>, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let half = clock.name("half").map(|half| half.as_str().to_ascii_lowercase());
    if half.is_none() && clock.name("minute").is_none() {
        return None;
    }
    let named: i8 = clock["hour"].parse().ok()?;
    let hour = match half.as_deref() {
        None => named,
        Some(_) if !(1..=12).contains(&named) => return None,
        Some("pm") => named % 12 + 12,
        Some(_) => named % 12,
    };
    let minute: i8 = clock.name("minute").map_or(Ok(0), |minute| minute.as_str().parse()).ok()?;
    let zone = match clock.name("zone") {
        Some(name) => TimeZone::get(name.as_str()).unwrap_or_else(|_| zone.clone()),
        None => zone.clone(),
    };
    let today = now.to_zoned(zone.clone()).date();
    let at = |date: Date| {
        let time = jiff::civil::Time::new(hour, minute, 0, 0).ok()?;
        Some(date.to_datetime(time).to_zoned(zone.clone()).ok()?.timestamp())
    };
    let Some(month) = clock.name("month") else {
        let then = at(today)?;
        // A clock without seconds means some moment of its minute; while that runs, its end is the next chance.
        let end = then.checked_add(SignedDuration::from_mins(1)).ok()?;
        return match now {
            _ if then > now => Some(then),
            _ if end > now => Some(end),
            _ => at(today.tomorrow().ok()?),
        };
    };
    let month = month_number(month.as_str())?;
    let day: i8 = clock["day"].parse().ok()?;
    if let Some(year) = clock.name("year") {
        return at(Date::new(year.as_str().parse().ok()?, month, day).ok()?);
    }
    let this_year = Date::new(today.year(), month, day).ok()?;
    // In December a January date is next year's; a date just gone by is simply over.
    let passed = this_year < today.checked_sub(7.days()).ok()?;
    at(if passed { Date::new(today.year() + 1, month, day).ok()? } else { this_year })
}

fn month_number(name: &str) -> Option<i8> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let at = MONTHS.iter().position(|month| name.to_ascii_lowercase().starts_with(month))?;
    i8::try_from(at + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> TimeZone {
        TimeZone::get("Europe/Berlin").unwrap()
    }

    /// 12:00 in Berlin.
    const NOW: &str = "2026-11-22T11:00:00Z";

    #[test]
    fn words_that_name_a_time() {
        let cases = [
            ("Five-hour limit reached · resets in 3h 24m", "2026-11-22T14:24:00Z"),
            ("usage cap hit, resets in 2h 5m", "2026-11-22T13:05:00Z"),
            ("resets 3h", "2026-11-22T14:00:00Z"),
            ("resets in 45m", "2026-11-22T11:45:00Z"),
            ("Resets in 1d12h.", "2026-11-23T23:00:00Z"),
            ("Resets in 7 days.", "2026-11-29T11:00:00Z"),
            ("Your quota will reset after 19h21m22s.", "2026-11-23T06:21:22Z"),
            ("resets in 2 hours and 30 minutes", "2026-11-22T13:30:00Z"),
            ("Resets in 1.5d.", "2026-11-23T23:00:00Z"),
            ("limit · resets at 14:30", "2026-11-22T13:30:00Z"),
            ("limit · resets at 2:30 PM", "2026-11-22T13:30:00Z"),
            ("resets 3pm", "2026-11-22T14:00:00Z"),
            ("resets 11am", "2026-11-23T10:00:00Z"),
            ("resets 12am", "2026-11-22T23:00:00Z"),
            ("You've hit your 5-hour limit · resets 10:05pm (UTC)", "2026-11-22T22:05:00Z"),
            ("weekly limit · resets Nov 28, 3pm (Europe/Berlin)", "2026-11-28T14:00:00Z"),
            ("resets Jan 2 at 9:00 am (UTC)", "2027-01-02T09:00:00Z"),
            ("try again at 5:22 AM.", "2026-11-23T04:22:00Z"),
            ("try again at Dec 5th, 2026 5:22 AM.", "2026-12-05T04:22:00Z"),
            ("try again in 2 days 17 hours 14 minutes.", "2026-11-25T04:14:00Z"),
            ("try again at Jul 23rd, 2027 4:15 AM.", "2027-07-23T02:15:00Z"),
            ("Your limit will reset at 2026-11-22 18:29:51", "2026-11-22T17:29:51Z"),
            ("resets at 2026-11-28T18:00:00Z", "2026-11-28T18:00:00Z"),
            ("resets at 2026-11-28 18:00:00.5 (UTC)", "2026-11-28T18:00:00.5Z"),
            ("Try again at 2026-11-28 18:00+03:00.", "2026-11-28T15:00:00Z"),
            ("resets on 2026-11-28 18:00, not in 5h", "2026-11-28T17:00:00Z"),
            ("Please try again in 11.054s.", "2026-11-22T11:00:11.054Z"),
            ("Claude AI usage limit reached|1795385132", "2026-11-22T22:05:32Z"),
        ];
        for (text, expected) in cases {
            let found = find(text, NOW.parse().unwrap(), &berlin());
            assert_eq!(found, Some(expected.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn words_that_name_none() {
        for text in [
            "",
            "usage limit reached",
            "resets in 3 months",
            "resets 25:00",
            "resets 14pm",
            "resets 12:75",
            "resets 5",
            "resets Feb 31 at 3pm",
            "the limit is for 5 hours",
            "resets at 2026-13-28 18:00:00",
        ] {
            assert_eq!(find(text, NOW.parse().unwrap(), &berlin()), None, "{text}");
        }
    }

    #[test]
    fn a_minute_that_is_running_ends_soon_and_not_tomorrow() {
        for (text, expected) in [
            ("try again at 12:00 PM.", "2026-11-22T11:01:00Z"),
            ("try again at 11:59 AM.", "2026-11-23T10:59:00Z"),
        ] {
            let found = find(text, "2026-11-22T11:00:20Z".parse().unwrap(), &berlin());
            assert_eq!(found, Some(expected.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn tomorrow_is_by_the_calendar_not_by_24_hours() {
        // The night of 25 October 2026 has 25 hours in Berlin.
        let now: Timestamp = "2026-10-24T12:00:00Z".parse().unwrap();
        let found = find("resets at 13:00", now, &berlin()).unwrap();
        assert_eq!(found, "2026-10-25T12:00:00Z".parse().unwrap());
    }

    #[test]
    fn nothing_panics_at_the_end_of_time() {
        assert_eq!(find("resets in 99999 days", Timestamp::MAX, &TimeZone::UTC), None);
        assert_eq!(find("resets at 3pm", Timestamp::MAX, &TimeZone::UTC), None);
    }
}
