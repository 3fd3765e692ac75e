//! Both files, read, merged and resolved.

use std::path::{Path, PathBuf};

use super::builtin::BUILTINS;
use super::diagnostic::{ConfigError, Diagnostic, Findings};
use super::env::Env;
use super::layer::{self, Layer};
use super::merge::Merged;
use super::schema::Leaf;
use super::settings::{Config, Defaults};
use super::{harness, paths, reliability, routes};

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
/// [`ConfigError::Invalid`] with every mistake in both files; [`ConfigError::Unreadable`] for a file
/// that exists and cannot be read; [`ConfigError::NoHome`] when a path needs a home directory.
pub fn load(workspace: &Path, env: &Env) -> Result<Loaded, ConfigError> {
    load_with(workspace, env, None)
}

/// What [`load`] would say if `file`, the user's or the workspace's, held `text`.
///
/// # Errors
///
/// As [`load`].
pub fn load_as(workspace: &Path, env: &Env, file: &Path, text: &str) -> Result<Loaded, ConfigError> {
    load_with(workspace, env, Some((file, text)))
}

fn load_with(workspace: &Path, env: &Env, instead: Option<(&Path, &str)>) -> Result<Loaded, ConfigError> {
    let files: Vec<PathBuf> = env.user_file().into_iter().chain([repository_file(workspace)]).collect();
    let mut findings = Findings::default();
    let read = |file: &PathBuf| match instead {
        Some((replaced, text)) if replaced == file => {
            Ok(layer::from_bytes(file, text.as_bytes(), &mut findings))
        }
        _ => layer::read(file, &mut findings),
    };
    let layers: Vec<Layer> = files.iter().map(read).collect::<Result<_, _>>()?;
    match resolve(layers, workspace, env, findings) {
        Ok(mut loaded) => {
            sort(&mut loaded.warnings, &files);
            Ok(loaded)
        }
        Err(ConfigError::Invalid(mut errors)) => {
            sort(&mut errors, &files);
            Err(ConfigError::Invalid(errors))
        }
        Err(other) => Err(other),
    }
}

fn resolve(
    layers: Vec<Layer>,
    workspace: &Path,
    env: &Env,
    mut findings: Findings,
) -> Result<Loaded, ConfigError> {
    if !findings.errors.is_empty() {
        return Err(ConfigError::Invalid(findings.errors));
    }
    let merged = Merged::of(layers);
    let path = |key: &[&str]| match merged.text(key) {
        Some(text) => paths::resolve(Path::new(text), workspace, env, &key.join(".")).map(Some),
        None => Ok(None),
    };
    let reliability = reliability::resolve(&merged, &mut findings);
    let harnesses = harness::resolve(&merged, env.home.as_deref(), &mut findings);
    let routes = routes::routes(&merged, &mut findings);
    let providers = routes::providers(&merged, &mut findings);
    if !findings.errors.is_empty() {
        return Err(ConfigError::Invalid(findings.errors));
    }
    let config = Config {
        schema_version: match merged.get(&["schema_version"]).map(|setting| &setting.leaf) {
            Some(Leaf::Number(version)) => *version,
            _ => 0,
        },
        data_dir: data_dir(path(&["data_dir"])?, workspace, env)?,
        run_hooks_on_autocommit: merged.flag(&["run_hooks_on_autocommit"]).unwrap_or(false),
        defaults: defaults(&merged),
        laps_instructions_file: path(&["laps", "instructions_file"])?,
        free_run_prompt_file: path(&["free_run", "prompt_file"])?,
        reliability,
        harnesses,
        routes,
        providers,
        reasoning: routes::reasoning(&merged),
        origins: merged.origins(),
    };
    Ok(Loaded { config, warnings: findings.warnings })
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

fn sort(diagnostics: &mut [Diagnostic], files: &[PathBuf]) {
    diagnostics.sort_by_key(|diagnostic| match &diagnostic.origin {
        Some(origin) => (files.iter().position(|file| *file == origin.file), origin.line),
        None => (None, 0),
    });
}
