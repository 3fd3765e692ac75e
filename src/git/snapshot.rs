//! What was dirty when a run began.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::error::Result;
use super::fingerprint::{Content, Fingerprint};
use super::ownership::is_rally_owned;
use super::paths;
use super::repository::Git;
use super::status::Entry;

/// What was dirty at some moment, rally's own paths left out: by path, its content.
/// It is stored when a run begins and survives the tries, a crash and a resume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// HEAD; absent without commits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    head: Option<String>,
    /// Nanoseconds since 1970, before the first path was read.
    taken: i64,
    #[serde(serialize_with = "write_paths", deserialize_with = "read_paths")]
    dirty: BTreeMap<Vec<u8>, Dirty>,
}

/// One dirty path of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Dirty {
    /// Git's two letters, for people who read the journal.
    status: String,
    #[serde(flatten)]
    fingerprint: Fingerprint,
}

impl Snapshot {
    /// HEAD at that moment; `None` without commits.
    pub fn head(&self) -> Option<&str> {
        self.head.as_deref()
    }

    /// Number of dirty paths.
    pub fn len(&self) -> usize {
        self.dirty.len()
    }

    /// Whether nothing was dirty.
    pub fn is_empty(&self) -> bool {
        self.dirty.is_empty()
    }

    /// Takes over from a newer snapshot what was changed after a moment, nanoseconds after 1970:
    /// nobody but the user can have done that. Says which paths.
    pub fn spare(&mut self, root: &Path, now: &Snapshot, moment: i64) -> Vec<String> {
        let mut spared = Vec::new();
        for (path, dirty) in &now.dirty {
            let known = self
                .dirty
                .get(path)
                .is_some_and(|then| then.fingerprint.content == dirty.fingerprint.content);
            let late = match dirty.fingerprint.content {
                // What is gone has no time of its own; its folder has.
                Content::Missing => folder_changed_after(&paths::below(root, path), moment),
                _ => dirty.fingerprint.changed_after(moment),
            };
            if !known && late {
                spared.push(String::from_utf8_lossy(path).into_owned());
                self.dirty.insert(path.clone(), dirty.clone());
            }
        }
        spared
    }

    /// Whether a path that is dirty now has another content than when the snapshot was taken.
    pub(super) fn differs(&self, git: &Git, path: &[u8], entry: &Entry) -> bool {
        let Some(then) = self.dirty.get(path) else { return true };
        if entry.submodule {
            return fingerprint(git, path, entry) != then.fingerprint;
        }
        !then.fingerprint.still_holds(&paths::below(git.root(), path), self.taken)
    }
}

/// Whether the nearest folder above a missing path was changed after a moment.
fn folder_changed_after(path: &Path, moment: i64) -> bool {
    let folder = path.ancestors().skip(1).find_map(|folder| folder.metadata().ok());
    folder.is_some_and(|folder| {
        folder.mtime().saturating_mul(1_000_000_000).saturating_add(folder.mtime_nsec()) > moment
    })
}

impl Git {
    /// Takes down what is dirty now.
    pub fn snapshot(&self) -> Result<Snapshot> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let taken = i64::try_from(now.as_nanos()).unwrap_or(i64::MAX);
        let status = self.status(&[])?;
        let dirty = status
            .entries
            .into_iter()
            .filter(|(path, _)| !is_rally_owned(path))
            .map(|(path, entry)| {
                let fingerprint = fingerprint(self, &path, &entry);
                (path, Dirty { status: entry.code(), fingerprint })
            })
            .collect();
        Ok(Snapshot { head: status.head, taken, dirty })
    }
}

fn fingerprint(git: &Git, path: &[u8], entry: &Entry) -> Fingerprint {
    let place = paths::below(git.root(), path);
    if entry.submodule {
        let inner = git.elsewhere(&place);
        if let Some(head) = inner.head().ok().flatten() {
            // Dirt inside tells by its list of paths; what they hold is that repository's business.
            let dirt = inner.status(&[]).map(|status| status.digest()).unwrap_or_default();
            return Fingerprint::submodule(format!("{head}{dirt}"));
        }
    }
    Fingerprint::of(&place)
}

fn write_paths<S: Serializer>(dirty: &BTreeMap<Vec<u8>, Dirty>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(dirty.iter().map(|(path, dirty)| (paths::encode(path), dirty)))
}

fn read_paths<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Vec<u8>, Dirty>, D::Error> {
    BTreeMap::<String, Dirty>::deserialize(deserializer)?
        .into_iter()
        .map(|(path, dirty)| {
            let decoded = paths::decode(&path)
                .ok_or_else(|| de::Error::custom(format!("path {path:?} has a broken % escape")))?;
            Ok((decoded, dirty))
        })
        .collect()
}
