//! What crashes left behind: processes of tries that nobody watches, and folders of cut tries.
//!
//! A process is this workspace's when it carries the tag of a try in its journal. While no rally holds
//! the workspace, nobody watches it; any other tagged process is left alone as long as a guard stands
//! above it, and is only named when none does: its own workspace can tell whose it is.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::finding::{Finding, Group, Level};
use crate::model::text;
use crate::process::sweep;
use crate::process::tagged::{self, Tagged};
use crate::relay::scratch;
use crate::store::digest::StartedTry;
use crate::store::{Layout, StoreError, journal};

/// A process of a try that nobody watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Orphan {
    pid: i32,
    command: String,
    /// How long it has been running, in seconds.
    age_secs: u64,
    /// Value of `RALLY_TRY`.
    tag: String,
    /// The try of this workspace that it belongs to; `null` when it is another's.
    try_id: Option<u64>,
    /// Where it works.
    folder: Option<String>,
}

/// What was found.
#[derive(Debug, Default, Serialize)]
pub struct Leftovers {
    /// Processes.
    pub orphans: Vec<Orphan>,
    /// Folders of cut tries.
    pub scratch: Vec<String>,
}

/// What `--reap` did.
#[derive(Debug, Default, Serialize)]
pub struct Reaped {
    /// Processes that were ended.
    ended: Vec<Ended>,
    /// Folders that were removed.
    removed: Vec<String>,
    /// Folders that could not be removed, and why.
    kept: Vec<String>,
    /// What was taken back in files of the CLIs, or why it could not be.
    pub(super) repaired: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Ended {
    pid: i32,
    command: String,
    try_id: u64,
}

/// Looks for leftovers, given the tries of the journal and whether a rally holds the workspace.
pub fn gather(tries: &[StartedTry], held: bool) -> Leftovers {
    let found = tagged::every();
    let orphans = found.into_iter().filter_map(|process| {
        let try_id = owner(tries, &process.tag);
        is_orphan(try_id.is_some(), held, process.guarded).then(|| Orphan::new(process, try_id))
    });
    Leftovers {
        orphans: orphans.collect(),
        scratch: if held {
            Vec::new()
        } else {
            scratch_of(tries).into_iter().map(|(folder, _)| folder).collect()
        },
    }
}

/// Whether nobody watches a process. A rally that holds the workspace watches all that is its own.
fn is_orphan(ours: bool, held: bool, guarded: bool) -> bool {
    if ours { !held } else { !guarded }
}

fn owner(tries: &[StartedTry], tag: &str) -> Option<u64> {
    tries.iter().find(|known| known.started.tag == tag).map(|known| known.started.try_id)
}

/// The folders of tries that are still there, with the tags of their tries.
fn scratch_of(tries: &[StartedTry]) -> Vec<(String, &str)> {
    tries
        .iter()
        .filter_map(|known| Some((known.started.scratch.clone()?, known.started.tag.as_str())))
        .filter(|(folder, tag)| scratch::is_of(Path::new(folder), tag))
        .filter(|(folder, _)| Path::new(folder).symlink_metadata().is_ok())
        .collect()
}

impl Orphan {
    fn new(process: Tagged, try_id: Option<u64>) -> Orphan {
        let described = process.member.describe();
        Orphan {
            pid: described.pid,
            command: described.command,
            age_secs: process.age.as_secs(),
            tag: process.tag,
            try_id,
            folder: process.folder.map(|folder| folder.display().to_string()),
        }
    }
}

/// Ends the orphans of this workspace and removes the folders of its tries. The caller holds the workspace,
/// so that no try of its journal can be running.
pub fn reap(layout: &Layout) -> Result<Reaped, StoreError> {
    let (digest, _) = journal::load(layout)?;
    let mut reaped = Reaped::default();
    // A guard that is still at work knows its tree best.
    for known in digest.tries.values() {
        if let Some((_, guard)) = &known.processes {
            reaped.ended(sweep::of_guard(guard), known);
        }
    }
    // One look for all, so that only the tags that are alive are searched for.
    let alive: Vec<String> = tagged::every().into_iter().map(|process| process.tag).collect();
    for known in digest.tries.values().filter(|known| alive.contains(&known.started.tag)) {
        reaped.ended(sweep::by_tag(&known.started.tag), known);
    }
    let tries: Vec<StartedTry> = digest.tries.into_values().collect();
    for (folder, tag) in scratch_of(&tries) {
        match scratch::remove(Path::new(&folder), tag) {
            Ok(()) => reaped.removed.push(folder),
            Err(error) => reaped.kept.push(format!("{folder}: {error}")),
        }
    }
    Ok(reaped)
}

impl Reaped {
    fn ended(&mut self, leftovers: Vec<crate::model::Leftover>, known: &StartedTry) {
        let try_id = known.started.try_id;
        self.ended.extend(leftovers.into_iter().map(|l| Ended { pid: l.pid, command: l.command, try_id }));
    }
}

/// What is to be said about them.
pub fn findings(leftovers: &Leftovers, reaped: Option<&Reaped>) -> Vec<Finding> {
    let say = |level, subject: &str, text: String| Finding::new(Group::Leftovers, level, subject, text);
    let mut findings = Vec::new();
    if let Some(reaped) = reaped {
        for Ended { pid, command, try_id } in &reaped.ended {
            findings.push(say(Level::Ok, "ended", format!("{pid} of try {try_id}: {command}")));
        }
        findings.extend(reaped.removed.iter().map(|folder| say(Level::Ok, "removed", folder.clone())));
        findings.extend(reaped.repaired.iter().map(|text| say(Level::Note, "settings", text.clone())));
        findings.extend(
            reaped
                .kept
                .iter()
                .map(|kept| say(Level::Warning, "folder", format!("cannot be removed: {kept}"))),
        );
    }
    for orphan in &leftovers.orphans {
        let age = text::duration(Duration::from_secs(orphan.age_secs));
        let what = format!("{}, running for {age}: {}", orphan.pid, orphan.command);
        findings.push(match (orphan.try_id, &orphan.folder) {
            (Some(try_id), _) => say(Level::Problem, "orphan", format!("of try {try_id}: {what}")).way_out(
                if reaped.is_some() { "it cannot be ended" } else { "`rally doctor --reap` ends it" },
            ),
            (None, folder) => {
                let place = folder.as_deref().map(|folder| format!(", in {folder}")).unwrap_or_default();
                say(Level::Warning, "orphan", format!("of no try of this workspace{place}: {what}"))
                    .way_out("`rally doctor --reap` in its own workspace ends it")
            }
        });
    }
    // With --reap, what is still there has been told above.
    for folder in leftovers.scratch.iter().filter(|_| reaped.is_none()) {
        let text = format!("{folder} is left of a cut try");
        findings.push(
            say(Level::Note, "folder", text).way_out("`rally doctor --reap` or the next relay removes it"),
        );
    }
    if findings.is_empty() {
        findings.push(say(Level::Ok, "processes", "none".to_owned()));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_an_orphan() {
        // Ours: as soon as nobody holds the workspace, whatever guard is above by chance.
        let table = [
            (true, true, true, false),
            (true, true, false, false),
            (true, false, true, true),
            (true, false, false, true),
            (false, true, true, false),
            (false, false, true, false),
            (false, true, false, true),
            (false, false, false, true),
        ];
        for (ours, held, guarded, orphan) in table {
            assert_eq!(is_orphan(ours, held, guarded), orphan, "{ours} {held} {guarded}");
        }
    }

    #[test]
    fn only_folders_that_rally_made_are_leftovers() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(&path).unwrap();
            path.display().to_string()
        };
        let known = |tag: &str, scratch: &str| {
            let started = serde_json::json!({
                "try_id": 1, "relay_id": 1, "run_id": 1, "attempt": 1, "tag": tag, "harness": "claude",
                "scratch": scratch, "log_path": ""
            });
            StartedTry {
                at: crate::model::Timestamp::UNIX_EPOCH,
                started: serde_json::from_value(started).unwrap(),
                processes: None,
                session_id: None,
                spent: crate::model::Spent::default(),
                resolved: None,
            }
        };
        let (tag, other) = ("602d111b-7d5f-4f6c-9d31-0c6a4a1f2b3c", "702d111b-7d5f-4f6c-9d31-0c6a4a1f2b3c");
        let own = place(&format!("rally-{tag}"));
        let gone = folder.path().join(format!("rally-{other}")).display().to_string();
        let tries = [known(tag, &own), known(other, &gone), known(other, &place("rally-project"))];
        assert_eq!(scratch_of(&tries), [(own, tag)]);
    }

