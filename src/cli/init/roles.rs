//! `rally init roles`: who works on which role, in the user's configuration, and what each role is
//! told, in the workspace. Everything is worked out before the first file is touched.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::cli::role_files::put_in_order;
use crate::config::edit::{Draft, EditError};
use crate::config::{Env, repository_file, starter};
use crate::git;
use crate::prompt::roles::{self, FOLDER};

/// The subject of the commit of the role files.
const SUBJECT: &str = "rally: set up roles";

/// The configuration that gets the defaults: the user's, and the workspace's own only where there is
/// no home for the other.
struct Target {
    file: PathBuf,
    is_users: bool,
}

impl Target {
    fn of(workspace: &Path) -> Target {
        match Env::from_process().user_file() {
            Some(file) => Target { file, is_users: true },
            None => Target { file: repository_file(workspace), is_users: false },
        }
    }

    /// The file, and its text with the defaults filled in; nothing is written yet.
    fn filled(&self) -> anyhow::Result<(Draft, String)> {
        let fill = || {
            let draft = Draft::open(&self.file)?;
            let text = draft.with(&starter::missing(draft.document()))?;
            Ok::<_, EditError>((draft, text))
        };
        fill().context("role defaults cannot be filled in (`rally config edit` opens the file)")
    }
}

/// Finds what would make [`set_up`] fail, before anything is written.
pub(super) fn check(workspace: &Path) -> anyhow::Result<()> {
    Target::of(workspace).filled()?;
    roles::prepare(&workspace.join(FOLDER))?;
    Ok(())
}

/// Fills in what is missing and says so.
pub(super) fn set_up(workspace: &Path, out: &mut impl Write) -> anyhow::Result<()> {
    let target = Target::of(workspace);
    check(workspace)?;
    let created = match target.is_users {
        true => super::user_config(&target.file, out)?,
        false => super::create(&target.file, super::REPOSITORY_CONFIG.as_bytes())?,
    };
    let (draft, text) = target.filled()?;
    let filled = draft.save(&text)?;
    let file = super::shown(&target.file);
    match filled {
        true => writeln!(out, "Added role defaults to {file}")?,
        false => writeln!(out, "{file} already has role defaults")?,
    }
    let had_routes = !draft.names(&["routes"]).is_empty();
    if filled && !had_routes && draft.get(&["defaults", "mix"]).is_some() {
        writeln!(out, "From now on [routes] say who works; [defaults].mix counts only without them")?;
    }

    let git = git::discover(workspace);
    let done = put_in_order(workspace, git.as_ref().map(Option::as_ref), SUBJECT, "notice")?;
    let (builtin, user) = (roles::BUILTIN, roles::USER);
    writeln!(out, "Role files: {FOLDER}/{builtin}/ is rally's, what you put into {FOLDER}/{user}/ wins")?;
    if done.committed {
        writeln!(out, "Committed the role files: {SUBJECT}")?;
    }
    if !(created || filled || done.changed || done.committed) {
        writeln!(out, "Nothing to do")?;
    }
    Ok(())
}
