//! One line of standard error after the other: retries, refusals, and plain words.
//!
//! Observed, and relied on here:
//! * A failed request that is tried again is told as `Attempt 2 failed with status 429. Retrying with backoff... ` and the
//!   error, or as `Attempt 1 failed: ` and the error, over several lines, up to `. Retrying after 5549ms...`. When it is given
//!   up, the same ends in `Max attempts reached`. The next request begins with attempt 1 again.
//! * Every error is followed by its stack and its fields, all indented, up to a lone `}`.
//! * `Error executing tool NAME: ` is followed by whatever the tool said, over any number of lines: not to be looked at.
//! * A command line that is not understood is answered with the whole help text.

use std::sync::LazyLock;

use jiff::tz::TimeZone;
use regex::Regex;

use crate::executor::google;
use crate::failure::brief;
use crate::failure::pattern::regex;
use crate::model::{Category, Evidence, Timestamp};

static ATTEMPT: LazyLock<Regex> =
    LazyLock::new(|| regex(r"^Attempt (\d{1,4}) failed(?: with (?:status )?(\d{3}|5xx)\b[^.:]*)?[.:]"));
static TRIES_AGAIN: LazyLock<Regex> = LazyLock::new(|| regex(r"Retrying (?:with backoff|after \d+ms)\.\.\."));
static COLOUR: LazyLock<Regex> = LazyLock::new(|| regex("\u{1b}\\[[0-9;]*m"));

/// Lines that say nothing, by their beginnings.
const NOISE: [&str; 6] = [
    "Warning: True color",
    "Warning: Basic terminal",
    "Warning: 256-color",
    "YOLO mode is enabled.",
    "Ripgrep is not available.",
    "[STARTUP] ",
];

/// Beginnings of the CLI's own lines, which end whatever a tool has said.
const OWN: [&str; 6] = [
    "Attempt ",
    "Error when talking to Gemini API",
    "Error generating content via API",
    "[Routing] ",
    "An unexpected critical error occurred",
    "FATAL ERROR: ",
];

/// Most characters of an error over several lines that are looked at.
const ATTEMPT_LIMIT: usize = 4000;

/// What a line means.
#[derive(Debug)]
pub(super) enum Said {
    /// Nothing that matters.
    Nothing,
    /// A request is tried again: evidence of why, and the number of the attempt that failed.
    Retrying(Evidence, u32),
    /// A request was tried for the last time.
    GaveUp,
    /// Words of the CLI.
    Words(String),
}

/// Where in the output we are.
#[derive(Debug, Default)]
enum Within {
    #[default]
    Nothing,
    /// An attempt that failed, whose text goes on until it tells what happens next.
    Attempt(String),
    /// What a tool said.
    Tool,
    /// The help text.
    Help,
}

/// Reads standard error line by line.
#[derive(Debug, Default)]
pub(super) struct Reader {
    within: Within,
    /// The CLI refused its command line.
    refusal: Option<Evidence>,
}

impl Reader {
    /// Why the CLI did not take its command line.
    pub fn refusal(&self) -> Option<&Evidence> {
        self.refusal.as_ref()
    }

    /// The next line. A retry's wait is a span, so no time is needed to read it.
    pub fn line(&mut self, line: &str) -> Said {
        let line = COLOUR.replace_all(line, "");
        let line = line.trim_end();
        // Many tools refuse their command line in the same words.
        let quoted = matches!(self.within, Within::Tool | Within::Attempt(_));
        if let Some(refusal) = refused(line).filter(|_| !quoted) {
            // The line below it tells more.
            self.refusal = Some(refusal);
            return Said::Nothing;
        }
        let own = OWN.iter().any(|beginning| line.starts_with(beginning));
        match &mut self.within {
            Within::Help => return Said::Nothing,
            Within::Attempt(text) if !own => {
                text.push('\n');
                text.push_str(&line.chars().take(ATTEMPT_LIMIT).collect::<String>());
                return self.attempt();
            }
            Within::Tool if !own => return Said::Nothing,
            Within::Attempt(_) | Within::Tool | Within::Nothing => self.within = Within::Nothing,
        }
        if ATTEMPT.is_match(line) {
            self.within = Within::Attempt(line.chars().take(ATTEMPT_LIMIT).collect());
            return self.attempt();
        }
        if line.starts_with("Error executing tool ") {
            self.within = Within::Tool;
            return Said::Nothing;
        }
        if line.starts_with("Usage: gemini") {
            self.within = Within::Help;
            return Said::Nothing;
        }
        let detail = line.starts_with(char::is_whitespace) || line.chars().all(|c| "{}[],".contains(c));
        if detail || NOISE.iter().any(|beginning| line.starts_with(beginning)) {
            return Said::Nothing;
        }
        Said::Words(line.to_owned())
    }

