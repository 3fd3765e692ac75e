//! One configuration file, read, checked and brought into the current form by itself: old
//! spellings become new ones here, so that in the merge the stronger file wins whatever it spells.

use std::collections::BTreeMap;
use std::path::Path;

use super::builtin::BUILTINS;
use super::diagnostic::{Findings, Origin, label};
use super::schema::{Leaf, SCHEMA_VERSION, Setting};
use super::{document, harness, routes, schema};

/// The settings of a file under their canonical paths: names of routes, providers and reasoning in
/// lower case, everything else as spelled.
pub(super) type Layer = BTreeMap<Vec<String>, Setting>;

pub(super) fn from_bytes(file: &Path, bytes: &[u8], findings: &mut Findings) -> Layer {
    let fields = match document::parse(bytes) {
        Ok(fields) => fields,
        Err(errors) => {
            findings.is_partial = true;
            for error in errors {
                let origin = Origin { file: file.to_owned(), line: error.line };
                findings.error(&origin, &[], format!("not valid TOML: {}", error.value));
            }
            return Layer::new();
        }
    };
    let mut settings = schema::check(file, &fields, findings);
    harness::check(&settings, findings);
    routes::normalise(&mut settings, findings);
    let mut layer = Layer::new();
    for setting in settings {
        insert(&mut layer, setting, findings);
    }
    schema_version(&layer, findings);
    default_models(&mut layer, findings);
    renamed(&mut layer, findings);
    liveness_probe(&layer, findings);
    layer
}

/// The path under which a setting is merged.
pub(super) fn canonical(path: &[String]) -> Vec<String> {
    let mut path = path.to_vec();
    if let [table, name, ..] = path.as_mut_slice()
        && routes::TABLES.contains(&table.as_str())
    {
        *name = name.trim().to_lowercase();
    }
    path
}

fn insert(layer: &mut Layer, setting: Setting, findings: &mut Findings) {
    let path = canonical(&setting.path);
    if let Some(other) = layer.get(&path)
        && other.path.get(1) != setting.path.get(1)
    {
        let spaces =
            [&setting, other].iter().any(|one| one.path.get(1).is_some_and(|name| name != name.trim()));
        let message = format!(
            "{} and {} (line {}) differ only by case{}; keep one of them",
            label(&setting.path),
            label(&other.path),
            other.origin.line,
            if spaces { " or outer spaces" } else { "" }
        );
        return findings.error(&setting.origin, &setting.path, message);
    }
    layer.insert(path, setting);
}

fn schema_version(layer: &Layer, findings: &mut Findings) {
    let path = ["schema_version".to_owned()];
    if let Some(Setting { leaf: Leaf::Number(found), origin, .. }) = layer.get(path.as_slice())
        && *found != 0
        && *found != SCHEMA_VERSION
    {
        let message = format!(
            "schema_version is {found}, expected {SCHEMA_VERSION}; keys may have changed their meaning, \
             check the file and set schema_version = {SCHEMA_VERSION}"
        );
        findings.warning(origin, &path, message);
    }
}

/// Default models at the top level are the old place of those in `[defaults]`.
fn default_models(layer: &mut Layer, findings: &mut Findings) {
    for builtin in &BUILTINS {
        let old = vec![builtin.model_key.to_owned()];
        let new = vec!["defaults".to_owned(), builtin.model_key.to_owned()];
        let Some(setting) = layer.remove(&old) else { continue };
        if setting.leaf == Leaf::Text(String::new()) {
            continue;
        }
        let shadowed = layer.get(&new).is_some_and(|other| other.leaf != Leaf::Text(String::new()));
        let consequence = if shadowed { "it is ignored beside" } else { "move it to" };
        let message =
            format!("{} at the top level is deprecated; {consequence} {}", builtin.model_key, label(&new));
        findings.warning(&setting.origin, &old, message);
        if !shadowed {
            layer.insert(new, setting);
        }
    }
}

/// Keys with two names.
fn renamed(layer: &mut Layer, findings: &mut Findings) {
    let path = |table: &str, key: &str| vec![table.to_owned(), key.to_owned()];

    let old = path("fallback", "instructions_file");
    let new = path("free_run", "prompt_file");
    if let Some(setting) = layer.remove(&old) {
        let message = format!("{} is deprecated; use {}", label(&old), label(&new));
        findings.warning(&setting.origin, &old, message);
        layer.entry(new).or_insert(setting);
    }

    let stall = path("reliability", "stall_threshold_secs");
    let freeze = path("reliability", "freeze_threshold_secs");
    if let Some(setting) = layer.remove(&stall) {
        match layer.get(&freeze) {
            Some(other) if other.leaf != setting.leaf => {
                let message = format!(
                    "{} is ignored: {} on line {} says otherwise; keep one of them",
                    label(&stall),
                    label(&freeze),
                    other.origin.line
                );
                findings.warning(&setting.origin, &stall, message);
            }
            Some(_) => {}
            None => {
                layer.insert(freeze, setting);
            }
        }
    }
}

fn liveness_probe(layer: &Layer, findings: &mut Findings) {
    let path = ["reliability".to_owned(), "liveness_probe".to_owned()];
    if let Some(Setting { leaf: Leaf::Flag(true), origin, .. }) = layer.get(path.as_slice()) {
        let message = format!(
            "{} does nothing: a probe would put words into a running session; remove it",
            label(&path)
        );
        findings.warning(origin, &path, message);
    }
}
