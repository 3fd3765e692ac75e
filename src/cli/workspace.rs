//! Which workspace a command is about, and where its things are.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::config::{self, Env};
use crate::git;
use crate::store::Layout;

/// The top of the git work tree around the current folder; the current folder itself
/// outside of git, and where git cannot tell.
pub fn root() -> anyhow::Result<PathBuf> {
    let here = std::env::current_dir().context("the current folder is gone; change to one that exists")?;
    let found = git::discover(&here).ok().flatten();
    Ok(found.map_or(here, |git| git.root().to_owned()))
}

/// Where everything of the workspace `root` is, logs included.
pub fn layout(root: &Path) -> anyhow::Result<Layout> {
    let data_dir = config::load(root, &Env::from_process())?.config.data_dir;
    place(root, &data_dir)
}

/// Where the state of the workspace `root` is. Logs are not: what agents call must not
/// fail over a configuration that they may just be editing.
pub fn state_layout(root: &Path) -> anyhow::Result<Layout> {
    place(root, &root.join(".rally/state"))
}

fn place(root: &Path, data_dir: &Path) -> anyhow::Result<Layout> {
    Layout::new(root, data_dir).with_context(|| format!("cannot use the workspace {}", root.display()))
}
