//! Finding the lap that is next, through stints; and finding any lap.

use super::save::Lock;
use super::stints::{ARCHIVE, stint_file};
use super::{Folder, Handed, LapsError, ROOT_FILE, Result, Scope, Spot, file_name};
use crate::laps::Standing;
use crate::laps::file::{Entry, Kind, OpError, TaskFile};
use crate::model::Timestamp;

/// How a walk treats what it meets.
#[derive(Clone, Copy)]
pub(super) struct Way<'a> {
    /// Finished stints are archived on the way.
    pub(super) tidy: Option<(&'a Lock<'a>, Timestamp)>,
    /// Closed gates stop it.
    pub(super) gates: bool,
}

impl Folder {
    /// `root`, the stint, or the file itself.
    pub(super) fn scope_of(file: &str) -> String {
        let stint = file.strip_prefix(ARCHIVE).or_else(|| file.strip_prefix("stints/"));
        match stint.and_then(|name| name.strip_suffix(".laps.json")) {
            _ if file == ROOT_FILE => "root".to_owned(),
            Some(name) if !name.contains('/') => name.to_owned(),
            _ => file.to_owned(),
        }
    }

    /// The queue of a scope. Changes nothing.
    pub fn spot(&self, scope: &Scope) -> Result<Spot> {
        let file = match scope {
            Scope::Active => return self.steady(|| self.active()),
            Scope::Root => ROOT_FILE.to_owned(),
            Scope::Stint(name) => stint_file(name)?,
            Scope::File(name) => file_name(name)?,
        };
        if file != ROOT_FILE && !self.path(&file).exists() {
            let what = if let Scope::Stint(name) = scope { format!("stint {name}") } else { file };
            return Err(LapsError::NoQueue(format!("{what} not found in {}", self.dir.display())));
        }
        self.at(file)
    }

    pub(super) fn at(&self, file: String) -> Result<Spot> {
        let tasks = self.read(&file)?.unwrap_or_default();
        let scope = Folder::scope_of(&file);
        let held = (tasks.held && file != ROOT_FILE).then(|| scope.clone());
        Ok(Spot { scope, held, file, tasks })
    }

    /// The deepest queue that the head leads to; with no lap anywhere, the one that would be filled next.
    fn active(&self) -> Result<Spot> {
        if let Handed::Lap { spot, .. } =
            self.walk(self.at(ROOT_FILE.to_owned())?, Way { tidy: None, gates: false }, &mut Vec::new())?
        {
            return Ok(*spot);
        }
        let mut spot = self.at(ROOT_FILE.to_owned())?;
        let mut seen = Vec::new();
        while let Some(entry) = spot.tasks.head().filter(|entry| entry.kind == Kind::Stint) {
            let file = stint_file(&entry.stint)?;
            if seen.contains(&file) || !self.path(&file).exists() {
                break;
            }
            seen.push(file.clone());
            spot = below(&spot, &entry.stint, self.at(file)?);
        }
        Ok(spot)
    }

    /// What would be handed out. Changes nothing.
    pub fn head(&self, scope: &Scope) -> Result<Handed> {
        let way = Way { tidy: None, gates: true };
        match scope {
            Scope::Active => self.steady(|| self.walk(self.at(ROOT_FILE.to_owned())?, way, &mut Vec::new())),
            scope => self.steady(|| self.head_of(self.spot(scope)?, way)),
        }
    }

    /// The head of a file that was named: a stint there leads on as well.
    pub(super) fn head_of(&self, spot: Spot, way: Way<'_>) -> Result<Handed> {
        match &spot.held {
            Some(scope) if way.gates => Ok(Handed::Held { stint: scope.clone(), scope: scope.clone() }),
            _ => self.walk(spot, way, &mut Vec::new()),
        }
    }

    /// From a queue to the first lap that waits: stints in their place, finished and empty ones passed over.
    pub(super) fn walk(&self, spot: Spot, way: Way<'_>, above: &mut Vec<String>) -> Result<Handed> {
        above.push(spot.file.clone());
        let waiting: Vec<Entry> = spot.tasks.waiting().cloned().collect();
        for entry in waiting {
            if entry.kind == Kind::Lap {
                // Nobody could say which of two is done.
                spot.tasks.todo_lap(&entry.id)?;
                return Ok(Handed::Lap { entry: Box::new(entry), spot: Box::new(spot) });
            }
            let Some(child) = self.child(&spot, &entry, way, above)? else { continue };
            if child.tasks.held && way.gates {
                return Ok(Handed::Held { stint: entry.stint, scope: child.scope });
            }
            let file = child.file.clone();
            match self.walk(child, way, above)? {
                found @ (Handed::Lap { .. } | Handed::Held { .. }) => return Ok(found),
                Handed::Empty | Handed::Complete => {
                    if let Some((lock, now)) = way.tidy {
                        lock.archive(&file, &spot.file, &entry, now, true)?;
                    }
                }
            }
        }
        above.pop();
        Ok(if spot.tasks.entries.is_empty() { Handed::Empty } else { Handed::Complete })
    }

