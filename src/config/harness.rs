//! `[harness.X]`: agent CLIs of the user's own, second accounts of built-in ones, and names for models.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::builtin::{self, Builtin};
use super::diagnostic::{Findings, label, table_label};
use super::merge::Merged;
use super::schema::{Leaf, Setting, is_name};
use super::suggest;

/// Output lines of a custom harness that are kept when nothing else is said.
const OUTPUT_LINES: usize = 40;

/// Which output of a custom harness is its answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TailStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// Both, as they come.
    #[default]
    Combined,
}

/// A `[harness.X]` table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HarnessConfig {
    /// Canonical name of the built-in harness that this one is built on.
    pub base: Option<String>,
    /// Program and arguments of a harness of the user's own; `$PROMPT` stands for the prompt, which
    /// otherwise goes to standard input. Empty for built-in names and for those with a base.
    pub command: Vec<String>,
    /// `None`: the model is never passed. Empty: it is passed as the last argument. Otherwise: behind this flag.
    pub model_flag: Option<String>,
    /// Further arguments.
    pub args: Vec<String>,
    /// Further environment; `~/` at the start of a value is the home directory.
    pub env: BTreeMap<String, String>,
    /// Those of its variables that the repository's own file sets.
    pub foreign: BTreeSet<String>,
    /// How many of the last output lines are kept.
    pub output_lines: usize,
    /// Which output counts.
    pub tail_stream: TailStream,
    /// The reasoning effort to ask for.
    pub effort: Option<String>,
    /// Model names and what is passed for them.
    pub models: BTreeMap<String, String>,
}

/// What is added to the command line of a harness, whatever it is built on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Launch {
    /// The built-in harness whose CLI is run; `None` for one with a command of its own.
    pub builtin: Option<&'static Builtin>,
    /// Further arguments: those of the base, then its own.
    pub args: Vec<String>,
    /// Further environment: that of the base, overridden by its own.
    pub env: BTreeMap<String, String>,
    /// Those of its variables that the repository's own file sets.
    pub foreign: BTreeSet<String>,
    /// The reasoning effort to ask for.
    pub effort: Option<String>,
}

/// Keys that only make sense beside a `command`.
const COMMAND_KEYS: [&str; 4] = ["command", "model_flag", "output_strategy", "tail_stream"];

/// Checks the harness tables of one file.
pub(super) fn check(settings: &[Setting], findings: &mut Findings) {
    for setting in settings {
        let [table, name, rest @ ..] = setting.path.as_slice() else { continue };
        if table != "harness" {
            continue;
        }
        let problem = match rest {
            [] => bad_name(name),
            [key] => forbidden(name, key).or_else(|| match (key.as_str(), &setting.leaf) {
                ("command", Leaf::List(items)) => bad_command(items.iter().map(|item| item.value.as_str())),
                ("base", Leaf::Text(base)) => bad_base(base),
                _ => None,
            }),
            [group, key] => match (group.as_str(), &setting.leaf) {
                ("models", Leaf::Text(model)) => bad_model(key, model),
                ("env", _) if key.is_empty() || key.contains(['=', '\0']) => {
                    Some("is no name for an environment variable".to_owned())
                }
                _ => None,
            },
            _ => None,
        };
        if let Some(problem) = problem {
            let subject = match setting.leaf {
                Leaf::Table => table_label(&setting.path),
                _ => label(&setting.path),
            };
            findings.error(&setting.origin, &setting.path, format!("{subject}: {problem}"));
        }
    }
}

fn bad_name(name: &str) -> Option<String> {
    (!is_name(name)).then(|| {
        format!(
            "invalid harness name \"{}\"; use a letter, then letters, digits, _ and -",
            name.escape_debug()
        )
    })
}

fn forbidden(name: &str, key: &str) -> Option<String> {
    let builtin = builtin::find(name)?;
    (key == "base" || COMMAND_KEYS.contains(&key)).then(|| {
        format!(
            "cannot declare {key} for {name}, which is built in (models, args and env are allowed); \
             use a name of your own, like [harness.my-{}]",
            builtin.name
        )
    })
}

fn bad_command<'a>(mut words: impl Iterator<Item = &'a str> + Clone) -> Option<String> {
    if words.clone().any(|word| word.contains("$MODEL")) {
        return Some("$MODEL is not replaced; set model_flag to say how the model is passed".to_owned());
    }
    words.next().is_some_and(str::is_empty).then(|| "the program, its first word, is empty".to_owned())
}

fn bad_base(base: &str) -> Option<String> {
    if builtin::find(base).is_some() {
        return None;
    }
    let names: Vec<&str> = builtin::BUILTINS.iter().map(|builtin| builtin.name).collect();
    Some(format!("\"{}\" is no built-in harness; those are {}", base.escape_debug(), names.join(", ")))
}

fn bad_model(alias: &str, model: &str) -> Option<String> {
    if !is_name(alias) {
        return Some("invalid model name; use a letter, then letters, digits, _ and -".to_owned());
    }
    if model.trim().is_empty() {
        return Some("the model is empty; write what the CLI expects".to_owned());
    }
    if model.starts_with('-') {
        return Some("a model cannot start with a dash, the CLI would take it for a flag".to_owned());
    }
    model.contains(char::is_control).then(|| "the model holds a control character; take it out".to_owned())
}

