//! The prompts of roles: which there are, how long they are, and what is odd about them.

use std::path::Path;

use serde::Serialize;

/// The prompt of a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoleLine {
    /// The role.
    pub name: String,
    /// Roughly: a quarter of its bytes.
    pub tokens: usize,
    /// The file that replaces rally's own text, if one does.
    pub source: Option<String>,
    /// What the author of the file should know.
    pub advisory: Option<String>,
}

/// The prompts of a workspace, by name.
pub fn roles(_workspace: &Path) -> Vec<RoleLine> {
    Vec::new()
}
