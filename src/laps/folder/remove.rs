//! Takes a stint away with all its laps.

use super::claim::CLAIM;
use super::stints::stint_file;
use super::{Folder, LapsError, Result};
use crate::laps::file::Kind;
use crate::model::Timestamp;

impl Folder {
    /// Deletes a stint's file. One that is queued, or has the claimed lap, only by `force`: its entries and the claim
    /// go first, so that a death in between leaves a stint that is not queued and no entry without a stint.
    pub fn remove_stint(&self, name: &str, force: bool, now: Timestamp) -> Result<()> {
        stint_file(name)?;
        let lock = self.lock()?;
        let stint = self.stints()?.into_iter().find(|stint| stint.name == name);
        let stint = stint.ok_or_else(|| LapsError::NotFound(format!("stint {name} not found")))?;
        if !stint.archived {
            let mut queues = Vec::new();
            for file in self.all_files()?.into_iter().filter(|file| *file != stint.file) {
                let tasks = self.tasks_of(&file)?;
                if tasks.entries.iter().any(|entry| entry.kind == Kind::Stint && entry.stint == name) {
                    queues.push(file);
                }
            }
            let claim = lock.claimed()?.filter(|claim| claim.file == stint.file);
            let trouble = match (&claim, queues.is_empty()) {
                (Some(claim), _) => Some(format!("has the claimed lap {}", claim.lap)),
                (None, false) => Some("is queued".to_owned()),
                (None, true) => None,
            };
            if let Some(trouble) = trouble.filter(|_| !force) {
                return Err(LapsError::NotFound(format!("stint {name} {trouble}; use --force to remove it")));
            }
            for file in &queues {
                lock.edit(file, |tasks| {
                    tasks.entries.retain(|entry| entry.kind != Kind::Stint || entry.stint != name);
                    Ok(())
                })?;
            }
            if let Some(claim) = claim {
                lock.remove(CLAIM)?;
                lock.unclaimed("stints-rm", &claim, None, now);
            }
        }
        lock.remove(&stint.file)
    }
}
