//! Transcripts that look like a used-up account and are none, and a few that look alike and are one.
//!
//! Each is read by the real parser of its CLI, in whole and in pieces, and judged as a try is. A false limit puts a
//! whole account out for hours, so where nothing is proved the verdict has to be another one.

use std::time::Duration;

use jiff::tz::TimeZone;
use rally::executor::{self, DiskQuery, Ending, Executor, HarnessSpec, Report, Request, Stream};
use rally::model::{Category, Evidence, Exit, Outcome, Timestamp};
use rally::relay::life::Stop;
use rally::relay::outcome::{self, Observed, Work};

mod antigravity;
mod bait;
mod claude;
mod codex;
mod custom;
mod disk;
mod gemini;
mod matrix;
mod opencode;
mod true_limits;

const NOW: &str = "2026-11-22T20:00:00Z";

/// A folder that is not there.
const NOWHERE: &str = "/nonexistent";

/// What a CLI printed, how it ended, and what is true about it.
struct Transcript {
    name: String,
    executor: Box<dyn Executor>,
    output: Vec<(Stream, Vec<u8>)>,
    exit: Option<Exit>,
    stop: Option<Stop>,
    /// The outcome, and the category of a failure.
    expected: (Outcome, Option<Category>),
}

impl Transcript {
    fn new(executor: Box<dyn Executor>, name: &str) -> Transcript {
        Transcript {
            name: format!("{}: {name}", executor.harness()),
            executor,
            output: Vec::new(),
            exit: Some(Exit::Code(0)),
            stop: None,
            expected: (Outcome::Completed, None),
        }
    }

    /// Bytes of a stream, as they are.
    fn bytes(mut self, stream: Stream, bytes: impl Into<Vec<u8>>) -> Transcript {
        self.output.push((stream, bytes.into()));
        self
    }

    /// Lines of standard output.
    fn out(self, lines: &[impl ToString]) -> Transcript {
        let text: String = lines.iter().map(|line| line.to_string() + "\n").collect();
        self.bytes(Stream::Stdout, text)
    }

    /// Lines of standard error.
    fn err(self, lines: &[&str]) -> Transcript {
        let stream = match self.executor.harness() {
            // One pipe for both.
            "claude" => Stream::Stdout,
            _ => Stream::Stderr,
        };
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        self.bytes(stream, text)
    }

    /// Lines of the CLI's own log.
    fn log(self, lines: &[&str]) -> Transcript {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        self.bytes(Stream::Log, text)
    }

    fn exits(self, code: i32) -> Transcript {
        Transcript { exit: Some(Exit::Code(code)), ..self }
    }

    fn killed(self, signal: i32) -> Transcript {
        Transcript { exit: Some(Exit::Signal(signal)), ..self }
    }

    fn stopped(self, stop: Stop) -> Transcript {
        Transcript { stop: Some(stop), ..self }
    }

    /// It failed, and this is true.
    fn fails(self, category: Category) -> Transcript {
        Transcript { expected: (Outcome::Failed, Some(category)), ..self }
    }

    /// Its time was up, and nothing else is known.
    fn times_out(self) -> Transcript {
        let expected = (Outcome::RunTimeout, Some(Category::UnidentifiedIssue));
        Transcript { expected, ..self }
    }

    fn report(&self, chunk: usize) -> Report {
        let mut parser = self.executor.parser(&request());
        let mut events = Vec::new();
        for (stream, bytes) in &self.output {
            for piece in bytes.chunks(chunk) {
                parser.feed(*stream, piece, &mut events);
            }
        }
        parser.finish(self.exit, now())
    }

