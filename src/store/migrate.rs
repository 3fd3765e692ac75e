//! What has to be in place before anything is written: the state folder, its line in
//! `.gitignore`, and the files of the layout in which they stood directly in `.rally`.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::{Layout, StoreError, disk, files};

/// Files that once stood directly in `.rally`.
pub const MOVED: [&str; 7] = [
    "tries.jsonl",
    "messages.jsonl",
    "relays.jsonl",
    "agent_status.jsonl",
    "hook-audit.jsonl",
    "run-state.json",
    "current_task.md",
];

/// Folders of even older versions that hold nothing any more.
pub const OBSOLETE: [&str; 2] = ["batches", "relays"];

/// Lines of `.gitignore` that keep the state out of git.
const IGNORE_LINES: [&str; 4] = ["state/", "state", "/state", "/state/"];

/// Prepares `.rally`. Doing it again is harmless. Says what the operator should know.
pub fn prepare(layout: &Layout) -> Result<Vec<String>, StoreError> {
    let state = layout.state_dir();
    make_state_folder(layout)?;
    let mut notices = Vec::new();
    let mut moved = false;
    for name in MOVED {
        let source = layout.rally_dir().join(name);
        if source.symlink_metadata().is_ok_and(|m| !m.is_dir()) {
            moved = true;
            notices.extend(move_file(&source, &state.join(name))?);
        }
    }
    if moved {
        files::sync_dir(&state)?;
        files::sync_dir(&layout.rally_dir())?;
    }
    for name in OBSOLETE {
        let dir = layout.rally_dir().join(name);
        if dir.symlink_metadata().is_ok_and(|m| m.is_dir()) {
            disk::remove_dir_all(&dir).map_err(StoreError::at("delete", &dir))?;
        }
    }
    Ok(notices)
}

/// Makes the state folder and hides it from git.
pub(super) fn make_state_folder(layout: &Layout) -> Result<(), StoreError> {
    let state = layout.state_dir();
    layout.make_state_dir().map_err(StoreError::at("create the folder", &state))?;
    ignore_state(&layout.gitignore())
}

/// Moves one file without ever overwriting another. Says so when both had something to say.
fn move_file(source: &Path, target: &Path) -> Result<Option<String>, StoreError> {
    let rename = |to: &Path| disk::rename(source, to).map_err(StoreError::at("move", source));
    if !target.exists() {
        rename(target)?;
        return Ok(None);
    }
    if target.is_dir() {
        return Err(StoreError::FolderInTheWay { path: target.to_owned() });
    }
    if same_content(source, target)? {
        files::remove(source)?;
        return Ok(None);
    }
    let mut conflict = target.as_os_str().to_owned();
    conflict.push(".legacy-conflict");
    let conflict = Path::new(&conflict);
    if !conflict.exists() {
        rename(conflict)?;
        return Ok(Some(format!(
            "{} differs from {}; the older one is kept as {}",
            source.display(),
            target.display(),
            conflict.display()
        )));
    }
    if same_content(source, conflict)? {
        files::remove(source)?;
        return Ok(None);
    }
    Ok(Some(format!(
        "{} differs from {} and from {}; it was left where it is",
        source.display(),
        target.display(),
        conflict.display()
    )))
}

fn same_content(a: &Path, b: &Path) -> Result<bool, StoreError> {
    let read = |path: &Path| fs::read(path).map_err(StoreError::at("read", path));
    Ok(read(a)? == read(b)?)
}

/// Prompts and transcripts' whereabouts must never be committed.
fn ignore_state(path: &Path) -> Result<(), StoreError> {
    let old = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound => String::new(),
        Err(e) => return Err(StoreError::io("read", path, e)),
    };
    if old.lines().any(|line| IGNORE_LINES.contains(&line.trim())) {
        return Ok(());
    }
    let newline = if old.is_empty() || old.ends_with('\n') { "" } else { "\n" };
    // Appended, so that a full disk cannot cost the lines that are there.
    let append = || {
        let file = disk::open_append(path)?;
        disk::write_all(&file, format!("{newline}state/\n").as_bytes())
    };
    append().map_err(StoreError::at("write", path))
}
