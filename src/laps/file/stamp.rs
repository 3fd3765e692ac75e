//! Times of a task file: RFC 3339, in the zone and with the digits that were written.

use jiff::SignedDuration;

use crate::model::Timestamp;

/// A point in time and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    at: Timestamp,
    text: String,
}

impl Stamp {
    /// Reads RFC 3339; trailing zeros of the fraction are dropped.
    pub fn parse(text: &str) -> Option<Stamp> {
        let bytes = text.as_bytes();
        let shaped = bytes.len() > 19
            && bytes.iter().take(19).enumerate().all(|(n, byte)| match n {
                4 | 7 => *byte == b'-',
                10 => *byte == b'T',
                13 | 16 => *byte == b':',
                _ => byte.is_ascii_digit(),
            });
        if !shaped {
            return None;
        }
        let (seconds, rest) = text.split_at(19);
        let (fraction, zone) = match rest.strip_prefix('.') {
            Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?),
            None => ("", rest),
        };
        let offset = zone.len() == 6 && zone.starts_with(['+', '-']) && zone.as_bytes()[3] == b':';
        if (rest.starts_with('.') && fraction.is_empty()) || (zone != "Z" && !offset) {
            return None;
        }
        let zone = if offset && &zone[1..] == "00:00" { "Z" } else { zone };
        let fraction = fraction[..fraction.len().min(9)].trim_end_matches('0');
        let dot = if fraction.is_empty() { "" } else { "." };
        let text = format!("{seconds}{dot}{fraction}{zone}");
        Some(Stamp { at: text.parse().ok()?, text })
    }

    /// The time of a file that names none: the year 1.
    pub fn none() -> Stamp {
        let at = Timestamp::UNIX_EPOCH - SignedDuration::from_secs(62_135_596_800);
        Stamp { at, text: "0001-01-01T00:00:00Z".to_owned() }
    }

    /// The point in time.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// As it is written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// In whole seconds, UTC.
    pub fn seconds(&self) -> String {
        self.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}

impl From<Timestamp> for Stamp {
    fn from(at: Timestamp) -> Stamp {
        let fraction = format!("{:09}", at.subsec_nanosecond());
        let fraction = fraction.trim_end_matches('0');
        let dot = if fraction.is_empty() { "" } else { "." };
        Stamp { at, text: format!("{}{dot}{fraction}Z", at.strftime("%Y-%m-%dT%H:%M:%S")) }
    }
}
