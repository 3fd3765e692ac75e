//! Plays the external program `laps` for the test suite, so that nothing has to be installed for it: version 0.8.1, or
//! the one that `LAPS_STAND_IN` names (`0.8.1`, `0.9.0`). It shares no code with rally's own queue, has no lock, and
//! keeps the faults that a driver has to live with: unknown commands succeed silently, after-hooks run after a veto.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "a program for tests")]

mod files;
mod hooks;

use std::io::Read;
use std::process::ExitCode;

use files::{Claim, Dir, Spot, Task};
use serde_json::{Value, json};

/// Why a command ends without what it was asked for.
pub enum Fail {
    /// Exit code and message.
    Error(u8, String),
    /// Nothing is handed out: exit code, state, closed gate.
    Nothing(u8, &'static str, String),
}

fn error<T>(code: u8, message: impl Into<String>) -> Result<T, Fail> {
    Err(Fail::Error(code, message.into()))
}

/// What a command says: as text, as JSON, and as `$output` to the hooks behind it.
struct Said(String, Value, String);

/// The command line.
#[derive(Default)]
pub struct Line {
    new: bool,
    json: bool,
    name: String,
    words: Vec<String>,
    flags: Vec<(String, String)>,
    /// Everything behind the name, untouched.
    rest: Vec<String>,
}

impl Line {
    fn flag(&self, name: &str) -> Option<&str> {
        self.flags.iter().find(|(flag, _)| flag == name).map(|(_, value)| value.as_str())
    }

    fn parse() -> Result<Line, Fail> {
        let new = std::env::var("LAPS_STAND_IN").is_ok_and(|version| version == "0.9.0");
        let mut line = Line { new, ..Line::default() };
        let mut args: Vec<String> = std::env::args().skip(1).collect();
        if args.iter().any(|arg| arg == "-v" || arg == "--version") {
            args = vec!["version".to_owned()];
        }
        let before = args.len();
        args.retain(|arg| arg != "--json-output" && arg != "--json-output=true");
        line.json = args.len() != before;
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            if line.name.is_empty() && !arg.starts_with('-') {
                line.name = arg;
                line.rest = args.clone().collect();
                if hook_only(&line.name, line.new) {
                    let scope =
                        |arg: &String| ["-c", "-r", "-s", "--active", "--root", "--stint"].contains(&&**arg);
                    return match line.rest.iter().find(|arg| line.new && scope(arg)) {
                        Some(flag) => error(1, format!("unknown flag: {flag}")),
                        None => Ok(line),
                    };
                }
                continue;
            }
            let (flag, value) = match arg.split_once('=') {
                Some((flag, value)) => (flag.to_owned(), Some(value.to_owned())),
                None => (arg.clone(), None),
            };
            let long = match flag.as_str() {
                "-f" => "--file",
                "-y" => "--yes",
                "-c" => "--active",
                "-r" => "--root",
                "-s" => "--stint",
                other => other,
            };
            match long {
                "--title" | "--description" | "--assignee" | "--json" | "--file" => {
                    let Some(value) = value.or_else(|| args.next()) else {
                        return error(1, format!("flag needs an argument: {flag}"));
                    };
                    line.flags.push((long.to_owned(), value));
                }
                "--stint" if line.new => {
                    let value = value.or_else(|| args.next()).unwrap_or_default();
                    line.flags.push((long.to_owned(), value));
                }
                "--all" | "--done" | "--yes" | "--force" => line.flags.push((long.to_owned(), String::new())),
                "--oneline" | "--active" | "--root" if line.new => {
                    line.flags.push((long.to_owned(), String::new()))
                }
                _ if arg.starts_with('-') && arg != "-" => return error(1, format!("unknown flag: {flag}")),
                _ => line.words.push(arg),
            }
        }
        Ok(line)
    }
}

fn hook_only(name: &str, new: bool) -> bool {
    let old = ["init", "add", "get", "claim", "done", "list", "ls", "delete", "prune", "version"];
    !(old.contains(&name) || new && name == "status")
}

fn main() -> ExitCode {
    let code = match Line::parse() {
        Ok(line) => {
            let json = line.json;
            perform(&line).unwrap_or_else(|fail| complain(&fail, json))
        }
        Err(fail) => complain(&fail, false),
    };
    ExitCode::from(code)
}

fn complain(fail: &Fail, json: bool) -> u8 {
    match fail {
        Fail::Error(code, message) if json => {
            eprintln!("{}", json!({ "error": message, "exitCode": code }));
            *code
        }
        Fail::Error(code, message) => {
            eprintln!("laps: {message}");
            *code
        }
        Fail::Nothing(code, state, scope) => {
            if json {
                println!("{}", json!({ "exitCode": code, "state": state }));
            } else if *code == 10 {
                eprintln!("laps: warning: stint {scope} is held");
            }
            *code
        }
    }
}

