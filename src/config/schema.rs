//! The check of a file against the table of keys.

pub mod json;
pub mod keys;

use bytesize::ByteSize;

use keys::{Found, KEYS, Key, Kind, entry, is_table, names_in};

use super::diagnostic::{Findings, Origin, label, table_label};
use super::document::{Field, Located, Value};
use super::suggest;

/// The version of the file format that this program reads.
pub const SCHEMA_VERSION: i64 = 2;

/// A checked value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Leaf {
    /// A table's own line; its keys are settings of their own.
    Table,
    Text(String),
    Flag(bool),
    Number(i64),
    Fraction(f64),
    List(Vec<Located<String>>),
}

/// A key of one file, checked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Setting {
    /// As spelled.
    pub(super) path: Vec<String>,
    pub(super) origin: Origin,
    pub(super) leaf: Leaf,
}

/// Whether `text` can name a harness or a model: a letter, then letters, digits, `_` and `-`.
pub fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// Checks the fields of a file against the table of keys. Unknown keys are warnings, wrong shapes
/// are errors; what is right is returned in the order of the file.
pub(super) fn check(file: &std::path::Path, fields: &[Field], findings: &mut Findings) -> Vec<Setting> {
    let mut settings = Vec::new();
    walk(file, &mut Vec::new(), fields, &mut settings, findings);
    settings
}

fn walk(
    file: &std::path::Path,
    path: &mut Vec<String>,
    fields: &[Field],
    settings: &mut Vec<Setting>,
    findings: &mut Findings,
) {
    for field in fields {
        path.push(field.key.clone());
        let origin = Origin { file: file.to_owned(), line: field.line };
        match (entry(path).map(|key| key.kind), &field.value) {
            (Some(Kind::Anything), _) => {}
            (_, Value::Table(inner)) if is_table(path) => {
                settings.push(Setting { path: path.clone(), origin, leaf: Leaf::Table });
                walk(file, path, inner, settings, findings);
            }
            (Some(kind), value) => match leaf(kind, value) {
                Ok(leaf) => settings.push(Setting { path: path.clone(), origin, leaf }),
                Err(problem) => {
                    let line = problem.line.unwrap_or(origin.line);
                    let message = format!("{} {}", label(path), problem.message);
                    findings.error(&Origin { line, ..origin }, path, message);
                }
            },
            (None, value) if is_table(path) => {
                let message = format!("{} must be a table, found {}", table_label(path), value.describe());
                findings.error(&origin, path, message);
            }
            (None, _) => unknown(path, &origin, findings),
        }
        path.pop();
    }
}

/// `; did you mean …?` for an unknown key, or nothing.
fn likely(path: &[String]) -> String {
    let Some((word, parent)) = path.split_last() else { return String::new() };
    let near = suggest::closest(word, names_in(parent));
    let elsewhere = || KEYS.iter().find(|key| key.current.is_none() && leaf_name(key.path) == word);
    match near.is_empty().then(elsewhere).flatten() {
        Some(key) => format!("; did you mean {}?", label(&segments(key.path))),
        None => suggest::hint(&near),
    }
}

fn unknown(path: &[String], origin: &Origin, findings: &mut Findings) {
    let hint = likely(path);
    // A misspelt key of a provider would change who shares a limit: too risky to go on.
    if path.len() == 3 && path[0] == "providers" {
        let message = format!("unknown key {}{hint}", label(path));
        findings.error(origin, path, format!("{message}; a provider has models, exclude and disabled"));
    } else {
        findings.warning(origin, path, format!("unknown key {} is ignored{hint}", label(path)));
    }
}

struct Problem {
    line: Option<usize>,
    message: String,
}

