//! The live facts of a try, on their way into the journal.

use crate::model::text::chain;
use crate::model::{ProcessIdentity, QuotaWindow, Spent, time};
use crate::relay::attempt::Witness;
use crate::store::Store;
use crate::store::records::{Fact, QuotaRecord, RECORD_VERSION, TryStarted};

/// Writes what the driver learns while the agent works.
pub(super) struct Journal<'s> {
    /// Where to.
    pub(super) store: &'s mut Store,
    /// The try itself.
    pub(super) started: &'s TryStarted,
    /// The quota that the runner draws from.
    pub(super) scope: &'s str,
    /// The newest fact that could not be written: a later crash will be harder to mend, no more.
    pub(super) trouble: Option<String>,
}

impl Journal<'_> {
    fn note(&mut self, fact: Fact) {
        if let Err(error) = self.store.note(fact, time::now()) {
            self.trouble = Some(chain(&error));
        }
    }
}

/// What a try was told just now about the windows of its quota scope.
pub(super) fn quota_record(scope: &str, started: &TryStarted, windows: Vec<QuotaWindow>) -> QuotaRecord {
    QuotaRecord {
        v: RECORD_VERSION,
        scope: scope.to_owned(),
        source: started.harness.clone(),
        at: time::now(),
        try_id: Some(started.try_id),
        windows,
    }
}

impl Witness for Journal<'_> {
    fn spawned(&mut self, agent: &ProcessIdentity, guard: &ProcessIdentity) {
        let (agent, guard) = (agent.clone(), guard.clone());
        self.note(Fact::TrySpawned { try_id: self.started.try_id, agent, guard });
    }

    fn quota(&mut self, windows: Vec<QuotaWindow>) {
        let record = quota_record(self.scope, self.started, windows);
        if let Err(error) = self.store.append_quota(record) {
            self.trouble = Some(chain(&error));
        }
    }

    fn alive(&mut self) {
        self.store.beat();
    }

    fn session(&mut self, session_id: &str) {
        let session_id = session_id.to_owned();
        self.note(Fact::Session { try_id: self.started.try_id, session_id, spent: Spent::default() });
    }
}
