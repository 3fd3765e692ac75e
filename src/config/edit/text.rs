//! Edits of TOML text by position: a line more, a line less, a value in place of another. What is
//! not meant stays byte for byte, whatever its line ends and comments.

use std::ops::Range;
use std::path::Path;

use toml_edit::{Document, Item, Key, Table, Value};

use super::{EditError, dotted, inline, list};

/// Why a text cannot be edited.
#[derive(Debug)]
pub(super) enum Problem {
    Toml { line: usize, message: String },
    Shape(String),
}

impl Problem {
    pub(super) fn toml(error: &toml_edit::TomlError, text: &str) -> Problem {
        let offset = error.span().map_or(0, |span| span.start).min(text.len());
        let line = 1 + text.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count();
        Problem::Toml { line, message: error.message().replace('\n', ", ") }
    }

    pub(super) fn at(self, file: &Path) -> EditError {
        let file = file.to_owned();
        match self {
            Problem::Toml { line, message } => EditError::Invalid { file, line, message },
            Problem::Shape(problem) => EditError::Shape { file, problem },
        }
    }
}

pub(super) fn is_a_table(path: &[String]) -> Problem {
    Problem::Shape(format!("{} is a table; name a key in it", dotted(path)))
}

pub(super) fn not_a_table(path: &[String], depth: usize) -> Problem {
    Problem::Shape(format!(
        "{} is not a table, so {} cannot be in it; take it out first",
        dotted(&path[..depth]),
        dotted(path)
    ))
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    /// `[table]`
    Header,
    /// `[[table]]`
    Element,
    /// `key = value`: where its last part and its value stand.
    Assignment { key: Range<usize>, value: Range<usize>, is_table: bool },
}

/// What stands on lines of its own.
#[derive(Debug, Clone)]
struct Statement {
    path: Vec<String>,
    /// Whole lines, the newline included.
    lines: Range<usize>,
    kind: Kind,
}

/// The statements of a text, in its order.
struct Map<'a> {
    text: &'a str,
    statements: Vec<Statement>,
}