fn leaf(kind: Kind, value: &Value) -> Result<Leaf, Problem> {
    let problem = |message: String| Problem { line: None, message };
    let expected = |what: &str| problem(format!("must be {what}, found {}", value.describe()));
    match (kind, value) {
        (Kind::Text, Value::Text(text)) => clean(text).map(Leaf::Text).map_err(problem),
        (Kind::Text, _) => Err(expected("a string in quotes")),
        (Kind::Flag, Value::Flag(flag)) => Ok(Leaf::Flag(*flag)),
        (Kind::Flag, _) => Err(expected("true or false, without quotes")),
        (Kind::Number(least, most), Value::Number(number)) => {
            if *number < least {
                Err(problem(format!(
                    "is {number}, but must be at least {least}; remove it to get the default"
                )))
            } else if *number > most {
                Err(problem(format!("is {number}, but must be at most {most}")))
            } else {
                Ok(Leaf::Number(*number))
            }
        }
        (Kind::Number(..), _) => Err(expected("a whole number, without quotes")),
        // Both are exact up to 2^53.
        (Kind::Fraction, Value::Number(number)) => fraction(*number as f64).map_err(problem),
        (Kind::Fraction, Value::Fraction(number)) => fraction(*number).map_err(problem),
        (Kind::Fraction, _) => Err(expected("a number, without quotes")),
        (Kind::Size(least), Value::Text(text)) => match size(text) {
            // More than any disk has.
            Some(bytes) if bytes >= least => Ok(Leaf::Number(i64::try_from(bytes).unwrap_or(i64::MAX))),
            Some(_) => {
                let least = ByteSize(least);
                Err(problem(format!(
                    "is \"{}\", but must be at least {least}; remove it for no limit",
                    text.escape_debug()
                )))
            }
            None => Err(expected(SIZES)),
        },
        (Kind::Size(_), _) => Err(expected(SIZES)),
        (Kind::List, Value::List(items)) => items.iter().map(item).collect::<Result<_, _>>().map(Leaf::List),
        (Kind::List, _) => Err(expected("a list of strings, like [\"a\", \"b\"]")),
        // An empty string means the default, as in files that the earlier program saved.
        (Kind::OneOf(names), Value::Text(text)) if text.is_empty() || names.contains(&text.as_str()) => {
            Ok(Leaf::Text(text.clone()))
        }
        (Kind::OneOf(names), Value::Text(text)) => {
            Err(problem(format!("is \"{}\", but must be {}", text.escape_debug(), names.join(", "))))
        }
        (Kind::OneOf(names), _) => Err(expected(&names.join(", "))),
        (Kind::Anything, _) => Ok(Leaf::Table),
    }
}

/// What a size looks like.
const SIZES: &str = "a size like \"500MB\" or \"2GiB\"";

/// The bytes of `500MB`, `2GiB` or `4096`; `None` for what is no size.
pub fn size(text: &str) -> Option<u64> {
    text.parse().ok().map(|ByteSize(bytes)| bytes)
}

fn fraction(number: f64) -> Result<Leaf, String> {
    if number.is_finite() && number >= 0.0 {
        Ok(Leaf::Fraction(number))
    } else {
        Err(format!("is {number}, but must be at least 0; remove it to get the default"))
    }
}

fn item(item: &Located<Value>) -> Result<Located<String>, Problem> {
    let problem = |message: String| Problem { line: Some(item.line), message };
    match &item.value {
        Value::Text(text) => clean(text).map(|value| Located { line: item.line, value }).map_err(problem),
        other => Err(problem(format!("must hold strings only, found {}", other.describe()))),
    }
}

/// No operating system passes a NUL in a path, an argument or the environment.
fn clean(text: &str) -> Result<String, String> {
    if text.contains('\0') { Err("must not hold a NUL character".to_owned()) } else { Ok(text.to_owned()) }
}

fn segments(key: &str) -> Vec<String> {
    key.split('.').map(str::to_owned).collect()
}

fn leaf_name(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// The least and the most of a key that holds a number; `None` for every other key.
pub fn limits(path: &[String]) -> Option<(i64, i64)> {
    match keys::find(path) {
        Found::Key(Key { kind: Kind::Number(least, most), .. }) => Some((*least, *most)),
        _ => None,
    }
}
