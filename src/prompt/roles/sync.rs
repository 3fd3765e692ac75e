//! Brings the folders of role files in order: rally's texts fresh in `builtin/`, the project's own in
//! `user/`, where they win.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::folder::{Entry, RoleError, list};
use super::{BUILTIN, NAMES, USER, embedded, is_managed};

/// How the names of files begin that are about to replace others; hidden, so that they are no role's.
const TEMPORARY: &str = ".rally-new-";

/// What is to be done to the files of a folder `.rally/agents`. Names are names of files in it, or of
/// roles where a file of `builtin/` is meant.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// rally's own texts of older versions: deleted.
    pub outdated: Vec<String>,
    /// The project's texts: moved into `user/`.
    pub theirs: Vec<String>,
    /// Roles whose file in `builtin/` is written.
    pub written: Vec<&'static str>,
    /// Those of them whose text was none that rally ever wrote.
    pub edited: Vec<&'static str>,
}

/// What there is.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The files of the folder itself, by name, with their texts.
    pub flat: Vec<(Entry, String)>,
    /// The roles that have a file in `user/`.
    pub user: BTreeSet<String>,
    /// What `builtin/ROLE.md` holds; `None` where there is none.
    pub builtin: Vec<(&'static str, Option<String>)>,
}

/// Decides what to do. `managed` tells whether rally wrote a text for a role.
pub(super) fn plan(seen: &Seen, managed: impl Fn(&str, &str) -> bool) -> Plan {
    let mut plan = Plan::default();
    let says = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.trim().is_empty());
    let in_builtin = |role: &str| seen.builtin.iter().any(|(name, text)| *name == role && says(text));
    for (entry, text) in &seen.flat {
        let is_first = |(other, text): &&(Entry, String)| other.role == entry.role && !text.trim().is_empty();
        let in_force = !in_builtin(&entry.role)
            && seen.flat.iter().find(is_first).is_some_and(|(first, _)| first.name == entry.name);
        let ours = managed(&entry.role, text);
        if entry.is_markdown() && ours {
            plan.outdated.push(entry.name.clone());
        } else if seen.user.contains(&entry.role) {
            // Beside a file of the same role it might win, or overwrite it: `user/` is not ours to change.
        } else if entry.is_markdown() || (in_force && !ours && embedded(&entry.role).is_some()) {
            // What is in force stays so, whatever its extension: a new file in `builtin/` would win over it.
            plan.theirs.push(entry.name.clone());
        }
    }
    for (role, text) in &seen.builtin {
        if *text != body(role) {
            plan.written.push(role);
            if says(text) && !text.as_ref().is_some_and(|text| managed(role, text)) {
                plan.edited.push(role);
            }
        }
    }
    plan
}

/// What `builtin/ROLE.md` is to hold.
fn body(role: &str) -> Option<String> {
    embedded(role).map(|text| format!("{text}\n"))
}

/// Looks at the folder, which may be missing, and changes nothing.
pub(super) fn look(agents_dir: &Path) -> Result<Seen, RoleError> {
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
    Ok(Seen {
        flat: flat.map(with_text).collect::<Result<_, _>>()?,
        user: list(&agents_dir.join(USER))?.into_iter().map(|entry| entry.role).collect(),
        builtin: NAMES.into_iter().map(read).collect::<Result<_, _>>()?,
    })
}

fn builtin_file(agents_dir: &Path, role: &str) -> PathBuf {
    agents_dir.join(BUILTIN).join(format!("{role}.md"))
}

