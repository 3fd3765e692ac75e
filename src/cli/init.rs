//! `rally init`: everything that a workspace needs, and nothing that is already there.

mod roles;

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::config::{Env, repository_file};
use crate::git;
use crate::prompt::roles::FOLDER;
use crate::store::migrate;

/// The subject of the commit of the setup files.
const SUBJECT: &str = "rally: initialize workspace";

/// Comments only: the repository says what differs from the user's own configuration.
pub(super) const REPOSITORY_CONFIG: &str = include_str!("init/repository.toml");
/// The user's own configuration, for every repository.
pub(super) const USER_CONFIG: &str = include_str!("init/user.toml");
/// What is in `.rally`.
const README: &str = include_str!("init/README.md");

/// What can be typed after `rally init`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rally init         makes .rally/ and commits its files; doing it again is harmless
  rally init roles   models and routes for your configuration, and a text for each role in .rally/agents/
  rally init all     both

Nothing that you have written is overwritten.")]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Clone, Copy, clap::Subcommand)]
enum What {
    /// Set up roles: who works on what, and what they are told
    #[command(after_help = "\
Examples:
  rally init roles
  rally config edit   to see and change what it filled in")]
    Roles,
    /// Prepare this repository and set up roles
    #[command(after_help = "\
Examples:
  rally init all      what `rally init` and `rally init roles` do")]
    All,
}

impl Args {
    /// `rally init all`, under its old name.
    pub fn all() -> Args {
        Args { what: Some(What::All) }
    }
}

/// Runs the command; the result is the exit code.
pub fn run(args: Args) -> anyhow::Result<u8> {
    let workspace = super::workspace::root()?;
    if let Err(error @ git::GitError::NoWorkTree(_)) = git::discover(&workspace) {
        return Err(error.into());
    }
    let mut out = std::io::stdout().lock();
    match args.what {
        None => {
            prepare(&workspace, &mut out)?;
            if !workspace.join(FOLDER).exists() {
                writeln!(out, "Tip: `rally init roles` sets up who works on what, and what they are told")?;
            }
        }
        Some(What::Roles) => roles::set_up(&workspace, &mut out)?,
        Some(What::All) => {
            roles::check(&workspace)?;
            prepare(&workspace, &mut out)?;
            roles::set_up(&workspace, &mut out)?;
        }
    }
    Ok(super::error::SUCCESS)
}

/// Makes what is missing of a workspace.
fn prepare(workspace: &Path, out: &mut impl Write) -> anyhow::Result<()> {
    if !workspace.join(".git").exists() {
        refuse_inside_another(workspace)?;
        git::init(workspace)?;
        writeln!(out, "Made a git repository in {}", shown(workspace))?;
    }

    let readme = workspace.join(".rally/README.md");
    let steps = [
        (".rally/.gitignore", state(workspace)?),
        (".rally/config.toml", repository_config(workspace)?),
        (".rally/README.md", create(&readme, README.as_bytes())?.then_some("Created")),
    ];
    for (file, how) in &steps {
        if let Some(how) = how {
            writeln!(out, "{how} {file}")?;
        }
    }
    if let Some(file) = Env::from_process().user_file() {
        user_config(&file, out)?;
    }

    // Only what was written just now: a known file that the user has edited is theirs to commit.
    let written: Vec<&str> = steps.iter().filter(|(_, how)| how.is_some()).map(|(file, _)| *file).collect();
    commit(workspace, &written, out)?;
    writeln!(out, "rally is ready in {}", shown(workspace))?;
    Ok(())
}

/// Commits these files, and says so. That it cannot be done is no obstacle.
fn commit(workspace: &Path, files: &[&str], out: &mut impl Write) -> anyhow::Result<()> {
    let made = match git::discover(workspace) {
        Ok(Some(git)) => git.commit_paths(files, SUBJECT).map(|hash| hash.is_some()),
        // In a broken repository there is nothing to do.
        Ok(None) => Ok(false),
        Err(problem) => Err(problem),
    };
    match made {
        Ok(true) => writeln!(out, "Committed the setup files: {SUBJECT}")?,
        Ok(false) => {}
        Err(problem) => {
            let problem = crate::terminal::sanitize::text(&problem.to_string());
            writeln!(std::io::stderr(), "warning: the setup files are not committed: {problem}")?;
        }
    }
    Ok(())
}

fn shown(path: &Path) -> String {
    crate::terminal::sanitize::text(&path.display().to_string())
}

/// The user's own configuration, unless there is one; says whether it was made.
fn user_config(file: &Path, out: &mut impl Write) -> anyhow::Result<bool> {
    let made = create(file, USER_CONFIG.as_bytes())?;
    if made {
        writeln!(out, "Created {} (for all your repositories)", shown(file))?;
    }
    Ok(made)
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

/// Makes the state folder, brings older layouts in order and sees to it that git ignores the state.
fn state(workspace: &Path) -> anyhow::Result<Option<&'static str>> {
    let layout = super::workspace::state_layout(workspace)?;
    let before = std::fs::read(layout.gitignore()).ok();
    for notice in migrate::prepare(&layout)? {
        writeln!(std::io::stderr(), "notice: {}", crate::terminal::sanitize::text(&notice))?;
    }
    let after = std::fs::read(layout.gitignore()).ok();
    Ok(match before {
        None => Some("Created"),
        Some(_) if before != after => Some("Added state/ to"),
        Some(_) => None,
    })
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
