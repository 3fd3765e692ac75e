//! `rally message`: what the operator wants agents to know, and what agents say about it. It works beside a
//! running relay and below it, so it takes the short lock of the shared files only.

mod list;

use std::io::{Read, Write};

use anyhow::{Context, bail};

use super::error::{self, CliError};
use super::workspace;
use crate::model::time;
use crate::store::Layout;
use crate::store::messages::{FOR_RELAY, Inbox};

/// Longest message in bytes: some CLIs take their whole prompt as one argument, which the system bounds.
const LIMIT: usize = 32 << 10;

/// What can be typed after `rally message`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A message waits until a run begins, also beside a running relay. One for the next run is given to one run; when
that run does not pass, it waits again. One for the relay (--relay) is given to every run of the relay that takes
it; when another relay takes the place of that one before it reached its target, the message goes on to the other.
A message is done with when its run passed (or its relay reached its target, or emptied its queue), or when the
agent says so with `rally message ack`; the prompt tells the agent how.

Exit codes:
  0  done
  1  no such message, or it is over already; no .rally here; a file cannot be read or written
  2  the command line is wrong, or the text is empty

Examples:
  rally message add \"the schema is in docs/schema.sql\"
  rally message add --relay \"leave the public API as it is\"
  git diff main | rally message add -
  rally message list
  rally message cancel 3")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Leave a message for the next run, or for a whole relay
    Add(AddArgs),
    /// Show the messages that wait, or all
    List(list::Args),
    /// Take a message back that waits
    Cancel(CancelArgs),
    /// Record that messages were dealt with (called by agents)
    Ack(AckArgs),
}

#[derive(Debug, clap::Args)]
struct AddArgs {
    /// For every run of the running relay, or of the next one
    #[arg(long)]
    relay: bool,

    /// The text; a single `-` means standard input
    #[arg(value_name = "TEXT", required = true)]
    text: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct CancelArgs {
    /// The message, as `rally message list` shows it
    id: u64,
}

#[derive(Debug, clap::Args)]
struct AckArgs {
    /// The messages, all of them or none
    #[arg(value_name = "ID", required = true)]
    ids: Vec<u64>,
}

/// Runs the command; the result is the exit code.
pub fn run(args: Args) -> anyhow::Result<u8> {
    match args.action {
        Action::Add(args) => add(&args),
        Action::List(args) => list::run(&args),
        Action::Cancel(CancelArgs { id }) => {
            Inbox::new(&layout()?).cancel(id, time::now())?;
            say(&format!("Message {id} is cancelled."))
        }
        Action::Ack(AckArgs { ids }) => {
            let news = Inbox::new(&layout()?).ack(&ids, time::now())?;
            for id in ids {
                let already = if news.contains(&id) { "" } else { " already" };
                say(&format!("Message {id} is acknowledged{already}."))?;
            }
            Ok(error::SUCCESS)
        }
    }
}

fn add(args: &AddArgs) -> anyhow::Result<u8> {
    let layout = layout()?;
    let text = body(&args.text)?;
    let scope = args.relay.then_some(FOR_RELAY);
    let message = Inbox::new(&layout).add(&text, scope, None, time::now())?;
    let whom = if args.relay { "every run of the relay" } else { "the next run" };
    say(&format!("Message {} waits for {whom}.", message.id))
}

/// The text as typed, or of standard input.
fn body(words: &[String]) -> anyhow::Result<String> {
    let text = if words == ["-"] {
        let mut bytes = Vec::new();
        // One byte more tells that it is too long; a pipe need not end.
        let mut input = std::io::stdin().lock().take(LIMIT as u64 + 1);
        input.read_to_end(&mut bytes).context("cannot read the message from standard input")?;
        if bytes.len() > LIMIT {
            return Err(too_long().into());
        }
        let no_text = || CliError::Usage("the message on standard input is not UTF-8 text".to_owned());
        String::from_utf8(bytes).map_err(|_| no_text())?
    } else {
        words.join(" ")
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text).trim();
    match text {
        "" => Err(CliError::Usage("the message is empty".to_owned()).into()),
        text if text.len() > LIMIT => Err(too_long().into()),
        text if text.contains('\0') => {
            Err(CliError::Usage("the message holds a NUL byte, which no agent can be given".to_owned())
                .into())
        }
        text => Ok(text.to_owned()),
    }
}

fn too_long() -> CliError {
    let limit = LIMIT >> 10;
    CliError::Usage(format!("the message is longer than {limit} KiB: put it into a file, and name that"))
}

/// Where the messages are. Agents call this below a folder of the workspace, and while its configuration is edited.
fn layout() -> anyhow::Result<Layout> {
    let root = workspace::root()?;
    let layout = workspace::state_layout(&root)?;
    if !layout.rally_dir().is_dir() {
        bail!("there is no .rally in {}: run `rally init` first", root.display());
    }
    Ok(layout)
}

fn say(line: &str) -> anyhow::Result<u8> {
    writeln!(std::io::stdout(), "{line}")?;
    Ok(error::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_one_text() {
        let body = |words: &[&str]| body(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(body(&["use", "tabs "]).unwrap(), "use tabs");
        assert_eq!(body(&["a", "-"]).unwrap(), "a -");
        assert_eq!(body(&[&"x".repeat(LIMIT)]).unwrap().len(), LIMIT);
        let wrong = [
            (vec![""], "the message is empty"),
            (vec![" \n", "\t"], "the message is empty"),
            (vec!["a\0b"], "the message holds a NUL byte"),
        ];
        for (words, expected) in wrong {
            let error = body(&words).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        let long = body(&[&"x".repeat(LIMIT + 1)]).unwrap_err().to_string();
        assert!(long.contains("longer than 32 KiB"), "{long}");
    }
}
