//! `rally hooks`: the hooks of the lap queue, and when rally's were called.

use std::io::{ErrorKind, Write};

use anyhow::Context;

use super::{error, workspace};
use crate::laps::hooks::{self, Entry};
use crate::terminal::sanitize;

/// What can be typed after `rally hooks`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// List the hooks of the lap queue, rally's and yours
    List,
    /// Show the last calls of rally's hooks
    Logs {
        /// How many lines; 0 shows all
        #[arg(short, value_name = "N", default_value_t = 20)]
        n: usize,
    },
}

/// Runs the command; the result is the exit code.
pub fn run(args: Args) -> anyhow::Result<u8> {
    let root = workspace::root()?;
    let text = match args.what {
        What::List => {
            let path = hooks::path(&root);
            match path.exists() {
                false => format!(
                    "no hooks: there is no {} (a relay on a lap queue installs rally's)\n",
                    path.display()
                ),
                true => listed(&hooks::read(&root)?),
            }
        }
        What::Logs { n } => {
            let path = hooks::audit_log(&workspace::state_layout(&root)?);
            match std::fs::read(&path) {
                Ok(bytes) => last(&String::from_utf8_lossy(&bytes), n),
                Err(e) if e.kind() == ErrorKind::NotFound => "no hook of rally's was called yet\n".to_owned(),
                Err(e) => return Err(e).with_context(|| format!("cannot read {}", path.display())),
            }
        }
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(error::SUCCESS)
}

fn listed(entries: &[Entry]) -> String {
    if entries.is_empty() {
        return "no hooks in .laps/hooks.json\n".to_owned();
    }
    let mut text = String::new();
    for entry in entries {
        let whose = if entry.is_own() { "rally" } else { "user" };
        let title = sanitize::line(&entry.title);
        text.push_str(&format!("{title} [{whose}]\n"));
        if !entry.description.is_empty() {
            text.push_str(&format!("  {}\n", sanitize::line(&entry.description)));
        }
        let on = format!("{} {}", entry.when, entry.command);
        text.push_str(&format!("  on: {}\n  run: {}\n", sanitize::line(&on), sanitize::line(&entry.run)));
    }
    text
}

fn last(log: &str, n: usize) -> String {
    let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    if lines.is_empty() {
        return "no hook of rally's was called yet\n".to_owned();
    }
    let from = if n == 0 { 0 } else { lines.len().saturating_sub(n) };
    lines[from..].iter().map(|line| format!("{}\n", sanitize::line(line))).collect()
}
