//! What commands do with the queue, each under the lock from its reading to its writing.

use std::collections::BTreeSet;

use super::claim::CLAIM;
use super::events::Scene;
use super::save::Lock;
use super::walk::Way;
use super::{Claim, Folder, Handed, LapsError, ROOT_FILE, Result, Scope, Spot};
use crate::laps::NewLap;
use crate::laps::file::json::{Json, Node};
use crate::laps::file::{Added, At, Edit, Entry, Kind, Moved, OpError, TaskFile, root_prefix};
use crate::model::Timestamp;

/// Seconds in which a completion is undone without asking.
const UNDO: i64 = 300;

impl Spot {
    fn scene<'a>(&'a self, cmd: &'a str, now: Timestamp) -> Scene<'a> {
        Scene { cmd, file: &self.file, scope: &self.scope, version: self.tasks.version, now }
    }
}

impl Folder {
    /// Makes the root queue. Says whether it was missing.
    pub fn init(&self) -> Result<bool> {
        let lock = self.lock()?;
        let missing = self.raw(ROOT_FILE)?.is_none();
        if missing {
            lock.edit(ROOT_FILE, |_| Ok(()))?;
        }
        Ok(missing)
    }

    /// An entry of the selected queue. Changes nothing.
    pub fn get(&self, scope: &Scope, id: &str) -> Result<(Entry, Spot)> {
        self.pick(self.spot(scope)?, id)
    }

    fn pick(&self, spot: Spot, id: &str) -> Result<(Entry, Spot)> {
        match spot.tasks.find(id) {
            Ok(entry) => Ok((entry.clone(), spot)),
            Err(OpError::Unknown(_)) => Err(self.not_here(id)),
            Err(other) => Err(other.into()),
        }
    }

    /// Hands out the head and claims it. Finished stints on the way are archived.
    pub fn claim(&self, scope: &Scope, now: Timestamp) -> Result<Handed> {
        let lock = self.lock()?;
        let way = Way { tidy: Some((&lock, now)), gates: true };
        let handed = match scope {
            Scope::Active => self.walk(self.at(ROOT_FILE.to_owned())?, way, &mut Vec::new())?,
            scope => self.head_of(self.spot(scope)?, way)?,
        };
        if let Handed::Lap { entry, spot } = &handed {
            lock.hand_out(entry, spot, now)?;
        }
        Ok(handed)
    }

    /// Claims a lap of the selected queue.
    pub fn claim_id(&self, scope: &Scope, id: &str, now: Timestamp) -> Result<Handed> {
        let lock = self.lock()?;
        let (_, spot) = self.get(scope, id)?;
        lock.claim_in(spot, id, now)
    }

    /// Claims a lap wherever it is.
    pub fn claim_anywhere(&self, id: &str, now: Timestamp) -> Result<Handed> {
        let lock = self.lock()?;
        let (_, spot) = self.find_anywhere(id)?.ok_or_else(|| OpError::Unknown(id.to_owned()))?;
        lock.claim_in(spot, id, now)
    }

    /// Gives the claim back: what it was, and its lap's title, or the id when the lap is gone.
    pub fn unclaim(&self, now: Timestamp) -> Result<(Claim, String)> {
        let lock = self.lock()?;
        let claim = lock.claimed()?.ok_or(LapsError::NothingClaimed { head: None })?;
        let lap = self.lap_of(&claim)?;
        lock.remove(CLAIM)?;
        let title = lap.as_ref().map_or_else(|| claim.lap.clone(), |(entry, _)| entry.title.clone());
        lock.unclaimed("claim-undo", &claim, None, now);
        Ok((claim, title))
    }

    /// Gives the claim back if it names this lap. Says whether it did.
    pub fn release(&self, id: &str, now: Timestamp) -> Result<bool> {
        let lock = self.lock()?;
        let Some(claim) = lock.claimed()?.filter(|claim| claim.lap == id) else { return Ok(false) };
        lock.remove(CLAIM)?;
        lock.unclaimed("claim-undo", &claim, None, now);
        Ok(true)
    }

