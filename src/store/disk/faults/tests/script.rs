//! What a relay does with its store, step by step, without agents.

use serde_json::json;

use super::super::super::super as store;
use crate::model::{Outcome, ProcessIdentity, QuotaWindow, Runner, Spent, Timestamp};
use store::messages::{FOR_RELAY, Inbox};
use store::records::{
    AgentStatusEvent, AgentStatusKind, Fact, LapWord, QuotaRecord, RelayRecord, SummaryEntry, TryRecord,
    TryStarted,
};
use store::{
    HalfDone, Layout, NewRelay, NewTry, Opened, RunState, Shared, Store, StoreError, WorkspaceLock, progress,
};

/// How a step ended; an error as it is told.
pub(super) type Done = Result<(), String>;

/// A step: one thing that the relay wants of its store, and tries again when it failed.
pub(super) type Step = fn(&mut World, Timestamp) -> Done;

/// A row of steps on what was there before.
#[derive(Clone, Copy)]
pub(super) struct Script {
    pub(super) name: &'static str,
    pub(super) setup: fn(&Layout),
    pub(super) steps: &'static [Step],
    /// Calls, and parts of the names of their files, whose faults may go without an error: nothing is lost with them.
    pub(super) tolerated: &'static [&'static str],
}

/// The workspace, and what the relay knows.
pub(super) struct World {
    pub(super) layout: Layout,
    pub(super) store: Option<Store>,
    pub(super) half_done: Vec<HalfDone>,
    relay: Option<RelayRecord>,
    run: u64,
    started: Option<TryStarted>,
}

/// Whatever can be told.
pub(super) fn told<T, E: std::error::Error>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| crate::model::text::chain(&error))
}

impl World {
    pub(super) fn new(layout: Layout) -> World {
        World { layout, store: None, half_done: Vec::new(), relay: None, run: 0, started: None }
    }

    /// Takes the lock and opens the store, as a start does.
    pub(super) fn open(&mut self, now: Timestamp) -> Result<Opened, String> {
        self.store = None;
        let lock = told(WorkspaceLock::acquire(&self.layout))?;
        let (store, mut opened) = told(Store::open(self.layout.clone(), lock, now, &mut |_, _| Vec::new()))?;
        self.store = Some(store);
        self.half_done = std::mem::take(&mut opened.half_done);
        Ok(opened)
    }

    pub(super) fn store(&mut self) -> &mut Store {
        self.store.as_mut().expect("opened before")
    }

    fn relay(&self) -> RelayRecord {
        self.relay.clone().expect("created before")
    }

    fn started(&self) -> TryStarted {
        self.started.clone().expect("allocated before")
    }

    fn name(&self) -> String {
        progress::run_name(self.relay().id, self.run)
    }

    fn note(&mut self, fact: Fact, now: Timestamp) -> Done {
        told(self.store().note(fact, now))
    }

    pub(super) fn run_started(&self, run_id: u64, size: usize) -> Fact {
        let (relay_id, snapshot) = (self.relay().id, json!({ "dirty": "x".repeat(size) }));
        Fact::RunStarted { relay_id, run_id, entry: "claude".into(), snapshot, lap: Some("L1".into()) }
    }

    fn new_try(&self, attempt: u32) -> NewTry {
        NewTry {
            relay_id: self.relay().id,
            run_id: self.run,
            attempt,
            tag: format!("tag-{attempt}"),
            harness: "claude".into(),
            ..NewTry::default()
        }
    }
}

/// The record of a try that ended so.
pub(super) fn record(started: &TryStarted, outcome: Outcome, now: Timestamp) -> TryRecord {
    let line = json!({
        "id": started.try_id, "run_id": started.run_id, "relay_id": started.relay_id,
        "agent_type": started.harness, "completed": outcome == Outcome::Completed, "outcome": outcome,
        "started_at": crate::model::time::rfc3339_millis(now),
        "ended_at": crate::model::time::rfc3339_millis(now),
        "attempt_number": started.attempt, "summary": "done as told",
    });
    serde_json::from_value(line).unwrap()
}

fn entry(world: &World, now: Timestamp) -> SummaryEntry {
    SummaryEntry {
        run_id: world.name(),
        summary: "what was done".into(),
        classification: None,
        updated_at: now,
        laps_completed: None,
        followups: vec!["more".into()],
        created_lap_ids: Vec::new(),
        handoff: None,
    }
}

