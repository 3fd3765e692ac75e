//! What the program prints, as JSON or as text.

use serde_json::{Map, Value, json};

use crate::laps::{Lap, NewLap};

/// Where the text of a claim ends and the hint begins.
const HINT: &str = "\n-----\nNot the lap you intended";

/// An entry of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) lap: Lap,
    pub(super) done: bool,
    /// The stint that stands here instead of a lap.
    pub(super) stint: Option<String>,
}

/// A key in whatever case.
pub(super) fn key<'a>(object: &'a Map<String, Value>, name: &str) -> &'a Value {
    let found = object
        .get(name)
        .or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value));
    found.unwrap_or(&Value::Null)
}

/// An entry, as it stands in a file or in an answer.
pub(super) fn entry(value: &Value) -> Option<Entry> {
    let object = value.as_object()?;
    let text = |name| key(object, name).as_str().unwrap_or_default().to_owned();
    let assignee = text("assignee").trim().to_owned();
    let lap = Lap {
        id: text("id"),
        title: text("title"),
        description: text("description"),
        assignee: (!assignee.is_empty()).then_some(assignee),
    };
    let done = key(object, "isDone") == &Value::Bool(true) || !text("completedAt").trim().is_empty();
    let stint = (text("kind") == "stint").then(|| text("ref"));
    (!lap.id.is_empty()).then_some(Entry { lap, done, stint })
}

/// The entries of a queue: `{"tasks": […]}`.
pub(super) fn entries(text: &str) -> Option<Vec<Entry>> {
    let value: Value = serde_json::from_str(text).ok()?;
    let tasks = key(value.as_object()?, "tasks").as_array()?;
    tasks.iter().map(entry).collect()
}

/// The lap of `{"task": …}` with or without `claimedId`.
pub(super) fn handed_out(text: &str) -> Option<Lap> {
    let value: Value = serde_json::from_str(text).ok()?;
    let mut lap = entry(&value["task"])?.lap;
    if let Some(id) = value["claimedId"].as_str() {
        lap.id = id.to_owned();
    }
    Some(lap)
}

/// A lap as text, without its id: title, perhaps an assignee, an empty line, the description. One line is a
/// title.
pub(super) fn from_text(text: &str) -> Option<Lap> {
    let text = text.find(HINT).map_or(text, |at| &text[..at]);
    let text = text.strip_suffix('\n').unwrap_or(text);
    let (title, mut rest) = text.split_once('\n').unwrap_or((text, ""));
    let mut assignee = None;
    if let Some(line) = rest.strip_prefix("Assignee:") {
        let (who, behind) = line.split_once('\n').unwrap_or((line, ""));
        assignee = Some(who.trim().to_owned()).filter(|who| !who.is_empty());
        rest = behind;
    }
    let description = rest.strip_prefix('\n').unwrap_or(rest);
    let lap = Lap {
        id: String::new(),
        title: title.to_owned(),
        description: description.trim_end_matches('\n').to_owned(),
        assignee,
    };
    (!title.trim().is_empty()).then_some(lap)
}

/// The entries of a list of one line each; `None` when a line is none.
pub(super) fn entries_of_text(text: &str) -> Option<Vec<Entry>> {
    text.lines().filter(|line| !line.trim().is_empty()).map(entry_of_text).collect()
}

fn entry_of_text(line: &str) -> Option<Entry> {
    let (number, rest) = line.split_once(". ")?;
    number.trim().parse::<usize>().ok()?;
    if let Some((name, _)) = rest.split_once("/ (stint - ") {
        let lap =
            Lap { id: name.to_owned(), title: name.to_owned(), description: String::new(), assignee: None };
        return Some(Entry { lap, done: false, stint: Some(name.to_owned()) });
    }
    let struck = rest.strip_prefix("~~").and_then(|rest| rest.strip_suffix("~~"));
    let (id, title) = struck.unwrap_or(rest).split_once(" \u{2014} ")?;
    let (title, assignee) = match title.strip_suffix(')').and_then(|title| title.rsplit_once(" (assignee: "))
    {
        Some((title, assignee)) => (title, Some(assignee.to_owned())),
        None => (title, None),
    };
    let lap = Lap { id: id.to_owned(), title: title.to_owned(), description: String::new(), assignee };
    Some(Entry { lap, done: struck.is_some(), stint: None })
}

