//! Which paths are rally's, and which of those it commits.

use crate::store::migrate::{MOVED, OBSOLETE};

/// What the hooks of rally's own installation write into the workspace.
const CLAUDE_SETTINGS: &[u8] = b".claude/settings.local.json";

/// Whether a path (from the top of the work tree, `/` between folders) is rally's own
/// or passing state, and so never counts as work of an agent.
pub fn is_rally_owned(path: &[u8]) -> bool {
    path.starts_with(b".rally/") || path.starts_with(b".laps/") || path == CLAUDE_SETTINGS
}

/// Whether rally commits this path as its own state: what it writes while it works, and what it takes away
/// from where older versions kept it. Everything else below `.rally` is for people to commit.
pub(super) fn is_tracked_state(path: &[u8]) -> bool {
    if let Some(name) = path.strip_prefix(b".laps/") {
        // Rally commits its hooks when it installs them; the rest of these is the operator's.
        return name != b"hooks.json" && !name.starts_with(b"hooks/");
    }
    let Some(name) = path.strip_prefix(b".rally/") else { return false };
    let folder = name.split(|byte| *byte == b'/').next().filter(|folder| *folder != name);
    let is_one_of = |list: &[&str], name: &[u8]| list.iter().any(|one| one.as_bytes() == name);
    matches!(name, b"summary.jsonl" | b".gitignore")
        || is_one_of(&MOVED, name)
        || folder.is_some_and(|folder| is_one_of(&OBSOLETE, folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    // 30-94
    #[test]
    fn ownership_table() {
        let table: [(&[u8], bool, bool); 28] = [
            (b".rally/config.toml", true, false),
            (b".rally/instructions.md", true, false),
            (b".rally/README.md", true, false),
            (b".rally/secrets.env", true, false),
            (b".rally/.gitignore", true, true),
            (b".rally/tries.jsonl", true, true),
            (b".rally/batches/1/x", true, true),
            (b".rally/batches", true, false),
            (b".rally/summary.jsonl", true, true),
            (b".rally/state/tries.jsonl", true, false),
            (b".rally/agents/user/qa.md", true, false),
            (b".rally/agents/qa.md", true, false),
            (b".rally/agents", true, false),
            (b".rally/agents/builtin/senior.md", true, false),
            (b".laps/laps.json", true, true),
            (b".laps/stints/x.json", true, true),
            (b".laps/hooks.json", true, false),
            (b".laps/hooks/mine.sh", true, false),
            (b".claude/settings.local.json", true, false),
            (b".claude/settings.json", false, false),
            (b".rally", false, false),
            (b".laps", false, false),
            (b".rallyx/y", false, false),
            (b"pkg/.rally/x", false, false),
            (b"pkg/.claude/settings.local.json", false, false),
            (b"./.rally/x", false, false),
            (b"src/main.rs", false, false),
            (b"", false, false),
        ];
        for (path, owned, state) in table {
            let name = String::from_utf8_lossy(path);
            assert_eq!(is_rally_owned(path), owned, "{name}");
            assert_eq!(is_tracked_state(path), state, "{name}");
        }
    }
}
