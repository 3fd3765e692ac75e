//! Does the system have what rally's hold on process trees rests on?

use rustix::process::{PidfdFlags, child_subreaper, getpid, pidfd_open};
use serde::Serialize;

use super::finding::{Finding, Group, Level};
use crate::process::identity;

/// What the system can do.
#[derive(Debug, Serialize)]
pub struct Platform {
    /// `linux` and the like.
    os: &'static str,
    /// The kernel's release.
    kernel: String,
    /// Whether `/proc` tells processes and boots apart.
    procfs: bool,
    /// Whether `/proc` tells the children of a process.
    children: bool,
    /// Whether orphans can be made to fall to rally.
    subreaper: bool,
    /// Whether a process can be signalled without mistaking it for another.
    pidfd: bool,
}

/// Asks the system.
pub fn gather() -> Platform {
    let own = getpid();
    let pid = own.as_raw_pid();
    Platform {
        os: std::env::consts::OS,
        kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
        procfs: identity::of(pid).is_some() && !identity::boot_id().is_empty(),
        children: std::fs::read(format!("/proc/{pid}/task/{pid}/children")).is_ok(),
        subreaper: child_subreaper().is_ok(),
        pidfd: pidfd_open(own, PidfdFlags::empty()).is_ok(),
    }
}

/// What is to be said about it.
pub fn findings(platform: &Platform) -> Vec<Finding> {
    let say = |level, subject: &str, text: &str| Finding::new(Group::Platform, level, subject, text);
    let name = format!("{} {}", platform.os, platform.kernel);
    let mut findings = vec![match platform.os {
        "linux" => say(Level::Ok, "system", &name),
        _ => say(Level::Problem, "system", &format!("{name}: rally knows Linux only")),
    }];
    let needs = [
        (platform.procfs, Level::Problem, "/proc", "cannot be used: no agent can be started or found again"),
        (platform.pidfd, Level::Problem, "pidfd", "is not there: no process can be ended safely"),
        (
            platform.children,
            Level::Warning,
            "/proc",
            "does not tell children: leftovers of an agent may survive it",
        ),
        (
            platform.subreaper,
            Level::Note,
            "subreaper",
            "is not there: what a killed guard leaves is found by its tag alone",
        ),
    ];
    findings.extend(
        needs.iter().filter(|need| !need.0).map(|(_, level, subject, text)| say(*level, subject, text)),
    );
    if findings.len() == 1 {
        findings.push(say(Level::Ok, "processes", "/proc, pidfd and child subreaper are there"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> Platform {
        Platform {
            os: "linux",
            kernel: "6.1".into(),
            procfs: true,
            children: true,
            subreaper: true,
            pidfd: true,
        }
    }

    #[test]
    fn what_is_missing_is_told() {
        let table = [
            (whole(), vec![Level::Ok, Level::Ok]),
            (Platform { os: "macos", ..whole() }, vec![Level::Problem, Level::Ok]),
            (Platform { procfs: false, ..whole() }, vec![Level::Ok, Level::Problem]),
            (Platform { pidfd: false, ..whole() }, vec![Level::Ok, Level::Problem]),
            (Platform { children: false, ..whole() }, vec![Level::Ok, Level::Warning]),
            (Platform { subreaper: false, ..whole() }, vec![Level::Ok, Level::Note]),
        ];
        for (platform, levels) in table {
            let found: Vec<Level> = findings(&platform).iter().map(|finding| finding.level).collect();
            assert_eq!(found, levels, "{platform:?}");
        }
    }

    #[test]
    fn this_machine_has_it_all() {
        let platform = gather();
        assert!(platform.procfs && platform.children && platform.subreaper && platform.pidfd, "{platform:?}");
    }
}
