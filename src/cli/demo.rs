//! `rally demo`.

/// What can be typed after `rally demo`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command; the result is the exit code.
pub fn run(_args: Args) -> anyhow::Result<u8> {
    anyhow::bail!("not built")
}