fn perform(line: &Line) -> Result<u8, Fail> {
    if line.name == "version" || line.name.is_empty() {
        let version = if line.new { "0.9.0" } else { "0.8.1" };
        println!(
            "{}",
            if line.json { json!({ "version": version }).to_string() } else { version.to_owned() }
        );
        return Ok(0);
    }
    let dir = Dir::find(line.new)?;
    if line.name == "init" {
        return init(&dir, line);
    }
    if hook_only(&line.name, line.new) {
        let vars = hooks::of_arguments(&line.name, &dir, &line.rest);
        let said = hooks::run(&dir, "before", &line.name, &vars)?;
        let behind = hooks::run(&dir, "after", &line.name, &vars).unwrap_or_default();
        if !line.json {
            print!("{said}{behind}");
        }
        return Ok(0);
    }
    let event = match (line.name.as_str(), line.words.first().map(String::as_str)) {
        ("claim", Some("undo")) => "claim-undo",
        ("done", Some("undo")) => "done-undo",
        ("ls", _) => "list",
        (name, _) => name,
    };
    // The queue is read before the hooks run and written after them, as there.
    let mut work = Work::prepare(&dir, line, event)?;
    let mut vars = hooks::of_arguments(event, &dir, &line.words);
    let about = work.about.clone().unwrap_or_default();
    for (name, value) in [
        ("id", about.id),
        ("title", about.title),
        ("description", about.description),
        ("assignee", about.assignee),
    ] {
        vars.push((name.to_owned(), value));
    }
    let before = hooks::run(&dir, "before", event, &vars);
    let result = match &before {
        Ok(_) => work.body(&dir, line, event),
        Err(Fail::Error(code, message)) => error(*code, message.clone()),
        Err(Fail::Nothing(..)) => unreachable!("hooks hand out nothing"),
    };
    let code = match &result {
        Err(Fail::Error(code, _) | Fail::Nothing(code, ..)) if before.is_ok() => *code,
        _ => 0,
    };
    vars.push(("exit_code".to_owned(), code.to_string()));
    vars.push(("output".to_owned(), result.as_ref().map(|said| said.2.clone()).unwrap_or_default()));
    let behind = hooks::run(&dir, "after", event, &vars).unwrap_or_default();
    let Said(text, value, _) = result?;
    match (line.json, before) {
        (true, _) => println!("{}", files::escaped(&value.to_string())),
        (false, Ok(before)) => print!("{before}{text}{behind}"),
        (false, Err(_)) => {}
    }
    Ok(0)
}

fn init(dir: &Dir, line: &Line) -> Result<u8, Fail> {
    let (queue, ignore) = (dir.path.join("laps.json"), dir.root.join(".gitignore"));
    let created = !queue.exists();
    dir.load("laps.json")?;
    let mut text = std::fs::read_to_string(&ignore).unwrap_or_default();
    let wanted: &[&str] = if line.new { &[".laps/claim", ".laps/log.jsonl"] } else { &[".laps/claim"] };
    let missing: Vec<_> = wanted.iter().filter(|name| !text.lines().any(|line| line == **name)).collect();
    for name in &missing {
        text += &format!("{name}\n");
    }
    if !missing.is_empty() {
        std::fs::write(&ignore, text).unwrap();
    }
    if line.json {
        println!("{}", json!({ "created": created, "gitignoreModified": !missing.is_empty() }));
    } else if created || !missing.is_empty() {
        let git =
            |args: &[&str]| std::process::Command::new("git").args(args).current_dir(&dir.root).output();
        let _ = git(&["add", "--", ".laps/laps.json", ".gitignore"]);
        let _ = git(&["commit", "-q", "-m", "chore: laps init"]);
        println!("Initialized laps");
    } else {
        println!("Already initialized");
    }
    Ok(0)
}

/// One command, with the queue that it read.
struct Work {
    spot: Spot,
    about: Option<Task>,
    claim: Option<Claim>,
}

impl Work {
    fn prepare(dir: &Dir, line: &Line, event: &str) -> Result<Work, Fail> {
        let claim = if ["done", "claim-undo", "list", "status", "delete"].contains(&event) {
            dir.claim()?
        } else {
            dir.claim().ok().flatten()
        };
        let mut spot = dir.resolve(line)?;
        let word = line.words.first().map(String::as_str);
        let about = match event {
            "done" if word.is_none() => {
                let Some(claim) = &claim else {
                    return error(3, "no claim: run `laps claim` first, or name the lap: `laps done ID`");
                };
                spot = dir.spot(&claim.file)?;
                let task = spot.find(&claim.lap)?.clone();
                if task.is_done {
                    return error(3, format!("{} is already done", task.id));
                }
                Some(task)
            }
            "done" => match spot.find(word.unwrap_or_default())?.clone() {
                task if task.is_done => return error(3, format!("{} is already done", task.id)),
                task => Some(task),
            },
            "get" | "claim" if word.is_none_or(|word| word == "head") => spot.head().cloned(),
            "get" | "claim" | "delete" => match word {
                Some(id) => Some(spot.find(id)?.clone()),
                None => return error(1, "which lap?"),
            },
            "claim-undo" if claim.is_none() => return error(3, "no claim to undo"),
            _ => None,
        };
        Ok(Work { spot, about, claim })
    }

