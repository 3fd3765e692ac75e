//! Telling one process from a later one with the same pid.

use std::sync::OnceLock;

use procfs::process::{Process, Stat};

use crate::model::ProcessIdentity;

/// This boot's `/proc/sys/kernel/random/boot_id`; empty when it cannot be read, and then no
/// recorded process ever counts as alive.
pub fn boot_id() -> &'static str {
    static BOOT_ID: OnceLock<String> = OnceLock::new();
    BOOT_ID.get_or_init(|| {
        let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        text.trim().to_owned()
    })
}

/// The identity of the process that has this pid now (a zombie has one too); `None` when there is none.
pub fn of(pid: i32) -> Option<ProcessIdentity> {
    let stat = stat(pid)?;
    Some(ProcessIdentity { pid, start_time: stat.starttime, boot_id: boot_id().to_owned() })
}

/// Whether this very process still runs. A zombie is dead.
pub fn is_alive(identity: &ProcessIdentity) -> bool {
    !identity.boot_id.is_empty()
        && identity.boot_id == boot_id()
        && stat(identity.pid).is_some_and(|stat| stat.starttime == identity.start_time && runs(&stat))
}

/// `/proc/PID/stat`.
pub(super) fn stat(pid: i32) -> Option<Stat> {
    if pid <= 0 {
        return None;
    }
    Process::new(pid).ok()?.stat().ok()
}

/// Whether a process is more than a zombie. A leader whose main thread ended while others go on
/// looks like one in `stat`, but has more than one thread.
pub(super) fn runs(stat: &Stat) -> bool {
    !matches!(stat.state, 'Z' | 'X' | 'x') || stat.num_threads > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_process_of_the_same_boot_is_alive() {
        let me = of(std::process::id() as i32).unwrap();
        assert!(is_alive(&me));
        assert!(!is_alive(&ProcessIdentity { start_time: me.start_time + 1, ..me.clone() }));
        assert!(!is_alive(&ProcessIdentity { boot_id: "another boot".into(), ..me.clone() }));
        assert!(!is_alive(&ProcessIdentity { boot_id: String::new(), ..me }));
    }

    #[test]
    fn pids_that_are_none_have_no_identity() {
        for pid in [0, -1, i32::MIN, i32::MAX] {
            assert_eq!(of(pid), None);
        }
    }

    #[test]
    fn a_zombie_is_dead() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id() as i32;
        let identity = of(pid).unwrap();
        let begun = std::time::Instant::now();
        while is_alive(&identity) {
            assert!(begun.elapsed().as_secs() < 30);
            std::thread::yield_now();
        }
        assert_eq!(of(pid), Some(identity));
        child.wait().unwrap();
        assert_eq!(of(pid), None);
    }
}
