//! Where the task comes from: words, a file, standard input, or the configuration.

use std::io::Read;
use std::path::Path;

use anyhow::Context;

use super::Args;
use crate::cli::error::CliError;

/// The task that the command line gives, if it gives one.
pub fn typed(args: &Args) -> anyhow::Result<Option<String>> {
    let text = if reads_stdin(args) {
        let mut bytes = Vec::new();
        std::io::stdin()
            .lock()
            .read_to_end(&mut bytes)
            .context("cannot read the task from standard input")?;
        String::from_utf8(bytes)
            .map_err(|_| CliError::Usage("the task on standard input is not UTF-8 text".to_owned()))?
    } else if let Some(file) = &args.prompt_file {
        read(file)?
    } else if args.prompt.is_empty() {
        return Ok(None);
    } else {
        args.prompt.join(" ")
    };
    if text.trim().is_empty() {
        return Err(CliError::Usage("the task is empty".to_owned()).into());
    }
    // Editors of other systems begin a file with a byte-order mark.
    Ok(Some(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned()))
}

/// Whether the command line gives a task, whatever it is.
pub fn is_given(args: &Args) -> bool {
    !args.prompt.is_empty() || args.prompt_file.is_some()
}

/// Whether the task comes from standard input, where then no answer can come from.
pub fn reads_stdin(args: &Args) -> bool {
    args.prompt == ["-"] || args.prompt_file.as_deref() == Some(Path::new("-"))
}

/// The task that the configuration gives; trouble with it is a warning.
pub fn configured(file: Option<&Path>, warn: &mut dyn FnMut(String)) -> Option<String> {
    let file = file?;
    match read(file) {
        Ok(text) if !text.trim().is_empty() => Some(text),
        Ok(_) => {
            warn(format!("{} ([free_run].prompt_file) is empty; the built-in task is used", file.display()));
            None
        }
        Err(error) => {
            warn(format!("[free_run].prompt_file: {error:#}; the built-in task is used"));
            None
        }
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    String::from_utf8(bytes)
        .map_err(|_| CliError::Usage(format!("{} is not UTF-8 text", file.display())).into())
}
