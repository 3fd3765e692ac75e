//! The zone that stands behind a time.

use jiff::tz::{Offset, TimeZone};

/// What comes behind a time may name its zone: in brackets by any name, else by one that is no ordinary word.
/// Used inside patterns, as the groups `bracketed` and `named`.
pub(super) const PATTERN: &str = concat!(
    r"(?:\s*\((?<bracketed>[A-Za-z][A-Za-z0-9_+/-]*)\)",
    r"|\s*(?<named>(?-i:Z|UTC|GMT|[ECMP][SD]?T|CES?T|EES?T|BST|IST|JST)\b|[A-Za-z]+/[A-Za-z0-9_+/-]*[A-Za-z0-9])",
    r"|\s*(?<offset>[+-]\d{2}:?\d{2})\b)?",
);

/// Zones by the names that people use. Where a name is several zones', the one with most of the CLIs' users.
const NAMED: [(&str, &str); 7] = [
    ("ET", "America/New_York"),
    ("CT", "America/Chicago"),
    ("MT", "America/Denver"),
    ("PT", "America/Los_Angeles"),
    ("IST", "Asia/Kolkata"),
    ("JST", "Asia/Tokyo"),
    ("Z", "UTC"),
];

/// Hours east of Greenwich.
const OFFSETS: [(&str, i8); 15] = [
    ("UTC", 0),
    ("GMT", 0),
    ("EST", -5),
    ("EDT", -4),
    ("CST", -6),
    ("CDT", -5),
    ("MST", -7),
    ("MDT", -6),
    ("PST", -8),
    ("PDT", -7),
    ("CET", 1),
    ("CEST", 2),
    ("EET", 2),
    ("EEST", 3),
    ("BST", 1),
];

/// The zone that was captured; nothing when none was, or nobody knows it.
pub(super) fn captured(told: &regex::Captures<'_>) -> Option<TimeZone> {
    if let Some(offset) = told.name("offset") {
        let digits: String = offset.as_str().chars().filter(char::is_ascii_digit).collect();
        let (hours, minutes) = digits.split_at(2);
        let seconds = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60;
        let sign = if offset.as_str().starts_with('-') { -1 } else { 1 };
        return Some(TimeZone::fixed(Offset::from_seconds(sign * seconds).ok()?));
    }
    let name = told.name("bracketed").or_else(|| told.name("named"))?.as_str();
    if let Some((_, hours)) = OFFSETS.iter().find(|(known, _)| *known == name) {
        return Some(TimeZone::fixed(Offset::constant(*hours)));
    }
    let full = NAMED.iter().find(|(known, _)| *known == name).map_or(name, |(_, full)| *full);
    TimeZone::get(full).ok()
}
