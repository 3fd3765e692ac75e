//! What each command does to the queue in memory.

use serde_json::{Value, json};

use super::{
    At, Claim, Command, Lap, Model, Queue, ROOT, Scope, Told, active, archived, fits, moment, scope_of,
};

/// The exit code, and the JSON on standard output.
type Must = (i32, Value);

const USAGE: Must = (1, Value::Null);
const NOT_FOUND: Must = (3, Value::Null);

enum Next {
    Lap(String, String),
    Nothing(Must),
}

impl Model {
    /// Does a command. `None` when what the process said cannot be the answer to it now.
    pub(in crate::laps) fn apply(&mut self, scope: &Scope, command: &Command, told: &Told) -> Option<()> {
        let must = self.answer(scope, command, told)?;
        (must.0 == told.code && fits(&must.1, &told.answer)).then_some(())
    }

    /// The lap that a `done` without id means, and its file. `None` when there is none that waits.
    pub(in crate::laps) fn aim(&self) -> Option<Command> {
        let claim = self.claim.as_ref()?;
        let (file, lap) = self.anywhere(&claim.lap)?;
        lap.done.is_none().then(|| Command::Aimed(claim.lap.clone(), file.to_owned()))
    }

    fn anywhere(&self, id: &str) -> Option<(&str, &Lap)> {
        self.files.iter().find_map(|(file, queue)| Some((file.as_str(), queue.find(id)?)))
    }

    fn root(&self) -> &Queue {
        &self.files[ROOT]
    }

    fn queue(&mut self, file: &str) -> &mut Queue {
        self.files.get_mut(file).unwrap()
    }

    /// The first lap that waits, through stints; finished ones are passed over. (40-9.3, 13.22)
    fn next(&self, gates: bool) -> Next {
        for entry in self.root().waiting() {
            let Some(stint) = &entry.stint else { return Next::Lap(ROOT.to_owned(), entry.id.clone()) };
            let file = active(stint);
            if self.files[&file].held && gates {
                return Next::Nothing((10, json!({"exitCode": 10, "state": "held"})));
            }
            if let Some(lap) = self.files[&file].waiting().next() {
                return Next::Lap(file.clone(), lap.id.clone());
            }
        }
        Next::Nothing(Model::nothing(self.root()))
    }

    fn nothing(queue: &Queue) -> Must {
        let (code, state) = if queue.laps.is_empty() { (11, "empty") } else { (12, "complete") };
        (code, json!({"exitCode": code, "state": state}))
    }

    fn next_in(&self, scope: &Scope, file: &str) -> Next {
        match scope {
            Scope::Active | Scope::Root => self.next(true),
            Scope::Stint(_) if self.files[file].held => {
                Next::Nothing((10, json!({"exitCode": 10, "state": "held"})))
            }
            Scope::Stint(_) => match self.files[file].waiting().next() {
                Some(lap) => Next::Lap(file.to_owned(), lap.id.clone()),
                None => Next::Nothing(Model::nothing(&self.files[file])),
            },
        }
    }

    /// The file that a scope selects.
    pub(in crate::laps) fn file(&self, scope: &Scope) -> Option<String> {
        match scope {
            Scope::Root => Some(ROOT.to_owned()),
            Scope::Stint(name) => Some(active(name)).filter(|file| self.files.contains_key(file)),
            Scope::Active => Some(match (self.next(false), self.root().waiting().next()) {
                (Next::Lap(file, _), _) => file,
                // With no lap anywhere, the stint in front is the one that is filled.
                (Next::Nothing(_), Some(entry)) => entry.stint.as_deref().map_or(ROOT.to_owned(), active),
                (Next::Nothing(_), None) => ROOT.to_owned(),
            }),
        }
    }

    fn note(&mut self, event: &str, cmd: &str, file: &str, lap: &str, reason: &str) {
        self.log.push([event, cmd, file, lap, reason].map(str::to_owned));
    }