    /// The queue of a stint's entry. `None` when it was archived, all done, but a death kept its entry waiting.
    fn child(&self, spot: &Spot, entry: &Entry, way: Way<'_>, above: &[String]) -> Result<Option<Spot>> {
        let mut file = stint_file(&entry.stint)?;
        let archived = format!("{ARCHIVE}{}.laps.json", entry.stint);
        if above.contains(&file) || above.contains(&archived) {
            return Err(LapsError::Stint(format!(
                "the stint {} leads back to itself (cycle); delete its entry {} from {}",
                entry.stint, entry.id, spot.file
            )));
        }
        if !self.path(&file).exists() {
            let Some(old) = self.read(&archived)? else {
                return Err(LapsError::Stint(format!(
                    "the file {} of the stint {} is missing; restore it, or delete the entry {} from {}",
                    self.path(&file).display(),
                    entry.stint,
                    entry.id,
                    spot.file
                )));
            };
            match (old.head().is_some(), way.tidy) {
                (true, Some((lock, _))) => lock.rename(&archived, &file)?,
                (true, None) => file = archived,
                (false, Some((lock, now))) => {
                    lock.edit(&spot.file, |tasks| Ok(tasks.finish(&entry.id, now)?))?;
                    return Ok(None);
                }
                (false, None) => return Ok(None),
            }
        }
        Ok(Some(below(spot, &entry.stint, self.at(file)?)))
    }

    /// The laps that wait, head first, those of stints in their place.
    pub fn waiting(&self) -> Result<Vec<Entry>> {
        self.steady(|| {
            let mut laps = Vec::new();
            self.collect(self.at(ROOT_FILE.to_owned())?, &mut Vec::new(), &mut laps)?;
            Ok(laps)
        })
    }

    fn collect(&self, spot: Spot, above: &mut Vec<String>, laps: &mut Vec<Entry>) -> Result<()> {
        above.push(spot.file.clone());
        for entry in spot.tasks.waiting() {
            if entry.kind == Kind::Lap {
                laps.push(entry.clone());
            } else if let Some(child) = self.child(&spot, entry, Way { tidy: None, gates: false }, above)? {
                self.collect(child, above, laps)?;
            }
        }
        above.pop();
        Ok(())
    }

    /// Every file of the queue: root, stints, archive.
    pub(super) fn all_files(&self) -> Result<Vec<String>> {
        let mut files = vec![ROOT_FILE.to_owned()];
        files.extend(self.stints()?.into_iter().map(|stint| stint.file));
        Ok(files)
    }

    /// Queues beside the root that only `-f` reaches. What cannot be read as one is somebody else's file.
    fn others(&self) -> Vec<Spot> {
        let names = std::fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let mut names: Vec<String> = names.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.retain(|name| name.ends_with(".json") && name != ROOT_FILE && name != "hooks.json");
        names.sort();
        names.into_iter().filter_map(|name| self.at(name).ok()).collect()
    }

    /// A lap wherever it is: root, stints, archive, files of `-f`; one that waits before one that is done.
    pub fn find_anywhere(&self, id: &str) -> Result<Option<(Entry, Spot)>> {
        self.steady(|| self.search(id))
    }

    fn search(&self, id: &str) -> Result<Option<(Entry, Spot)>> {
        let mut done = None;
        let known = self.all_files()?.into_iter().map(|file| self.at(file));
        for spot in known.collect::<Result<Vec<Spot>>>()?.into_iter().chain(self.others()) {
            let Some(entry) = spot.tasks.entries.iter().filter(|e| e.id == id).min_by_key(|e| e.is_done)
            else {
                continue;
            };
            let found = (entry.clone(), spot);
            if !found.0.is_done {
                return Ok(Some(found));
            }
            done.get_or_insert(found);
        }
        Ok(done)
    }

    /// How a lap stands, wherever it is.
    pub fn standing(&self, id: &str) -> Result<Standing> {
        Ok(match self.find_anywhere(id)? {
            Some((entry, _)) if entry.is_done => Standing::Done,
            Some(_) => Standing::Todo,
            None => Standing::Gone,
        })
    }

    /// Says where a lap is that the selected queue has not.
    pub(super) fn not_here(&self, id: &str) -> LapsError {
        let elsewhere = match self.find_anywhere(id) {
            Ok(Some((_, spot))) if spot.file == ROOT_FILE => {
                "; it is in the root queue: use --root".to_owned()
            }
            Ok(Some((_, spot))) if spot.scope == spot.file => {
                format!("; it is in {0}: use -f {0}", spot.file)
            }
            Ok(Some((_, spot))) => format!("; it is in the stint {0}: use -s {0}", spot.scope),
            Ok(None) | Err(_) => return OpError::Unknown(id.to_owned()).into(),
        };
        LapsError::NotFound(format!("lap {id} not found{elsewhere}"))
    }

    pub(super) fn tasks_of(&self, file: &str) -> Result<TaskFile> {
        Ok(self.read(file)?.unwrap_or_default())
    }
}

fn below(parent: &Spot, stint: &str, child: Spot) -> Spot {
    let scope = if parent.scope == "root" { stint.to_owned() } else { format!("{}/{stint}", parent.scope) };
    let held = parent.held.clone().or_else(|| child.tasks.held.then(|| scope.clone()));
    Spot { scope, held, ..child }
}
