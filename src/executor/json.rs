//! Lenient reading of JSON: a field of an unexpected type costs itself, never the event around it.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

/// A value, or nothing when it has another type.
pub fn loose<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Loose<T> {
        Value(T),
        Other(IgnoredAny),
    }
    Ok(match Loose::deserialize(deserializer)? {
        Loose::Value(value) => Some(value),
        Loose::Other(IgnoredAny) => None,
    })
}
