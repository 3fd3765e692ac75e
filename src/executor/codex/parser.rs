//! Reads the event stream.
//!
//! What was observed and is relied on here:
//! * A turn ends with `turn.completed` or `turn.failed`; a process that is interrupted tells neither.
//! * `error` on the top level is a failure, or a retry (`Reconnecting... 2/5 (why)`); as an item it is a
//!   warning in a perfectly good run (an unknown model's metadata, another transport).
//! * The answer is the last `agent_message`; earlier ones announce what the agent is about to do.
//! * Why it did not begin is told on standard error. Once it has begun everything is told in events, and
//!   standard error holds its log, which quotes what tools have said.
//! * `usage` is the whole session's, earlier processes included. No cost is told.

use std::collections::VecDeque;
use std::sync::LazyLock;

use jiff::tz::TimeZone;
use regex::Regex;

use super::errors;
use super::event::{self, Event, Item};
use super::words::{self, Records};
use crate::executor::final_text::{FinalText, NO_RESULT};
use crate::executor::json;
use crate::executor::line_parser::{LineParser, Lines};
use crate::executor::lines::Line;
use crate::executor::plain::{self, PlainTail};
use crate::executor::{AgentEvent, Counted, Report};
use crate::failure::brief;
use crate::failure::pattern::regex;
use crate::model::text::{self, FINAL_TEXT_LIMIT};
use crate::model::{Category, Evidence, Exit, Timestamp, Usage};

/// `Reconnecting... 2/5 (why)`, `Reconnecting... waiting for network (why)`.
static RETRY: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?s)^Reconnecting(?:\.{3}|…)\s*(?:(\d{1,4})/\d+)?(.*)$"));

/// Most tools that are remembered as running; the CLI starts a handful at once.
const MOST_RUNNING: usize = 100;

/// Reads what one `codex` process prints.
pub type CodexParser = LineParser<Seen>;

/// How far the agent's turn is.
#[derive(Debug, Default)]
enum Turn {
    #[default]
    Open,
    Completed,
    /// With the reason.
    Failed(String),
}

/// The streams so far.
#[derive(Debug, Default)]
pub struct Seen {
    session: Option<String>,
    turn: Turn,
    answer: Option<FinalText>,
    tool_calls: u64,
    /// Ids of the tools that were started and have not ended.
    running: VecDeque<String>,
    usage: Option<Usage>,
    /// What failed last, unless the agent went on since.
    error: Option<String>,
    /// What the CLI retries, unless the agent went on since.
    retrying: Option<String>,
    retries: u32,
    /// An event was read.
    began: bool,
    plain: PlainTail,
    /// Of standard error, without the log's records.
    complaints: PlainTail,
    records: Records,
}

impl Lines for Seen {
    /// A line of standard output.
    fn stdout(&mut self, line: Line<'_>, events: &mut Vec<AgentEvent>) {
        // Invalid UTF-8 inside a text must not cost the event around it.
        let text = String::from_utf8_lossy(line.bytes);
        let text = text.trim();
        if !line.cut
            && let Some(event) = json::object::<Event<'_>>(text)
        {
            self.plain.event();
            self.event(event, events);
            return;
        }
        let mut recovered = false;
        event::recover(text, |event| {
            recovered = true;
            self.event(event, events);
        });
        self.plain.line(text, recovered, line.cut);
    }

    /// A line of standard error.
    fn stderr(&mut self, line: Line<'_>, _events: &mut Vec<AgentEvent>) {
        let text = String::from_utf8_lossy(line.bytes);
        if line.cut || self.records.take(&text) {
            self.complaints.skip();
        } else {
            self.complaints.hear(&text);
        }
    }

    fn usage(&self) -> Option<Counted<Usage>> {
        self.usage.map(Counted::WholeSession)
    }

    fn report(&self, exit: Option<Exit>, now: Timestamp) -> Report {
        let zone = TimeZone::system();
        let plain_tail = self.plain.lines();
        let (words, evidence) = match &self.turn {
            Turn::Completed => {
                let words = self.answer.clone().unwrap_or_else(|| FinalText::missing(NO_RESULT));
                let evidence = (!words.completed).then(|| self.fell_short(&words, now, &zone));
                (words, evidence)
            }
            Turn::Failed(why) => {
                let words = FinalText::missing(errors::clean(why).trim());
                (words, Some(failed(why, now, &zone)))
            }
            Turn::Open => (FinalText::missing(NO_RESULT), self.cut_short(&plain_tail, exit, now, &zone)),
        };
        Report {
            session_id: self.session.clone(),
            tool_calls: Some(self.tool_calls),
            usage: self.usage(),
            cost: None,
            evidence,
            ended: !matches!(self.turn, Turn::Open),
            plain_tail,
            ..words.into_report()
        }
    }
}

