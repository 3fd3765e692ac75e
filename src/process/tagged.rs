//! Which processes of this user belong to a try? Every process of a try carries the try's tag in its
//! environment; only one that threw its environment away does not.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::getpid;

use super::tree::Member;
use super::{TAG, identity};

/// The command line of every guard, as rally starts it.
const GUARD: &[u8] = b"rally\0guard\0";

/// A living process that carries a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    /// The process.
    pub member: Member,
    /// The tag: that of the innermost try, when one rally runs inside another.
    pub tag: String,
    /// Whether a guard stands above it, which ends it when its rally is gone.
    pub guarded: bool,
    /// How long it has been running.
    pub age: Duration,
    /// Where it works; `None` when that cannot be seen.
    pub folder: Option<PathBuf>,
}

/// Every living process of this user that carries a tag, the caller and its ancestors left out.
pub fn every() -> Vec<Tagged> {
    let uptime = uptime();
    scan(|_| true)
        .into_iter()
        .map(|(member, tag)| Tagged {
            guarded: ancestors(member.pid).iter().any(|pid| is_guard(*pid)),
            age: uptime.saturating_sub(since_boot(member.start_time)),
            folder: std::fs::read_link(format!("/proc/{}/cwd", member.pid)).ok(),
            member,
            tag,
        })
        .collect()
}

/// The living processes of this user with exactly this tag, the caller and its ancestors left out.
pub(super) fn with_tag(tag: &str) -> Vec<Member> {
    scan(|found| found == tag.as_bytes()).into_iter().map(|(member, _)| member).collect()
}

fn scan(wanted: impl Fn(&[u8]) -> bool) -> Vec<(Member, String)> {
    let uid = rustix::process::geteuid().as_raw();
    let own = getpid().as_raw_pid();
    let mut spared = ancestors(own);
    spared.push(own);
    let entry = format!("{TAG}=");
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| !spared.contains(pid))
        .filter_map(|pid| {
            let path = format!("/proc/{pid}");
            let member = Member::of(pid, |_| true).filter(|member| member.alive)?;
            let ours = std::fs::metadata(&path).is_ok_and(|folder| folder.uid() == uid);
            let environment = std::fs::read(format!("{path}/environ")).ok().filter(|_| ours)?;
            let tags =
                environment.split(|byte| *byte == 0).filter_map(|one| one.strip_prefix(entry.as_bytes()));
            // Whoever empties the variable belongs to no try.
            let tag = tags.into_iter().find(|tag| !tag.is_empty() && wanted(tag))?;
            Some((member, String::from_utf8_lossy(tag).into_owned()))
        })
        .collect()
}

/// Parent, grandparent and so on, the nearest first.
fn ancestors(pid: i32) -> Vec<i32> {
    let mut line: Vec<i32> = Vec::new();
    let mut next = identity::stat(pid).map(|stat| stat.ppid);
    // A pid that was reused while we climbed could lead in circles.
    while let Some(pid) = next.filter(|pid| *pid > 0 && !line.contains(pid)) {
        line.push(pid);
        next = identity::stat(pid).map(|stat| stat.ppid);
    }
    line
}

fn is_guard(pid: i32) -> bool {
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line == GUARD)
}

fn since_boot(ticks: u64) -> Duration {
    let per_second = procfs::ticks_per_second().max(1);
    Duration::from_millis(ticks.saturating_mul(1000) / per_second)
}

/// How long the machine has been up, by the clock that start times are told in.
fn uptime() -> Duration {
    let text = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
    let seconds = text.split(' ').next().and_then(|first| first.parse::<f64>().ok()).unwrap_or(0.0);
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_tagged_process_is_found_with_what_is_known_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let tag = format!("tagged-{}", std::process::id());
        let mut child =
            Command::new("sleep").arg("1000").env(TAG, &tag).current_dir(folder.path()).spawn().unwrap();
        // Until exec, the child still shows the environment of its parent.
        let begun = std::time::Instant::now();
        let found = loop {
            match every().into_iter().find(|process| process.tag == tag) {
                Some(found) => break found,
                None => assert!(begun.elapsed().as_secs() < 30),
            }
        };
        let longer = with_tag(&format!("{tag}0"));
        let exact = with_tag(&tag);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!((found.member.pid, found.guarded), (child.id() as i32, false));
        assert_eq!(found.folder, Some(folder.path().canonicalize().unwrap()));
        assert!(found.age < Duration::from_secs(3600), "{:?}", found.age);
        assert_eq!((exact, longer), (vec![found.member], vec![]));
    }

    #[test]
    fn the_line_of_ancestors_ends() {
        let me = std::process::id() as i32;
        let line = ancestors(me);
        assert!(!line.is_empty() && !line.contains(&me), "{line:?}");
        assert!(ancestors(0).is_empty());
    }
}
