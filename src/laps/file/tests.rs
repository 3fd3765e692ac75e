//! Bytes, ids and order of a task file.

use std::collections::BTreeSet;

use super::*;
use crate::laps::NewLap;
use crate::model::Timestamp;

const REAL: &[u8] = include_bytes!("../../../tests/fixtures/laps/v2-24.json");

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn lap(title: &str) -> NewLap {
    NewLap { title: title.to_owned(), ..NewLap::default() }
}

// 40-14.1
#[test]
fn a_real_file_is_written_as_it_was_read() {
    let file = TaskFile::parse(REAL).unwrap().unwrap();
    assert_eq!(file.entries.len(), 24);
    assert!(file.warnings.is_empty());
    assert_eq!(String::from_utf8(file.bytes()).unwrap(), String::from_utf8_lossy(REAL));
}

// 40-14.2
#[test]
fn ids_come_out_as_in_real_files() {
    for entry in TaskFile::parse(REAL).unwrap().unwrap().entries {
        let prefix = entry.id.split('-').next().unwrap();
        let id = new_id(prefix, &entry.title, &entry.created_at, &entry.description, &BTreeSet::new());
        assert_eq!(id.unwrap(), entry.id);
    }
    let then = Stamp::from(at("2026-04-28T10:15:00Z"));
    let none = BTreeSet::new();
    let id = new_id("mypr", "Add list command", &then, "Multi-line\ndescription supported.", &none);
    assert_eq!(id.unwrap(), "mypr-474a");
    let taken = BTreeSet::from(["proj-cfe4".to_owned(), "proj-cfe40".to_owned()]);
    assert_eq!(new_id("proj", "Task", &then, "Desc", &taken).unwrap(), "proj-cfe401");
}

// 40-14.3
#[test]
fn every_place_has_its_number() {
    let now = at("2026-04-28T10:15:00Z");
    let mut file = TaskFile::default();
    let add = |file: &mut TaskFile, place: At, titles: &[&str]| {
        let laps: Vec<NewLap> = titles.iter().map(|title| lap(title)).collect();
        file.add(&place, &laps, "test", &BTreeSet::new(), now).unwrap()
    };
    let titles = |file: &TaskFile| file.waiting().map(|e| e.title.clone()).collect::<Vec<_>>().join(" ");
    let first = add(&mut file, At::Tail, &["c"]).entries[0].clone();
    assert_eq!(first.order, 65536);
    add(&mut file, At::Head, &["a", "b"]);
    add(&mut file, At::Tail, &["f"]);
    add(&mut file, At::After(first.id.clone()), &["d", "e"]);
    assert_eq!(titles(&file), "a b c d e f");
    for n in 0..40 {
        add(&mut file, At::After(first.id.clone()), &[&n.to_string()]);
    }
    assert!(titles(&file).starts_with("a b c 39 38 37"), "{}", titles(&file));
    file.done(&first.id, now).unwrap();
    let added = add(&mut file, At::After(first.id.clone()), &["z"]);
    assert!(added.after_done);
    assert!(titles(&file).starts_with("z a b 39"));
    file.reopen(&first.id, now).unwrap();
    assert!(titles(&file).starts_with("z a b c 39"));
}

// 40-13.6: what is wrong is said with its line; unknown keys stay where they are.
#[test]
fn damage_is_named_with_its_line() {
    let error = |text: &str| TaskFile::parse(text.as_bytes()).unwrap_err().to_string();
    let float = "{\n \"version\": 2,\n \"tasks\": [\n  {\"id\": \"a-1\",\n   \"order\": 1.5}]}";
    assert!(error(float).starts_with("line 5: `order` must be a whole number, not 1.5"));
    assert!(error("{\n<<<<<<< HEAD\n").starts_with("line 2: a merge conflict marker"));
    assert!(error("{\"version\": 4, \"tasks\": []}").contains("newer version"));
    assert!(error("{\"version\": 2, \"tasks\": []} x").contains("after the end"));
    assert!(error("{\"tasks\": []}").contains("`version` is missing"));
    assert_eq!(TaskFile::parse(b" {}\n").unwrap(), None);
    let odd = "{\n  \"version\": 3,\n  \"x\": 1e2,\n  \"tasks\": [],\n  \"y\": [\n    \"\\u003c\"\n  ]\n}\n";
    let file = TaskFile::parse(odd.as_bytes()).unwrap().unwrap();
    assert_eq!(String::from_utf8(file.bytes()).unwrap(), odd);
    assert_eq!(file.warnings.len(), 2);
}
