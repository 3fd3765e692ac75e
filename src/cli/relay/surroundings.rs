//! What the agents find around them, and who listens to the relay.

use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::Context;

use super::notice::warn;
use crate::cli::role_files::put_in_order;
use crate::config::{Config, Origin};
use crate::git::Git;
use crate::laps::{Queue, hooks};
use crate::model::text::chain;
use crate::prompt::roles::FOLDER;
use crate::relay::event::{Event, Sink};
use crate::store::{Layout, private};
use crate::terminal::sanitize;

/// Refuses a folder of transcripts and relay logs that has another purpose already.
pub fn check_data_dir(workspace: &Path, config: &Config) -> anyhow::Result<()> {
    let folder = &config.data_dir;
    if *folder == workspace || *folder == workspace.join(".rally") {
        anyhow::bail!("{}: give it a folder of its own", complaint(config));
    }
    Ok(())
}

/// Makes the folder of transcripts and relay logs. Inside the workspace it hides itself from
/// git: what it holds is no work of an agent's, and nobody wants to commit it.
pub fn data_dir(workspace: &Path, config: &Config) -> anyhow::Result<()> {
    let folder = &config.data_dir;
    let complain = || complaint(config);
    if !folder.exists() {
        private::folder(folder).with_context(complain)?;
    }
    let ignore = folder.join(".gitignore");
    if folder.starts_with(workspace) && !ignore.exists() {
        std::fs::write(&ignore, "*\n").with_context(complain)?;
    }
    Ok(())
}

fn complaint(config: &Config) -> String {
    let place = match config.origin("data_dir") {
        Some(Origin { file, line }) => format!(" ({}:{line}: data_dir)", file.display()),
        None => String::new(),
    };
    format!("cannot use the data folder {}{place}", config.data_dir.display())
}

/// Brings the texts of roles in order, where a project has its own, and commits what rally did.
/// Trouble is a warning: rally's own texts are always at hand.
pub fn role_files(git: &Git, workspace: &Path) {
    if workspace.join(FOLDER).is_dir()
        && let Err(error) = put_in_order(workspace, Ok(Some(git)), "rally: update role files", "warning")
    {
        warn(&format!("the role files are left as they are: {}", chain(&error)));
    }
}

/// PATH of the agents: a folder in which `rally` is this very binary and `laps` whoever keeps the queue, then
/// our own PATH.
pub fn agent_path(layout: &Layout, queue: Option<&Queue>) -> anyhow::Result<OsString> {
    let folder = layout.state_dir().join("bin");
    private::folder(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let binary = std::env::current_exe().context("cannot tell where this program is")?;
    point(&folder.join("rally"), &binary)?;
    let laps = folder.join("laps");
    match queue {
        Some(queue) => point(&laps, queue.program().unwrap_or(&binary))?,
        None => match std::fs::remove_file(&laps) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", laps.display()));
            }
            _ => {}
        },
    }
    let own = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder).chain(std::env::split_paths(&own));
    // A workspace with a colon in its name cannot stand in a PATH: agents then need rally on their own.
    Ok(std::env::join_paths(folders).unwrap_or(own))
}

fn point(link: &Path, target: &Path) -> anyhow::Result<()> {
    if std::fs::read_link(link).ok().as_deref() == Some(target) {
        return Ok(());
    }
    replace_link(target, link).with_context(|| format!("cannot make {}", link.display()))
}

/// Brings rally's hooks of the queue in order, and commits what rally did. That it cannot be committed is a warning.
pub fn laps_hooks(git: &Git, workspace: &Path) -> anyhow::Result<()> {
    let noted = hooks::install_and_commit(workspace, Ok(Some(git)))?;
    if let Some(line) = noted.installed {
        writeln!(std::io::stdout(), "{}", sanitize::text(&line))?;
    }
    if let Some(warning) = noted.warning {
        warn(&warning);
    }
    Ok(())
}

/// Replaces a link in one step, so that an agent never finds it missing.
fn replace_link(target: &Path, link: &Path) -> std::io::Result<()> {
    let fresh = link.with_extension(format!("{}", std::process::id()));
    let _ = std::fs::remove_file(&fresh);
    symlink(target, &fresh)?;
    std::fs::rename(&fresh, link)
}

/// Tells every event to several listeners.
#[derive(Default)]
pub struct Listeners(pub Vec<Box<dyn Sink>>);

impl Sink for Listeners {
    fn event(&mut self, event: &Event) {
        for sink in &mut self.0 {
            sink.event(event);
        }
    }

    fn wants_ticks(&self) -> bool {
        self.0.iter().any(|sink| sink.wants_ticks())
    }
}