    /// Moves a stint without waiting laps to the archive and marks its entry. (40-9.5)
    fn archive(&mut self, stint: &str, now: &str) {
        let queue = self.files.remove(&active(stint)).unwrap();
        self.files.insert(archived(stint), queue);
        let entry =
            self.root().waiting().find(|entry| entry.stint.as_deref() == Some(stint)).unwrap().id.clone();
        self.queue(ROOT).change(&entry, |entry| {
            entry.done = Some(now.to_owned());
            now.clone_into(&mut entry.updated);
        });
        self.note("stint.completed", "done", ROOT, "", "");
        self.note("stint.archived", "done", ROOT, "", "");
    }

    fn hand_out(&mut self, file: &str, id: &str) -> Must {
        let old = self.claim.take();
        let same = old.as_ref().filter(|old| old.lap == id && old.file == file);
        let since = same.map_or("?".to_owned(), |old| old.since.clone());
        if same.is_none() {
            if let Some(old) = &old {
                self.note("unclaimed", "claim", &old.file, &old.lap, "replaced");
            }
            self.note("claimed", "claim", file, id, "");
        }
        self.claim = Some(Claim { lap: id.to_owned(), file: file.to_owned(), since });
        (0, json!({"claimedId": id, "task": self.files[file].find(id).unwrap().json()}))
    }

    fn is_claimed(&self, file: &str, id: &str) -> bool {
        self.claim.as_ref().is_some_and(|claim| claim.lap == id && claim.file == file)
    }

    fn done(&mut self, file: &str, id: &str, told: &Told) -> Option<Must> {
        let Some(queue) = self.files.get(file) else { return Some(NOT_FOUND) };
        if queue.find(id).is_none_or(|lap| lap.done.is_some()) {
            return Some(NOT_FOUND);
        }
        let now = told.answer["task"]["completedAt"].as_str()?;
        let lap = self.queue(file).change(id, |lap| {
            lap.done = Some(now.to_owned());
            now.clone_into(&mut lap.updated);
        });
        self.note("completed", "done", file, id, "");
        if file != ROOT && self.files[file].waiting().next().is_none() {
            self.archive(scope_of(file), now);
        }
        if self.is_claimed(file, id) {
            self.claim = None;
            self.note("unclaimed", "done", file, id, "completed");
        }
        Some((0, json!({"task": lap})))
    }

    /// Opens the newest completion again, the larger id of two. (40-7.4)
    fn undo(&mut self, scope: &Scope, told: &Told) -> Option<Must> {
        let only = match scope {
            Scope::Active => None,
            scope => match self.file(scope) {
                Some(file) => Some(file),
                None => return Some(NOT_FOUND),
            },
        };
        let files = self.files.iter().filter(|(file, _)| only.as_ref().is_none_or(|only| only == *file));
        let laps = files.flat_map(|(file, queue)| queue.laps.iter().map(move |lap| (file, lap)));
        let done = laps.filter(|(_, lap)| lap.stint.is_none());
        let done =
            done.filter_map(|(file, lap)| Some((moment(lap.done.as_deref()?), lap.id.clone(), file.clone())));
        let Some((_, id, mut file)) = done.max() else { return Some(NOT_FOUND) };
        let now = told.answer["task"]["updatedAt"].as_str()?;
        let reopen = |lap: &mut Lap| {
            lap.done = None;
            now.clone_into(&mut lap.updated);
        };
        if file.starts_with("stints/archive/") {
            let stint = scope_of(&file).to_owned();
            let queue = self.files.remove(&file).unwrap();
            file = active(&stint);
            self.files.insert(file.clone(), queue);
            let entry = self.root().laps.iter().find(|entry| entry.stint.as_deref() == Some(&stint)).unwrap();
            let entry = entry.id.clone();
            self.queue(ROOT).change(&entry, reopen);
        }
        let lap = self.queue(&file).change(&id, reopen);
        self.note("reopened", "done-undo", &file, &id, "");
        Some((0, json!({"task": lap})))
    }

