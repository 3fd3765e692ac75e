//! The form: its pages and their questions, filled from one file. Pure: answers go in, edits come out.

use super::content::{Content, Kind};
use super::field::{Change, Field};
use super::harness::Harness;
use crate::config::builtin::BUILTINS;
use crate::config::edit::Draft;
use crate::config::{Reliability, SCHEMA_VERSION, limits};

/// Roles that always have a question, in this order.
const ROLES: [&str; 6] = ["default", "junior", "senior", "ui", "verify", "recovery"];

/// What a page is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// Its questions, and nothing else.
    Fields,
    /// Roles: further ones can be added.
    Roles,
    /// Harnesses: each has questions of its own.
    Harnesses,
}

/// Questions that belong together.
#[derive(Debug)]
pub struct Page {
    /// Its heading.
    pub title: &'static str,
    /// What to know before answering.
    pub note: &'static str,
    /// What it is about.
    pub topic: Topic,
    /// Its questions.
    pub fields: Vec<Field>,
}

/// Where a question stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On a page.
    Page(usize, usize),
    /// Among the questions about the command of a harness.
    Command(usize, usize),
    /// Among the models of a harness.
    Model(usize, usize),
}

/// All pages over one file.
#[derive(Debug)]
pub struct Form {
    /// In the order in which they are shown.
    pub pages: Vec<Page>,
    /// What the page about harnesses shows.
    pub harnesses: Vec<Harness>,
    /// Whether the file sets nothing yet.
    is_new: bool,
}

impl Form {
    /// The form over a file.
    pub fn load(draft: &Draft) -> Form {
        let page = |title, note, fields: Vec<Field>| Page { title, note, topic: Topic::Fields, fields };
        let roles = page(
            "Roles",
            "Who works for which role: entries like cc:opus or cx:2, with commas between them.",
            roles(draft),
        );
        let harnesses = page(
            "Harnesses",
            "Agent CLIs of your own, and names for models (cc:opus) of all of them.",
            Vec::new(),
        );
        Form {
            pages: vec![
                page("Who works, and how often", "What holds when no flag says otherwise.", work(draft)),
                page("Default models", "What is passed when no model is named.", models(draft)),
                page("Files and commits", "", files(draft)),
                Page { topic: Topic::Roles, ..roles },
                page("Patience", "When an agent is given up. Times are in seconds.", reliability(draft)),
                Page { topic: Topic::Harnesses, ..harnesses },
            ],
            harnesses: draft.names(&["harness"]).into_iter().map(|name| Harness::load(draft, name)).collect(),
            is_new: draft.is_empty(),
        }
    }

    /// What the answers change in the file. A new file says its version first, also because a key
    /// outside of tables is what the comments of a file with nothing but comments stay above.
    pub fn edits(&self) -> Vec<Change> {
        let fields = self.pages.iter().flat_map(|page| &page.fields);
        let harnesses = self.harnesses.iter().flat_map(Harness::fields);
        let mut edits: Vec<Change> = fields.chain(harnesses).flat_map(Field::edits).collect();
        if self.is_new && !edits.is_empty() {
            let path = vec!["schema_version".to_owned()];
            edits.insert(0, Change { path, old: None, new: Some(Content::Number(SCHEMA_VERSION)) });
        }
        edits
    }

    /// A question by its place.
    pub fn field(&mut self, place: Place) -> Option<&mut Field> {
        match place {
            Place::Page(page, field) => self.pages.get_mut(page)?.fields.get_mut(field),
            Place::Command(harness, field) => self.harnesses.get_mut(harness)?.command.get_mut(field),
            Place::Model(harness, field) => self.harnesses.get_mut(harness)?.models.get_mut(field),
        }
    }

    /// The place of the question about a role on the page of roles; a new one for a name that has none.
    pub fn role(&mut self, draft: &Draft, page: usize, name: &str) -> Place {
        let Some(Page { fields, .. }) = self.pages.get_mut(page) else { return Place::Page(page, 0) };
        let known = fields.iter().position(|field| same(&field.label, name));
        let index = known.unwrap_or_else(|| {
            fields.push(role(draft, name));
            fields.len() - 1
        });
        Place::Page(page, index)
    }

    /// The place of a harness; a new one for a name that has none.
    pub fn harness(&mut self, draft: &Draft, name: &str) -> usize {
        let known = self.harnesses.iter().position(|harness| harness.name == name);
        known.unwrap_or_else(|| {
            self.harnesses.push(Harness::load(draft, name));
            self.harnesses.len() - 1
        })
    }

    /// Entries of roles that name a role, which only --agent can, as sentences.
    pub fn nested(&self) -> Vec<String> {
        let filled = || self.roles().filter(|field| field.current().is_some());
        let mut nested = Vec::new();
        for field in filled() {
            let Some(Content::List(entries)) = field.current() else { continue };
            for entry in entries {
                let head = entry.split(':').next().unwrap_or_default();
                if filled().any(|role| same(&role.label, head)) {
                    let role = &field.label;
                    nested.push(format!(
                        "\"{entry}\" of {role} is a role, and roles do not nest; write its entries out"
                    ));
                }
            }
        }
        nested
    }

