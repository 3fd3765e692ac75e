//! The kinds of trouble, and how each is made.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use rustix::process::Signal;

use crate::holder::Held;
use crate::relay::{PATIENCE, Relay, send};
use crate::scene::{GROWING, Scene};
use crate::support::{Sandbox, SmallDisk};

/// The longest that is waited for the moment of a strike: a relay of three runs takes about so long.
const RELAY: u64 = 1200;

/// One kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    RallyKilled,
    GuardKilled,
    BothKilled,
    KilledAtGit,
    KilledAtJournal,
    Stopped,
    Signalled,
    StateDamaged,
    ViewsDamaged,
    IndexLocked,
    HookFails,
    Detached,
    Rebase,
    TerminalClosed,
    KilledInTerminal,
    Rival,
    DiskFull,
    Truncated,
}

impl Fault {
    pub const ALL: [Fault; 18] = [
        Fault::RallyKilled,
        Fault::GuardKilled,
        Fault::BothKilled,
        Fault::KilledAtGit,
        Fault::KilledAtJournal,
        Fault::Stopped,
        Fault::Signalled,
        Fault::StateDamaged,
        Fault::ViewsDamaged,
        Fault::IndexLocked,
        Fault::HookFails,
        Fault::Detached,
        Fault::Rebase,
        Fault::TerminalClosed,
        Fault::KilledInTerminal,
        Fault::Rival,
        Fault::DiskFull,
        Fault::Truncated,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Fault::RallyKilled => "rally killed",
            Fault::GuardKilled => "guard killed",
            Fault::BothKilled => "rally and guard killed",
            Fault::KilledAtGit => "killed at a git call",
            Fault::KilledAtJournal => "killed at a journal line",
            Fault::Stopped => "stopped and continued",
            Fault::Signalled => "ended by a signal",
            Fault::StateDamaged => "state files damaged",
            Fault::ViewsDamaged => "derived files damaged",
            Fault::IndexLocked => "index locked",
            Fault::HookFails => "commit hook fails",
            Fault::Detached => "HEAD detached",
            Fault::Rebase => "in the middle of a rebase",
            Fault::TerminalClosed => "terminal closed",
            Fault::KilledInTerminal => "killed in a terminal",
            Fault::Rival => "a second relay",
            Fault::DiskFull => "disk full",
            Fault::Truncated => "state files truncated",
        }
    }

    /// Why it cannot be made on this machine.
    pub fn impossible_here(self) -> Option<String> {
        (self == Fault::TerminalClosed && crate::support::under_nohup())
            .then(|| "hang-ups are ignored here, as under nohup".into())
    }

    /// What the repository's configuration says.
    pub fn configuration(self) -> &'static str {
        if self == Fault::HookFails { "run_hooks_on_autocommit = true\n" } else { "" }
    }

    /// Whether what was killed may leave processes that only the next start can end.
    pub fn may_leave_orphans(self) -> bool {
        self == Fault::BothKilled
    }

    /// Whether lines of the state files may be bad.
    pub fn damages_state(self) -> bool {
        matches!(self, Fault::StateDamaged | Fault::Truncated)
    }

    /// Whether some commits cannot be made.
    pub fn hinders_commits(self) -> bool {
        matches!(self, Fault::IndexLocked | Fault::HookFails | Fault::Rebase)
    }

    /// Whether whole records may be gone, which nobody can give back.
    pub fn takes_records(self) -> bool {
        self == Fault::Truncated
    }

    pub fn leaves_the_index_in_conflict(self) -> bool {
        self == Fault::Rebase
    }

    /// Brings the repository into the state in which the relays find it.
    pub fn prepare(self, sandbox: &Sandbox) {
        match self {
            Fault::KilledAtGit => shim(sandbox),
            Fault::HookFails => {
                let hook = sandbox.repo().join(".git/hooks/pre-commit");
                std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
                std::fs::write(&hook, "#!/bin/sh\necho no >&2\nexit 1\n").unwrap();
                std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
            }
            Fault::Detached => drop(sandbox.git(["checkout", "-q", "--detach"])),
            Fault::Rebase => {
                sandbox.git(["checkout", "-q", "-b", "side"]);
                sandbox.write("both.txt", "side\n");
                sandbox.git(["add", "both.txt"]);
                sandbox.git(["commit", "-q", "-m", "side"]);
                sandbox.git(["checkout", "-q", "main"]);
                sandbox.write("both.txt", "main\n");
                sandbox.git(["add", "both.txt"]);
                sandbox.git(["commit", "-q", "-m", "main"]);
                let rebase = sandbox.command("git").args(["rebase", "-q", "side"]).output().unwrap();
                assert!(!rebase.status.success(), "the rebase stands in a conflict");
            }
            _ => {}
        }
    }

    /// Takes away what would hinder the last relay.
    pub fn undo(self, sandbox: &Sandbox) {
        match self {
            Fault::IndexLocked => drop(std::fs::remove_file(sandbox.repo().join(".git/index.lock"))),
            Fault::KilledAtGit => drop(std::fs::remove_file(sandbox.notes().join("kill-at"))),
            _ => {}
        }
    }

    /// Whether HEAD, branch and rebase stand as they stood.
    pub fn footing(self, sandbox: &Sandbox) -> Vec<String> {
        let git = sandbox.repo().join(".git");
        let head = std::fs::read_to_string(git.join("HEAD")).unwrap();
        let on_branch = head == "ref: refs/heads/main\n";
        let mut problems = Vec::new();
        if on_branch == matches!(self, Fault::Detached | Fault::Rebase) {
            problems.push(format!("HEAD is now {head}"));
        }
        if self == Fault::Rebase {
            let conflict = sandbox.git(["ls-files", "-u", "both.txt"]);
            if !git.join("rebase-merge").exists() || conflict.is_empty() {
                problems.push("the user's rebase is no longer there".into());
            }
        }
        problems
    }

    /// Lets a relay run, makes the trouble, and sees it end.
    pub fn strike(self, scene: &mut Scene, arguments: &[&str]) {
        if matches!(self, Fault::TerminalClosed | Fault::KilledInTerminal) {
            return self.in_terminal(scene, arguments);
        }
        if self == Fault::KilledAtGit {
            let (at, when) = (scene.dice.u32(1..45), if scene.dice.bool() { "before" } else { "after" });
            std::fs::write(scene.sandbox.notes().join("kill-at"), format!("{at} {when}")).unwrap();
            std::fs::write(scene.sandbox.notes().join("git-calls"), "0").unwrap();
        }
        let mut relay = Relay::start(&scene.sandbox, arguments, scene.relays);
        match self {
            Fault::RallyKilled | Fault::Detached | Fault::Rebase | Fault::HookFails => {
                let moment = scene.moment(RELAY);
                if relay.lives(moment, || false) {
                    relay.kill();
                    scene.strike("rally killed");
                }
            }
            Fault::GuardKilled => {
                for _ in 0..scene.dice.u32(1..4) {
                    let moment = scene.moment(RELAY / 3);
                    if relay.lives(moment, || false)
                        && let Some(guard) = relay.guard()
                    {
                        send(guard, Signal::KILL);
                        scene.strike("guard killed");
                    }
                }
                ends(scene, &mut relay);
            }
            Fault::BothKilled => {
                let moment = scene.moment(RELAY);
                if relay.lives(moment, || false) {
                    relay.signal(Signal::STOP);
                    if let Some(guard) = relay.guard() {
                        send(guard, Signal::KILL);
                        scene.strike("guard killed");
                    }
                    relay.kill();
                    scene.strike("rally killed");
                }
            }
            Fault::KilledAtGit => {
                let status = relay.end();
                if status
                    .is_some_and(|status| std::os::unix::process::ExitStatusExt::signal(&status) == Some(9))
                {
                    scene.strike("rally killed at a git call");
                } else if status.is_none() {
                    scene.violated("a relay does not end");
                }
            }
            Fault::KilledAtJournal => {
                let journal = scene.sandbox.repo().join(GROWING[2]);
                let lines =
                    || std::fs::read(&journal).map_or(0, |text| text.iter().filter(|b| **b == b'\n').count());
                let wanted = lines() + scene.dice.usize(1..14);
                if relay.lives(PATIENCE, || lines() >= wanted) {
                    relay.kill();
                    let last = scene.sandbox.whole_or_bad(GROWING[2]).pop().unwrap_or_default();
                    scene.strike(format!("rally killed at {}", last["fact"].as_str().unwrap_or("nothing")));
                }
            }
            Fault::Stopped => {
                for _ in 0..scene.dice.u32(1..5) {
                    let (moment, span) = (scene.moment(RELAY / 3), scene.moment(400));
                    if !relay.lives(moment, || false) {
                        break;
                    }
                    let guard = relay.guard().filter(|_| scene.dice.bool());
                    let pid = guard.unwrap_or(relay.pid());
                    send(pid, Signal::STOP);
                    std::thread::sleep(span);
                    send(pid, Signal::CONT);
                    scene.strike(if guard.is_some() { "guard stopped" } else { "rally stopped" });
                }
                ends(scene, &mut relay);
            }
            Fault::Signalled => {
                let signals = [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT];
                let signal = signals[scene.dice.usize(..signals.len())];
                let moment = scene.moment(RELAY);
                if relay.lives(moment, || false) {
                    relay.signal(signal);
                    scene.strike(format!("rally sent {signal:?}"));
                }
                ends(scene, &mut relay);
            }
            Fault::StateDamaged | Fault::ViewsDamaged | Fault::Truncated => {
                let moment = scene.moment(RELAY);
                if relay.lives(moment, || false) {
                    relay.kill();
                    scene.strike("rally killed");
                }
                scene.sandbox.wait_until_nobody_is_left();
                match self {
                    Fault::StateDamaged => damage_state(scene),
                    Fault::Truncated => truncate(scene),
                    _ => damage_views(scene),
                }
            }
            Fault::IndexLocked => {
                let (moment, span) = (scene.moment(RELAY / 2), scene.moment(RELAY / 2));
                let lock = scene.sandbox.repo().join(".git/index.lock");
                if relay.lives(moment, || false) && std::fs::File::create_new(&lock).is_ok() {
                    scene.strike("index locked");
                    relay.lives(span, || false);
                    if std::fs::remove_file(&lock).is_err() {
                        scene.violated("somebody else's index.lock was removed");
                    }
                }
                ends(scene, &mut relay);
            }
            Fault::Rival => {
                let moment = scene.moment(RELAY);
                if relay.lives(moment, || scene.sandbox.repo().join(GROWING[2]).exists()) {
                    let rival = scene.sandbox.relay(&["--new", "-i", "1", "--agent", "cc", "rival"]);
                    // It may have won, before or after the other.
                    if rival.status.code() == Some(75) {
                        scene.strike("second relay refused");
                    }
                }
                ends(scene, &mut relay);
            }
            Fault::DiskFull => {
                let (moment, span) = (scene.moment(RELAY), scene.moment(RELAY));
                let filler = relay.lives(moment, || false).then(|| scene.disk.as_ref().map(SmallDisk::fill));
                if let Some(filler) = filler.flatten() {
                    scene.strike("disk filled");
                    if relay.lives(span, || false) && scene.dice.bool() {
                        relay.kill();
                        scene.strike("rally killed");
                    }
                    std::fs::remove_file(filler).unwrap();
                }
                ends(scene, &mut relay);
            }
            Fault::TerminalClosed | Fault::KilledInTerminal => {}
        }
    }

    fn in_terminal(self, scene: &mut Scene, arguments: &[&str]) {
        let mut held = Held::start(&scene.sandbox, arguments);
        let moment = scene.moment(RELAY);
        let end = std::time::Instant::now() + moment;
        while std::time::Instant::now() < end && scene.sandbox.alive().contains(&held.pid) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let was_raw = held.is_raw();
        if self == Fault::KilledInTerminal {
            send(held.pid, Signal::KILL);
            scene.strike(if was_raw {
                "rally killed with single keys"
            } else {
                "rally killed in a terminal"
            });
            let end = std::time::Instant::now() + PATIENCE;
            while !held.is_restored() && std::time::Instant::now() < end {
                std::thread::sleep(Duration::from_millis(5));
            }
            if !held.is_restored() {
                scene.violated("the terminal was not restored");
            }
        } else {
            scene.strike("terminal closed");
        }
        held.close();
    }
}

