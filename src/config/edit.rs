//! The one way in which rally changes a configuration file: a key at a time, with comments, order,
//! line ends and a byte-order mark left as they are.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use toml_edit::{Document, DocumentMut, InlineTable, Item, Key, Table, Value};

mod draft;

pub use draft::Draft;

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

/// Sets a dotted key to a value, or removes it with `None`. A missing file is made, with its
/// folders. The file is replaced in one step, so a reader never sees half of it; a symbolic link
/// stays one. The result says whether anything changed.
///
/// # Errors
///
/// See [`EditError`]; the file is untouched then.
pub fn set(file: &Path, key: &str, value: Option<Value>) -> Result<bool, EditError> {
    let path: Vec<String> = Key::parse(key)
        .map_err(|_| EditError::BadKey(key.to_owned()))?
        .into_iter()
        .map(|part| part.get().to_owned())
        .collect();
    let before = read(file)?;
    let after = edited(&before, &path, value).map_err(|problem| problem.at(file))?;
    if after == before {
        return Ok(false);
    }
    replace(file, &after)
        .map_err(|source| EditError::Unwritable { file: file.to_owned(), source })
        .map(|()| true)
}

enum Problem {
    Toml { line: usize, message: String },
    Shape(String),
}

impl Problem {
    fn toml(error: &toml_edit::TomlError, text: &str) -> Problem {
        let offset = error.span().map_or(0, |span| span.start).min(text.len());
        let line = 1 + text.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count();
        Problem::Toml { line, message: error.message().replace('\n', ", ") }
    }

    fn at(self, file: &Path) -> EditError {
        let file = file.to_owned();
        match self {
            Problem::Toml { line, message } => EditError::Invalid { file, line, message },
            Problem::Shape(problem) => EditError::Shape { file, problem },
        }
    }
}

fn edited(before: &str, path: &[String], value: Option<Value>) -> Result<String, Problem> {
    let body = before.strip_prefix(BYTE_ORDER_MARK);
    let mark = if body.is_some() { String::from(BYTE_ORDER_MARK) } else { String::new() };
    let body = body.unwrap_or(before);
    // toml_edit writes bare newlines. A file with both kinds has no convention to keep.
    let newlines = body.matches('\n').count();
    let dos = newlines > 0 && body.matches("\r\n").count() == newlines;
    let text = if dos { body.replace("\r\n", "\n") } else { body.to_owned() };
    let text = match value {
        Some(value) => with(&text, path, value)?,
        None => without(&text, path)?,
    };
    Ok(mark + &if dos { text.replace('\n', "\r\n") } else { text })
}

fn with(text: &str, path: &[String], value: Value) -> Result<String, Problem> {
    let mut document: DocumentMut = text.parse().map_err(|error| Problem::toml(&error, text))?;
    if document.as_table().is_empty() && !text.trim().is_empty() {
        // Comments only: they are the head of the file, not the tail of the new key.
        let gap = if text.ends_with('\n') { "\n" } else { "\n\n" };
        return Ok(format!("{text}{gap}{}", with("", path, value)?));
    }
    put(document.as_item_mut(), path, value, path)?;
    Ok(document.to_string())
}

/// `whole` is the full path, for messages.
fn put(item: &mut Item, path: &[String], value: Value, whole: &[String]) -> Result<(), Problem> {
    let Some((first, rest)) = path.split_first() else { return assign(item, value, whole) };
    match item {
        Item::None => {
            let mut table = Table::new();
            // Without a header of its own unless a value stands in it.
            table.set_implicit(true);
            *item = Item::Table(table);
            put(item, path, value, whole)
        }
        Item::Table(table) => put(table.entry(first).or_insert(Item::None), rest, value, whole),
        Item::Value(Value::InlineTable(table)) if rest.is_empty() => {
            let mut value = value;
            if let Some(old) = table.get(first) {
                *value.decor_mut() = old.decor().clone();
            }
            table.insert(first, value);
            Ok(())
        }
        Item::Value(Value::InlineTable(table)) => {
            // A real table cannot stand inside an inline one.
            let mut inner = Item::Value(match table.get(first) {
                Some(inner) => inner.clone(),
                None => Value::InlineTable(InlineTable::new()),
            });
            put(&mut inner, rest, value, whole)?;
            if let Item::Value(inner) = inner {
                table.insert(first, inner);
            }
            Ok(())
        }
        Item::Value(_) | Item::ArrayOfTables(_) => Err(not_a_table(whole, whole.len() - path.len())),
    }
}

/// Keeps what stands around the old value, a comment behind it above all.
fn assign(item: &mut Item, mut value: Value, whole: &[String]) -> Result<(), Problem> {
    match item {
        Item::None => {}
        Item::Value(old) => *value.decor_mut() = old.decor().clone(),
        Item::Table(_) | Item::ArrayOfTables(_) => return Err(is_a_table(whole)),
    }
    *item = Item::Value(value);
    Ok(())
}

/// Takes out the lines of a key. Comments above it stay: they may be about more than this key.
fn without(text: &str, path: &[String]) -> Result<String, Problem> {
    let document = Document::parse(text).map_err(|error| Problem::toml(&error, text))?;
    let mut item = document.as_item();
    for (depth, part) in path.iter().enumerate() {
        let last = depth + 1 == path.len();
        match item {
            Item::Table(table) => {
                let Some((key, inner)) = table.get_key_value(part) else { return Ok(text.to_owned()) };
                if !last {
                    item = inner;
                    continue;
                }
                let (Some(key), Item::Value(_), Some(value)) = (key.span(), inner, inner.span()) else {
                    return Err(is_a_table(path));
                };
                let start = text[..key.start].rfind('\n').map_or(0, |newline| newline + 1);
                let end = text[value.end..].find('\n').map_or(text.len(), |at| value.end + at + 1);
                return Ok(format!("{}{}", &text[..start], &text[end..]));
            }
            Item::Value(Value::InlineTable(_)) => return without_inline(text, path),
            _ => return Err(not_a_table(path, depth)),
        }
    }
    Ok(text.to_owned())
}

fn without_inline(text: &str, path: &[String]) -> Result<String, Problem> {
    let mut document: DocumentMut = text.parse().map_err(|error| Problem::toml(&error, text))?;
    let Some((last, tables)) = path.split_last() else { return Ok(text.to_owned()) };
    let mut item = document.as_item_mut();
    for part in tables {
        match item.get_mut(part) {
            Some(inner) => item = inner,
            None => return Ok(text.to_owned()),
        }
    }
    match item.as_table_like_mut() {
        Some(table) => drop(table.remove(last)),
        None => return Err(not_a_table(path, tables.len())),
    }
    Ok(document.to_string())
}

fn is_a_table(path: &[String]) -> Problem {
    Problem::Shape(format!("{} is a table; name a key in it", path.join(".")))
}

fn not_a_table(path: &[String], depth: usize) -> Problem {
    Problem::Shape(format!(
        "{} is not a table, so {} cannot be in it",
        path[..depth].join("."),
        path.join(".")
    ))
}

/// The text of a file; a missing one is empty.
fn read(file: &Path) -> Result<String, EditError> {
    let unreadable = |source| EditError::Unreadable { file: file.to_owned(), source };
    match std::fs::read(file).map(String::from_utf8) {
        Ok(Ok(text)) => Ok(text),
        Ok(Err(error)) => {
            Err(unreadable(std::io::Error::new(std::io::ErrorKind::InvalidData, error.utf8_error())))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(source) => Err(unreadable(source)),
    }
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
