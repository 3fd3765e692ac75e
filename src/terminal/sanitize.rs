//! Everything foreign passes here before it reaches a terminal.

/// Text without anything that a terminal would obey.
pub fn text(raw: &str) -> String {
    raw.chars().filter(|c| !c.is_control() || *c == '\n' || *c == '\t').collect()
}
