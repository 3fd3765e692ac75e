//! Health events of runners.

use rally::model::Runner;
use rally::store::records::{AgentStatusEvent, AgentStatusKind};

use super::*;

fn claude(model: Option<&str>) -> Runner {
    Runner { model: model.map(str::to_owned), ..Runner::bare("claude") }
}

fn event(second: i64, model: Option<&str>, kind: AgentStatusKind) -> AgentStatusEvent {
    AgentStatusEvent { v: 0, ..AgentStatusEvent::new(&claude(model), kind, at(second)) }
}

// 30-186: events survive reloads in order; 503 become 500, tries and relays all stay.
// Deviation: the file itself is rewritten only every 50 events.
#[test]
fn events_are_windowed_and_records_are_not() {
    let sandbox = Sandbox::without_repository();
    let layout = layout(&sandbox);
    let (mut store, _) = open(&layout);
    assert!(store.status_events().unwrap().is_empty());
    for n in 0..503 {
        store.append_status(event(n, Some("opus"), AgentStatusKind::Active)).unwrap();
    }
    let expected: Vec<_> = (3..503).map(at).collect();
    let times = |store: &Store| -> Vec<Timestamp> {
        store.status_events().unwrap().iter().map(|e| e.timestamp).collect()
    };
    assert_eq!(times(&store), expected);
    for n in 1..=53 {
        store.create_relay(new_relay(1), at(n)).unwrap();
    }
    for n in 1..=505 {
        one_try(&mut store, 53, n, rally::model::Outcome::Failed);
    }
    drop(store);
    let (mut store, _) = open(&layout);
    assert_eq!(times(&store), expected);
    assert_eq!(lines(&layout.tries()).len(), 505);
    assert_eq!(store.reader().recent_relays(99).unwrap().len(), 53);
    for n in 503..560 {
        store.append_status(event(n, Some("opus"), AgentStatusKind::Active)).unwrap();
    }
    let on_disk = lines(&layout.agent_status()).len();
    assert!((500..=550).contains(&on_disk), "{on_disk}");
    assert_eq!(times(&store), (60..560).map(at).collect::<Vec<_>>());
}

// 30-125, 128
#[test]
fn a_new_relay_forgets_pauses_but_not_exhausted_accounts() {
    use AgentStatusKind::*;
    let sandbox = Sandbox::without_repository();
    let layout = layout(&sandbox);
    let benched = |second, model, reset| AgentStatusEvent {
        reset_at: Some(at(reset)),
        quota_scope: Some(format!("claude:{model}")),
        ..event(second, Some(model), Benched)
    };
    let fill = |store: &mut Store| {
        let events = [
            event(1, None, Paused),
            event(2, Some("frozen"), Frozen),
            benched(3, "healed", 900),
            benched(4, "over", 50),
            benched(5, "benched", 800),
            benched(6, "benched", 900),
            event(7, Some("healed"), Active),
            event(8, Some("endless"), Benched),
        ];
        for event in events {
            store.append_status(event).unwrap();
        }
    };
    let (mut store, _) = open(&layout);
    store.clear_status_keeping_resets(at(100), false).unwrap();
    fill(&mut store);
    store.clear_status_keeping_resets(at(100), false).unwrap();
    let [kept] = &store.status_events().unwrap()[..] else { panic!("one is left") };
    assert_eq!((kept.model.as_deref(), kept.reset_at), (Some("benched"), Some(at(900))));
    assert_eq!(kept.quota_scope.as_deref(), Some("claude:benched"));
    fill(&mut store);
    store.clear_status_keeping_resets(at(100), true).unwrap();
    assert!(store.status_events().unwrap().is_empty());
    assert!(!layout.agent_status().exists());
}

// 30-127: what was written survives a reopening as it was, and a repeated limit is an event of its own
#[test]
fn events_survive_as_they_were_written() {
    use AgentStatusKind::*;
    let sandbox = Sandbox::without_repository();
    let layout = layout(&sandbox);
    let limit = |second, reset| AgentStatusEvent {
        relay_id: Some(3),
        run_id: Some(4),
        try_id: Some(5),
        reason: Some("usage limit (run 4)".into()),
        reset_at: Some(at(reset)),
        quota_scope: Some("claude".into()),
        ..event(second, Some("opus"), Benched)
    };
    let (mut store, _) = open(&layout);
    store.append_status(limit(1, 900)).unwrap();
    store.append_status(limit(901, 1800)).unwrap();
    drop(store);
    let before = lines(&layout.agent_status());
    let (store, _) = open(&layout);
    let stored: Vec<_> = store.status_events().unwrap();
    let versioned = |event| AgentStatusEvent { v: 1, ..event };
    assert_eq!(stored, [versioned(limit(1, 900)), versioned(limit(901, 1800))]);
    assert_eq!(lines(&layout.agent_status()), before);
}

// 23.P4: the file is not rewritten at every append once more runners are ill than the window holds
#[test]
fn a_file_that_cannot_be_shortened_is_left_alone() {
    let sandbox = Sandbox::without_repository();
    let layout = layout(&sandbox);
    let (mut store, _) = open(&layout);
    let ill = |n: i64| event(n, Some(&format!("m{n}")), AgentStatusKind::Frozen);
    for n in 0..560 {
        store.append_status(ill(n)).unwrap();
    }
    let identity = |path: &std::path::Path| {
        use std::os::unix::fs::MetadataExt;
        std::fs::metadata(path).unwrap().ino()
    };
    let file = identity(&layout.agent_status());
    store.append_status(ill(560)).unwrap();
    assert_eq!(identity(&layout.agent_status()), file);
    assert_eq!(store.status_events().unwrap().len(), 561);
    // Once enough of it is void, it is.
    for n in 0..60 {
        store.append_status(event(600 + n, Some(&format!("m{n}")), AgentStatusKind::Active)).unwrap();
    }
    assert!(lines(&layout.agent_status()).len() <= 560);
    assert_eq!(
        rally::relay::resilience::Healths::replay(&store.status_events().unwrap()).of(
            &claude(Some("m3")),
            "claude",
            at(700)
        ),
        rally::relay::resilience::Health::Active
    );
}

#[test]
fn a_new_relay_keeps_the_limit_of_a_quota_whose_runner_was_paused_since() {
    use AgentStatusKind::*;
    let sandbox = Sandbox::without_repository();
    let (mut store, _) = open(&layout(&sandbox));
    let limit = AgentStatusEvent {
        reset_at: Some(at(900)),
        quota_scope: Some("provider:shared".into()),
        ..event(1, Some("opus"), Benched)
    };
    store.append_status(limit.clone()).unwrap();
    store.append_status(event(2, Some("opus"), Paused)).unwrap();
    store.clear_status_keeping_resets(at(100), false).unwrap();
    let kept = store.status_events().unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].event_type, kept[0].quota_scope.as_deref()), (Benched, Some("provider:shared")));
    store.clear_status_keeping_resets(at(900), false).unwrap();
    assert!(store.status_events().unwrap().is_empty());
}
