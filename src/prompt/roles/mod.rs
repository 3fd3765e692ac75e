//! What each role is told: rally's own texts, and those of the project, which win.
//!
//! A role is looked up in `.rally/agents/user/`, then `builtin/`, then `.rally/agents/` itself, where
//! older versions kept all of them, and last among rally's own. A file belongs to the role that its
//! base name spells, whatever its letter case and extension. `builtin/` is rally's, which writes it
//! anew ([`Pending::carry_out`]). `user/` is the project's: rally never changes a text in there.

mod folder;
mod lookup;
mod shipped;
mod survey;
mod sync;

pub use folder::RoleError;
pub use lookup::{RoleText, Source, lookup};
pub use shipped::is_managed;
pub use survey::{Advisory, Role, survey};
pub use sync::{Pending, Synced, prepare};

/// Where role files are, from the top of the workspace.
pub const FOLDER: &str = ".rally/agents";
/// Where the project's own texts are, below `.rally/agents`.
pub const USER: &str = "user";
/// Where rally puts its own, below `.rally/agents`.
pub const BUILTIN: &str = "builtin";

/// Roles that rally has a text for, sorted.
pub const NAMES: [&str; 5] = ["junior", "recovery", "senior", "ui", "verify"];

/// A role's own text, followed by the rule about fruitless debugging.
macro_rules! with_five_iterations {
    ($file:literal) => {
        concat!(include_str!($file), include_str!("five_iterations.md"))
    };
}

/// rally's own text for a role, trimmed; the name's letter case and the space around it do not matter.
pub fn embedded(role: &str) -> Option<&'static str> {
    let text = match canonical(role).as_str() {
        "junior" => with_five_iterations!("junior.md"),
        "recovery" => include_str!("recovery.md"),
        "senior" => with_five_iterations!("senior.md"),
        "ui" => with_five_iterations!("ui.md"),
        "verify" => include_str!("verify.md"),
        _ => return None,
    };
    Some(text.trim())
}

/// The form in which names of roles are compared.
fn canonical(role: &str) -> String {
    role.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    /// What must stand in the text of a role.
    const MARKERS: [(&str, &[&str]); 5] = [
        ("junior", &["bounds", "as the code around you", "tests", "Hand off", "abstraction", "debugging"]),
        (
            "recovery",
            &["classify first then act", "exactly one class", "laps wrapup --classification <value>"],
        ),
        ("senior", &["intent", "abstraction", "Laps further down the queue", "laps file", "level"]),
        ("ui", &["feel", "patterns", "hierarchy", "spacing", "contrast", "clutter", "state", "rendered"]),
        (
            "verify",
            &[
                "plans",
                "commits and diffs",
                "branch",
                "baseline",
                "repair it now",
                "`laps add head`",
                "another verify lap",
                "`laps done`",
                "never hand off",
                "never rewrite history",
            ],
        ),
    ];

    // 10-I11, 30-41, 30-42
    #[test]
    fn every_role_says_what_it_must() {
        assert!(NAMES.is_sorted());
        for ((role, markers), name) in MARKERS.into_iter().zip(NAMES) {
            assert_eq!(role, name);
            let text = embedded(role).unwrap_or_else(|| panic!("{role} has no text"));
            assert!(text.starts_with("# ") && text == text.trim(), "{role}");
            for marker in markers {
                assert!(text.contains(marker), "{role}: {marker}");
            }
            for name in [role.to_uppercase(), format!(" {role}\n")] {
                assert_eq!(embedded(&name), Some(text));
            }
        }
        for name in ["", "default", "lead", "../senior", "senior.md"] {
            assert_eq!(embedded(name), None, "{name}");
        }
        let recovery = embedded("recovery").unwrap();
        for class in ["continue", "discard", "course_correct", "repair_plan", "needs_user"] {
            assert!(recovery.contains(&format!("| `{class}` |")), "{class}");
        }
        assert!(!recovery.to_lowercase().contains("openspec"));
    }

    // 10-I11, 30-42
    #[test]
    fn the_rule_about_debugging_is_for_those_who_debug() {
        for role in NAMES {
            let text = embedded(role).unwrap();
            let wanted = ["junior", "senior", "ui"].contains(&role);
            assert_eq!(text.contains("five serious debugging iterations"), wanted, "{role}");
            assert_eq!(text.contains("honest judgement"), wanted, "{role}");
            assert_eq!(text.contains("One iteration is"), wanted, "{role}");
        }
    }

    // 10-I11, 30-42
    #[test]
    fn no_role_repeats_the_shared_texts() {
        for role in NAMES {
            let text = embedded(role).unwrap();
            for own in ["Finalizing", "already claimed", "non-interactive", "laps done undo", "## "] {
                assert!(!text.contains(own), "{role}: {own}");
            }
        }
    }
}
