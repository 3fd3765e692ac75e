//! Which workspace a command is about, and where its things are.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;

use crate::store::Layout;

/// The top of the git work tree around the current folder; the current folder itself
/// outside of git, and where there is no git.
pub fn root() -> anyhow::Result<PathBuf> {
    let here = std::env::current_dir().context("cannot tell the current folder")?;
    Ok(toplevel(&here).unwrap_or(here))
}

fn toplevel(here: &Path) -> Option<PathBuf> {
    let output = Command::new("git")
        .args(["rev-parse", "--show-toplevel"])
        .current_dir(here)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let mut path = output.stdout;
    if path.last() == Some(&b'\n') {
        path.pop();
    }
    let found = output.status.success() && !path.is_empty();
    found.then(|| PathBuf::from(OsString::from_vec(path)))
}

/// Where everything of the workspace `root` is.
pub fn layout(root: &Path) -> anyhow::Result<Layout> {
    let data_dir = data_dir()?;
    Layout::new(root, &data_dir).with_context(|| format!("cannot use the workspace {}", root.display()))
}

/// `RALLY_DATA_DIR`, else `~/.local/share/rally`.
fn data_dir() -> anyhow::Result<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(dir) = variable("RALLY_DATA_DIR") {
        return Ok(dir.into());
    }
    let home = variable("HOME").context("neither HOME nor RALLY_DATA_DIR is set: no place for logs")?;
    Ok(Path::new(&home).join(".local/share/rally"))
}
