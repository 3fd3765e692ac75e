//! What one try of a run hands to the next: the CLI's session, what it has cost, and
//! what was said last. Pure.

use crate::model::Spent;
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
}

impl Thread {
    /// Takes in a finished try. `total` is what the CLI says that the whole session has used up.
    pub(super) fn follow(&mut self, record: &TryRecord, total: Spent, resumes: bool) {
        // A try that was cut spent something that nobody told: then the total is unknown.
        self.spent = total;
        self.session = record.session_id.clone().filter(|_| resumes);
        self.summary = Some(record.summary.clone()).filter(|text| !text.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_cli_that_cannot_resume_leaves_no_session() {
        let mut thread = Thread::default();
        thread.follow(&record(Some("a")), Spent::default(), false);
        assert_eq!((thread.session, thread.summary.as_deref()), (None, Some("so far")));
    }
}
