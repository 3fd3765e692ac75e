//! The claim: which lap is being worked on. It reserves nothing and never expires.

use std::io::Write;

use super::save::Lock;
use super::{Folder, ROOT_FILE, Result, Spot};
use crate::laps::file::json::{Json, Node};
use crate::laps::file::{STINT_VERSION, Stamp};
use crate::model::Timestamp;

pub(super) const CLAIM: &str = "claim";

/// What the claim file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The lap.
    pub lap: String,
    /// Its file, relative to the folder; the root when the claim names none.
    pub file: String,
    /// As written.
    pub scope: Option<String>,
    /// As written; a bare claim has none.
    pub claimed_at: Option<Stamp>,
}

impl Claim {
    /// Reads both forms; `Err` for a malformed one.
    pub fn parse(bytes: &[u8]) -> std::result::Result<Option<Claim>, &'static str> {
        let trimmed = bytes.trim_ascii();
        if trimmed.is_empty() {
            return Ok(None);
        }
        let bare = |lap: String| Claim { lap, file: ROOT_FILE.to_owned(), scope: None, claimed_at: None };
        let members = match (Node::parse(trimmed), trimmed[0]) {
            (Ok(Node { value: Json::Object(members), .. }), _) => members,
            (Ok(_), _) => return Err("it is neither an id nor an object"),
            (Err(_), b'{' | b'[' | b'"') => return Err("it is not JSON"),
            (Err(_), _) => return Ok(Some(bare(String::from_utf8_lossy(trimmed).into_owned()))),
        };
        let mut claim = bare(String::new());
        for (key, value) in members {
            let text = match value.value {
                Json::Text(text) => Some(text),
                _ => None,
            };
            match (key.to_ascii_lowercase().as_str(), text) {
                ("lap", Some(lap)) => claim.lap = lap,
                ("file", Some(file)) if file.is_empty() => {}
                ("file", Some(file)) => claim.file = file,
                ("scope", Some(scope)) => claim.scope = Some(scope),
                ("claimedat", Some(at)) => {
                    claim.claimed_at = Some(Stamp::parse(&at).ok_or("`claimedAt` is not a time")?);
                }
                ("lap" | "file" | "scope" | "claimedat", None) => return Err("a value is not a string"),
                _ => {}
            }
        }
        Ok(Some(claim).filter(|claim| !claim.lap.is_empty()))
    }

    fn bytes(&self, version: i64) -> Vec<u8> {
        if version < STINT_VERSION {
            return format!("{}\n", self.lap).into_bytes();
        }
        let text = |text: &str| Node::from(text);
        let mut members = vec![("lap", text(&self.lap)), ("file", text(&self.file))];
        members.extend(self.scope.as_deref().map(|scope| ("scope", text(scope))));
        members.extend(self.claimed_at.as_ref().map(|at| ("claimedAt", text(at.text()))));
        (Node::object(members).compact() + "\n").into_bytes()
    }

    /// `root`, a stint, or a file.
    pub fn scope(&self) -> String {
        let scope = self.scope.clone().filter(|scope| !scope.is_empty());
        scope.unwrap_or_else(|| Folder::scope_of(&self.file))
    }

    /// Whether it names this lap in this file. A bare one knows no file.
    pub fn names(&self, lap: &str, file: &str) -> bool {
        self.lap == lap && (self.file == file || self.is_bare())
    }

    /// Whether it says nothing but the lap.
    pub(super) fn is_bare(&self) -> bool {
        self.scope.is_none() && self.claimed_at.is_none() && self.file == ROOT_FILE
    }
}

impl Folder {
    /// The claim. A malformed one counts as none, and is a warning.
    pub fn claimed(&self) -> Result<Option<Claim>> {
        let Some(bytes) = self.raw(CLAIM)? else { return Ok(None) };
        Ok(Claim::parse(&bytes).unwrap_or_else(|why| {
            self.warn(format!(
                "{} cannot be understood ({why}); it counts for nothing",
                self.path(CLAIM).display()
            ));
            None
        }))
    }
}

impl Lock<'_> {
    /// The claim; a malformed one is moved out of the way.
    pub(super) fn claimed(&self) -> Result<Option<Claim>> {
        let Some(bytes) = self.folder.raw(CLAIM)? else { return Ok(None) };
        match Claim::parse(&bytes) {
            Ok(claim) => Ok(claim),
            Err(why) => {
                // Not into the folder: git would take it for something to commit.
                let aside = tempfile::Builder::new().prefix("laps-claim-malformed-").tempfile().ok();
                let aside = aside.filter(|file| file.as_file().write_all(&bytes).is_ok());
                let aside = aside.and_then(|file| file.keep().ok());
                self.remove(CLAIM)?;
                let place = match aside {
                    Some((_, path)) => format!("moved to {}", path.display()),
                    None => "deleted".to_owned(),
                };
                self.folder.warn(format!(
                    "{} could not be understood ({why}): {place}",
                    self.folder.path(CLAIM).display()
                ));
                Ok(None)
            }
        }
    }

    /// Claims a lap. The same one again keeps its time. Gives the claim that was there before, and whether it is new.
    pub(super) fn take(&self, lap: &str, spot: &Spot, now: Timestamp) -> Result<(Option<Claim>, bool)> {
        let old = self.claimed()?;
        let same = old
            .as_ref()
            .filter(|old| old.names(lap, &spot.file) && (old.is_bare() || old.scope() == spot.scope));
        let claimed_at = same.and_then(|old| old.claimed_at.clone()).unwrap_or_else(|| now.into());
        let fresh = same.is_none();
        let claim = Claim {
            lap: lap.to_owned(),
            file: spot.file.clone(),
            scope: Some(spot.scope.clone()),
            claimed_at: Some(claimed_at),
        };
        let bytes = claim.bytes(spot.tasks.version);
        if self.folder.raw(CLAIM)?.as_ref() != Some(&bytes) {
            self.write(CLAIM, &bytes)?;
        }
        Ok((old, fresh))
    }
}
