//! What Codex says on lines that are no events: why it did not begin, and its own log on standard error.

use std::sync::LazyLock;

use regex::Regex;

use crate::failure::brief;
use crate::failure::pattern::regex;
use crate::model::evidence::SESSION_LOST;
use crate::model::{Category, Evidence, Exit};

/// Exit code of a command line that cannot be understood.
const USAGE_ERROR: Exit = Exit::Code(2);

static RECORD: LazyLock<Regex> =
    LazyLock::new(|| regex(r"^\d{4}-\d{2}-\d{2}T\S+Z\s+(?:ERROR|WARN|INFO|DEBUG|TRACE)\s"));

/// Tells the CLI's log records on standard error from its words. A record may go on over several lines and
/// quote tool output or the user's files, so no line of it is evidence. Where a quoted line begins like the CLI's last
/// words it is taken for them: nothing but a refusal to begin may be read from what is left.
#[derive(Debug, Default)]
pub(super) struct Records {
    inside: bool,
}

impl Records {
    /// Whether the next line belongs to a record.
    pub fn take(&mut self, line: &str) -> bool {
        let last_words = line.starts_with("Error") || line.starts_with("error: ");
        self.inside = RECORD.is_match(line) || (self.inside && !last_words);
        self.inside
    }
}

/// Why the CLI did not begin, if it says so.
pub(super) fn refusal(lines: &[String], exit: Option<Exit>) -> Option<Evidence> {
    const SETTINGS: [&str; 3] = ["Error loading config", "Error finding codex home", "Error: Model provider"];
    let mut rest = lines.iter();
    while let Some(line) = rest.next() {
        // Whatever keeps a session from being resumed will keep it the next time, too.
        if line.contains("thread/resume failed") || line.contains("no rollout found for thread id") {
            let lost = Evidence::new("stderr", Some(Category::AgentError), brief(line));
            return Some(lost.with_cause(SESSION_LOST));
        }
        if let Some(why) = line.strip_prefix("error: ").filter(|_| exit == Some(USAGE_ERROR)) {
            let refused = Evidence::new("stderr", Some(Category::HarnessLaunch), brief(why));
            return Some(refused.with_cause("bad_arguments"));
        }
        if SETTINGS.iter().any(|words| line.starts_with(words)) {
            // `Error loading config.toml:` says where and why on the next line.
            let why = rest.next().filter(|_| line.ends_with(':')).map_or("", String::as_str);
            let refused =
                Evidence::new("stderr", Some(Category::HarnessLaunch), brief(&format!("{line} {why}")));
            return Some(refused.with_cause("settings"));
        }
    }
    None
}
