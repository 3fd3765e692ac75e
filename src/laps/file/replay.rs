//! Sequences of changes: as the program `laps` made them, byte for byte, and any at all beside a plain list.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::*;
use crate::laps::NewLap;
use crate::model::Timestamp;

/// One line a step: when, what, whether it went well, and the digest of the file behind it.
const V2: (&str, &[u8]) = (
    include_str!("../../../tests/fixtures/laps/sequence-v2.jsonl"),
    include_bytes!("../../../tests/fixtures/laps/sequence-v2.json"),
);
const V3: (&str, &[u8]) = (
    include_str!("../../../tests/fixtures/laps/sequence-v3.jsonl"),
    include_bytes!("../../../tests/fixtures/laps/sequence-v3.json"),
);

fn step(file: &mut TaskFile, step: &Value) -> Result<(), OpError> {
    let now: Timestamp = step["at"].as_str().unwrap().parse().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let id = text(&step["id"]);
    let at = match step["place"][0].as_str() {
        Some("tail") => At::Tail,
        Some("after") => At::After(text(&step["place"][1])),
        _ => At::Head,
    };
    match step["do"].as_str().unwrap() {
        "add" => {
            let lap = |lap: &Value| NewLap {
                title: text(&lap["title"]),
                description: text(&lap["description"]),
                assignee: Some(text(&lap["assignee"])),
            };
            let laps: Vec<NewLap> = step["laps"].as_array().unwrap().iter().map(lap).collect();
            file.add(&at, &laps, "proj", &BTreeSet::new(), now).map(drop)
        }
        "done" => file.done(&id, now).map(drop),
        "undo" => match file.undoable() {
            Some(last) => file.reopen(&last.id, now).map(drop),
            None => Err(OpError::Unknown(id)),
        },
        "delete" => file.delete(&id).map(drop),
        "prune" => {
            file.prune(usize::try_from(step["keep"].as_u64().unwrap()).unwrap(), |_| false);
            Ok(())
        }
        "move" => file.move_to(&id, &at, now).map(drop),
        "edit" => {
            let edit = Edit {
                title: Some(text(&step["title"])),
                assignee: Some(text(&step["assignee"])),
                ..Edit::default()
            };
            file.edit(&id, &edit, now).map(drop)
        }
        other => panic!("{other}"),
    }
}

// 40-3.4 to 3.7: every step of the program's own files comes out as it wrote it.
#[test]
fn recorded_sequences_give_the_same_bytes() {
    for (version, (steps, last)) in [(2, V2), (3, V3)] {
        let mut file = TaskFile { version, ..TaskFile::default() };
        for (n, line) in steps.lines().enumerate() {
            let value: Value = serde_json::from_str(line).unwrap();
            let before = file.clone();
            let answer = step(&mut file, &value);
            assert_eq!(answer.is_ok(), value["ok"] == true, "v{version} step {n}: {line} {answer:?}");
            if answer.is_err() {
                assert_eq!(file.bytes(), before.bytes(), "v{version} step {n} changed something");
            }
            let digest: String = Sha256::digest(file.bytes()).iter().map(|b| format!("{b:02x}")).collect();
            assert_eq!(&digest[..16], value["sha256"], "v{version} step {n}: {line}");
            file = TaskFile::parse(&file.bytes()).unwrap().unwrap();
        }
        assert_eq!(String::from_utf8(file.bytes()).unwrap(), String::from_utf8_lossy(last));
    }
}

/// What a file is to those who only think of lists: what waits, head first, and what is done, oldest first.
#[derive(Debug, Default)]
struct Plain {
    waiting: Vec<String>,
    done: Vec<String>,
}

impl Plain {
    fn place(&self, at: &At) -> Option<usize> {
        match at {
            At::Head => Some(0),
            At::Tail => Some(self.waiting.len()),
            At::After(id) if self.done.contains(id) => Some(0),
            At::After(id) => Some(self.waiting.iter().position(|other| other == id)? + 1),
        }
    }

    fn all(&self) -> Vec<String> {
        self.waiting.iter().chain(&self.done).cloned().collect()
    }
}

proptest! {
    // 40-3.4, 3.5, 7: any changes, beside a list. Undo is left to the recorded sequences: it keeps old numbers.
    #[test]
    fn any_changes_are_those_of_a_list(
        steps in prop::collection::vec((0u8..8, 0usize..64, 0usize..64, 0u8..3, 1usize..4), 1..80)
    ) {
        let mut file = TaskFile::default();
        let mut plain = Plain::default();
        for (n, (what, one, two, place, many)) in steps.into_iter().enumerate() {
            let now = "2026-04-28T10:15:00Z".parse::<Timestamp>().unwrap()
                + jiff::SignedDuration::from_secs(i64::try_from(n / 2).unwrap());
            let now = now + jiff::SignedDuration::from_millis(i64::try_from(n).unwrap());
            let all = plain.all();
            let pick = |n: usize| all.get(n % all.len().max(1)).cloned().unwrap_or_else(|| "proj-0000".to_owned());
            let (id, other) = (pick(one), pick(two));
            let at = match place {
                0 => At::Head,
                1 => At::Tail,
                _ => At::After(other),
            };
            match what {
                0..=3 => {
                    let laps: Vec<NewLap> = (0..many)
                        .map(|k| NewLap { title: format!("same {}", (n + k) % 3), ..NewLap::default() })
                        .collect();
                    let added = file.add(&at, &laps, "proj", &BTreeSet::new(), now);
                    match plain.place(&at) {
                        Some(place) => {
                            let added: Vec<String> = added.unwrap().entries.into_iter().map(|e| e.id).collect();
                            prop_assert_eq!(added.len(), many);
                            plain.waiting.splice(place..place, added);
                        }
                        None => prop_assert!(added.is_err()),
                    }
                }
                4 => match plain.waiting.iter().position(|lap| *lap == id) {
                    Some(n) => {
                        file.done(&id, now).unwrap();
                        plain.done.push(plain.waiting.remove(n));
                    }
                    None => prop_assert!(file.done(&id, now).is_err()),
                },
                5 => {
                    prop_assert_eq!(file.delete(&id).is_ok(), all.contains(&id));
                    plain.waiting.retain(|lap| *lap != id);
                    plain.done.retain(|lap| *lap != id);
                }
                6 => {
                    let gone = file.prune(many, |_| false);
                    let cut = plain.done.len().saturating_sub(many);
                    let cut: Vec<String> = plain.done.drain(..cut).collect();
                    prop_assert_eq!(gone.into_iter().map(|e| e.id).collect::<Vec<_>>(), cut);
                }
                _ => {
                    let fits = plain.waiting.contains(&id) && at != At::After(id.clone());
                    match plain.place(&at).filter(|_| fits) {
                        Some(_) => {
                            file.move_to(&id, &at, now).unwrap();
                            plain.waiting.retain(|lap| *lap != id);
                            let place = plain.place(&at).unwrap();
                            plain.waiting.insert(place, id);
                        }
                        None => prop_assert!(file.move_to(&id, &at, now).is_err()),
                    }
                }
            }
            let again = TaskFile::parse(&file.bytes()).unwrap().unwrap();
            prop_assert_eq!(&again.entries, &file.entries);
            prop_assert_eq!(again.waiting().map(|e| e.id.clone()).collect::<Vec<_>>(), plain.waiting.clone());
            let done: Vec<String> = again.entries.iter().filter(|e| e.is_done).map(|e| e.id.clone()).collect();
            prop_assert_eq!(done, plain.done.clone());
            prop_assert_eq!(again.warnings.len(), 0);
        }
    }
}
