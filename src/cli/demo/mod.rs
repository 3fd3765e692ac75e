//! `rally demo`: a whole relay in a scratch repository, with built-in scripted
//! agents. Guard, driver, store and git are the very ones that real agents get; no
//! account and no network is needed.

mod report;
mod stage;

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;

use super::error::SUCCESS;

/// Watch a whole relay with built-in agents: no account, no network.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Makes a scratch repository, runs a relay of three iterations over a mix of Claude Code
(played by a script) and a custom harness, lets one try fail and succeed on the retry,
and tells where to look. Takes under 30 seconds.

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
    writeln!(out, "A scratch repository is in {}", stage.repository.display())?;
    writeln!(out, "Two scripted agents work on it: one speaks Claude Code's stream, one plain text.")?;
    writeln!(out, "$ {}", stage::RELAY)?;
    out.flush()?;
    let status = perform(&stage)?;
    if !status.success() {
        anyhow::bail!("the relay of the demo ended with {status}; look into {}", stage.root.display());
    }
    report::print(&stage, &mut out)?;
    Ok(SUCCESS)
}

/// Runs the relay as a process of its own. Ctrl+C reaches both of us: the relay knows what to do with it.
fn perform(stage: &stage::Stage) -> anyhow::Result<std::process::ExitStatus> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let interrupts = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
        let mut child = tokio::process::Command::from(stage.relay())
            .spawn()
            .context("cannot start the relay of the demo")?;
        let status = child.wait().await?;
        drop(interrupts);
        Ok(status)
    })
}
