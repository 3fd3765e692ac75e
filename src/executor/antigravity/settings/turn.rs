//! Whose turn it is: who waits for the settings is not overtaken by who comes later, or again and again.
//!
//! A file beside the settings names the process that has waited longest. It is rewritten whenever that one asks
//! again, so an old file is of one that has given up. Read and written under the lock alone.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::Trouble;
use super::files;
use super::journal::Holder;
use crate::model::ProcessIdentity;

/// Who has not asked for so long does not wait any more: some times the pause between two questions.
const PATIENCE: Duration = Duration::from_secs(5);

/// The file that names who is next.
#[derive(Debug, Clone)]
pub(super) struct Turn(pub PathBuf);

impl Turn {
    /// Who is next, if anybody still waits.
    fn next(&self) -> Option<ProcessIdentity> {
        let text = files::read(&self.0).ok()??;
        let asked = self.0.metadata().and_then(|found| found.modified()).ok()?;
        let waits = asked.elapsed().unwrap_or_default() <= PATIENCE;
        let next = serde_json::from_str::<Holder>(&text).ok()?;
        (waits && next.may_run()).then_some(next.who)
    }

    /// Whether somebody else is next.
    pub fn is_of_another(&self, me: &ProcessIdentity) -> bool {
        self.next().is_some_and(|next| next != *me)
    }

    /// Puts down that this one waits, unless somebody waits longer.
    pub fn wait(&self, me: &ProcessIdentity) -> Result<(), Trouble> {
        if self.is_of_another(me) {
            return Ok(());
        }
        let text = serde_json::to_string(&Holder::here(me.clone())).map_err(std::io::Error::from)?;
        Ok(files::replace(&self.0, &text)?)
    }

    /// The one whose turn it was has waited long enough, or does not wait any more.
    pub fn over(&self) {
        let _ = fs::remove_file(&self.0);
    }

    /// Removes the file of one that has given up.
    pub fn sweep(&self) {
        if self.0.exists() && self.next().is_none() {
            self.over();
        }
    }
}