    /// The attempt that failed, once its text is complete.
    fn attempt(&mut self) -> Said {
        let Within::Attempt(text) = &self.within else { return Said::Nothing };
        let again = TRIES_AGAIN.is_match(text);
        let over = text.contains("Max attempts reached");
        if !again && !over && text.len() < ATTEMPT_LIMIT {
            return Said::Nothing;
        }
        let said = match (again, over) {
            (true, _) => retrying(text),
            (false, true) => Said::GaveUp,
            (false, false) => Said::Nothing,
        };
        self.within = Within::Nothing;
        said
    }
}

/// A request that is tried again. Whatever the service calls it, the CLI takes it for something that passes.
fn retrying(text: &str) -> Said {
    let Some(head) = ATTEMPT.captures(text) else { return Said::Nothing };
    let attempt = head[1].parse().unwrap_or(0);
    let status = head.get(2).map(|status| status.as_str());
    let by_status = match status {
        Some("5xx") => Some(Category::TransientInfra),
        Some(status) => status.parse().ok().and_then(google::category),
        None => None,
    };
    // No text that is looked at here names a time of day.
    let by_words = google::evidence(text, Timestamp::UNIX_EPOCH, &TimeZone::UTC);
    let category = match by_words.as_ref().and_then(|evidence| evidence.category).or(by_status) {
        Some(Category::UsageLimit) => Category::ShortRateLimit,
        Some(category) => category,
        None => Category::TransientInfra,
    };
    let words = message(text[head[0].len()..].trim());
    let status = status.map(|status| format!(" (HTTP {status})")).unwrap_or_default();
    let mut evidence =
        Evidence::new("stderr", Some(category), brief(&format!("retry {attempt}: {words}{status}")));
    evidence.retry_after = by_words.and_then(|evidence| evidence.retry_after);
    Said::Retrying(evidence, attempt)
}

/// The words of an error: the message of the service's JSON, else the text without what the CLI says about its retry.
fn message(text: &str) -> String {
    let text = TRIES_AGAIN.replace(text, "");
    let text = text.trim();
    text.find('{')
        .and_then(|at| service_message(&text[at..]))
        .unwrap_or_else(|| text.lines().next().unwrap_or("").trim_end_matches(['.', ' ']).to_owned())
}

/// `message` of `{"error":{"code":…,"message":…,"status":…}}` at the beginning of a text; the message may be
/// such an object again.
pub(super) fn service_message(text: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Body {
        error: Inner,
    }
    #[derive(serde::Deserialize)]
    struct Inner {
        message: String,
    }
    let read = |text: &str| serde_json::Deserializer::from_str(text).into_iter::<Body>().next()?.ok();
    let outer = read(text)?.error.message;
    Some(read(&outer).map_or(outer, |inner| inner.error.message))
}

/// A command line that was not understood.
fn refused(line: &str) -> Option<Evidence> {
    let launch = |message: &str, cause| {
        Evidence::new("stderr", Some(Category::HarnessLaunch), message).with_cause(cause)
    };
    let line = line.trim();
    let format = "Argument: output-format, Given: \"stream-json\"";
    let unknown = line.strip_prefix("Unknown argument");
    if line.starts_with(format) || unknown.is_some_and(|rest| rest.contains("output-format")) {
        let message = "this gemini cannot tell its progress (`--output-format stream-json`): update it to 0.11.0 or later";
        return Some(launch(message, "old_version"));
    }
    let usage = ["Invalid values:", "Not enough arguments following", "Missing required argument"];
    (unknown.is_some() || usage.iter().any(|beginning| line.starts_with(beginning)))
        .then(|| launch(&brief(line), "unknown_option"))
}

/// Whether these words end the retries before them: they prove something, or say that the CLI gave up.
pub(super) fn ends_retries(words: &str) -> bool {
    const OVER: [&str; 3] =
        ["Error when talking to Gemini API", "An unexpected critical error occurred", "FATAL ERROR: "];
    OVER.iter().any(|beginning| words.starts_with(beginning))
        // No text that is looked at here names a time of day.
        || google::evidence(words, Timestamp::UNIX_EPOCH, &TimeZone::UTC).is_some()
}

/// Whether the CLI says that it does not have the session which it was to resume.
pub(super) fn session_is_lost(line: &str) -> bool {
    line.starts_with("Error resuming session: ")
}