    fn body(&mut self, dir: &Dir, line: &Line, event: &str) -> Result<Said, Fail> {
        match event {
            "add" => self.add(dir, line),
            "get" | "claim" => self.hand_out(dir, line, event == "claim"),
            "claim-undo" => {
                let id = self.claim.take().map(|claim| claim.lap).unwrap_or_default();
                let title = self.spot.find(&id).map_or(id.clone(), |task| task.title.clone());
                let _ = std::fs::remove_file(dir.path.join("claim"));
                let value = json!({ "title": title, "unclaimedId": id });
                Ok(Said(format!("Claim cleared for {id}: {title}\n"), value, id))
            }
            "done" => self.done(dir),
            "done-undo" => self.undo(dir),
            "list" => Ok(self.list(line)),
            "delete" => {
                let id = self.about.clone().unwrap_or_default().id;
                if line.new
                    && self.claim.as_ref().is_some_and(|claim| claim.lap == id)
                    && line.flag("--force").is_none()
                {
                    return error(1, format!("{id} is claimed: use --force"));
                }
                self.spot.queue.tasks.retain(|task| task.id != id);
                dir.save(&mut self.spot)?;
                Ok(Said(String::new(), json!({ "deleted": id }), id))
            }
            "prune" => {
                let keep: usize = match line.words.first().map_or(Ok(20), |word| word.parse()) {
                    Ok(keep) => keep,
                    Err(_) => return error(1, "bad number"),
                };
                let done = self.spot.queue.tasks.iter().filter(|task| task.is_done).count();
                let removed = done.saturating_sub(keep);
                // In order of the file, the oldest that are done stand first.
                self.spot.queue.tasks.drain(..removed);
                dir.save(&mut self.spot)?;
                Ok(Said(format!("{removed}\n"), json!({ "removed": removed }), removed.to_string()))
            }
            _ => Ok(self.status(dir)),
        }
    }

    fn add(&mut self, dir: &Dir, line: &Line) -> Result<Said, Fail> {
        let (place, after) = (line.words.first().map(String::as_str), line.words.get(1));
        let batch = match line.flag("--json") {
            Some(source) => {
                let mut text = source.to_owned();
                if source == "-" {
                    text.clear();
                    let _ = std::io::stdin().read_to_string(&mut text);
                }
                match serde_json::from_str::<Value>(&text) {
                    Ok(value) => value,
                    Err(bad) => return error(1, format!("bad --json: {bad}")),
                }
            }
            None => json!({
                "title": line.flag("--title"), "assignee": line.flag("--assignee"),
                "description": line.flag("--description").map(|text| text.replace("\\n", "\n")),
            }),
        };
        let several = batch.is_array();
        let items = if let Value::Array(items) = batch { items } else { vec![batch] };
        let text = |item: &Value, key: &str| item[key].as_str().unwrap_or_default().to_owned();
        for (number, item) in (1..).zip(&items) {
            if text(item, "title").trim().is_empty() {
                return error(1, format!("item {number}: the title is required"));
            }
        }
        let mut added = Vec::new();
        let head = place == Some("head");
        let items: Vec<_> = if head { items.into_iter().rev().collect() } else { items };
        for item in items {
            let queue = &mut self.spot.queue;
            let mut task =
                Task::new(text(&item, "title"), text(&item, "description"), text(&item, "assignee"));
            task.id = queue.new_id(&dir.prefix(), &task)?;
            let behind = match (place, added.last().map(|task: &Task| task.id.clone()), after) {
                (Some("head" | "tail"), ..) => None,
                (Some("after"), None, Some(id)) => Some(id.clone()),
                (Some("after"), last @ Some(_), _) => last,
                _ => return error(1, "where? head, tail or after ID"),
            };
            task.order = match &behind {
                Some(id) => queue.order_behind(id)?,
                None => queue.order_at(head),
            };
            queue.tasks.push(task.clone());
            queue.sort();
            added.push(task);
        }
        if head {
            added.reverse();
        }
        dir.save(&mut self.spot)?;
        let ids: Vec<_> = added.iter().map(|task| task.id.as_str()).collect();
        let value = if several { json!({ "tasks": added }) } else { json!({ "task": added[0] }) };
        Ok(Said(format!("{}\n", ids.join("\n")), value, ids.join("\n")))
    }

