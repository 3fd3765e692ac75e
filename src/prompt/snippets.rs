//! Texts that agents get whatever their role. Those with a name can be looked up, to show them to
//! the operator; the others are parts of a section.

/// Commit, then `laps done` or `laps handoff`, then `laps wrapup`.
pub const FINALIZE: &str = include_str!("snippets/finalize.md");
/// The run has used up its time: only a handoff of its lap is left to do.
pub const HANDOFF_ONLY: &str = include_str!("snippets/handoff_only.md");
/// Nobody answers questions.
pub const HEADLESS: &str = include_str!("snippets/headless.md");
/// Uncommitted changes of earlier laps are this lap's to settle.
pub const LEFTOVER_WORK: &str = include_str!("snippets/leftover_work.md");

/// The task of a run that was given none.
pub(super) const DEFAULT_TASK: &str = include_str!("snippets/default_task.md");
pub(super) const HANDOFF_FREE: &str = include_str!("snippets/handoff_free.md");
pub(super) const UNFINALISED: &str = include_str!("snippets/unfinalised.md");
pub(super) const LEFTOVER_FREE: &str = include_str!("snippets/leftover_free.md");
pub(super) const EXIT_FREE: &str = include_str!("snippets/exit_free.md");
pub(super) const EXIT_LAPS: &str = include_str!("snippets/exit_laps.md");
pub(super) const EXIT_LAPS_ANY: &str = include_str!("snippets/exit_laps_any.md");
pub(super) const EXIT_LAPS_VERIFY: &str = include_str!("snippets/exit_laps_verify.md");
pub(super) const EXIT_LAPS_END: &str = include_str!("snippets/exit_laps_end.md");
pub(super) const README: &str = include_str!("snippets/readme.md");

/// A shared text by its name, whatever its letter case and the space around it.
pub fn snippet(name: &str) -> Option<&'static str> {
    let text = match name.trim().to_lowercase().as_str() {
        "finalize" => FINALIZE,
        "handoff_only" => HANDOFF_ONLY,
        "headless" => HEADLESS,
        "leftover_work" => LEFTOVER_WORK,
        _ => return None,
    };
    Some(text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    // 10-I11, 30-43
    #[test]
    fn shared_texts_say_what_they_must() {
        for name in ["finalize", "handoff_only", "headless", "leftover_work"] {
            let text = snippet(name).unwrap();
            assert!(!text.is_empty() && text == text.trim(), "{name}");
            assert_eq!(snippet(&format!(" {}\t", name.to_uppercase())), Some(text));
        }
        for name in ["", "finalise", "leftover", "junior"] {
            assert_eq!(snippet(name), None, "{name}");
        }
        let table: [(&str, &[&str]); 4] = [
            (
                "finalize",
                &["Commit", "claimed", "`laps done`", "`laps handoff`", "`laps wrapup`", "laps done undo"],
            ),
            (
                "handoff_only",
                &["Do not continue implementation", "changed files", "`laps handoff`", "`laps wrapup`"],
            ),
            ("headless", &["non-interactive", "planning document", "hand off"]),
            ("leftover_work", &["uncommitted changes", "`git status`", "`git diff`", "committed"]),
        ];
        for (name, markers) in table {
            for marker in markers {
                assert!(snippet(name).unwrap().contains(marker), "{name}: {marker}");
            }
        }
    }
}
