//! Brings the folders of role files in order: rally's texts fresh in `builtin/`, the project's own in
//! `user/`, where they win.

mod plan;

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use self::plan::{Plan, Seen, body, file_name, plan_for};
use super::folder::{Entry, RoleError, list};
use super::{BUILTIN, NAMES, USER, embedded};

/// How the names of files begin that are about to replace others; hidden, so that they are no role's.
const TEMPORARY: &str = ".rally-new-";

/// Looks at the folder, which may be missing, and changes nothing.
fn look(agents_dir: &Path) -> Result<Seen, RoleError> {
    let with_text = |entry: Entry| entry.text().map(|text| (entry, text));
    let flat = list(agents_dir)?.into_iter().filter(|e| e.is_markdown() || embedded(&e.role).is_some());
    let read = |role: &'static str| {
        let file = builtin_file(agents_dir, role);
        match std::fs::read(&file) {
            Ok(bytes) => Ok((role, Some(String::from_utf8_lossy(&bytes).into_owned()))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok((role, None)),
            Err(error) => Err(RoleError::at("read", &file)(error)),
        }
    };
    let user = agents_dir.join(USER);
    // What cannot be read is not ours to judge: the role that it is for will have its own complaint.
    let says = |entry: &Entry| entry.text().map_or(true, |text| !text.trim().is_empty());
    let (speaking, blank): (Vec<_>, Vec<_>) = list(&user)?.into_iter().partition(says);
    let is_blank = |name: &str| blank.iter().any(|entry| entry.name == name);
    Ok(Seen {
        flat: flat.map(with_text).collect::<Result<_, _>>()?,
        user: speaking.into_iter().map(|entry| entry.role).collect(),
        taken: names(&user)?.into_iter().filter(|name| !is_blank(name)).collect(),
        builtin: NAMES.into_iter().map(read).collect::<Result<_, _>>()?,
    })
}

