//! The questions about one harness.

use super::content::Kind;
use super::field::Field;
use super::layout::range;
use crate::config::builtin;
use crate::config::edit::Draft;

/// What a harness runs, which decides what can be asked about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runs {
    /// A CLI that rally knows, so that only models can be named.
    Known(&'static str),
    /// A command of the user's.
    Command,
}

/// A `[harness.X]` table.
#[derive(Debug)]
pub struct Harness {
    /// X.
    pub name: String,
    /// What it runs.
    pub runs: Runs,
    /// The questions about its command; none for a known CLI.
    pub command: Vec<Field>,
    /// Its names for models.
    pub models: Vec<Field>,
}

impl Harness {
    /// What the file says about a harness; it need not be there.
    pub fn load(draft: &Draft, name: &str) -> Harness {
        let base = draft.get(&["harness", name, "base"]).and_then(|base| base.as_str());
        let known = builtin::find(name).or_else(|| builtin::find(base?));
        let runs = known.map_or(Runs::Command, |builtin| Runs::Known(builtin.name));
        let command = if runs == Runs::Command { command(draft, name) } else { Vec::new() };
        let models = draft.names(&["harness", name, "models"]);
        let models = models.into_iter().map(|alias| model(draft, name, alias)).collect();
        Harness { name: name.to_owned(), runs, command, models }
    }

    /// All its questions.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.command.iter().chain(&self.models)
    }

    /// The question about a model; a new one for a name that has none. Its place among the models.
    pub fn model(&mut self, draft: &Draft, alias: &str) -> usize {
        let known = self.models.iter().position(|field| field.label == alias);
        known.unwrap_or_else(|| {
            self.models.push(model(draft, &self.name, alias));
            self.models.len() - 1
        })
    }
}

fn command(draft: &Draft, name: &str) -> Vec<Field> {
    let field = |kind, key: &str| Field::load(draft, kind, key, &[&["harness", name, key]]);
    vec![
        field(Kind::Command, "command").help(
            "Program and arguments, with quotes where a shell would want them. $PROMPT stands for the prompt, \
             which otherwise goes to standard input.",
        ),
        field(Kind::Text, "model_flag").default("pass none").help(
            "The model goes behind this flag, like --model; \"\" passes it as the last argument; - passes none.",
        ),
        field(Kind::OneOf(&["tail"]), "output_strategy")
            .default("tail")
            .help("What of the output is the answer: tail, its last lines."),
        field(range(&["harness", name, "output_lines"]), "output_lines")
            .default(40)
            .help("How many of the last lines are kept."),
        field(Kind::OneOf(&["stdout", "stderr", "combined"]), "tail_stream")
            .default("combined")
            .help("Which output is the answer: stdout, stderr, or both combined."),
    ]
}

fn model(draft: &Draft, name: &str, alias: &str) -> Field {
    Field::load(draft, Kind::Text, alias, &[&["harness", name, "models", alias]])
        .help("What the CLI is told for this name; - deletes the name.")
}
