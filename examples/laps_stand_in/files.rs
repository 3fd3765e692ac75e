//! The files of the queue: `laps.json`, the claim, the stints.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Fail, Line, error};

const STEP: i64 = 65536;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Task {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    pub id: String,
    #[serde(rename = "ref", skip_serializing_if = "String::is_empty")]
    pub reference: String,
    pub title: String,
    pub description: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub assignee: String,
    pub is_done: bool,
    pub order: i64,
    pub created_at: String,
    pub updated_at: String,
    pub completed_at: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Queue {
    pub version: u32,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    pub tasks: Vec<Task>,
}

/// A queue file that was read.
pub struct Spot {
    /// From `.laps`.
    pub file: String,
    scope: String,
    /// The closed gate on the way to it.
    pub held: Option<String>,
    pub queue: Queue,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    pub lap: String,
    #[serde(default)]
    pub file: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    claimed_at: String,
}

/// The folder `.laps` and the one around it.
pub struct Dir {
    pub root: PathBuf,
    pub path: PathBuf,
    new: bool,
}

/// Now, in UTC.
pub fn now() -> String {
    jiff::Timestamp::now().to_string()
}

/// JSON text with the letters escaped that laps escapes.
pub fn escaped(json: &str) -> String {
    let mut text = json.to_owned();
    for (letter, escape) in
        [('<', "003c"), ('>', "003e"), ('&', "0026"), ('\u{2028}', "2028"), ('\u{2029}', "2029")]
    {
        text = text.replace(letter, &format!("\\u{escape}"));
    }
    text
}

fn four(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase());
    letters.chain("xxxx".chars()).take(4).collect()
}

fn replace(path: &Path, text: &str) -> Result<(), Fail> {
    let temp = PathBuf::from(format!("{}.{}.tmp", path.display(), std::process::id()));
    let written = std::fs::write(&temp, text).and_then(|()| std::fs::rename(&temp, path));
    written.or_else(|why| error(2, format!("cannot write {}: {why}", path.display())))
}

impl Task {
    pub fn new(title: String, description: String, assignee: String) -> Task {
        let (created_at, assignee) = (now(), assignee.trim().to_owned());
        Task { title, description, assignee, updated_at: created_at.clone(), created_at, ..Task::default() }
    }
}

impl Queue {
    pub fn sort(&mut self) {
        self.tasks.sort_by(|a, b| match (a.is_done, b.is_done) {
            (true, true) => (&a.completed_at, a.order, &a.id).cmp(&(&b.completed_at, b.order, &b.id)),
            (false, false) => (a.order, &a.id).cmp(&(b.order, &b.id)),
            _ => b.is_done.cmp(&a.is_done),
        });
    }

    pub fn new_id(&self, repository: &str, task: &Task) -> Result<String, Fail> {
        let prefix = if self.prefix.is_empty() { repository } else { &self.prefix };
        let seconds = format!("{}Z", &task.created_at[..19]);
        let description = task.description.as_bytes();
        let mut hash = Sha256::new_with_prefix(format!("{}|{seconds}|", task.title));
        hash.update(&description[..description.len().min(200)]);
        let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let mut ids = (4..=64).map(|length| format!("{prefix}-{}", &hex[..length]));
        match ids.find(|id| self.tasks.iter().all(|task| task.id != *id)) {
            Some(id) => Ok(id),
            None => error(2, "no id is left"),
        }
    }

    fn todo(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().filter(|task| !task.is_done)
    }

    pub fn order_at(&self, head: bool) -> i64 {
        let orders = self.todo().map(|task| task.order);
        if head {
            orders.min().map_or(STEP, |order| order - STEP)
        } else {
            orders.max().map_or(STEP, |order| order + STEP)
        }
    }

    pub fn order_behind(&mut self, id: &str) -> Result<i64, Fail> {
        let Some(task) = self.tasks.iter().find(|task| task.id == id) else {
            return error(3, format!("{id} not found"));
        };
        if task.is_done {
            return Ok(self.order_at(true));
        }
        let order = task.order;
        match self.todo().map(|task| task.order).filter(|next| *next > order).min() {
            None => Ok(order + STEP),
            Some(next) if next - order >= 2 => Ok(order + (next - order) / 2),
            Some(_) => {
                for (number, task) in (1..).zip(self.tasks.iter_mut().filter(|task| !task.is_done)) {
                    task.order = number * STEP;
                }
                self.order_behind(id)
            }
        }
    }
}

impl Spot {
    pub fn head(&self) -> Option<&Task> {
        self.queue.todo().next()
    }

    pub fn find(&self, id: &str) -> Result<&Task, Fail> {
        let found = self.queue.tasks.iter().find(|task| task.id == id);
        found.map_or_else(|| error(3, format!("{id} not found")), Ok)
    }

    pub fn find_mut(&mut self, id: &str) -> Result<&mut Task, Fail> {
        let found = self.queue.tasks.iter_mut().find(|task| task.id == id);
        found.map_or_else(|| error(3, format!("{id} not found")), Ok)
    }
}

impl Dir {
    pub fn find(new: bool) -> Result<Dir, Fail> {
        let here = std::env::current_dir().unwrap_or_default();
        for root in here.ancestors() {
            let path = root.join(".laps");
            if path.is_dir() || root.join(".git").exists() {
                let _ = std::fs::create_dir_all(&path);
                return Ok(Dir { root: root.to_owned(), path, new });
            }
        }
        error(2, "neither .laps nor .git in this folder or above it")
    }

