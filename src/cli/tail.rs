//! `rally tail`: what an agent prints, byte for byte, until its try is over.

mod follow;
mod highlight;
mod target;

use std::io::Write;

use self::highlight::Mode;
use super::{error, workspace};
use crate::model::time;
use crate::store::Reader;
use crate::terminal::sanitize;

/// What can be typed after `rally tail`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rally tail                follow the running try to its end
  rally tail --try 7        what try 7 printed
  rally tail | jq -r .type  the raw stream, one event a line")]
pub struct Args {
    /// Show the try with this id; without it the one that runs, else the newest completed one
    #[arg(long = "try", value_name = "N", allow_negative_numbers = true)]
    try_id: Option<i64>,

    /// Print what there is and end
    #[arg(long)]
    no_follow: bool,

    /// Colours, on a terminal that has them
    #[arg(long, value_enum, value_name = "MODE", default_value_t = Mode::Off)]
    highlight: Mode,
}

/// Runs the command; the result is the exit code.
pub fn run(args: Args) -> anyhow::Result<u8> {
    let reader = Reader::new(workspace::state_layout(&workspace::root()?)?);
    // Zero and negative numbers ask for the default, too.
    let wanted = args.try_id.and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0);
    let (target, remark) = match wanted {
        Some(wanted) => (target::by_number(&reader, wanted)?, None),
        None => target::newest(&reader, time::now())?,
    };
    if let Some(remark) = remark {
        let _ = writeln!(std::io::stderr(), "warning: {}", sanitize::text(&remark));
    }
    let until = if args.no_follow { target::Until::Now } else { target.until };
    let mut printer = highlight::Printer::new(args.highlight);
    follow::follow(&target.log, &mut printer, || until.is_over(&reader, target.try_id))?;
    Ok(error::SUCCESS)
}