/// The ids of what was added, in order.
pub(super) fn ids(text: &str) -> Vec<String> {
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        let one = value.get("task").into_iter();
        let all = one.chain(value["tasks"].as_array().into_iter().flatten());
        return all.filter_map(|task| task["id"].as_str()).map(ToOwned::to_owned).collect();
    }
    let is_id = |line: &&str| {
        line.split_once('-').is_some_and(|(prefix, hex)| {
            prefix.len() == 4 && hex.len() >= 4 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    };
    text.lines().map(str::trim).filter(is_id).map(ToOwned::to_owned).collect()
}

/// A lap as the program takes it.
pub(super) fn item(lap: &NewLap) -> Value {
    json!({ "title": lap.title, "description": lap.description, "assignee": lap.assignee.as_deref().unwrap_or("") })
}

/// What an error says, out of its JSON.
pub(super) fn complaint(stderr: &str) -> String {
    let said = stderr.lines().find_map(|line| {
        let value: Value = serde_json::from_str(line).ok()?;
        Some(value["error"].as_str()?.to_owned())
    });
    said.unwrap_or_else(|| stderr.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    // 30-199, 30-L13
    #[test]
    fn a_lap_is_read_from_text() {
        let hint = "\n\n-----\nNot the lap you intended? Use `laps claim undo`.\n";
        for (text, title, assignee, description) in [
            ("Title\n\nText\n".to_owned(), "Title", None, "Text"),
            (
                "Title\nAssignee: dev\n\nText\nmore\n\nend\n".to_owned(),
                "Title",
                Some("dev"),
                "Text\nmore\n\nend",
            ),
            ("Title\n\n\n".to_owned(), "Title", None, ""),
            ("Title\nAssignee: dev\n\n\n".to_owned(), "Title", Some("dev"), ""),
            (format!("Title\nAssignee: dev\n\nText{hint}"), "Title", Some("dev"), "Text"),
            (format!("Title\n\n{hint}"), "Title", None, ""),
            ("Title\n".to_owned(), "Title", None, ""),
            ("Title".to_owned(), "Title", None, ""),
        ] {
            let lap = from_text(&text).unwrap();
            let read = (lap.title.as_str(), lap.assignee.as_deref(), lap.description.as_str());
            assert_eq!(read, (title, assignee, description), "{text:?}");
        }
        assert_eq!(from_text(""), None);
        assert_eq!(from_text(" \n"), None);
    }

    // 30-L11
    #[test]
    fn a_list_is_read_from_text() {
        let text =
            "1. a-1 \u{2014} One (x) (assignee: dev)\n2. auth/ (stint - 2 laps)\n3. ~~a-2 \u{2014} Two~~\n";
        let entries = entries_of_text(text).unwrap();
        let read: Vec<_> = entries.iter().map(|entry| (entry.lap.title.as_str(), entry.done)).collect();
        assert_eq!(read, [("One (x)", false), ("auth", false), ("Two", true)]);
        assert_eq!(entries[0].lap.assignee.as_deref(), Some("dev"));
        assert_eq!(entries[1].stint.as_deref(), Some("auth"));
        assert_eq!(entries_of_text("hello\n"), None);
        assert_eq!(entries_of_text("\n"), Some(Vec::new()));
    }

    // 30-L9
    #[test]
    fn ids_are_not_taken_from_chatter() {
        assert_eq!(ids("note: saved\nproj-12ab\nproj-34cd5\n"), ["proj-12ab", "proj-34cd5"]);
        assert_eq!(ids(r#"{"task":{"id":"a-1"}}"#), ["a-1"]);
        assert_eq!(ids(r#"{"tasks":[{"id":"a-1"},{"id":"a-2"}]}"#), ["a-1", "a-2"]);
    }
}
