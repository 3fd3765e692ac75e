//! The logs that Antigravity keeps in its own folder, one per process: for versions that write theirs there whatever
//! file they were given.
//!
//! Names hold only the time of the start, and all of the user's sessions are in one folder. So a log counts only
//! if it was written during the try and speaks of its session, or of its workspace where the session is not known.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use super::complaints::{Complaints, Told, said_at};
use super::glog;
use crate::executor::DiskQuery;
use crate::failure::brief;
use crate::model::{Category, Evidence, Timestamp};

/// How much of a log's end is read.
const END: u64 = 1 << 20;

/// How much of its beginning, where session and workspace are named.
const BEGINNING: u64 = 64 << 10;

/// Most logs that are opened, the newest first.
const MOST: usize = 20;

/// Name of this source in evidence.
pub(super) const SOURCE: &str = "antigravity_log";

/// Why the session failed, if its log says so.
pub(super) fn evidence(folder: &Path, query: &DiskQuery<'_>) -> Option<Evidence> {
    let zone = TimeZone::system();
    candidates(folder, query).into_iter().take(MOST).find_map(|path| {
        let (beginning, end) = read(&path)?;
        let ours = match query.session_id {
            Some("") => false,
            Some(session) => beginning.contains(session) || end.contains(session),
            None => {
                let workspace = query.workspace.to_string_lossy();
                names(&beginning, &workspace) || names(&end, &workspace)
            }
        };
        ours.then(|| last_error(&end, query, &zone)).flatten()
    })
}

/// Whether a text names this folder or something in it, and not a neighbour whose name merely begins like it.
fn names(text: &str, folder: &str) -> bool {
    let folder = folder.trim_end_matches('/');
    !folder.is_empty()
        && text.match_indices(folder).any(|(at, _)| {
            let begins =
                !text[..at].ends_with(|before: char| before.is_alphanumeric() || "_-.".contains(before));
            let rest = &text[at + folder.len()..];
            // A full stop may be the sentence's.
            let rest = rest.strip_prefix('.').filter(|rest| !rest.starts_with('.')).unwrap_or(rest);
            let stopped = rest.len() < text.len() - at - folder.len();
            let next = rest.chars().next();
            let ends = match next {
                None => true,
                Some(next) if stopped => next.is_whitespace(),
                Some(next) => next.is_whitespace() || "/\"'`,;:()[]{}<>|".contains(next),
            };
            begins && ends
        })
}

/// Logs that were written during the try, the newest first.
fn candidates(folder: &Path, query: &DiskQuery<'_>) -> Vec<PathBuf> {
    let mut found: Vec<(Timestamp, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let named = name.to_str().is_some_and(|name| name.starts_with("cli-") && name.ends_with(".log"));
        let modified = || Timestamp::try_from(entry.metadata().ok()?.modified().ok()?).ok();
        if named && let Some(at) = modified().filter(|at| *at >= query.since) {
            found.push((at, entry.path()));
        }
    }
    found.sort();
    found.into_iter().rev().map(|(_, path)| path).collect()
}

fn read(path: &Path) -> Option<(String, String)> {
    // A pipe in its place would block.
    let length = path.metadata().ok().filter(|found| found.is_file())?.len();
    let mut file = File::open(path).ok()?;
    let mut part = |from, length| {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(from)).ok()?;
        (&mut file).take(length).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    let from = length.saturating_sub(END);
    let beginning = if from == 0 { String::new() } else { part(0, BEGINNING)? };
    Some((beginning, part(from, END)?))
}

