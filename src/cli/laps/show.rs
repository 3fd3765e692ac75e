//! What the commands print for people, and for programs that read the text.

use crate::laps::file::json::{Json, Node};
use crate::laps::file::{Count, Entry, Kind};

/// The text of `get`, without its last new line.
pub fn lap(entry: &Entry) -> String {
    match entry.kind {
        Kind::Stint => format!("{}/ (stint)", entry.stint),
        Kind::Lap if entry.assignee.is_empty() => format!("{}\n\n{}", entry.title, entry.description),
        Kind::Lap => format!("{}\nAssignee: {}\n\n{}", entry.title, entry.assignee, entry.description),
    }
}

/// The text of `claim`. What follows the last blank line is cut off by programs.
pub fn claimed(entry: &Entry) -> String {
    format!("{}\n\n-----\nNot the lap you intended? Give it back with `laps claim undo`.\n", lap(entry))
}

/// The text of `done`: its first line is the title.
pub fn done(entry: &Entry) -> String {
    format!("{}\n\n-----\nDone too early? Reopen it with `laps done undo`.\n", entry.title)
}

/// How a list looks.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// One line for each entry.
    pub oneline: bool,
    /// The claimed lap of this file; empty without one.
    pub claimed: &'a str,
}

/// The lines of one entry. `laps` is how many a stint has, if that can be said.
pub fn entry(entry: &Entry, number: usize, look: Look<'_>, laps: Option<usize>) -> Vec<String> {
    let lead = format!("{number}. ");
    let struck = |text: &str| if entry.is_done { format!("~~{text}~~") } else { text.to_owned() };
    let title = one_line(&entry.title);
    if entry.kind == Kind::Stint {
        let count = laps.map_or("?".to_owned(), |count| count.to_string());
        return vec![format!("{lead}{}", struck(&format!("{}/ (stint - {count} laps)", entry.stint)))];
    }
    if look.oneline {
        let role = match entry.assignee.as_str() {
            "" => String::new(),
            role => format!(" (assignee: {})", one_line(role)),
        };
        return vec![format!("{lead}{}", struck(&format!("{} — {title}{role}", entry.id)))];
    }
    let mark = if entry.id == look.claimed { "> " } else { "" };
    let role = if entry.assignee.is_empty() { "—".to_owned() } else { one_line(&entry.assignee) };
    let state = if entry.is_done { "done" } else { "todo" };
    vec![
        format!("{lead}{mark}{}", struck(&title)),
        format!("{:width$}{} · {role} · {state}", "", entry.id, width = lead.len()),
    ]
}

/// A title of somebody else may have several lines, but a list has one for each.
pub fn one_line(text: &str) -> String {
    text.split(char::is_control).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The text of `count`, without its last new line.
pub fn counts(counts: &[Count]) -> String {
    let done: usize = counts.iter().map(|count| count.complete).sum();
    let total: usize = counts.iter().map(|count| count.complete + count.incomplete).sum();
    let mut lines = vec![format!("Laps done: {done} out of {total}"), String::new()];
    lines.push(if total == 0 { "No tasks found." } else { "By role:" }.to_owned());
    lines.extend(counts.iter().map(|count| {
        format!("- {}: {} complete, {} incomplete", count.assignee, count.complete, count.incomplete)
    }));
    lines.join("\n")
}

/// The JSON of `count`.
pub fn counts_json(counts: &[Count]) -> Node {
    let done = counts.iter().map(|count| count.complete).sum();
    let total = counts.iter().map(|count| count.complete + count.incomplete).sum();
    let row = |count: &Count| {
        Node::object([
            ("assignee", count.assignee.as_str().into()),
            ("complete", number(count.complete)),
            ("incomplete", number(count.incomplete)),
        ])
    };
    Node::object([
        ("breakdown", array(counts.iter().map(row))),
        ("done", number(done)),
        ("total", number(total)),
    ])
}

/// A list of JSON values.
pub fn array(items: impl Iterator<Item = Node>) -> Node {
    Json::Array(items.collect()).into()
}

/// A count.
pub fn number(count: usize) -> Node {
    i64::try_from(count).unwrap_or(i64::MAX).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laps::file::TaskFile;

    fn some(title: &str, assignee: &str, is_done: bool) -> Entry {
        let text = r#"{"version":2,"tasks":[{"id":"work-1a2b","description":"all of it"}]}"#;
        let mut entry = TaskFile::parse(text.as_bytes()).unwrap().unwrap().entries.remove(0);
        (entry.title, entry.assignee, entry.is_done) = (title.to_owned(), assignee.to_owned(), is_done);
        entry
    }

    // 40 section 7.2, 7.3, 7.4
    #[test]
    fn the_forms_that_programs_cut() {
        assert_eq!(lap(&some("Write it", "", false)), "Write it\n\nall of it");
        let text = claimed(&some("Write it", "developer", false));
        let (task, hint) = text.split_once("\n\n-----\nNot the lap you intended").unwrap();
        assert_eq!(task, "Write it\nAssignee: developer\n\nall of it");
        assert!(hint.contains("laps claim undo"), "{hint}");
        assert!(done(&some("Write it", "", true)).starts_with("Write it\n\n-----\n"));
    }

    // 40 section 7.5
    #[test]
    fn lists() {
        let look = |oneline, claimed| Look { oneline, claimed };
        let table = [
            (some("A", "", false), look(true, ""), "1. work-1a2b — A"),
            (some("A", "dev", true), look(true, ""), "1. ~~work-1a2b — A (assignee: dev)~~"),
            (some("A\nB", "", false), look(true, ""), "1. work-1a2b — A B"),
            (some("A", "", false), look(false, "work-1a2b"), "1. > A\n   work-1a2b · — · todo"),
            (some("A", "dev", true), look(false, ""), "1. ~~A~~\n   work-1a2b · dev · done"),
        ];
        for (lap, look, wanted) in table {
            assert_eq!(entry(&lap, 1, look, None).join("\n"), wanted);
        }
        let mut stint = some("auth", "", false);
        (stint.kind, stint.stint) = (Kind::Stint, "auth".to_owned());
        assert_eq!(entry(&stint, 2, look(true, ""), Some(3)), ["2. auth/ (stint - 3 laps)"]);
        assert_eq!(entry(&stint, 2, look(false, ""), None), ["2. auth/ (stint - ? laps)"]);
    }
}
