//! `rally tail`: what an agent prints, until its try is over: byte for byte, coloured, or readable.

mod events;
mod follow;
mod highlight;
mod pretty;
mod print;
mod target;

use std::io::{IsTerminal, Write};
use std::path::Path;

use self::events::{Events, Meaning};
use self::follow::Followed;
use self::highlight::Mode;
use self::pretty::Pretty;
use self::print::{Manner, Printer};
use self::target::Target;
use super::{error, workspace};
use crate::config::{self, Env, builtin};
use crate::model::{Cli, time};
use crate::store::Reader;
use crate::terminal::sanitize;
use crate::terminal::style::Palette;

/// What can be typed after `rally tail`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Follows the try that runs now and ends with it; without one, shows the newest completed try.
What is printed into a pipe are the very bytes of the log; a terminal gets no control sequences.

Examples:
  rally tail                follow the running try to its end
  rally tail --pretty       the same, readable: what the agent says, its tools, errors
  rally tail --try 7        what try 7 of this workspace printed
  rally tail --no-follow    what there is by now
  rally tail | jq -r .type  the raw stream, one event a line")]
pub struct Args {
    /// Show the try with this id; without it the one that runs, else the newest completed one
    #[arg(long = "try", value_name = "N", allow_negative_numbers = true)]
    try_id: Option<i64>,

    /// Print what there is and end
    #[arg(long)]
    no_follow: bool,

    /// What the agent says and does, readable, instead of the raw log
    #[arg(long, conflicts_with = "highlight")]
    pretty: bool,

    /// Colours in the raw log, on a terminal that has them
    #[arg(long, value_enum, value_name = "MODE", default_value_t = Mode::Off)]
    highlight: Mode,
}

/// Runs the command; the result is the exit code.
pub fn run(args: Args) -> anyhow::Result<u8> {
    let root = workspace::root()?;
    let reader = Reader::new(workspace::state_layout(&root)?);
    // Zero and negative numbers ask for the default, too.
    let wanted = args.try_id.and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0);
    let (target, remark) = match wanted {
        Some(wanted) => (target::by_number(&reader, wanted)?, None),
        None => target::newest(&reader, time::now())?,
    };
    if let Some(remark) = remark {
        say(&remark);
    }
    // Before the log is read for the first time: nothing that happens from here on is missed.
    let layout = reader.layout();
    let events = Events::of(&[
        (&target.log, Meaning::Log),
        (&layout.tries(), Meaning::End),
        (&layout.run_state(), Meaning::End),
        (&layout.lock(), Meaning::Lock),
    ]);
    let manner = if args.pretty { pretty(&root, &target) } else { Manner::highlighted(args.highlight) };
    let mut printer = Printer::new(manner);
    let mut life = target::Life::new(&reader, &target, args.no_follow);
    match follow::follow(&target.log, &events, &mut printer, &mut life)? {
        Followed::NeverBegun => {
            say(&format!(
                "note: try {} has printed nothing: {} does not exist",
                target.try_id,
                target.log.display()
            ));
        }
        Followed::ToItsEnd
            if life.was_followed() && reader.holder().is_some() && std::io::stderr().is_terminal() =>
        {
            say(&format!("note: try {} is over; `rally tail` follows what runs next", target.try_id));
        }
        Followed::ToItsEnd | Followed::Unread => {}
    }
    Ok(error::SUCCESS)
}

/// The readable rendering; a harness of the user's own prints what it likes, and that is shown as it is.
fn pretty(root: &Path, target: &Target) -> Manner {
    let Some(cli) = target.harness.as_deref().and_then(|harness| cli(root, harness)) else {
        return Manner::Raw;
    };
    let stdout = std::io::stdout();
    let width =
        rustix::termios::tcgetwinsize(&stdout).ok().map(|size| usize::from(size.ws_col)).filter(|w| *w > 0);
    Manner::Pretty(Box::new(Pretty::new(cli, Palette::of(&stdout), width)))
}

/// The built-in CLI that a harness is, or is built on. A configuration that cannot be read is no reason to show
/// nothing: the names that are built in are known without it.
fn cli(root: &Path, harness: &str) -> Option<Cli> {
    let found = match config::load(root, &Env::from_process()) {
        Ok(loaded) => loaded.config.builtin(harness),
        Err(_) => builtin::find(harness),
    };
    found.map(|builtin| builtin.cli)
}

/// To the operator, beside the log.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}", sanitize::text(text));
}
