//! Points in time, as records store them: RFC 3339, UTC, milliseconds.

use std::time::Duration;

use jiff::tz::TimeZone;

/// A point in time (UTC).
pub type Timestamp = jiff::Timestamp;

/// The current time, cut to the milliseconds that records keep, so that what is
/// written and what is read back compare equal.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// `2026-11-23T06:26:21.042Z`.
pub fn rfc3339_millis(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// What a clock in this zone shows: `14:05`, with the date when it is not today's, `2026-11-24 14:05`.
pub fn clock(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (at, now) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    let form = if at.date() == now.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    at.strftime(form).to_string()
}

/// The time from `from` to `to`; zero when `to` is earlier (clocks step back).
pub fn since(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}

/// `serde(with)` for a [`Timestamp`] with exactly three fractional digits.
pub mod millis {
    use super::{Timestamp, rfc3339_millis};
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes `2026-11-23T06:26:21.042Z`.
    pub fn serialize<S: Serializer>(at: &Timestamp, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&rfc3339_millis(*at))
    }

    /// Reads any RFC 3339 time, also one with whole seconds.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// `serde(with)` for an optional [`Timestamp`]; see [`millis`].
pub mod millis_option {
    use super::{Timestamp, rfc3339_millis};
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes the time, or null.
    pub fn serialize<S: Serializer>(at: &Option<Timestamp>, s: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => s.serialize_str(&rfc3339_millis(*at)),
            None => s.serialize_none(),
        }
    }

    /// Reads a time, or null; an empty string counts as null.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Timestamp>, D::Error> {
        match Option::<String>::deserialize(d)? {
            Some(text) if !text.is_empty() => text.parse().map(Some).map_err(serde::de::Error::custom),
            _ => Ok(None),
        }
    }

    /// Reads a time; whatever is none counts as null.
    pub fn lenient<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Timestamp>, D::Error> {
        let value = serde_json::Value::deserialize(d)?;
        Ok(value.as_str().and_then(|text| text.parse().ok()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn always_three_fractional_digits() {
        let whole: Timestamp = "2026-11-23T06:26:21Z".parse().unwrap();
        assert_eq!(rfc3339_millis(whole), "2026-11-23T06:26:21.000Z");
    }

    #[test]
    fn a_clock_that_stepped_back_gives_zero() {
        let early: Timestamp = "2026-11-23T06:26:21Z".parse().unwrap();
        let late: Timestamp = "2026-11-23T06:26:22.5Z".parse().unwrap();
        assert_eq!(since(early, late), Duration::from_millis(1500));
        assert_eq!(since(late, early), Duration::ZERO);
    }
}
