//! What one try of a run hands to the next: the CLI's session, what it has cost, and
//! what was said last. Pure.

use crate::store::records::TryRecord;

/// The thread that runs through the tries of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Thread {
    /// The session that the next try resumes.
    pub(super) session: Option<String>,
    /// What that session has cost so far, US dollars.
    pub(super) cost: Option<f64>,
    /// What the newest try said.
    pub(super) summary: Option<String>,
    /// Whether a session was lost already: that is forgiven once.
    pub(super) lost: bool,
}

impl Thread {
    /// Takes in a finished try. `total` is what the CLI says that the whole session has cost.
    pub(super) fn follow(&mut self, record: &TryRecord, total: Option<f64>, resumes: bool, lost: bool) {
        // A try that was cut spent something that nobody told: then the total is unknown.
        self.cost = total;
        self.session = record.session_id.clone().filter(|_| resumes);
        self.summary = Some(record.summary.clone()).filter(|text| !text.is_empty());
        self.lost |= lost;
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
        let mut thread = Thread { session: Some("a".into()), cost: Some(2.0), ..Thread::default() };
        thread.follow(&record(Some("a")), None, true, false);
        assert_eq!(thread.cost, None, "what the try has spent is unknown");
        thread.follow(&record(Some("b")), None, true, false);
        assert_eq!((thread.session.as_deref(), thread.cost), (Some("b"), None));
        thread.follow(&record(Some("b")), Some(1.5), true, false);
        assert_eq!(thread.cost, Some(1.5));
    }

    #[test]
    fn a_cli_that_cannot_resume_leaves_no_session() {
        let mut thread = Thread::default();
        thread.follow(&record(Some("a")), None, false, false);
        assert_eq!((thread.session, thread.summary.as_deref()), (None, Some("so far")));
    }
}
