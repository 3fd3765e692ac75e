//! `rally guard`: own one agent's process tree. Only rally itself starts it.

use crate::process;

/// What can be typed after `rally guard`: nothing, it is told everything over its standard input.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the guard until its agent's tree is gone.
pub fn run(_args: Args) -> anyhow::Result<u8> {
    process::guard::main()?;
    Ok(super::error::SUCCESS)
}