    /// The lap of a claim: in the file that it names, else wherever it is.
    pub fn lap_of(&self, claim: &Claim) -> Result<Option<(Entry, Spot)>> {
        if let Ok(file) = super::file_name(&claim.file)
            && let Some(tasks) = self.read(&file)?
            && let Ok(entry) = tasks.find(&claim.lap).cloned()
        {
            let scope = claim.scope();
            return Ok(Some((entry, Spot { held: None, scope, file, tasks })));
        }
        self.find_anywhere(&claim.lap)
    }

    /// A bare claim names no file: the selected one comes first.
    fn claimed_lap(&self, scope: &Scope, claim: &Claim) -> Result<Option<(Entry, Spot)>> {
        if claim.is_bare()
            && let Scope::File(_) = scope
            && let Ok(spot) = self.spot(scope)
            && let Ok(entry) = spot.tasks.find(&claim.lap).cloned()
        {
            return Ok(Some((entry, spot)));
        }
        self.lap_of(claim)
    }

    /// Adds laps to a queue in one step.
    pub fn add(&self, scope: &Scope, at: &At, laps: &[NewLap], now: Timestamp) -> Result<(Added, Spot)> {
        let lock = self.lock()?;
        let spot = match scope {
            Scope::File(name) => self.at(super::file_name(name)?)?,
            scope => self.spot(scope)?,
        };
        lock.add(spot, at, laps, now)
    }

    /// Adds laps to the queue of another lap, or to the active one when that is not known or archived.
    pub fn add_beside(
        &self,
        id: Option<&str>,
        at: &At,
        laps: &[NewLap],
        now: Timestamp,
    ) -> Result<(Added, Spot)> {
        let lock = self.lock()?;
        let beside = id.map(|id| self.find_anywhere(id)).transpose()?.flatten().map(|(_, spot)| spot);
        let spot = match beside.filter(|spot| !spot.file.starts_with(super::stints::ARCHIVE)) {
            Some(spot) => spot,
            None => self.spot(&Scope::Active)?,
        };
        lock.add(spot, at, laps, now)
    }

    /// What `done` would complete: this lap of the selected queue, or the claimed one. Changes nothing.
    pub fn done_target(&self, scope: &Scope, id: Option<&str>) -> Result<(Entry, Spot)> {
        let (entry, spot) = match id {
            Some(id) => self.get(scope, id)?,
            None => match self.claimed()? {
                Some(claim) => self
                    .claimed_lap(scope, &claim)?
                    .ok_or_else(|| LapsError::NotFound(format!("claimed lap {} not found", claim.lap)))?,
                None => {
                    let head = match self.head(scope)? {
                        Handed::Lap { entry, .. } => Some(entry),
                        Handed::Held { .. } | Handed::Empty | Handed::Complete => None,
                    };
                    return Err(LapsError::NothingClaimed { head });
                }
            },
        };
        spot.tasks.todo_lap(&entry.id)?;
        Ok((entry, spot))
    }

    /// Completes a lap, archives its stint if that was the last, and gives back the claim if it names it.
    pub fn done(&self, scope: &Scope, id: Option<&str>, now: Timestamp) -> Result<(Entry, Spot)> {
        let lock = self.lock()?;
        let (target, spot) = self.done_target(scope, id)?;
        if spot.tasks.waiting().count() == 1 {
            lock.room(&spot.file)?;
        }
        let (entry, spot) = lock.change(spot, |tasks| Ok(tasks.done(&target.id, now)?))?;
        self.log("completed", spot.scene("done", now), Some(&entry), &[]);
        // The lap is done whatever becomes of its stint: the next claim archives what stays behind.
        if let Err(e) = lock.drain(&spot.file, now) {
            self.warn(format!("lap {} is done, but its stint is not archived: {e}", entry.id));
        }
        let claim = lock.claimed().ok().flatten().filter(|claim| claim.names(&entry.id, &spot.file));
        if let Some(claim) = claim
            && lock.remove(CLAIM).is_ok()
        {
            lock.unclaimed("done", &claim, Some("completed"), now);
        }
        Ok((entry, spot))
    }

