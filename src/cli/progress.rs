//! `rally progress`: what an agent reports about its run. It runs below a relay that
//! holds the workspace, so it takes the short lock of the shared files only.

use std::io::Write;

use anyhow::{Context, bail};

use super::error::{self, CliError};
use super::workspace;
use crate::model::{Timestamp, time};
use crate::store::jsonl::RecordsBack;
use crate::store::records::{Handoff, SummaryEntry};
use crate::store::{Layout, RunState, Shared, StoreError};

/// What can be typed after `rally progress`.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = "\
Examples:
  rally progress --summary \"parser done, 14 tests pass\" --followup \"document it\"
  rally progress --handoff --summary \"blocked: no schema\" --followup \"ask for the schema\"")]
pub struct Args {
    /// Report a lap as done (may be given several times)
    #[arg(long, value_name = "ID")]
    record_lap: Vec<String>,

    /// Report that the lap is handed over
    #[arg(long)]
    set_handoff: bool,

    /// The task is done
    #[arg(long)]
    complete: bool,

    /// The task is handed over
    #[arg(long)]
    handoff: bool,

    /// Handed over if that was reported before, else done
    #[arg(long)]
    wrapup: bool,

    /// What happened, in one line; alone it means --complete
    #[arg(long, value_name = "TEXT")]
    summary: Option<String>,

    /// How a recovery run judges the work it found
    #[arg(long, value_name = "TEXT")]
    classification: Option<String>,

    /// What is left to do (may be given several times)
    #[arg(long, value_name = "TEXT")]
    followup: Vec<String>,
}

/// How the run is finalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Complete,
    Handoff,
    Wrapup,
    /// A summary and nothing else.
    Summary,
}

impl Args {
    /// The first of what was asked for, or `None` when only reports were.
    fn mode(&self) -> Result<Option<Mode>, CliError> {
        let flags = [
            (self.complete, "--complete", Mode::Complete),
            (self.handoff, "--handoff", Mode::Handoff),
            (self.wrapup, "--wrapup", Mode::Wrapup),
        ];
        let has_summary = self.summary().is_some();
        if let Some((_, flag, mode)) = flags.into_iter().find(|(given, ..)| *given) {
            return match has_summary {
                true => Ok(Some(mode)),
                false => Err(CliError::Usage(format!("--summary is required for {flag}"))),
            };
        }
        if has_summary {
            return Ok(Some(Mode::Summary));
        }
        if self.record_lap.is_empty() && !self.set_handoff {
            let text = "no action specified: give --summary TEXT, or see 'rally progress --help'";
            return Err(CliError::Usage(text.to_owned()));
        }
        Ok(None)
    }

    fn summary(&self) -> Option<&str> {
        self.summary.as_deref().map(str::trim).filter(|summary| !summary.is_empty())
    }
}

/// Runs the command; the result is the exit code.
pub fn run(args: Args) -> anyhow::Result<u8> {
    let mode = args.mode()?;
    if args.record_lap.iter().any(|lap| lap.trim().is_empty()) {
        return Err(CliError::Usage("--record-lap needs the id of a lap".to_owned()).into());
    }
    let root = workspace::root()?;
    let layout = workspace::state_layout(&root)?;
    if !layout.rally_dir().is_dir() {
        bail!("there is no .rally in {}: run `rally init` first", root.display());
    }
    let state_dir = layout.state_dir();
    std::fs::create_dir_all(&state_dir)
        .with_context(|| format!("cannot create the folder {}", state_dir.display()))?;
    let now = time::now();
    let shared = Shared::lock(&layout)?;
    if !args.record_lap.is_empty() || args.set_handoff {
        shared.update_run_state(|state| {
            args.record_lap.iter().for_each(|lap| state.record_lap(lap, now));
            if args.set_handoff {
                state.set_handoff(now);
            }
        })?;
    }
    if let Some(mode) = mode {
        let state = shared.run_state()?;
        let entry = entry(&args, mode, &state, layout.laps().exists(), run_id(&layout, &state, now)?, now);
        shared.record_progress(entry, now)?;
        shared.finalise_run_state()?;
        writeln!(std::io::stdout(), "Progress recorded.")?;
    }
    Ok(error::SUCCESS)
}

fn entry(
    args: &Args,
    mode: Mode,
    state: &RunState,
    laps_backed: bool,
    run_id: String,
    now: Timestamp,
) -> SummaryEntry {
    let summary = args.summary().unwrap_or_default().to_owned();
    let hands_over = mode == Mode::Handoff || (mode == Mode::Wrapup && state.handoff_state == 1);
    let handoff = hands_over.then(|| Handoff {
        summary: summary.clone(),
        followups: args.followup.clone(),
        created_lap_ids: Vec::new(),
    });
    let laps = match &state.recorded_laps[..] {
        [] => serde_json::Value::from("none"),
        laps => laps.into(),
    };
    let classification = args.classification.as_deref().map(str::trim).filter(|text| !text.is_empty());
    SummaryEntry {
        run_id,
        summary,
        classification: classification.map(str::to_owned),
        updated_at: now,
        laps_completed: (laps_backed && mode != Mode::Summary).then_some(laps),
        followups: if hands_over { Vec::new() } else { args.followup.clone() },
        handoff,
    }
}

/// The current run, or outside of one an id that no other entry has:
/// `20261123-062621-3fa9`.
fn run_id(layout: &Layout, state: &RunState, now: Timestamp) -> Result<String, StoreError> {
    if !state.run_id.is_empty() {
        return Ok(state.run_id.clone());
    }
    let second = now.strftime("%Y%m%d-%H%M%S").to_string();
    let mut taken = Vec::new();
    for entry in RecordsBack::<SummaryEntry>::open(&layout.summary())? {
        let entry = entry?;
        if entry.updated_at < now && !entry.run_id.starts_with(&second) {
            break;
        }
        taken.push(entry.run_id);
    }
    loop {
        let id = format!("{second}-{:04x}", fastrand::u16(..));
        if !taken.contains(&id) {
            return Ok(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(change: impl FnOnce(&mut Args)) -> Args {
        let mut args = Args::default();
        change(&mut args);
        args
    }

    #[test]
    fn modes() {
        let summary = Some("done".to_owned());
        let all = args(|a| {
            (a.complete, a.handoff, a.wrapup) = (true, true, true);
            a.summary = summary.clone();
        });
        assert_eq!(all.mode().unwrap(), Some(Mode::Complete));
        let two = args(|a| {
            (a.handoff, a.wrapup) = (true, true);
            a.summary = summary.clone();
        });
        assert_eq!(two.mode().unwrap(), Some(Mode::Handoff));
        assert_eq!(args(|a| a.summary = summary).mode().unwrap(), Some(Mode::Summary));
        assert_eq!(args(|a| a.set_handoff = true).mode().unwrap(), None);
        assert_eq!(args(|a| a.record_lap.push("x".into())).mode().unwrap(), None);
    }

    #[test]
    fn usage_errors() {
        let cases: [(Args, &str); 5] = [
            (args(|_| {}), "no action specified"),
            (args(|a| a.complete = true), "--summary is required for --complete"),
            (args(|a| a.handoff = true), "--summary is required for --handoff"),
            (args(|a| a.wrapup = true), "--summary is required for --wrapup"),
            (args(|a| a.followup.push("x".into())), "no action specified"),
        ];
        for (args, expected) in cases {
            let message = args.mode().unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