/// The last error that proves something, else the last one.
fn last_error(log: &str, query: &DiskQuery<'_>, zone: &TimeZone) -> Option<Evidence> {
    let mut complaints = Complaints::default();
    for line in log.lines().filter_map(glog::line) {
        let at = said_at(&line, query.now, zone);
        // A session that goes on for days has older errors in the same log; times are to the second.
        if at.as_second() < query.since.as_second() {
            continue;
        }
        match line.error() {
            Some(text) => complaints.push(Told { at, text }),
            // Without a time of its own it tells nothing about what came before.
            None if line.is_info && line.time(query.now, zone).is_some() => complaints.goes_on(at),
            None => {}
        }
    }
    let proof = complaints.standing(query.now).find_map(|error| error.proof(zone));
    let mut evidence = proof.or_else(|| {
        let last = complaints.standing(query.now).next()?;
        Some(Evidence::new("", Some(Category::UnidentifiedIssue), brief(&last.text)))
    })?;
    evidence.source = SOURCE.to_owned();
    Some(evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::{SignedDuration, ToSpan};

    const SESSION: &str = "8eb5b287-eadb-4fc6-ae08-ae5f1ae773f3";
    const LOGIN: &str =
        "Failed to poll ListExperiments: error getting token source: You are not logged into Antigravity";

    struct Logs(tempfile::TempDir);

    impl Logs {
        fn new() -> Logs {
            Logs(tempfile::tempdir().unwrap())
        }

        /// Writes a log that is this old.
        fn put(&self, name: &str, text: &str, minutes_old: i64) {
            let path = self.0.path().join(name);
            std::fs::write(&path, text).unwrap();
            let at = now().checked_sub(minutes_old.minutes()).unwrap();
            File::options().write(true).open(path).unwrap().set_modified(at.into()).unwrap();
        }

        fn found(&self, session_id: Option<&str>) -> Option<Evidence> {
            let since = now() - SignedDuration::from_mins(10);
            evidence(
                self.0.path(),
                &DiskQuery { session_id, workspace: Path::new("/w/repo"), since, now: now() },
            )
        }
    }

    fn now() -> Timestamp {
        "2026-11-23T10:00:00Z".parse().unwrap()
    }

    fn log(session: &str, error: &str) -> String {
        format!(
            "I1123 printmode.go:130] Print mode: conversation={session}, sending message\n\
             context before\nE1123 main.go:7] {error}\nW1123 main.go:8] later\nI1123 main.go:9] bye\n"
        )
    }

    // 20-AF-AG-09 (deviation: the newest log of this very session)
    #[test]
    fn the_newest_log_of_this_session_in_this_try() {
        let logs = Logs::new();
        logs.put("cli-1.log", &log(SESSION, "Individual quota reached. Resets in 4h"), 3);
        logs.put("cli-2.log", &log(SESSION, LOGIN), 2);
        logs.put("cli-3.log", &log("another", "invalid model selection"), 1);
        logs.put("not-cli.log", &log(SESSION, "invalid model selection"), 0);
        assert_eq!(logs.found(Some(SESSION)).unwrap().category, Some(Category::AuthOrProxy));
        logs.put("cli-2.log", &log(SESSION, LOGIN), 11);
        assert_eq!(logs.found(Some(SESSION)).unwrap().category, Some(Category::UsageLimit));
        logs.put("cli-1.log", &log(SESSION, LOGIN), 11);
        assert_eq!(logs.found(Some(SESSION)), None);
    }

    #[test]
    fn without_a_session_the_workspace_tells() {
        let logs = Logs::new();
        logs.put("cli-1.log", &format!("I1123 a.go:1] cwd=/w/repo\nE1123 a.go:2] {LOGIN}\n"), 1);
        assert_eq!(logs.found(None).unwrap().category, Some(Category::AuthOrProxy));
        assert_eq!(logs.found(Some(SESSION)), None);
        logs.put("cli-1.log", &format!("I1123 a.go:1] cwd=/w/other\nE1123 a.go:2] {LOGIN}\n"), 1);
        assert_eq!(logs.found(None), None);
    }

    // 20-AF-AG-10, 20-AF-AG-11; deviation: the message is the error alone, without the lines around it
    #[test]
    fn errors_alone_and_no_secrets() {
        let logs = Logs::new();
        let secret = format!("{}E1123 a.go:2] cannot read /home/me/oauth_creds.json\n", log(SESSION, LOGIN));
        logs.put("cli-1.log", &secret, 1);
        let found = logs.found(Some(SESSION)).unwrap();
        assert_eq!((found.source.as_str(), found.message.as_str()), (SOURCE, LOGIN));
        logs.put("cli-1.log", &log(SESSION, &"strange ".repeat(500)), 1);
        let found = logs.found(Some(SESSION)).unwrap();
        assert_eq!(found.category, Some(Category::UnidentifiedIssue));
        assert!(found.message.chars().count() <= 256);
        // Warnings and what the model wrote are no errors.
        logs.put("cli-1.log", &format!("W1123 a.go:1] {SESSION}\nE: {LOGIN}\n{LOGIN}\n"), 1);
        assert_eq!(logs.found(Some(SESSION)), None);
    }

    // 20-AF-AG-12
    #[test]
    fn a_quota_with_its_end() {
        let logs = Logs::new();
        let quota =
            "model unreachable: RESOURCE_EXHAUSTED (code 429): Individual quota reached. Resets in 4h";
        // An error after it that proves nothing does not hide it.
        logs.put("cli-1.log", &format!("{}E1123 a.go:1] cannot flush\n", log(SESSION, quota)), 1);
        let found = logs.found(Some(SESSION)).unwrap();
        assert_eq!(found.category, Some(Category::UsageLimit));
        assert_eq!(found.reset_at, Some("2026-11-23T14:00:00Z".parse().unwrap()));
    }

    #[test]
    fn older_errors_of_a_long_session_do_not_count() {
        let logs = Logs::new();
        let at = |ago: i64| {
            let at = now().checked_sub(ago.minutes()).unwrap().to_zoned(TimeZone::system());
            at.strftime("E%m%d %H:%M:%S.000000 1 a.go:1]").to_string()
        };
        logs.put("cli-1.log", &format!("I1123 a.go:1] {SESSION}\n{} {LOGIN}\n", at(11)), 1);
        assert_eq!(logs.found(Some(SESSION)), None);
        logs.put("cli-1.log", &format!("I1123 a.go:1] {SESSION}\n{} {LOGIN}\n", at(4)), 1);
        assert!(logs.found(Some(SESSION)).is_some());
    }

    #[test]
    fn a_span_counts_from_when_it_was_said_and_an_error_that_was_overcome_not_at_all() {
        let logs = Logs::new();
        let quota = "Individual quota reached. Resets in 4h";
        let at = |level: &str, ago: i64| {
            let at = now().checked_sub(ago.seconds()).unwrap().to_zoned(TimeZone::system());
            level.to_owned() + &at.strftime("%m%d %H:%M:%S.000000 1 a.go:1]").to_string()
        };
        let error = format!("I1123 a.go:1] {SESSION}\n{} {quota}\n", at("E", 240));
        logs.put("cli-1.log", &error, 1);
        let found = logs.found(Some(SESSION)).unwrap();
        assert_eq!(found.reset_at, Some("2026-11-23T13:56:00Z".parse().unwrap()));
        logs.put("cli-1.log", &format!("{error}{} giving up\n", at("I", 230)), 1);
        assert!(logs.found(Some(SESSION)).is_some());
        logs.put("cli-1.log", &format!("{error}{} step 7\n", at("I", 100)), 1);
        assert_eq!(logs.found(Some(SESSION)), None);
    }

    #[test]
    fn a_neighbour_is_another_folder() {
        for text in
            ["cwd=/w/repo", "in \"/w/repo\",", "file:///w/repo/src/a.rs", "it is /w/repo. So", "/w/repo."]
        {
            assert!(names(text, "/w/repo") && names(text, "/w/repo/"), "{text}");
        }
        for text in
            ["cwd=/w/repo2", "/w/repo-old/x", "/w/repo.git", "/mnt/w/repo", "/w/repo..", "/w/repo_1", ""]
        {
            assert!(!names(text, "/w/repo"), "{text}");
        }
        assert!(!names("/", "/") && !names("x", ""));
        let logs = Logs::new();
        logs.put("cli-1.log", &format!("I1123 a.go:1] cwd=/w/repo2\nE1123 a.go:2] {LOGIN}\n"), 1);
        assert_eq!(logs.found(None), None);
    }

    // 20-AF-AG-13
    #[test]
    fn nothing_there_is_nothing_known() {
        let logs = Logs::new();
        assert_eq!(logs.found(Some(SESSION)), None);
        assert_eq!(logs.found(Some("")), None);
        let query = DiskQuery { session_id: None, workspace: Path::new(""), since: now(), now: now() };
        assert_eq!(evidence(Path::new("/nonexistent"), &query), None);
    }
}