    /// What an undo would open again: the newest completion, of all files unless one was selected.
    pub fn undo_target(&self, scope: &Scope) -> Result<(Entry, Spot)> {
        self.steady(|| self.newest(scope))
    }

    fn newest(&self, scope: &Scope) -> Result<(Entry, Spot)> {
        let spots = match scope {
            Scope::Active => {
                self.all_files()?.into_iter().map(|file| self.at(file)).collect::<Result<_>>()?
            }
            scope => vec![self.spot(scope)?],
        };
        let newest = spots.into_iter().filter_map(|spot| Some((spot.tasks.undoable()?, spot)));
        let newest = newest.max_by(|a, b| a.0.cmp(&b.0));
        let (lap, spot) = newest.ok_or(LapsError::NothingDone)?;
        Ok((spot.tasks.find(&lap.id)?.clone(), spot))
    }

    /// Opens the newest completion again; an old one only with `yes`. Restores archived stints on the way.
    pub fn undo(&self, scope: &Scope, yes: bool, now: Timestamp) -> Result<(Entry, Spot)> {
        let lock = self.lock()?;
        let (target, spot) = self.undo_target(scope)?;
        let seconds = target.completed_at.as_ref().map_or(0, |at| now.duration_since(at.at()).as_secs());
        if seconds > UNDO && !yes {
            return Err(LapsError::TooOld { id: target.id, seconds });
        }
        let file = lock.restore(&spot.file, &mut Vec::new(), now)?;
        let (entry, spot) = lock.change(Spot { file, ..spot }, |tasks| Ok(tasks.reopen(&target.id, now)?))?;
        self.log("reopened", spot.scene("done-undo", now), Some(&entry), &[]);
        Ok((entry, spot))
    }

    /// Takes an entry away. The claimed one only by `force`, which gives back the claim.
    pub fn delete(&self, scope: &Scope, id: &str, force: bool, now: Timestamp) -> Result<(Entry, Spot)> {
        let lock = self.lock()?;
        let (_, spot) = self.get(scope, id)?;
        let claimed = lock.claimed()?.is_some_and(|claim| claim.names(id, &spot.file));
        if claimed && !force {
            return Err(LapsError::Claimed(id.to_owned()));
        }
        let (entry, spot) = lock.change(spot, |tasks| Ok(tasks.delete(id)?))?;
        if claimed {
            lock.remove(CLAIM)?;
        }
        self.log("deleted", spot.scene("delete", now), Some(&entry), &[]);
        Ok((entry, spot))
    }

    /// Takes done entries away but the newest `keep`, and those whose stint is in the archive.
    pub fn prune(&self, scope: &Scope, keep: usize, now: Timestamp) -> Result<Vec<Entry>> {
        let lock = self.lock()?;
        let stints: BTreeSet<String> = self.stints()?.into_iter().map(|stint| stint.name).collect();
        let needed = |entry: &Entry| entry.kind == Kind::Stint && stints.contains(&entry.stint);
        let (gone, spot) = lock.change(self.spot(scope)?, |tasks| Ok(tasks.prune(keep, needed)))?;
        for entry in &gone {
            self.log("pruned", spot.scene("prune", now), Some(entry), &[]);
        }
        Ok(gone)
    }

    /// Moves an entry that waits.
    pub fn move_lap(&self, scope: &Scope, id: &str, at: &At, now: Timestamp) -> Result<(Moved, Spot)> {
        let lock = self.lock()?;
        let (moved, spot) = lock.change(self.spot(scope)?, |tasks| Ok(tasks.move_to(id, at, now)?))?;
        let mut detail = vec![
            ("position", at.word().into()),
            ("from", moved.from.into()),
            ("to", moved.entry.order.into()),
        ];
        if let At::After(target) = at {
            detail.push(("after", target.as_str().into()));
        }
        self.log("moved", spot.scene("move", now), Some(&moved.entry), &detail);
        Ok((moved, spot))
    }

