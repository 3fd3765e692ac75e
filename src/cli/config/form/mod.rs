//! The questions of `rally config` in a terminal.

/// Asks for the settings of the user's file, or of this repository's; the result is the exit code.
pub fn run(_repo: bool) -> anyhow::Result<u8> {
    anyhow::bail!("rally config cannot ask yet; use rally config get, set, unset, list or edit")
}
