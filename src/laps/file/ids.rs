//! Ids: a prefix and as many digits of a digest as it takes to be free.

use std::collections::BTreeSet;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::Stamp;

/// Bytes of the description that count.
const DESCRIPTION: usize = 200;

/// The id of a new entry; `None` when every length is taken.
pub fn new_id(
    prefix: &str,
    title: &str,
    at: &Stamp,
    description: &str,
    taken: &BTreeSet<String>,
) -> Option<String> {
    let mut hash = Sha256::new();
    hash.update(format!("{title}|{}|", at.seconds()));
    hash.update(&description.as_bytes()[..description.len().min(DESCRIPTION)]);
    let digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    (4..=digits.len()).map(|n| format!("{prefix}-{}", &digits[..n])).find(|id| !taken.contains(id))
}

/// The prefix of laps in a workspace's root queue: `rally` gives `rall`, `ab` gives `abxx`.
pub fn root_prefix(root: &Path) -> String {
    let name = root.file_name().unwrap_or_default().to_string_lossy();
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .chain("xxxx".chars())
        .take(4)
        .collect()
}
