//! What survives a restart: the real store in a scratch folder, or what it amounts to, without files.

use std::collections::BTreeMap;

use serde_json::json;

use crate::model::{Spent, Timestamp};
use crate::relay::resilience::Healths;
use crate::store::records::{AgentStatusEvent, Fact, QuotaRecord, RelayRecord, TryRecord};
use crate::store::{Layout, NewRelay, NewTry, OpenRun, Over, Store, WorkspaceLock};

pub trait Memory {
    fn append(&mut self, event: &AgentStatusEvent);
    fn append_quota(&mut self, record: &QuotaRecord);
    fn healths(&self) -> Healths;
    fn create(&mut self, target: u64, now: Timestamp);
    fn next_run_id(&self, relay: u64) -> u64;
    fn run_started(&mut self, relay: u64, run: u64, entry: &str, now: Timestamp);
    /// Gives the try its id.
    fn tried(&mut self, record: TryRecord, now: Timestamp) -> TryRecord;
    fn save(&mut self, relay: &RelayRecord) -> RelayRecord;
    fn run_ended(&mut self, relay: u64, run: u64, now: Timestamp);
    /// Everything anew; the relay that can be gone on with, and its unfinished run.
    fn reopen(&mut self, now: Timestamp) -> Option<(RelayRecord, Option<OpenRun>)>;
}

/// Lists.
#[derive(Default)]
pub struct InMind {
    events: Vec<AgentStatusEvent>,
    quotas: Vec<QuotaRecord>,
    relay: Option<RelayRecord>,
    last_run: u64,
    tries: u64,
    last_try: Option<TryRecord>,
    open: Option<OpenRun>,
    passed: BTreeMap<u64, bool>,
}

impl Memory for InMind {
    fn append(&mut self, event: &AgentStatusEvent) {
        self.events.push(event.clone());
    }

    fn append_quota(&mut self, record: &QuotaRecord) {
        self.quotas.push(record.clone());
    }

    fn healths(&self) -> Healths {
        Healths::remembered(&self.events, &self.quotas)
    }

    fn create(&mut self, target: u64, now: Timestamp) {
        let id = self.relay.as_ref().map_or(1, |relay| relay.id + 1);
        let text = json!({ "v": 1, "id": id, "target_iterations": target, "completed_iterations": 0,
            "agent_mix": "x", "started_at": now.to_string() });
        self.relay = Some(serde_json::from_value(text).unwrap());
        (self.last_run, self.open, self.last_try) = (0, None, None);
        self.passed.clear();
    }

    fn next_run_id(&self, _relay: u64) -> u64 {
        self.last_run + 1
    }

    fn run_started(&mut self, relay: u64, run: u64, entry: &str, now: Timestamp) {
        self.last_run = self.last_run.max(run);
        let before = self.open.take();
        let count = |of: fn(&OpenRun) -> u32| before.as_ref().map_or(0, of);
        let is_same = before.as_ref().is_some_and(|open| open.entry == entry);
        self.open = Some(OpenRun {
            relay_id: relay,
            run_id: run,
            entry: entry.to_owned(),
            snapshot: serde_json::Value::Null,
            lap: None,
            role: None,
            started_at: now,
            session_id: None,
            spent: Spent::default(),
            last_attempt: count(|open| open.last_attempt),
            attempts_used: count(|open| open.attempts_used),
            time_used: std::time::Duration::ZERO,
            infra_failures: if is_same { count(|open| open.infra_failures) } else { 0 },
            rest: None,
            handing_over: false,
            idle_since: None,
            over: None,
        });
    }

    fn tried(&mut self, record: TryRecord, _now: Timestamp) -> TryRecord {
        self.tries += 1;
        let record = TryRecord { id: self.tries, ..record };
        self.passed.insert(record.run_id, record.completed);
        let open = self.open.as_mut().unwrap();
        open.last_attempt = record.attempt_number;
        open.attempts_used += 1;
        open.infra_failures += u32::from(record.is_infra_failure());
        self.last_try = Some(record.clone());
        record
    }

    fn save(&mut self, relay: &RelayRecord) -> RelayRecord {
        self.relay = Some(relay.clone());
        relay.clone()
    }