    fn roles(&self) -> impl Iterator<Item = &Field> {
        self.pages.iter().filter(|page| page.topic == Topic::Roles).flat_map(|page| &page.fields)
    }
}

/// Names of roles are the same in any case.
fn same(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

fn work(draft: &Draft) -> Vec<Field> {
    vec![
        Field::load(draft, Kind::Mix, "mix", &[&["defaults", "mix"]])
            .help("Who works when --agent is not given; they take turns. \"cc:2 cx\" gives claude two runs, codex one."),
        number(draft, "iterations", &["defaults", "iterations"])
            .help("How many runs have to succeed when --iterations is not given."),
    ]
}

fn models(draft: &Draft) -> Vec<Field> {
    let field = |key: &'static str, name: &str| {
        Field::load(draft, Kind::Text, key, &[&["defaults", key], &[key]]).default("the CLI's own").help(
            &format!("The model of {name} when an entry names none; \"\" leaves the choice to the CLI."),
        )
    };
    BUILTINS.iter().map(|builtin| field(builtin.model_key, builtin.name)).collect()
}

fn files(draft: &Draft) -> Vec<Field> {
    let current: &[&str] = &["free_run", "prompt_file"];
    vec![
        Field::load(draft, Kind::Path, "data_dir", &[&["data_dir"]])
            .default("~/.local/share/rally")
            .help("The folder for transcripts of agents. A relative path starts at the repository."),
        Field::load(draft, Kind::Path, "laps.instructions_file", &[&["laps", "instructions_file"]]).help(
            "With a queue of laps: this file is what agents are told instead of the project's instructions.",
        ),
        Field::load(
            draft,
            Kind::Path,
            "free_run.prompt_file",
            &[current, &["fallback", "instructions_file"]],
        )
        .help("The task of a relay that is given no prompt."),
        Field::load(draft, Kind::Flag, "run_hooks_on_autocommit", &[&["run_hooks_on_autocommit"]])
            .default("no")
            .help("Whether the commits that rally makes for agents run your git hooks."),
    ]
}

/// The usual roles, then those that the file has besides, by name.
fn roles(draft: &Draft) -> Vec<Field> {
    let spelled = draft.names(&["routes"]);
    let mut fields = Vec::new();
    for usual in ROLES {
        let mut found = spelled.iter().filter(|name| same(name, usual)).peekable();
        if found.peek().is_none() {
            fields.push(role(draft, usual));
        }
        // More than one spelling is a mistake, which can only be repaired if all are shown.
        fields.extend(found.map(|name| role(draft, name)));
    }
    let mut others: Vec<_> =
        spelled.into_iter().filter(|name| !ROLES.iter().any(|usual| same(name, usual))).collect();
    others.sort_by_key(|name| name.to_lowercase());
    fields.extend(others.into_iter().map(|name| role(draft, name)));
    fields
}

fn role(draft: &Draft, name: &str) -> Field {
    Field::load(draft, Kind::Entries, name, &[&["routes", name]]).help(
        "Entries with commas between them: alias, alias:model, alias:N or alias:model:N. \
         - deletes the role.",
    )
}

fn reliability(draft: &Draft) -> Vec<Field> {
    let default = Reliability::default();
    let seconds = |key: &'static str, default: std::time::Duration, help: &str| {
        number(draft, key, &["reliability", key]).default(default.as_secs()).help(help)
    };
    let freeze: &[&[&str]] =
        &[&["reliability", "freeze_threshold_secs"], &["reliability", "stall_threshold_secs"]];
    vec![
        Field::load(draft, range(freeze[0]), "freeze_threshold_secs", freeze)
            .spelled_as_found()
            .default(default.freeze_threshold.as_secs())
            .help("Silence after which an agent without a connection counts as frozen."),
        number(draft, "retry_budget", &["reliability", "retry_budget"])
            .default(default.retry_budget)
            .help("Attempts per run."),
        Field::load(draft, Kind::Flag, "liveness_probe", &[&["reliability", "liveness_probe"]])
            .default("no")
            .help("Accepted for the sake of older files; it has no effect."),
        seconds("run_timeout_secs", default.run_timeout, "Time for a run, all its tries together."),
        seconds("try_timeout_secs", default.try_timeout, "Time for one try."),
        seconds(
            "handoff_timeout_secs",
            default.handoff_timeout,
            "Time to hand over after a spent budget; it has to fit into the two before.",
        ),
    ]
}

fn number(draft: &Draft, label: &str, path: &[&str]) -> Field {
    Field::load(draft, range(path), label, &[path])
}

/// The range of a number as the loader checks it.
pub(super) fn range(path: &[&str]) -> Kind {
    let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
    let (least, most) = limits(&path).unwrap_or((i64::MIN, i64::MAX));
    Kind::Number(least, most)
}
