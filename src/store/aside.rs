//! Snapshots that are too large for a line of the journal: a file each, named in their place.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::records::Fact;
use super::{Layout, StoreError, files};

/// Largest snapshot that stays in the journal, bytes of JSON. A workspace with tens of
/// thousands of untracked files has a larger one.
const INLINE_LIMIT: usize = 256 << 10;

/// The key of a reference.
const REFERENCE: &str = "aside";

fn place(layout: &Layout, name: &str) -> PathBuf {
    layout.state_dir().join("snapshots").join(name)
}

fn name(relay: u64, run: u64) -> String {
    format!("relay-{relay}-run-{run}.json")
}

/// Puts a large snapshot aside, durably, and a reference in its place.
pub(super) fn shrink(layout: &Layout, fact: Fact) -> Result<Fact, StoreError> {
    let Fact::RunStarted { relay_id, run_id, entry, snapshot } = fact else { return Ok(fact) };
    let text = snapshot.to_string();
    let snapshot = if text.len() > INLINE_LIMIT {
        let name = name(relay_id, run_id);
        let path = place(layout, &name);
        if let Some(folder) = path.parent() {
            files::create_private_dir(folder)?;
        }
        files::replace(&path, text.as_bytes())?;
        json!({ REFERENCE: name })
    } else {
        snapshot
    };
    Ok(Fact::RunStarted { relay_id, run_id, entry, snapshot })
}

/// The snapshot itself, wherever it is; null when its file is gone.
pub(super) fn restore(layout: &Layout, snapshot: &Value) -> Value {
    let Some(name) = snapshot.get(REFERENCE).and_then(Value::as_str) else { return snapshot.clone() };
    let text = std::fs::read(place(layout, name)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// Forgets the snapshot of a run that is over.
pub(super) fn forget(layout: &Layout, relay: u64, run: u64) {
    // A file that stays costs room and nothing else.
    let _ = std::fs::remove_file(place(layout, &name(relay, run)));
}
