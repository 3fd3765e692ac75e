//! Reads what one `agy` process prints: the event stream or plain text, standard error, and its own log.
//!
//! What is relied on here:
//! * `SUCCESS` and exit code 0 prove little: a turn whose time was up says so on standard error alone, and one whose
//!   tools were refused merely has no answer.
//! * A failed request ends with `AGY_ERROR:` on standard error and exit code 3, in newer versions.
//! * On standard error only lines that begin with `error:` state something: while it signs in, the CLI logs there that
//!   nobody is signed in.
//! * A used-up quota may be retried in silence for as long as the CLI is given; only its log tells.
//! * Versions without a stream tell their session in the log alone, and print nothing before their answer.
//!   What they print is the model's, so it proves nothing unless it can only be the CLI's own.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use super::answer::{self, Answer};
use super::complaints::{Complaints, Told, said_at};
use super::event::{self, Event, Outcome, Step};
use super::glog;
use super::words::{self, ApiError};
use crate::executor::final_text::{FinalText, NO_RESULT};
use crate::executor::lines::{Line, LineSplitter};
use crate::executor::plain::{self, PlainTail};
use crate::executor::{AgentEvent, Counted, Parser, Report, Stream};
use crate::failure::brief;
use crate::model::text::{self, FINAL_TEXT_LIMIT};
use crate::model::{Category, Evidence, Exit, Timestamp, Usage};

/// Most refused permissions, and most open steps, that are kept.
const FEW: usize = 100;

/// Longest kept line of standard error, in characters.
const LIMIT: usize = 1000;

/// Reads what one `agy` process prints.
#[derive(Debug)]
pub struct AntigravityParser {
    stdout: LineSplitter,
    stderr: LineSplitter,
    log: LineSplitter,
    seen: Seen,
}

impl AntigravityParser {
    /// A parser for the event stream, or else for plain text. The clock is asked when the log speaks
    /// of a quota that comes back in some hours.
    pub fn new(stream: bool, clock: fn() -> Timestamp) -> AntigravityParser {
        let output = if stream { Output::Events(Box::default()) } else { Output::Text(Answer::default()) };
        let seen = Seen {
            clock,
            output,
            session: None,
            said: Said::default(),
            complaints: Complaints::default(),
            last_words: LastWords::default(),
            plain: PlainTail::default(),
        };
        let splitter = LineSplitter::default;
        AntigravityParser { stdout: splitter(), stderr: splitter(), log: splitter(), seen }
    }

    /// Bytes of memory held for unfinished lines.
    pub fn retained(&self) -> usize {
        self.stdout.retained() + self.stderr.retained() + self.log.retained()
    }
}

impl Parser for AntigravityParser {
    fn feed(&mut self, stream: Stream, bytes: &[u8], events: &mut Vec<AgentEvent>) {
        let splitter = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
            Stream::Log => &mut self.log,
        };
        splitter.feed(bytes, |line| self.seen.line(stream, line, events));
    }

    fn usage(&self) -> Option<Counted<Usage>> {
        self.seen.usage()
    }

    fn finish(&mut self, exit: Option<Exit>, now: Timestamp) -> Report {
        let mut unheard = Vec::new();
        self.stdout.finish(|line| self.seen.line(Stream::Stdout, line, &mut unheard));
        self.stderr.finish(|line| self.seen.line(Stream::Stderr, line, &mut unheard));
        self.log.finish(|line| self.seen.line(Stream::Log, line, &mut unheard));
        self.seen.report(exit, now)
    }
}

/// The output so far.
#[derive(Debug)]
struct Seen {
    clock: fn() -> Timestamp,
    output: Output,
    session: Option<String>,
    said: Said,
    complaints: Complaints,
    /// Of standard output as plain text.
    last_words: LastWords,
    plain: PlainTail,
}

/// What a version without a stream printed at the very end that can only be its own. What it printed before other lines
/// of its answer was a part of that.
#[derive(Debug, Default)]
struct LastWords(Vec<String>);

