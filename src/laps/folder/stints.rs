//! Stints: queue files of their own, to which an entry of another queue refers. A finished one is archived.

use std::collections::BTreeSet;
use std::path::Path;

use super::events::Scene;
use super::save::Lock;
use super::{Folder, LapsError, ROOT_FILE, Result};
use crate::laps::file::{Added, At, Entry, Kind, STINT_VERSION, TaskFile, root_prefix};
use crate::model::Timestamp;

pub(super) const ARCHIVE: &str = "stints/archive/";
const ENDING: &str = ".laps.json";

/// A stint's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StintFile {
    /// The stint.
    pub name: String,
    /// Relative to the folder.
    pub file: String,
    /// Whether it is in the archive.
    pub archived: bool,
}

/// The file of an active stint.
pub(super) fn stint_file(name: &str) -> Result<String> {
    if name.trim().is_empty() || name == "." || name == ".." || name.contains(['/', '\\', '\0']) {
        return Err(LapsError::Stint(format!("{name:?} is no name of a stint")));
    }
    Ok(format!("stints/{name}{ENDING}"))
}

impl Folder {
    /// All stints by name, active before archived.
    pub fn stints(&self) -> Result<Vec<StintFile>> {
        let mut found = Vec::new();
        for (folder, archived) in [("stints/", false), (ARCHIVE, true)] {
            let dir = self.path(folder);
            let entries = match std::fs::read_dir(&dir) {
                Ok(entries) => entries,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
                Err(e) => return Err(LapsError::io("read", &dir)(e)),
            };
            for entry in entries.flatten() {
                let Ok(file) = entry.file_name().into_string() else { continue };
                if let Some(name) = file.strip_suffix(ENDING) {
                    found.push(StintFile {
                        name: name.to_owned(),
                        file: format!("{folder}{file}"),
                        archived,
                    });
                }
            }
        }
        found.sort_by(|a, b| (&a.name, a.archived).cmp(&(&b.name, b.archived)));
        Ok(found)
    }

    fn stint(&self, name: &str) -> Result<StintFile> {
        stint_file(name)?;
        let known = self.stints()?.into_iter().find(|stint| stint.name == name);
        known.ok_or_else(|| LapsError::NotFound(format!("stint {name} not found")))
    }

    /// The entry that refers to a stint, and its file. One that waits before one that is done.
    fn reference(&self, name: &str) -> Result<Option<(String, Entry)>> {
        let mut done = None;
        for file in self.all_files()? {
            for entry in self.tasks_of(&file)?.entries {
                if entry.kind != Kind::Stint || entry.stint != name {
                    continue;
                }
                if !entry.is_done {
                    return Ok(Some((file, entry)));
                }
                done.get_or_insert((file.clone(), entry));
            }
        }
        Ok(done)
    }

    /// Makes a stint and gives its prefix.
    pub fn new_stint(&self, name: &str) -> Result<String> {
        let file = stint_file(name)?;
        let lock = self.lock()?;
        let known = self.stints()?;
        if known.iter().any(|stint| stint.name == name) {
            return Err(LapsError::Stint(format!("the stint {name} is there already; choose another name")));
        }
        let prefix = self.prefix_for(name)?;
        lock.edit(&file, |tasks| {
            tasks.version = STINT_VERSION;
            tasks.prefix.clone_from(&prefix);
            Ok(())
        })?;
        Ok(prefix)
    }

    fn prefix_for(&self, name: &str) -> Result<String> {
        let mut taken = BTreeSet::from([root_prefix(&self.root)]);
        for stint in self.stints()? {
            taken.extend(self.read(&stint.file).ok().flatten().map(|tasks| tasks.prefix));
        }
        free_prefix(name, &taken)
            .ok_or_else(|| LapsError::Stint(format!("there is no free prefix for the stint {name}")))
    }

    /// Puts a stint into the root queue.
    pub fn enqueue(&self, name: &str, at: &At, now: Timestamp) -> Result<Added> {
        let lock = self.lock()?;
        if self.stint(name)?.archived {
            return Err(LapsError::NotFound(format!("stint {name} is archived")));
        }
        let prefix = root_prefix(&self.root);
        let added = lock.edit(ROOT_FILE, |tasks| {
            if tasks.entries.iter().any(|entry| entry.kind == Kind::Stint && entry.stint == name) {
                return Err(LapsError::NotFound(format!("stint {name} is already queued")));
            }
            Ok(tasks.enqueue(at, name, &prefix, now)?)
        })?;
        let scene =
            Scene { cmd: "stints-enqueue", file: ROOT_FILE, scope: "root", version: STINT_VERSION, now };
        for entry in &added.entries {
            let detail =
                [("stint", name.into()), ("ref", entry.id.as_str().into()), ("position", at.word().into())];
            self.log("stint.enqueued", scene, None, &detail);
        }
        Ok(added)
    }

    /// Closes or opens a stint's gate.
    pub fn hold(&self, name: &str, held: bool, now: Timestamp) -> Result<()> {
        let lock = self.lock()?;
        let stint = self.stint(name)?;
        if stint.archived {
            return Err(LapsError::NotFound(format!("stint {name} is archived")));
        }
        let changed = lock.edit(&stint.file, |tasks| Ok(std::mem::replace(&mut tasks.held, held) != held))?;
        if changed {
            let (event, cmd) =
                if held { ("stint.held", "stints-hold") } else { ("stint.released", "stints-release") };
            let scene = Scene { cmd, file: &stint.file, scope: name, version: STINT_VERSION, now };
            self.log(event, scene, None, &[("stint", name.into())]);
        }
        Ok(())
    }
}

