//! Which version of a CLI does the test suite prove? The pins stand in `agents.toml`, and only there.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::config::builtin::BUILTINS;
use crate::model::Cli;

const PINS: &str = include_str!("../../agents.toml");

/// What is pinned of a CLI; how the suite gets it is its own business.
#[derive(Debug, Deserialize)]
struct Pin {
    version: String,
}

/// The version of a CLI that the suite runs; `None` when it runs none.
pub fn proven(cli: Cli) -> Option<&'static str> {
    static TABLE: OnceLock<BTreeMap<String, Pin>> = OnceLock::new();
    let table = TABLE.get_or_init(|| toml::from_str(PINS).unwrap_or_default());
    let builtin = BUILTINS.iter().find(|builtin| builtin.cli == cli)?;
    table.get(builtin.name).map(|pin| pin.version.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cli_that_can_be_installed_has_a_pin() {
        for cli in [Cli::Claude, Cli::Codex, Cli::Gemini, Cli::Opencode] {
            let version = proven(cli).unwrap();
            assert_eq!(version.split('.').count(), 3, "{version}");
        }
        assert_eq!(proven(Cli::Antigravity), None);
    }
}