/// All harness tables, after the merge.
pub(super) fn resolve(
    merged: &Merged,
    home: Option<&Path>,
    repository: &Path,
    findings: &mut Findings,
) -> BTreeMap<String, HarnessConfig> {
    let mut harnesses = BTreeMap::new();
    for (name, table) in merged.under(&["harness"]) {
        let at = |key: &'static str| ["harness", name, key];
        let harness = HarnessConfig {
            base: merged.text(&at("base")).and_then(builtin::find).map(|base| base.name.to_owned()),
            command: merged.strings(&at("command")),
            model_flag: match merged.get(&at("model_flag")).map(|setting| &setting.leaf) {
                Some(Leaf::Text(flag)) => Some(flag.clone()),
                _ => None,
            },
            args: merged.strings(&at("args")),
            env: expand_home(merged.texts_under(&at("env")), home),
            foreign: merged
                .under(&at("env"))
                .filter(|(_, setting)| setting.origin.file == repository)
                .map(|(name, _)| name.to_owned())
                .collect(),
            output_lines: match merged.number(&at("output_lines")) {
                None | Some(0) => OUTPUT_LINES,
                Some(lines) => usize::try_from(lines).unwrap_or(OUTPUT_LINES),
            },
            tail_stream: match merged.text(&at("tail_stream")) {
                Some("stdout") => TailStream::Stdout,
                Some("stderr") => TailStream::Stderr,
                _ => TailStream::Combined,
            },
            effort: merged.text(&at("effort")).map(str::trim).filter(|e| !e.is_empty()).map(str::to_owned),
            models: merged.texts_under(&at("models")),
        };
        check_homes(merged, name, &harness, findings);
        if builtin::find(name).is_none() {
            check_runnable(merged, name, table, &harness, findings);
        }
        harnesses.insert(name.to_owned(), harness);
    }
    harnesses
}

/// Credentials and sessions of a CLI must not end in the repository, where they are committed like any other file.
fn check_homes(merged: &Merged, name: &str, harness: &HarnessConfig, findings: &mut Findings) {
    for (variable, value) in &harness.env {
        let path = ["harness", name, "env", variable];
        if HOMES.contains(&variable.as_str())
            && !value.is_empty()
            && Path::new(value).is_relative()
            && let Some(setting) = merged.get(&path)
        {
            let message = format!(
                "{}: \"{}\" lies in the repository, where what the CLI keeps there is committed; \
                 use an absolute path or ~/",
                label(&setting.path),
                value.escape_debug()
            );
            findings.warning(&setting.origin, &setting.path, message);
        }
    }
}

/// A harness of the user's own must be able to run something, and one thing only.
fn check_runnable(
    merged: &Merged,
    name: &str,
    table: &Setting,
    harness: &HarnessConfig,
    findings: &mut Findings,
) {
    if harness.base.is_some() {
        for key in COMMAND_KEYS.iter().chain(&["output_lines"]) {
            if let Some(setting) = merged.get(&["harness", name, key]) {
                let message = format!(
                    "{} cannot stand beside base, which brings its own; use args and env, or remove base",
                    label(&setting.path)
                );
                findings.error(&setting.origin, &setting.path, message);
            }
        }
        return;
    }
    match harness.command.as_slice() {
        [] => {
            // Names are case-sensitive, so a slip makes a harness of the user's own.
            let builtins = builtin::BUILTINS.iter().flat_map(|builtin| builtin.aliases.iter().copied());
            let message = format!(
                "{} can run nothing: it has no command and no base; add one of them{}",
                table_label(&table.path),
                suggest::hint(&suggest::closest(name, builtins))
            );
            findings.error(&table.origin, &table.path, message);
        }
        [program, rest @ ..] if starts_opencode_tui(program, rest) => {
            let setting = merged.get(&["harness", name, "command"]).unwrap_or(table);
            let message = format!(
                "{}: opencode without run starts its TUI, which never exits; \
                 write [\"opencode\", \"run\", \"$PROMPT\", \"--format\", \"json\"], or use op with [defaults].opencode_model",
                label(&setting.path)
            );
            findings.warning(&setting.origin, &setting.path, message);
        }
        _ => {}
    }
}

/// Where a CLI keeps its sessions and credentials, by the variables that say so.
const HOMES: [&str; 3] = ["CLAUDE_CONFIG_DIR", "CODEX_HOME", "HOME"];

fn starts_opencode_tui(program: &str, rest: &[String]) -> bool {
    Path::new(program).file_name().is_some_and(|name| name == "opencode")
        && rest.first().is_none_or(|word| word != "run")
}

/// A shell would have expanded the `~/`; without one, agents would make a folder of that name.
fn expand_home(mut env: BTreeMap<String, String>, home: Option<&Path>) -> BTreeMap<String, String> {
    if let Some(home) = home.and_then(Path::to_str) {
        for value in env.values_mut() {
            if let Some(rest) = value.strip_prefix("~/") {
                *value = format!("{home}/{rest}");
            }
        }
    }
    env
}
