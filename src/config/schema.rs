//! Every key that a configuration file may hold, and the shape of its value.

use super::builtin::BUILTINS;
use super::diagnostic::{Findings, Origin, label, table_label};
use super::document::{Field, Located, Value};
use super::suggest;

/// The version of the file format that this program reads.
pub const SCHEMA_VERSION: i64 = 2;

/// A hundred years in seconds: long enough for "never", short enough for every clock's arithmetic.
const CENTURY: i64 = 3_155_760_000;

/// The shape of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Flag,
    Number(i64, i64),
    /// A list of strings.
    List,
    OneOf(&'static [&'static str]),
    /// Not looked at.
    Anything,
}

const SECONDS: Kind = Kind::Number(0, CENTURY);
const COUNT: Kind = Kind::Number(0, u32::MAX as i64);

/// `*` stands for a name of the user's. The default models (`[defaults].claude_model` and so on,
/// and their deprecated twins at the top level) are in [`kind`].
const KEYS: &[(&str, Kind)] = &[
    ("schema_version", Kind::Number(i64::MIN, i64::MAX)),
    ("data_dir", Kind::Text),
    ("run_hooks_on_autocommit", Kind::Flag),
    // Written into every user file by the earlier program, never used by it.
    ("laps_instructions", Kind::Anything),
    ("defaults.iterations", Kind::Number(1, i64::MAX)),
    ("defaults.mix", Kind::Text),
    ("laps.instructions_file", Kind::Text),
    ("free_run.prompt_file", Kind::Text),
    ("fallback.instructions_file", Kind::Text),
    ("reliability.freeze_threshold_secs", SECONDS),
    ("reliability.stall_threshold_secs", SECONDS),
    ("reliability.network_silence_secs", SECONDS),
    ("reliability.startup_timeout_secs", SECONDS),
    ("reliability.liveness_probe", Kind::Flag),
    ("reliability.retry_budget", COUNT),
    ("reliability.retry_backoff_secs", SECONDS),
    ("reliability.retry_patience_secs", SECONDS),
    ("reliability.run_timeout_secs", SECONDS),
    ("reliability.try_timeout_secs", SECONDS),
    ("reliability.handoff_timeout_secs", SECONDS),
    ("reliability.recent_try_count", COUNT),
    ("reliability.recent_try_char_limit", COUNT),
    ("reliability.recent_context_char_limit", COUNT),
    ("reliability.max_failed_runs", COUNT),
    ("reliability.require_changes", Kind::Flag),
    // A table of an early version.
    ("reliability.chars_per_token", Kind::Anything),
    ("harness.*.base", Kind::Text),
    ("harness.*.command", Kind::List),
    ("harness.*.model_flag", Kind::Text),
    ("harness.*.effort", Kind::Text),
    ("harness.*.args", Kind::List),
    ("harness.*.env.*", Kind::Text),
    ("harness.*.output_strategy", Kind::OneOf(&["tail"])),
    ("harness.*.output_lines", Kind::Number(0, 100_000)),
    ("harness.*.tail_stream", Kind::OneOf(&["stdout", "stderr", "combined"])),
    ("harness.*.models.*", Kind::Text),
    ("routes.*", Kind::List),
    ("reasoning.*", Kind::Text),
    ("providers.*", Kind::List),
    ("providers.*.models", Kind::List),
    ("providers.*.exclude", Kind::List),
    ("providers.*.disabled", Kind::Flag),
    // Of the earlier program; this one reports nothing to anybody.
    ("telemetry", Kind::Anything),
];

/// A checked value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Leaf {
    /// A table's own line; its keys are settings of their own.
    Table,
    Text(String),
    Flag(bool),
    Number(i64),
    List(Vec<Located<String>>),
}

/// A key of one file, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        match (kind(path), &field.value) {
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

fn unknown(path: &[String], origin: &Origin, findings: &mut Findings) {
    let Some((word, parent)) = path.split_last() else { return };
    let near = suggest::closest(word, siblings(parent));
    let elsewhere = near.is_empty().then(|| KEYS.iter().find(|(key, _)| leaf_name(key) == word)).flatten();
    let hint = match elsewhere {
        Some((key, _)) => format!("; did you mean {}?", label(&segments(key))),
        None => suggest::hint(&near),
    };
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

fn kind(path: &[String]) -> Option<Kind> {
    let is_model = |key: &String| BUILTINS.iter().any(|builtin| builtin.model_key == key);
    match path {
        [key] if is_model(key) => return Some(Kind::Text),
        [table, key] if table == "defaults" && is_model(key) => return Some(Kind::Text),
        _ => {}
    }
    KEYS.iter()
        .find(|(key, _)| key.split('.').count() == path.len() && matches(key, path))
        .map(|(_, kind)| *kind)
}

fn is_table(path: &[String]) -> bool {
    KEYS.iter().any(|(key, _)| key.split('.').count() > path.len() && matches(key, path))
}

/// Whether `path` is `key` or one of its tables.
fn matches(key: &str, path: &[String]) -> bool {
    key.split('.').zip(path).all(|(pattern, segment)| pattern == "*" || pattern == segment)
}

/// The names that may stand in a table.
fn siblings(parent: &[String]) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = KEYS
        .iter()
        .filter(|(key, _)| matches(key, parent))
        .filter_map(|(key, _)| key.split('.').nth(parent.len()))
        .filter(|name| *name != "*")
        .collect();
    if parent == ["defaults"] {
        names.extend(BUILTINS.iter().map(|builtin| builtin.model_key));
    }
    names
}

fn segments(key: &str) -> Vec<String> {
    key.split('.').map(str::to_owned).collect()
}

fn leaf_name(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// The least and the most of a key that holds a number; `None` for every other key.
pub fn limits(path: &[String]) -> Option<(i64, i64)> {
    match kind(path) {
        Some(Kind::Number(least, most)) => Some((least, most)),
        _ => None,
    }
}
