//! What a run amounts to whose last try was found frozen: its work may be done, and committed, all the same. Pure.
//!
//! An agent that commits and then freezes has often done its task and only failed to say so. But a wrong "done"
//! is worse than a failure: what is taken for done must look finished, and nobody may have said otherwise.

use super::{Failure, Work};
use crate::model::Category;

/// The role whose work is its judgement: a commit says nothing about it.
const VERIFY: &str = "verify";

/// What is known when a run is about to end as failed.
#[derive(Debug, Clone, Copy)]
pub struct Stalled<'a> {
    /// Why its last try failed.
    pub failure: &'a Failure,
    /// Whether that try was only to hand over.
    pub handoff_only: bool,
    /// Whether that very try was ended because it was frozen.
    pub frozen: bool,
    /// Who did it, if the queue gave the agent a role.
    pub role: Option<&'a str>,
    /// What it worked on.
    pub work: Work,
    /// Whose the run's newest commit is.
    pub newest: Newest,
    /// Whether the agent left something uncommitted; `None` when git cannot tell.
    pub uncommitted: Option<bool>,
}

/// Whose the newest commit of a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Newest {
    /// There is none.
    #[default]
    Nobody,
    /// The agent's.
    Agent,
    /// rally's: it saved what a failed try had left unfinished.
    Rally,
}

/// The decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// There is nothing to decide: it failed for something else, or did nothing.
    None,
    /// The run passes.
    Accepted,
    /// The run stays failed, for this reason.
    Declined(&'static str),
}

/// Decides.
pub fn recovery(stalled: &Stalled<'_>) -> Recovery {
    let Stalled { failure, handoff_only, frozen, role, work, newest, uncommitted } = *stalled;
    if !frozen || handoff_only || newest == Newest::Nobody {
        return Recovery::None;
    }
    let by_itself = failure.category == Category::TransientInfra
        && failure.evidence.cause.as_deref() == Some(super::FREEZE_CAUSE);
    if role.is_some_and(|role| role.trim().eq_ignore_ascii_case(VERIFY)) {
        Recovery::Declined("a commit is no verdict of a verifier")
    } else if work == (Work::Lap { finalised: false }) {
        Recovery::Declined("the lap was not finalised")
    } else if !by_itself {
        // Its CLI told what kept it from going on.
        Recovery::Declined("the agent was kept from going on")
    } else if newest == Newest::Rally {
        Recovery::Declined("the newest commit holds what a failed try left unfinished")
    } else {
        match uncommitted {
            Some(false) => Recovery::Accepted,
            Some(true) => Recovery::Declined("the agent left uncommitted work"),
            None => Recovery::Declined("git cannot tell what the agent left"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Evidence;

    fn failure(category: Category, cause: Option<&str>) -> Failure {
        let mut evidence = Evidence::new("freeze", Some(category), "no output");
        evidence.cause = cause.map(Into::into);
        Failure { category, reason: None, evidence }
    }

    fn stalled(failure: &Failure) -> Stalled<'_> {
        Stalled {
            failure,
            handoff_only: false,
            frozen: true,
            role: None,
            work: Work::Free,
            newest: Newest::Agent,
            uncommitted: Some(false),
        }
    }

    // 30-77, 20-AF-RT-09, 23.O2
    #[test]
    fn the_table() {
        let freeze = failure(Category::TransientInfra, Some("freeze"));
        let limit = failure(Category::UsageLimit, None);
        let other = failure(Category::TransientInfra, None);
        let base = stalled(&freeze);
        let lap = |finalised| Work::Lap { finalised };
        let yes = |case: Stalled<'_>| recovery(&case) == Recovery::Accepted;
        let no = |case: Stalled<'_>| matches!(recovery(&case), Recovery::Declined(_));
        let nothing = |case: Stalled<'_>| recovery(&case) == Recovery::None;

        assert!(yes(base));
        assert!(yes(Stalled { role: Some("implementation"), ..base }));
        assert!(yes(Stalled { work: lap(true), ..base }));
        for verify in ["verify", "VERIFY", "Verify", " verify "] {
            assert!(no(Stalled { role: Some(verify), ..base }));
            assert!(no(Stalled { role: Some(verify), work: lap(true), ..base }));
        }
        assert!(no(Stalled { work: lap(false), ..base }));
        assert!(no(Stalled { uncommitted: Some(true), ..base }));
        assert!(no(Stalled { uncommitted: None, ..base }));
        assert!(no(Stalled { newest: Newest::Rally, ..base }));
        assert!(no(Stalled { failure: &limit, ..base }), "the CLI said what it was");
        assert!(no(Stalled { failure: &other, ..base }));

        assert!(
            nothing(Stalled { frozen: false, ..base }),
            "an earlier try's freeze says nothing of this one"
        );
        assert!(nothing(Stalled { newest: Newest::Nobody, ..base }));
        assert!(nothing(Stalled { handoff_only: true, ..base }));
    }
}