fn process(pid: i32) -> ProcessIdentity {
    ProcessIdentity { pid, start_time: 7, boot_id: "boot".into() }
}

// The steps, in order of their first use.

fn open(w: &mut World, now: Timestamp) -> Done {
    w.open(now).map(|_| ())
}

fn message(w: &mut World, now: Timestamp) -> Done {
    told(Inbox::new(&w.layout).add("look into this", None, None, now)).map(|_| ())
}

fn message_for_all(w: &mut World, now: Timestamp) -> Done {
    told(Inbox::new(&w.layout).add("everybody", Some(FOR_RELAY), None, now)).map(|_| ())
}

fn close_open_relays(w: &mut World, now: Timestamp) -> Done {
    told(w.store().close_open_relays(now)).map(|_| ())
}

fn create_relay(w: &mut World, now: Timestamp) -> Done {
    let prompt = Some("do it ".repeat(4000));
    let new = NewRelay { target_iterations: 3, agent_mix: "claude".into(), prompt, ..NewRelay::default() };
    w.relay = Some(told(w.store().create_relay(new, now))?);
    Ok(())
}

fn take_over(w: &mut World, now: Timestamp) -> Done {
    told(Inbox::new(&w.layout).take_over(w.relay().id, now))
}

fn clear_status(w: &mut World, now: Timestamp) -> Done {
    told(w.store().clear_status_keeping_resets(now, false))
}

fn next_run(w: &mut World, _: Timestamp) -> Done {
    let relay = w.relay().id;
    w.run = told(w.store().next_run_id(relay))?;
    Ok(())
}

fn begin_run(w: &mut World, now: Timestamp) -> Done {
    let fact = w.run_started(w.run, 10);
    w.note(fact, now)
}

fn begin_large_run(w: &mut World, now: Timestamp) -> Done {
    let fact = w.run_started(w.run, 260 << 10);
    w.note(fact, now)
}

fn write_view(w: &mut World, _: Timestamp) -> Done {
    let view = RunState { run_id: w.name(), ..RunState::default() };
    told(w.store().write_run_state(&view))
}

fn give(w: &mut World, now: Timestamp) -> Done {
    told(Inbox::new(&w.layout).give(w.relay().id, w.run, now)).map(|_| ())
}

fn first_try(w: &mut World, now: Timestamp) -> Done {
    allocate(w, 1, now)
}

fn second_try(w: &mut World, now: Timestamp) -> Done {
    allocate(w, 2, now)
}

fn allocate(w: &mut World, attempt: u32, now: Timestamp) -> Done {
    let new = w.new_try(attempt);
    w.started = Some(told(w.store().allocate_try(new, now))?);
    Ok(())
}

fn set_active(w: &mut World, now: Timestamp) -> Done {
    let s = w.started();
    let change = |view: &mut RunState| view.set_active(s.relay_id, s.run_id, s.try_id, &s.log_path, now);
    told(w.store().update_run_state(change)).map(|_| ())
}

fn current_task(w: &mut World, _: Timestamp) -> Done {
    told(w.store().write_current_task("the prompt"))
}

fn spawned(w: &mut World, now: Timestamp) -> Done {
    let fact = Fact::TrySpawned { try_id: w.started().try_id, agent: process(10), guard: process(9) };
    w.note(fact, now)
}

fn beat(w: &mut World, _: Timestamp) -> Done {
    w.store().beat();
    Ok(())
}

fn session(w: &mut World, now: Timestamp) -> Done {
    let spent = Spent::default();
    let fact = Fact::Session { try_id: w.started().try_id, session_id: "s-1".into(), spent };
    w.note(fact, now)
}

fn quota(w: &mut World, now: Timestamp) -> Done {
    let window = QuotaWindow { used: Some(0.5), ..QuotaWindow::named("five_hour") };
    let (scope, source) = ("claude".into(), "claude".into());
    told(w.store().append_quota(QuotaRecord {
        v: 1,
        scope,
        source,
        at: now,
        try_id: None,
        windows: vec![window],
    }))
}

fn status(w: &mut World, now: Timestamp) -> Done {
    let event = AgentStatusEvent::new(&Runner::bare("claude"), AgentStatusKind::Paused, now);
    told(w.store().append_status(event))
}

fn report_lap(w: &mut World, now: Timestamp) -> Done {
    told(told(Shared::lock(&w.layout))?.note_lap(&w.name(), "L1", LapWord::Done, now))
}

