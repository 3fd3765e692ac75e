//! Rally's own hooks: three entries and three scripts, which only forward what they are given.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

use super::{Hook, HooksError, json as document, path};
use crate::git::{Footing, Git, GitError};
use crate::model::text::chain;

/// Where the scripts are, from the top of the workspace.
const FOLDER: &str = ".laps/hooks/rally";

/// Message of the commit.
const SUBJECT: &str = "rally: install laps hooks";

/// What came of an installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Installed {
    /// Whether any file is other than before.
    pub changed: bool,
    /// Whether `hooks.json` holds nothing that could be the user's.
    all_own: bool,
}

/// What the operator should know of an installation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Noted {
    /// The line to print, if anything changed.
    pub installed: Option<String>,
    /// Why it is not committed.
    pub warning: Option<String>,
}

fn script_path(hook: Hook) -> String {
    format!("{FOLDER}/{}-hook.sh", hook.name())
}

fn script(hook: Hook) -> String {
    let (purpose, options) = match hook {
        Hook::Done => ("a lap was completed", "--record-lap \"$1\""),
        Hook::Handoff => ("a lap is about to be handed over", "--set-handoff -- \"$@\""),
        Hook::Wrapup => ("the agent reports the end of its work", "--wrapup \"$@\""),
    };
    let name = hook.name();
    format!(
        "#!/bin/sh
# Written by rally, and written again when it is changed: {purpose}.
rally=.rally/state/bin/rally
[ -x \"$rally\" ] || rally=rally
exec \"$rally\" progress --hook {name} {options}
"
    )
}

fn entry(hook: Hook) -> Value {
    let (command, when, args, description) = match hook {
        Hook::Done => ("done", "after", "\"$id\"", "Records that the lap is done and asks for the wrapup"),
        Hook::Handoff => {
            ("handoff", "before", "$args", "Records that the lap is handed over and asks for the wrapup")
        }
        Hook::Wrapup => ("wrapup", "before", "$args", "Completes the run, or hands it over"),
    };
    json!({
        "title": format!("{}{}", super::OWN, hook.name()),
        "description": description,
        "command": command,
        "when": when,
        "run": format!("{} {args}", script_path(hook)),
        "passback": true,
    })
}

/// Brings entries and scripts in order. A second time changes no byte.
pub fn install(root: &Path) -> Result<Installed, HooksError> {
    let list = path(root);
    let own = Hook::ALL.map(entry);
    // Read first: a damaged list is no reason to write anything.
    let (new, all_own) = match document::text(&list)? {
        Some(text) => {
            let document = document::Document::parse(&list, text)?;
            (document.with(&own), document.is_all_own())
        }
        None => (Some(document::fresh(&own)), true),
    };
    let mut changed = false;
    for hook in Hook::ALL {
        let file = root.join(script_path(hook));
        let text = script(hook);
        let is_there = std::fs::read(&file).is_ok_and(|bytes| bytes == text.as_bytes());
        let mode = std::fs::metadata(&file).map(|file| file.permissions().mode() & 0o777);
        if !is_there || mode.ok() != Some(0o755) {
            write(&file, text.as_bytes(), 0o755)?;
            changed = true;
        }
    }
    if let Some(text) = new {
        let mode = std::fs::metadata(&list).map_or(0o644, |file| file.permissions().mode() & 0o777);
        write(&list, text.as_bytes(), mode)?;
        changed = true;
    }
    Ok(Installed { changed, all_own })
}

fn write(file: &Path, bytes: &[u8], mode: u32) -> Result<(), HooksError> {
    let attempt = || -> io::Result<()> {
        // Through a link to where the file is.
        let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
        let folder = file.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        new.write_all(bytes)?;
        new.as_file().set_permissions(Permissions::from_mode(mode))?;
        new.as_file().sync_all()?;
        new.persist(&file)?;
        Ok(())
    };
    attempt().map_err(|source| HooksError::Io { what: "write", path: file.to_owned(), source })
}

/// Installs, and commits exactly what was installed. That it cannot be committed is a warning.
pub fn install_and_commit(root: &Path, git: Result<Option<&Git>, &GitError>) -> Result<Noted, HooksError> {
    let had_list = path(root).exists();
    let before = match git {
        Ok(Some(git)) => git.footings(&[".laps"]).map(|before| Some((git, before))).map_err(|e| chain(&e)),
        Ok(None) => Ok(None),
        Err(problem) => Err(chain(problem)),
    };
    let installed = install(root)?;
    let mut noted = Noted::default();
    if installed.changed {
        noted.installed = Some(format!("Installed rally hooks in {}", root.join(FOLDER).display()));
    }
    let (git, before) = match before {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(noted),
        Err(problem) => {
            noted.warning = installed.changed.then(|| not_committed(&problem));
            return Ok(noted);
        }
    };
    let footing = |file: &str| before.get(file.as_bytes()).copied();
    let mut files: Vec<String> = Hook::ALL.map(script_path).into();
    let list = ".laps/hooks.json";
    // Entries that were not committed before are the user's.
    let is_ours = !had_list || installed.all_own || footing(list) == Some(Footing::Clean);
    if is_ours {
        files.push(list.to_owned());
    }
    // An interrupted installation left its files without a commit.
    let is_due =
        installed.changed || files.iter().any(|file| footing(file).is_some_and(|f| f != Footing::Clean));
    if is_due {
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        if let Err(problem) = git.commit_paths(&files, SUBJECT) {
            noted.warning = Some(not_committed(&chain(&problem)));
        } else if installed.changed && !is_ours {
            noted.warning = Some(format!("{list} has changes of yours, so it is left for you to commit"));
        }
    }
    Ok(noted)
}

fn not_committed(problem: &str) -> String {
    format!("the laps hooks are not committed: {problem}")
}
