//! The inbox.

use rally::store::StoreError;
use rally::store::messages::{Given, Inbox};

use rally::store::records::Message;

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

fn bodies(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|m| &*m.body).collect()
}

// 30-102, 30-103, 30-23.I3: one message of the queue for each run, all of the relay's for every run.
#[test]
fn every_run_is_given_its_own_message_and_all_of_the_relay() {
    let (_sandbox, layout) = workspace();
    let inbox = Inbox::new(&layout);
    inbox.add("second", None, Some(5), at(1)).unwrap();
    inbox.add("first", None, Some(2), at(1)).unwrap();
    inbox.add("tabs", Some("relay"), None, at(1)).unwrap();
    inbox.add("tests", Some("relay"), None, at(1)).unwrap();
    let given = inbox.give(4, 1, at(2)).unwrap();
    let run = given.run.clone().unwrap();
    assert_eq!(
        (run.body.as_str(), run.consumed_by_relay_id, run.consumed_by_run_id),
        ("first", Some(4), Some(1))
    );
    assert_eq!(run.updated_at, at(2));
    assert_eq!(bodies(&given.relay), ["tabs", "tests"]);
    let before = lines(&layout.messages());
    assert_eq!(inbox.give(4, 1, at(3)).unwrap(), given, "asked again, it is the same");
    assert_eq!(lines(&layout.messages()), before, "and nothing is written");
    assert_eq!(inbox.settle(4, 1, true, at(4)).unwrap(), [2]);
    let next = inbox.give(4, 2, at(5)).unwrap();
    assert_eq!((bodies(&next.relay), &*next.run.unwrap().body), (vec!["tabs", "tests"], "second"));
    assert_eq!(inbox.settle(4, 2, true, at(6)).unwrap(), [1, 2]);
    assert_eq!(inbox.settle(4, 2, true, at(7)).unwrap(), [1, 2], "once settled, nothing changes");
    let third = inbox.give(4, 3, at(8)).unwrap();
    assert_eq!((bodies(&third.relay), third.run), (vec!["tabs", "tests"], None));
    assert_eq!(inbox.close(4, at(9)).unwrap(), [1, 2, 3, 4]);
    assert!(inbox.pending().unwrap().is_empty());
    assert_eq!(inbox.give(5, 1, at(10)).unwrap(), Given::default(), "another relay is given none of it");
}

// 30-23.I1: a stamp is a relay and a run; what a run leaves comes first again.
#[test]
fn a_failed_run_gives_its_message_back() {
    let (_sandbox, layout) = workspace();
    let inbox = Inbox::new(&layout);
    for body in ["a", "b", "c"] {
        inbox.add(body, None, None, at(1)).unwrap();
    }
    assert_eq!(inbox.give(1, 1, at(2)).unwrap().run.unwrap().body, "a");
    assert_eq!(inbox.held().unwrap(), [(1, 1)]);
    assert!(inbox.settle(2, 1, true, at(3)).unwrap().is_empty(), "another relay's run of that number");
    assert!(inbox.settle(1, 1, false, at(3)).unwrap().is_empty());
    let first = &inbox.pending().unwrap()[0];
    assert_eq!((&*first.body, first.consumed_by_relay_id, first.consumed_by_run_id), ("a", None, None));
    assert_eq!(inbox.give(1, 2, at(4)).unwrap().run.unwrap().body, "a");
    // Acknowledged, it stays so, though the run fails; the run gets no other one.
    assert_eq!(inbox.ack(&[1], at(5)).unwrap(), [1]);
    assert_eq!(inbox.give(1, 2, at(6)).unwrap().run, None);
    assert_eq!(inbox.settle(1, 2, false, at(7)).unwrap(), [1]);
    assert_eq!(inbox.give(1, 3, at(8)).unwrap().run.unwrap().body, "b");
    // An old stamp without a relay says nothing.
    inbox.update(3, at(9), |m| m.consumed_by_run_id = Some(4)).unwrap();
    inbox.settle(1, 3, true, at(9)).unwrap();
    assert_eq!(inbox.give(1, 4, at(9)).unwrap().run.unwrap().body, "c");
}

// 30-104: a relay's message ends with its acknowledgement, or when it is taken back.
#[test]
fn a_message_of_the_relay_is_given_until_it_is_resolved() {
    let (_sandbox, layout) = workspace();
    let inbox = Inbox::new(&layout);
    for body in ["a", "b", "c"] {
        inbox.add(body, Some("relay"), None, at(1)).unwrap();
    }
    assert_eq!(bodies(&inbox.give(1, 1, at(2)).unwrap().relay), ["a", "b", "c"]);
    assert!(inbox.give(2, 1, at(2)).unwrap().relay.is_empty(), "they are with relay 1");
    inbox.ack(&[1], at(3)).unwrap();
    inbox.cancel(2, at(3)).unwrap();
    assert_eq!(bodies(&inbox.give(1, 2, at(4)).unwrap().relay), ["c"]);
    assert_eq!(inbox.addressed_by(1).unwrap(), [1]);
}

#[test]
fn what_is_over_cannot_be_taken_back() {
    let (_sandbox, layout) = workspace();
    let inbox = Inbox::new(&layout);
    for body in ["a", "b"] {
        inbox.add(body, None, None, at(1)).unwrap();
    }
    assert_eq!(inbox.cancel(1, at(2)).unwrap().status, "cancelled");
    let text = |error: StoreError| error.to_string();
    assert_eq!(text(inbox.cancel(1, at(3)).unwrap_err()), "message 1 is cancelled already");
    assert_eq!(text(inbox.ack(&[2, 1], at(3)).unwrap_err()), "message 1 is cancelled already");
    assert!(matches!(inbox.ack(&[2, 9], at(3)), Err(StoreError::UnknownMessage { id: 9, .. })));
    assert_eq!(inbox.pending().unwrap().len(), 1, "all or none");
    assert_eq!(inbox.ack(&[2, 2], at(4)).unwrap(), [2]);
    assert!(inbox.ack(&[2], at(5)).unwrap().is_empty(), "no news");
    assert_eq!(text(inbox.cancel(2, at(6)).unwrap_err()), "message 2 is addressed already");
}

// A change rewrites the whole file: what it cannot read stays, and what is torn is set aside.
#[test]
fn damaged_lines_survive_a_change() {
    let (_sandbox, layout) = workspace();
    let inbox = Inbox::new(&layout);
    inbox.add("a", None, None, at(1)).unwrap();
    let mut text = std::fs::read_to_string(layout.messages()).unwrap();
    text.push_str("{\"id\":\"by hand\"}\n{\"id\":7,\"bo");
    std::fs::write(layout.messages(), text).unwrap();
    inbox.cancel(1, at(2)).unwrap();
    let left = lines(&layout.messages());
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left.iter().any(|line| line["id"] == "by hand"), "{left:?}");
    let aside = std::fs::read_dir(layout.state_dir()).unwrap().flatten();
    let torn =
        |path: std::path::PathBuf| std::fs::read_to_string(path).is_ok_and(|text| text.contains("\"bo"));
    assert!(aside.into_iter().any(|entry| torn(entry.path())), "the torn line is kept");
}