impl LastWords {
    fn answer(&mut self, line: &str, cut: bool) {
        let line = line.trim();
        if cut || !(line.is_empty() || words::is_own(line)) {
            self.0.clear();
        } else if !line.is_empty() && self.0.len() < FEW {
            self.0.push(text::ellipsis(line, LIMIT));
        }
    }
}

/// Standard output.
#[derive(Debug)]
enum Output {
    Events(Box<Turn>),
    Text(Answer),
}

/// What was stated on standard error.
#[derive(Debug, Default)]
struct Said {
    first: Option<String>,
    /// The last line that states an error.
    error: Option<Told>,
    request: Option<(Timestamp, ApiError)>,
    timeout: Option<String>,
    denied: Vec<String>,
}

/// The turn as its events tell it.
#[derive(Debug, Default)]
struct Turn {
    tool_calls: u64,
    /// Tools that run, by step.
    running: BTreeSet<u64>,
    newest_step: Option<u64>,
    /// When something last came from the model or a tool.
    progress: Option<Timestamp>,
    /// The response that failed last, unless the model went on.
    failed_step: Option<Told>,
    /// Of all turns that told a figure.
    usage: Option<Usage>,
    /// How the last turn ended, unless the agent worked on.
    result: Option<Ended>,
}

/// A `result` event.
#[derive(Debug)]
struct Ended {
    words: FinalText,
    /// Whether there was any answer.
    answered: bool,
    /// What a failed turn says.
    failure: Option<Told>,
    denied: Vec<String>,
}

impl Seen {
    fn line(&mut self, stream: Stream, line: Line<'_>, events: &mut Vec<AgentEvent>) {
        // Invalid UTF-8 inside a text must not cost the event around it.
        let text = String::from_utf8_lossy(line.bytes);
        let text = text.trim_end();
        match stream {
            Stream::Stdout => self.stdout(text, line.cut, events),
            // The end of a line may look like another one.
            Stream::Stderr | Stream::Log if line.cut => self.plain.skip(),
            Stream::Stderr => {
                self.plain.hear(text);
                if !plain::is_aside(text) {
                    self.said.line(text.trim(), self.clock);
                }
            }
            Stream::Log => self.log(text, events),
        }
    }

    fn stdout(&mut self, line: &str, cut: bool, events: &mut Vec<AgentEvent>) {
        let turn = match &mut self.output {
            Output::Events(turn) => turn,
            Output::Text(answer) => {
                if cut {
                    answer.push_end(line);
                } else {
                    answer.push(line);
                }
                self.last_words.answer(line, cut);
                events.push(AgentEvent::Text);
                return;
            }
        };
        let Some(event) = event::read(line.trim()).filter(|_| !cut) else {
            self.plain.line(line, false, cut);
            return;
        };
        self.plain.event();
        let Event { kind, conversation_id, step_update, result } = event;
        match (kind, step_update, result) {
            (Some("init"), ..) => {
                turn.result = None;
                tell(&mut self.session, conversation_id, events);
                events.push(AgentEvent::TurnStarted);
            }
            (Some("step_update"), Some(step), _) => {
                let before = events.len();
                turn.step(&step, self.clock, events);
                if events.len() > before {
                    // Whatever the log complained about, the model works.
                    turn.progress = Some((self.clock)());
                    self.complaints.clear();
                }
                let goes_on =
                    |event: &AgentEvent| matches!(event, AgentEvent::Text | AgentEvent::ToolStarted(_));
                if events[before..].iter().any(goes_on) {
                    // Should it be killed now, it has not done what it began.
                    turn.result = None;
                }
            }
            (Some("result"), _, Some(outcome)) => {
                tell(&mut self.session, outcome.conversation_id, events);
                turn.end(&outcome, self.clock);
                events.push(AgentEvent::End);
            }
            _ => {}
        }
    }

