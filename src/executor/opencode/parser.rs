//! Reads standard output (events) and standard error (the log, with `--print-logs`).
//!
//! What was observed and is relied on here:
//! * There is no end-of-run event. A turn is over with a `step_finish` of reason `stop`, unless the
//!   conversation has outgrown the model: then the CLI shortens it, in silence, and goes on. That it will not go on
//!   is told by the log line `exiting loop` some 30 ms later.
//! * Exit code 0 proves nothing: a refused permission ends the process with 0 after a step of reason `tool-calls`.
//! * The session is in the log (`created`, or `loop` when it is resumed) a second or more before the first event,
//!   and a process that is killed while it waits for the model has printed no event at all.
//! * Sub-agents have sessions of their own, in the log only.
//! * `tokens` and `cost` are those of one step.

use jiff::tz::TimeZone;

use super::errors::RequestError;
use super::event::{self, Event, Failure, Part};
use super::log_line::LogLine;
use super::trouble::{Meaning, Trouble};
use crate::executor::final_text::{FinalText, NO_RESULT};
use crate::executor::json;
use crate::executor::line_parser::{LineParser, Lines};
use crate::executor::lines::Line;
use crate::executor::plain::PlainTail;
use crate::executor::{AgentEvent, Counted, Report};
use crate::failure::brief;
use crate::failure::secrets::masked;
use crate::model::evidence::SESSION_LOST;
use crate::model::text::{self, FINAL_TEXT_LIMIT};
use crate::model::{Category, Evidence, Exit, Timestamp, Usage};

/// Stands for a summary when nothing at all was printed.
pub(super) const NO_OUTPUT: &str = "(opencode printed nothing)";
/// Stands for a summary when no line was an event.
pub(super) const NO_EVENT: &str = "(opencode printed no event)";
/// Stands for a summary when the steps held no text.
pub(super) const NO_TEXT: &str = "(opencode finished without a word)";
/// Stands for a summary when the process failed, or was ended, without a text.
pub(super) const ENDED: &str = "(opencode ended before it gave an answer)";

/// Longest message of an error in a summary, and of its reference, in characters.
const ERROR_LIMIT: usize = 400;
const REFERENCE_LIMIT: usize = 96;

/// How much text of one step is kept, in bytes.
const STEP_TEXT_LIMIT: usize = 1 << 20;

/// Reads what one `opencode run` process prints.
pub type OpencodeParser = LineParser<Seen>;

/// The output so far.
#[derive(Debug, Default)]
pub struct Seen {
    session: Option<String>,
    /// Text of the last step that said something.
    text: String,
    /// The next text begins a new step's.
    fresh: bool,
    step_open: bool,
    /// Why the last step ended; empty when it did not say.
    ended: Option<String>,
    /// The log says that the turn will not go on.
    loop_over: bool,
    tool_calls: u64,
    usage: Option<Usage>,
    cost: Option<f64>,
    /// The error that was told last, unless a step was finished since; its summary is beside it.
    error: Option<(RequestError, String)>,
    trouble: Trouble,
    events: u64,
    plain: PlainTail,
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
            if self.is_foreign(&event) {
                self.plain.skip();
            } else {
                self.plain.event();
                self.event(&event, events);
            }
            return;
        }
        let mut recovered = false;
        let session = self.session.clone();
        event::recover(text, session.as_deref(), |event| {
            recovered = true;
            self.event(event, events);
        });
        self.plain.line(&anstream::adapter::strip_str(text).to_string(), recovered, line.cut);
    }

    /// A line of standard error.
    fn stderr(&mut self, line: Line<'_>, events: &mut Vec<AgentEvent>) {
        let raw = String::from_utf8_lossy(line.bytes);
        let Some(line) = LogLine::read(raw.trim()).filter(|_| !line.cut) else {
            if line.cut {
                self.plain.skip();
            } else {
                self.plain.hear(&anstream::adapter::strip_str(&raw).to_string());
            }
            return;
        };
        self.plain.skip();
        let begins = line.message == "loop" || (line.message == "created" && line.parent.is_empty());
        if begins && self.session.is_none() {
            self.know(&line.session, events);
        }
        let own = self.session.as_deref() == Some(line.session.as_str());
        match self.trouble.take(&line) {
            Meaning::Failed(attempt) => self.retrying(attempt, line.at, events),
            Meaning::GotOn if own && line.message == "exiting loop" => {
                self.loop_over = true;
                events.push(AgentEvent::End);
            }
            // Also of a sub-agent: the try gets on.
            Meaning::GotOn => {
                self.loop_over &= !own;
                events.push(AgentEvent::TurnStarted);
            }
            Meaning::Nothing => {}
        }
    }

    fn usage(&self) -> Option<Counted<Usage>> {
        self.usage.map(Counted::ThisTry)
    }

    fn report(&self, exit: Option<Exit>, now: Timestamp) -> Report {
        let plain_tail = self.plain.lines();
        let well = match exit {
            Some(Exit::Code(code)) => code == 0,
            // Ended from outside: it stayed on after its work was done.
            Some(Exit::Signal(_)) | None => self.loop_over,
        };
        let finished = self.finished() && well && self.error.is_none();
        let mut words = self.words(finished, exit, &plain_tail);
        words.completed &= finished;
        let evidence =
            if words.completed { None } else { self.failure(&words, finished, exit, now, &plain_tail) };
        let evidence = evidence.map(lost_with_its_folder);
        let lost = evidence.as_ref().is_some_and(|e| e.cause.as_deref() == Some(SESSION_LOST));
        Report {
            session_id: self.session.clone().filter(|_| !lost),
            tool_calls: Some(self.tool_calls),
            usage: self.usage(),
            cost: self.cost.map(Counted::ThisTry),
            evidence,
            // Without the log's word the CLI may have been about to go on.
            ended: self.finished() && self.loop_over,
            plain_tail,
            ..words.into_report()
        }
    }
}

