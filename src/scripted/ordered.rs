//! JSON whose fields keep the order in which they are written, as the CLIs print theirs (`serde_json` sorts
//! the fields of its own objects).

use std::borrow::Cow;
use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

/// A value, or an object with its fields in order.
#[derive(Debug, Clone)]
pub enum Json {
    /// Anything whose order does not matter.
    Plain(Value),
    /// Fields in order.
    Object(Vec<(Cow<'static, str>, Json)>),
    /// Some of them.
    List(Vec<Json>),
}

impl Json {
    /// Adds a field to an object; to anything else, nothing.
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Json>) -> Json {
        if let Json::Object(fields) = &mut self {
            fields.push((name.into(), value.into()));
        }
        self
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Plain(value) => value.serialize(serializer),
            Json::List(items) => items.serialize(serializer),
            Json::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

macro_rules! plain {
    ($($from:ty),*) => {
        $(impl From<$from> for Json {
            fn from(value: $from) -> Json {
                Json::Plain(Value::from(value))
            }
        })*
    };
}

plain!(&str, String, bool, u16, u32, u64, i32, i64, f64, Value, Option<i32>);

impl From<&String> for Json {
    fn from(value: &String) -> Json {
        Json::from(value.as_str())
    }
}

/// An object: `object! { "type": "init", "part": object! { "id": id } }`.
macro_rules! object {
    ($($name:literal : $value:expr),* $(,)?) => {
        $crate::scripted::ordered::Json::Object(vec![$(($name.into(), $crate::scripted::ordered::Json::from($value))),*])
    };
}

pub(super) use object;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stay_where_they_are_written() {
        let inner = object! { "z": 1_u64, "a": Value::Null };
        let outer = object! { "type": "x", "part": Json::List(vec![inner]), "cost": 0.25 }.with("b", true);
        assert_eq!(outer.to_string(), r#"{"type":"x","part":[{"z":1,"a":null}],"cost":0.25,"b":true}"#);
    }
}
