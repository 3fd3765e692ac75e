//! The table of keys as a JSON Schema, for completion and checks in editors.
//!
//! Draft-07: taplo (and with it the TOML extensions of editors) reads drafts 4 to 7 only.

use serde_json::{Map, Value, json};

use super::super::builtin::BUILTINS;
use super::keys::{KEYS, Key, Kind};

/// Names of harnesses and models, as [`super::is_name`] has it.
const NAME: &str = "^[A-Za-z][A-Za-z0-9_-]*$";
/// Names of routes, providers and roles.
const NOT_BLANK: &str = r"\S";
/// Names of variables of the environment.
const VARIABLE: &str = "^[^=]+$";

/// Sizes, as far as a pattern can tell.
const SIZE: &str = r"^\s*[0-9]+(\.[0-9]+)?\s*[A-Za-z]*\s*$";

/// The JSON Schema of a configuration file.
pub fn document() -> Value {
    let mut schema = table(&[]);
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("Configuration of rally");
    schema["description"] =
        json!("~/.config/rally/config.toml, and .rally/config.toml of a repository, which wins key by key");
    schema
}

/// The object at `path`: its keys, or one schema for all names where they are free.
fn table(path: &[&str]) -> Value {
    let mut properties = Map::new();
    let mut free = None;
    for row in KEYS {
        let segments: Vec<&str> = row.path.split('.').collect();
        let Some((name, above)) = segments.get(path.len()).zip(segments.get(..path.len())) else { continue };
        if above != path {
            continue;
        }
        if *name == "*" {
            free.get_or_insert_with(|| at(path, name));
        } else if !properties.contains_key(*name) {
            properties.insert((*name).to_owned(), at(path, name));
        }
    }
    let mut schema = json!({ "type": "object" });
    match free {
        Some(value) => {
            schema["propertyNames"] = json!({ "pattern": names(path) });
            schema["additionalProperties"] = value;
        }
        None => {
            schema["properties"] = Value::Object(properties);
            schema["additionalProperties"] = json!(false);
        }
    }
    schema
}

fn names(path: &[&str]) -> &'static str {
    match path {
        ["harness"] | [.., "models" | "chars_per_token"] => NAME,
        [.., "env"] => VARIABLE,
        _ => NOT_BLANK,
    }
}

/// What may stand under a name: a value, a table, or either.
fn at(parent: &[&str], name: &str) -> Value {
    let path: Vec<&str> = parent.iter().copied().chain([name]).collect();
    let dotted = path.join(".");
    let row = KEYS.iter().find(|row| row.path == dotted);
    let inside =
        KEYS.iter().any(|row| row.path.strip_prefix(&dotted).is_some_and(|rest| rest.starts_with('.')));
    match (row, inside) {
        (Some(row), false) => value(row),
        (Some(row), true) => {
            let mut list = value(row);
            let about = list.as_object_mut().and_then(|list| list.remove("description"));
            json!({ "description": about, "anyOf": [list, table(&path)] })
        }
        (None, _) => table(&path),
    }
}

fn value(row: &Key) -> Value {
    let mut schema = match row.kind {
        Kind::Text if row.path == "harness.*.base" => {
            let names: Vec<&str> =
                BUILTINS.iter().flat_map(|builtin| builtin.aliases.iter().copied()).collect();
            json!({ "type": "string", "enum": names })
        }
        Kind::Text if row.path == "harness.*.models.*" => json!({ "type": "string", "pattern": NOT_BLANK }),
        Kind::Text => json!({ "type": "string" }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Number(least, most) => number(least, most),
        Kind::Fraction => json!({ "type": "number", "minimum": 0 }),
        Kind::Size(_) => json!({ "type": "string", "pattern": SIZE }),
        Kind::List => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::OneOf(names) => {
            // Empty is the default, as in files that the earlier program saved.
            let names: Vec<&str> = names.iter().copied().chain([""]).collect();
            json!({ "type": "string", "enum": names })
        }
        Kind::Anything => json!({}),
    };
    schema["description"] = json!(row.about);
    if let Some(default) = row.default.and_then(default) {
        schema["default"] = default;
    }
    if let Some(current) = row.current {
        schema["description"] = json!(format!("{}; use {current}", row.about));
    }
    if row.current.is_some() || row.kind == Kind::Anything {
        schema["deprecated"] = json!(true);
    }
    schema
}

/// The whole range of 64 bits is no limit worth a word.
fn number(least: i64, most: i64) -> Value {
    let mut schema = json!({ "type": "integer" });
    if least != i64::MIN {
        schema["minimum"] = json!(least);
    }
    if most != i64::MAX {
        schema["maximum"] = json!(most);
    }
    schema
}

/// The defaults of the table are strings, numbers and flags, which TOML and JSON write alike.
fn default(toml: &str) -> Option<Value> {
    serde_json::from_str(toml).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_what_editors_get() {
        insta::assert_snapshot!(serde_json::to_string_pretty(&document()).unwrap());
    }

    #[test]
    fn every_key_is_in_it_with_its_words() {
        for row in KEYS {
            let document = document();
            let mut schema = &document;
            for name in row.path.split('.') {
                // The table among the alternatives has the keys.
                let table = schema["anyOf"].as_array().map_or(schema, |all| &all[1]);
                schema =
                    if name == "*" { &table["additionalProperties"] } else { &table["properties"][name] };
            }
            let about = schema["description"].as_str().unwrap_or_else(|| panic!("{}", row.path));
            assert!(about.starts_with(row.about), "{}", row.path);
            let value = schema["anyOf"].as_array().map_or(schema, |all| &all[0]);
            let kind = match row.kind {
                Kind::Text | Kind::Size(_) | Kind::OneOf(_) => "string",
                Kind::Flag => "boolean",
                Kind::Number(..) => "integer",
                Kind::Fraction => "number",
                Kind::List => "array",
                Kind::Anything => {
                    assert!(value["type"].is_null(), "{}", row.path);
                    continue;
                }
            };
            assert_eq!(value["type"], kind, "{}", row.path);
            assert_eq!(schema["default"].is_null(), row.default.is_none(), "{}", row.path);
        }
    }
}