impl Seen {
    /// Whether an event is of another session, or stands in a torn event's text: the CLI prints those of one
    /// session alone.
    fn is_foreign(&self, event: &Event<'_>) -> bool {
        let known = self.session.as_deref().filter(|_| self.events > 0);
        known.is_some_and(|ours| match event.session {
            Some(told) => told != ours,
            None => self.plain.is_torn(),
        })
    }

    fn event(&mut self, event: &Event<'_>, events: &mut Vec<AgentEvent>) {
        self.events += 1;
        if let Some(session) = event.session {
            self.know(session, events);
        }
        let part = event.part.as_ref();
        match event.kind {
            Some("step_start") => {
                self.step_open = true;
                self.fresh = true;
                self.trouble.got_on();
                events.push(AgentEvent::TurnStarted);
            }
            Some("text") => self.said(part.and_then(|part| part.text.as_deref()), events),
            Some("step_finish") => self.step_finished(part, events),
            Some("error") => self.error = Some(told(event.error.as_ref())),
            kind => {
                let tool =
                    part.filter(|part| kind == Some("tool_use") || part.kind.as_deref() == Some("tool"));
                if let Some(part) = tool {
                    // Told when it is over. The log could tell it earlier (`evaluated`), to no avail: the CLI
                    // waits for ever for a tool whose shell a signal has ended.
                    self.tool_calls += 1;
                    let name = part.tool.as_deref().unwrap_or("tool");
                    events.push(AgentEvent::ToolStarted(text::ellipsis(name, 100)));
                    events.push(AgentEvent::ToolEnded);
                }
            }
        }
    }

    fn know(&mut self, session: &str, events: &mut Vec<AgentEvent>) {
        if !session.trim().is_empty() && self.session.as_deref() != Some(session) {
            self.session = Some(session.to_owned());
            events.push(AgentEvent::Session(session.to_owned()));
        }
    }

    fn said(&mut self, said: Option<&str>, events: &mut Vec<AgentEvent>) {
        let Some(said) = said.filter(|said| !said.is_empty()) else { return };
        if std::mem::take(&mut self.fresh) {
            self.text.clear();
        }
        self.text.push_str(said);
        if self.text.len() > STEP_TEXT_LIMIT {
            self.text = text::bounded(&self.text, FINAL_TEXT_LIMIT);
        }
        events.push(AgentEvent::Text);
    }

    fn step_finished(&mut self, part: Option<&Part>, events: &mut Vec<AgentEvent>) {
        let tokens = part.and_then(|part| part.tokens.as_ref());
        if let Some(tokens) = tokens {
            self.usage = Some(self.usage.unwrap_or_default().plus(tokens.usage()));
        }
        if let Some(cost) = part.and_then(|part| part.cost).filter(|cost| cost.is_finite()) {
            self.cost = Some(self.cost.unwrap_or(0.0) + cost);
        }
        let reason = part.and_then(|part| part.reason.as_deref()).unwrap_or_default();
        self.ended = Some(text::ellipsis(reason, 100));
        self.step_open = false;
        self.error = None;
        self.trouble.got_on();
        if self.loop_over {
            // The two pipes are read one after the other: the log was faster.
            events.push(AgentEvent::End);
        }
    }

    fn retrying(&mut self, attempt: u32, at: Option<Timestamp>, events: &mut Vec<AgentEvent>) {
        let now = at.unwrap_or_else(crate::model::time::now);
        if let Some(error) = self.trouble.request() {
            let evidence = Box::new(error.evidence("log", now, &TimeZone::system()));
            events.push(AgentEvent::Retrying { evidence, attempt });
        }
    }

