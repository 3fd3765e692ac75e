//! Whose turn it is: who waits for the settings is not overtaken by who comes later, or again and again.
//!
//! A file beside the settings names the process that has waited longest. It is rewritten whenever that one asks
//! again, so an old file is of one that has given up. Read and written under the lock alone.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::model::ProcessIdentity;
use crate::process::identity;

/// Who has not asked for so long does not wait any more: some times the pause between two questions.
const PATIENCE: Duration = Duration::from_secs(5);

/// The file that names who is next.
#[derive(Debug)]
pub(super) struct Turn(pub PathBuf);

impl Turn {
    /// Whether somebody else is next.
    pub fn is_of_another(&self, me: &ProcessIdentity) -> bool {
        let Ok(Some(text)) = super::read(&self.0) else { return false };
        let next = serde_json::from_str::<ProcessIdentity>(&text).ok();
        let asked = self.0.metadata().and_then(|found| found.modified()).ok();
        let waits = asked.is_some_and(|at| at.elapsed().unwrap_or_default() <= PATIENCE);
        next.is_some_and(|next| waits && next != *me && identity::is_alive(&next))
    }

    /// Puts down that this one waits, unless somebody waits longer.
    pub fn wait(&self, me: &ProcessIdentity) -> io::Result<()> {
        if self.is_of_another(me) {
            return Ok(());
        }
        super::replace(&self.0, &serde_json::to_string(me)?)
    }

    /// The one whose turn it was has waited long enough.
    pub fn over(&self) {
        let _ = fs::remove_file(&self.0);
    }
}
