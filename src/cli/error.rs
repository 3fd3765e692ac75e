//! Exit codes, and how an error reaches the operator: once, on stderr.

use std::io::Write;
use std::process::ExitCode;

/// The target was reached, the queue is empty, or the operator stopped gracefully.
pub const SUCCESS: u8 = 0;
/// Something failed, or the pass ended short of its target.
pub const FAILURE: u8 = 1;
/// The command line was wrong.
pub const USAGE: u8 = 2;
/// Another rally holds the workspace (`EX_TEMPFAIL` of sysexits.h).
pub const HELD: u8 = 75;
/// Ended by signal n: 128 + n.
pub const SIGNAL_BASE: u8 = 128;

/// An error that has an exit code of its own.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command line was wrong.
    #[error("{0}")]
    Usage(String),
    /// Another rally holds the workspace.
    #[error("{0}")]
    Held(String),
}

/// Prints an error (every cause, on one line each) and says the exit code.
pub fn report(error: &anyhow::Error) -> ExitCode {
    if is_broken_pipe(error) {
        return ExitCode::from(SUCCESS);
    }
    let text = format!("error: {}", crate::model::text::chain(error.as_ref()));
    let _ = writeln!(std::io::stderr(), "{}", crate::terminal::sanitize::text(&text));
    match error.downcast_ref::<CliError>() {
        Some(CliError::Usage(_)) => {
            let _ = writeln!(std::io::stderr(), "\nFor more information, try '--help'.");
            ExitCode::from(USAGE)
        }
        Some(CliError::Held(_)) => ExitCode::from(HELD),
        None => ExitCode::from(FAILURE),
    }
}

/// Prints what the parser of the command line has to say, help and version included, and says the exit code. An error
/// quotes what was typed, or what a script passed on: it is cleaned, for which it has to do without colours.
pub fn report_usage(error: &clap::Error) -> ExitCode {
    let _ = if error.use_stderr() {
        let text = crate::terminal::sanitize::text(&error.render().to_string());
        std::io::stderr().write_all(text.as_bytes())
    } else {
        error.print()
    };
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE))
}

/// Whether the reader of our output went away (`rally status | head -1`).
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