    fn add(&mut self, file: &str, at: &At, title: &str, told: &Told) -> Option<Must> {
        if let At::After(id) = at
            && self.files[file].find(id).is_none()
        {
            return Some(NOT_FOUND);
        }
        let task = &told.answer["task"];
        let (id, now) = (task["id"].as_str()?.to_owned(), task["createdAt"].as_str()?.to_owned());
        let prefix = if file == ROOT { "repo" } else { scope_of(file) };
        if self.anywhere(&id).is_some() || id.split_once('-')?.0 != prefix {
            return None;
        }
        let order = self.queue(file).place(at);
        let (title, description, assignee) = (title.to_owned(), String::new(), String::new());
        let (created, updated) = (now.clone(), now);
        let lap = Lap { stint: None, id, title, description, assignee, done: None, order, created, updated };
        self.note("created", "add", file, &lap.id, "");
        let answer = json!({"task": lap.json()});
        self.queue(file).laps.push(lap);
        self.queue(file).sort();
        Some((0, answer))
    }

    fn change(
        &mut self,
        file: &str,
        cmd: &str,
        id: &str,
        told: &Told,
        set: impl FnOnce(&mut Lap),
    ) -> Option<Must> {
        if self.files[file].find(id).is_none_or(|lap| lap.stint.is_some()) {
            return Some(USAGE);
        }
        let now = told.answer["task"]["updatedAt"].as_str()?;
        let lap = self.queue(file).change(id, |lap| {
            set(lap);
            now.clone_into(&mut lap.updated);
        });
        self.note("edited", cmd, file, id, "");
        Some((0, json!({"task": lap})))
    }

    fn place(&mut self, file: &str, id: &str, at: &At, told: &Told) -> Option<Must> {
        if self.files[file].find(id).is_none_or(|lap| lap.done.is_some()) {
            return Some(USAGE);
        }
        if let At::After(target) = at {
            if target == id {
                return Some(USAGE);
            }
            if self.files[file].find(target).is_none() {
                return Some(NOT_FOUND);
            }
        }
        let now = told.answer["task"]["updatedAt"].as_str()?;
        let queue = self.queue(file);
        let n = queue.laps.iter().position(|lap| lap.id == id).unwrap();
        let mut lap = queue.laps.remove(n);
        lap.order = queue.place(at);
        now.clone_into(&mut lap.updated);
        let answer = json!({"task": lap.json()});
        queue.laps.push(lap);
        queue.sort();
        self.note("moved", "move", file, id, "");
        Some((0, answer))
    }

    fn delete(&mut self, file: &str, id: &str, force: bool) -> Must {
        if self.files[file].find(id).is_none() {
            return NOT_FOUND;
        }
        if self.is_claimed(file, id) {
            if !force {
                return USAGE;
            }
            self.claim = None;
        }
        self.queue(file).laps.retain(|lap| lap.id != id);
        self.note("deleted", "delete", file, id, "");
        (0, json!({"deleted": id}))
    }

    /// Keeps the newest completions, and entries whose stint is there. (40-7.7, 13.23)
    fn prune(&mut self, file: &str, keep: usize) -> Must {
        let done: Vec<Lap> = self.files[file].laps.iter().filter(|lap| lap.done.is_some()).cloned().collect();
        let old = &done[..done.len().saturating_sub(keep)];
        let gone: Vec<&Lap> = old.iter().filter(|lap| lap.stint.is_none()).collect();
        self.queue(file).laps.retain(|lap| !gone.contains(&lap));
        gone.iter().for_each(|lap| self.note("pruned", "prune", file, &lap.id, ""));
        (0, json!({"removed": gone.len()}))
    }