    fn log(&mut self, line: &str, events: &mut Vec<AgentEvent>) {
        let Some(line) = glog::line(line) else { return };
        tell(&mut self.session, line.conversation(), events);
        if line.message.starts_with("Auth succeeded") {
            self.complaints.signed_in();
        }
        let (now, zone) = ((self.clock)(), TimeZone::system());
        let at = said_at(&line, now, &zone);
        let Some(text) = line.error() else {
            if line.is_info {
                self.complaints.goes_on(at);
            }
            return;
        };
        let error = Told { at, text };
        if error.text.contains("model unreachable") || error.text.contains("agent executor error") {
            // The log is read once a second, so what it says may be older than the stream.
            let written = line.time(now, &zone);
            events.extend(self.retrying(&error, written, &zone));
        }
        self.complaints.push(error);
    }

    /// A request that failed, and that the CLI may try again in silence.
    fn retrying(&self, error: &Told, written: Option<Timestamp>, zone: &TimeZone) -> Option<AgentEvent> {
        let evidence = from("log", error.proof(zone)?);
        let announced = match &self.output {
            // Without a stream nothing would tell that it went on: only what lasts is announced.
            Output::Text(_) => words::lasts(&error.text, &evidence, error.at),
            Output::Events(turn) => {
                let over = turn.progress.is_some_and(|at| written.is_some_and(|written| written < at));
                let awaited = matches!(
                    evidence.category,
                    Some(
                        Category::UsageLimit
                            | Category::ShortRateLimit
                            | Category::ProviderOverloaded
                            | Category::TransientInfra
                    )
                );
                awaited && !over
            }
        };
        announced.then(|| AgentEvent::Retrying { evidence: Box::new(evidence), attempt: 0 })
    }

    fn turn(&self) -> Option<&Turn> {
        match &self.output {
            Output::Events(turn) => Some(turn),
            Output::Text(_) => None,
        }
    }

    fn usage(&self) -> Option<Counted<Usage>> {
        self.turn()?.usage.map(Counted::ThisTry)
    }

    fn report(&self, exit: Option<Exit>, now: Timestamp) -> Report {
        let zone = TimeZone::system();
        let (words, answered) = self.words(exit);
        let why = self.failure(&words, answered, exit, now, &zone);
        let completed = words.completed && why.is_none();
        let turn = self.turn();
        Report {
            completed,
            session_id: self.session.clone(),
            tool_calls: turn.map(|turn| turn.tool_calls),
            usage: self.usage(),
            cost: None,
            evidence: why.or_else(|| (!completed).then(|| self.explained(exit, now, &zone)).flatten()),
            ended: turn.is_some_and(|turn| turn.result.is_some()),
            plain_tail: self.plain_tail(),
            ..words.into_report()
        }
    }

    /// The final words, and whether there was an answer.
    fn words(&self, exit: Option<Exit>) -> (FinalText, bool) {
        match &self.output {
            Output::Events(turn) => match &turn.result {
                Some(ended) => (ended.words.clone(), ended.answered),
                None => (FinalText::missing(NO_RESULT), false),
            },
            Output::Text(answer) if exit.is_some_and(Exit::is_zero) => {
                (answer::understand(answer.text()), !answer.text().is_empty())
            }
            Output::Text(_) => (FinalText::missing(NO_RESULT), false),
        }
    }

    /// What makes a failure of a turn, whatever its answer says.
    fn failure(
        &self,
        words: &FinalText,
        answered: bool,
        exit: Option<Exit>,
        now: Timestamp,
        zone: &TimeZone,
    ) -> Option<Evidence> {
        if let Some((at, error)) = &self.said.request {
            return Some(error.evidence(*at, zone));
        }
        if let Some(line) = &self.said.timeout {
            // What it waited for all the time says more than that it waited.
            if let Some(quota) = self.told_quota(now, zone) {
                return Some(quota);
            }
            return words::evidence(line, now, zone).map(|found| from("stderr", found));
        }
        let ended = match &self.output {
            Output::Events(turn) => turn.result.as_ref(),
            Output::Text(_) => None,
        };
        if let Some(said) = ended.and_then(|ended| ended.failure.as_ref()) {
            let told = said.failure(zone);
            let better = || self.explained(exit, now, zone).filter(|other| other.category.is_some());
            let vague = told.category == Some(Category::AgentError);
            return Some(from("stream", if vague { better().unwrap_or(told) } else { told }));
        }
        if words::is_failure(&words.summary) {
            return Some(from("stdout", words::failure(&words.summary, now, zone)));
        }
        let denied = self.said.denied.iter().chain(ended.into_iter().flat_map(|ended| &ended.denied));
        let mut denied = denied.map(String::as_str).peekable();
        if !answered && denied.peek().is_some() {
            return Some(words::refused(denied));
        }
        // The agent itself says that it is not done.
        (answered && !words.completed)
            .then(|| Evidence::new("stream", Some(Category::AgentError), brief(&words.summary)))
    }

