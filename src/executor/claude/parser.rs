//! Reads the event stream.
//!
//! What was observed and is relied on here:
//! * A process can report several `result` events: with background tasks the turn ends, the
//!   process waits for them, announces a new turn with `system/init` and reports again. The last one counts.
//! * `usage` of a `result` is that turn's alone, so several are added up; `total_cost_usd` grows over
//!   turns and over resumed processes, so the last one is the whole session's.
//! * `subtype` stays `success` when a request failed for good; `is_error` tells.
//! * Exit code 0 proves nothing: an interrupted process ends with it, without a `result`.

use jiff::tz::TimeZone;

use super::errors::{self, ApiError};
use super::event::{self, Answer, Block, Envelope, Event};
use super::limits::RateLimit;
use super::words;
use crate::executor::final_text::{FinalText, MALFORMED, NO_RESULT};
use crate::executor::json;
use crate::executor::line_parser::{LineParser, Lines};
use crate::executor::lines::Line;
use crate::executor::plain::PlainTail;
use crate::executor::{AgentEvent, Counted, Report};
use crate::failure::brief;
use crate::model::evidence::SESSION_LOST;
use crate::model::text::{self, FINAL_TEXT_LIMIT};
use crate::model::{Category, Evidence, Exit, Timestamp, Usage};

/// Reads what one `claude` process prints.
pub type ClaudeParser = LineParser<Seen>;

/// The stream so far.
#[derive(Debug, Default)]
pub struct Seen {
    session: Option<String>,
    tool_calls: u64,
    usage: Option<Usage>,
    cost: Option<f64>,
    result: Option<TurnResult>,
    /// A turn began after the last result.
    turn_open: bool,
    /// The account's window was rejected, with its end in epoch seconds.
    rejected: Option<Option<i64>>,
    /// The request that failed last, unless the model answered since.
    api_error: Option<ApiError>,
    /// The retry that was announced last, unless the model answered since.
    retrying: Option<Evidence>,
    plain: PlainTail,
}

/// A `result` event.
#[derive(Debug)]
struct TurnResult {
    failed: bool,
    /// The turn ended on this side of the service, with words that may be a tool's.
    local: bool,
    words: FinalText,
    error: ApiError,
}

impl Lines for Seen {
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
                self.event(&event, text, events);
            }
            return;
        }
        let mut recovered = false;
        let session = self.session.clone();
        event::recover(text, session.as_deref(), |event, source, ours| {
            // Events of others are no plain words either.
            recovered = true;
            if ours {
                self.event(event, source, events);
            }
        });
        self.plain.line(text, recovered, line.cut);
    }

    /// Both streams share one pipe.
    fn stderr(&mut self, line: Line<'_>, events: &mut Vec<AgentEvent>) {
        self.stdout(line, events);
    }

    fn usage(&self) -> Option<Counted<Usage>> {
        self.usage.map(Counted::ThisTry)
    }

    fn report(&self, exit: Option<Exit>, now: Timestamp) -> Report {
        let zone = TimeZone::system();
        let result = self.result.as_ref().filter(|_| !self.turn_open);
        let words = result.map_or_else(|| FinalText::missing(NO_RESULT), |result| result.words.clone());
        let plain_tail = self.plain.lines();
        let evidence = match result {
            Some(_) if words.completed => None,
            Some(result) => Some(self.failed_result(result, now, &zone)),
            None => self.cut_short(&plain_tail, exit, now, &zone),
        };
        let lost = evidence.as_ref().is_some_and(|e| e.cause.as_deref() == Some(SESSION_LOST));
        Report {
            // The CLI echoes an id that it does not know, and a cost of nothing.
            session_id: self.session.clone().filter(|_| !lost),
            cost: self.cost.filter(|_| !lost).map(Counted::WholeSession),
            tool_calls: Some(self.tool_calls),
            usage: self.usage(),
            evidence,
            ended: result.is_some(),
            plain_tail,
            ..words.into_report()
        }
    }
}

impl Seen {
    /// Whether an event is another process', whose output got into this pipe, or stands in a torn event's text. Every
    /// event names its session, and a new one is begun by `system/init` alone. What decides nothing may do without.
    fn is_foreign(&self, event: &Event<'_>) -> bool {
        let begins = (event.kind, event.subtype) == (Some("system"), Some("init"));
        let decides = matches!(event.kind, Some("result" | "rate_limit_event"));
        match (&self.session, event.session_id) {
            (Some(ours), Some(told)) => ours != told && (self.plain.is_torn() || !begins),
            (Some(_), None) => self.plain.is_torn() || decides,
            (None, _) => false,
        }
    }

