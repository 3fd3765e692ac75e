//! `rally init`: everything that a workspace needs, and nothing that is already there.

mod commit;

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;

use crate::config::{Env, repository_file};

/// The subject of the commit of the setup files.
const SUBJECT: &str = "rally: initialize workspace";

/// Comments only: the repository says what differs from the user's own configuration.
const REPOSITORY_CONFIG: &str = include_str!("init/repository.toml");
/// The user's own configuration, for every repository.
const USER_CONFIG: &str = include_str!("init/user.toml");
/// What is in `.rally`.
const README: &str = include_str!("init/README.md");
/// State is local.
const IGNORED: &str = "state/";

/// What can be typed after `rally init`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command; the result is the exit code.
pub fn run(_args: Args) -> anyhow::Result<u8> {
    let workspace = super::workspace::root()?;
    let mut out = std::io::stdout().lock();
    if !workspace.join(".git").exists() {
        refuse_inside_another(&workspace)?;
        git_init(&workspace)?;
        writeln!(out, "Made a git repository in {}", workspace.display())?;
    }

    let folder = workspace.join(".rally");
    let state = folder.join("state");
    std::fs::create_dir_all(&state).with_context(|| format!("cannot create {}", state.display()))?;

    let steps = [
        (".rally/.gitignore", ignore_state(&folder.join(".gitignore"))?),
        (".rally/config.toml", repository_config(&workspace)?),
        (".rally/README.md", create(&folder.join("README.md"), README.as_bytes())?.then_some("Created")),
    ];
    for (file, how) in &steps {
        if let Some(how) = how {
            writeln!(out, "{how} {file}")?;
        }
    }
    if let Some(file) = Env::from_process().user_file()
        && create(&file, USER_CONFIG.as_bytes())?
    {
        writeln!(out, "Created {} (for all your repositories)", file.display())?;
    }

    let files = steps.map(|(file, _)| file);
    let written: Vec<&str> = steps.iter().filter(|(_, how)| how.is_some()).map(|(file, _)| *file).collect();
    match commit::setup_files(&workspace, &files, &written, SUBJECT) {
        Ok(true) => writeln!(out, "Committed the setup files: {SUBJECT}")?,
        Ok(false) => {}
        Err(problem) => {
            let problem = crate::terminal::sanitize::text(&problem);
            writeln!(std::io::stderr(), "warning: the setup files are not committed: {problem}")?;
        }
    }
    writeln!(out, "rally is ready in {}", workspace.display())?;
    Ok(super::error::SUCCESS)
}

/// A repository further up that git does not accept (another owner, damage) is no reason to hide it
/// behind a new one.
fn refuse_inside_another(workspace: &Path) -> anyhow::Result<()> {
    match workspace.ancestors().find(|folder| folder.join(".git").exists()) {
        Some(folder) => anyhow::bail!(
            "{} has a .git that git does not accept; see what \"git status\" says there",
            folder.display()
        ),
        None => Ok(()),
    }
}

fn git_init(workspace: &Path) -> anyhow::Result<()> {
    let output = Command::new("git")
        .args(["init", "--quiet"])
        .current_dir(workspace)
        .stdin(Stdio::null())
        .output()
        .context("cannot run git, which rally needs; install it and try again")?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        anyhow::bail!("git init failed in {}: {}", workspace.display(), reason.trim());
    }
    Ok(())
}

/// The old file at the top level is taken over; it stays where it is.
fn repository_config(workspace: &Path) -> anyhow::Result<Option<&'static str>> {
    let file = repository_file(workspace);
    let legacy = workspace.join("rally.toml");
    match std::fs::read(&legacy) {
        Ok(text) => Ok(create(&file, &text)?.then_some("Copied rally.toml to")),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Ok(create(&file, REPOSITORY_CONFIG.as_bytes())?.then_some("Created"))
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", legacy.display())),
    }
}

/// Sees to it that git ignores the state, whatever else the file says.
fn ignore_state(file: &Path) -> anyhow::Result<Option<&'static str>> {
    if create(file, format!("{IGNORED}\n").as_bytes())? {
        return Ok(Some("Created"));
    }
    let text = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let ignored = String::from_utf8_lossy(&text)
        .lines()
        .any(|line| ["state", "state/", "/state", "/state/"].contains(&line.trim()));
    if ignored {
        return Ok(None);
    }
    let gap = if text.is_empty() || text.ends_with(b"\n") { "" } else { "\n" };
    OpenOptions::new()
        .append(true)
        .open(file)
        .and_then(|mut file| file.write_all(format!("{gap}{IGNORED}\n").as_bytes()))
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(Some("Added state/ to"))
}

/// Writes a file with its folders unless it is there; says whether it did.
fn create(file: &Path, text: &[u8]) -> anyhow::Result<bool> {
    let write = || {
        std::fs::create_dir_all(file.parent().map(PathBuf::from).unwrap_or_default())?;
        OpenOptions::new().write(true).create_new(true).open(file)?.write_all(text)
    };
    match write() {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && file.symlink_metadata().is_ok() => {
            Ok(false)
        }
        Err(error) => Err(error).with_context(|| format!("cannot write {}", file.display())),
    }
}
