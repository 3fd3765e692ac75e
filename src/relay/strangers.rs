//! Roles that no route is named after: each is told once in a pass, not at every run.

use std::collections::BTreeSet;

use crate::routing::Choice;

/// The roles that were told.
#[derive(Debug, Default)]
pub struct Strangers(BTreeSet<String>);

impl Strangers {
    /// What to warn of when a task got this lane.
    pub fn warning(&mut self, choice: &Choice) -> Option<String> {
        let role = choice.unmatched.as_deref()?;
        let is_new = self.0.insert(role.trim().to_lowercase());
        is_new.then(|| {
            format!(
                "no route is named after the role \"{}\", so its tasks use the default route",
                role.escape_debug()
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // D49, 10-O3, 30-136
    #[test]
    fn a_role_is_told_once() {
        let choice = |role: Option<&str>| Choice { lane: 0, unmatched: role.map(str::to_owned) };
        let mut strangers = Strangers::default();
        assert_eq!(strangers.warning(&choice(None)), None);
        assert!(strangers.warning(&choice(Some("Junior"))).unwrap().contains("\"Junior\""));
        assert_eq!(strangers.warning(&choice(Some("Junior"))), None);
        assert_eq!(strangers.warning(&choice(Some("JUNIOR "))), None);
        assert!(strangers.warning(&choice(Some("verify"))).is_some());
    }
}
