//! Which paths are rally's, and which of those it commits.

/// What the hooks of rally's own installation write into the workspace.
const CLAUDE_SETTINGS: &[u8] = b".claude/settings.local.json";

/// Whether a path (from the top of the work tree, `/` between folders) is rally's own
/// or passing state, and so never counts as work of an agent.
pub fn is_rally_owned(path: &[u8]) -> bool {
    path.starts_with(b".rally/") || path.starts_with(b".laps/") || path == CLAUDE_SETTINGS
}

/// Whether rally commits this path as its own state. What lies in `.rally/state` never is,
/// also when somebody removed the ignore file.
pub(super) fn is_tracked_state(path: &[u8]) -> bool {
    /// Written by people, whatever folder they stand in.
    const PEOPLE_S: [&[u8]; 2] = [b".rally/config.toml", b".rally/instructions.md"];
    /// With what begins like it: the folder may be a link, or a file that stands in its place.
    const ROLE_FILES: &[u8] = b".rally/agents";
    is_rally_owned(path)
        && path != CLAUDE_SETTINGS
        && !PEOPLE_S.contains(&path)
        && !path.starts_with(b".rally/state/")
        // Role files have a commit of their own, which leaves out what people have not committed.
        && !path.starts_with(ROLE_FILES)
}

#[cfg(test)]
mod tests {
    use super::*;

    // 30-94
    #[test]
    fn ownership_table() {
        let table: [(&[u8], bool, bool); 20] = [
            (b".rally/config.toml", true, false),
            (b".rally/instructions.md", true, false),
            (b".rally/README.md", true, true),
            (b".rally/summary.jsonl", true, true),
            (b".rally/state/tries.jsonl", true, false),
            (b".rally/agents/user/qa.md", true, false),
            (b".rally/agents/qa.md", true, false),
            (b".rally/agents", true, false),
            (b".rally/agents/builtin/senior.md", true, false),
            (b".laps/laps.json", true, true),
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
