//! From configured harnesses to executors.

use crate::cli::error::CliError;
use crate::config::{Config, HarnessConfig};
use crate::executor::claude::{Claude, ClaudeSpec};
use crate::executor::custom::{Custom, CustomSpec};
use crate::executor::Registry;
use crate::routing::roster::Roster;

/// Every harness that this version can drive.
pub fn registry(config: &Config) -> Registry {
    todo!()
}

/// Refuses a mix that names a harness nobody can drive.
pub fn check(roster: &Roster, registry: &Registry) -> anyhow::Result<()> {
    for entry in &roster.entries {
        if registry.get(&entry.runner.harness).is_none() {
            let text = format!(
                "{}: this version of rally cannot drive {} yet; it drives {}",
                entry.text,
                entry.runner.harness,
                registry.names().join(", ")
            );
            return Err(CliError::Usage(text).into());
        }
    }
    Ok(())
}
