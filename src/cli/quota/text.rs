//! The report for people. Pure: time and zone are passed in.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::{LimitLine, Report, WindowLine};
use crate::model::text::count;
use crate::model::{Timestamp, time};
use crate::terminal::sanitize;
use crate::terminal::style::{Palette, Tone};

/// What is said where nothing is known at all.
const NOTHING: &str = "no windows are known yet: claude tells them while it works on a subscription, codex when a \
                       try ends; other CLIs never tell theirs";

const HEAD: [&str; 6] = ["SCOPE", "WINDOW", "USED", "RESETS", "TOLD BY", "AGE"];

/// More is as good as this.
const MOST_PERCENT: f64 = 999.0;

/// A line of the table, and what is to be marked in it.
struct Row {
    cells: [String; 6],
    remark: String,
    tone: Option<Tone>,
}

/// The lines of a report.
pub(super) fn lines(report: &Report, now: Timestamp, zone: &TimeZone, palette: Palette) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rows = Vec::new();
    for scope in &report.scopes {
        for (index, window) in scope.windows.iter().enumerate() {
            let name = if index == 0 { sanitize::line(&scope.scope) } else { String::new() };
            rows.push(row(name, window, now, zone));
        }
    }
    if rows.is_empty() {
        lines.push(NOTHING.to_owned());
    } else {
        lines.extend(table(&rows, palette));
    }
    for limit in &report.limits {
        lines.push(palette.paint(Tone::Bad, sanitize::line(&limit_line(limit, now, zone))));
    }
    for untold in &report.untold {
        let why = if untold.tells { "not told yet" } else { "its CLI does not tell its windows" };
        let text = sanitize::line(&format!("{}: {why}", untold.scope));
        lines.push(palette.paint(Tone::Dim, text));
    }
    lines
}

fn row(scope: String, window: &WindowLine, now: Timestamp, zone: &TimeZone) -> Row {
    let used = window.used.filter(|_| !window.begun_anew);
    let resets = match window.resets_at {
        Some(_) if window.begun_anew => "has begun anew".to_owned(),
        Some(at) => when(at, now, zone),
        None => "not told".to_owned(),
    };
    let cells = [
        scope,
        label(window),
        used.map_or("-".to_owned(), |used| format!("{:.0} %", (used * 100.0).min(MOST_PERCENT))),
        resets,
        sanitize::line(&window.told_by),
        span(time::since(window.told_at, now)),
    ];
    let (remark, tone) = match window {
        WindowLine { used_up: true, whole: false, .. } => ("used up, for some models", Some(Tone::Warn)),
        WindowLine { used_up: true, resets_at: None, .. } => {
            ("used up, nobody knows how long", Some(Tone::Warn))
        }
        WindowLine { used_up: true, .. } => ("used up", Some(Tone::Bad)),
        WindowLine { begun_anew: true, .. } => ("", Some(Tone::Dim)),
        WindowLine { .. } => ("", None),
    };
    Row { cells, remark: remark.to_owned(), tone }
}

fn table(rows: &[Row], palette: Palette) -> Vec<String> {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row.cells[column].chars().count());
        cells.chain([HEAD[column].len()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    let line = |cells: &[&str], remark: &str| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let text = padded.chain([remark.to_owned()]).collect::<Vec<_>>().join("  ");
        text.trim_end().to_owned()
    };
    let mut lines = vec![palette.paint(Tone::Dim, line(&HEAD, ""))];
    for Row { cells, remark, tone } in rows {
        let text = line(&cells.each_ref().map(String::as_str), remark);
        lines.push(tone.map_or(text.clone(), |tone| palette.paint(tone, &text)));
    }
    lines
}

fn limit_line(limit: &LimitLine, now: Timestamp, zone: &TimeZone) -> String {
    let relay = limit.relay_id.map(|id| format!(", in relay #{id}")).unwrap_or_default();
    let (until, since) = (when(limit.until, now, zone), span(time::since(limit.since, now)));
    format!("{}: a usage limit was met {since} ago{relay}; it ends {until}", limit.scope)
}

/// `5 hours`, `7 days`, `90 minutes`; with the CLI's own name where that says more.
fn label(window: &WindowLine) -> String {
    let name = sanitize::line(&window.name);
    let length = window.minutes.map(|minutes| match minutes {
        _ if minutes % (24 * 60) == 0 => count((minutes / (24 * 60)) as usize, "day"),
        _ if minutes % 60 == 0 => count((minutes / 60) as usize, "hour"),
        _ => count(minutes as usize, "minute"),
    });
    match length {
        Some(length) if window.whole => length,
        Some(length) => format!("{length} ({name})"),
        None => name,
    }
}

