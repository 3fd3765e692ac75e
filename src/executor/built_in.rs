//! From a CLI's name to its executor: the one table of the built-in harnesses in this room.

use super::{Antigravity, Claude, Codex, Executor, Gemini, HarnessSpec, Opencode};
use crate::model::Cli;

/// The executor of a built-in CLI, under the name and with the settings of `spec`.
pub fn built_in(cli: Cli, spec: HarnessSpec) -> Box<dyn Executor> {
    match cli {
        Cli::Antigravity => Box::new(Antigravity::new(spec)),
        Cli::Claude => Box::new(Claude::new(spec)),
        Cli::Codex => Box::new(Codex::new(spec)),
        Cli::Gemini => Box::new(Gemini::new(spec)),
        Cli::Opencode => Box::new(Opencode::new(spec)),
    }
}
