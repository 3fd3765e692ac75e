//! `rally config`: read, change and repair the configuration.
//!
//! Nothing here loads the configuration as the other commands do: a broken one must not keep its
//! owner from repairing it.

mod edit;
mod form;
mod get;
mod judge;
mod list;
mod path;
mod place;
mod print;
mod schema;
mod set;
mod unset;

use std::io::IsTerminal;

use crate::config::edit::EditError;

/// What can be typed after `rally config`.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Without a subcommand it asks, in a terminal. Changes go to your own file, for all your repositories;
with --repo to .rally/config.toml of this one, which wins key by key.

Examples:
  rally config get defaults.mix
  rally config set defaults.mix \"cc:2 cx\"
  rally config set --repo routes.senior cc:opus cx:2
  rally config unset 'harness.\"my agent\"'
  rally config list --origin

Exit codes: 0 done; 1 refused, nothing set, or mistakes in the configuration; 2 wrong command line"
)]
pub struct Args {
    /// Change this repository's file instead of your own
    #[arg(long)]
    repo: bool,

    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Print the value that counts
    Get(get::Args),
    /// Set a key
    Set(set::Args),
    /// Take a key or a whole table out
    Unset(unset::Args),
    /// Print every key that is set
    List(list::Args),
    /// Print where the file is
    Path(path::Args),
    /// Open the file in $VISUAL, $EDITOR or vi, and check it afterwards
    Edit(edit::Args),
    /// Print a JSON Schema of the file, for editors
    Schema(schema::Args),
}

/// Runs the command; the result is the exit code.
pub fn run(args: Args) -> anyhow::Result<u8> {
    match args.action {
        Some(Action::Get(args)) => get::run(&args),
        Some(Action::Set(args)) => set::run(&args),
        Some(Action::Unset(args)) => unset::run(&args),
        Some(Action::List(args)) => list::run(&args),
        Some(Action::Path(args)) => path::run(&args),
        Some(Action::Edit(args)) => edit::run(&args),
        Some(Action::Schema(args)) => schema::run(&args),
        None if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() => form::run(args.repo),
        None => anyhow::bail!(
            "rally config asks its questions in a terminal, and this is none; \
             use rally config get, set, unset, list or edit (see rally config --help)"
        ),
    }
}

/// Makes an edit that somebody else may overtake: then it is judged and made anew. The other one's is saved
/// by then, so among any number of them everybody's turn comes.
fn again_when_changed(mut edit: impl FnMut() -> anyhow::Result<Option<u8>>) -> anyhow::Result<u8> {
    /// Far more than people or scripts edit at once.
    const ATTEMPTS: usize = 1000;
    for _ in 0..ATTEMPTS {
        if let Some(code) = edit()? {
            return Ok(code);
        }
    }
    anyhow::bail!("the file is changed by others all the time; nothing is written")
}

/// Why a file cannot be edited a key at a time, and what helps.
fn hopeless(problem: &EditError, repo: bool) -> anyhow::Error {
    let edit = if repo { "rally config edit --repo" } else { "rally config edit" };
    match problem {
        EditError::Invalid { .. } | EditError::Unreadable { .. } => {
            anyhow::anyhow!("{problem} ({edit} opens it)")
        }
        EditError::BadKey(_)
        | EditError::Shape { .. }
        | EditError::Changed { .. }
        | EditError::Unwritable { .. } => anyhow::anyhow!("{problem}"),
    }
}
