//! The log that opencode keeps on disk: `<data>/opencode/log/opencode.log`, shared by all its processes, or in older
//! versions a file per process, named after its start.
//!
//! It is the second choice: the same lines come on standard error, and a process that ends at once leaves its
//! last ones out of the file. Only what belongs to the try counts: its session when known, else those that were
//! made in its folder since it began. Another session's failure proves nothing, whatever its provider.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::log_line::LogLine;
use super::trouble::Trouble;
use crate::executor::{DiskQuery, log_end};
use crate::model::Evidence;

/// How far a line may lie after the try's end.
const SLACK: SignedDuration = SignedDuration::from_secs(5);

/// Name of this source in evidence.
pub(super) const SOURCE: &str = "opencode_disk_log";

/// Why the try's session failed, if the log in `folder` says so.
pub(super) fn evidence(folder: &Path, query: &DiskQuery<'_>) -> Option<Evidence> {
    let text = log_end::read(&newest(folder)?)?;
    let until = query.now.checked_add(SLACK).unwrap_or(query.now);
    let within = |line: &LogLine| line.at.is_some_and(|at| at >= query.since && at <= until);
    let lines: Vec<LogLine> = text.lines().filter_map(LogLine::read).filter(within).collect();
    let sessions = match query.session_id {
        Some(session) => BTreeSet::from([session]),
        None => made_in(query.workspace, &lines),
    };
    let ours = |line: &&LogLine| sessions.contains(line.session.as_str());
    let runs: BTreeSet<&str> = lines.iter().filter(ours).map(|line| line.run.as_str()).collect();
    let mut trouble = Trouble::default();
    for line in &lines {
        // What names no session belongs to the process that serves ours.
        let same_process =
            line.session.is_empty() && !line.run.is_empty() && runs.contains(line.run.as_str());
        if ours(&line) || same_process {
            trouble.take(line);
        }
    }
    trouble.evidence(SOURCE, query.now, &TimeZone::system())
}

/// The sessions that were made in this folder.
fn made_in<'a>(workspace: &Path, lines: &'a [LogLine]) -> BTreeSet<&'a str> {
    let resolved = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let workspace = resolved(workspace);
    let made = lines.iter().filter(|line| {
        line.message == "created"
            && !line.session.is_empty()
            && resolved(Path::new(&line.directory)) == workspace
    });
    made.map(|line| line.session.as_str()).collect()
}

