//! A Markdown checklist.

use super::{Import, ImportError, NewLap, numbered, one_line};

/// Columns that a tab counts for.
const TAB: usize = 4;

/// The start of an item.
struct Item<'a> {
    /// Columns before its marker.
    indent: usize,
    checked: bool,
    title: &'a str,
}

/// An item that is being read.
struct Open {
    indent: usize,
    /// `None` for one that is left out.
    title: Option<String>,
    assignee: Option<String>,
    /// Lines below it, as written.
    below: Vec<String>,
}

/// Reads the unchecked items of a checklist: `- [ ] title @role`, also with `*`, `+`, `1.` or `1)`. Lines below an item
/// that are indented further are its description, items among them included, without those that are checked.
/// Headings, prose and what stands in fenced code are no items.
pub fn markdown(text: &str) -> Result<Import, ImportError> {
    let mut import = Import::default();
    let mut open: Option<Open> = None;
    // Columns of a checked item inside of an open one: what stands below it is left out with it.
    let mut skipped: Option<usize> = None;
    let mut fence: Option<&str> = None;
    for (number, line) in numbered(text) {
        let indent = indentation(line);
        let belongs = open.as_ref().is_some_and(|open| line.trim().is_empty() || indent > open.indent);
        if !belongs {
            let had = open.take();
            skipped = None;
            // Code that begins inside an item ends with it.
            if had.is_some() {
                fence = None;
            }
            close(&mut import, had);
        }
        let in_code = fence.is_some();
        fence = after_fence(fence, line);
        let item = if in_code { None } else { item(line) };
        if let Some(item) = &item
            && !item.checked
            && title_and_role(item.title).0.is_empty()
        {
            return Err(ImportError::NoTitle { line: number });
        }
        match (&mut open, item) {
            (None, Some(item)) => open = Some(begin(&mut import, &item)),
            (None, None) => {}
            (Some(open), item) => {
                if !line.trim().is_empty() && skipped.is_some_and(|columns| indent <= columns) {
                    skipped = None;
                }
                if item.is_some_and(|item| item.checked) && open.title.is_some() && skipped.is_none() {
                    import.done += 1;
                    skipped = Some(indent);
                }
                if skipped.is_none() {
                    open.below.push(line.to_owned());
                }
            }
        }
    }
    close(&mut import, open);
    match import.laps.is_empty() && import.done == 0 {
        true => Err(ImportError::NoItems),
        false => Ok(import),
    }
}

fn begin(import: &mut Import, item: &Item<'_>) -> Open {
    import.done += usize::from(item.checked);
    let (title, assignee) = title_and_role(item.title);
    Open { indent: item.indent, title: (!item.checked).then_some(title), assignee, below: Vec::new() }
}

fn close(import: &mut Import, open: Option<Open>) {
    if let Some(Open { title: Some(title), assignee, below, .. }) = open {
        import.laps.push(NewLap { title, description: dedented(&below), assignee });
    }
}

/// Reads a line as the start of an item.
fn item(line: &str) -> Option<Item<'_>> {
    let rest = line.trim_start();
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let after_marker = match digits {
        0 => rest.strip_prefix(['-', '*', '+'])?,
        1..=9 => rest[digits..].strip_prefix(['.', ')'])?,
        _ => return None,
    };
    let boxed = after_marker.trim_start();
    if boxed.len() == after_marker.len() {
        return None;
    }
    let inside = boxed.strip_prefix('[')?;
    let (checked, title) = [("x]", true), ("X]", true), (" ]", false), ("]", false)]
        .into_iter()
        .find_map(|(mark, checked)| Some((checked, inside.strip_prefix(mark)?)))?;
    let ends_there = title.is_empty() || title.starts_with(char::is_whitespace);
    ends_there.then_some(Item { indent: indentation(line), checked, title })
}

/// Parts `title @role`. A title that is nothing but a role is a title.
fn title_and_role(text: &str) -> (String, Option<String>) {
    let title = one_line(text);
    let is_role = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    match title.rsplit_once(" @") {
        Some((title, role)) if is_role(role) => (title.to_owned(), Some(role.to_owned())),
        _ => (title, None),
    }
}

/// The fence that is open after a line: three or more backticks or tildes.
fn after_fence<'a>(open: Option<&'a str>, line: &'a str) -> Option<&'a str> {
    let rest = line.trim_start();
    let run = |mark: char| &rest[..rest.len() - rest.trim_start_matches(mark).len()];
    let found = [run('`'), run('~')].into_iter().find(|run| run.len() >= 3);
    match (open, found) {
        (None, found) => found,
        (Some(open), Some(found)) if found.starts_with(open) && rest.trim_end() == found => None,
        (Some(open), _) => Some(open),
    }
}

