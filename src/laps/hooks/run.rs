//! Runs the hooks of a command, one after another.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{MemfdFlags, memfd_create};

use super::{Entry, Stage, Vars};
use crate::laps::folder::Folder;
use crate::process::{Brake, TreeSignal, tree};

/// How long a hook may take.
const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// How often it is looked whether a hook has ended.
const LOOK: Duration = Duration::from_millis(10);

/// Most that is shown of what a hook prints, bytes.
const SHOWN: u64 = 1 << 20;

/// A hook failed; those behind it did not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("hook '{title}' {why}")]
pub struct Failed {
    /// The hook.
    pub title: String,
    /// How.
    pub why: String,
}

/// Runs the hooks that belong to this stage of a command, rally's own left out, in the top of the workspace. Gives
/// what is to be shown of their output to `show`, and to `warn` what their author should know.
pub fn run(
    folder: &Folder,
    entries: &[Entry],
    (stage, command): (Stage, &str),
    vars: &Vars,
    mut show: impl FnMut(&[u8]),
    mut warn: impl FnMut(&str),
) -> Result<(), Failed> {
    let due = entries.iter().filter(|entry| !entry.is_own());
    for entry in due.filter(|entry| entry.command == command && entry.when == stage.name()) {
        if let Some(name) = vars.risk(command, &entry.run) {
            let safe = name.to_uppercase();
            let title = &entry.title;
            warn(&format!(
                "hook '{title}' puts ${name} into its text, where the shell reads it; use \"$LAPS_{safe}\""
            ));
        }
        let bounds = Bounds { patience: PATIENCE, brake: folder.brake() };
        let output = one(&bounds, folder.root(), &vars.fill(command, &entry.run), &vars.environment(command));
        let output = output.map_err(|why| Failed { title: entry.title.clone(), why })?;
        if entry.passback {
            show(&output);
        }
    }
    Ok(())
}

/// How long a hook is waited for.
struct Bounds<'a> {
    patience: Duration,
    brake: &'a Brake,
}

impl Bounds<'_> {
    /// What is wrong with one that has run since then.
    fn passed(&self, begun: Instant) -> Option<String> {
        match self.brake.is_pulled() {
            true => Some("was still running".to_owned()),
            false if begun.elapsed() < self.patience => None,
            false => Some(format!("did not end within {} s", self.patience.as_secs())),
        }
    }
}

fn one(bounds: &Bounds<'_>, root: &Path, text: &str, env: &[(String, String)]) -> Result<Vec<u8>, String> {
    let broken = |e: std::io::Error| format!("cannot be run: {e}");
    // In memory, so that nobody waits for what a hook leaves running.
    let mut output = File::from(memfd_create("hook", MemfdFlags::CLOEXEC).map_err(|e| broken(e.into()))?);
    // In the caller's process group: Ctrl+C is meant for it, too.
    let mut child = Command::new("/bin/sh")
        .args(["-c", text])
        .envs(env.iter().map(|(key, value)| (key, value)))
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(output.try_clone().map_err(broken)?)
        .spawn()
        .map_err(broken)?;
    let begun = Instant::now();
    let status = loop {
        match (child.try_wait().map_err(broken)?, bounds.passed(begun)) {
            (Some(status), _) => break status,
            (None, None) => std::thread::sleep(LOOK),
            (None, Some(trouble)) => {
                // It is not reaped yet, so its number is still its own; what it started goes first to be found.
                let tree = i32::try_from(child.id()).map(tree::living).unwrap_or_default();
                for member in tree {
                    member.send(TreeSignal::Kill);
                }
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{trouble} and was killed"));
            }
        }
    };
    if !status.success() {
        return Err(format!("failed: {status}"));
    }
    let mut printed = Vec::new();
    output.rewind().map_err(broken)?;
    output.take(SHOWN).read_to_end(&mut printed).map_err(broken)?;
    Ok(printed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(title: &str, run: &str) -> Entry {
        let (title, run) = (title.to_owned(), run.to_owned());
        Entry { title, run, command: "done".into(), when: "after".into(), passback: true, ..Entry::default() }
    }

    fn played(entries: &[Entry], vars: &Vars) -> (Result<(), Failed>, String) {
        let mut shown = Vec::new();
        let stage = (Stage::After, "done");
        let end = run(
            &Folder::of("/".as_ref()),
            entries,
            stage,
            vars,
            |bytes| shown.extend_from_slice(bytes),
            |_| {},
        );
        (end, String::from_utf8(shown).unwrap())
    }

    #[test]
    fn order_own_entries_failures_and_input() {
        let mut silent = entry("silent", "echo silent");
        silent.passback = false;
        let before = Entry { when: "before".into(), ..entry("before", "echo before") };
        let entries = [
            entry("one", "cat; pwd; echo \"$LAPS_TITLE\""),
            silent,
            before,
            entry("rally:laps-done", "echo own"),
            entry("bad", "echo lost; exit 3"),
            entry("behind", "echo behind"),
        ];
        let vars = Vars { title: Some("`x` $(y)".into()), ..Vars::default() };
        let (end, shown) = played(&entries, &vars);
        assert_eq!(shown, "/\n`x` $(y)\n");
        let failed = end.unwrap_err();
        assert_eq!(failed.title, "bad");
        assert!(failed.to_string().contains("exit status: 3"), "{failed}");
    }

    // 40-13.15
    #[test]
    fn a_hook_that_hangs_is_ended_and_its_children_are_not_waited_for() {
        let brake = Brake::default();
        let bounds = |millis| Bounds { patience: Duration::from_millis(millis), brake: &brake };
        let end = one(&bounds(50), "/".as_ref(), "sleep 300 | cat", &[]);
        assert!(end.unwrap_err().contains("was killed"));
        brake.pull();
        let end = one(&bounds(100_000), "/".as_ref(), "sleep 300 | cat", &[]);
        assert_eq!(end.unwrap_err(), "was still running and was killed");
        brake.release();
        let own = i32::try_from(std::process::id()).unwrap();
        let left =
            tree::living(own).into_iter().filter(|member| member.describe().command.contains("sleep 300"));
        assert_eq!(left.count(), 0);
        assert_eq!(one(&bounds(100_000), "/".as_ref(), "sleep 3 & echo x", &[]).unwrap(), b"x\n");
    }
}
