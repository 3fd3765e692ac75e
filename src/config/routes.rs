//! `[routes]`, `[providers]` and `[reasoning]`: kept as written, after a check of their shape.

use std::collections::BTreeMap;

use super::diagnostic::{Findings, label};
use super::merge::Merged;
use super::schema::{Leaf, Setting};

/// Tables whose names are compared without regard to letter case.
pub(super) const TABLES: [&str; 3] = ["routes", "providers", "reasoning"];

/// The route of runs without a role, in any letter case.
pub const DEFAULT_ROUTE: &str = "default";

/// A route as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteConfig {
    /// Its name as spelled.
    pub name: String,
    /// Its entries, unparsed.
    pub entries: Vec<String>,
    /// The line of each entry, from 1, in the file of the key.
    pub lines: Vec<usize>,
}

/// A provider as configured: runners that share one limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderConfig {
    /// Its name as spelled.
    pub name: String,
    /// Specs of its members, unparsed.
    pub models: Vec<String>,
    /// Specs of those left out, unparsed.
    pub exclude: Vec<String>,
    /// Whether its members are out of service.
    pub disabled: bool,
}

/// A reasoning preference as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasoningConfig {
    /// The role as spelled.
    pub role: String,
    /// The preference, trimmed.
    pub preference: String,
}

/// Brings the tables of one file into one form: a provider written as a list becomes one with
/// `models`, so that another file can add `disabled` to it.
pub(super) fn normalise(settings: &mut Vec<Setting>, findings: &mut Findings) {
    let mut tables = Vec::new();
    for setting in settings.iter_mut() {
        let [table, name, rest @ ..] = setting.path.as_slice() else { continue };
        if !TABLES.contains(&table.as_str()) {
            continue;
        }
        if rest.is_empty() && name.trim().is_empty() {
            let message = format!("[{table}] has an empty name; give it one or remove it");
            findings.error(&setting.origin, &setting.path, message);
        }
        if rest.is_empty() && name.trim().contains(char::is_control) {
            let message =
                format!("{} has a control character in its name; take it out", label(&setting.path));
            findings.error(&setting.origin, &setting.path, message);
        }
        if table == "providers" && rest.is_empty() && matches!(setting.leaf, Leaf::List(_)) {
            tables.push(Setting { leaf: Leaf::Table, ..setting.clone() });
            setting.path.push("models".to_owned());
        }
    }
    settings.extend(tables);
    // Of two that clash, the later one is to blame.
    settings.sort_by_key(|setting| setting.origin.line);
}

/// The name of a route, provider or role as spelled, spaces around it left out.
fn name_of(setting: &Setting) -> String {
    setting.path.last().map(|name| name.trim().to_owned()).unwrap_or_default()
}

/// Routes by lower-case name. An entry that names a route is refused: routes do not nest.
pub(super) fn routes(merged: &Merged, findings: &mut Findings) -> BTreeMap<String, RouteConfig> {
    let mut routes = BTreeMap::new();
    for (key, setting) in merged.under(&["routes"]) {
        let Leaf::List(items) = &setting.leaf else { continue };
        for item in items {
            let head = item.value.split(':').next().unwrap_or_default().to_lowercase();
            if merged.get(&["routes", &head]).is_some() {
                let origin = super::Origin { line: item.line, ..setting.origin.clone() };
                let message = format!(
                    "{}: \"{}\" is a role name, which is valid only in --agent; write its entries out",
                    label(&setting.path),
                    item.value.escape_debug()
                );
                findings.error(&origin, &setting.path, message);
            }
        }
        let name = name_of(setting);
        let (entries, lines) = items.iter().map(|item| (item.value.clone(), item.line)).unzip();
        routes.insert(key.to_owned(), RouteConfig { name, entries, lines });
    }
    if let Some(first) = merged.under(&["routes"]).map(|(_, setting)| setting).min_by_key(|s| s.origin.line)
        && !routes.contains_key(DEFAULT_ROUTE)
    {
        let message = "[routes]: no default route is configured; runs without a matching role cannot start, \
                       add default = [\"cc\"]";
        findings.warning(&first.origin, &["routes".to_owned()], message);
    }
    routes
}

/// Providers by lower-case name. One without models is refused.
pub(super) fn providers(merged: &Merged, findings: &mut Findings) -> BTreeMap<String, ProviderConfig> {
    let mut providers = BTreeMap::new();
    for (key, setting) in merged.under(&["providers"]) {
        let at = |field: &'static str| ["providers", key, field];
        let provider = ProviderConfig {
            name: name_of(setting),
            models: merged.strings(&at("models")),
            exclude: merged.strings(&at("exclude")),
            disabled: merged.flag(&at("disabled")).unwrap_or(false),
        };
        if provider.models.iter().all(|spec| spec.trim().is_empty()) {
            let message = format!("[providers.{}] has no models; list them or remove it", provider.name);
            findings.error(&setting.origin, &setting.path, message);
        }
        providers.insert(key.to_owned(), provider);
    }
    providers
}

/// Preferences by lower-case role.
pub(super) fn reasoning(merged: &Merged) -> BTreeMap<String, ReasoningConfig> {
    merged
        .under(&["reasoning"])
        .filter_map(|(key, setting)| {
            let Leaf::Text(preference) = &setting.leaf else { return None };
            Some((
                key.to_owned(),
                ReasoningConfig { role: name_of(setting), preference: preference.trim().to_owned() },
            ))
        })
        .collect()
}
