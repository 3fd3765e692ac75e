//! The words and numbers of the screen, without colours and without writing anything.
//! Widths are in terminal cells. Foreign texts are sanitised here, where they come in.

use std::time::Duration;

use jiff::tz::TimeZone;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::sanitize;
use crate::laps::Lap;
use crate::model::text::{count, duration};
use crate::model::{Runner, Timestamp, time};
use crate::relay::event::{Retry, RunEnd, RunVerdict, Tally, Wait};
use crate::store::records::TryRecord;

/// Between the fields of a footer or a summary.
pub const GAP: &str = "  │  ";

/// Separators are never wider, however wide the terminal is.
const WIDEST_RULE: usize = 80;

/// Stands where there is nothing to say.
pub const NOTHING: &str = "—";

/// A separator made of `dash`: as wide as the terminal, at least 1 and at most 80 cells.
pub fn rule(dash: char, width: usize) -> String {
    std::iter::repeat_n(dash, width.clamp(1, WIDEST_RULE)).collect()
}

/// The first `cells` cells of a text, the last of them `…` when something was cut. In a
/// single cell the first character says more than an ellipsis.
pub fn cut(text: &str, cells: usize) -> String {
    if text.width() <= cells {
        return text.to_owned();
    }
    let (room, end) = if cells > 1 { (cells - 1, "…") } else { (cells, "") };
    let mut kept = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > room {
            break;
        }
        kept.push(c);
    }
    kept + end
}

/// The header's label: `[2/18] VERIFY: codex - gpt - Its title - started 16:40`, with the role and the title only
/// when a lap has them, cut to two cells less than the terminal has (its indentation).
pub fn header_label(
    (iteration, target): (u64, u64),
    lap: Option<&Lap>,
    runner: &Runner,
    at: Timestamp,
    zone: &TimeZone,
    width: usize,
) -> String {
    let title = lap.map(|lap| match sanitize::line(&lap.title) {
        title if title.trim().is_empty() => " - Untitled task".to_owned(),
        title => format!(" - {title}"),
    });
    let started = at.to_zoned(zone.clone()).strftime("%H:%M").to_string();
    let role = lap.and_then(|lap| lap.assignee.as_deref()).unwrap_or_default().trim();
    let role = if role.is_empty() { String::new() } else { role.to_uppercase() + ": " };
    let label = sanitize::line(&format!("[{iteration}/{target}] {role}{}", runner.label()));
    let end = format!(" - started {started}");
    // A title gives way to the time.
    let room = width.saturating_sub(2 + label.width() + end.width());
    let title = title.map(|title| cut(&title, room)).unwrap_or_default();
    cut(&format!("{label}{title}{end}"), width.saturating_sub(2))
}

/// Below the header of a lap: its id.
pub fn lap_line(lap: &Lap) -> String {
    format!("lap {}", sanitize::line(&lap.id))
}

/// How a run ended, with its sign: `✓ passed on try 2/5`, `✗ failed after 5 tries`, `• cancelled`.
pub fn outcome(run: &RunEnd) -> String {
    match (&run.verdict, run.attempts) {
        (RunVerdict::Passed { .. }, 0 | 1) => "✓ passed".to_owned(),
        (RunVerdict::Passed { .. }, k) => format!("✓ passed on try {k}/{}", run.max_attempts),
        (RunVerdict::Failed { .. }, 0 | 1) => "✗ failed".to_owned(),
        (RunVerdict::Failed { .. }, k) => format!("✗ failed after {k} tries"),
        (RunVerdict::Cancelled { .. }, _) => "• cancelled".to_owned(),
    }
}

/// The rest of a footer: duration, files, and the commit, the reason or the source.
pub fn footer_rest(run: &RunEnd) -> String {
    let extra = match &run.verdict {
        RunVerdict::Passed { commit: Some((hash, subject)) } => commit(hash, subject),
        RunVerdict::Passed { commit: None } => NOTHING.to_owned(),
        RunVerdict::Failed { reason } => or_nothing(reason),
        RunVerdict::Cancelled { source } => format!("source: {}", source.as_str()),
    };
    [duration(run.duration), count(run.files, "file"), extra].join(GAP)
}

/// `abc1234 (subject)`, or the short hash alone.
fn commit(hash: &str, subject: &str) -> String {
    let short: String = sanitize::line(hash).chars().take(7).collect();
    match sanitize::line(subject) {
        subject if subject.is_empty() => short,
        subject => format!("{short} ({subject})"),
    }
}

fn or_nothing(text: &str) -> String {
    let text = sanitize::line(text);
    if text.is_empty() { NOTHING.to_owned() } else { text }
}

/// `↻ retrying 2/5 · last: <reason> (42s, 1 file) · in 4s`
pub fn retry_line(record: &TryRecord, retry: &Retry) -> String {
    let mut line = format!(
        "↻ retrying {}/{} · last: {} ({}, {})",
        retry.attempt.saturating_add(1),
        retry.max_attempts,
        or_nothing(record.fail_reason.as_deref().unwrap_or_default()),
        duration(Duration::from_millis(record.runtime_ms)),
        count(record.files_changed.len(), "file"),
    );
    if retry.wait >= Duration::from_secs(1) {
        line += &format!(" · in {}", remaining(retry.wait));
    }
    line
}

/// The first field of the summary. A relay short of its target is not complete.
pub fn summary_runs(tally: &Tally) -> String {
    let word = if tally.complete { "complete" } else { "stopped" };
    format!("Relay {word}: {}", count(tally.runs, "run"))
}

/// What a countdown shows: `30s` (rounded to seconds), from one minute on `59m`, `2h 5m`.
pub fn remaining(time: Duration) -> String {
    let secs = time.saturating_add(Duration::from_millis(500)).as_secs();
    match secs {
        ..60 => format!("{secs}s"),
        60..3600 => format!("{}m", secs / 60),
        _ => format!("{}h {}m", secs / 3600, secs % 3600 / 60),
    }
}

/// `all agents paused, waiting 59m (claude, resets 14:05)`; `rate limit, retrying in 58s`.
pub fn waiting(wait: &Wait, time: Duration, now: Timestamp, zone: &TimeZone) -> String {
    let time = remaining(time);
    match wait {
        Wait::Runner { why, who, is_reset, at, .. } => {
            let who = who.as_ref().map(|who| sanitize::line(&who.label()) + ", ").unwrap_or_default();
            let verb = if *is_reset { "resets" } else { "until" };
            format!("{why}, waiting {time} ({who}{verb} {})", time::clock(*at, now, zone))
        }
        Wait::Attempt { why } => format!("{}, retrying in {time}", sanitize::line(why)),
        Wait::Cycle => format!("every agent has failed, trying again in {time}"),
        Wait::Trouble { what } => format!("{}, waiting {time}", sanitize::line(what)),
    }
}

#[cfg(test)]
mod tests;
