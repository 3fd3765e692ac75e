//! The one way in which rally changes a configuration file: a key at a time, with comments, order,
//! line ends and a byte-order mark left as they are.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use toml_edit::{Key, Value};

pub use draft::Draft;
use text::Problem;

mod draft;
mod inline;
mod list;
mod meaning;
mod text;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Why a file was left as it is.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The key is not a dotted key as TOML knows it.
    #[error("\"{0}\" is no key; write it like reliability.retry_budget, with quotes around unusual parts")]
    BadKey(String),
    /// The file cannot be read or is not UTF-8.
    #[error("cannot read {}: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not valid TOML, so an edit could only make it worse.
    #[error("{}:{line}: not valid TOML: {message}; repair it first", file.display())]
    Invalid {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// A part of the key has a value where a table is needed, or is a table where a value is.
    #[error("{}: {problem}", file.display())]
    Shape {
        /// The file.
        file: PathBuf,
        /// What is in the way.
        problem: String,
    },
    /// Somebody else wrote the file while it was being edited.
    #[error("{} was changed by somebody else meanwhile; nothing is written, begin anew", file.display())]
    Changed {
        /// The file.
        file: PathBuf,
    },
    /// The file cannot be replaced.
    #[error("cannot write {}: {source}", file.display())]
    Unwritable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// One change of a file's text.
#[derive(Debug, Clone)]
pub enum Edit {
    /// Sets a key. A table is not replaced by a value.
    Set(Vec<String>, Value),
    /// Takes a key or a whole table out.
    Unset(Vec<String>),
    /// Gives the last part of a key another spelling, of one or more parts, and leaves its value where it is.
    Rename(Vec<String>, Vec<String>),
}

/// The parts of a dotted key as TOML spells it, like `reliability.retry_budget` or `harness."my agent"`.
///
/// # Errors
///
/// [`EditError::BadKey`].
pub fn path(key: &str) -> Result<Vec<String>, EditError> {
    let parts = Key::parse(key).map_err(|_| EditError::BadKey(key.to_owned()))?;
    Ok(parts.into_iter().map(|part| part.get().to_owned()).collect())
}

/// A path as TOML spells it, with quotes where they are needed.
pub fn dotted(path: &[String]) -> String {
    super::diagnostic::dotted(path)
}

/// The text of a file; empty when it is missing.
///
/// # Errors
///
/// [`EditError::Unreadable`].
pub fn read(file: &Path) -> Result<String, EditError> {
    let unreadable = |source| EditError::Unreadable { file: file.to_owned(), source };
    let bytes = super::file::bytes(file).map_err(unreadable)?.unwrap_or_default();
    String::from_utf8(bytes)
        .map_err(|error| unreadable(std::io::Error::new(std::io::ErrorKind::InvalidData, error.utf8_error())))
}

/// The text of a file after some edits, one after the other; `file` is for messages.
///
/// # Errors
///
/// [`EditError::Invalid`] and [`EditError::Shape`].
pub fn edited(file: &Path, before: &str, edits: &[Edit]) -> Result<String, EditError> {
    let body = before.strip_prefix(BYTE_ORDER_MARK);
    let mark = if body.is_some() { String::from(BYTE_ORDER_MARK) } else { String::new() };
    let mut text = body.unwrap_or(before).to_owned();
    for edit in edits {
        text = one(&text, edit).map_err(|problem| problem.at(file))?;
    }
    Ok(mark + &text)
}

fn one(before: &str, edit: &Edit) -> Result<String, Problem> {
    let after = match edit {
        Edit::Set(path, value) => text::set(before, path, &literal(value)),
        Edit::Unset(path) => text::remove(before, path),
        Edit::Rename(path, to) => text::rename(before, path, to),
    }?;
    // TOML can be written in more ways than anybody thinks of: what is not understood, is not saved.
    if meaning::holds(before, edit, &after) {
        Ok(after)
    } else {
        let (Edit::Set(path, _) | Edit::Unset(path) | Edit::Rename(path, _)) = edit;
        let problem = format!("{} cannot be changed where it stands; use an editor", dotted(path));
        Err(Problem::Shape(problem))
    }
}

/// A value on one line.
pub fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text.value()),
        Value::Array(items) => format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", ")),
        other => other.to_string().trim().to_owned(),
    }
}

/// A string on one line: the escapes of JSON are escapes of TOML.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// Replaces a file in one step, so a reader never sees half of it, and makes it with its folders when
/// it is missing. A symbolic link stays one.
fn write(file: &Path, text: &str) -> Result<(), EditError> {
    replace(file, text).map_err(|source| EditError::Unwritable { file: file.to_owned(), source })
}

fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let target = if file.is_symlink() { std::fs::canonicalize(file)? } else { file.to_owned() };
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder)?;
    let mut temporary = tempfile::Builder::new()
        .prefix(".config.toml.")
        .permissions(std::fs::Permissions::from_mode(0o644))
        .tempfile_in(folder)?;
    temporary.write_all(text.as_bytes())?;
    if let Ok(existing) = std::fs::metadata(&target) {
        temporary.as_file().set_permissions(existing.permissions())?;
    }
    temporary.as_file().sync_all()?;
    temporary.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests;