/// `in 2h 5m (18:30)`, `in 4d 3h (2026-11-28 07:45)`.
fn when(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    format!("in {} ({})", span(time::since(now, at)), time::clock(at, now, zone))
}

/// The two largest units: `40s`, `12m`, `2h 5m`, `4d 3h`.
fn span(length: Duration) -> String {
    let seconds = length.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m"),
        (0, ..) => format!("{hours}h {}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ScopeLine, UntoldLine, VERSION};
    use super::*;
    use insta::assert_snapshot;

    const PLAIN: Palette = Palette { colour: false };

    fn at(text: &str) -> Timestamp {
        format!("2026-11-{text}:00Z").parse().unwrap()
    }

    fn now() -> Timestamp {
        at("23T12:00")
    }

    fn window(name: &str, minutes: Option<u64>, used: Option<f64>, resets: Option<&str>) -> WindowLine {
        let resets_at = resets.map(at);
        let begun_anew = resets_at.is_some_and(|at| at <= now());
        WindowLine {
            name: name.into(),
            minutes,
            used,
            resets_at,
            rejected: false,
            used_up: used >= Some(1.0) && !begun_anew,
            whole: !name.contains('/'),
            begun_anew,
            told_by: "claude".into(),
            told_at: at("23T11:48"),
        }
    }

    fn report(scopes: Vec<ScopeLine>) -> Report {
        Report { v: VERSION, workspace: "/w".into(), scopes, limits: Vec::new(), untold: Vec::new() }
    }

    fn shown(report: &Report) -> String {
        let berlin = TimeZone::fixed(jiff::tz::offset(1));
        lines(report, now(), &berlin, PLAIN).join("\n")
    }

    #[test]
    fn nothing_is_known() {
        assert_snapshot!(shown(&report(Vec::new())), @"no windows are known yet: claude tells them while it works on a subscription, codex when a try ends; other CLIs never tell theirs");
    }

    #[test]
    fn everything_is_said_in_one_table() {
        let scope = |name: &str, windows| ScopeLine { scope: name.into(), used_up_until: None, windows };
        let told = Report {
            limits: vec![LimitLine {
                scope: "opencode:zai".into(),
                until: at("23T14:05"),
                since: at("23T09:00"),
                relay_id: Some(3),
                reason: Some("usage limit".into()),
            }],
            untold: vec![
                UntoldLine { scope: "work".into(), tells: true },
                UntoldLine { scope: "gemini".into(), tells: false },
            ],
            ..report(vec![
                scope(
                    "claude",
                    vec![
                        window("five_hour", Some(300), Some(0.934), Some("23T14:05")),
                        window("seven_day", Some(10_080), Some(1.0), Some("28T06:45")),
                    ],
                ),
                scope(
                    "codex",
                    vec![
                        window("primary", Some(90), Some(1.5), Some("23T12:00")),
                        window("secondary", None, Some(1.0), None),
                        window("codex_x/five_hour", Some(300), Some(1.0), Some("23T12:40")),
                    ],
                ),
            ])
        };
        assert_snapshot!(shown(&told), @r"
        SCOPE   WINDOW                       USED   RESETS                        TOLD BY  AGE
        claude  5 hours                      93 %   in 2h 5m (15:05)              claude   12m
                7 days                       100 %  in 4d 18h (2026-11-28 07:45)  claude   12m  used up
        codex   90 minutes                   -      has begun anew                claude   12m
                secondary                    100 %  not told                      claude   12m  used up, nobody knows how long
                5 hours (codex_x/five_hour)  100 %  in 40m (13:40)                claude   12m  used up, for some models
        opencode:zai: a usage limit was met 3h 0m ago, in relay #3; it ends in 2h 5m (15:05)
        work: not told yet
        gemini: its CLI does not tell its windows
        ");
    }

    #[test]
    fn foreign_words_cannot_move_the_cursor() {
        let evil = window("five\x1b[2J\nhour", None, Some(1e300), Some("23T14:05"));
        let scope = ScopeLine { scope: "a\x1b]0;x\x07\nb".into(), used_up_until: None, windows: vec![evil] };
        let text = shown(&report(vec![scope]));
        assert!(!text.contains('\x1b') && text.lines().count() == 2, "{text}");
        assert!(text.contains("  999 %  "), "{text}");
    }

    #[test]
    fn spans() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (3599, "59m"),
            (3600, "1h 0m"),
            (86_399, "23h 59m"),
            (86_400 + 7200, "1d 2h"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
    }
}
