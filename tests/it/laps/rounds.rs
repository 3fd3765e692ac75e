//! Several processes at any lap at once. In every round some commands start together; some order of them, done one
//! after another to the queue in memory, must give what each of them answered and what is left in the files.
//! `PROPTEST_CASES` is the number of rounds.

use std::collections::BTreeMap;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use super::commands::{add, hooks, laps, out, queue};
use super::model::{At, Command, Lap, Model, Queue, ROOT, Scope, Told, fits, scope_of};
use crate::support::{Sandbox, rally, stderr};

const ROUNDS: usize = 150;

/// Rounds of one queue: a short one has more that is first, last and finished.
const LIFE: usize = 30;
const STINTS: [&str; 2] = ["auth", "menu"];

type Call = (Scope, Command);

fn words((scope, command): &Call) -> Vec<String> {
    let place = |at: &At| match at {
        At::Head => vec!["head".to_owned()],
        At::Tail => vec!["tail".to_owned()],
        At::After(id) => vec!["after".to_owned(), id.clone()],
    };
    let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let maybe =
        |word: &str, id: &Option<String>| [Some(word.to_owned()), id.clone()].into_iter().flatten().collect();
    let mut words = match command {
        Command::Add(at, title) => [own(&["add"]), place(at), own(&["--title", title])].concat(),
        Command::Get(id) => maybe("get", id),
        Command::List => own(&["list", "--all"]),
        Command::Claim(id) => maybe("claim", id),
        Command::Unclaim => own(&["claim", "undo"]),
        Command::Done(id) => maybe("done", id),
        Command::Aimed(..) => unreachable!("only the model knows it"),
        Command::Undo => own(&["done", "undo", "--yes"]),
        Command::Edit(id, text) => own(&["edit", id, "--description", text]),
        Command::Assign(id, role) => own(&["assign", id, role]),
        Command::Move(id, at) => [own(&["move", id]), place(at)].concat(),
        Command::Delete(id, true) => own(&["delete", id, "--force"]),
        Command::Delete(id, false) => own(&["delete", id]),
        Command::Prune(keep) => own(&["prune", &keep.to_string()]),
        Command::Hold(stint, true) => own(&["stints", "hold", stint]),
        Command::Hold(stint, false) => own(&["stints", "release", stint]),
        Command::Handoff => return own(&["--json-output", "handoff"]),
    };
    match scope {
        Scope::Active => {}
        Scope::Root => words.push("--root".to_owned()),
        Scope::Stint(name) => words.extend(own(&["-s", name])),
    }
    words.push("--json-output".to_owned());
    words
}

/// Draws commands. A few laps are wanted by many.
struct Dealer {
    random: fastrand::Rng,
    /// Also those that are gone.
    ids: Vec<String>,
    entries: Vec<String>,
    version: i64,
    /// Few laps are added, so that the queue runs empty.
    lean: bool,
}

impl Dealer {
    fn deal(&mut self, model: &Model, round: usize) -> Vec<Call> {
        let laps =
            || model.files.iter().flat_map(|(file, queue)| queue.laps.iter().map(move |lap| (file, lap)));
        for (_, lap) in laps().filter(|(_, lap)| lap.stint.is_none()) {
            if !self.ids.contains(&lap.id) {
                self.ids.push(lap.id.clone());
            }
        }
        let spare = self.ids.len().saturating_sub(14);
        self.ids.drain(..spare);
        let hot: Vec<String> = self.random.choose_multiple(self.ids.iter(), 2).into_iter().cloned().collect();
        let home = |id: &str| laps().find(|(_, lap)| lap.id == id).map(|(file, _)| file.clone());
        let many = 3 + self.random.usize(..2);
        let mut calls = Vec::new();
        while calls.len() < many {
            let command = self.command(&hot, round);
            // The archive time of a stint that a claim finds finished is known only afterwards.
            let unsure =
                |calls: &[Call]| calls.iter().any(|(_, command)| matches!(command, Command::Claim(None)));
            if self.version == 3 && matches!(command, Command::List) && unsure(&calls) {
                continue;
            }
            if matches!(command, Command::Claim(None)) {
                calls.retain(|(_, command)| self.version < 3 || !matches!(command, Command::List));
            }
            let about = match &command {
                Command::Get(id) | Command::Claim(id) | Command::Done(id) => id.clone(),
                Command::Edit(id, _)
                | Command::Assign(id, _)
                | Command::Move(id, _)
                | Command::Delete(id, _) => Some(id.clone()),
                _ => None,
            };
            let scope = match (&command, about.and_then(|id| home(&id))) {
                _ if self.version < 3 => Scope::Active,
                (Command::Hold(..) | Command::Unclaim | Command::Handoff | Command::Done(None), _) => {
                    Scope::Active
                }
                (_, Some(file)) if self.random.u8(..4) > 0 => match scope_of(&file) {
                    "root" => Scope::Root,
                    stint => Scope::Stint(stint.to_owned()),
                },
                _ => match self.random.u8(..6) {
                    0 => Scope::Root,
                    1 => Scope::Stint(STINTS[self.random.usize(..2)].to_owned()),
                    _ => Scope::Active,
                },
            };
            calls.push((scope, command));
        }
        calls
    }