/// Sees a relay end by itself.
fn ends(scene: &mut Scene, relay: &mut Relay) {
    if relay.end().is_none() {
        scene.violated("a relay does not end");
        relay.kill();
    }
}

/// A `git` that kills the rally which called it, at one of its calls, before or after the real one.
fn shim(sandbox: &Sandbox) {
    let notes = sandbox.notes();
    let script = format!(
        r#"S='{}'
real() {{ PATH=/usr/local/bin:/usr/bin:/bin; exec git "$@"; }}
[ -e "$S/kill-at" ] && [ "$(cat /proc/$PPID/comm)" = rally ] || real "$@"
read -r at when < "$S/kill-at"
n=$(( $(cat "$S/git-calls") + 1 )); echo $n > "$S/git-calls"
[ "$n" = "$at" ] || real "$@"
if [ "$when" = after ]; then (real "$@"); fi
kill -9 $PPID"#,
        notes.display()
    );
    sandbox.program("git", &script);
}

/// Adds what a crash, another writer or a bad disk may leave: never takes away what was acknowledged.
fn damage_state(scene: &mut Scene) {
    let name = GROWING[scene.dice.usize(..GROWING.len())];
    let path = scene.sandbox.repo().join(name);
    let Ok(mut bytes) = std::fs::read(&path) else { return };
    match scene.dice.u32(..5) {
        0 => {
            let torn = cut_line(scene, &bytes);
            bytes.extend(torn);
            scene.strike("torn tail");
        }
        1 => {
            bytes.extend([0; 300]);
            scene.strike("zeroes at the end");
        }
        2 => {
            bytes.extend(b"not json at all \xff\xfe\n");
            scene.strike("garbage line at the end");
        }
        3 => {
            let mut torn = cut_line(scene, &bytes);
            torn.push(b'\n');
            let ends: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] == b'\n').collect();
            let at = if ends.is_empty() { 0 } else { ends[scene.dice.usize(..ends.len())] + 1 };
            bytes.splice(at..at, torn);
            scene.strike("torn line in the middle");
        }
        _ => {
            if bytes.last() == Some(&b'\n') {
                bytes.pop();
            }
            scene.strike("last newline missing");
        }
    }
    std::fs::write(&path, &bytes).unwrap();
    scene.seen.remove(name);
}