    fn orphan(try_id: Option<u64>) -> Orphan {
        let (command, tag) = ("sleep 300".to_owned(), "t".to_owned());
        Orphan { pid: 42, command, age_secs: 75, tag, try_id, folder: Some("/other".into()) }
    }

    fn told(leftovers: &Leftovers, reaped: Option<&Reaped>) -> Vec<(Level, String)> {
        findings(leftovers, reaped).into_iter().map(|finding| (finding.level, finding.text)).collect()
    }

    #[test]
    fn only_orphans_of_this_workspace_are_problems() {
        assert_eq!(told(&Leftovers::default(), None), [(Level::Ok, "none".to_owned())]);
        let both =
            Leftovers { orphans: vec![orphan(Some(3)), orphan(None)], scratch: vec!["/tmp/rally-t".into()] };
        let expected = [
            (Level::Problem, "of try 3: 42, running for 1m 15s: sleep 300".to_owned()),
            (
                Level::Warning,
                "of no try of this workspace, in /other: 42, running for 1m 15s: sleep 300".to_owned(),
            ),
            (Level::Note, "/tmp/rally-t is left of a cut try".to_owned()),
        ];
        assert_eq!(told(&both, None), expected);
        let reaped = Reaped {
            ended: vec![Ended { pid: 42, command: "sleep 300".into(), try_id: 3 }],
            removed: vec!["/tmp/rally-t".into()],
            kept: vec!["/tmp/rally-u: denied".into()],
            repaired: Vec::new(),
        };
        let expected = [
            (Level::Ok, "42 of try 3: sleep 300".to_owned()),
            (Level::Ok, "/tmp/rally-t".to_owned()),
            (Level::Warning, "cannot be removed: /tmp/rally-u: denied".to_owned()),
        ];
        assert_eq!(told(&Leftovers::default(), Some(&reaped)), expected);
    }
}
