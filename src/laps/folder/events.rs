//! The log of changes, `log.jsonl`. It exists from version 3 on: in a workspace of an older version nothing is
//! created that its `.gitignore` does not know.

use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

use super::Folder;
use crate::laps::file::json::{Json, Node};
use crate::laps::file::{Entry, STINT_VERSION, Stamp};
use crate::model::{Timestamp, mask};

const LOG: &str = "log.jsonl";

/// Largest log that is searched for ids, in bytes.
const SEARCHED: u64 = 8 << 20;

/// Where something happened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) cmd: &'a str,
    pub(super) file: &'a str,
    pub(super) scope: &'a str,
    pub(super) version: i64,
    pub(super) now: Timestamp,
}

impl Folder {
    /// Appends a line. A failure is a warning: the change has been made.
    pub(super) fn log(&self, event: &str, scene: Scene<'_>, lap: Option<&Entry>, detail: &[(&str, Node)]) {
        let lap = lap.map(|lap| [lap.id.as_str(), &lap.title, &lap.assignee]);
        self.log_lap(event, scene, lap.unwrap_or_default(), detail);
    }

    pub(super) fn log_lap(&self, event: &str, scene: Scene<'_>, lap: [&str; 3], detail: &[(&str, Node)]) {
        let path = self.path(LOG);
        if scene.version < STINT_VERSION && !path.exists() {
            return;
        }
        let stamp = Stamp::from(scene.now);
        let seconds = stamp.seconds();
        let session = std::env::var("LAPS_SESSION").unwrap_or_default();
        let mut detail: Vec<(&str, Node)> = detail.to_vec();
        detail.sort_by_key(|(key, _)| *key);
        let mut members: Vec<(&str, Node)> =
            vec![("ts", seconds.as_str().into()), ("event", event.into()), ("cmd", scene.cmd.into())];
        members.push(("file", scene.file.into()));
        let lap = ["lap", "title", "assignee"].into_iter().zip(lap).filter(|(_, text)| !text.is_empty());
        members.extend(lap.map(|(key, text)| (key, Node::from(text))));
        members.push(("scope", scene.scope.into()));
        members.push(("detail", Node::object(detail)));
        members.push(("session", session.as_str().into()));
        let line = mask::text(&(Node::object(members).compact() + "\n"));
        let mut options = std::fs::OpenOptions::new();
        let file = options.append(true).create(true).mode(0o600).open(&path);
        if let Err(e) = file.and_then(|mut file| file.write_all(line.as_bytes())) {
            self.warn(format!("cannot append to {}: {e}", path.display()));
        }
    }

    /// Ids that the log knows: also those of laps that are gone, which are not to be used again.
    pub(super) fn logged_ids(&self) -> BTreeSet<String> {
        let path = self.path(LOG);
        if path.metadata().is_ok_and(|data| data.len() > SEARCHED) {
            return BTreeSet::new();
        }
        let id = |line: &[u8]| {
            let Ok(Node { value: Json::Object(members), .. }) = Node::parse(line) else { return None };
            members.into_iter().find_map(|(key, value)| match value.value {
                Json::Text(id) if key == "lap" => Some(id),
                _ => None,
            })
        };
        std::fs::read(&path).unwrap_or_default().split(|byte| *byte == b'\n').filter_map(id).collect()
    }
}
