//! `rally completions`.

use std::io::Write;

use clap_complete::Shell;

/// What can be typed after `rally completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rally completions bash > ~/.local/share/bash-completion/completions/rally
  rally completions zsh > ~/.zfunc/_rally")]
pub struct Args {
    /// The shell that shall complete rally's commands
    shell: Shell,
}

/// Prints the script; the result is the exit code.
pub fn run(args: Args) -> anyhow::Result<u8> {
    // Into memory first: the generator panics when its reader goes away.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::visible(), "rally", &mut script);
    std::io::stdout().lock().write_all(&script)?;
    Ok(super::error::SUCCESS)
}