    /// Whether the last step was the turn's last.
    fn finished(&self) -> bool {
        // Older versions did not tell the reason.
        !self.step_open && matches!(self.ended.as_deref(), Some("stop" | ""))
    }

    fn words(&self, finished: bool, exit: Option<Exit>, plain: &[String]) -> FinalText {
        if let Some((_, summary)) = &self.error {
            return FinalText::missing(summary);
        }
        let said = anstream::adapter::strip_str(&self.text).to_string();
        if !said.trim().is_empty() {
            return FinalText::from_text(&said);
        }
        FinalText {
            completed: finished,
            ..FinalText::missing(match (self.ended.is_some(), self.events) {
                (true, _) if finished => NO_TEXT,
                _ if exit.is_some_and(|exit| !exit.is_zero()) => ENDED,
                (false, 0) if plain.is_empty() => NO_OUTPUT,
                (false, 0) => NO_EVENT,
                _ => NO_RESULT,
            })
        }
    }

    /// Why the task is not done, as far as the output tells.
    fn failure(
        &self,
        words: &FinalText,
        finished: bool,
        exit: Option<Exit>,
        now: Timestamp,
        plain: &[String],
    ) -> Option<Evidence> {
        let zone = TimeZone::system();
        let logged = || self.trouble.evidence("log", now, &zone);
        let wrong = |message: String| Some(Evidence::new("stream", Some(Category::AgentError), message));
        if let Some((error, _)) = &self.error {
            let told = error.evidence("stream", now, &zone);
            return if told.category.is_some() { Some(told) } else { logged().or(Some(told)) };
        }
        if self.events == 0
            && let Some(refused) = refusal(plain)
        {
            return Some(refused);
        }
        let stated = || plain.iter().rev().find_map(|line| RequestError::stated(line));
        if self.events == 0
            && let Some(stated) = stated()
        {
            return Some(stated.evidence("stderr", now, &zone));
        }
        if let Some(logged) = logged() {
            return Some(logged);
        }
        if finished {
            // The agent itself says that it is not done.
            return wrong(brief(&words.summary));
        }
        if !exit.is_some_and(Exit::is_zero) {
            return None;
        }
        let asked = plain.iter().rev().find(|line| line.contains("permission requested:"));
        match (asked, self.ended.as_deref()) {
            (Some(line), Some("tool-calls")) => {
                wrong(brief(line)).map(|evidence| evidence.with_cause("permission_rejected"))
            }
            (_, Some(reason)) if !self.step_open && !reason.is_empty() => {
                wrong(brief(&format!("opencode stopped after a step that ended with `{reason}`")))
            }
            _ => Some(Evidence::new("stream", None, "opencode ended without finishing its turn")),
        }
    }
}

/// An `error` event and what it is in a summary.
fn told(failure: Option<&Failure>) -> (RequestError, String) {
    let error = failure.map(Failure::request_error).unwrap_or_default();
    let message = [error.text.as_str(), error.name.as_str(), "unknown error"]
        .into_iter()
        .map(text::one_line)
        .find(|message| !message.is_empty())
        .unwrap_or_default();
    let message = text::ellipsis(&masked(&anstream::adapter::strip_str(&message).to_string()), ERROR_LIMIT);
    let reference = failure.and_then(|failure| failure.data.as_ref()?.reference.as_deref());
    let reference = reference
        .map(|reference| format!(" ({})", text::ellipsis(&text::one_line(reference), REFERENCE_LIMIT)));
    (error, format!("opencode error: {message}{}", reference.unwrap_or_default()))
}

/// A session belongs to the folder it was begun in. When that has moved since, the session is lost.
fn lost_with_its_folder(evidence: Evidence) -> Evidence {
    if evidence.message.contains("NotFound: FileSystem.realPath") {
        return evidence.with_cause(SESSION_LOST);
    }
    evidence
}

/// What the CLI refuses before it begins.
fn refusal(plain: &[String]) -> Option<Evidence> {
    let found = |line: &&String| line.contains("Session not found");
    if let Some(line) = plain.iter().rev().find(found) {
        return Some(
            Evidence::new("stderr", Some(Category::AgentError), brief(line)).with_cause(SESSION_LOST),
        );
    }
    if plain.iter().any(|line| line.starts_with("opencode run [message")) {
        let message = "opencode printed its usage: it does not know one of the arguments";
        return Some(
            Evidence::new("stderr", Some(Category::HarnessLaunch), message).with_cause("unknown_option"),
        );
    }
    None
}
