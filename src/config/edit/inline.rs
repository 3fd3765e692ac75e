//! Edits inside of `{ … }`, by position, so that everything around them stays as it is.

use std::ops::Range;

use toml_edit::{Document, Item, Value};

use super::dotted;
use super::text::{Problem, in_place, is_a_table, not_a_table};

/// `key = value` between two commas.
#[derive(Debug)]
struct Element {
    /// Without blanks and comments around it.
    range: Range<usize>,
    /// The comma behind it.
    comma: Option<usize>,
    path: Vec<String>,
    value: Range<usize>,
    is_table: bool,
}

/// Sets `path[depth..]` in the inline table at `table`. `path` is whole, for messages.
pub(super) fn set(
    text: &str,
    table: Range<usize>,
    path: &[String],
    depth: usize,
    value: &str,
) -> Result<String, Problem> {
    let rest = &path[depth..];
    let elements = elements(text, &table)?;
    for element in &elements {
        if element.path == rest {
            if element.is_table {
                return Err(is_a_table(path));
            }
            let value = in_place(&text[element.value.clone()], value);
            return Ok(splice(text, element.value.clone(), &value));
        }
        if element.path.starts_with(rest) {
            return Err(is_a_table(path));
        }
        if rest.starts_with(&element.path) {
            let depth = depth + element.path.len();
            if !element.is_table {
                return Err(not_a_table(path, depth));
            }
            return set(text, element.value.clone(), path, depth, value);
        }
    }
    let new = format!("{} = {value}", dotted(rest));
    Ok(match elements.last() {
        Some(last) => splice(text, last.range.end..last.range.end, &format!(", {new}")),
        None => splice(text, table, &format!("{{ {new} }}")),
    })
}

/// Takes `rest` out of the inline table at `table`; the text as it is when it is not there.
pub(super) fn remove(
    text: &str,
    table: Range<usize>,
    path: &[String],
    depth: usize,
) -> Result<String, Problem> {
    let rest = &path[depth..];
    let all = elements(text, &table)?;
    if let Some(element) =
        all.iter().find(|element| rest.starts_with(&element.path) && rest.len() > element.path.len())
    {
        let depth = depth + element.path.len();
        if !element.is_table {
            return Err(not_a_table(path, depth));
        }
        return remove(text, element.value.clone(), path, depth);
    }
    let Some(first) = all.iter().position(|element| element.path.starts_with(rest)) else {
        return Ok(text.to_owned());
    };
    let shorter = without(text, &all, first);
    // The closing brace moved; whatever else of the key there is, goes in the next round.
    let table = table.start..table.end - (text.len() - shorter.len());
    remove(&shorter, table, path, depth)
}

/// Takes out one element with one comma, and the line that is left blank.
fn without(text: &str, all: &[Element], index: usize) -> String {
    let element = &all[index];
    let blank = |range: Range<usize>| text[range].chars().all(|c| c == ' ' || c == '\t');
    let mut cuts = Vec::new();
    match (element.comma, index.checked_sub(1).map(|before| &all[before])) {
        (Some(comma), _) => {
            let next = all.get(index + 1).map_or(comma + 1, |next| next.range.start);
            let end = if blank(comma + 1..next) { next } else { comma + 1 };
            cuts.push(element.range.start..end);
        }
        (None, Some(before)) => {
            let comma = before.comma.unwrap_or(before.range.end);
            if blank(comma + 1..element.range.start) {
                cuts.push(comma..element.range.end);
            } else {
                cuts.extend([comma..comma + 1, element.range.clone()]);
            }
        }
        (None, None) => cuts.push(element.range.clone()),
    }
    for cut in &mut cuts {
        let start = text[..cut.start].rfind('\n').map_or(0, |newline| newline + 1);
        let end = text[cut.end..].find('\n').map(|at| cut.end + at + 1);
        if let Some(end) = end
            && start > 0
            && text[start..cut.start].trim().is_empty()
            && text[cut.end..end].trim().is_empty()
        {
            *cut = start..end;
        }
    }
    let mut left = text.to_owned();
    for cut in cuts.into_iter().rev() {
        left.replace_range(cut, "");
    }
    left
}

pub(super) fn splice(text: &str, range: Range<usize>, new: &str) -> String {
    format!("{}{new}{}", &text[..range.start], &text[range.end..])
}

