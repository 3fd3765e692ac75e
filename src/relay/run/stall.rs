//! The end of a run whose last try was found frozen, after the agent had committed its work.

use super::{Next, Run};
use crate::relay::attempt::Seen;
use crate::relay::event::{Event, RunVerdict};
use crate::relay::landing::Found;
use crate::relay::life::Stop;
use crate::relay::outcome::stall::{Recovery, Stalled, recovery};
use crate::relay::outcome::{Verdict, Work};
use crate::store::records::TryStarted;

impl Run<'_> {
    /// What follows a try, once it is clear whether a run that is about to fail has passed all the same.
    pub(super) fn recover(
        &mut self,
        next: Next,
        verdict: &mut Verdict,
        started: &TryStarted,
        seen: &Seen,
        (found, work): (&Found, Work),
    ) -> Next {
        let (Next::Over(RunVerdict::Failed { .. }), Some(failure)) = (&next, &verdict.failure) else {
            return next;
        };
        if failure.is_mismatch() {
            return next;
        }
        let decided = recovery(&Stalled {
            failure,
            handoff_only: started.handoff_only,
            frozen: matches!(seen.stop, Some(Stop::Frozen(_))),
            role: started.lap.role.as_deref(),
            work,
            newest: self.newest,
            uncommitted: (!found.unknown).then_some(found.uncommitted),
        });
        match decided {
            Recovery::None => next,
            Recovery::Accepted => {
                let what = "freeze recovery accepted: the agent had committed its work before it froze";
                self.world.emit(Event::Notice(what.to_owned()));
                verdict.recovered();
                Next::Over(RunVerdict::Passed { commit: None })
            }
            Recovery::Declined(why) => {
                self.world.emit(Event::Notice(format!("freeze recovery declined: {why}")));
                next
            }
        }
    }
}
