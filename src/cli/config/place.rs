//! Which files a configuration has here.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::config::inspect::{self, Inspection};
use crate::config::{ConfigError, Env, repository_file};
use crate::git;

/// The files around the current folder.
#[derive(Debug)]
pub struct Place {
    env: Env,
    /// What relative paths in a configuration hang off: the top of the repository, or the current folder.
    workspace: PathBuf,
    user: Option<PathBuf>,
    repository: Option<PathBuf>,
}

impl Place {
    /// Of this process.
    pub fn here() -> anyhow::Result<Place> {
        let here =
            std::env::current_dir().context("the current folder is gone; change to one that exists")?;
        // Where git cannot tell, a .rally says as much.
        let root = match git::discover(&here) {
            Ok(Some(git)) => Some(git.root().to_owned()),
            Ok(None) | Err(_) => here.join(".rally").is_dir().then(|| here.clone()),
        };
        Ok(Place::of(Env::from_process(), root.as_deref(), &here))
    }

    /// Of a process with this environment in a folder, which may be in a repository.
    pub fn of(env: Env, root: Option<&Path>, here: &Path) -> Place {
        Place {
            user: env.user_file(),
            repository: root.map(repository_file),
            workspace: root.unwrap_or(here).to_owned(),
            env,
        }
    }

    /// The file of a scope.
    pub fn file(&self, repo: bool) -> anyhow::Result<&Path> {
        let (file, problem) = if repo {
            (
                &self.repository,
                "this is no git repository, so it has no file; run rally init, which makes one",
            )
        } else {
            let problem = "no home directory, so there is no file of your own: \
                           set HOME or XDG_CONFIG_HOME to an absolute path, or use --repo";
            (&self.user, problem)
        };
        file.as_deref().context(problem)
    }

    /// The files that there may be, the weaker first.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.user.iter().chain(&self.repository).map(PathBuf::as_path)
    }

    /// What some of the files say together, and the errors of those that cannot be read. `changed` replaces what
    /// one of them holds.
    pub fn inspect(&self, files: &[&Path], changed: Option<(&Path, &str)>) -> (Inspection, Vec<ConfigError>) {
        let mut contents = Vec::new();
        let mut unreadable = Vec::new();
        for file in files {
            let bytes = match changed {
                Some((path, text)) if path == *file => Ok(text.as_bytes().to_vec()),
                _ => inspect::read(file),
            };
            match bytes {
                Ok(bytes) => contents.push(((*file).to_owned(), bytes)),
                Err(error) => unreadable.push(error),
            }
        }
        let mut inspection = inspect::inspect(&contents, &self.workspace, &self.env);
        inspection.is_partial |= !unreadable.is_empty();
        (inspection, unreadable)
    }
}
