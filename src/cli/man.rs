//! `rally man`.

use std::io::Write;

/// What can be typed after `rally man`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Prints the manual page; the result is the exit code.
pub fn run(_args: Args) -> anyhow::Result<u8> {
    let mut page = Vec::new();
    clap_mangen::Man::new(super::command()).render(&mut page)?;
    std::io::stdout().lock().write_all(&page)?;
    Ok(super::error::SUCCESS)
}
