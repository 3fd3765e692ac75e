//! What is read from the files of the program directly, and leniently: the claim, the stints, their archive.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::answers::{self, key};
use super::{QueueError, failed};

/// The lap that the claim names, in either form of it; `None` when there is none, or none that can be read.
pub fn claimed(workspace: &Path) -> Option<String> {
    let text = std::fs::read_to_string(workspace.join(".laps/claim")).ok()?;
    claim_of(&text)
}

fn claim_of(text: &str) -> Option<String> {
    let text = text.trim();
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(claim)) => key(&claim, "lap").as_str().map(ToOwned::to_owned),
        Ok(_) => None,
        Err(_) if text.starts_with(['{', '[', '"']) => None,
        Err(_) => Some(text.to_owned()),
    }
    .filter(|id| !id.is_empty())
}

/// Whether a lap of a stint is done, and in which stint it is. An archived one is in none.
pub(super) fn in_stints(workspace: &Path, id: &str) -> Result<Option<(bool, Option<String>)>, QueueError> {
    let folder = workspace.join(".laps/stints");
    let mut unread = None;
    for (folder, archived) in [(folder.clone(), false), (folder.join("archive"), true)] {
        for (name, path) in stints(&folder)? {
            let text = match std::fs::read_to_string(&path) {
                Ok(text) => text,
                // It was drained in between: it is found in the archive.
                Err(why) if why.kind() == std::io::ErrorKind::NotFound => continue,
                Err(_) => String::new(),
            };
            match answers::entries(&text) {
                Some(entries) => {
                    let found = entries.iter().find(|entry| entry.stint.is_none() && entry.lap.id == id);
                    if let Some(entry) = found {
                        return Ok(Some((entry.done, (!archived).then_some(name))));
                    }
                }
                None => unread = Some(path),
            }
        }
    }
    match unread {
        None => Ok(None),
        Some(path) => {
            Err(failed(format!("cannot read {}, where lap {id} may be: repair it", path.display())))
        }
    }
}

fn stints(folder: &Path) -> Result<Vec<(String, PathBuf)>, QueueError> {
    let files = match std::fs::read_dir(folder) {
        Ok(files) => files,
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(why) => return Err(failed(format!("cannot read {}: {why}", folder.display()))),
    };
    let mut stints: Vec<_> = files
        .filter_map(|file| {
            let path = file.ok()?.path();
            let name = path.file_name()?.to_str()?.strip_suffix(".laps.json")?.to_owned();
            Some((name, path))
        })
        .collect();
    stints.sort();
    Ok(stints)
}

/// The first closed gate on the way from the root's head down.
pub(super) fn gate(workspace: &Path) -> Option<String> {
    let mut file = workspace.join(".laps/laps.json");
    let mut path = Vec::new();
    loop {
        let text = std::fs::read_to_string(&file).ok()?;
        let value: Value = serde_json::from_str(&text).ok()?;
        let queue = value.as_object()?;
        if let Some(name) = path.last().filter(|_| key(queue, "held") == &Value::Bool(true)) {
            return Some(String::clone(name));
        }
        // On disk the entries are in order, what is done first.
        let head = answers::entries(&text)?.into_iter().find(|entry| !entry.done)?;
        let name = head.stint.filter(|name| !path.contains(name))?;
        file = workspace.join(format!(".laps/stints/{name}.laps.json"));
        path.push(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // 30-L2, 40-14.4
    #[test]
    fn a_claim_is_read_in_both_forms() {
        for (text, lap) in [
            ("proj-12ab\n", Some("proj-12ab")),
            (r#"{"lap":"proj-12ab","file":"laps.json","more":1}"#, Some("proj-12ab")),
            (r#"{"file":"laps.json"}"#, None),
            (r#"{"lap":3}"#, None),
            ("{", None),
            ("\"x\"", None),
            ("[\"x\"]", None),
            ("[", None),
            (" \n", None),
        ] {
            assert_eq!(claim_of(text).as_deref(), lap, "{text:?}");
        }
    }
}
