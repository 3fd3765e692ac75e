//! A command in a terminal, as patient as real CLIs need it.

use std::process::Command;

use super::lab::wait_until;
use super::support;

/// A command under way in a terminal; killed when the test gives up.
pub struct Terminal(support::Terminal);

impl Terminal {
    /// Starts a command with the environment that it names, and nothing else.
    pub fn start(command: &Command) -> Terminal {
        Terminal(support::Terminal::start(command, 40, 200))
    }

    /// What is to be seen now.
    pub fn shown(&self) -> String {
        self.0.shown()
    }

    /// Waits until a text is to be seen.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        wait_until(|| self.shown().contains(text), || format!("no `{text}`:\n{}", self.shown()));
    }

    /// Waits for the end; says the exit code.
    #[track_caller]
    pub fn finish(mut self) -> u32 {
        wait_until(|| self.0.exit_code().is_some(), || "it did not end".to_owned());
        self.0.finish()
    }
}
