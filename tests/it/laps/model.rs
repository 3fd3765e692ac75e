//! A queue in memory, written from the rules and not from the program: what each command must answer and leave.
//! What only the process can know, a new id and the time, is taken from its answer. `?` stands for a time that no
//! answer tells.

mod apply;

use std::collections::BTreeMap;

use serde_json::{Value, json};

pub(super) const ROOT: &str = "laps.json";
const STEP: i64 = 65536;

#[derive(Debug, Clone)]
pub(super) enum At {
    Head,
    Tail,
    After(String),
}

#[derive(Debug, Clone)]
pub(super) enum Scope {
    Active,
    Root,
    Stint(String),
}

#[derive(Debug, Clone)]
pub(super) enum Command {
    Add(At, String),
    Get(Option<String>),
    List,
    Claim(Option<String>),
    Unclaim,
    Done(Option<String>),
    /// A `done` without id that has read which lap is claimed, and in which file.
    Aimed(String, String),
    Undo,
    Edit(String, String),
    Assign(String, String),
    Move(String, At),
    Delete(String, bool),
    Prune(usize),
    Hold(String, bool),
    Handoff,
}

/// What a process said: its exit code, and its standard output as JSON.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) code: i32,
    pub(super) answer: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lap {
    pub(super) stint: Option<String>,
    pub(super) id: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) assignee: String,
    pub(super) done: Option<String>,
    pub(super) order: i64,
    pub(super) created: String,
    pub(super) updated: String,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Queue {
    pub(super) held: bool,
    pub(super) laps: Vec<Lap>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Claim {
    pub(super) lap: String,
    pub(super) file: String,
    pub(super) since: String,
}

/// All files of the queue.
#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    pub(super) files: BTreeMap<String, Queue>,
    pub(super) claim: Option<Claim>,
    /// Event, command, file, lap and reason.
    pub(super) log: Vec<[String; 5]>,
}

pub(super) fn active(stint: &str) -> String {
    format!("stints/{stint}.laps.json")
}

fn archived(stint: &str) -> String {
    format!("stints/archive/{stint}.laps.json")
}

pub(super) fn scope_of(file: &str) -> &str {
    if file == ROOT { "root" } else { file.rsplit('/').next().unwrap().trim_end_matches(".laps.json") }
}

/// Whether a value is as it must be. A lap is a lap whether it says so or not.
pub(super) fn fits(must: &Value, is: &Value) -> bool {
    match (must, is) {
        (Value::String(must), Value::String(is)) => must == "?" || must == is,
        (Value::Array(must), Value::Array(is)) => {
            must.len() == is.len() && must.iter().zip(is).all(|(must, is)| fits(must, is))
        }
        (Value::Object(must), Value::Object(is)) => {
            let known = |key: &str| must.contains_key(key) || (key == "kind" && is[key] == "lap");
            must.iter().all(|(key, must)| is.get(key).is_some_and(|is| fits(must, is)))
                && is.keys().all(|key| known(key))
        }
        _ => must == is,
    }
}

/// Times as text do not sort: zeros at the end of a fraction are left out.
fn moment(time: &str) -> (String, String) {
    let (seconds, fraction) = time.trim_end_matches('Z').split_once('.').unwrap_or((time, ""));
    (seconds.trim_end_matches('Z').to_owned(), format!("{fraction:0<9}"))
}

impl Lap {
    pub(super) fn json(&self) -> Value {
        let mut lap = json!({"id": self.id, "title": self.title, "description": self.description,
            "isDone": self.done.is_some(), "order": self.order, "createdAt": self.created,
            "updatedAt": self.updated, "completedAt": self.done});
        if !self.assignee.is_empty() {
            lap["assignee"] = self.assignee.as_str().into();
        }
        if let Some(stint) = &self.stint {
            lap["kind"] = "stint".into();
            lap["ref"] = stint.as_str().into();
        }
        lap
    }

    pub(super) fn read(entry: &Value) -> Lap {
        let text = |key: &str| entry[key].as_str().map(str::to_owned);
        Lap {
            stint: text("ref"),
            id: text("id").unwrap(),
            title: text("title").unwrap(),
            description: text("description").unwrap(),
            assignee: text("assignee").unwrap_or_default(),
            done: text("completedAt"),
            order: entry["order"].as_i64().unwrap(),
            created: text("createdAt").unwrap(),
            updated: text("updatedAt").unwrap(),
        }
    }
}

impl Queue {
    /// Done ones by completion, then the waiting ones by number. (40-3.4)
    pub(super) fn sort(&mut self) {
        self.laps.sort_by_key(|lap| {
            (lap.done.is_none(), lap.done.as_deref().map(moment), lap.order, lap.id.clone())
        });
    }

    pub(super) fn waiting(&self) -> impl Iterator<Item = &Lap> {
        self.laps.iter().filter(|lap| lap.done.is_none())
    }

    pub(super) fn find(&self, id: &str) -> Option<&Lap> {
        self.laps.iter().find(|lap| lap.id == id)
    }

    fn change(&mut self, id: &str, change: impl FnOnce(&mut Lap)) -> Value {
        let lap = self.laps.iter_mut().find(|lap| lap.id == id).unwrap();
        change(lap);
        let changed = lap.json();
        self.sort();
        changed
    }

    /// The number of a place, for a lap that is not in the queue. (40-3.5)
    fn place(&mut self, at: &At) -> i64 {
        self.sort();
        let orders: Vec<i64> = self.waiting().map(|lap| lap.order).collect();
        let target = match at {
            At::After(id) => self.waiting().position(|lap| lap.id == *id),
            At::Head | At::Tail => None,
        };
        match (at, target, orders.first(), orders.last()) {
            (_, _, None, _) | (_, _, _, None) => STEP,
            (At::Tail, _, _, Some(last)) => last + STEP,
            (At::After(_), Some(n), ..) => match orders.get(n + 1) {
                None => orders[n] + STEP,
                Some(next) if next - orders[n] >= 2 => orders[n] + (next - orders[n]) / 2,
                Some(_) => {
                    let waiting = self.laps.iter_mut().filter(|lap| lap.done.is_none());
                    (1..).zip(waiting).for_each(|(n, lap)| lap.order = STEP * n);
                    self.place(at)
                }
            },
            // Behind a done one means in front.
            (At::Head, _, Some(first), _) | (At::After(_), None, Some(first), _) => first - STEP,
        }
    }
}