impl<'a> Map<'a> {
    fn of(text: &'a str) -> Result<Map<'a>, Problem> {
        let document = Document::parse(text).map_err(|error| Problem::toml(&error, text))?;
        let mut map = Map { text, statements: Vec::new() };
        map.walk(document.as_table(), &mut Vec::new());
        map.statements.sort_by_key(|statement| statement.lines.start);
        Ok(map)
    }

    fn walk(&mut self, table: &Table, path: &mut Vec<String>) {
        for (name, item) in table {
            path.push(name.to_owned());
            match item {
                Item::None => {}
                Item::Value(value) => {
                    let key = table.key(name).and_then(Key::span);
                    if let (Some(key), Some(span)) = (key, value.span()) {
                        let is_table = matches!(value, Value::InlineTable(_));
                        let lines = self.lines(key.start..span.end);
                        self.push(path, lines, Kind::Assignment { key, value: span, is_table });
                    }
                }
                Item::Table(inner) => self.header(inner, path, Kind::Header),
                Item::ArrayOfTables(tables) => {
                    for inner in tables {
                        self.header(inner, path, Kind::Element);
                    }
                }
            }
            path.pop();
        }
    }

    fn header(&mut self, table: &Table, path: &mut Vec<String>, kind: Kind) {
        // The span of a table that is only implied is that of a key.
        if let Some(span) = table.span().filter(|span| self.text[span.clone()].starts_with('[')) {
            let lines = self.lines(span);
            self.push(path, lines, kind);
        }
        self.walk(table, path);
    }

    fn push(&mut self, path: &[String], lines: Range<usize>, kind: Kind) {
        self.statements.push(Statement { path: path.to_vec(), lines, kind });
    }

    fn lines(&self, range: Range<usize>) -> Range<usize> {
        let start = self.text[..range.start].rfind('\n').map_or(0, |newline| newline + 1);
        let end = self.text[range.end..].find('\n').map_or(self.text.len(), |at| range.end + at + 1);
        start..end
    }

    /// The assignment that sets `path`, or that holds it in `{ … }`.
    fn holder(&self, path: &[String]) -> Option<&Statement> {
        self.statements.iter().find(|statement| {
            matches!(statement.kind, Kind::Assignment { .. }) && path.starts_with(&statement.path)
        })
    }

    /// A key in a `[[list]]` of tables says not which of them is meant.
    fn no_list(&self, path: &[String]) -> Result<(), Problem> {
        let above = |statement: &&Statement| {
            statement.kind == Kind::Element
                && path.starts_with(&statement.path)
                && path.len() > statement.path.len()
        };
        match self.statements.iter().find(above) {
            Some(list) => Err(not_a_table(path, list.path.len())),
            None => Ok(()),
        }
    }

    /// The statements under a header, which stands at `index`; the head of the file for `None`.
    fn section(&self, index: Option<usize>) -> &[Statement] {
        let start = index.map_or(0, |index| index + 1);
        let length = self.statements[start..]
            .iter()
            .take_while(|statement| matches!(statement.kind, Kind::Assignment { .. }))
            .count();
        &self.statements[start..start + length]
    }

    /// The end of the last line of a section that is no comment.
    fn section_end(&self, index: Option<usize>) -> Option<usize> {
        let header = index.map(|index| self.statements[index].lines.end);
        self.section(index).last().map(|last| last.lines.end).or(header)
    }

    fn first_header(&self) -> Option<usize> {
        self.statements.iter().position(|statement| !matches!(statement.kind, Kind::Assignment { .. }))
    }
}

/// Sets a key to a value, given as TOML.
pub(super) fn set(text: &str, path: &[String], value: &str) -> Result<String, Problem> {
    let map = Map::of(text)?;
    map.no_list(path)?;
    if let Some(statement) = map.holder(path)
        && let Kind::Assignment { value: old, is_table, .. } = &statement.kind
    {
        let depth = statement.path.len();
        return match (depth == path.len(), is_table) {
            (true, true) => Err(is_a_table(path)),
            (true, false) => Ok(inline::splice(text, old.clone(), &in_place(&text[old.clone()], value))),
            (false, true) => inline::set(text, old.clone(), path, depth, value),
            (false, false) => Err(not_a_table(path, depth)),
        };
    }
    if map.statements.iter().any(|statement| statement.path.starts_with(path)) {
        return Err(is_a_table(path));
    }
    Ok(insert(&map, path, value))
}

/// What stands in the place of the value `old`.
pub(super) fn in_place(old: &str, new: &str) -> String {
    let list = match new.parse() {
        Ok(Value::Array(items)) if old.starts_with('[') => list::with_items(old, &items),
        _ => None,
    };
    list.unwrap_or_else(|| new.to_owned())
}

fn insert(map: &Map<'_>, path: &[String], value: &str) -> String {
    let parent = &path[..path.len().saturating_sub(1)];
    let line = |from: usize| format!("{} = {value}", dotted(&path[from..]));
    let header = map
        .statements
        .iter()
        .position(|statement| statement.kind == Kind::Header && statement.path == parent);
    if let Some(end) = header.and_then(|header| map.section_end(Some(header))) {
        return put(map.text, end, &line(parent.len()));
    }
    // A table that dotted keys have begun cannot get a header; it goes on where it stands.
    for length in (1..=parent.len()).rev() {
        let begun = map.statements.iter().rposition(|statement| {
            matches!(statement.kind, Kind::Assignment { .. })
                && statement.path.len() > length
                && statement.path.starts_with(&path[..length])
        });
        let Some(index) = begun else { continue };
        let above = map.statements[..index]
            .iter()
            .rfind(|statement| !matches!(statement.kind, Kind::Assignment { .. }));
        let from = above.map_or(0, |header| header.path.len());
        if from < length {
            return put(map.text, map.statements[index].lines.end, &line(from));
        }
    }
    if parent.is_empty() {
        return at_the_head(map, &line(0));
    }
    let table = format!("[{}]{}{}", dotted(parent), newline(map.text), line(parent.len()));
    put_table(map, path, &table)
}

/// A key of no table stands before all headers.
fn at_the_head(map: &Map<'_>, line: &str) -> String {
    if let Some(end) = map.section_end(None) {
        return put(map.text, end, line);
    }
    match map.first_header() {
        Some(header) => {
            let at = comment_above(map.text, map.statements[header].lines.start);
            put(map.text, at, &format!("{line}{}", newline(map.text)))
        }
        None => put_at_the_end(map.text, line),
    }
}

/// A new table stands behind its nearest relative, or at the end.
fn put_table(map: &Map<'_>, path: &[String], table: &str) -> String {
    let relative = (1..path.len()).rev().find_map(|length| {
        map.statements.iter().rposition(|statement| {
            statement.kind == Kind::Header && statement.path.starts_with(&path[..length])
        })
    });
    let Some(end) = relative.and_then(|header| map.section_end(Some(header))) else {
        return put_at_the_end(map.text, table);
    };
    let next = map.statements.iter().map(|s| s.lines.start).find(|start| *start >= end);
    let limit = next.map_or(map.text.len(), |start| comment_above(map.text, start));
    // Comments that follow at once are the relative's.
    let mut at = end;
    for line in map.text[end..limit.max(end)].split_inclusive('\n') {
        if line.trim().is_empty() {
            break;
        }
        at += line.len();
    }
    if map.text[at..].trim().is_empty() {
        return put_at_the_end(map.text, table);
    }
    let newline = newline(map.text);
    let gap = if map.text[at..].starts_with(['\n', '\r']) { "" } else { newline };
    put(map.text, at, &format!("{newline}{table}{gap}"))
}

fn put_at_the_end(text: &str, new: &str) -> String {
    let newline = newline(text);
    let blank = text.trim().is_empty() || text.ends_with("\n\n") || text.ends_with("\n\r\n");
    let gap = if blank { "" } else { newline };
    put(text, text.len(), &format!("{gap}{new}"))
}

/// Puts lines before the line that starts at `at`.
fn put(text: &str, at: usize, lines: &str) -> String {
    let newline = newline(text);
    let before = &text[..at];
    let end = if before.is_empty() || before.ends_with('\n') { "" } else { newline };
    format!("{before}{end}{lines}{newline}{}", &text[at..])
}

/// Where the comment that stands directly above a line begins.
fn comment_above(text: &str, line: usize) -> usize {
    let mut at = line;
    while let Some(above) = text[..at].strip_suffix('\n') {
        let start = above.rfind('\n').map_or(0, |newline| newline + 1);
        if !above[start..].trim_start().starts_with('#') {
            break;
        }
        at = start;
    }
    at
}

/// The line end of a file: that of its first line.
fn newline(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// Takes a key or a whole table out. Comments above it stay: they may be about more than this key.
/// Comments between the header of a table and its last key go with it.
pub(super) fn remove(text: &str, path: &[String]) -> Result<String, Problem> {
    let map = Map::of(text)?;
    map.no_list(path)?;
    if let Some(statement) = map.holder(path)
        && statement.path.len() < path.len()
        && let Kind::Assignment { value, is_table, .. } = &statement.kind
    {
        let depth = statement.path.len();
        if !is_table {
            return Err(not_a_table(path, depth));
        }
        return inline::remove(text, value.clone(), path, depth);
    }
    let mut cuts: Vec<Range<usize>> = Vec::new();
    for (index, statement) in map.statements.iter().enumerate() {
        if !statement.path.starts_with(path) {
            continue;
        }
        let mut lines = statement.lines.clone();
        if !matches!(statement.kind, Kind::Assignment { .. }) {
            lines.end = map.section_end(Some(index)).unwrap_or(lines.end);
            lines.start = blank_above(text, &lines);
        }
        match cuts.last_mut() {
            Some(last) if lines.start <= last.end => last.end = last.end.max(lines.end),
            _ => cuts.push(lines),
        }
    }
    let mut left = text.to_owned();
    for cut in cuts.into_iter().rev() {
        left.replace_range(cut, "");
    }
    Ok(left)
}

/// Of two blank lines that would meet where a table was, one goes with it.
fn blank_above(text: &str, table: &Range<usize>) -> usize {
    let after = text[table.end..].lines().next().is_none_or(|line| line.trim().is_empty());
    let above = text[..table.start].strip_suffix('\n').map(|above| {
        let start = above.rfind('\n').map_or(0, |newline| newline + 1);
        (start, above[start..].trim().is_empty())
    });
    match above {
        Some((start, true)) if after => start,
        _ => table.start,
    }
}

/// Gives the last part of a key another spelling: `codex` becomes `codex.models`.
pub(super) fn rename(text: &str, path: &[String], to: &[String]) -> Result<String, Problem> {
    let map = Map::of(text)?;
    let Some(statement) = map.holder(path) else { return Ok(text.to_owned()) };
    match &statement.kind {
        Kind::Assignment { key, .. } if statement.path.len() == path.len() => {
            Ok(format!("{}{}{}", &text[..key.start], dotted(to), &text[key.end..]))
        }
        Kind::Assignment { value, is_table: true, .. } => {
            inline::rename(text, value.clone(), path, statement.path.len(), to)
        }
        _ => Err(not_a_table(path, statement.path.len())),
    }
}
