//! Did a run do the lap that was claimed for it? Pure.

use super::{Verdict, Work};
use crate::laps::Standing;
use crate::model::{Category, Evidence, Outcome};

/// `source` of the evidence of a run that did another lap.
pub const SOURCE: &str = "lap_pin";

/// What is known of the lap of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    /// How the queue says that it stands; the error in words when the queue cannot say.
    pub standing: Option<Result<Standing, String>>,
    /// Whether it was durably handed over in this run.
    pub handed_over: bool,
}

impl Known {
    /// Whether the queue says that it is done.
    pub fn is_done(&self) -> bool {
        self.standing == Some(Ok(Standing::Done))
    }

    /// Why nobody knows whether the lap is done, if so.
    pub fn doubt(&self) -> Option<&str> {
        match &self.standing {
            Some(Err(why)) if !self.handed_over => Some(why),
            _ => None,
        }
    }

    /// What a try works on. Without a lap, the task ends with the try.
    pub fn work(&self) -> Work {
        match self.standing {
            None => Work::Free,
            Some(_) => Work::Lap { finalised: self.is_done() || self.handed_over },
        }
    }
}

/// Why a run is nobody's credit, if other laps than the pinned one were reported as done in it; `done` has each once.
pub fn mismatch(pin: &str, done: &[&str], known: &Known) -> Option<Evidence> {
    let code = match done {
        [] => return None,
        [one] if *one == pin => return None,
        [_] => "wrong_lap_consumed",
        _ => "multi_lap_consumed",
    };
    let elsewhere = match known.is_done() && !done.contains(&pin) {
        true => ", which is done elsewhere",
        false => "",
    };
    let what = format!("the run was given lap {pin}{elsewhere}, but reported {} as done", done.join(", "));
    Some(Evidence::new(SOURCE, None, what).with_cause(code))
}

/// How a run ends that needs no agent any more.
#[derive(Debug, Clone, PartialEq)]
pub enum Settled {
    /// Its lap is done.
    Done,
    /// Its lap was durably handed over.
    HandedOver,
    /// Its lap is gone.
    Removed,
    /// Another lap was done in it.
    Mismatch(Evidence),
}

/// Whether a run needs no agent any more; `done` are the laps reported in it, each once.
pub fn settled(pin: &str, done: &[&str], known: &Known) -> Option<Settled> {
    if let Some(evidence) = mismatch(pin, done, known) {
        return Some(Settled::Mismatch(evidence));
    }
    if known.is_done() {
        return Some(Settled::Done);
    }
    if known.handed_over {
        return Some(Settled::HandedOver);
    }
    (known.standing == Some(Ok(Standing::Gone))).then_some(Settled::Removed)
}

/// The verdict, with what only the queue can tell. What the operator ended stays so.
pub fn weigh(mut verdict: Verdict, mismatch: Option<Evidence>, known: &Known) -> Verdict {
    let by_operator = matches!(verdict.outcome, Outcome::Cancelled | Outcome::Paused);
    if let (Some(evidence), false) = (mismatch, by_operator) {
        let reason = match evidence.cause.as_deref() {
            Some("multi_lap_consumed") => "multi_lap_consumed",
            _ => "wrong_lap_consumed",
        };
        let mut failed = Verdict::failed(Outcome::Failed, Some(reason), evidence);
        if let Some(failure) = &mut failed.failure {
            failure.category = Category::AgentError;
        }
        return failed;
    }
    // Nobody knows whether it is done, or handed over; what the CLI itself failed for is told all the same.
    if let (Some(why), false) = (known.doubt(), by_operator) {
        let is_guess = verdict.failure.as_ref().is_none_or(|failure| {
            failure.category == Category::IncompleteFinalization
                || matches!(failure.evidence.source.as_str(), "workspace" | "progress")
        });
        if is_guess {
            let why = format!("cannot tell whether the lap is done: {why}");
            verdict = Verdict::failed(
                Outcome::Failed,
                None,
                Evidence::new("queue", Some(Category::TransientInfra), why),
            );
        }
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(standing: Standing) -> Known {
        Known { standing: Some(Ok(standing)), handed_over: false }
    }

    fn code(done: &[&str]) -> Option<String> {
        mismatch("lap-1", done, &known(Standing::Todo))?.cause
    }

    // 30-78
    #[test]
    fn only_the_pinned_lap_may_be_done() {
        assert_eq!(code(&[]), None);
        assert_eq!(code(&["lap-1"]), None);
        assert_eq!(code(&["lap-2"]).as_deref(), Some("wrong_lap_consumed"));
        assert_eq!(code(&["lap-1", "lap-2"]).as_deref(), Some("multi_lap_consumed"));
        assert_eq!(code(&["lap-2", "lap-3"]).as_deref(), Some("multi_lap_consumed"));
    }

    // 30-80, 30-81 as decided: a mismatch is a failure of the agent, whatever was decided before
    #[test]
    fn a_mismatch_is_never_credited() {
        let lap = known(Standing::Done);
        let evidence = mismatch("lap-1", &["lap-2"], &lap).unwrap();
        assert!(evidence.message.contains("lap-1, which is done elsewhere"), "{}", evidence.message);
        let infra = Evidence::new("stream", Some(Category::TransientInfra), "no");
        for before in [
            Verdict::without_failure(Outcome::Completed),
            Verdict::without_failure(Outcome::HandoffRequested),
            Verdict::failed(Outcome::RunTimeout, None, infra),
        ] {
            let failure = weigh(before, Some(evidence.clone()), &lap).failure.unwrap();
            assert_eq!((failure.reason, failure.is_mismatch()), (Some("wrong_lap_consumed"), true));
        }
        let cancelled = Verdict::without_failure(Outcome::Cancelled);
        assert_eq!(weigh(cancelled.clone(), Some(evidence), &lap), cancelled);
    }

    #[test]
    fn a_queue_that_cannot_say_is_never_done() {
        let mute = Known { standing: Some(Err("locked".into())), handed_over: false };
        assert_eq!(mute.work(), Work::Lap { finalised: false });
        let dirty = Evidence::new("dirty_tree", Some(Category::IncompleteFinalization), "a.rs");
        let failure = weigh(Verdict::failed(Outcome::Incomplete, None, dirty), None, &mute).failure.unwrap();
        assert_eq!(failure.category, Category::TransientInfra);
        let limit = Evidence::new("stream", Some(Category::UsageLimit), "no");
        let told = Verdict::failed(Outcome::Failed, None, limit);
        assert_eq!(weigh(told.clone(), None, &mute), told);
        let handed = Known { handed_over: true, ..mute };
        assert_eq!(handed.work(), Work::Lap { finalised: true });
    }
}
