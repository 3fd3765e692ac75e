//! `rally config schema`.

use crate::cli::error;

/// What can be typed after `rally config schema`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The schema is draft-07, which taplo and the TOML extensions of editors read. A file names it in its
first line:  #:schema ./config.schema.json

Examples:
  rally config schema > ~/.config/rally/config.schema.json")]
pub struct Args {}

pub fn run(_args: &Args) -> anyhow::Result<u8> {
    let schema = serde_json::to_string_pretty(&crate::config::schema::json::document())?;
    super::print::out(&(schema + "\n"))?;
    Ok(error::SUCCESS)
}
