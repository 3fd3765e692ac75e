//! What a try amounts to that was only to hand over, after its run's time was used up. Pure.

use super::{Verdict, deadline, is_finished, of_operator};
use crate::executor::Report;
use crate::model::{Category, Evidence, Outcome};
use crate::relay::life::Stop;

/// Why a run whose time is used up cannot hand over, if it cannot.
pub fn obstacle(resumes: bool, has_session: bool) -> Option<&'static str> {
    match (resumes, has_session) {
        (true, true) => None,
        (true, false) => Some("run timeout; no session captured for handoff"),
        (false, _) => Some("run timeout; harness cannot resume for handoff"),
    }
}

/// Everything the decision rests on.
pub struct Observed<'a> {
    /// Why the try was ended, if it did not end by itself.
    pub stop: Option<&'a Stop>,
    /// What its output says.
    pub report: &'a Report,
    /// What the agent reported through its commands meanwhile.
    pub told: Told,
    /// Says what the failure is, should it be one.
    pub finding: &'a dyn Fn() -> Evidence,
}

/// What the agent reported through its commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Nothing.
    Nothing,
    /// That it hands over, but not what.
    Begun,
    /// A handoff, durably.
    Handoff,
    /// That the task is done after all.
    Done,
}

/// Decides. What was reported counts, however the CLI ended afterwards.
pub fn decide(observed: &Observed<'_>) -> Verdict {
    let Observed { stop, report, told, finding } = *observed;
    if let Some(verdict) = of_operator(stop) {
        return verdict;
    }
    let failed = |reason, evidence| Verdict::failed(Outcome::HandoffTimeout, Some(reason), evidence);
    let silent = |why| Evidence::new("progress", Some(Category::UnidentifiedIssue), why);
    match told {
        Told::Handoff => Verdict::without_failure(Outcome::HandoffRequested),
        Told::Done => Verdict::without_failure(Outcome::Completed),
        Told::Nothing | Told::Begun if !is_finished(stop, report) => {
            let reason = match stop {
                Some(Stop::TryTimeout | Stop::RunTimeout) => "handoff timeout",
                _ => "handoff failed",
            };
            failed(reason, deadline(reason, finding()))
        }
        Told::Begun => {
            failed("handoff without wrapup", silent("the agent began a handoff and did not end it"))
        }
        Told::Nothing => failed("handoff not completed", silent("the agent ended without a handoff")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CancelSource;

    fn verdict(stop: Option<&Stop>, told: Told, report: &Report) -> Verdict {
        let finding = || Evidence::new("unmatched", Some(Category::UnidentifiedIssue), "?");
        decide(&Observed { stop, report, told, finding: &finding })
    }

    // 30-163, 30-165, 30-167; 30 §11.2, and C4: a task that is done after all is done
    #[test]
    fn the_table() {
        let good = Report { completed: true, ended: true, ..Report::default() };
        let bad = Report::default();
        let (timer, quit) = (Stop::TryTimeout, Stop::Cancelled(CancelSource::QuitNow));
        let rows = [
            // stop, told, report, outcome, reason
            (None, Told::Handoff, &good, Outcome::HandoffRequested, None),
            (None, Told::Handoff, &bad, Outcome::HandoffRequested, None),
            (Some(&timer), Told::Handoff, &bad, Outcome::HandoffRequested, None),
            (None, Told::Done, &good, Outcome::Completed, None),
            (Some(&timer), Told::Done, &bad, Outcome::Completed, None),
            (Some(&timer), Told::Nothing, &bad, Outcome::HandoffTimeout, Some("handoff timeout")),
            (Some(&timer), Told::Begun, &bad, Outcome::HandoffTimeout, Some("handoff timeout")),
            (None, Told::Nothing, &bad, Outcome::HandoffTimeout, Some("handoff failed")),
            (None, Told::Begun, &bad, Outcome::HandoffTimeout, Some("handoff failed")),
            (None, Told::Begun, &good, Outcome::HandoffTimeout, Some("handoff without wrapup")),
            (None, Told::Nothing, &good, Outcome::HandoffTimeout, Some("handoff not completed")),
            (Some(&quit), Told::Handoff, &good, Outcome::Cancelled, None),
            (Some(&Stop::Paused), Told::Nothing, &bad, Outcome::Paused, None),
        ];
        for (stop, told, report, outcome, reason) in rows {
            let verdict = verdict(stop, told, report);
            assert_eq!(verdict.outcome, outcome, "{stop:?} {told:?}");
            let failure = verdict.failure;
            assert_eq!(failure.as_ref().and_then(|failure| failure.reason), reason, "{stop:?} {told:?}");
            let category = failure.map(|failure| failure.category);
            assert_eq!(category, reason.map(|_| Category::UnidentifiedIssue), "never infra");
        }
    }

    // 30-155, 30-158, 30-164; 30 §8.3
    #[test]
    fn nobody_to_hand_over() {
        assert_eq!(obstacle(true, true), None);
        assert!(obstacle(true, false).unwrap().contains("no session"));
        for session in [true, false] {
            assert!(obstacle(false, session).unwrap().contains("cannot resume"));
        }
    }

    #[test]
    fn what_the_cli_proves_is_kept() {
        let finding = || Evidence::new("stream", Some(Category::UsageLimit), "limit");
        let report = Report::default();
        let seen = Observed { stop: None, report: &report, told: Told::Nothing, finding: &finding };
        let failure = decide(&seen).failure.unwrap();
        assert_eq!((failure.category, failure.reason), (Category::UsageLimit, Some("handoff failed")));
    }
}