    /// Changes an entry's texts; `cmd` is `edit` or `assign`.
    pub fn edit(
        &self,
        scope: &Scope,
        id: &str,
        edit: &Edit,
        cmd: &str,
        now: Timestamp,
    ) -> Result<(Entry, Spot)> {
        let lock = self.lock()?;
        let (entry, spot) = lock.change(self.spot(scope)?, |tasks| Ok(tasks.edit(id, edit, now)?))?;
        let fields =
            [("title", &edit.title), ("description", &edit.description), ("assignee", &edit.assignee)];
        let fields =
            fields.into_iter().filter(|(_, value)| value.is_some()).map(|(name, _)| Node::from(name));
        let fields: Node = Json::Array(fields.collect()).into();
        self.log("edited", spot.scene(cmd, now), Some(&entry), &[("fields", fields)]);
        Ok((entry, spot))
    }
}

impl Lock<'_> {
    /// Changes the queue of a spot, and gives the spot as it is then.
    fn change<T>(&self, spot: Spot, mut change: impl FnMut(&mut TaskFile) -> Result<T>) -> Result<(T, Spot)> {
        let (answer, tasks) = self.edit(&spot.file, |tasks| Ok((change(tasks)?, tasks.clone())))?;
        Ok((answer, Spot { tasks, ..spot }))
    }

    fn add(&self, spot: Spot, at: &At, laps: &[NewLap], now: Timestamp) -> Result<(Added, Spot)> {
        let folder = self.folder;
        let mut taken = folder.logged_ids();
        taken.extend(self.claimed()?.map(|claim| claim.lap));
        let prefix = root_prefix(&folder.root);
        let file = spot.file.clone();
        let (added, spot) = self.change(spot, |tasks| {
            self.settle_prefix(&file, tasks)?;
            Ok(tasks.add(at, laps, &prefix, &taken, now)?)
        })?;
        for entry in &added.entries {
            folder.log("created", spot.scene("add", now), Some(entry), &[("position", at.word().into())]);
        }
        Ok((added, spot))
    }

    fn claim_in(&self, spot: Spot, id: &str, now: Timestamp) -> Result<Handed> {
        let entry = spot.tasks.todo_lap(id)?.clone();
        if let Some(scope) = &spot.held {
            let stint = scope.rsplit('/').next().unwrap_or(scope).to_owned();
            return Ok(Handed::Held { stint, scope: scope.clone() });
        }
        self.hand_out(&entry, &spot, now)?;
        Ok(Handed::Lap { entry: Box::new(entry), spot: Box::new(spot) })
    }

    fn hand_out(&self, entry: &Entry, spot: &Spot, now: Timestamp) -> Result<()> {
        if let Some(bytes) = self.folder.raw(&spot.file)? {
            self.folder.keep(&spot.file, &bytes);
        }
        let (old, fresh) = self.take(&entry.id, spot, now)?;
        if fresh {
            if let Some(old) = old {
                self.unclaimed("claim", &old, Some("replaced"), now);
            }
            self.folder.log("claimed", spot.scene("claim", now), Some(entry), &[]);
        }
        Ok(())
    }

    /// The line of a claim that is no more, under the file that it named.
    pub(super) fn unclaimed(&self, cmd: &str, claim: &Claim, reason: Option<&str>, now: Timestamp) {
        let lap = self.folder.lap_of(claim).ok().flatten();
        let (title, assignee) = lap.as_ref().map_or(("", ""), |(e, _)| (&e.title, &e.assignee));
        let version = lap.as_ref().map_or(0, |(_, spot)| spot.tasks.version);
        let scope = claim.scope();
        let scene = Scene { cmd, file: &claim.file, scope: &scope, version, now };
        let reason: Vec<(&str, Node)> = reason.map(|reason| ("reason", reason.into())).into_iter().collect();
        self.folder.log_lap("unclaimed", scene, [&claim.lap, title, assignee], &reason);
    }
}
