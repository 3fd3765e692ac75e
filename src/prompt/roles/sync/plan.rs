//! What is to be done to the files of a folder `.rally/agents`: decided from what there is.

use std::collections::BTreeSet;

use super::super::folder::Entry;
use super::super::{embedded, is_managed};

/// What is to be done. Names are names of files in the folder, or of roles where a file of `builtin/` is
/// meant.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// rally's own texts of older versions: deleted.
    pub outdated: Vec<String>,
    /// The project's texts: moved into `user/`.
    pub theirs: Vec<String>,
    /// Those that belong there too, but something that is no role file has their place.
    pub blocked: Vec<String>,
    /// Roles whose text in force is such a one: `builtin/` must not win over it.
    pub held: BTreeSet<String>,
    /// Roles whose file in `builtin/` is written.
    pub written: Vec<&'static str>,
    /// Those of them whose text people edited and that have no other in `user/`: it is moved there.
    pub adopted: Vec<&'static str>,
    /// Those of them whose edited text `user/` has no place for: it is saved.
    pub saved: Vec<&'static str>,
}

/// What there is.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The files of the folder itself, by name, with their texts.
    pub flat: Vec<(Entry, String)>,
    /// The roles that have a text in `user/`: a blank file says nothing.
    pub user: BTreeSet<String>,
    /// The names in `user/` that cannot be replaced: of everything but blank files.
    pub taken: BTreeSet<String>,
    /// What `builtin/ROLE.md` holds; `None` where there is none.
    pub builtin: Vec<(&'static str, Option<String>)>,
}

/// Decides what to do. `managed` tells whether rally wrote a text for a role. What is in force stays
/// so, unless a text of rally's replaces another of rally's.
pub(super) fn plan(seen: &Seen, managed: impl Fn(&str, &str) -> bool) -> Plan {
    let mut plan = Plan::default();
    let says = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.trim().is_empty());
    let in_builtin = |role: &str| seen.builtin.iter().any(|(name, text)| *name == role && says(text));
    for (role, text) in &seen.builtin {
        if says(text) && *text != body(role) && !text.as_ref().is_some_and(|text| managed(role, text)) {
            match seen.user.contains(*role) || seen.taken.contains(&file_name(role)) {
                true => plan.saved.push(role),
                false => plan.adopted.push(role),
            }
        }
    }
    for (entry, text) in &seen.flat {
        let is_first = |(other, text): &&(Entry, String)| other.role == entry.role && !text.trim().is_empty();
        let in_force = !in_builtin(&entry.role)
            && seen.flat.iter().find(is_first).is_some_and(|(first, _)| first.name == entry.name);
        let ours = managed(&entry.role, text);
        let in_user = seen.user.contains(&entry.role) || plan.adopted.contains(&entry.role.as_str());
        if entry.is_markdown() && ours {
            plan.outdated.push(entry.name.clone());
        } else if in_user || plan.held.contains(&entry.role) {
            // Beside a file of the same role it might win, or overwrite it: `user/` is not ours to change.
        } else if entry.is_markdown() || (in_force && !ours && embedded(&entry.role).is_some()) {
            // What is in force stays so, whatever its extension: a new file in `builtin/` would win over it.
            if !seen.taken.contains(&entry.name) {
                plan.theirs.push(entry.name.clone());
                continue;
            }
            plan.blocked.push(entry.name.clone());
            if in_force {
                plan.held.insert(entry.role.clone());
            }
        }
    }
    let stale = seen.builtin.iter().filter(|(role, text)| *text != body(role) && !plan.held.contains(*role));
    plan.written = stale.map(|(role, _)| *role).collect();
    plan
}

/// As [`plan`], with the texts that rally shipped.
pub(super) fn plan_for(seen: &Seen) -> Plan {
    plan(seen, is_managed)
}

/// What `builtin/ROLE.md` is to hold.
pub(super) fn body(role: &str) -> Option<String> {
    embedded(role).map(|text| format!("{text}\n"))
}

/// The name of a role's file.
pub(super) fn file_name(role: &str) -> String {
    format!("{role}.md")
}