    pub fn prefix(&self) -> String {
        four(&self.root.file_name().unwrap_or_default().to_string_lossy())
    }

    /// Reads a queue file. Older ones are upgraded where they lie.
    pub fn load(&self, file: &str) -> Result<Queue, Fail> {
        let path = self.path.join(file);
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let most = if self.new { 3 } else { 2 };
        let before = match text.trim() {
            "" | "{}" => Queue { version: most, ..Queue::default() },
            text => match serde_json::from_str(text) {
                Ok(queue) => queue,
                Err(why) => return error(2, format!("cannot read {file}: {why}")),
            },
        };
        if !(1..=most).contains(&before.version) {
            return error(2, format!("{file} was written by a newer version, please update"));
        }
        let mut queue = Queue { version: most, ..before.clone() };
        for (number, task) in (1..).zip(&mut queue.tasks) {
            if before.version == 1 {
                task.order = number * STEP;
            }
            if self.new && task.kind.is_empty() {
                task.kind = "lap".to_owned();
            }
        }
        queue.sort();
        if queue.version != before.version || !path.exists() {
            self.write(file, &queue)?;
        }
        Ok(queue)
    }

    fn write(&self, file: &str, queue: &Queue) -> Result<(), Fail> {
        replace(&self.path.join(file), &(escaped(&serde_json::to_string_pretty(queue).unwrap()) + "\n"))
    }

    pub fn save(&self, spot: &mut Spot) -> Result<(), Fail> {
        for task in &mut spot.queue.tasks {
            if self.new && task.kind.is_empty() {
                task.kind = "lap".to_owned();
            }
        }
        spot.queue.sort();
        self.write(&spot.file, &spot.queue)
    }

    pub fn spot(&self, file: &str) -> Result<Spot, Fail> {
        let name = file.strip_prefix("stints/").and_then(|name| name.strip_suffix(".laps.json"));
        let scope = name.unwrap_or("root").to_owned();
        let queue = self.load(file)?;
        let held = (queue.held && scope != "root").then(|| scope.clone());
        Ok(Spot { file: file.to_owned(), scope, held, queue })
    }

    /// The file that the flags select; the deepest one at the head of the queue otherwise.
    pub fn resolve(&self, line: &Line) -> Result<Spot, Fail> {
        if let Some(file) = line.flag("--file") {
            let end = if file.ends_with(".json") { "" } else { ".json" };
            return self.spot(&format!("{file}{end}"));
        }
        let mut spot = match line.flag("--stint") {
            Some(name) => self.spot(&format!("stints/{name}.laps.json"))?,
            None => self.spot("laps.json")?,
        };
        // A status is that of the root.
        if !self.new
            || line.flag("--root").is_some()
            || line.flag("--stint").is_some()
            || line.name == "status"
        {
            return Ok(spot);
        }
        while let Some(head) = spot.head().filter(|head| head.kind == "stint") {
            let file = format!("stints/{}.laps.json", head.reference);
            if !self.path.join(&file).exists() {
                return error(2, format!("stint {} has no file", head.reference));
            }
            let mut next = self.spot(&file)?;
            next.held = spot.held.or(next.held);
            spot = next;
        }
        Ok(spot)
    }

    /// Archives a stint of which nothing is left to do.
    pub fn drain(&self, spot: &Spot) -> Result<(), Fail> {
        let Some(name) = spot.file.strip_prefix("stints/").filter(|_| spot.head().is_none()) else {
            return Ok(());
        };
        let archive = self.path.join("stints/archive");
        let _ = std::fs::create_dir_all(&archive);
        let _ = std::fs::rename(self.path.join(&spot.file), archive.join(name));
        let mut root = self.spot("laps.json")?;
        let entry = root.queue.tasks.iter_mut().find(|task| format!("{}.laps.json", task.reference) == name);
        if let Some(entry) = entry {
            (entry.is_done, entry.updated_at, entry.completed_at) = (true, now(), Some(now()));
        }
        self.save(&mut root)
    }

    pub fn claim(&self) -> Result<Option<Claim>, Fail> {
        let text = std::fs::read_to_string(self.path.join("claim")).unwrap_or_default();
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        if !text.starts_with(['{', '[', '"']) {
            let (lap, file) = (text.to_owned(), "laps.json".to_owned());
            return Ok(Some(Claim { lap, file, scope: String::new(), claimed_at: String::new() }));
        }
        serde_json::from_str(text).map(Some).or_else(|why| error(2, format!("malformed claim: {why}")))
    }

    pub fn write_claim(&self, spot: &Spot, id: &str, old: Option<&Claim>) -> Result<(), Fail> {
        let same = old.filter(|old| old.lap == id && old.file == spot.file);
        let claim = Claim {
            lap: id.to_owned(),
            file: spot.file.clone(),
            scope: spot.scope.clone(),
            claimed_at: same.map_or_else(now, |old| old.claimed_at.clone()),
        };
        let text = if self.new { serde_json::to_string(&claim).unwrap() } else { id.to_owned() };
        replace(&self.path.join("claim"), &format!("{text}\n"))
    }
}