fn report_progress(w: &mut World, now: Timestamp) -> Done {
    told(told(Shared::lock(&w.layout))?.record_progress(entry(w, now), now)).map(|_| ())
}

fn created_laps(w: &mut World, now: Timestamp) -> Done {
    told(told(Shared::lock(&w.layout))?.note_created(&w.name(), &["L2".to_owned()], now))
}

fn resolve(w: &mut World, outcome: Outcome, now: Timestamp) -> Done {
    let fact = Fact::TryResolved { record: Box::new(record(&w.started(), outcome, now)) };
    w.note(fact, now)
}

fn resolve_failed(w: &mut World, now: Timestamp) -> Done {
    resolve(w, Outcome::Failed, now)
}

fn resolve_passed(w: &mut World, now: Timestamp) -> Done {
    resolve(w, Outcome::Completed, now)
}

fn finish(w: &mut World, outcome: Outcome, now: Timestamp) -> Done {
    let record = TryRecord { commit_hash: "c0ffee".into(), ..record(&w.started(), outcome, now) };
    told(w.store().finish_try(record)).map(|_| ())
}

fn finish_failed(w: &mut World, now: Timestamp) -> Done {
    finish(w, Outcome::Failed, now)
}

fn finish_passed(w: &mut World, now: Timestamp) -> Done {
    finish(w, Outcome::Completed, now)
}

fn finish_half_done(w: &mut World, _: Timestamp) -> Done {
    while let Some(half) = w.half_done.first().cloned() {
        told(w.store().finish_try(half.record))?;
        w.half_done.remove(0);
    }
    Ok(())
}

fn survey(w: &mut World, now: Timestamp) -> Done {
    told(w.store().survey(now)).map(|_| ())
}

fn clear_active(w: &mut World, _: Timestamp) -> Done {
    told(w.store().clear_active())
}

fn summary(w: &mut World, now: Timestamp) -> Done {
    let entry = entry(w, now);
    told(w.store().append_summary_once(&entry))
}

fn settle(w: &mut World, now: Timestamp) -> Done {
    told(Inbox::new(&w.layout).settle(w.relay().id, w.run, true, now)).map(|_| ())
}

fn end_run(w: &mut World, now: Timestamp) -> Done {
    let fact = Fact::RunEnded { relay_id: w.relay().id, run_id: w.run };
    w.note(fact, now)
}

fn count_run(w: &mut World, _: Timestamp) -> Done {
    let relay = w.relay();
    let counted = RelayRecord { completed_iterations: relay.completed_iterations + 1, ..relay };
    w.relay = Some(told(w.store().save_relay(&counted))?);
    Ok(())
}

fn remove_view(w: &mut World, _: Timestamp) -> Done {
    told(w.store().remove_run_state())
}

fn close_messages(w: &mut World, now: Timestamp) -> Done {
    told(Inbox::new(&w.layout).close(w.relay().id, now)).map(|_| ())
}

fn end_relay(w: &mut World, now: Timestamp) -> Done {
    let ended = RelayRecord { ended_at: Some(now), ..w.relay() };
    w.relay = Some(told(w.store().save_relay(&ended))?);
    Ok(())
}

fn cancel_message(w: &mut World, now: Timestamp) -> Done {
    match Inbox::new(&w.layout).cancel(2, now) {
        // An error after the new file stood in its place.
        Ok(_) | Err(StoreError::MessageOver { .. }) => Ok(()),
        Err(error) => told(Err(error)),
    }
}

/// Two runs on the state of the earlier program: one of two tries, and one whose tries are cut, before their verdict
/// and behind it.
pub(super) const RELAY: Script = Script {
    name: "a relay",
    setup: old_state,
    tolerated: &["open alive", "touch alive", "set_len lock", "write lock", "remove snapshot-"],
    #[rustfmt::skip]
    steps: &[
        open, message, message_for_all, close_open_relays, create_relay, take_over, clear_status,
        next_run, begin_run, write_view, give,
        first_try, set_active, current_task, spawned, beat, session, quota, report_lap, resolve_failed,
        finish_failed, clear_active, status,
        second_try, report_progress, created_laps, resolve_passed, finish_passed, summary, settle, end_run,
        count_run, remove_view,
        next_run, begin_run, first_try, set_active, spawned,
        open, second_try, resolve_passed,
        open, finish_half_done, survey, end_run, count_run, cancel_message, close_messages, end_relay,
    ],
};

