//! `rally man`.

use std::io::Write;

use super::error::CliError;
use super::version;

/// What can be typed after `rally man`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rally man | man -l -
  rally man relay > ~/.local/share/man/man1/rally-relay.1")]
pub struct Args {
    /// The page of this command; without it the page of rally itself
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
}

/// Prints the manual page; the result is the exit code.
pub fn run(args: Args) -> anyhow::Result<u8> {
    let rally = super::visible().version(version::number().trim_start_matches('v'));
    let wanted = match &args.command {
        None => rally,
        Some(name) => {
            let names: Vec<&str> = rally.get_subcommands().map(clap::Command::get_name).collect();
            let Some(found) = rally.find_subcommand(name) else {
                let text = format!("there is no page about \"{name}\"; there are {}", names.join(", "));
                return Err(CliError::Usage(text).into());
            };
            let title = format!("rally-{}", found.get_name());
            found.clone().name(title.clone()).bin_name(title)
        }
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(wanted).render(&mut page)?;
    std::io::stdout().lock().write_all(&page)?;
    Ok(super::error::SUCCESS)
}
