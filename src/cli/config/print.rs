//! How settings and complaints are printed.

use std::fmt::Display;
use std::io::Write;

use toml_edit::Value;

use crate::cli::output;
use crate::config::inspect::{Entry, Setting};
use crate::config::{ConfigError, Diagnostic, Inspection, edit};
use crate::terminal::sanitize;

/// Prints to standard output: cleaned for a terminal, as it is for a program.
pub fn out(text: &str) -> std::io::Result<()> {
    output::document(text.as_bytes())
}

/// A line of its own on standard error.
pub fn say(what: &str, text: impl Display) -> std::io::Result<()> {
    writeln!(std::io::stderr().lock(), "{what}: {}", sanitize::text(&text.to_string()))
}

/// Everything that is wrong; says whether anything is.
pub fn complaints(inspection: &Inspection, unreadable: &[ConfigError]) -> std::io::Result<bool> {
    for error in unreadable {
        say("error", error)?;
    }
    let (errors, doubts) = super::judge::all(inspection);
    for error in &errors {
        say("error", error)?;
    }
    warnings(&doubts)?;
    Ok(!unreadable.is_empty() || !errors.is_empty())
}

/// Warnings, one a line.
pub fn warnings(warnings: &[Diagnostic]) -> std::io::Result<()> {
    warnings.iter().try_for_each(|warning| say("warning", warning))
}

/// `key = value` as TOML on one line, with its place behind it when asked for.
pub fn line(entry: &Entry, origin: bool) -> String {
    let line = format!("{} = {}", edit::dotted(&entry.path), literal(&entry.value));
    if origin { format!("{line}  # {}\n", entry.origin) } else { line + "\n" }
}

/// A value as TOML on one line.
pub fn literal(value: &Setting) -> String {
    edit::literal(&match value {
        Setting::Text(text) => Value::from(text),
        Setting::Flag(flag) => Value::from(*flag),
        Setting::Number(number) => Value::from(*number),
        Setting::Fraction(number) => fraction(*number),
        Setting::List(items) => Value::Array(items.iter().map(String::as_str).collect()),
    })
}

/// Without a fraction where it has none, as one would write it.
fn fraction(number: f64) -> Value {
    number.to_string().parse().unwrap_or_else(|_| Value::from(number))
}

/// A value as scripts want it: a string without quotes, a list with an item a line.
pub fn bare(value: &Setting) -> String {
    match value {
        Setting::Text(text) => format!("{text}\n"),
        Setting::Flag(flag) => format!("{flag}\n"),
        Setting::Number(number) => format!("{number}\n"),
        Setting::Fraction(number) => format!("{number}\n"),
        Setting::List(items) => items.iter().map(|item| format!("{item}\n")).collect(),
    }
}
