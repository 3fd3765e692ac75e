//! Reads standard output, a JSON event per line, and standard error.
//!
//! What was observed and is relied on here:
//! * `result` is the end of the run; what comes after it anyway has an end of its own. `status` tells whether it went
//!   well; exit code 0 tells nothing: an interrupted process ends with it, without a `result`.
//! * `error.type` of a failed result is `unknown` for every failed request: the words and the exit code tell which.
//! * An `error` event alone is a remark. When it is the last thing before the result, the turn ended because of it, even
//!   where `status` is `success` (a loop was detected, a hook blocked the answer).
//! * The answer is what the assistant said after the last tool.

use jiff::tz::TimeZone;

use super::answer::Answer;
use super::event::{self, Event};
use super::stderr::{self, Reader, Said};
use super::{exit, google};
use crate::executor::final_text::{FinalText, NO_RESULT};
use crate::executor::json;
use crate::executor::line_parser::{LineParser, Lines};
use crate::executor::lines::Line;
use crate::executor::plain::PlainTail;
use crate::executor::{AgentEvent, Counted, Report};
use crate::failure::brief;
use crate::model::evidence::SESSION_LOST;
use crate::model::text::{self, FINAL_TEXT_LIMIT};
use crate::model::{Category, Evidence, Exit, Timestamp, Usage};

/// Most characters of a failure that are looked at: the service's JSON names its quotas in detail.
const TOLD_LIMIT: usize = 8000;

/// Reads what one `gemini` process prints.
pub type GeminiParser = LineParser<Seen>;

/// The output so far.
#[derive(Debug, Default)]
pub struct Seen {
    session: Option<String>,
    tool_calls: u64,
    answer: Answer,
    usage: Option<Usage>,
    result: Option<TurnResult>,
    /// What an `error` event said, unless the model went on after it.
    trouble: Option<String>,
    /// The retry that was announced last, unless the model answered, or the CLI gave up, since.
    retrying: Option<Evidence>,
    /// An event was read: the CLI took its command line.
    began: bool,
    reader: Reader,
    plain: PlainTail,
}

/// A `result` event.
#[derive(Debug)]
enum TurnResult {
    /// It went well, and this was said.
    Well(FinalText),
    /// The CLI says that it failed: with everything it said, and the same in a person's words.
    Failed { told: String, said: String },
}

impl Lines for Seen {
    fn stdout(&mut self, line: Line<'_>, events: &mut Vec<AgentEvent>) {
        // Invalid UTF-8 inside a text must not cost the event around it.
        let text = String::from_utf8_lossy(line.bytes);
        let text = text.trim();
        if !line.cut
            && let Some(event) = json::object::<Event<'_>>(text)
        {
            self.plain.event();
            self.event(&event, events);
            return;
        }
        let mut recovered = false;
        event::recover(text, |event| {
            recovered = true;
            self.event(event, events);
        });
        self.plain.line(text, recovered, line.cut);
    }

    fn stderr(&mut self, line: Line<'_>, events: &mut Vec<AgentEvent>) {
        if line.cut {
            return;
        }
        match self.reader.line(&String::from_utf8_lossy(line.bytes)) {
            Said::Nothing => {}
            Said::Retrying(evidence, attempt) => {
                self.retrying = Some(evidence.clone());
                events.push(AgentEvent::Retrying { evidence: Box::new(evidence), attempt });
            }
            Said::GaveUp => self.retrying = None,
            Said::Words(words) => {
                if stderr::ends_retries(&words) {
                    self.retrying = None;
                }
                self.plain.hear(&words);
            }
        }
    }

    fn usage(&self) -> Option<Counted<Usage>> {
        self.usage.map(Counted::ThisTry)
    }

    fn report(&self, exit: Option<Exit>, now: Timestamp) -> Report {
        let zone = TimeZone::system();
        let plain_tail = self.plain.lines();
        let (words, evidence) = match &self.result {
            Some(TurnResult::Well(words)) if words.completed => (words.clone(), None),
            // The agent itself says that it is not done, or said nothing readable.
            Some(TurnResult::Well(words)) => {
                let why = Evidence::new("stream", Some(Category::AgentError), brief(&words.summary));
                (words.clone(), Some(why))
            }
            Some(TurnResult::Failed { told, said }) => {
                (FinalText::missing(said), Some(failed(told, said, exit, now, &zone)))
            }
            None => (FinalText::missing(NO_RESULT), self.cut_short(&plain_tail, exit, now, &zone)),
        };
        let lost = evidence.as_ref().is_some_and(|e| e.cause.as_deref() == Some(SESSION_LOST));
        Report {
            session_id: self.session.clone().filter(|_| !lost),
            tool_calls: Some(self.tool_calls),
            usage: self.usage(),
            cost: None,
            evidence,
            ended: self.result.is_some(),
            plain_tail,
            ..words.into_report()
        }
    }
}