    fn event(&mut self, event: &Event<'_>, source: &str, events: &mut Vec<AgentEvent>) {
        if let Some(session) = event.session_id.filter(|session| !session.trim().is_empty())
            && self.session.as_deref() != Some(session)
        {
            self.session = Some(session.to_owned());
            events.push(AgentEvent::Session(session.to_owned()));
        }
        match (event.kind, event.subtype) {
            (Some("system"), Some("init")) => {
                self.turn_open = self.result.is_some();
                events.push(AgentEvent::TurnStarted);
            }
            (Some("system"), Some("api_retry")) => self.retry(event, events),
            (Some("system"), Some("background_tasks_changed")) => {
                let running = event.tasks.as_ref().map_or(0, Vec::len);
                events.push(AgentEvent::BackgroundTasks(running));
            }
            (Some("assistant"), _) => self.assistant(event, source, events),
            (Some("user"), _) => {
                let blocks = Envelope::blocks(source).into_iter();
                let ended = blocks.filter(|block| matches!(block, Block::ToolResult {})).count();
                if ended > 0 {
                    // A sub-agent's request that failed is over with the sub-agent.
                    self.api_error = None;
                    self.retrying = None;
                }
                events.extend(std::iter::repeat_n(AgentEvent::ToolEnded, ended));
            }
            (Some("rate_limit_event"), _) => {
                let info = event.rate_limit_info.as_ref();
                self.rejected = info.filter(|info| info.is_rejected()).map(|info| info.resets_at);
                let windows = info.map(RateLimit::windows).unwrap_or_default();
                if !windows.is_empty() {
                    events.push(AgentEvent::Quota(windows));
                }
            }
            (Some("result"), _) => self.result(event, events),
            _ => {}
        }
    }

    fn retry(&mut self, event: &Event<'_>, events: &mut Vec<AgentEvent>) {
        let category = errors::category(event.error, event.error_status).unwrap_or(Category::TransientInfra);
        let attempt = event.attempt.unwrap_or(0);
        let status = event.error_status.map_or("no answer".to_owned(), |status| format!("HTTP {status}"));
        let name = event.error.unwrap_or("unknown");
        let message = brief(&format!("retry {attempt}: {name} ({status})"));
        let mut evidence = Evidence::new("stream", Some(category), message);
        evidence.retry_after =
            event.retry_delay_ms.and_then(|ms| std::time::Duration::try_from_secs_f64(ms / 1000.0).ok());
        self.retrying = Some(evidence.clone());
        events.push(AgentEvent::Retrying { evidence: Box::new(evidence), attempt });
    }

    fn assistant(&mut self, event: &Event<'_>, source: &str, events: &mut Vec<AgentEvent>) {
        let mut said = String::new();
        for block in Envelope::blocks(source) {
            match block {
                Block::Text { text } => {
                    // A result that was told before is not the last.
                    self.turn_open = true;
                    events.push(AgentEvent::Text);
                    said = text;
                }
                Block::ToolUse { name } => {
                    self.turn_open = true;
                    self.tool_calls += 1;
                    events.push(AgentEvent::ToolStarted(name));
                }
                Block::ToolResult {} | Block::Other => {}
            }
        }
        self.retrying = None;
        if event.error.is_none() {
            // The model answered all the same, on paid overage.
            self.rejected = None;
            self.plain.went_on();
        }
        self.api_error = event.error.map(|name| ApiError {
            name: Some(name.to_owned()),
            detail: event.api_error.map(str::to_owned),
            status: event.api_error_status,
            text: text::bounded(&said, FINAL_TEXT_LIMIT),
            resets_at: None,
        });
    }

