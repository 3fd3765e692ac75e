//! Paths as people write them in a configuration.

use std::path::{Path, PathBuf};

use super::diagnostic::ConfigError;
use super::env::Env;

/// `~` is the home directory; a relative path hangs off the workspace, never off the current
/// directory, so that a command means the same from every folder of the repository.
pub(super) fn resolve(path: &Path, workspace: &Path, env: &Env, key: &str) -> Result<PathBuf, ConfigError> {
    let first = path.to_string_lossy();
    if first.starts_with('$') || (first.starts_with('~') && !path.starts_with("~")) {
        return Err(ConfigError::NotExpanded { key: key.to_owned(), path: first.into_owned() });
    }
    let Ok(rest) = path.strip_prefix("~") else { return Ok(workspace.join(path)) };
    match &env.home {
        // Joining an empty rest would leave a slash at the end.
        Some(home) if rest.as_os_str().is_empty() => Ok(home.clone()),
        Some(home) => Ok(home.join(rest)),
        None => Err(ConfigError::NoHome {
            needed_for: format!("the ~ in {key}"),
            instead: "write the path in full",
        }),
    }
}