    fn run_ended(&mut self, _relay: u64, run: u64, _now: Timestamp) {
        self.last_try = None;
        assert_eq!(
            self.open.take().map(|open| open.run_id),
            Some(run),
            "the run that ends is the one that runs"
        );
    }

    fn reopen(&mut self, now: Timestamp) -> Option<(RelayRecord, Option<OpenRun>)> {
        let relay = self.relay.as_mut()?;
        relay.completed_iterations = self.passed.values().filter(|passed| **passed).count() as u64;
        if relay.completed_iterations >= relay.target_iterations {
            relay.ended_at.get_or_insert(now);
        }
        let mut open = self.open.clone();
        if let (Some(open), Some(record)) = (&mut open, self.last_try.clone().filter(TryRecord::is_last)) {
            open.over = Some(Over::new(record, &self.events));
        }
        relay.is_open().then(|| (relay.clone(), open))
    }
}

/// Files.
pub struct OnDisk {
    folder: tempfile::TempDir,
    store: Option<Store>,
}

impl OnDisk {
    pub fn new(now: Timestamp) -> OnDisk {
        // Thousands of durable writes: in memory, where there is such a place.
        let root = ["/dev/shm", "/tmp"].into_iter().find(|root| std::path::Path::new(root).is_dir()).unwrap();
        let folder = tempfile::tempdir_in(root).unwrap();
        std::fs::create_dir(folder.path().join("repo")).unwrap();
        let mut disk = OnDisk { folder, store: None };
        disk.open(now);
        disk
    }

    fn open(&mut self, now: Timestamp) -> crate::store::Survey {
        // The lock goes with the old one.
        self.store = None;
        let path = self.folder.path();
        let layout = Layout::new(&path.join("repo"), &path.join("data")).unwrap();
        let lock = WorkspaceLock::acquire(&layout).unwrap();
        let (store, opened) = Store::open(layout, lock, now, &mut |_, _| Vec::new()).unwrap();
        assert!(opened.warnings.is_empty(), "{:?}", opened.warnings);
        self.store = Some(store);
        opened.survey
    }

    fn store(&mut self) -> &mut Store {
        self.store.as_mut().unwrap()
    }
}

impl Memory for OnDisk {
    fn append(&mut self, event: &AgentStatusEvent) {
        self.store().append_status(event.clone()).unwrap();
    }

    fn append_quota(&mut self, record: &QuotaRecord) {
        self.store().append_quota(record.clone()).unwrap();
    }

    fn healths(&self) -> Healths {
        let store = self.store.as_ref().unwrap();
        Healths::remembered(&store.status_events().unwrap(), &store.reader().quota_records().unwrap())
    }

    fn create(&mut self, target: u64, now: Timestamp) {
        let new = NewRelay { target_iterations: target, agent_mix: "x".into(), ..NewRelay::default() };
        self.store().create_relay(new, now).unwrap();
    }

    fn next_run_id(&self, relay: u64) -> u64 {
        self.store.as_ref().unwrap().next_run_id(relay).unwrap()
    }

    fn run_started(&mut self, relay_id: u64, run_id: u64, entry: &str, now: Timestamp) {
        let (entry, snapshot) = (entry.to_owned(), serde_json::Value::Null);
        self.store().note(Fact::RunStarted { relay_id, run_id, entry, snapshot, lap: None }, now).unwrap();
    }

    fn tried(&mut self, record: TryRecord, now: Timestamp) -> TryRecord {
        let TryRecord { relay_id, run_id, attempt_number: attempt, .. } = record;
        let (harness, model) = (record.agent_type.clone(), record.model.clone());
        let new = NewTry { relay_id, run_id, attempt, harness, model, ..NewTry::default() };
        let started = self.store().allocate_try(new, now).unwrap();
        self.store().finish_try(TryRecord { id: started.try_id, ..record }).unwrap()
    }

    fn save(&mut self, relay: &RelayRecord) -> RelayRecord {
        self.store().save_relay(relay).unwrap()
    }

    fn run_ended(&mut self, relay_id: u64, run_id: u64, now: Timestamp) {
        self.store().note(Fact::RunEnded { relay_id, run_id }, now).unwrap();
    }

    fn reopen(&mut self, now: Timestamp) -> Option<(RelayRecord, Option<OpenRun>)> {
        let survey = self.open(now);
        survey.resumable.map(|relay| (relay, survey.open_run))
    }
}
