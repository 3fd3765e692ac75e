//! `[reasoning]`: what a role wants of the runner that got its task, another model or an effort.
//!
//! A preference counts only for entries that leave the model open, and only for a task with a role.

use std::collections::BTreeMap;

use crate::config::suggest::{closest, hint};
use crate::config::{Config, Diagnostic, ReasoningConfig, builtin, is_name};
use crate::model::Runner;

use super::entry::{Entry, Quota};
use super::lane::Member;
use super::providers::canonical;
use super::resolve::Catalog;

/// The preferences of all roles, worked out for every harness.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reasoning {
    /// By lower-case role, then by canonical harness; what is not there changes nothing.
    wishes: BTreeMap<String, BTreeMap<String, Wish>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Wish {
    Model(String),
    Effort(String),
}

impl Reasoning {
    /// Works the preferences out. Errors are preferences that name what does not exist; warnings are
    /// efforts that no harness is known to take, which are passed on all the same.
    pub fn compile(catalog: &Catalog<'_>) -> (Reasoning, Vec<Diagnostic>, Vec<Diagnostic>) {
        let (mut errors, mut warnings) = (Vec::new(), Vec::new());
        let mut reasoning = Reasoning::default();
        for (key, preference) in &catalog.config().reasoning {
            let text = preference.preference.as_str();
            if text.is_empty() {
                continue;
            }
            let complain = |message: String| diagnostic(catalog.config(), key, preference, message);
            let wishes = match text.split_once(':') {
                Some((harness, alias)) => match scoped(catalog, harness.trim(), alias.trim()) {
                    Ok((harness, model)) => {
                        if model.contains('*') {
                            warnings.push(complain(format!(
                                "the model \"{model}\" holds a *, which is passed as it is; no CLI expands it"
                            )));
                        }
                        BTreeMap::from([(harness, Wish::Model(model))])
                    }
                    Err(message) => {
                        errors.push(complain(message));
                        continue;
                    }
                },
                None => {
                    let wishes = bare(catalog, text);
                    let is_model = wishes.values().any(|wish| matches!(wish, Wish::Model(_)));
                    if !is_model && !is_known_effort(text) {
                        let models = catalog.declared_models().map(|(_, name, _)| name);
                        warnings.push(complain(format!(
                            "\"{}\" is no model name and no effort that is known; it is passed on as an effort{}",
                            text.escape_debug(),
                            hint(&closest(text, models.chain(known_efforts())))
                        )));
                    }
                    wishes
                }
            };
            reasoning.wishes.insert(key.clone(), wishes);
        }
        (reasoning, errors, warnings)
    }

    /// The runner that does a task of this role when the entry of this member has the turn.
    pub fn apply(&self, role: Option<&str>, member: &Member) -> Runner {
        let mut runner = member.runner.clone();
        let wish = role
            .filter(|_| !member.explicit)
            .and_then(|role| self.wishes.get(&role.trim().to_lowercase())?.get(&runner.harness));
        match wish {
            Some(Wish::Model(model)) => runner.model = Some(model.clone()),
            Some(Wish::Effort(effort)) => runner.effort = Some(effort.clone()),
            None => {}
        }
        runner
    }
}

/// Whether any harness is known to take this effort, letter case and spaces around it aside.
pub fn is_known_effort(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    known_efforts().any(|effort| effort == text)
}

fn known_efforts<'a>() -> impl Iterator<Item = &'a str> {
    builtin::BUILTINS.iter().flat_map(|builtin| builtin.efforts.iter().copied())
}

/// A bare token: the model of this name where the harness has one, else an effort.
fn bare(catalog: &Catalog<'_>, token: &str) -> BTreeMap<String, Wish> {
    catalog
        .harnesses()
        .map(|harness| {
            let wish = match catalog.named_model(harness, token) {
                Some(model) => Wish::Model(model.to_owned()),
                None => Wish::Effort(token.to_owned()),
            };
            (harness.to_owned(), wish)
        })
        .collect()
}

/// `harness:alias`, for that harness only: its canonical name, and the model. A built-in harness may
/// be written in any letter case, unless a harness of the user's own is called just so.
fn scoped(catalog: &Catalog<'_>, harness: &str, alias: &str) -> Result<(String, String), String> {
    let lower = harness.to_lowercase();
    let is_own = catalog.config().harnesses.contains_key(harness);
    let harness = if !is_own && builtin::find(&lower).is_some() { lower.as_str() } else { harness };
    if alias.is_empty() {
        return Err(format!(
            "\"{}:\" names no model; write the name of a model behind the colon, or an effort like high alone",
            harness.escape_debug()
        ));
    }
    if let Some(model) = catalog.named_model(harness, alias) {
        return Ok((canonical(harness).to_owned(), model.to_owned()));
    }
    let entry = Entry::parse(&format!("{harness}:{alias}")).map_err(|problem| problem.to_string())?;
    if entry.quota != Quota::Open {
        return Err(format!("\"{}\" ends with a number; a preference names a model only", entry.text));
    }
    match catalog.resolve(&entry.identifier) {
        // A preference is written once and read for months: what looks like a name must be one.
        Ok(_) if is_name(alias) => {
            let suggestion = hint(&closest(alias, catalog.model_names(harness)));
            Err(format!(
                "unknown model \"{alias}\" of {harness}{suggestion}; name it in [harness.{harness}.models]"
            ))
        }
        Ok(runner) => Ok((runner.harness, runner.model.unwrap_or_default())),
        Err(problem) => Err(problem.to_string()),
    }
}

fn diagnostic(config: &Config, key: &str, preference: &ReasoningConfig, message: String) -> Diagnostic {
    let path = format!("reasoning.{key}");
    let origin = config.origin(&path).cloned();
    Diagnostic { origin, key: path, message: format!("[reasoning].{}: {message}", preference.role) }
}