/// Cuts an inline table at its commas. The text is known to be valid.
fn elements(text: &str, table: &Range<usize>) -> Result<Vec<Element>, Problem> {
    pieces(text, table).into_iter().map(|(range, comma)| element(text, range, comma)).collect()
}

/// What stands between the commas of `{ … }` or `[ … ]`, without blanks and comments around it, and
/// the comma behind it.
pub(super) fn pieces(text: &str, brackets: &Range<usize>) -> Vec<(Range<usize>, Option<usize>)> {
    let mut pieces = Vec::new();
    let end = brackets.end.saturating_sub(1);
    let mut at = skip(text, brackets.start + 1, end);
    while at < end {
        let start = at;
        let mut last = at;
        let mut depth = 0;
        while at < end {
            let next = token(text, at, end);
            match &text[at..next] {
                "," if depth == 0 => break,
                "{" | "[" => depth += 1,
                "}" | "]" => depth -= 1,
                _ => {}
            }
            let word = &text[at..next];
            if !word.trim().is_empty() && !word.starts_with('#') {
                last = next;
            }
            at = next;
        }
        pieces.push((start..last, (at < end).then_some(at)));
        at = skip(text, at + 1, end);
    }
    pieces
}

/// The end of the token at `at`: a string, a comment, or one character.
fn token(text: &str, at: usize, end: usize) -> usize {
    let rest = &text[at..end];
    let until = |from: usize, close: &str| {
        rest[from..].find(close).map_or(end, |found| at + from + found + close.len())
    };
    if rest.starts_with('#') {
        return rest.find('\n').map_or(end, |found| at + found);
    }
    if rest.starts_with("\"\"\"") || rest.starts_with("'''") {
        let quote = &rest[..3];
        let mut from = 3;
        while let Some(found) = rest[from..].find(quote) {
            let close = from + found;
            if quote == "'''" || !escaped(&rest[..close]) {
                // Up to two more quotes belong to the string.
                let more = rest[close + 3..].chars().take(2).take_while(|c| quote.starts_with(*c)).count();
                return at + close + 3 + more;
            }
            from = close + 1;
        }
        return end;
    }
    if rest.starts_with('\'') {
        return until(1, "'");
    }
    if rest.starts_with('"') {
        let mut from = 1;
        while let Some(found) = rest[from..].find('"') {
            if !escaped(&rest[..from + found]) {
                return at + from + found + 1;
            }
            from += found + 1;
        }
        return end;
    }
    at + rest.chars().next().map_or(1, char::len_utf8)
}

/// Whether what follows is escaped: an odd number of backslashes stands before it.
fn escaped(before: &str) -> bool {
    before.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// Past blanks, newlines and comments.
fn skip(text: &str, mut at: usize, end: usize) -> usize {
    while at < end {
        let next = token(text, at, end);
        let word = &text[at..next];
        if !word.trim().is_empty() && !word.starts_with('#') {
            return at;
        }
        at = next;
    }
    end
}

/// An element is a small document of its own.
fn element(text: &str, range: Range<usize>, comma: Option<usize>) -> Result<Element, Problem> {
    let own = &text[range.clone()];
    let document = Document::parse(own).map_err(|error| Problem::toml(&error, own))?;
    let mut item = document.as_item();
    let mut path = Vec::new();
    while let Item::Table(table) = item {
        let Some((key, inner)) = table.iter().next() else { break };
        path.push(key.to_owned());
        item = inner;
    }
    let value = item.span().unwrap_or_default();
    Ok(Element {
        value: range.start + value.start..range.start + value.end,
        is_table: matches!(item, Item::Value(Value::InlineTable(_))),
        range,
        comma,
        path,
    })
}

/// Gives the last part of `path` another spelling; the text as it is when it is not there.
pub(super) fn rename(
    text: &str,
    table: Range<usize>,
    path: &[String],
    depth: usize,
    to: &[String],
) -> Result<String, Problem> {
    let rest = &path[depth..];
    for element in elements(text, &table)? {
        if element.path == rest {
            let (_, above) = element.path.split_last().unwrap_or((&path[0], &[]));
            let spelled: Vec<String> = above.iter().chain(to).cloned().collect();
            let key = element.range.start..element.value.start;
            return Ok(splice(text, key, &format!("{} = ", dotted(&spelled))));
        }
        if rest.starts_with(&element.path) && element.is_table {
            return rename(text, element.value, path, depth + element.path.len(), to);
        }
    }
    Ok(text.to_owned())
}
