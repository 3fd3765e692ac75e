//! `[sandbox]` at the start of a relay: whether agents are confined, and to what.

use std::collections::BTreeMap;
use std::path::Path;

use super::notice::warn;
use crate::config::{Config, SandboxConfig};
use crate::executor::Registry;
use crate::git::Git;
use crate::process::sandbox::{OLDEST, SCOPED, version};
use crate::relay::sandbox::{Sandbox, of_harness, shared};
use crate::routing::Lane;

/// What a configuration comes to on a kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nobody is confined.
    Off,
    /// Agents are, by this version of Landlock.
    On(i32),
    /// They should be and are not, for this reason; the user accepts that.
    Without(String),
    /// They should be and cannot, for this reason.
    Refused(String),
}

/// Holds a configuration against a kernel.
pub fn stands(config: &SandboxConfig, version: impl FnOnce() -> Result<i32, String>) -> Standing {
    if !config.enabled {
        return Standing::Off;
    }
    let why = match version() {
        Ok(version) if version >= OLDEST => return Standing::On(version),
        Ok(version) => format!(
            "this kernel has version {version} of Landlock, which cannot keep files from being cut to nothing; \
             version {OLDEST} came with Linux 6.2"
        ),
        Err(why) => format!("this kernel offers no Landlock: {why}"),
    };
    match config.required {
        true => Standing::Refused(why),
        false => Standing::Without(why),
    }
}

/// Whether agents can be confined as configured. `Some` is the version of Landlock that will do it.
///
/// # Errors
/// When they cannot, and have to be.
pub fn check(config: &Config) -> anyhow::Result<Option<i32>> {
    match stands(&config.sandbox, version) {
        Standing::Off => Ok(None),
        Standing::On(version) => Ok(Some(version)),
        Standing::Without(why) => {
            warn(&format!("[sandbox].enabled: agents are NOT confined: {why}"));
            Ok(None)
        }
        Standing::Refused(why) => {
            let place =
                config.origin("sandbox.enabled").map(|origin| format!("{origin}: ")).unwrap_or_default();
            anyhow::bail!(
                "{place}[sandbox].enabled: {why}; use a kernel that has it, or set required = false in [sandbox] of \
                 your own configuration to work without"
            )
        }
    }
}

/// Settles where the agents of these lanes may write, and the line that says so. What they cannot have is warned of.
///
/// # Errors
/// When git cannot say where it writes.
pub fn settle<'l>(
    config: &Config,
    git: &Git,
    registry: &Registry,
    lanes: impl IntoIterator<Item = &'l Lane>,
    version: i32,
) -> anyhow::Result<(Sandbox, String)> {
    let temp = std::env::var_os("TMPDIR");
    let shared = shared(git.root(), &git.folders()?, temp.as_deref().map(Path::new), &config.sandbox.write);
    let mut homes = BTreeMap::new();
    for member in lanes.into_iter().flat_map(Lane::members) {
        let harness = &member.runner.harness;
        if homes.contains_key(harness) {
            continue;
        }
        let own = registry.get(harness).map(|executor| executor.homes()).unwrap_or_default();
        let (places, remarks) = of_harness(harness, &own);
        remarks.iter().for_each(|remark| warn(remark));
        homes.insert(harness.clone(), places);
    }
    let (sandbox, remarks) = Sandbox::settle(shared, homes.into_iter().collect());
    remarks.iter().for_each(|remark| warn(remark));
    let signals = if version < SCOPED { "; they can signal your processes" } else { "" };
    let line = format!("sandbox: agents write only to {} (Landlock {version}{signals})", sandbox.describe());
    Ok((sandbox, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_that_cannot_be_is_refused_unless_the_user_accepts_that() {
        let config = |enabled, required| SandboxConfig { enabled, required, write: vec![] };
        let none = || Err("not built in".to_owned());
        let table: [(SandboxConfig, Result<i32, String>, &str); 9] = [
            (config(false, true), none(), "off"),
            (config(false, true), Ok(7), "off"),
            (config(true, true), Ok(7), "on 7"),
            (config(true, false), Ok(3), "on 3"),
            (config(true, true), Ok(2), "refused: version 2"),
            (config(true, true), none(), "refused: not built in"),
            (config(true, false), Ok(1), "without: version 1"),
            (config(true, false), none(), "without: not built in"),
            (config(true, true), Ok(1000), "on 1000"),
        ];
        for (config, version, expected) in table {
            let (head, tail) = match stands(&config, || version) {
                Standing::Off => ("off", String::new()),
                Standing::On(version) => ("on", format!(" {version}")),
                Standing::Without(why) => ("without", why),
                Standing::Refused(why) => ("refused", why),
            };
            let (expected_head, part) = expected.split_once(": ").unwrap_or((expected, ""));
            let whole = if part.is_empty() { format!("{head}{tail}") } else { head.to_owned() };
            assert_eq!(whole, expected_head, "{config:?}");
            assert!(tail.contains(part), "{tail}");
        }
    }
}