    /// As a try is judged.
    fn judged(&self, chunk: usize) -> (Outcome, Option<Evidence>) {
        let report = self.report(chunk);
        let query = DiskQuery {
            session_id: report.session_id.as_deref(),
            workspace: NOWHERE.as_ref(),
            since: "2026-11-22T19:00:00Z".parse().unwrap(),
            now: now(),
        };
        let ending = Ending { report: &report, unborn: None, exit: self.exit, oom: false };
        let finding = || executor::finding(Some(&*self.executor), &query, &ending, &TimeZone::UTC);
        let verdict = outcome::decide(Observed {
            work: Work::Free,
            stop: self.stop.as_ref(),
            report: &report,
            changes: Some(&["made.txt".to_owned()]),
            runtime: Duration::from_secs(600),
            require_changes: true,
            handoff: false,
            finding: &finding,
        });
        (verdict.outcome, verdict.failure.map(|failure| failure.evidence))
    }

    /// What is wrong with the verdict, if anything.
    fn wrong(&self) -> Option<String> {
        let length: usize = self.output.iter().map(|(_, bytes)| bytes.len()).sum();
        let pieces = if length > 1 << 20 { 50_021 } else { 7 };
        let verdicts = [usize::MAX, pieces].map(|chunk| self.judged(chunk));
        let seen = verdicts.map(|(outcome, evidence)| {
            let category =
                evidence.as_ref().map(|evidence| evidence.category.unwrap_or(Category::UnidentifiedIssue));
            ((outcome, category), evidence)
        });
        let (verdict, evidence) = seen.into_iter().find(|(verdict, _)| *verdict != self.expected)?;
        Some(format!("{}: {verdict:?}, not {:?}: {evidence:?}", self.name, self.expected))
    }
}

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn request() -> Request<'static> {
    Request::new("do it", NOWHERE.as_ref(), NOWHERE.as_ref())
}

/// A built-in CLI that finds nothing on disk.
fn spec(name: &str) -> HarnessSpec {
    spec_at(name, NOWHERE)
}

/// A built-in CLI that keeps everything in this folder.
fn spec_at(name: &str, home: &str) -> HarnessSpec {
    let variables = ["HOME", "CLAUDE_CONFIG_DIR", "CODEX_HOME", "XDG_DATA_HOME", "GEMINI_CLI_HOME"];
    let extra_env = variables.map(|variable| (variable.to_owned(), home.to_owned())).into();
    HarnessSpec { extra_env, ..HarnessSpec::plain(name, name) }
}

fn all_true(transcripts: &[Transcript]) {
    let wrong: Vec<String> = transcripts.iter().filter_map(Transcript::wrong).collect();
    assert!(wrong.is_empty(), "{} false verdicts:\n  {}\n", wrong.len(), wrong.join("\n  "));
}

/// Whether a category puts somebody out, or is not the agent's own doing.
fn blames_the_provider(category: Category) -> bool {
    matches!(
        category,
        Category::UsageLimit
            | Category::ShortRateLimit
            | Category::ProviderOverloaded
            | Category::TransientInfra
            | Category::AuthOrProxy
            | Category::InvalidModel
    )
}

// 50-R23, 20-20 #1, #2
#[test]
fn no_disguise_gives_a_false_verdict() {
    let transcripts: Vec<Transcript> = [
        claude::transcripts(),
        codex::transcripts(),
        gemini::transcripts(),
        opencode::transcripts(),
        antigravity::transcripts(),
        custom::transcripts(),
    ]
    .into_iter()
    .flatten()
    .collect();
    assert!(transcripts.len() >= 50, "{}", transcripts.len());
    for transcript in &transcripts {
        let innocent = transcript.expected.1.is_none_or(|category| !blames_the_provider(category));
        assert!(innocent, "{}: this one belongs to the true limits", transcript.name);
    }
    all_true(&transcripts);
}

// 50-R23: so that nobody can pass by looking away
#[test]
fn in_the_same_disguise_a_true_limit_is_found() {
    let transcripts = true_limits::transcripts();
    for transcript in &transcripts {
        assert!(transcript.expected.1.is_some_and(blames_the_provider), "{}", transcript.name);
    }
    all_true(&transcripts);
}

// 50-R23, 20-20 #1, #2: every bait, wherever an agent may put it
#[test]
fn what_an_agent_reads_and_writes_proves_nothing() {
    all_true(&matrix::transcripts());
}