impl Seen {
    fn event(&mut self, event: &Event<'_>, events: &mut Vec<AgentEvent>) {
        self.began |= event.kind.is_some();
        match (event.kind, event.role) {
            (Some("init"), _) => {
                self.reopen();
                if let Some(session) = event.session_id.filter(|session| !session.trim().is_empty()) {
                    self.session = Some(session.to_owned());
                    events.push(AgentEvent::Session(session.to_owned()));
                }
                events.push(AgentEvent::TurnStarted);
            }
            (Some("message"), Some("assistant")) => {
                self.goes_on();
                self.answer.push(event.content.as_deref().unwrap_or(""), event.timestamp);
                events.push(AgentEvent::Text);
            }
            (Some("tool_use"), _) => {
                self.goes_on();
                self.answer.clear();
                self.tool_calls += 1;
                events.push(AgentEvent::ToolStarted(event.tool_name.clone().unwrap_or_default()));
            }
            (Some("tool_result"), _) => {
                self.answer.clear();
                events.push(AgentEvent::ToolEnded);
            }
            (Some("error"), _) => self.trouble = event.message.clone(),
            (Some("result"), _) => {
                self.result(event);
                events.push(AgentEvent::End);
            }
            _ => {}
        }
    }

    /// A result that was told before is not the last.
    fn reopen(&mut self) {
        if self.result.take().is_some() {
            self.answer.clear();
        }
    }

    /// The model answered.
    fn goes_on(&mut self) {
        self.reopen();
        self.trouble = None;
        self.retrying = None;
    }

    fn result(&mut self, event: &Event<'_>) {
        if let Some(stats) = &event.stats {
            self.usage = Some(stats.usage());
            // Tools of a helper that the model called are counted there alone.
            self.tool_calls = self.tool_calls.max(stats.tool_calls.unwrap_or(0));
        }
        let told = event.error.as_ref().map(|error| error.message.clone().unwrap_or_default());
        // Anything but its word that it went well is no success.
        let failed = told.is_some() || event.status != Some("success");
        let why = told.filter(|told| !told.trim().is_empty()).or_else(|| self.trouble.clone());
        let unnamed = || failed.then(|| "ended with an error that it does not name".to_owned());
        self.result = Some(match why.or_else(unnamed) {
            Some(why) => TurnResult::failed(&why),
            None => TurnResult::Well(self.answer.understood()),
        });
    }

    /// Why there is no result: what was going on last, else what was said in plain words, else the exit code.
    fn cut_short(
        &self,
        plain: &[String],
        exit: Option<Exit>,
        now: Timestamp,
        zone: &TimeZone,
    ) -> Option<Evidence> {
        let refusal = self.reader.refusal().filter(|_| !self.began);
        if let Some(known) = self.retrying.as_ref().or(refusal) {
            return Some(known.clone());
        }
        if let Some(line) = plain.iter().rev().find(|line| stderr::session_is_lost(line)) {
            let lost = Evidence::new("stderr", Some(Category::AgentError), brief(line));
            return Some(lost.with_cause(SESSION_LOST));
        }
        // What the CLI said last counts, and the lines below it may name a time.
        let words = (0..plain.len()).rev().find_map(|from| {
            google::evidence(&plain[from], now, zone)?;
            google::evidence(&plain[from..].join("\n"), now, zone)
        });
        if let Some(mut words) = words {
            words.source = "stderr".to_owned();
            return Some(words);
        }
        match exit? {
            exit if exit.is_zero() => {
                Some(Evidence::new("stream", None, "gemini ended without telling a result"))
            }
            Exit::Code(code) => exit::evidence(code, plain.last().map(String::as_str)),
            Exit::Signal(_) => None,
        }
    }
}

impl TurnResult {
    /// A failure as told: `[API Error: …]` around words, or around the service's JSON. A tool that failed for good is
    /// named; what it said is left out.
    fn failed(why: &str) -> Self {
        // A hook of the user's stopped it; its reason may be anything.
        if why.starts_with("Agent execution ") {
            let said = text::bounded(why.trim(), FINAL_TEXT_LIMIT);
            return TurnResult::Failed { told: String::new(), said };
        }
        if let Some((tool, _)) =
            why.strip_prefix("Error executing tool ").and_then(|rest| rest.split_once(':'))
        {
            let said = format!("the tool {tool} failed for good");
            return TurnResult::Failed { told: said.clone(), said };
        }
        let said = match why.strip_prefix("[API Error: ") {
            None => why.trim().to_owned(),
            Some(inner) => stderr::service_message(inner)
                .unwrap_or_else(|| inner[..inner.rfind(']').unwrap_or(inner.len())].trim().to_owned()),
        };
        TurnResult::Failed {
            // The service's JSON may stand in a string of the service's JSON.
            told: text::bounded(&why.replace("\\\"", "\""), TOLD_LIMIT),
            said: text::bounded(&said, FINAL_TEXT_LIMIT),
        }
    }
}

/// A run that told its failure: by its words, else by the exit code.
fn failed(told: &str, said: &str, exit: Option<Exit>, now: Timestamp, zone: &TimeZone) -> Evidence {
    let by_code = match exit {
        Some(Exit::Code(code)) => exit::category(code),
        Some(Exit::Signal(_)) | None => None,
    };
    let mut evidence = google::evidence(told, now, zone).unwrap_or_else(|| {
        // The stream broke off inside an answer, or an answer broke off every time it was asked for.
        let torn = said == "terminated" || said.starts_with("Model stream ended without a finish reason");
        let torn = torn.then_some(Category::TransientInfra);
        Evidence::new("", Some(torn.or(by_code).unwrap_or(Category::AgentError)), "")
    });
    evidence.source = "stream".to_owned();
    evidence.message = brief(said);
    evidence
}

#[cfg(test)]
mod tests;