/// The beginning of one of the file's lines.
fn cut_line(scene: &mut Scene, bytes: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').filter(|line| line.len() > 2).collect();
    if lines.is_empty() {
        return b"{\"v\":".to_vec();
    }
    let line = lines[scene.dice.usize(..lines.len())];
    line[..scene.dice.usize(1..line.len())].to_vec()
}

/// Takes away the end of a file, as a repair by hand or by a file system may.
fn truncate(scene: &mut Scene) {
    let name = GROWING[scene.dice.usize(..GROWING.len())];
    let path = scene.sandbox.repo().join(name);
    let Ok(bytes) = std::fs::read(&path) else { return };
    let at = scene.dice.usize(..=bytes.len());
    std::fs::write(&path, &bytes[..at]).unwrap();
    scene.strike("end cut off");
    scene.seen.remove(name);
}

/// Breaks what can be made anew from the rest.
fn damage_views(scene: &mut Scene) {
    let path = scene.sandbox.repo().join(".rally/state/run-state.json");
    match scene.dice.u32(..4) {
        0 => drop(std::fs::remove_file(&path)),
        1 => std::fs::write(&path, "").unwrap(),
        2 => std::fs::write(&path, "{\"v\":1,").unwrap(),
        _ => std::fs::write(&path, [0; 64]).unwrap(),
    }
    scene.strike("run-state.json damaged");
}
