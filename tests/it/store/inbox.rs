//! The inbox.

use rally::store::StoreError;
use rally::store::messages::Inbox;

use super::*;

fn workspace() -> (Sandbox, Layout) {
    let sandbox = Sandbox::without_repository();
    let layout = layout(&sandbox);
    std::fs::create_dir_all(layout.state_dir()).unwrap();
    (sandbox, layout)
}

// 30-185
#[test]
fn messages_are_added_changed_and_sorted() {
    let (_sandbox, layout) = workspace();
    let inbox = Inbox::new(&layout);
    assert!(inbox.pending().unwrap().is_empty());
    let first = inbox.add("first", None, None, at(1)).unwrap();
    assert_eq!((first.id, first.position, &*first.status), (1, 1, "pending"));
    assert_eq!(inbox.add("later", None, Some(9), at(2)).unwrap().position, 9);
    assert_eq!(inbox.add("last", Some("relay"), None, at(3)).unwrap().position, 10);
    inbox.add("same", Some("relay"), Some(1), at(4)).unwrap();
    let bodies = || -> Vec<String> { inbox.pending().unwrap().into_iter().map(|m| m.body).collect() };
    assert_eq!(bodies(), ["first", "same", "later", "last"], "equal positions keep their order");
    let changed = inbox.update(1, at(5), |m| m.status = "addressed".into()).unwrap();
    assert_eq!((changed.updated_at, changed.created_at), (at(5), at(1)));
    assert_eq!(bodies(), ["same", "later", "last"]);
    assert_eq!(inbox.load().unwrap()[0], changed);
    assert!(matches!(inbox.update(77, at(6), |_| {}), Err(StoreError::UnknownMessage { id: 77, .. })));

    let for_relay =
        |relay| -> Vec<u64> { inbox.pending_for_relay(relay).unwrap().iter().map(|m| m.id).collect() };
    assert_eq!(for_relay(2), [4, 3]);
    inbox.update(4, at(7), |m| m.consumed_by_relay_id = Some(1)).unwrap();
    assert_eq!(for_relay(1), [4, 3]);
    assert_eq!(for_relay(2), [3]);
    inbox.update(3, at(8), |m| m.status = "cancelled".into()).unwrap();
    assert!(for_relay(2).is_empty());
}

// 30-185: nothing pending is ever let go of.
#[test]
fn only_resolved_messages_are_windowed() {
    let (_sandbox, layout) = workspace();
    let inbox = Inbox::new(&layout);
    for n in 1..=210 {
        inbox.add(&format!("m{n}"), None, None, at(n)).unwrap();
    }
    assert_eq!(inbox.pending().unwrap().len(), 210);
    for id in 1..=205 {
        inbox.update(id, at(300), |m| m.status = "addressed".into()).unwrap();
    }
    assert_eq!(inbox.pending().unwrap().len(), 5);
    assert_eq!(lines(&layout.messages()).len(), 205);
    assert_eq!(inbox.load().unwrap()[0].id, 6, "the oldest go first");
}
