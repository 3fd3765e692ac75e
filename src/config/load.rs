//! Both files, read, merged and resolved.

use std::path::{Path, PathBuf};

use super::builtin::BUILTINS;
use super::diagnostic::{ConfigError, Diagnostic, Findings, label};
use super::env::Env;
use super::inspect::{self, inspect};
use super::merge::Merged;
use super::sandbox::SandboxConfig;
use super::schema::Leaf;
use super::settings::{Config, Defaults};
use super::{harness, logs, paths, reliability, routes, sandbox};
use crate::model::mask;

/// A configuration, and what the operator should know about it.
#[derive(Debug)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// In the order of the files (the user's first), then by line.
    pub warnings: Vec<Diagnostic>,
}

/// The repository's configuration file.
pub fn repository_file(workspace: &Path) -> PathBuf {
    workspace.join(".rally").join("config.toml")
}

/// Reads the user's file and the workspace's, either of which may be missing.
///
/// # Errors
///
/// [`ConfigError::Invalid`] with every mistake in both files, as [`inspect()`] finds them, and with what
/// lacks a home directory; [`ConfigError::Unreadable`] for a file that exists and cannot be read.
pub fn load(workspace: &Path, env: &Env) -> Result<Loaded, ConfigError> {
    let files = env.user_file().into_iter().chain([repository_file(workspace)]);
    let contents: Vec<(PathBuf, Vec<u8>)> =
        files.map(|file| Ok((file.clone(), inspect::read(&file)?))).collect::<Result<_, ConfigError>>()?;
    let found = inspect(&contents, workspace, env);
    if found.errors.is_empty() {
        Ok(Loaded { config: found.config, warnings: found.warnings })
    } else {
        Err(ConfigError::Invalid(found.errors))
    }
}

/// The configuration as far as it can be understood, and the first path that leads nowhere.
pub(super) fn build(
    merged: &Merged,
    workspace: &Path,
    env: &Env,
    findings: &mut Findings,
) -> (Config, Option<ConfigError>) {
    let mut trouble = None;
    let mut sure = |path: Result<Option<PathBuf>, ConfigError>| {
        path.unwrap_or_else(|error| {
            trouble.get_or_insert(error);
            None
        })
    };
    let mut path = |key: &[&str]| path(merged, key, workspace, env, findings);
    let data_dir = path(&["data_dir"]).and_then(|configured| data_dir(configured, workspace, env));
    let laps_instructions_file = sure(path(&["laps", "instructions_file"]));
    let free_run_prompt_file = sure(path(&["free_run", "prompt_file"]));
    let (sandbox, homeless) = match sandbox::resolve(merged, workspace, env, findings) {
        Ok(sandbox) => (sandbox, None),
        Err(error) => (SandboxConfig::default(), Some(error)),
    };
    let reliability = reliability::resolve(merged, findings);
    let harnesses = harness::resolve(merged, env.home.as_deref(), &repository_file(workspace), findings);
    // What agents get beside rally's own environment may be secret, too.
    mask::learn(harnesses.values().flat_map(|harness| harness.env.clone()));
    let routes = routes::routes(merged, findings);
    let providers = routes::providers(merged, findings);
    let config = Config {
        schema_version: match merged.get(&["schema_version"]).map(|setting| &setting.leaf) {
            Some(Leaf::Number(version)) => *version,
            _ => 0,
        },
        data_dir: sure(data_dir.map(Some)).unwrap_or_default(),
        run_hooks_on_autocommit: merged.flag(&["run_hooks_on_autocommit"]).unwrap_or(false),
        logs: logs::resolve(merged),
        defaults: defaults(merged),
        laps_instructions_file,
        free_run_prompt_file,
        reliability,
        sandbox,
        harnesses,
        routes,
        providers,
        reasoning: routes::reasoning(merged),
        origins: merged.origins(),
    };
    (config, trouble.or(homeless))
}

/// A configured path. What a shell would have expanded is a finding with its line.
fn path(
    merged: &Merged,
    key: &[&str],
    workspace: &Path,
    env: &Env,
    findings: &mut Findings,
) -> Result<Option<PathBuf>, ConfigError> {
    let Some(setting) = merged.get(key) else { return Ok(None) };
    let Some(text) = merged.text(key) else { return Ok(None) };
    match paths::resolve(Path::new(text), workspace, env, &label(&setting.path)) {
        Ok(path) => Ok(Some(path)),
        Err(error @ ConfigError::NotExpanded { .. }) => {
            findings.error(&setting.origin, &setting.path, error.to_string());
            Ok(None)
        }
        Err(other) => Err(other),
    }
}

/// `RALLY_DATA_DIR`, else `data_dir`, else `~/.local/share/rally`.
fn data_dir(configured: Option<PathBuf>, workspace: &Path, env: &Env) -> Result<PathBuf, ConfigError> {
    if let Some(given) = &env.rally_data_dir {
        return paths::resolve(given, workspace, env, "RALLY_DATA_DIR");
    }
    configured.or_else(|| env.default_data_dir()).ok_or_else(|| ConfigError::NoHome {
        needed_for: "the default data directory".to_owned(),
        instead: "set RALLY_DATA_DIR or data_dir",
    })
}

fn defaults(merged: &Merged) -> Defaults {
    Defaults {
        iterations: merged.number(&["defaults", "iterations"]),
        mix: merged.text(&["defaults", "mix"]).map(str::to_owned),
        models: BUILTINS
            .iter()
            .filter_map(|builtin| {
                let model = merged.text(&["defaults", builtin.model_key])?;
                Some((builtin.name.to_owned(), model.to_owned()))
            })
            .collect(),
    }
}

/// In the order of the files, then by line.
pub(super) fn sort(diagnostics: &mut [Diagnostic], files: &[PathBuf]) {
    diagnostics.sort_by_key(|diagnostic| match &diagnostic.origin {
        Some(origin) => (files.iter().position(|file| *file == origin.file), origin.line),
        None => (None, 0),
    });
}

/// The configuration of a repository whose file holds this text, for tests of other rooms.
#[cfg(test)]
pub fn of_text(text: &str) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let file = repository_file(folder.path());
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
    let env = Env { home: Some(folder.path().join("home")), ..Env::default() };
    load(folder.path(), &env).unwrap().config
}
