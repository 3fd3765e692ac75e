//! A line of the CLI's own log: `E0714 01:25:07.072209 56800 server.go:861] words`.
//!
//! The first letter is the level, then month and day, then the local time, which some versions leave out.

use std::sync::LazyLock;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use regex::Regex;

use crate::failure::pattern::regex;
use crate::model::{Timestamp, text};

/// Longest kept message, in characters.
const LIMIT: usize = 500;

/// Files that hold credentials, or the user's settings: a line that names one is not repeated.
const PRIVATE: [&str; 3] = ["oauth_creds.json", "antigravity-oauth-token", "settings.json"];

static LINE: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"^([IWEF])(\d{2})(\d{2})(?:\s+(\d{2}):(\d{2}):(\d{2})(?:\.\d{1,9})?)?\b",
        r"[^\]]{0,200}\] ?(.*)$",
    ))
});
static CONVERSATION: LazyLock<Regex> =
    LazyLock::new(|| regex(r"^Print mode: conversation=([0-9a-fA-F-]{8,64})(?:[^0-9a-fA-F-]|$)"));

/// A line of the log, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// Whether it is an error, or a fatal one.
    pub is_error: bool,
    /// Whether it merely tells what is going on.
    pub is_info: bool,
    /// Month, day and time of day, where it has one.
    at: Option<[i8; 5]>,
    /// The words.
    pub message: &'a str,
}

/// Takes a line apart; what does not begin like one belongs to the line before, and may be anything.
pub(super) fn line(text: &str) -> Option<Line<'_>> {
    let found = LINE.captures(text)?;
    let number = |index| found.get(index).and_then(|part| part.as_str().parse::<i8>().ok());
    let at = || Some([number(2)?, number(3)?, number(4)?, number(5)?, number(6)?]);
    Some(Line {
        is_error: matches!(&found[1], "E" | "F"),
        is_info: &found[1] == "I",
        at: at(),
        message: found.get(7)?.as_str(),
    })
}

impl<'a> Line<'a> {
    /// The session, if this is the line that tells it.
    pub fn conversation(&self) -> Option<&'a str> {
        Some(CONVERSATION.captures(self.message)?.get(1)?.as_str())
    }

    /// The words of an error, if they may be repeated.
    pub fn error(&self) -> Option<String> {
        let may = self.is_error && !PRIVATE.iter().any(|name| self.message.contains(name));
        may.then(|| text::ellipsis(self.message.trim(), LIMIT)).filter(|message| !message.is_empty())
    }

    /// When it was written, to the second. The year is the one that brings it closest to `now`.
    pub fn time(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let [month, day, hour, minute, second] = self.at?;
        let year = now.to_zoned(zone.clone()).year();
        let at = |year| {
            let at = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
            Some(at.to_zoned(zone.clone()).ok()?.timestamp())
        };
        [at(year), at(year - 1), at(year + 1)]
            .into_iter()
            .flatten()
            .min_by_key(|at| at.as_second().abs_diff(now.as_second()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // 20-AF-AG-04
    #[test]
    fn the_session() {
        let id = "8eb5b287-eadb-4fc6-ae08-ae5f1ae773f3";
        for start in ["I0521 printmode.go:130]", "I0714 01:25:07.073800 56800 printmode.go:191]"] {
            let text = format!("{start} Print mode: conversation={id}, sending message");
            assert_eq!(line(&text).unwrap().conversation(), Some(id));
        }
        // What a prompt says about it is on a line of its own, or in the middle of one.
        assert_eq!(line(&format!("Print mode: conversation={id}, sending message")), None);
        let quoted = format!("I0521 x.go:1] prompt: Print mode: conversation={id}, x");
        assert_eq!(line(&quoted).unwrap().conversation(), None);
    }

    // 20-AF-AG-10
    #[test]
    fn only_errors_without_private_names_are_repeated() {
        let error = |text| line(text).and_then(|line| line.error());
        assert_eq!(error("E0101 00:00:00.000001 1 a.go:1] bad things"), Some("bad things".into()));
        assert_eq!(error("F0101 00:00:00.000001 1 a.go:1] the end"), Some("the end".into()));
        assert_eq!(error("I0101 00:00:00.000001 1 a.go:1] fine"), None);
        assert_eq!(error("W0101 00:00:00.000001 1 a.go:1] hm"), None);
        assert_eq!(error("E0101 00:00:00.000001 1 a.go:1] no /home/me/oauth_creds.json"), None);
        assert_eq!(error("context in between"), None);
        assert_eq!(error(&format!("E0101 a.go:1] {}", "x".repeat(9000))).unwrap().chars().count(), LIMIT);
    }

    #[test]
    fn times_have_no_year() {
        let time = |text, now: &str| line(text).unwrap().time(now.parse().unwrap(), &TimeZone::UTC);
        let late = "E1231 23:59:58.5 1 a.go:1] x";
        assert_eq!(time(late, "2027-01-01T00:00:05Z"), Some("2026-12-31T23:59:58Z".parse().unwrap()));
        assert_eq!(time(late, "2026-12-31T23:59:59Z"), Some("2026-12-31T23:59:58Z".parse().unwrap()));
        assert_eq!(time("E0521 a.go:1] x", "2026-12-31T23:59:59Z"), None);
        assert_eq!(time("E0230 00:00:00.1 1 a.go:1] x", "2026-12-31T23:59:59Z"), None);
    }
}