    fn hold(&mut self, stint: &str, held: bool) -> Must {
        let file = active(stint);
        let Some(queue) = self.files.get_mut(&file) else { return NOT_FOUND };
        if std::mem::replace(&mut queue.held, held) != held {
            let (event, cmd) =
                if held { ("stint.held", "stints-hold") } else { ("stint.released", "stints-release") };
            self.note(event, cmd, &file, "", "");
        }
        (0, json!({"held": held, "stint": stint}))
    }

    fn unclaim(&mut self) -> Must {
        let Some(claim) = self.claim.take() else { return NOT_FOUND };
        let title = self.anywhere(&claim.lap).map_or(claim.lap.clone(), |(_, lap)| lap.title.clone());
        self.note("unclaimed", "claim-undo", &claim.file, &claim.lap, "");
        (0, json!({"title": title, "unclaimedId": claim.lap}))
    }

    fn claim_head(&mut self, scope: &Scope, file: &str) -> Must {
        if !matches!(scope, Scope::Stint(_)) {
            let entries: Vec<String> =
                self.root().waiting().map(|lap| lap.stint.clone().unwrap_or_default()).collect();
            for stint in entries {
                let finished =
                    self.files.get(&active(&stint)).is_some_and(|q| !q.held && q.waiting().next().is_none());
                if !finished {
                    break;
                }
                self.archive(&stint, "?");
            }
        }
        match self.next_in(scope, file) {
            Next::Lap(file, id) => self.hand_out(&file, &id),
            Next::Nothing(must) => must,
        }
    }

    fn answer(&mut self, scope: &Scope, command: &Command, told: &Told) -> Option<Must> {
        match command {
            Command::Undo => return self.undo(scope, told),
            Command::Unclaim => return Some(self.unclaim()),
            Command::Hold(stint, held) => return Some(self.hold(stint, *held)),
            Command::Handoff => return Some((0, Value::Null)),
            Command::Done(None) => return Some(NOT_FOUND),
            Command::Aimed(id, file) => return self.done(file, id, told),
            _ => {}
        }
        let Some(file) = self.file(scope) else { return Some(NOT_FOUND) };
        let queue = &self.files[&file];
        Some(match command {
            Command::Add(at, title) => self.add(&file, at, title, told)?,
            // The root's own head may be a stint, which is shown as such.
            Command::Get(None) if matches!(scope, Scope::Root) => match queue.waiting().next() {
                Some(entry) => (0, json!({"task": entry.json()})),
                None => Model::nothing(queue),
            },
            Command::Get(None) => match self.next_in(scope, &file) {
                Next::Lap(file, id) => (0, json!({"task": self.files[&file].find(&id).unwrap().json()})),
                Next::Nothing(must) => must,
            },
            Command::Get(Some(id)) => {
                queue.find(id).map_or(NOT_FOUND, |lap| (0, json!({"task": lap.json()})))
            }
            Command::List => {
                let done = queue.laps.iter().filter(|lap| lap.done.is_some());
                let laps: Vec<Value> = queue.waiting().chain(done).map(Lap::json).collect();
                (0, json!({"tasks": laps}))
            }
            Command::Claim(None) => self.claim_head(scope, &file),
            Command::Claim(Some(id)) => match queue.find(id) {
                Some(lap) if lap.done.is_none() && queue.held => {
                    (10, json!({"exitCode": 10, "state": "held"}))
                }
                Some(lap) if lap.done.is_none() => self.hand_out(&file, id),
                _ => NOT_FOUND,
            },
            Command::Done(Some(id)) => self.done(&file, id, told)?,
            Command::Edit(id, text) => {
                self.change(&file, "edit", id, told, |lap| text.clone_into(&mut lap.description))?
            }
            Command::Assign(id, role) => {
                self.change(&file, "assign", id, told, |lap| role.clone_into(&mut lap.assignee))?
            }
            Command::Move(id, at) => self.place(&file, id, at, told)?,
            Command::Delete(id, force) => self.delete(&file, id, *force),
            Command::Prune(keep) => self.prune(&file, *keep),
            _ => return None,
        })
    }
}
