//! Are agents confined, and could they be?

use serde::Serialize;

use super::finding::{Finding, Group, Level};
use crate::cli::relay::sandbox::{Standing, stands};
use crate::config::SandboxConfig;
use crate::process::sandbox;

/// `[sandbox]` and what the kernel has for it.
#[derive(Debug, Serialize)]
pub struct Sandbox {
    /// Whether agents are to be confined.
    enabled: bool,
    /// Whether a relay is refused when they cannot be.
    required: bool,
    /// The kernel's version of Landlock.
    landlock: Option<i32>,
    /// Why it has none.
    landlock_missing: Option<String>,
}

/// Asks the kernel.
pub fn gather(config: &SandboxConfig) -> Sandbox {
    let version = sandbox::version();
    Sandbox {
        enabled: config.enabled,
        required: config.required,
        landlock: version.as_ref().ok().copied(),
        landlock_missing: version.err(),
    }
}

/// What is to be said about it.
pub fn finding(found: &Sandbox) -> Finding {
    let config = SandboxConfig { enabled: found.enabled, required: found.required, write: Vec::new() };
    let missing = found.landlock_missing.clone().unwrap_or_default();
    let version = found.landlock.ok_or(missing);
    let say = |level, text: String| Finding::new(Group::Platform, level, "sandbox", &text);
    match stands(&config, || version.clone()) {
        Standing::On(version) => {
            say(Level::Ok, format!("on: agents write only where [sandbox] lets them (Landlock {version})"))
        }
        Standing::Without(why) => say(Level::Warning, format!("agents are not confined: {why}")),
        Standing::Refused(why) => say(Level::Problem, format!("no relay can start: {why}")),
        Standing::Off => {
            // What it would come to.
            let text = match stands(&SandboxConfig { enabled: true, ..config }, || version) {
                Standing::On(version) => {
                    format!(
                        "off: agents write wherever you may; [sandbox] can confine them (Landlock {version})"
                    )
                }
                Standing::Off | Standing::Without(_) | Standing::Refused(_) => {
                    "off, and this kernel could not confine agents".to_owned()
                }
            };
            say(Level::Ok, text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_told_on_every_kernel() {
        let found = |enabled, required, landlock: Option<i32>| Sandbox {
            enabled,
            required,
            landlock,
            landlock_missing: landlock.is_none().then(|| "not built in".to_owned()),
        };
        let table = [
            (found(false, true, Some(7)), Level::Ok, "off: agents write wherever"),
            (found(false, true, Some(2)), Level::Ok, "off, and this kernel"),
            (found(false, true, None), Level::Ok, "off, and this kernel"),
            (found(true, true, Some(7)), Level::Ok, "on: "),
            (found(true, true, Some(2)), Level::Problem, "no relay can start: this kernel has version 2"),
            (found(true, true, None), Level::Problem, "no relay can start: this kernel offers no Landlock"),
            (found(true, false, None), Level::Warning, "agents are not confined"),
        ];
        for (found, level, text) in table {
            let finding = finding(&found);
            assert_eq!(finding.level, level, "{found:?}");
            assert!(finding.text.starts_with(text), "{}", finding.text);
        }
    }
}
