//! The folder: claims, stints, deaths and writers that ignore the lock.

use super::*;
use crate::laps::file::{At, TaskFile};
use crate::laps::{NewLap, Standing};
use crate::model::Timestamp;

fn now() -> Timestamp {
    "2026-04-28T10:15:00Z".parse().unwrap()
}

fn laps(titles: &[&str]) -> Vec<NewLap> {
    titles.iter().map(|title| NewLap { title: (*title).to_owned(), ..NewLap::default() }).collect()
}

fn add(folder: &Folder, at: At, titles: &[&str]) -> Vec<String> {
    let (added, _) = folder.add(&Scope::Root, &at, &laps(titles), now()).unwrap();
    added.entries.into_iter().map(|entry| entry.id).collect()
}

fn claimed(handed: Handed) -> String {
    match handed {
        Handed::Lap { entry, .. } => entry.id,
        other => panic!("no lap: {other:?}"),
    }
}

// 40-14.4
#[test]
fn both_forms_of_a_claim_are_read() {
    for (text, lap) in [
        ("a-1\n", Some("a-1")),
        ("{\"lap\":\"a-1\",\"file\":\"x.json\",\"new\":1}\n", Some("a-1")),
        ("  \n", None),
    ] {
        assert_eq!(Claim::parse(text.as_bytes()).unwrap().map(|c| c.lap).as_deref(), lap);
    }
    for text in ["{", "\"x\"", "[\"a\"]", "{\"lap\":1}"] {
        assert!(Claim::parse(text.as_bytes()).is_err(), "{text}");
    }
}

// 40-14.5, 14.11
#[test]
fn the_claimed_lap_is_the_one_that_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::of(dir.path());
    let ids = add(&folder, At::Tail, &["a", "b"]);
    assert_eq!(claimed(folder.claim(&Scope::Active, now()).unwrap()), ids[0]);
    assert_eq!(std::fs::read_to_string(folder.path("claim")).unwrap(), format!("{}\n", ids[0]));
    let urgent = add(&folder, At::Head, &["urgent"]);
    assert_eq!(folder.done(&Scope::Active, None, now()).unwrap().0.title, "a");
    assert_eq!(folder.claimed().unwrap(), None);
    assert_eq!(folder.standing(&ids[0]).unwrap(), Standing::Done);
    assert_eq!(claimed(folder.claim(&Scope::Active, now()).unwrap()), urgent[0]);
    assert!(matches!(folder.claim_anywhere(&ids[0], now()), Err(LapsError::Op(_))));
    assert!(std::fs::read_to_string(folder.path("laps.json")).unwrap().starts_with("{\n  \"version\": 2,"));
    assert!(!folder.path("log.jsonl").exists());
}

// 40-9.5, 13.4, 13.22
#[test]
fn a_finished_stint_is_archived_and_comes_back_with_an_undo() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::of(dir.path());
    let root = add(&folder, At::Tail, &["last"]);
    for name in ["void", "auth"] {
        folder.new_stint(name).unwrap();
        folder.enqueue(name, &At::Head, now()).unwrap();
    }
    let auth = Scope::Stint("auth".to_owned());
    let id = folder.add(&auth, &At::Tail, &laps(&["login"]), now()).unwrap().0.entries[0].id.clone();
    folder.hold("auth", true, now()).unwrap();
    assert!(matches!(folder.claim(&Scope::Active, now()).unwrap(), Handed::Held { .. }));
    folder.hold("auth", false, now()).unwrap();
    assert_eq!(folder.waiting().unwrap().len(), 2);
    assert_eq!(claimed(folder.claim(&Scope::Active, now()).unwrap()), id);
    folder.done(&Scope::Active, None, now()).unwrap();
    assert!(folder.path("stints/archive/auth.laps.json").exists());
    assert_eq!(folder.standing(&id).unwrap(), Standing::Done);
    assert_eq!(claimed(folder.head(&Scope::Active).unwrap()), root[0]);
    assert_eq!(claimed(folder.claim(&Scope::Active, now()).unwrap()), root[0]);
    assert!(folder.path("stints/archive/void.laps.json").exists());
    folder.undo(&Scope::Active, false, now()).unwrap();
    assert_eq!(claimed(folder.claim(&Scope::Active, now()).unwrap()), id);
    let log = std::fs::read_to_string(folder.path("log.jsonl")).unwrap();
    for event in ["completed", "stint.archived", "unclaimed", "reopened", "stint.held"] {
        assert!(log.contains(&format!("\"event\":\"{event}\"")), "{event}");
    }
}

// 40-14.9
#[test]
fn two_writers_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for name in ["x", "y"] {
            let folder = Folder::of(dir.path());
            scope.spawn(move || (0..50).for_each(|n| drop(add(&folder, At::Tail, &[&format!("{name}{n}")]))));
        }
    });
    assert_eq!(Folder::of(dir.path()).waiting().unwrap().len(), 100);
}

// 40-14.9: the change is made anew on what the other one wrote.
#[test]
fn a_change_of_a_writer_without_lock_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::of(dir.path());
    add(&folder, At::Tail, &["ours"]);
    let lock = folder.lock().unwrap();
    let mut turns = 0;
    let change = |tasks: &mut TaskFile| {
        turns += 1;
        if turns == 1 {
            let mut other = tasks.clone();
            other.add(&At::Tail, &laps(&["theirs"]), "test", &Default::default(), now()).unwrap();
            std::fs::write(folder.path("laps.json"), other.bytes()).unwrap();
        }
        Ok(tasks.add(&At::Tail, &laps(&["again"]), "test", &Default::default(), now())?)
    };
    lock.edit("laps.json", change).unwrap();
    let titles: Vec<String> = folder.waiting().unwrap().into_iter().map(|entry| entry.title).collect();
    assert_eq!(titles, ["ours", "theirs", "again"]);
}

// 40-14.10, 13.20
#[test]
fn leftovers_are_swept_and_names_stay_inside() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::of(dir.path());
    add(&folder, At::Tail, &["a"]);
    std::fs::write(folder.path(".laps-new-abc.tmp"), "{").unwrap();
    add(&folder, At::Tail, &["b"]);
    assert_eq!(std::fs::read_dir(folder.dir()).unwrap().count(), 1);
    assert!(file_name("../x").is_err());
    assert_eq!(file_name("stints/auth.laps").unwrap(), "stints/auth.laps.json");
}

// 40-3.9: whoever changes nothing writes nothing, whatever the file looks like
#[test]
fn a_file_in_which_nothing_changes_is_not_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::of(dir.path());
    std::fs::create_dir(folder.dir()).unwrap();
    let text = r#"{"version":3,"tasks":[]}"#;
    std::fs::write(folder.path(ROOT_FILE), text).unwrap();
    assert!(folder.prune(&Scope::Root, 1, now()).unwrap().is_empty());
    assert_eq!(std::fs::read_to_string(folder.path(ROOT_FILE)).unwrap(), text);
}
