//! The live facts of a try, on their way into the journal.

use crate::model::text::chain;
use crate::model::{ProcessIdentity, QuotaWindow, Spent, time};
use crate::relay::attempt::Witness;
use crate::store::Store;
use crate::store::records::{Fact, QuotaRecord};

/// Writes what the driver learns while the agent works.
pub(super) struct Journal<'s> {
    /// Where to.
    pub(super) store: &'s mut Store,
    /// About which try.
    pub(super) try_id: u64,
    /// Whose windows, and who tells of them; without the windows.
    pub(super) quota: QuotaRecord,
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

impl Witness for Journal<'_> {
    fn spawned(&mut self, agent: &ProcessIdentity, guard: &ProcessIdentity) {
        let (agent, guard) = (agent.clone(), guard.clone());
        self.note(Fact::TrySpawned { try_id: self.try_id, agent, guard });
    }

    fn quota(&mut self, windows: Vec<QuotaWindow>) {
        let record = QuotaRecord { windows, ..self.quota.clone() };
        let record = QuotaRecord { at: time::now(), ..record };
        if let Err(error) = self.store.append_quota(record) {
            self.trouble = Some(chain(&error));
        }
    }

    fn alive(&mut self) {
        self.store.beat();
    }

    fn session(&mut self, session_id: &str) {
        let session_id = session_id.to_owned();
        self.note(Fact::Session { try_id: self.try_id, session_id, spent: Spent::default() });
    }
}