/// The names of everything in a folder, as far as they are text; none when there is no such folder.
fn names(folder: &Path) -> Result<Vec<String>, RoleError> {
    match std::fs::read_dir(folder) {
        Ok(entries) => {
            Ok(entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(RoleError::at("read", folder)(error)),
    }
}

fn builtin_file(agents_dir: &Path, role: &str) -> PathBuf {
    agents_dir.join(BUILTIN).join(file_name(role))
}

/// What is to be done, found out before anything is.
#[derive(Debug)]
pub struct Pending {
    agents_dir: PathBuf,
    plan: Plan,
}

/// What was done. Paths are relative to `.rally/agents`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Synced {
    /// One line for the operator when a file of theirs was moved, removed or replaced, or could not be.
    pub notice: Option<String>,
    /// Whether any file is other than before.
    pub changed: bool,
    /// The files of `builtin/`, all of which hold rally's texts now.
    pub builtin: Vec<PathBuf>,
    /// Those of them that were written just now.
    pub written: Vec<PathBuf>,
    /// rally's own files of older versions, which are gone.
    pub removed: Vec<PathBuf>,
    /// The project's files: where they were, and where they are.
    pub moved: Vec<(PathBuf, PathBuf)>,
}

/// Finds out what [`Pending::carry_out`] would do, and changes nothing.
///
/// # Errors
///
/// [`RoleError`] when something in there cannot be read.
pub fn prepare(agents_dir: &Path) -> Result<Pending, RoleError> {
    let plan = plan_for(&look(agents_dir)?);
    Ok(Pending { agents_dir: agents_dir.to_owned(), plan })
}

impl Pending {
    /// Makes the folders where they are missing, moves and removes files of the old place and writes
    /// rally's own texts. Doing it again does nothing. No text in `user/` is changed.
    ///
    /// # Errors
    ///
    /// [`RoleError`] at the first step that fails; the next time completes what was begun.
    pub fn carry_out(&self) -> Result<Synced, RoleError> {
        let agents = &self.agents_dir;
        let (user, builtin) = (agents.join(USER), agents.join(BUILTIN));
        for folder in [&user, &builtin] {
            std::fs::create_dir_all(folder).map_err(RoleError::at("create the folder", folder))?;
        }
        let mut synced = Synced::default();
        let mut told = Told::default();
        for name in &self.plan.theirs {
            let to = Path::new(USER).join(name);
            match move_to(&agents.join(&to), &agents.join(name), "..")? {
                true => synced.moved.push((PathBuf::from(name), to)),
                false => told.blocked.push(name.clone()),
            }
        }
        told.moved = synced.moved.len();
        told.blocked.extend(self.plan.blocked.iter().cloned());
        for name in &self.plan.outdated {
            let file = agents.join(name);
            if unless_gone(std::fs::remove_file(&file)).map_err(RoleError::at("delete", &file))? {
                synced.removed.push(PathBuf::from(name));
            }
        }
        told.removed = synced.removed.len();
        remove_temporaries(&builtin)?;
        let mut to_save = self.plan.saved.clone();
        for role in &self.plan.adopted {
            let (from, to) = (builtin_file(Path::new(""), role), Path::new(USER).join(file_name(role)));
            match move_to(&agents.join(&to), &agents.join(&from), "")? {
                true => {
                    told.adopted.push(from.display().to_string());
                    synced.moved.push((from, to));
                }
                false => to_save.push(role),
            }
        }
        for role in to_save {
            if let Some(copy) = save(agents, role)? {
                told.saved.push((builtin_file(Path::new(""), role).display().to_string(), copy));
            }
        }
        for role in &self.plan.written {
            if let Some(body) = body(role) {
                let file = builtin_file(agents, role);
                write(&builtin, &file, &body).map_err(RoleError::at("write", &file))?;
                synced.written.push(builtin_file(Path::new(""), role));
            }
        }
        let kept = NAMES.iter().filter(|role| !self.plan.held.contains(**role));
        synced.builtin = kept.map(|role| builtin_file(Path::new(""), role)).collect();
        synced.changed = !(synced.moved.is_empty() && synced.removed.is_empty() && synced.written.is_empty());
        synced.notice = told.notice(agents);
        Ok(synced)
    }
}

/// What the operator is to know.
#[derive(Debug, Default)]
struct Told {
    /// Numbers of files of the old place.
    removed: usize,
    moved: usize,
    /// Names of those that could not be moved.
    blocked: Vec<String>,
    /// Files of `builtin/` with an edited text that is in `user/` now.
    adopted: Vec<String>,
    /// Others, and where the text was saved.
    saved: Vec<(String, String)>,
}

impl Told {
    fn notice(&self, agents_dir: &Path) -> Option<String> {
        let mut parts = Vec::new();
        let moved = self.removed + self.moved;
        if moved > 0 {
            let files = if moved == 1 { "1 file".to_owned() } else { format!("{moved} files") };
            parts.push(format!(
                "{files} put in order: {} of rally's removed, {} of yours moved to {USER}/",
                self.removed, self.moved
            ));
        }
        for name in &self.blocked {
            parts.push(format!("{name} stays where it is, as {USER}/{name} is in the way"));
        }
        if !self.adopted.is_empty() {
            let files = self.adopted.join(", ");
            parts.push(format!("your edited {files} moved to {USER}/, where your own belongs"));
        }
        for (file, copy) in &self.saved {
            parts.push(format!("{file} holds rally's text again, your edited one is saved as {copy}"));
        }
        (!parts.is_empty()).then(|| format!("role files in {}: {}", agents_dir.display(), parts.join("; ")))
    }
}

/// The files as they will be: folder by folder, in the order in which they are looked through.
pub(super) fn after(agents_dir: &Path) -> Result<[Vec<Entry>; 3], RoleError> {
    if !agents_dir.is_dir() {
        return Ok([list(agents_dir)?, Vec::new(), Vec::new()]);
    }
    let plan = prepare(agents_dir)?.plan;
    let mut user = list(&agents_dir.join(USER))?;
    let mut builtin = list(&agents_dir.join(BUILTIN))?;
    let mut flat = list(agents_dir)?;
    let adopted = |entry: &Entry| plan.adopted.iter().any(|role| entry.name == file_name(role));
    let arriving: Vec<Entry> = flat
        .extract_if(.., |entry| plan.theirs.contains(&entry.name))
        .chain(builtin.extract_if(.., |entry| adopted(entry)))
        .collect();
    // What they replace is blank.
    user.retain(|entry| arriving.iter().all(|new| new.name != entry.name));
    user.extend(arriving);
    flat.retain(|entry| !plan.outdated.contains(&entry.name));
    for role in NAMES.into_iter().filter(|role| !plan.held.contains(*role)) {
        let name = file_name(role);
        builtin.retain(|entry| entry.name != name);
        let ours = Entry::new(&agents_dir.join(BUILTIN), &name).map(|e| Entry { ours: embedded(role), ..e });
        builtin.extend(ours);
    }
    for folder in [&mut user, &mut builtin] {
        folder.sort_by(|a, b| a.name.cmp(&b.name));
    }
    Ok([user, builtin, flat])
}

/// Moves a file unless something has its place that says something; a blank file is replaced. Says
/// whether it did: one that is gone was moved by somebody else just now. A relative link keeps leading where
/// it led, being `deeper` than before.
fn move_to(target: &Path, file: &Path, deeper: &str) -> Result<bool, RoleError> {
    if !is_free(target) {
        return Ok(false);
    }
    match std::fs::read_link(file) {
        Ok(link) if link.is_relative() => {
            let link = Path::new(deeper).join(link);
            let place = unless_gone(std::fs::remove_file(target));
            place
                .and_then(|_| std::os::unix::fs::symlink(link, target))
                .and_then(|()| std::fs::remove_file(file))
        }
        _ => std::fs::rename(file, target),
    }
    .map_or_else(|error| unless_gone(Err(error)), |()| Ok(true))
    .map_err(RoleError::at("move", file))
}

/// Whether nothing is lost when a file is put there.
fn is_free(target: &Path) -> bool {
    if target.symlink_metadata().is_err() {
        return true;
    }
    // Reading a pipe would block.
    target.is_file()
        && std::fs::read(target).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).trim().is_empty())
}

