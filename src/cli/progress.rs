//! `rally progress`: what an agent reports about its run. It runs below a relay that
//! holds the workspace, so it takes the short lock of the shared files only.

use std::io::Write;

use anyhow::{Context, bail};

use super::error::{self, CliError};
use super::workspace;
use crate::laps::Queue;
use crate::laps::hooks::{self, Hook};
use crate::laps::report::{self, Ctx, Ending, Wrapup, guidance};
use crate::model::time;
use crate::process::TAG;
use crate::terminal::sanitize;

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

    /// Called by this hook of the queue
    #[arg(long, value_name = "NAME", hide = true)]
    hook: Option<Hook>,

    /// What the hook was given
    #[arg(last = true, hide = true)]
    given: Vec<String>,
}

impl Args {
    /// The first of what was asked for, or `None` when only reports were.
    fn ending(&self) -> Result<Option<Ending>, CliError> {
        let flags = [
            (self.complete, "--complete", Ending::Complete),
            (self.handoff, "--handoff", Ending::Handoff),
            (self.wrapup, "--wrapup", Ending::AsReported),
        ];
        let has_summary = self.summary().is_some();
        if let Some((_, flag, mode)) = flags.into_iter().find(|(given, ..)| *given) {
            return match has_summary {
                true => Ok(Some(mode)),
                false => Err(CliError::Usage(format!("--summary is required for {flag}"))),
            };
        }
        if has_summary {
            return Ok(Some(Ending::Plain));
        }
        if self.record_lap.is_empty() && !self.set_handoff {
            let text = "no action specified: give --summary TEXT, or see 'rally progress --help'";
            return Err(CliError::Usage(text.to_owned()));
        }
        Ok(None)
    }

    fn wrapup(&self) -> Wrapup {
        let classification = self.classification.as_deref().map(str::trim).filter(|text| !text.is_empty());
        Wrapup {
            summary: self.summary().unwrap_or_default().to_owned(),
            followups: self.followup.clone(),
            classification: classification.map(str::to_owned),
        }
    }

    /// What the queue gave to the hook.
    fn heard(&self) -> Vec<String> {
        let mut heard = self.record_lap.clone();
        heard.extend(self.given.iter().cloned());
        let named = |flag: &str, value: &String| [flag.to_owned(), value.clone()];
        heard.extend(self.summary.iter().flat_map(|text| named("--summary", text)));
        heard.extend(self.followup.iter().flat_map(|text| named("--followup", text)));
        heard.extend(self.classification.iter().flat_map(|text| named("--classification", text)));
        heard
    }

    fn summary(&self) -> Option<&str> {
        self.summary.as_deref().map(str::trim).filter(|summary| !summary.is_empty())
    }
}

/// Runs the command; the result is the exit code.
pub fn run(args: Args) -> anyhow::Result<u8> {
    let ending = args.ending()?;
    if args.record_lap.iter().any(|lap| lap.trim().is_empty()) {
        return Err(CliError::Usage("--record-lap needs the id of a lap".to_owned()).into());
    }
    let root = workspace::root()?;
    let layout = workspace::state_layout(&root)?;
    if !layout.rally_dir().is_dir() {
        bail!("there is no .rally in {}: run `rally init` first", root.display());
    }
    let state_dir = layout.state_dir();
    layout.make_state_dir().with_context(|| format!("cannot create the folder {}", state_dir.display()))?;
    let search = std::env::var_os("PATH");
    let queue = Queue::detect(&root, search.as_deref());
    let tag = std::env::var(TAG).ok();
    let ctx = Ctx { layout: &layout, queue: queue.as_ref(), tag: tag.as_deref(), now: time::now() };
    if let Some(hook) = args.hook {
        hooks::audit(&layout, hook, args.heard(), ctx.now);
    }
    if !args.record_lap.is_empty() {
        report::laps_done(&ctx, &args.record_lap)?;
    }
    if args.set_handoff {
        if let Some(why) = report::claims_another(&ctx)? {
            bail!(why);
        }
        report::handoff_begun(&ctx)?;
    }
    if let Some(ending) = ending {
        let done = report::wrapup(&ctx, &args.wrapup(), ending)?;
        let mut stderr = std::io::stderr().lock();
        for warning in done.warnings {
            let _ = writeln!(stderr, "warning: {}", sanitize::text(&warning));
        }
    }
    let said = match (args.hook, ending) {
        (Some(Hook::Done), None) => guidance::DONE,
        (Some(Hook::Handoff), None) => guidance::HANDOFF,
        (_, Some(_)) => guidance::RECORDED,
        (_, None) => "",
    };
    std::io::stdout().write_all(said.as_bytes())?;
    Ok(error::SUCCESS)
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
        assert_eq!(all.ending().unwrap(), Some(Ending::Complete));
        let two = args(|a| {
            (a.handoff, a.wrapup) = (true, true);
            a.summary = summary.clone();
        });
        assert_eq!(two.ending().unwrap(), Some(Ending::Handoff));
        assert_eq!(args(|a| a.summary = summary).ending().unwrap(), Some(Ending::Plain));
        assert_eq!(args(|a| a.set_handoff = true).ending().unwrap(), None);
        assert_eq!(args(|a| a.record_lap.push("x".into())).ending().unwrap(), None);
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
            let message = args.ending().unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