    fn hand_out(&self, dir: &Dir, line: &Line, claims: bool) -> Result<Said, Fail> {
        let word = line.words.first();
        if let Some(scope) =
            self.spot.held.as_ref().filter(|_| claims || word.is_none_or(|word| word == "head"))
        {
            return Err(Fail::Nothing(10, "held", scope.clone()));
        }
        let Some(task) = &self.about else {
            return Err(match (line.new, self.spot.queue.tasks.is_empty()) {
                (false, _) => Fail::Error(3, "no head task".to_owned()),
                (true, true) => Fail::Nothing(11, "empty", String::new()),
                (true, false) => Fail::Nothing(12, "complete", String::new()),
            });
        };
        let mut text = format!("{}\n", task.title);
        if !task.assignee.is_empty() {
            text += &format!("Assignee: {}\n", task.assignee);
        }
        text += &format!("\n{}", task.description);
        if !claims {
            return Ok(Said(format!("{text}\n"), json!({ "task": task }), text));
        }
        dir.write_claim(&self.spot, &task.id, self.claim.as_ref())?;
        text += "\n\n-----\nNot the lap you intended? Undo it with: laps claim undo\n";
        Ok(Said(text, json!({ "claimedId": task.id, "task": task }), task.id.clone()))
    }

    fn done(&mut self, dir: &Dir) -> Result<Said, Fail> {
        let id = self.about.clone().unwrap_or_default().id;
        let now = files::now();
        let task = self.spot.find_mut(&id)?;
        (task.is_done, task.updated_at, task.completed_at) = (true, now.clone(), Some(now));
        let task = task.clone();
        dir.save(&mut self.spot)?;
        dir.drain(&self.spot)?;
        if self.claim.as_ref().is_some_and(|claim| claim.lap == id && claim.file == self.spot.file) {
            let _ = std::fs::remove_file(dir.path.join("claim"));
        }
        let text = format!("{}\n\n-----\nNot done yet? Undo it with: laps done undo\n", task.title);
        Ok(Said(text, json!({ "task": task }), id))
    }

    fn undo(&mut self, dir: &Dir) -> Result<Said, Fail> {
        let done = self.spot.queue.tasks.iter_mut().filter(|task| task.is_done);
        let Some(task) = done.max_by(|a, b| (&a.completed_at, &a.id).cmp(&(&b.completed_at, &b.id))) else {
            return error(3, "nothing to undo");
        };
        (task.is_done, task.completed_at, task.updated_at) = (false, None, files::now());
        let task = task.clone();
        dir.save(&mut self.spot)?;
        Ok(Said(format!("Reopened {}: {}\n", task.id, task.title), json!({ "task": task }), task.id.clone()))
    }

    fn list(&self, line: &Line) -> Said {
        let (todo, mut done): (Vec<_>, Vec<_>) = self.spot.queue.tasks.iter().partition(|task| !task.is_done);
        done.reverse();
        let tasks = match (line.flag("--all"), line.flag("--done")) {
            (Some(_), _) => [todo, done].concat(),
            (None, Some(_)) => done,
            (None, None) => todo,
        };
        let mut text = String::new();
        for (number, task) in (1..).zip(&tasks) {
            let struck = |text: String| if task.is_done { format!("~~{text}~~") } else { text };
            let Task { id, title, assignee, reference, .. } = task;
            text += &match (task.kind == "stint", line.new && line.flag("--oneline").is_none()) {
                (true, _) => format!("{number}. {reference}/ (stint - ? laps)\n"),
                (false, true) => {
                    let assignee = if assignee.is_empty() { "\u{2014}" } else { assignee };
                    let state = if task.is_done { "done" } else { "todo" };
                    format!("{number}. {}\n   {id} · {assignee} · {state}\n", struck(title.clone()))
                }
                (false, false) => {
                    let who =
                        if assignee.is_empty() { String::new() } else { format!(" (assignee: {assignee})") };
                    format!("{number}. {}\n", struck(format!("{id} \u{2014} {title}{who}")))
                }
            };
        }
        Said(text.clone(), json!({ "tasks": tasks }), text)
    }

    fn status(&self, dir: &Dir) -> Said {
        let tasks = &self.spot.queue.tasks;
        let todo = tasks.iter().filter(|task| !task.is_done).count();
        let state = match (&self.claim, todo, tasks.len()) {
            (Some(_), ..) => "active",
            (None, 0, 0) => "empty",
            (None, 0, _) => "complete",
            (None, ..) => "ready",
        };
        let counts = json!({ "todo": todo, "done": tasks.len() - todo, "total": tasks.len() });
        let file = dir.path.join(&self.spot.file);
        let value = json!({ "file": file, "state": state, "counts": counts });
        Said(format!("State: {state}\n"), value, state.to_owned())
    }
}
