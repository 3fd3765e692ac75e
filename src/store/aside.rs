//! Texts that are too large for a line of their record: a file each, named in their place.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::records::{Fact, RelayRecord};
use super::{Layout, StoreError, disk, files};

/// Largest snapshot that stays in the journal, bytes of JSON. A workspace with tens of
/// thousands of untracked files has a larger one.
const SNAPSHOT_LIMIT: usize = 256 << 10;

/// Largest task that stays in the relay's record, bytes: every version of the record repeats it.
const PROMPT_LIMIT: usize = 16 << 10;

/// The key of a reference.
const REFERENCE: &str = "aside";

/// Where they are.
pub(super) fn folder(layout: &Layout) -> PathBuf {
    layout.state_dir().join("aside")
}

fn place(layout: &Layout, name: &str) -> PathBuf {
    folder(layout).join(name)
}

fn snapshot_name(relay: u64, run: u64) -> String {
    format!("snapshot-{relay}-{run}.json")
}

fn prompt_name(relay: u64) -> String {
    format!("task-{relay}.md")
}

fn keep(layout: &Layout, name: &str, text: &str) -> Result<(), StoreError> {
    let path = place(layout, name);
    if let Some(folder) = path.parent() {
        files::create_private_dir(folder)?;
    }
    files::replace(&path, text.as_bytes())
}

/// Puts a large snapshot aside, durably, and a reference in its place.
pub(super) fn shrink(layout: &Layout, fact: Fact) -> Result<Fact, StoreError> {
    let Fact::RunStarted { relay_id, run_id, entry, snapshot, lap } = fact else { return Ok(fact) };
    let text = snapshot.to_string();
    let snapshot = if text.len() > SNAPSHOT_LIMIT {
        let name = snapshot_name(relay_id, run_id);
        keep(layout, &name, &text)?;
        json!({ REFERENCE: name })
    } else {
        snapshot
    };
    Ok(Fact::RunStarted { relay_id, run_id, entry, snapshot, lap })
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
    let _ = disk::remove_file(&place(layout, &snapshot_name(relay, run)));
}

/// Puts a large task aside, durably, unless it is there already.
pub(super) fn shrink_prompt(layout: &Layout, record: &mut RelayRecord) -> Result<(), StoreError> {
    record.prompt_aside = false;
    let Some(prompt) = record.prompt.take_if(|prompt| prompt.len() > PROMPT_LIMIT) else { return Ok(()) };
    record.prompt_aside = true;
    let name = prompt_name(record.id);
    if std::fs::read(place(layout, &name)).is_ok_and(|known| known == prompt.as_bytes()) {
        return Ok(());
    }
    keep(layout, &name, &prompt)
}

/// Puts a task that was put aside back into its record.
pub(super) fn restore_prompt(layout: &Layout, record: &mut RelayRecord) {
    if std::mem::take(&mut record.prompt_aside) {
        record.prompt = std::fs::read_to_string(place(layout, &prompt_name(record.id))).ok();
    }
}