impl Lock<'_> {
    /// Archives a stint without waiting laps and marks its entry. The file goes first: a death in between leaves a
    /// waiting entry over an archived stint, which the next claim brings in order. `quiet`: an archive that is in
    /// the way is no error, the stint stays where it is.
    pub(super) fn archive(
        &self,
        file: &str,
        parent: &str,
        entry: &Entry,
        now: Timestamp,
        quiet: bool,
    ) -> Result<bool> {
        let folder = self.folder;
        let target = format!("{ARCHIVE}{}{ENDING}", entry.stint);
        if folder.path(&target).exists() {
            if quiet {
                return Ok(false);
            }
            return Err(in_the_way(&folder.path(&target)));
        }
        self.rename(file, &target)?;
        if let Err(e) = self.edit(parent, |tasks| Ok(tasks.finish(&entry.id, now)?)) {
            self.rename(&target, file)?;
            return Err(e);
        }
        let scope = Folder::scope_of(parent);
        let scene = Scene { cmd: "done", file: parent, scope: &scope, version: STINT_VERSION, now };
        let stint = || ("stint", entry.stint.as_str().into());
        folder.log("stint.completed", scene, None, &[stint(), ("ref", entry.id.as_str().into())]);
        folder.log(
            "stint.archived",
            scene,
            None,
            &[stint(), ("from", file.into()), ("to", target.as_str().into())],
        );
        Ok(true)
    }

    /// Whether the archive has room for a stint whose last lap is about to be done, and for those above that it
    /// would finish.
    pub(super) fn room(&self, file: &str) -> Result<()> {
        let folder = self.folder;
        let mut file = file.to_owned();
        for _ in 0..folder.all_files()?.len() {
            let Some(name) = file.strip_prefix("stints/").filter(|_| !file.starts_with(ARCHIVE)) else {
                break;
            };
            let path = folder.path(&format!("{ARCHIVE}{name}"));
            let Some((parent, _)) = folder.reference(&Folder::scope_of(&file))? else { break };
            if path.exists() {
                return Err(in_the_way(&path));
            }
            if folder.tasks_of(&parent)?.waiting().count() != 1 {
                break;
            }
            file = parent;
        }
        Ok(())
    }

    /// After a completion: archives the stint if that was its last lap, and those above that are finished by it.
    pub(super) fn drain(&self, file: &str, now: Timestamp) -> Result<()> {
        let mut file = file.to_owned();
        for _ in 0..self.folder.all_files()?.len() {
            let is_active = file.starts_with("stints/") && !file.starts_with(ARCHIVE);
            if !is_active || self.folder.tasks_of(&file)?.head().is_some() {
                break;
            }
            let Some((parent, entry)) = self.folder.reference(&Folder::scope_of(&file))? else { break };
            self.archive(&file, &parent, &entry, now, false)?;
            file = parent;
        }
        Ok(())
    }

    /// Before a lap of a finished stint is opened again: brings its stint back from the archive, the entries above
    /// first, so that a death in between leaves a finished stint, which the next claim archives again. Gives the
    /// file's new name. `below` are the files that were come from.
    pub(super) fn restore(&self, file: &str, below: &mut Vec<String>, now: Timestamp) -> Result<String> {
        if !file.starts_with("stints/") || below.iter().any(|seen| seen == file) {
            return Ok(file.to_owned());
        }
        below.push(file.to_owned());
        if let Some((parent, entry)) = self.folder.reference(&Folder::scope_of(file))? {
            let parent = self.restore(&parent, below, now)?;
            if entry.is_done {
                self.edit(&parent, |tasks| Ok(tasks.reopen(&entry.id, now)?))?;
            }
        }
        let Some(name) = file.strip_prefix(ARCHIVE) else { return Ok(file.to_owned()) };
        let active = format!("stints/{name}");
        self.rename(file, &active)?;
        Ok(active)
    }

    /// The prefix for new laps of this file: a stint without one gets one, if it has no laps yet.
    pub(super) fn settle_prefix(&self, file: &str, tasks: &mut TaskFile) -> Result<()> {
        let stint = Folder::scope_of(file);
        if !file.starts_with("stints/") || stint == file || !tasks.prefix.is_empty() {
            return Ok(());
        }
        if !tasks.entries.is_empty() {
            return Err(LapsError::Stint(format!(
                "{} has laps but no prefix; write \"prefix\": and 4 of a-z and 0-9 behind its version",
                self.folder.path(file).display()
            )));
        }
        tasks.version = STINT_VERSION;
        tasks.prefix = self.folder.prefix_for(&stint)?;
        Ok(())
    }
}

fn in_the_way(path: &Path) -> LapsError {
    LapsError::Stint(format!("{} is there already; move it away first", path.display()))
}

/// The first four of the name; else windows and permutations in sorted order; else another last character.
fn free_prefix(name: &str, taken: &BTreeSet<String>) -> Option<String> {
    let chars: Vec<char> =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).take(16).collect();
    let first: String = chars.iter().copied().chain("xxxx".chars()).take(4).collect();
    let mut others = BTreeSet::new();
    for a in 0..chars.len() {
        for b in 0..chars.len() {
            for c in 0..chars.len() {
                for d in 0..chars.len() {
                    if BTreeSet::from([a, b, c, d]).len() == 4 {
                        others.insert(String::from_iter([chars[a], chars[b], chars[c], chars[d]]));
                    }
                }
            }
        }
    }
    let spare = ('0'..='9').chain('a'..='z').map(|c| format!("{}{c}", &first[..3]));
    [first.clone()].into_iter().chain(others).chain(spare).find(|prefix| !taken.contains(prefix))
}
