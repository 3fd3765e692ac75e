//! The configuration as it stands, mistakes included: what is set where, and everything that is
//! wrong with it. What repairs a configuration must not need a right one.

use std::path::{Path, PathBuf};

use super::diagnostic::{ConfigError, Diagnostic, Findings, Origin};
use super::env::Env;
use super::layer::{self, Layer};
use super::load;
use super::logs;
use super::merge::Merged;
use super::sandbox;
use super::schema::{Leaf, keys};
use super::settings::Config;

/// A key that a file sets.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// As spelled, under the current name of the key.
    pub path: Vec<String>,
    /// As [`canonical`] has it: what keys are compared by.
    pub canonical: Vec<String>,
    /// What it is set to.
    pub value: Setting,
    /// Where.
    pub origin: Origin,
}

/// A value of a configuration file.
#[derive(Debug, Clone, PartialEq)]
pub enum Setting {
    /// A string.
    Text(String),
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A number, whole or not.
    Fraction(f64),
    /// A list of strings.
    List(Vec<String>),
}

/// What can be read, and what is wrong.
#[derive(Debug)]
pub struct Inspection {
    /// Every key that counts, sorted by key.
    pub entries: Vec<Entry>,
    /// Mistakes that keep rally from working, in the order of the files, then by line.
    pub errors: Vec<Diagnostic>,
    /// What the operator should know, in the same order.
    pub warnings: Vec<Diagnostic>,
    /// Whether what rests on the files together was left out, because one of them is no TOML: it would
    /// be missed by others, who say nothing wrong.
    pub is_partial: bool,
    /// What could be understood, with defaults for the rest.
    pub config: Config,
}

/// Looks at files, the weaker first. `contents` may differ from what is on disk, so that an edit can be judged
/// before it is made.
pub fn inspect(contents: &[(PathBuf, Vec<u8>)], workspace: &Path, env: &Env) -> Inspection {
    let mut findings = Findings::default();
    let repository = load::repository_file(workspace);
    let mut layers: Vec<Layer> = Vec::new();
    for (file, bytes) in contents {
        let mut layer = layer::from_bytes(file, bytes, &mut findings);
        if *file == repository {
            sandbox::tighten(&mut layer, layers.last(), &mut findings);
            logs::protect(&mut layer, &mut findings);
        }
        layers.push(layer);
    }
    let merged = Merged::of(layers);
    let mut deeper = Findings::default();
    let (config, trouble) = load::build(&merged, workspace, env, &mut deeper);
    if !findings.is_partial {
        findings.errors.extend(deeper.errors);
        findings.errors.extend(trouble.map(|trouble| located(&trouble, &merged)));
        findings.warnings.extend(deeper.warnings);
    }
    let files: Vec<PathBuf> = contents.iter().map(|(file, _)| file.clone()).collect();
    load::sort(&mut findings.errors, &files);
    load::sort(&mut findings.warnings, &files);
    Inspection {
        entries: entries(&merged),
        errors: findings.errors,
        warnings: findings.warnings,
        is_partial: findings.is_partial,
        config,
    }
}

/// The content of a file; empty when it is missing.
///
/// # Errors
///
/// [`ConfigError::Unreadable`] for what exists and cannot be read.
pub fn read(file: &Path) -> Result<Vec<u8>, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { file: file.to_owned(), source };
    super::file::bytes(file).map(Option::unwrap_or_default).map_err(unreadable)
}

/// What a key is compared by: the current name of a key with two, and the names of routes, providers
/// and roles in lower case.
pub fn canonical(path: &[String]) -> Vec<String> {
    layer::canonical(&canonical_name(path))
}

/// The current name of a key with two; every other key as it is.
pub(super) fn canonical_name(path: &[String]) -> Vec<String> {
    match keys::find(path) {
        keys::Found::Key(keys::Key { current: Some(current), .. }) => {
            current.split('.').map(str::to_owned).collect()
        }
        _ => path.to_vec(),
    }
}

fn located(trouble: &ConfigError, merged: &Merged) -> Diagnostic {
    let key = match trouble {
        ConfigError::NotExpanded { key, .. } => key.clone(),
        _ => String::new(),
    };
    let origin = merged.origins().get(&key).cloned();
    Diagnostic { origin, key, message: trouble.to_string() }
}

fn entries(merged: &Merged) -> Vec<Entry> {
    let mut entries: Vec<Entry> = merged
        .all()
        .filter_map(|(canonical, setting)| {
            let value = match &setting.leaf {
                Leaf::Table => return None,
                Leaf::Text(text) => Setting::Text(text.clone()),
                Leaf::Flag(flag) => Setting::Flag(*flag),
                Leaf::Number(number) => Setting::Number(*number),
                Leaf::Fraction(number) => Setting::Fraction(*number),
                Leaf::List(items) => Setting::List(items.iter().map(|item| item.value.clone()).collect()),
            };
            // Names keep their spelling; a key with two names is shown under the current one.
            let spelled = setting.path.len() == canonical.len()
                && layer::canonical(&setting.path).as_slice() == canonical.as_slice();
            let path = if spelled { setting.path.clone() } else { canonical.clone() };
            Some(Entry { path, canonical: canonical.clone(), value, origin: setting.origin.clone() })
        })
        .collect();
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    entries
}