impl Seen {
    fn event(&mut self, event: Event<'_>, events: &mut Vec<AgentEvent>) {
        self.began |= event.kind.is_some();
        match event.kind {
            Some("thread.started") => {
                if let Some(session) = event.thread_id.filter(|session| !session.trim().is_empty()) {
                    self.session = Some(session.to_owned());
                    events.push(AgentEvent::Session(session.to_owned()));
                }
            }
            Some("turn.started") => {
                self.reopen();
                self.answer = None;
                self.went_on();
                events.push(AgentEvent::TurnStarted);
            }
            Some("item.started") => {
                if let Some(item) = &event.item
                    && let Some(tool) = item.tool()
                {
                    self.went_on();
                    self.tool_started(item, tool, events);
                }
            }
            Some("item.completed") => self.item_completed(event.item.unwrap_or_default(), events),
            Some("error") => self.trouble(&event.message.unwrap_or_default(), events),
            Some("turn.completed") => {
                self.usage = event.usage.map(|tokens| tokens.usage()).or(self.usage);
                self.turn = Turn::Completed;
                events.push(AgentEvent::End);
            }
            Some("turn.failed") => {
                let why = event.error.and_then(|error| error.message).or_else(|| self.error.clone());
                self.turn = Turn::Failed(kept(&why.unwrap_or_else(|| "the turn failed".to_owned())));
                events.push(AgentEvent::End);
            }
            _ => {}
        }
    }

    /// A tool counts when it is started, also if it is killed before it ends.
    fn tool_started(&mut self, item: &Item<'_>, tool: &str, events: &mut Vec<AgentEvent>) {
        self.reopen();
        self.tool_calls += 1;
        events.push(AgentEvent::ToolStarted(tool.to_owned()));
        if self.running.len() == MOST_RUNNING {
            self.running.pop_front();
        }
        self.running.push_back(name(item));
    }

    fn item_completed(&mut self, item: Item<'_>, events: &mut Vec<AgentEvent>) {
        if let Some(tool) = item.tool() {
            self.went_on();
            // Some tools are told only when they are done.
            if !self.running.contains(&name(&item)) {
                self.tool_started(&item, tool, events);
            }
            self.running.retain(|id| *id != name(&item));
            events.push(AgentEvent::ToolEnded);
        } else if item.kind == Some("agent_message") {
            self.reopen();
            self.went_on();
            self.answer = Some(FinalText::from_text(&item.text.unwrap_or_default()));
            events.push(AgentEvent::Text);
        }
    }

    fn trouble(&mut self, message: &str, events: &mut Vec<AgentEvent>) {
        if plain::is_aside(message) {
            return;
        }
        let Some(retry) = RETRY.captures(message) else {
            self.error = Some(kept(message));
            return;
        };
        self.retries += 1;
        let attempt = retry.get(1).and_then(|n| n.as_str().parse().ok()).unwrap_or(self.retries);
        let why = retry[2].trim();
        let why = kept(why.strip_prefix('(').and_then(|why| why.strip_suffix(')')).unwrap_or(why));
        let evidence = Evidence::new("stream", Some(retried(&why)), brief(&errors::clean(&why)));
        events.push(AgentEvent::Retrying { evidence: Box::new(evidence), attempt });
        self.retrying = Some(why);
    }

    /// The agent is at work: an end that was told before was not the last. The end of a tool that was started
    /// before it says nothing of the kind.
    fn reopen(&mut self) {
        if !matches!(self.turn, Turn::Open) {
            self.turn = Turn::Open;
            self.answer = None;
        }
    }

    fn went_on(&mut self) {
        self.error = None;
        self.retrying = None;
        self.retries = 0;
        self.plain.went_on();
    }

    /// Why a completed turn did not do its work: the agent says so, or said nothing.
    fn fell_short(&self, words: &FinalText, now: Timestamp, zone: &TimeZone) -> Evidence {
        match &self.error {
            Some(error) => failed(error, now, zone),
            None => Evidence::new("stream", Some(Category::AgentError), brief(&words.summary)),
        }
    }

    /// Why the turn has no end: what was going on last, else what was said in plain words.
    fn cut_short(
        &self,
        plain: &[String],
        exit: Option<Exit>,
        now: Timestamp,
        zone: &TimeZone,
    ) -> Option<Evidence> {
        if let Some(error) = &self.error {
            return Some(failed(error, now, zone));
        }
        if let Some(why) = &self.retrying {
            return Some(errors::evidence("stream", retried(why), why, now, zone));
        }
        let said = || {
            plain.iter().rev().find_map(|line| {
                let category = errors::category(line)?;
                Some(errors::evidence("text", category, line, now, zone))
            })
        };
        let complaints = if self.began { Vec::new() } else { self.complaints.lines() };
        // What nobody knows is shown, and proves nothing.
        let complaint = || Some(Evidence::new("stderr", None, brief(complaints.last()?)));
        let silent = exit.is_some_and(Exit::is_zero);
        words::refusal(&complaints, exit)
            .or_else(said)
            .or_else(complaint)
            .or_else(|| silent.then(|| Evidence::new("stream", None, "codex ended without telling a result")))
    }
}

/// How a running tool is remembered.
fn name(item: &Item<'_>) -> String {
    const LONGEST: usize = 100;
    item.id.unwrap_or_default().chars().take(LONGEST).collect()
}

/// As much of a failure's words as is kept.
fn kept(message: &str) -> String {
    text::bounded(message, FINAL_TEXT_LIMIT)
}

/// A failure that ended a turn; what no words explain is an agent error.
fn failed(why: &str, now: Timestamp, zone: &TimeZone) -> Evidence {
    let category = errors::category(why).unwrap_or(Category::AgentError);
    errors::evidence("stream", category, why, now, zone)
}

/// The category of what is retried. A 404 there is a transport that the provider does not have.
fn retried(why: &str) -> Category {
    match errors::category(why) {
        None | Some(Category::InvalidModel) => Category::TransientInfra,
        Some(category) => category,
    }
}