/// What is to be done, found out before anything is.
#[derive(Debug)]
pub struct Pending {
    agents_dir: PathBuf,
    plan: Plan,
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Synced {
    /// One line for the operator when a file of theirs was moved, removed or replaced.
    pub notice: Option<String>,
    /// Whether any file is other than before.
    pub changed: bool,
    /// Files that rally made, moved or removed here, or keeps, relative to `.rally/agents`: these may be
    /// committed as set-up. Whatever else is in `user/` is the project's to commit.
    pub own_files: Vec<PathBuf>,
}

/// Finds out what [`Pending::carry_out`] would do, and changes nothing.
///
/// # Errors
///
/// [`RoleError`] when something in there cannot be read.
pub fn prepare(agents_dir: &Path) -> Result<Pending, RoleError> {
    let plan = plan(&look(agents_dir)?, is_managed);
    Ok(Pending { agents_dir: agents_dir.to_owned(), plan })
}

impl Pending {
    /// Makes the folders where they are missing, moves and removes files of the old place and writes
    /// rally's own texts. Doing it again does nothing. What is in `user/` stays as it is.
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
        for name in &self.plan.theirs {
            move_into(&user, &agents.join(name), name)?;
        }
        for name in &self.plan.outdated {
            let file = agents.join(name);
            gone_is_fine(std::fs::remove_file(&file)).map_err(RoleError::at("delete", &file))?;
        }
        remove_temporaries(&builtin)?;
        for role in &self.plan.written {
            if let Some(body) = body(role) {
                let file = builtin_file(agents, role);
                write(&builtin, &file, &body).map_err(RoleError::at("write", &file))?;
            }
        }
        Ok(Synced {
            notice: self.notice(),
            changed: self.plan != Plan::default(),
            own_files: self.own_files(),
        })
    }

    fn own_files(&self) -> Vec<PathBuf> {
        let kept = NAMES.iter().map(|role| builtin_file(Path::new(""), role));
        let gone = self.plan.outdated.iter().chain(&self.plan.theirs).map(PathBuf::from);
        let moved = self.plan.theirs.iter().map(|name| Path::new(USER).join(name));
        kept.chain(gone).chain(moved).collect()
    }

    fn notice(&self) -> Option<String> {
        let Plan { outdated, theirs, edited, .. } = &self.plan;
        let mut parts = Vec::new();
        let moved = outdated.len() + theirs.len();
        if moved > 0 {
            let files = if moved == 1 { "1 file".to_owned() } else { format!("{moved} files") };
            parts.push(format!(
                "{files} put in order: {} of rally's removed, {} of yours moved to {USER}/",
                outdated.len(),
                theirs.len()
            ));
        }
        if !edited.is_empty() {
            let files: Vec<String> = edited.iter().map(|role| format!("{BUILTIN}/{role}.md")).collect();
            parts.push(format!("rally's text is back in {}; your own belongs in {USER}/", files.join(", ")));
        }
        (!parts.is_empty())
            .then(|| format!("role files in {}: {}", self.agents_dir.display(), parts.join("; ")))
    }
}

/// [`prepare`] and [`Pending::carry_out`] for a folder that is there; `None` where there is none.
///
/// # Errors
///
/// [`RoleError`] when something in there cannot be read or written.
pub fn sync(agents_dir: &Path) -> Result<Option<Synced>, RoleError> {
    match agents_dir.is_dir() {
        true => prepare(agents_dir)?.carry_out().map(Some),
        false => Ok(None),
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
    user.extend(flat.extract_if(.., |entry| plan.theirs.contains(&entry.name)));
    flat.retain(|entry| !plan.outdated.contains(&entry.name));
    for role in NAMES {
        let name = format!("{role}.md");
        builtin.retain(|entry| entry.name != name);
        let ours = Entry::new(&agents_dir.join(BUILTIN), &name).map(|e| Entry { ours: embedded(role), ..e });
        builtin.extend(ours);
    }
    for folder in [&mut user, &mut builtin] {
        folder.sort_by(|a, b| a.name.cmp(&b.name));
    }
    Ok([user, builtin, flat])
}

/// Moves a file; one that is gone was moved by somebody else just now. A link keeps leading where it led.
fn move_into(folder: &Path, file: &Path, name: &str) -> Result<(), RoleError> {
    let target = folder.join(name);
    if target.symlink_metadata().is_ok() {
        return Ok(());
    }
    match std::fs::read_link(file) {
        Ok(link) if link.is_relative() => std::os::unix::fs::symlink(Path::new("..").join(link), &target)
            .and_then(|()| gone_is_fine(std::fs::remove_file(file))),
        _ => gone_is_fine(std::fs::rename(file, &target)),
    }
    .map_err(RoleError::at("move", file))
}

fn gone_is_fine(done: std::io::Result<()>) -> std::io::Result<()> {
    match done {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
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
            gone_is_fine(std::fs::remove_file(&path)).map_err(RoleError::at("delete", &path))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
