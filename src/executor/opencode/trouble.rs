//! What do log lines say about requests that failed?
//!
//! Observed: every failed request of a turn is an ERROR line `stream error` at once, also when the CLI tries again
//! without a word elsewhere (after 2, 4, 8, 20 and 32 s, six requests in all, or when the provider says). The
//! request for the session's title runs beside the turn (`agent=title`) and costs nothing when it fails; it may go to
//! another provider (`small_model` in the user's settings), as `providerID` tells.
//! What the CLI's inner server could not do at all is an ERROR line `failed` with the reference of the stream's
//! `error` event: an unknown model is named nowhere else. A turn that gets on
//! begins its next step with INFO lines `loop` and `process`.

use std::sync::LazyLock;

use jiff::tz::TimeZone;
use regex::Regex;

use super::errors::RequestError;
use super::log_line::LogLine;
use crate::failure::pattern::regex;
use crate::model::{Category, Evidence, Timestamp};

/// What a session uses beside the model, as messages name it.
static USED: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)\b(?:mcp|tool|lsp|formatter|plugin|command|webfetch)\b"));

/// What a line meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Nothing for us.
    Nothing,
    /// A request failed, the n-th one in a row; the CLI may try again.
    Failed(u32),
    /// A session began its next step.
    GotOn,
}

/// Failures that nothing has mended since.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// The request that failed last, and whose session that was.
    request: Option<(String, Failed)>,
    in_a_row: u32,
    /// What the inner server could not do.
    server: Option<Failed>,
    /// Another error of a session.
    other: Option<Failed>,
    /// A failed request for a title, and where it went.
    title: Option<(Route, Failed)>,
    /// Where the requests of a turn go: those of the first session that made one, not those of its sub-agents.
    turn: Option<Route>,
}

/// What failed, and when that was told.
#[derive(Debug)]
struct Failed {
    error: RequestError,
    at: Option<Timestamp>,
}

/// Whose requests go to which provider.
#[derive(Debug, PartialEq, Eq)]
struct Route {
    session: String,
    provider: String,
}

impl Trouble {
    /// Takes the next line.
    pub fn take(&mut self, line: &LogLine) -> Meaning {
        let told = || if line.error.is_empty() { &line.message } else { &line.error };
        let failed = |error: RequestError| Failed { error, at: line.at };
        let route = || Route { session: line.session.clone(), provider: line.provider.clone() };
        let is_request = matches!(line.message.as_str(), "stream" | "stream error");
        if is_request
            && line.agent != "title"
            && !line.provider.is_empty()
            && self.turn.as_ref().is_none_or(|turn| turn.session == line.session)
        {
            self.turn = Some(route());
        }
        match (line.is_error(), line.message.as_str()) {
            (true, "stream error") if line.agent == "title" => {
                self.title = Some((route(), failed(RequestError::flat(&line.error))));
                Meaning::Nothing
            }
            (true, "stream error") => {
                // Whatever its words: it is what the CLI tries again.
                let error = RequestError { retryable: true, ..RequestError::flat(&line.error) };
                self.request = Some((line.session.clone(), failed(error)));
                self.in_a_row = self.in_a_row.saturating_add(1);
                Meaning::Failed(self.in_a_row)
            }
            (true, "failed") if !line.reference.is_empty() => {
                self.server = Some(failed(RequestError::flat(told())));
                Meaning::Nothing
            }
            (true, _) if !line.session.is_empty() && !is_beside(line) => {
                self.other = Some(failed(RequestError::flat(told())));
                Meaning::Nothing
            }
            (false, "loop" | "process" | "exiting loop") if !line.session.is_empty() => {
                if self.request.as_ref().is_some_and(|(session, _)| *session == line.session) {
                    self.got_on();
                }
                Meaning::GotOn
            }
            _ => Meaning::Nothing,
        }
    }

    /// The turn got on: what failed before is mended.
    pub fn got_on(&mut self) {
        self.request = None;
        self.in_a_row = 0;
        self.other = None;
    }

    /// The request that failed last.
    pub fn request(&self) -> Option<&RequestError> {
        self.request.as_ref().map(|(_, failed)| &failed.error)
    }

    /// The failure that explains most. A failed title only tells of a used-up account: that
    /// is the same for every request to this provider, and the turn's own may hang without a word. `now` stands for
    /// the time of a line that does not tell it.
    pub fn evidence(&self, source: &str, now: Timestamp, zone: &TimeZone) -> Option<Evidence> {
        // A wait that the words tell began when they were said.
        let judged = |failed: &Failed| failed.error.evidence(source, failed.at.unwrap_or(now), zone);
        let request = self.request.as_ref().map(|(_, failed)| failed);
        let first = self.server.as_ref().or(request).or(self.other.as_ref());
        first.map(judged).or_else(|| {
            let title = self.title.as_ref().filter(|(route, _)| self.turn.as_ref() == Some(route));
            let title = title.map(|(_, failed)| judged(failed));
            title.filter(|evidence| evidence.category == Some(Category::UsageLimit))
        })
    }
}

/// Whether a line tells of something that the session used: what that could not do is no failed request.
fn is_beside(line: &LogLine) -> bool {
    USED.is_match(&line.message) && !line.error.starts_with("AI_")
}
