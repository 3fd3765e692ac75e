//! `rally demo`: a whole relay in a scratch repository, with built-in scripted
//! agents. Guard, driver, store and git are the very ones that real agents get; no
//! account and no network is needed.

mod report;
mod stage;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::error::{SIGNAL_BASE, SUCCESS};
use crate::process::{self, OperatorSignal};
use crate::terminal::sanitize;

/// How long the relay may take to stop with the demo: git may be at work.
const STOPPING: Duration = Duration::from_secs(10);

/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(10);

/// Watch a whole relay with built-in agents: no account, no network.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Makes a scratch repository, runs a relay of four iterations over a mix of Claude Code,
Gemini CLI and opencode (each played by a script), lets one try fail and succeed on the
retry, lets another go silent until rally finds it frozen, ends it and resumes its
session, and tells where to look. Takes under 30 seconds.

Examples:
  rally demo
  rally demo --dir /tmp/my-demo")]
pub struct Args {
    /// Make the scratch repository below this folder, which must not exist yet
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// Runs the command; the result is the exit code.
pub fn run(args: Args) -> anyhow::Result<u8> {
    let stage = stage::set_up(args.dir)?;
    let mut out = std::io::stdout();
    writeln!(out, "A scratch repository is in {}", shown(&stage.repository))?;
    writeln!(
        out,
        "Three scripted agents work on it; they speak as Claude Code, Gemini CLI and opencode do. One stumbles, one \
         goes silent."
    )?;
    writeln!(out, "$ {}", stage::command_line())?;
    out.flush()?;
    let status = perform(&stage)?;
    if let Some(code) =
        status.code().and_then(|code| u8::try_from(code).ok()).filter(|code| *code > SIGNAL_BASE)
    {
        // Stopped, as was asked for.
        return Ok(code);
    }
    if !status.success() {
        anyhow::bail!("the relay of the demo ended with {status}; look into {}", stage.root.display());
    }
    report::print(&stage, &mut out)?;
    Ok(SUCCESS)
}

/// A path for a terminal.
fn shown(path: &Path) -> String {
    sanitize::line(&path.display().to_string())
}

/// Runs the relay as a process of its own and hands signals on to it: it knows what to do
/// with them. From a terminal Ctrl+C reaches it by itself.
fn perform(stage: &stage::Stage) -> anyhow::Result<std::process::ExitStatus> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut signals = process::Signals::install()?;
        let mut child = tokio::process::Command::from(stage.relay())
            .spawn()
            .context("cannot start the relay of the demo")?;
        loop {
            tokio::select! {
                status = child.wait() => return Ok(status?),
                signal = signals.next() => hand_on(&child, signal).await,
            }
        }
    })
}

async fn hand_on(relay: &tokio::process::Child, signal: OperatorSignal) {
    let at_terminal =
        matches!(signal, OperatorSignal::Interrupt | OperatorSignal::Quit | OperatorSignal::Stop)
            && std::io::stdin().is_terminal();
    let Some(pid) = relay.id() else { return };
    if !at_terminal {
        process::signals::send(pid, signal);
    }
    if signal == OperatorSignal::Stop {
        // First the relay: a shell sees only us stop, takes the terminal, and may soon continue us both. Then a
        // relay that has not stopped yet would stop for good.
        let begun = Instant::now();
        while !process::signals::has_stopped(pid) && begun.elapsed() < STOPPING {
            tokio::time::sleep(LOOK).await;
        }
        let _ = process::stop_self();
    }
}
