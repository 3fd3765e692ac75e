//! The journal as a file: read whole, kept small.

use super::digest::{Digest, Needed};
use super::jsonl::forward::for_each_line;
use super::records::{Fact, JournalLine, RECORD_VERSION};
use super::{Layout, Shared, StoreError, files};
use crate::model::Timestamp;

/// A journal that is larger is compacted when a run ends or a store is opened, bytes.
const COMPACT_ABOVE: u64 = 256 << 10;

/// Sums up the journal; also says how many lines could not be read.
pub fn load(layout: &Layout) -> Result<(Digest, usize), StoreError> {
    let mut digest = Digest::default();
    let mut skipped = 0;
    skipped += for_each_line(&layout.journal(), |text, ended| match serde_json::from_slice(text) {
        Ok(line) => digest.add(line),
        Err(_) => skipped += usize::from(ended),
    })?;
    Ok((digest, skipped))
}

/// Whether the journal has grown enough to be compacted.
pub fn is_large(layout: &Layout) -> bool {
    std::fs::metadata(layout.journal()).is_ok_and(|m| m.len() > COMPACT_ABOVE)
}

/// Rewrites the journal: the ids that are taken, then the facts that are still needed,
/// byte for byte.
pub fn compact(
    layout: &Layout,
    needed: &Needed,
    next_try: u64,
    next_relay: u64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let _shared = Shared::lock(layout)?;
    let path = layout.journal();
    let (digest, _) = load(layout)?;
    let first = JournalLine { v: RECORD_VERSION, at: now, fact: Fact::Checkpoint { next_try, next_relay } };
    let mut kept =
        serde_json::to_vec(&first).map_err(|source| StoreError::Encode { path: path.clone(), source })?;
    kept.push(b'\n');
    for_each_line(&path, |text, _| {
        if serde_json::from_slice(text).is_ok_and(|line| digest.is_live(&line, needed)) {
            kept.extend_from_slice(text);
            kept.push(b'\n');
        }
    })?;
    files::replace(&path, &kept)
}
