//! Real error texts, each played to the real parser of its CLI and judged as the relay judges it.
//!
//! The texts stand in `corpus/*.toml`, a file per CLI, as people have quoted them (a text may be cut, and what a terminal
//! has wrapped may be joined) or as a recording has them. Of a row:
//!
//! * `source`: where it was seen: a thread on GitHub, a recording of the CLI (`transcript CLI/NAME`), a fact's number.
//! * `carrier`: how the CLI delivers it, see [`wire`]. `name`, `error`, `status`, `retryable`, `header` (the provider's
//!   `retry-after`) and `body` are fields of that event; `exit` is how the process ended, code 1 unless told.
//! * `now`: when it was said. Times without a zone are local, because the text's are.
//! * `category`, and `cause`, `reset_at`, `reset_in` (a span from `now`), `retry_after` (seconds): the verdict. What is
//!   left out must not be found.

mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::SignedDuration;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rally::executor::{DiskQuery, Ending, finding};
use rally::model::{Category, Evidence, Exit, Timestamp, time};
use serde::Deserialize;

use wire::Cli;

/// When a text was said that does not tell.
const NOW: &str = "2026-11-23T10:00:00Z";

/// As promised; there may be more.
const AT_LEAST: usize = 150;

#[derive(Debug, Deserialize)]
struct File {
    text: Vec<Row>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    source: String,
    carrier: String,
    name: Option<String>,
    error: Option<String>,
    status: Option<u16>,
    #[serde(default)]
    retryable: bool,
    header: Option<String>,
    body: Option<String>,
    exit: Option<Ended>,
    #[serde(default)]
    text: String,
    now: Option<String>,
    category: Category,
    cause: Option<String>,
    reset_at: Option<String>,
    reset_in: Option<String>,
    retry_after: Option<f64>,
}

/// A code, or `signal 15`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Ended {
    Code(i32),
    Signal(String),
}

impl Row {
    fn exit(&self) -> Exit {
        match &self.exit {
            None => Exit::Code(1),
            Some(Ended::Code(code)) => Exit::Code(*code),
            Some(Ended::Signal(name)) => Exit::Signal(name.strip_prefix("signal ").unwrap().parse().unwrap()),
        }
    }

    fn now(&self, cli: Cli) -> Timestamp {
        match &self.now {
            Some(now) => instant(now),
            // Its parser looks at the clock itself.
            None if cli == Cli::Antigravity => time::now(),
            None => instant(NOW),
        }
    }

    fn expected_reset(&self, now: Timestamp) -> Option<Timestamp> {
        let span = |span: &String| now + span.parse::<SignedDuration>().unwrap();
        self.reset_at.as_deref().map(instant).or_else(|| self.reset_in.as_ref().map(span))
    }

    /// What is wrong with the verdict.
    fn complaints(&self, cli: Cli, now: Timestamp, found: &Evidence) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut hold = |what: &str, expected: String, found: String| {
            if expected != found {
                wrong.push(format!("{what}: expected {expected}, found {found}"));
            }
        };
        hold("category", format!("{:?}", Some(self.category)), format!("{:?}", found.category));
        hold("cause", format!("{:?}", self.cause), format!("{:?}", found.cause));
        let wait = found.retry_after.map(|wait| (wait.as_secs_f64() * 1000.0).round() / 1000.0);
        hold("retry_after", format!("{:?}", self.retry_after), format!("{wait:?}"));
        let expected = self.expected_reset(now);
        let slack = SignedDuration::from_mins(if cli == Cli::Antigravity { 1 } else { 0 });
        let near = |expected: Timestamp, found: Timestamp| expected.duration_since(found).abs() <= slack;
        match (expected, found.reset_at) {
            (Some(expected), Some(found)) if near(expected, found) => {}
            (expected, found) => hold("reset_at", format!("{expected:?}"), format!("{found:?}")),
        }
        if found.message.is_empty() || found.source.is_empty() {
            wrong.push(format!("no word, or no source: {found:?}"));
        }
        wrong
    }
}

/// With a zone, else local.
fn instant(text: &str) -> Timestamp {
    let local = || text.parse::<DateTime>().unwrap().to_zoned(TimeZone::system()).unwrap().timestamp();
    text.parse().unwrap_or_else(|_| local())
}

fn rows() -> Vec<(Cli, Row)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/verdicts/corpus");
    let read = |cli: Cli| {
        let path = folder.join(format!("{}.toml", cli.name()));
        let text = std::fs::read_to_string(&path).unwrap();
        let file: File = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        file.text.into_iter().map(move |row| (cli, row))
    };
    Cli::ALL.into_iter().flat_map(read).collect()
}

fn judge(cli: Cli, row: &Row, now: Timestamp) -> Evidence {
    let said = wire::play(cli, row, now);
    let since = now - SignedDuration::from_mins(10);
    let query = DiskQuery {
        session_id: said.report.session_id.as_deref(),
        workspace: said.workspace.path(),
        since,
        now,
    };
    let ending = Ending { report: &said.report, unborn: None, exit: Some(row.exit()), oom: false };
    finding(Some(said.executor.as_ref()), &query, &ending, &TimeZone::system())
}

// 50-R23
#[test]
fn every_text_is_judged_right() {
    let rows = rows();
    let mut wrong = Vec::new();
    for (cli, row) in &rows {
        let now = row.now(*cli);
        let found = judge(*cli, row, now);
        let complaints = row.complaints(*cli, now, &found);
        if !complaints.is_empty() {
            let place = format!("{} ({}, {})", cli.name(), row.carrier, row.source);
            wrong.push(format!("{place}: {:?}\n    {}\n    {found:?}", row.text, complaints.join("; ")));
        }
    }
    assert!(wrong.is_empty(), "{} of {} are judged wrong:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn the_corpus_is_what_it_promises() {
    let rows = rows();
    let distinct: BTreeSet<_> = rows
        .iter()
        .map(|(cli, row)| (cli.name(), &row.carrier, &row.text, row.status, &row.header))
        .collect();
    assert!(distinct.len() >= AT_LEAST, "only {} distinct texts", distinct.len());
    let mut categories: BTreeMap<&str, usize> = BTreeMap::new();
    for (cli, row) in &rows {
        assert!(!row.source.trim().is_empty(), "{}: {:?} has no source", cli.name(), row.text);
        *categories.entry(row.category.label()).or_default() += 1;
    }
    // Every category that a CLI can produce; work without an end is for the relay to see.
    for category in Category::ALL {
        let some = categories.contains_key(category.label());
        assert_eq!(some, category != Category::IncompleteFinalization, "{}", category.label());
    }
    let limits = |(_, row): &&(Cli, Row)| {
        matches!(row.category, Category::UsageLimit | Category::ShortRateLimit | Category::ProviderOverloaded)
    };
    let none = rows.len() - rows.iter().filter(limits).count();
    assert!(none * 5 >= rows.len(), "too few texts must not become a limit: {none} of {}", rows.len());
}
