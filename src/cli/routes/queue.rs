//! Which roles the laps of a queue mention.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::complaint::Complaint;

/// The open laps of `.laps/laps.json` and of the stints beside it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Queue {
    /// `.laps/laps.json`.
    pub file: PathBuf,
    /// By lower-case role: how it is spelled first, and in how many laps.
    pub roles: BTreeMap<String, (String, usize)>,
}

impl Queue {
    /// Reads the queue; `None` when the workspace has none. Whoever wrote the file may know keys that
    /// this version does not: only `assignee` counts, wherever it stands.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or is no JSON object.
    pub fn read(workspace: &Path) -> Result<Option<Queue>, Complaint> {
        let folder = workspace.join(".laps");
        let file = folder.join("laps.json");
        let Some(root) = read(&file)? else { return Ok(None) };
        let mut queue = Queue { file, roles: BTreeMap::new() };
        queue.gather(&root);
        for stint in stints(&folder.join("stints"))? {
            if let Some(laps) = read(&stint)? {
                queue.gather(&laps);
            }
        }
        Ok(Some(queue))
    }

    fn gather(&mut self, value: &Value) {
        match value {
            Value::Object(object) if is_done(object) => {}
            Value::Object(object) => {
                for (key, value) in object {
                    match value {
                        Value::String(role) if key.eq_ignore_ascii_case("assignee") => self.mention(role),
                        other => self.gather(other),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.gather(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn mention(&mut self, role: &str) {
        let role = role.trim();
        if !role.is_empty() {
            self.roles.entry(role.to_lowercase()).or_insert_with(|| (role.to_owned(), 0)).1 += 1;
        }
    }
}

/// A lap that is done asks for nobody any more.
fn is_done(object: &serde_json::Map<String, Value>) -> bool {
    let field =
        |name: &str| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    match field("isDone") {
        Some(done) => *done == Value::Bool(true),
        None => matches!(field("completedAt"), Some(Value::String(_))),
    }
}

/// A queue's file; an empty one is an empty queue.
fn read(file: &Path) -> Result<Option<Value>, Complaint> {
    let text = match std::fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let message = format!("cannot be read: {error}; make it readable, or move .laps away");
            return Err(Complaint::of_file(file, None, message));
        }
    };
    if text.trim_ascii().is_empty() {
        return Ok(Some(Value::Null));
    }
    let wrong = |line, what: &str| {
        Complaint::of_file(file, line, format!("is no lap queue: {what}; mend it, or take it from git"))
    };
    match serde_json::from_slice(&text) {
        Ok(object @ Value::Object(_)) => Ok(Some(object)),
        Ok(_) => Err(wrong(Some(1), "it must hold one JSON object")),
        Err(error) => Err(wrong(Some(error.line().max(1)), &error.to_string())),
    }
}

/// The files of stints, sorted; the archived ones stand in a folder of their own.
fn stints(folder: &Path) -> Result<Vec<PathBuf>, Complaint> {
    let unreadable =
        |error: std::io::Error| Complaint::of_file(folder, None, format!("cannot be read: {error}"));
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        if path.to_string_lossy().ends_with(".laps.json") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(text: &str) -> Result<Option<Queue>, Complaint> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".laps")).unwrap();
        std::fs::write(folder.path().join(".laps/laps.json"), text).unwrap();
        Queue::read(folder.path())
    }

    // 10-12, D46: any depth, any key case, trimmed; what is done does not count
    #[test]
    fn roles_are_found_wherever_they_stand() {
        let text = r#"{"version": 2, "tasks": [
            {"id": "a-1", "assignee": " Senior ", "isDone": false},
            {"id": "a-2", "Assignee": "senior"},
            {"id": "a-3", "assignee": "junior", "isDone": true},
            {"id": "a-4", "assignee": "verify", "completedAt": "2026-11-23T00:00:00Z"},
            {"id": "a-5", "assignee": "verify", "completedAt": null, "isDone": false},
            {"id": "a-6", "assignee": ""}, {"id": "a-7", "assignee": 7},
            {"id": "a-8", "more": [{"deep": {"ASSIGNEE": "ui"}}]}]}"#;
        let roles = queue(text).unwrap().unwrap().roles;
        let found: Vec<(&str, &str, usize)> =
            roles.iter().map(|(key, (name, laps))| (key.as_str(), name.as_str(), *laps)).collect();
        assert_eq!(found, [("senior", "Senior", 2), ("ui", "ui", 1), ("verify", "verify", 1)]);
    }

    #[test]
    fn what_is_no_queue_is_an_error_with_a_line() {
        for empty in ["", " \n", "{}"] {
            assert_eq!(queue(empty).unwrap().unwrap().roles, BTreeMap::new(), "{empty:?}");
        }
        for (text, line) in [("{\n\n oops", 3), ("[]", 1), ("{} x", 1), ("\"a\"", 1)] {
            assert_eq!(queue(text).unwrap_err().line, Some(line), "{text}");
        }
        assert_eq!(Queue::read(Path::new("/nonexistent")).unwrap(), None);
    }
}