    fn result(&mut self, event: &Event<'_>, events: &mut Vec<AgentEvent>) {
        if let Some(tokens) = &event.usage {
            let turn = tokens.usage();
            let sum = self.usage.get_or_insert_default();
            sum.input_tokens = sum.input_tokens.saturating_add(turn.input_tokens);
            sum.cached_input_tokens = sum.cached_input_tokens.saturating_add(turn.cached_input_tokens);
            sum.output_tokens = sum.output_tokens.saturating_add(turn.output_tokens);
            sum.reasoning_tokens = sum.reasoning_tokens.saturating_add(turn.reasoning_tokens);
        }
        self.cost = event.total_cost_usd.filter(|cost| cost.is_finite()).or(self.cost);
        let local = event.subtype.is_some_and(|subtype| subtype.starts_with("error"));
        let failed = event.is_error == Some(true) || local;
        let said = match (&event.result, event.errors.as_deref()) {
            (Some(Answer::Text(text)), _) if !text.trim().is_empty() => text.clone(),
            // What the CLI notes for its own makers says nothing to anybody.
            (_, Some([first, ..])) if !first.starts_with("[ede_diagnostic]") => first.clone(),
            _ if failed => format!("ended with {}", event.subtype.unwrap_or("an error")),
            _ => String::new(),
        };
        let words = match &event.result {
            _ if failed => FinalText::missing(&text::bounded(said.trim(), FINAL_TEXT_LIMIT)),
            Some(Answer::Text(answer)) => FinalText::from_text(answer),
            Some(Answer::Structured(object)) => FinalText::from_structured(object.clone()),
            Some(Answer::Other(_)) => FinalText::missing(MALFORMED),
            None => FinalText::missing(NO_RESULT),
        };
        let typed = self.api_error.is_some() || event.api_error.is_some() || event.api_error_status.is_some();
        let error = self.api_error.take().unwrap_or_default();
        self.result = Some(TurnResult {
            failed,
            local: local && !typed && !said.starts_with("API Error"),
            words,
            error: ApiError {
                detail: event.api_error.map(str::to_owned).or(error.detail),
                status: event.api_error_status.or(error.status),
                name: error.name,
                text: text::bounded(&said, FINAL_TEXT_LIMIT),
                resets_at: None,
            },
        });
        self.turn_open = false;
        events.push(AgentEvent::End);
    }

    /// Why a turn that reported its end did not do its work.
    fn failed_result(&self, result: &TurnResult, now: Timestamp, zone: &TimeZone) -> Evidence {
        if !result.failed {
            // The agent itself says that it is not done, or said nothing readable.
            return Evidence::new("stream", Some(Category::AgentError), brief(&result.words.summary));
        }
        if words::session_is_lost(&result.error.text) {
            return session_lost(&result.error.text);
        }
        if result.local {
            return Evidence::new("stream", Some(Category::AgentError), brief(&result.error.text));
        }
        self.with_window(&result.error).evidence("stream", now, zone)
    }

    /// Why there is no result: what was going on last, else what was said in plain words.
    fn cut_short(
        &self,
        plain: &[String],
        exit: Option<Exit>,
        now: Timestamp,
        zone: &TimeZone,
    ) -> Option<Evidence> {
        if let Some(error) = &self.api_error {
            return Some(self.with_window(error).evidence("stream", now, zone));
        }
        if self.rejected.is_some() {
            let text = "the account's window is used up".to_owned();
            let error = ApiError { status: Some(429), text, ..ApiError::default() };
            return Some(self.with_window(&error).evidence("stream", now, zone));
        }
        if let Some(retrying) = &self.retrying {
            return Some(retrying.clone());
        }
        let said = (0..plain.len()).rev().find_map(|from| {
            let line = &plain[from];
            // The lines below it may name a time.
            let proved = || words::evidence(line, now, zone).map(|_| plain[from..].join("\n"));
            words::refusal(line)
                .or_else(|| words::session_is_lost(line).then(|| session_lost(line)))
                .or_else(|| words::evidence(&proved()?, now, zone))
        });
        let silent = exit.is_some_and(Exit::is_zero);
        said.or_else(|| {
            silent.then(|| Evidence::new("stream", None, "claude ended without telling a result"))
        })
    }

    /// The error, with the end of the account's window if that was rejected.
    fn with_window(&self, error: &ApiError) -> ApiError {
        let mut error = error.clone();
        if let Some(resets_at) = self.rejected {
            error.resets_at = resets_at;
            let limited = error.status == Some(429) || error.name.as_deref() == Some("rate_limit");
            if limited && error.detail.is_none() {
                error.detail = Some("usage_limit_reached".to_owned());
            }
        }
        error
    }
}

fn session_lost(text: &str) -> Evidence {
    Evidence::new("stream", Some(Category::AgentError), brief(text)).with_cause(SESSION_LOST)
}
