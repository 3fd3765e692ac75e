//! The prompts of roles: which there are, how long they are, and what is odd about them.

use std::path::Path;

use serde::Serialize;

use super::complaint::Complaint;
use crate::model::text::chain;
use crate::prompt::roles::{FOLDER, Role, Source, survey};
use crate::terminal::sanitize;

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
pub fn roles(workspace: &Path) -> Result<Vec<RoleLine>, Complaint> {
    let roles = survey(&workspace.join(FOLDER));
    Ok(roles.map_err(|error| Complaint::plain(chain(&error)))?.into_iter().map(RoleLine::from).collect())
}

impl From<Role> for RoleLine {
    fn from(role: Role) -> RoleLine {
        let tokens = role.tokens();
        let source = match role.source {
            Source::Embedded => None,
            Source::File(file) => Some(file.display().to_string()),
        };
        let advisory = role.advisory.map(|advisory| {
            // Nobody may write further lines by naming a file.
            let file = sanitize::line(source.as_deref().unwrap_or(&role.name));
            format!(
                "note: {file} speaks of \"{}\"; every prompt of a lap explains that anyway, in these words:\n\
                 ---\n{}\n---",
                advisory.term,
                advisory.text.trim()
            )
        });
        RoleLine { name: role.name, tokens, source, advisory }
    }
}
