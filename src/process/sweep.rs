//! Ending what is left of a tree whose guard is gone.

use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitOptions, getpid, set_child_subreaper, waitpid};

use super::protocol::TreeSignal;
use super::tree::{self, Member};
use super::{identity, keeper, tagged};
use crate::model::{Leftover, ProcessIdentity};

/// How long a killed process may take to go. Only one that hangs in the kernel takes longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often the tree is walked again.
const REWALK: Duration = Duration::from_millis(5);

/// How long an orphaned guard may take to end its tree.
const GUARD_TIME: Duration = Duration::from_millis(2500);

/// Makes this process the one that orphans of its tree fall to, so that the tree of a killed guard
/// does not fall to pid 1. Call it once when a relay starts.
///
/// # Errors
/// What the system says.
pub fn adopt_orphans() -> std::io::Result<()> {
    Ok(set_child_subreaper(Some(getpid()))?)
}

/// Takes leave of dead orphans that were adopted, so that no zombies pile up over a long relay.
/// `guards` are the pids of guards that still run; keepers and rally's other children, which share
/// its session, are never touched.
pub fn reap_adopted(guards: &[i32]) {
    for member in adopted(guards).into_iter().filter(|member| !member.alive) {
        reap(member.pid);
    }
}

/// Ends what a killed guard left: every process with this tag, and every orphan that fell to rally
/// since [`adopt_orphans`], with all their descendants. Says what it ended.
///
/// Orphans are told from rally's own children by their session: only guards, whose pids are passed
/// in `guards` when they still run, what descends from them, and keepers have another one than rally.
pub async fn sweep_orphans(tag: &str, guards: &[i32]) -> Vec<Leftover> {
    let own = tag.to_owned();
    // It walks all of /proc, and sleeps between its walks.
    let mut swept = tokio::task::spawn_blocking(move || by_tag(&own)).await.unwrap_or_default();
    let begun = Instant::now();
    loop {
        let orphans = adopted(guards);
        if orphans.is_empty() || begun.elapsed() > PATIENCE {
            return swept;
        }
        for orphan in orphans {
            let tree = tree::living(orphan.pid);
            kill([orphan].into_iter().filter(|m| m.alive).chain(tree), &mut swept);
            if !orphan.alive {
                reap(orphan.pid);
            }
        }
        tokio::time::sleep(REWALK).await;
    }
}

/// Ends every process of this user whose environment has exactly this tag, except the caller and
/// its ancestors, and waits at most 5 s until they are gone. For the next start after rally and a
/// guard died together. Says what it ended.
pub fn by_tag(tag: &str) -> Vec<Leftover> {
    let mut swept = Vec::new();
    let mut dying: Vec<Member> = Vec::new();
    let begun = Instant::now();
    loop {
        let found = tagged::with_tag(tag);
        // A dying process may show no environment any more and still not be gone.
        dying
            .retain(|member| Member::of(member.pid, |_| true).is_some_and(|now| now.alive && now.is(member)));
        if (found.is_empty() && dying.is_empty()) || begun.elapsed() > PATIENCE {
            return swept;
        }
        dying.extend(&found);
        kill(found.into_iter(), &mut swept);
        std::thread::sleep(REWALK);
    }
}

/// Waits until the guard of a rally that died has done its work, then ends it and its tree if
/// it cannot (it may be stopped). Says what it ended.
pub fn of_guard(guard: &ProcessIdentity) -> Vec<Leftover> {
    let mut swept = Vec::new();
    let begun = Instant::now();
    while identity::is_alive(guard) && begun.elapsed() < PATIENCE {
        if begun.elapsed() > GUARD_TIME {
            let tree = tree::living(guard.pid);
            if tree.is_empty() {
                kill(Member::of(guard.pid, |_| true).into_iter(), &mut swept);
            } else {
                kill(tree.into_iter(), &mut swept);
            }
        }
        std::thread::sleep(REWALK);
    }
    swept
}

/// Kills each member and notes those that are new.
fn kill(members: impl Iterator<Item = Member>, swept: &mut Vec<Leftover>) {
    for member in members {
        let leftover = member.describe();
        if member.send(TreeSignal::Kill) && swept.iter().all(|known| known.pid != leftover.pid) {
            swept.push(leftover);
        }
    }
}

/// This process's children that it did not start itself.
fn adopted(guards: &[i32]) -> Vec<Member> {
    // Read from procfs like the children's: where the session's leader is outside this pid namespace
    // (the usual case in a container) the number is 0 for all of them, and no valid `Pid`.
    let Some(own) = identity::stat(getpid().as_raw_pid()) else { return Vec::new() };
    let mut children = tree::children(getpid().as_raw_pid());
    children.retain(|child| {
        child.session != own.session && !guards.contains(&child.pid) && !keeper::is_keeper(child.pid)
    });
    children
}

/// One by one: waiting for "any child" would steal exit statuses from the runtime.
fn reap(pid: i32) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = waitpid(Some(pid), WaitOptions::NOHANG);
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    // A dying process shows no environment any more while the system takes its memory back.
    #[test]
    fn who_was_swept_is_gone() {
        let tag = format!("sweep-{}", std::process::id());
        let mut child = Command::new("dd")
            .args(["if=/dev/zero", "of=/dev/null", "bs=100M"])
            .env(super::super::TAG, &tag)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let process = identity::of(child.id() as i32).unwrap();
        let begun = Instant::now();
        while identity::stat(process.pid).unwrap().rss < 20_000 {
            assert!(begun.elapsed().as_secs() < 30);
        }
        let swept = by_tag(&tag);
        let alive = identity::is_alive(&process);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!alive);
        assert_eq!(swept.iter().map(|leftover| leftover.pid).collect::<Vec<_>>(), [process.pid]);
    }
}
