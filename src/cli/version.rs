//! `rally version`.

use std::io::Write;

/// The number in the file `VERSION`, the one place where it stands.
const EMBEDDED: &str = include_str!("../../VERSION");

/// Set when a release is built; its absence marks a source build.
const RELEASE: Option<&str> = option_env!("RALLY_RELEASE");

/// `v0.1.0`, or `v0.1.0-dev` for a source build.
pub fn number() -> &'static str {
    static TEXT: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    TEXT.get_or_init(|| {
        let number = EMBEDDED.trim();
        if RELEASE.is_some() { format!("v{number}") } else { format!("v{number}-dev") }
    })
}

/// Prints `rally v0.1.0-dev`.
pub fn run() -> anyhow::Result<u8> {
    writeln!(std::io::stdout(), "rally {}", number())?;
    Ok(super::error::SUCCESS)
}