    fn command(&mut self, hot: &[String], round: usize) -> Command {
        let random = &mut self.random;
        let from = if random.u8(..4) > 0 { hot } else { &self.ids };
        let id = random.choice(from).cloned().unwrap_or_else(|| "repo-none".to_owned());
        let at = match random.u8(..4) {
            0 => At::Head,
            1 => At::Tail,
            n => {
                let near = if n == 2 && !self.entries.is_empty() { &self.entries } else { &self.ids };
                At::After(random.choice(near).unwrap_or(&id).clone())
            }
        };
        match random.u8(..if self.version < 3 { 40 } else { 44 }) {
            // The same title twice within a second asks for the same id.
            0..6 if self.lean => Command::Done(Some(id)),
            0..8 => Command::Add(at, format!("lap of round {round}")),
            8 => Command::Get(None),
            9 => Command::Get(Some(id)),
            10..13 => Command::List,
            13..16 => Command::Claim(None),
            16..18 => Command::Claim(Some(id)),
            18..20 => Command::Unclaim,
            20..23 => Command::Done(None),
            23..27 => Command::Done(Some(id)),
            27..30 => Command::Undo,
            30 => Command::Edit(id, format!("text {}", random.u8(..))),
            31 => Command::Assign(id, ["qa", "ui", ""][random.usize(..3)].to_owned()),
            32..35 => {
                let entry = random.choice(&self.entries).filter(|_| random.u8(..4) == 0);
                Command::Move(entry.cloned().unwrap_or(id), at)
            }
            35..38 => Command::Delete(id, random.bool()),
            38 => Command::Prune(if self.version < 3 { random.usize(..4) } else { 0 }),
            39 => Command::Handoff,
            n => Command::Hold(STINTS[usize::from(n) % 2].to_owned(), n < 42 && random.bool()),
        }
    }
}

/// What is in the folder `.laps`.
#[derive(Debug)]
struct Disk {
    files: BTreeMap<String, Value>,
    claim: Option<String>,
    log: Vec<Value>,
}

fn disk(sandbox: &Sandbox) -> Disk {
    let mut files = BTreeMap::new();
    for folder in ["", "stints/", "stints/archive/"] {
        let Ok(names) = std::fs::read_dir(sandbox.repo().join(".laps").join(folder)) else { continue };
        for entry in names.map(|entry| entry.unwrap()).filter(|entry| entry.path().is_file()) {
            let name = format!("{folder}{}", entry.file_name().to_str().unwrap());
            if !["claim", "log.jsonl", "hooks.json"].contains(&name.as_str()) {
                let text = std::fs::read_to_string(entry.path()).unwrap();
                files.insert(name, serde_json::from_str(&text).unwrap());
            }
        }
    }
    let claim = std::fs::read_to_string(sandbox.repo().join(".laps/claim")).ok();
    Disk { files, claim, log: sandbox.records(".laps/log.jsonl") }
}

fn read(disk: &Disk) -> Model {
    let queue = |file: &Value| Queue {
        held: file["held"] == true,
        laps: file["tasks"].as_array().unwrap().iter().map(Lap::read).collect(),
    };
    let files = disk.files.iter().map(|(name, file)| (name.clone(), queue(file))).collect();
    Model { files, ..Model::default() }
}