/// The one log of today's versions, else the file that was written to last.
fn newest(folder: &Path) -> Option<PathBuf> {
    let today = folder.join("opencode.log");
    if today.is_file() {
        return Some(today);
    }
    let files = fs::read_dir(folder).ok()?.filter_map(|entry| {
        let path = entry.ok()?.path();
        let log = path.is_file() && path.extension().is_some_and(|extension| extension == "log");
        log.then_some((path.metadata().ok()?.modified().ok()?, path))
    });
    files.max().map(|(_, path)| path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::{Executor, HarnessSpec, Opencode};
    use crate::model::{Category, Timestamp};

    const SINCE: &str = "2026-11-23T09:00:00Z";
    const NOW: &str = "2026-11-23T10:00:00Z";

    struct Disk {
        home: tempfile::TempDir,
        workspace: PathBuf,
    }

    impl Disk {
        fn new() -> Disk {
            let home = tempfile::tempdir().unwrap();
            let workspace = home.path().join("work");
            fs::create_dir_all(&workspace).unwrap();
            fs::create_dir_all(home.path().join("data/opencode/log")).unwrap();
            Disk { home, workspace }
        }

        fn write(&self, name: &str, text: &str) {
            fs::write(self.home.path().join("data/opencode/log").join(name), text).unwrap();
        }

        fn ask(&self, session_id: Option<&str>) -> Option<Evidence> {
            let data = self.home.path().join("data").to_str().unwrap().to_owned();
            let opencode = Opencode::new(HarnessSpec {
                extra_env: vec![("XDG_DATA_HOME".into(), data)],
                ..HarnessSpec::plain("opencode", "opencode")
            });
            opencode.disk_evidence(&DiskQuery {
                session_id,
                workspace: &self.workspace,
                since: SINCE.parse().unwrap(),
                now: NOW.parse().unwrap(),
            })
        }

        fn found(&self, session_id: Option<&str>, lines: &[String]) -> Option<Evidence> {
            self.write("opencode.log", &lines.concat());
            self.ask(session_id)
        }

        fn created(&self, session: &str) -> String {
            line(
                "09:30:00",
                "INFO",
                &format!("message=created id={session} directory={}", self.workspace.display()),
            )
        }
    }

    fn line(at: &str, level: &str, rest: &str) -> String {
        format!("timestamp=2026-11-23T{at}.000Z level={level} run=r1 {rest}\n")
    }

    fn stream_error(at: &str, session: &str, agent: &str, text: &str) -> String {
        line(
            at,
            "ERROR",
            &format!(
                r#"message="stream error" providerID=opencode-go session.id={session} agent={agent} error.error="{text}""#
            ),
        )
    }

    const WEEK: &str =
        "AI_RetryError: Failed after 3 attempts. Last error: Monthly usage limit reached. Resets in 7 days.";

    /// Days from the time at which the lines were written, give or take some minutes.
    fn days(evidence: &Evidence) -> Option<i64> {
        let told: Timestamp = "2026-11-23T09:30:00Z".parse().unwrap();
        Some(evidence.reset_at?.duration_since(told).as_hours() / 24)
    }

    // 20-AF-OC-16, 20-AF-OC-28: also when only the title's request was refused in words
    #[test]
    fn the_session_that_was_made_in_this_folder() {
        let disk = Disk::new();
        let lines = [
            disk.created("ses_right"),
            stream_error(
                "09:31:00",
                "ses_other",
                "build",
                "AI_APICallError: Monthly usage limit reached. Resets in 2 days.",
            ),
            line(
                "09:31:30",
                "INFO",
                "message=stream providerID=opencode-go session.id=ses_right agent=build",
            ),
            stream_error("09:32:00", "ses_right", "title", WEEK),
        ];
        let evidence = disk.found(None, &lines).unwrap();
        assert_eq!((evidence.category, evidence.source.as_str()), (Some(Category::UsageLimit), SOURCE));
        assert_eq!(days(&evidence), Some(7));
        assert_eq!(disk.found(Some("ses_right"), &lines).unwrap(), evidence);
        assert_eq!(days(&disk.found(Some("ses_other"), &lines).unwrap()), Some(2));
    }

    // 20-AF-OC-17, taken otherwise: neither an older line nor another session's is ours, whatever the provider
    #[test]
    fn lines_of_others_prove_nothing() {
        let disk = Disk::new();
        let other = disk.home.path().join("else");
        let lines = [
            stream_error("08:58:00", "ses_right", "build", WEEK),
            stream_error("10:30:00", "ses_right", "build", WEEK),
            line("09:30:00", "INFO", &format!("message=created id=ses_other directory={}", other.display())),
            stream_error("09:31:00", "ses_other", "build", WEEK),
        ];
        assert_eq!(disk.found(None, &lines), None);
        assert_eq!(disk.found(Some("ses_right"), &lines), None);
        fs::remove_dir_all(disk.home.path().join("data")).unwrap();
        assert_eq!(disk.ask(Some("ses_right")), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_may_be_reached_by_a_link() {
        let mut disk = Disk::new();
        let lines = [disk.created("ses_right"), stream_error("09:31:00", "ses_right", "build", WEEK)];
        let link = disk.home.path().join("link");
        std::os::unix::fs::symlink(&disk.workspace, &link).unwrap();
        disk.workspace = link;
        assert_eq!(days(&disk.found(None, &lines).unwrap()), Some(7));
    }

    // 20-AF-OC-18, 20-AF-OC-25
    #[test]
    fn other_errors_of_the_session() {
        let disk = Disk::new();
        let error = |message: &str| {
            line("09:31:00", "ERROR", &format!(r#"message="{message}" session.id=ses_right"#))
        };
        for (message, category) in [
            ("API key invalid", Category::AuthOrProxy),
            ("Monthly usage limit reached. Resets in 3 days.", Category::UsageLimit),
            ("something weird happened", Category::AgentError),
        ] {
            let evidence = disk.found(Some("ses_right"), &[error(message)]).unwrap();
            assert_eq!((evidence.category, evidence.message.as_str()), (Some(category), message));
        }
        // 20-AF-OC-27: the newest counts; 20-AF-OC-22: bounded
        let long = "x".repeat(500);
        let lines: Vec<String> = (0..30).map(|n| error(&format!("#{n} {long}"))).collect();
        let message = disk.found(Some("ses_right"), &lines).unwrap().message;
        assert!(message.starts_with("#29 ") && message.chars().count() == 200);
    }

    // 20-AF-OC-19, 20-AF-OC-20, 20-AF-OC-21, 20-AF-OC-26, taken otherwise: warnings come in every run without a network
    // and markers in every run; nothing is made of either
    #[test]
    fn markers_and_warnings_prove_nothing() {
        let disk = Disk::new();
        let lines = [
            disk.created("ses_right"),
            line("09:31:00", "INFO", "message=loop session.id=ses_right step=0"),
            line("09:31:00", "INFO", "message=stream session.id=ses_right agent=build"),
            line(
                "09:31:01",
                "INFO",
                "message=evaluated permission=bash pattern=\"echo usage limit\" session.id=ses_right",
            ),
            line("09:31:02", "WARN", "message=\"background dependency install failed\" session.id=ses_right"),
            stream_error("09:31:03", "ses_right", "title", "AI_APICallError: Unsupported parameter"),
        ];
        assert_eq!(disk.found(None, &lines), None);
    }

    #[test]
    fn a_request_that_was_mended_is_no_reason() {
        let disk = Disk::new();
        let lines = [
            stream_error("09:31:00", "ses_right", "build", WEEK),
            line("09:32:00", "INFO", "message=loop session.id=ses_right step=1"),
        ];
        assert_eq!(disk.found(Some("ses_right"), &lines), None);
    }

    #[test]
    fn what_the_inner_server_could_not_do_names_no_session() {
        let disk = Disk::new();
        let failed = |run: &str| {
            line(
                "09:31:00",
                "ERROR",
                r#"message=failed ref=err_1 error="ProviderModelNotFoundError: Model not found: a/b.""#,
            )
            .replace("run=r1", run)
        };
        let evidence = disk.found(None, &[disk.created("ses_right"), failed("run=r1")]).unwrap();
        assert_eq!(evidence.category, Some(Category::InvalidModel));
        assert_eq!(disk.found(None, &[disk.created("ses_right"), failed("run=r2")]), None);
    }

    #[test]
    fn only_the_end_of_a_long_log_is_read() {
        let disk = Disk::new();
        let filler = line("09:31:30", "INFO", "message=loop session.id=ses_else").repeat(20_000);
        let lost = stream_error("09:31:00", "ses_right", "build", WEEK);
        let kept = stream_error("09:32:00", "ses_right", "build", "AI_APICallError: Overloaded");
        let evidence = disk.found(Some("ses_right"), &[lost.clone(), filler.clone(), kept]).unwrap();
        assert_eq!(evidence.category, Some(Category::ProviderOverloaded));
        assert_eq!(disk.found(Some("ses_right"), &[lost, filler]), None);
    }

    #[test]
    fn older_versions_keep_a_file_per_process() {
        let disk = Disk::new();
        let error = r#"ERROR 2026-11-23T09:31:00 +1ms service=llm sessionID=ses_right agent=build error={"error":{"name":"AI_APICallError","message":"Monthly usage limit reached. Resets in 7 days."}} stream error"#;
        disk.write("2026-11-23T093000.log", error);
        assert_eq!(days(&disk.ask(Some("ses_right")).unwrap()), Some(7));
    }
}