    /// The plain lines that may be evidence.
    fn plain_tail(&self) -> Vec<String> {
        self.last_words.0.iter().cloned().chain(self.plain.lines()).collect()
    }

    /// A used-up quota that the CLI told in plain words on standard error: the newest. Nothing else is believed
    /// there, because a sign-in that goes well talks of failures, too.
    fn told_quota(&self, now: Timestamp, zone: &TimeZone) -> Option<Evidence> {
        let Output::Events(_) = self.output else { return None };
        let told = |line: &String| words::evidence(line, now, zone);
        let quota = |found: &Evidence| found.category == Some(Category::UsageLimit);
        self.plain.lines().iter().rev().filter_map(told).find(quota).map(|found| from("stderr", found))
    }

    /// Why there is no answer: what the CLI stated, else what its log says, else how it ended.
    fn explained(&self, exit: Option<Exit>, now: Timestamp, zone: &TimeZone) -> Option<Evidence> {
        let proof = |told: &Told| told.proof(zone);
        let step = match &self.output {
            Output::Events(turn) => turn.failed_step.as_ref(),
            Output::Text(_) => None,
        };
        if let Some(found) = step.and_then(proof) {
            return Some(from("stream", found));
        }
        if let Some(found) = self.said.error.as_ref().and_then(proof) {
            return Some(from("stderr", found));
        }
        let logged: Vec<&Told> = match &self.output {
            // Those from before the model's last words are gone.
            Output::Events(_) => self.complaints.all().collect(),
            Output::Text(_) => self.complaints.standing(now).collect(),
        };
        if let Some(found) = logged.iter().copied().find_map(proof) {
            return Some(from("log", found));
        }
        // Old versions print their failures like an answer; with exit code 0 it would be one.
        let plain = || self.plain_tail().iter().rev().find_map(|line| words::evidence(line, now, zone));
        if let Output::Text(_) = self.output
            && !exit.is_some_and(Exit::is_zero)
            && let Some(found) = plain()
        {
            return Some(found);
        }
        if let Some(quota) = self.told_quota(now, zone) {
            return Some(quota);
        }
        if let Some(said) = step {
            return Some(from("stream", said.failure(zone)));
        }
        if exit == Some(Exit::Code(2)) {
            let error = self.said.error.as_ref().map(|told| &told.text);
            let message = error
                .or(self.said.first.as_ref())
                .map_or("agy does not understand its arguments", String::as_str);
            let evidence = Evidence::new("stderr", Some(Category::HarnessLaunch), brief(message));
            return Some(evidence.with_cause("usage_error"));
        }
        if let Some(said) = &self.said.error {
            return Some(from("stderr", said.failure(zone)));
        }
        if let Some(error) = logged.first() {
            return Some(Evidence::new("log", Some(Category::UnidentifiedIssue), brief(&error.text)));
        }
        let message = match &self.output {
            Output::Events(turn) if turn.result.is_some() => "agy ended its turn without an answer",
            Output::Events(_) => "agy ended without telling a result",
            Output::Text(_) => "agy gave no answer; versions before 1.0.15 lose it: update agy",
        };
        exit.is_some_and(Exit::is_zero).then(|| Evidence::new("stdout", None, message))
    }
}