/// The model with the times that only the files know, if nothing else differs.
fn agree(model: &Model, disk: &Disk, logged: usize, version: i64) -> Option<Model> {
    let seen = read(disk);
    if !model.files.keys().eq(seen.files.keys()) {
        return None;
    }
    for (name, queue) in &model.files {
        let (mut queue, found) = (queue.clone(), &seen.files[name]);
        for lap in &mut queue.laps {
            let found = found.find(&lap.id)?;
            if lap.updated == "?" {
                lap.updated.clone_from(&found.updated);
            }
            if lap.done.as_deref() == Some("?") {
                lap.done.clone_from(&found.done);
            }
        }
        queue.sort();
        if queue.held != found.held || queue.laps != found.laps {
            return None;
        }
    }
    let text = disk.claim.as_deref();
    let mut claim = model.claim.clone();
    match (&mut claim, text) {
        (None, None) => {}
        (Some(claim), Some(text)) if version < 3 => (text == format!("{}\n", claim.lap)).then_some(())?,
        (Some(claim), Some(text)) => {
            let found: Value = serde_json::from_str(text).unwrap();
            let wanted = json!({"lap": claim.lap, "file": claim.file, "scope": scope_of(&claim.file),
                "claimedAt": claim.since});
            fits(&wanted, &found).then_some(())?;
            claim.since = found["claimedAt"].as_str().unwrap().to_owned();
        }
        _ => return None,
    }
    if version == 3 {
        let text = |event: &Value| event.as_str().unwrap_or_default().to_owned();
        let line =
            |e: &Value| [&e["event"], &e["cmd"], &e["file"], &e["lap"], &e["detail"]["reason"]].map(text);
        disk.log[logged..].iter().map(line).eq(model.log.iter().cloned()).then_some(())?;
    } else if !disk.log.is_empty() {
        return None;
    }
    Some(Model { claim, ..seen })
}

/// Looks for an order that explains everything. `done` without an id reads first which lap it means, and completes
/// that one even if the claim moves before it does.
fn explain(model: &Model, open: &[(Call, &Told)], end: &impl Fn(&Model) -> Option<Model>) -> Option<Model> {
    if open.is_empty() {
        return end(model);
    }
    (0..open.len()).find_map(|n| {
        let mut open = open.to_vec();
        let ((scope, command), told) = &mut open[n];
        if let (Command::Done(None), Some(aimed)) = (&*command, model.aim()) {
            *command = aimed;
            return explain(model, &open, end);
        }
        let mut model = model.clone();
        model.apply(scope, command, told)?;
        open.remove(n);
        explain(&model, &open, end)
    })
}

