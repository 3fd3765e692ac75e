//! The text under which a relay's record keeps its mix, and how people read it.

/// In front of the entries that came from a flag.
pub const OVERRIDE: &str = "__override__:";

/// Stands for the configured routes.
pub const ROUTES: &str = "__routes__";

/// A stored mix as people read it.
pub fn display_label(stored: &str) -> &str {
    let stored = stored.trim();
    match stored.strip_prefix(OVERRIDE).map(str::trim) {
        Some("") => "(override)",
        Some(entries) => entries,
        None if stored.is_empty() => "(empty)",
        None if stored == ROUTES => "configured routes",
        None => stored,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // 10-O12, 30-12
    #[test]
    fn labels_as_people_read_them() {
        for (stored, shown) in [
            ("", "(empty)"),
            ("  ", "(empty)"),
            ("__routes__", "configured routes"),
            ("__override__:cc:2 op:z", "cc:2 op:z"),
            ("__override__:", "(override)"),
            ("__override__:   ", "(override)"),
            ("claude claude op:z", "claude claude op:z"),
            ("  __override__: cc ", "cc"),
            ("  cc cx ", "cc cx"),
        ] {
            assert_eq!(display_label(stored), shown, "{stored:?}");
        }
    }
}