/// Columns of white space before a line.
fn indentation(line: &str) -> usize {
    let mut columns = 0;
    for c in line.chars() {
        match c {
            ' ' => columns += 1,
            '\t' => columns = (columns / TAB + 1) * TAB,
            _ => break,
        }
    }
    columns
}

/// Lines without the indentation that all of them share, and without blank lines around.
fn dedented(lines: &[String]) -> String {
    let filled = || lines.iter().filter(|line| !line.trim().is_empty());
    let shared = filled().map(|line| indentation(line)).min().unwrap_or(0);
    let cut = |line: &String| {
        let columns = indentation(line).saturating_sub(shared);
        let text = line.trim_start_matches([' ', '\t']).trim_end();
        if text.is_empty() { String::new() } else { " ".repeat(columns) + text }
    };
    lines.iter().map(cut).collect::<Vec<_>>().join("\n").trim_matches('\n').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Title, description, assignee.
    fn laps(text: &str) -> Vec<(String, String, Option<String>)> {
        let laps = markdown(text).unwrap().laps;
        laps.into_iter().map(|lap| (lap.title, lap.description, lap.assignee)).collect()
    }

    fn lap(title: &str, description: &str) -> (String, String, Option<String>) {
        (title.to_owned(), description.to_owned(), None)
    }

    #[test]
    fn items_become_laps_in_order() {
        let text = "\u{feff}# Plan\r\n\r\nSome prose, and a list:\r\n- not an item\r\n\r\n- [ ] One\r\n* [ ]  Two  lines \r\n+ [ ] Three\r\n1. [ ] Four\r\n22) [ ] Five\r\n";
        let titles: Vec<_> = laps(text).into_iter().map(|lap| lap.0).collect();
        assert_eq!(titles, ["One", "Two lines", "Three", "Four", "Five"]);
    }

    #[test]
    fn what_is_indented_below_describes() {
        let text = "- [ ] One\n  first\n\n    code\n  last\n\nprose\n\n- [ ] Two\n\t- a\n\t\t- b\n## Heading\n- [ ] Three\nnot mine\n";
        let expected = [lap("One", "first\n\n  code\nlast"), lap("Two", "- a\n    - b"), lap("Three", "")];
        assert_eq!(laps(text), expected);
    }

    #[test]
    fn checked_items_are_left_out_with_what_is_below() {
        let text = "- [x] Done\n  about it\n  - [ ] not either\n- [ ] Open\n  - [ ] part\n  - [X] done part\n    about it\n  - more\n";
        let import = markdown(text).unwrap();
        assert_eq!(import.done, 2);
        assert_eq!(laps(text), [lap("Open", "- [ ] part\n- more")]);
        let all_done = markdown("- [x] Done\n").unwrap();
        assert_eq!((all_done.laps.len(), all_done.done), (0, 1));
    }

    #[test]
    fn roles_end_a_title() {
        let cases = [
            ("Fix it @senior", "Fix it", Some("senior")),
            ("Mail bob@example.org", "Mail bob@example.org", None),
            ("Use @decorators here", "Use @decorators here", None),
            ("@ui", "@ui", None),
            ("Fix it @", "Fix it @", None),
            ("Fix it  @ui-2 ", "Fix it", Some("ui-2")),
        ];
        for (text, title, role) in cases {
            let found = laps(&format!("- [ ] {text}"));
            assert_eq!(found, [(title.to_owned(), String::new(), role.map(str::to_owned))], "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_an_item_is_none() {
        let cases =
            ["", " \n", "# Plan\n", "- item\n", "-[ ] x\n", "- [ ]x\n", "- [y] x\n", "```\n- [ ] x\n```\n"];
        for text in cases {
            assert_eq!(markdown(text), Err(ImportError::NoItems), "{text}");
        }
        let coded = "- [ ] One\n  ```\n  - [x] code\n  ```\n- [ ] Two\n";
        assert_eq!(laps(coded), [lap("One", "```\n- [x] code\n```"), lap("Two", "")]);
        // A link is not a box.
        assert_eq!(markdown("- [x](there)\n"), Err(ImportError::NoItems));
    }

    #[test]
    fn an_item_needs_a_title() {
        for (text, line) in [("- [ ]\n", 1), ("# Plan\n\n- [ ] One\n  - [ ]  \n", 4)] {
            assert_eq!(markdown(text), Err(ImportError::NoTitle { line }), "{text}");
        }
    }
}