impl Said {
    fn line(&mut self, line: &str, clock: fn() -> Timestamp) {
        if line.is_empty() {
            return;
        }
        let kept = || text::ellipsis(line, LIMIT);
        if let Some(error) = ApiError::read(line) {
            self.request = Some((clock(), error));
        } else if words::is_timeout(line) {
            self.timeout = Some(kept());
        } else if let Some(permission) = words::denied(line) {
            if self.denied.len() < FEW {
                self.denied.push(permission.to_owned());
            }
        } else if words::is_error(line) {
            self.error = Some(Told { at: clock(), text: kept() });
        }
        self.first.get_or_insert_with(kept);
    }
}

impl Turn {
    fn step(&mut self, step: &Step<'_>, clock: fn() -> Timestamp, events: &mut Vec<AgentEvent>) {
        match (step.step_type, step.state) {
            (Some("agent_response"), Some("ERROR")) => {
                let told = |said| Told { at: clock(), text: text::bounded(said, LIMIT) };
                self.failed_step = step.said().map(told);
            }
            (Some("agent_response"), _) if step.text_delta.as_ref().is_some_and(|text| !text.is_empty()) => {
                self.failed_step = None;
                events.push(AgentEvent::Text);
            }
            (Some("tool"), state) => {
                self.failed_step = None;
                self.tool(step, matches!(state, Some("DONE" | "ERROR")), events);
            }
            _ => {}
        }
    }

    /// A tool's step comes once while it runs and once when it is over, or only then.
    fn tool(&mut self, step: &Step<'_>, over: bool, events: &mut Vec<AgentEvent>) {
        let open = || self.running.last().copied().filter(|_| over);
        let next = || self.newest_step.map_or(0, |newest| newest.saturating_add(1));
        let index = step.step_index.or_else(open).unwrap_or_else(next);
        let new = self.newest_step.is_none_or(|newest| index > newest);
        if new {
            self.newest_step = Some(index);
            self.tool_calls += 1;
            events.push(AgentEvent::ToolStarted(step.tool_name.clone().unwrap_or_else(|| "tool".to_owned())));
            if self.running.len() < FEW {
                self.running.insert(index);
            }
        }
        if over && (self.running.remove(&index) || new) {
            events.push(AgentEvent::ToolEnded);
        }
    }

    fn end(&mut self, outcome: &Outcome<'_>, clock: fn() -> Timestamp) {
        if let Some(usage) = outcome.usage.as_ref().and_then(event::Tokens::usage) {
            self.usage = Some(self.usage.map_or(usage, |before| before.plus(usage)));
        }
        let response = outcome.response.as_deref().unwrap_or_default();
        let succeeded = outcome.status.is_some_and(|status| status.eq_ignore_ascii_case("SUCCESS"));
        let failure = (!succeeded).then(|| {
            let status = outcome.status.unwrap_or("no status");
            let said = outcome.said().map_or_else(|| format!("ended with {status}"), str::to_owned);
            Told { at: clock(), text: text::bounded(said.trim(), FINAL_TEXT_LIMIT) }
        });
        let words = match (&failure, &outcome.structured_output) {
            (Some(said), _) => FinalText::missing(&said.text),
            (None, Some(object)) => FinalText::from_structured(object.clone()),
            (None, None) => answer::understand(response),
        };
        self.result = Some(Ended {
            answered: failure.is_none()
                && (outcome.structured_output.is_some() || !response.trim().is_empty()),
            words,
            failure,
            denied: outcome.denied().take(FEW).map(|name| text::ellipsis(name, LIMIT)).collect(),
        });
    }
}

/// Remembers the session, and tells it when it is news.
fn tell(known: &mut Option<String>, told: Option<&str>, events: &mut Vec<AgentEvent>) {
    if let Some(told) = told.filter(|told| !told.trim().is_empty() && known.as_deref() != Some(told)) {
        *known = Some(told.to_owned());
        events.push(AgentEvent::Session(told.to_owned()));
    }
}

fn from(source: &str, evidence: Evidence) -> Evidence {
    Evidence { source: source.to_owned(), ..evidence }
}