/// Starts the commands together.
fn at_once(sandbox: &Sandbox, calls: &[Call]) -> Vec<Output> {
    let start = |call: &Call| {
        let mut command = sandbox.rally(["laps"]);
        command.args(words(call)).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let started: Vec<_> = calls.iter().map(start).collect();
    started.into_iter().map(|child| child.wait_with_output().unwrap()).collect()
}

fn told(output: &Output) -> Told {
    let mut answer: Value = match output.stdout.as_slice() {
        b"" => Value::Null,
        text => serde_json::from_slice(text).unwrap(),
    };
    Told { code: output.status.code().unwrap(), answer: answer.take() }
}

fn play(version: i64, new: fn() -> Sandbox) {
    let given = std::env::var("PROPTEST_CASES").ok().and_then(|number| number.parse().ok());
    let rounds = given.unwrap_or(ROUNDS);
    for (seed, begun) in (0..).zip((0..rounds).step_by(LIFE)) {
        live(&new(), version, seed, LIFE.min(rounds - begun));
    }
}

fn live(sandbox: &Sandbox, version: i64, seed: u64, rounds: usize) {
    let mut before = disk(sandbox);
    let mut model = read(&before);
    let entries = model.files[ROOT].laps.iter().filter(|lap| lap.stint.is_some());
    let entries = entries.map(|lap| lap.id.clone()).collect();
    let mut dealer = Dealer {
        random: fastrand::Rng::with_seed(seed),
        ids: Vec::new(),
        entries,
        version,
        lean: seed % 2 == 1,
    };
    for round in 0..rounds {
        // A hook widens the gap between a command's first look and its change.
        let commands =
            ["add", "claim", "claim-undo", "done", "done-undo", "edit", "assign", "move", "delete"];
        let hook = |name: &str| format!(r#"{{"title":"t","command":"{name}","when":"before","run":":"}}"#);
        hooks(sandbox, &if round % 2 == 0 { String::new() } else { commands.map(hook).join(",") });
        let calls = dealer.deal(&model, round);
        let outputs = at_once(sandbox, &calls);
        let all: Vec<Told> = outputs.iter().map(told).collect();
        let after = disk(sandbox);
        let open: Vec<(Call, &Told)> = calls.iter().cloned().zip(&all).collect();
        let Some(next) = explain(&model, &open, &|model| agree(model, &after, before.log.len(), version))
        else {
            let mut lines = Vec::new();
            for (call, output) in calls.iter().zip(&outputs) {
                let (words, told) = (words(call).join(" "), told(output));
                lines.push(format!(
                    "laps {words}\n  {} {} {}",
                    told.code,
                    told.answer,
                    stderr(output).trim_end()
                ));
            }
            for (name, disk) in [("before", &before), ("after", &after)] {
                lines.push(format!("{name}: claim {:?}", disk.claim));
                lines.extend(disk.files.iter().map(|(name, file)| format!("  {name} {file}")));
            }
            lines.extend(after.log[before.log.len()..].iter().map(|line| format!("log {line}")));
            let lines = lines.join("\n");
            panic!(
                "round {round} of seed {seed}: no order of the commands gives what they answered and left\n{lines}"
            );
        };
        model = next;
        before = after;
    }
}

// 40-5, 40-13.1
#[test]
fn commands_at_once_are_commands_in_some_order() {
    play(2, || {
        let sandbox = queue();
        rally(&sandbox, 0, &["init"]);
        for title in ["a", "b", "c", "d"] {
            add(&sandbox, "tail", title);
        }
        sandbox
    });
}

// 40-9.3, 40-9.5, 40-9.7, 40-10
#[test]
fn commands_at_once_in_stints_are_commands_in_some_order() {
    play(3, || {
        let sandbox = queue();
        rally(&sandbox, 0, &["init"]);
        for stint in STINTS {
            out(&sandbox, &["stints", "new", stint]);
            out(&sandbox, &["stints", "enqueue", stint]);
            for title in ["a", "b"] {
                out(&sandbox, &["add", "tail", "-s", stint, "--title", title]);
            }
        }
        out(&sandbox, &["add", "tail", "--root", "--title", "last"]);
        sandbox
    });
}

// 40-6, 40-7.9
#[test]
fn a_lap_that_goes_while_it_is_moved_is_a_wrong_one_to_move() {
    let rally = Sandbox::rally_path().display();
    for change in ["delete", "done"] {
        let sandbox = queue();
        let id = add(&sandbox, "tail", "a");
        let run = format!("{rally} laps {change} {id}");
        hooks(&sandbox, &format!(r#"{{"title":"t","command":"move","when":"before","run":"{run}"}}"#));
        laps(&sandbox, 1, &["move", &id, "head"]);
    }
    let sandbox = queue();
    let [id, target] = ["a", "b"].map(|title| add(&sandbox, "tail", title));
    laps(&sandbox, 0, &["delete", &target]);
    laps(&sandbox, 3, &["move", &id, "after", &target]);
}

// 40-6
#[test]
fn a_stint_that_is_missing_is_not_found_by_any_command() {
    let sandbox = queue();
    let id = add(&sandbox, "tail", "a");
    for words in
        [&["get"][..], &["move", &id, "head"], &["assign", &id, "qa"], &["edit", &id, "--title", "b"]]
    {
        for place in [["-s", "none"], ["-f", "none"]] {
            laps(&sandbox, 3, &[words, &place].concat());
        }
    }
}

// 40-6: flags may stand behind arguments
#[test]
fn prune_goes_to_the_queue_that_is_named_behind_its_number() {
    let sandbox = queue();
    out(&sandbox, &["stints", "new", "auth"]);
    out(&sandbox, &["stints", "enqueue", "auth"]);
    let [done, _] = ["a", "b"].map(|title| out(&sandbox, &["add", "tail", "-s", "auth", "--title", title]));
    out(&sandbox, &["done", done.trim_end()]);
    assert_eq!(out(&sandbox, &["prune", "0", "--root"]), "0\n");
    laps(&sandbox, 1, &["prune", "0", "--nonsense"]);
    laps(&sandbox, 1, &["prune", "-1"]);
    assert_eq!(out(&sandbox, &["prune", "0", "-s", "auth"]), "1\n");
}