/// Copies what `builtin/ROLE.md` holds into a file that is no role file, and tells its name in
/// `.rally/agents`; `None` when the file is gone. A copy that is there already will do.
fn save(agents_dir: &Path, role: &str) -> Result<Option<String>, RoleError> {
    let file = builtin_file(agents_dir, role);
    let bytes = match std::fs::read(&file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(RoleError::at("read", &file)(error)),
    };
    let mut number = 1_u32;
    loop {
        let suffix = if number == 1 { String::new() } else { format!("-{number}") };
        let name = format!(".{}.saved{suffix}", file_name(role));
        let copy = agents_dir.join(&name);
        match OpenOptions::new().write(true).create_new(true).open(&copy) {
            Ok(mut new) => {
                new.write_all(&bytes).map_err(RoleError::at("write", &copy))?;
                return Ok(Some(name));
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                if copy.is_file() && std::fs::read(&copy).is_ok_and(|found| found == bytes) {
                    return Ok(Some(name));
                }
                number += 1;
            }
            Err(error) => return Err(RoleError::at("write", &copy)(error)),
        }
    }
}

/// Whether it was done; that there is nothing to do it to is fine.
fn unless_gone(done: std::io::Result<()>) -> std::io::Result<bool> {
    match done {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// In one step, as an agent may be given the text at this moment.
fn write(folder: &Path, file: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut new = tempfile::Builder::new()
        .prefix(TEMPORARY)
        // Less what the user's umask takes away, as for any file.
        .permissions(std::fs::Permissions::from_mode(0o666))
        .tempfile_in(folder)?;
    new.write_all(text.as_bytes())?;
    new.persist(file)?;
    Ok(())
}

/// Deletes what a death in the middle of [`write`] left.
fn remove_temporaries(folder: &Path) -> Result<(), RoleError> {
    let entries = std::fs::read_dir(folder).map_err(RoleError::at("read", folder))?;
    for entry in entries.flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(TEMPORARY.as_bytes()) {
            let path = entry.path();
            unless_gone(std::fs::remove_file(&path)).map_err(RoleError::at("delete", &path))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