/// A run whose snapshot is put aside, on a journal that has grown so long that it is made shorter.
pub(super) const LONG_JOURNAL: Script = Script {
    name: "a long journal",
    setup: long_journal,
    // The fact itself is stored; making the file shorter is only a saving.
    tolerated: &[
        "set_len lock",
        "write lock",
        "remove snapshot-",
        ".new-",
        "open journal.lock",
        "rename journal.jsonl",
        "syncdir state",
    ],
    steps: &[open, create_relay, next_run, begin_large_run, first_try, finish_passed, end_run, open],
};

/// Health and quota that have grown so long that they are made shorter.
pub(super) const LONG_LEDGERS: Script = Script {
    name: "long ledgers",
    setup: long_ledgers,
    // Likewise.
    tolerated: &[
        "set_len lock",
        "write lock",
        ".new-",
        "rename agent_status.jsonl",
        "rename quota.jsonl",
        "syncdir state",
    ],
    steps: &[open, status, quota],
};

fn put(path: &std::path::Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

const OLD: &str = "2023-10-01T00:00:00.000Z";

fn old_state(layout: &Layout) {
    let at = |name: &str| layout.rally_dir().join(name);
    let old_try = |id: u64| {
        format!(
            "{{\"id\":{id},\"run_id\":{id},\"relay_id\":1,\"agent_type\":\"claude\",\"completed\":true,\
             \"started_at\":\"{OLD}\",\"ended_at\":\"{OLD}\",\"attempt_number\":1}}\n"
        )
    };
    put(&at("tries.jsonl"), &(old_try(1) + &old_try(2)));
    let relay = format!(
        "{{\"id\":1,\"target_iterations\":9,\"completed_iterations\":2,\"agent_mix\":\"cc\",\"started_at\":\"{OLD}\"}}\n"
    );
    put(&at("relays.jsonl"), &relay);
    let note = format!(
        "{{\"id\":1,\"body\":\"old\",\"status\":\"pending\",\"position\":1,\"created_at\":\"{OLD}\",\
         \"updated_at\":\"{OLD}\",\"theirs\":7}}\n"
    );
    put(&at("messages.jsonl"), &note);
    let event = format!("{{\"agent_type\":\"claude\",\"event_type\":\"paused\",\"timestamp\":\"{OLD}\"}}\n");
    put(&at("agent_status.jsonl"), &event);
    let view = format!(
        "{{\"active_relay_id\":1,\"active_run_id\":3,\"active_try_id\":3,\"active_started_at\":\"{OLD}\"}}\n"
    );
    put(&at("run-state.json"), &view);
    put(&at("current_task.md"), "old task");
    put(&at("batches/1/log"), "nothing");
    put(&at(".gitignore"), "mine");
    // Half a line that a crash left, and the log of an earlier life of the workspace.
    put(&layout.quota(), "{\"scope\":\"cla");
    put(
        &layout.summary(),
        "{\"run_id\":\"relay-1-run-1\",\"summary\":\"s\",\"updated_at\":\"2023-10-01T00:00:00.000Z\"}",
    );
    put(&layout.try_log(5), "of another life");
}

fn long_journal(layout: &Layout) {
    let fact = |fact: &str| format!("{{\"v\":1,\"at\":\"{OLD}\",{fact}}}\n");
    let run = |run: u64| {
        let names = format!("\"relay_id\":1,\"run_id\":{run}");
        let snapshot = "x".repeat(90 << 10);
        let started = format!("\"fact\":\"run_started\",{names},\"entry\":\"c\",\"snapshot\":\"{snapshot}\"");
        fact(&started) + &fact(&format!("\"fact\":\"run_ended\",{names}"))
    };
    put(&layout.journal(), &(1..4).map(run).collect::<String>());
}

fn long_ledgers(layout: &Layout) {
    let event =
        format!("{{\"v\":1,\"agent_type\":\"codex\",\"event_type\":\"paused\",\"timestamp\":\"{OLD}\"}}\n");
    put(&layout.agent_status(), &event.repeat(550));
    let quota = format!(
        "{{\"v\":1,\"scope\":\"codex\",\"source\":\"codex\",\"at\":\"{OLD}\",\
         \"windows\":[{{\"name\":\"five_hour\"}}]}}\n"
    );
    put(&layout.quota(), &quota.repeat(200));
}
