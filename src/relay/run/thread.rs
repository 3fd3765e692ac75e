//! What one try of a run hands to the next: the CLI's session, what it has cost, and
//! what was said last. Pure.

use crate::model::{Category, Outcome, Spent};
use crate::relay::outcome::{Failure, WORKSPACE};
use crate::store::records::TryRecord;

/// The thread that runs through the tries of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Thread {
    /// The session that the next try resumes.
    pub(super) session: Option<String>,
    /// What that session has used up so far.
    pub(super) spent: Spent,
    /// What the newest try said.
    pub(super) summary: Option<String>,
    /// Whether the newest try left its lap unfinalised.
    pub(super) unfinalised: bool,
    /// Tries in a row that resumed, failed by themselves and got nowhere.
    pub(super) fruitless: u32,
}

impl Thread {
    /// Takes in how a try went, before it is decided what follows. What the infrastructure did is not the
    /// session's fault, and no excuse for it.
    pub(super) fn weigh(&mut self, resumed: bool, failure: Option<&Failure>, got_on: bool) {
        if !resumed || got_on {
            self.fruitless = 0;
            return;
        }
        let own = failure.map(|failure| failure.category);
        if matches!(own, Some(Category::AgentError | Category::UnidentifiedIssue)) {
            self.fruitless += 1;
        }
    }

    /// The next try begins a new session.
    pub(super) fn begin_anew(&mut self) {
        self.session = None;
        self.spent = Spent::default();
        self.fruitless = 0;
    }

    /// Takes in a finished try. `total` is what the CLI says that the whole session has used up.
    pub(super) fn follow(&mut self, record: &TryRecord, total: Spent, resumes: bool) {
        // A try that was cut spent something that nobody told: then the total is unknown.
        self.spent = total;
        self.session = record.session_id.clone().filter(|_| resumes);
        // Also when nothing was changed: then the workspace is all that speaks against it.
        let by_workspace = record.evidence.as_ref().is_some_and(|known| known.source == WORKSPACE);
        self.unfinalised =
            record.lap.of.lap_id.is_some() && (record.outcome == Some(Outcome::Incomplete) || by_workspace);
        self.summary = Some(record.summary.clone()).filter(|text| !text.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Evidence;

    fn record(session: Option<&str>) -> TryRecord {
        let text = r#"{"id":1,"run_id":1,"relay_id":1,"agent_type":"claude","completed":false,"summary":"so far",
            "started_at":"2026-11-23T06:00:00Z","ended_at":"2026-11-23T06:00:00Z","attempt_number":1}"#;
        TryRecord { session_id: session.map(Into::into), ..serde_json::from_str(text).unwrap() }
    }

    #[test]
    fn a_cost_belongs_to_its_session() {
        let cost = |dollars| Spent { cost: Some(dollars), usage: None };
        let unknown = Spent::default();
        let mut thread = Thread { session: Some("a".into()), spent: cost(2.0), ..Thread::default() };
        thread.follow(&record(Some("a")), unknown, true);
        assert_eq!(thread.spent, unknown, "what the try has spent is unknown");
        thread.follow(&record(Some("b")), unknown, true);
        assert_eq!((thread.session.as_deref(), thread.spent), (Some("b"), unknown));
        thread.follow(&record(Some("b")), cost(1.5), true);
        assert_eq!(thread.spent, cost(1.5));
    }

    // 20 §14.2, DO
    #[test]
    fn a_session_that_fails_by_itself_and_gets_nowhere_is_counted() {
        let failure = |category| {
            let evidence = Evidence::new("stream", Some(category), "no");
            Failure { category, reason: None, evidence }
        };
        let (own, infra) = (failure(Category::AgentError), failure(Category::TransientInfra));
        let mut thread = Thread::default();
        let mut after = |resumed, failure, got_on| {
            thread.weigh(resumed, failure, got_on);
            thread.fruitless
        };
        assert_eq!(after(false, Some(&own), false), 0, "a new session is not to blame");
        assert_eq!(after(true, Some(&own), false), 1);
        assert_eq!(after(true, Some(&infra), false), 1);
        assert_eq!(after(true, Some(&own), false), 2);
        assert_eq!(after(true, Some(&own), true), 0);
        thread.fruitless = 2;
        thread.begin_anew();
        assert_eq!(thread, Thread::default());
    }

    #[test]
    fn a_cli_that_cannot_resume_leaves_no_session() {
        let mut thread = Thread::default();
        thread.follow(&record(Some("a")), Spent::default(), false);
        assert_eq!((thread.session, thread.summary.as_deref()), (None, Some("so far")));
    }
}
