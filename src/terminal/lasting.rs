//! What is said for good: the lines of a relay that stay on the screen, or in the file that it was redirected to.
//! Pure: an event in, a text out.

use unicode_width::UnicodeWidthStr;

use super::format::{self, GAP};
use super::live::view::PAUSED;
use super::look::Look;
use super::sanitize;
use super::style::{Palette, Tone};
use crate::model::Timestamp;
use crate::model::text::duration;
use crate::relay::event::{Event, PassEnd, RunEnd, RunVerdict, Tally, Wait};

/// Whole lines, and where they go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Nothing to say.
    Nothing,
    /// To standard output.
    Out(String),
    /// To standard error.
    Err(String),
}

/// What an event says for good, on a terminal or output of so many columns. Where nothing is repainted, that is also
/// what a person has to know of what the live lines would show.
pub fn said(event: &Event, look: &Look, columns: usize, now: Timestamp) -> Said {
    let toned = |tone, text: &str| Said::Out(toned(look.out, tone, text));
    match event {
        Event::RelayStarted { relay_id, target, completed, mix, resumed } => {
            let how = if *resumed { "resumed" } else { "started" };
            toned(Tone::Dim, &format!("Relay {relay_id} {how}: {completed}/{target}, {mix}"))
        }
        Event::Warning(warning) => {
            let word = look.err.paint(Tone::Warn, "warning:");
            Said::Err(format!("{word} {}\n", sanitize::line(warning)))
        }
        Event::Notice(notice) => Said::Out(format!("{}\n", sanitize::line(notice))),
        Event::RunStarted { iteration, target, runner, at, .. } => {
            let label = format::header_label((*iteration, *target), None, runner, *at, &look.zone, columns);
            let (top, bottom) = (rule(look, '═', columns), rule(look, '─', columns));
            Said::Out(format!("\n{top}\n  {label}\n{bottom}\n"))
        }
        Event::Frozen { how } => toned(Tone::Warn, &format!("❄ frozen: {how}")),
        Event::StuckTool { command, signal, .. } => {
            toned(Tone::Warn, &format!("ending the stuck tool with {signal}: {command}"))
        }
        Event::Recovered => toned(Tone::Dim, "↻ recovered"),
        Event::TryEnded { record, retry: Some(retry) } if !look.live => {
            toned(Tone::Dim, &format::retry_line(record, retry))
        }
        // Where nothing is repainted, the line of the failed attempt has said it for good.
        Event::Waiting { wait: Wait::Attempt { .. }, .. } => Said::Nothing,
        Event::Waiting {
            wait: wait @ (Wait::Runner { .. } | Wait::Cycle | Wait::Trouble { .. }),
            remaining,
            first: true,
        } if !look.live => toned(Tone::Warn, &format::waiting(wait, *remaining, now, &look.zone)),
        Event::Armed { key, .. } => {
            echo(look, Tone::Warn, &format!("press {} again to {}", key.name(), key.action()))
        }
        Event::Acting { key } => echo(look, Tone::Warn, &format!("■ {}", key.acting())),
        Event::Paused => echo(look, Tone::Warn, PAUSED),
        Event::Resumed => echo(look, Tone::Dim, "Resumed"),
        Event::Stopping { signal, reason } if !look.live => {
            toned(Tone::Warn, &format!("■ stopping… {signal} ({reason})"))
        }
        Event::StopRequested { source } => {
            toned(Tone::Warn, &format!("Stop requested ({})", source.as_str()))
        }
        Event::RunEnded(run) => Said::Out(footer(look, run, columns)),
        Event::RelayEnded { relay_id, end } => ended(look, *relay_id, end),
        Event::Summary(tally) => Said::Out(summary(look, tally, columns)),
        // Shown in the live lines, or by what comes next.
        Event::RunnerChanged { .. }
        | Event::TryStarted { .. }
        | Event::Disarmed
        | Event::Tick(_)
        | Event::TryEnded { .. }
        | Event::Stopping { .. }
        | Event::Waiting { .. }
        | Event::WaitEnded
        | Event::Suspending => Said::Nothing,
    }
}

/// What a key did, for whoever pressed it, if the live lines do not show it.
fn echo(look: &Look, tone: Tone, text: &str) -> Said {
    match look {
        Look { live: true, .. } => Said::Nothing,
        Look { echo_on_err: true, err, .. } => Said::Err(toned(*err, tone, text)),
        Look { out, .. } => Said::Out(toned(*out, tone, text)),
    }
}

fn toned(palette: Palette, tone: Tone, text: &str) -> String {
    palette.paint(tone, sanitize::line(text)) + "\n"
}

fn rule(look: &Look, dash: char, columns: usize) -> String {
    look.out.paint(Tone::Rule, format::rule(dash, columns))
}

fn footer(look: &Look, run: &RunEnd, columns: usize) -> String {
    let tone = match run.verdict {
        RunVerdict::Passed { .. } => Tone::Good,
        RunVerdict::Failed { .. } => Tone::Bad,
        RunVerdict::Cancelled { .. } => Tone::Dim,
    };
    let outcome = look.out.paint(tone, format::outcome(run));
    let mut rest = format::footer_rest(run);
    if let RunVerdict::Passed { .. } = run.verdict
        && look.live
    {
        // A subject may be cut to the line; the hash before it, and a reason, are told whole.
        let used = format::outcome(run).width() + GAP.width();
        let whole = rest.split(" (").next().unwrap_or_default().width();
        rest = format::cut(&rest, columns.saturating_sub(used).max(whole + 2));
    }
    let (top, bottom) = (rule(look, '─', columns), rule(look, '═', columns));
    let log = match (&run.verdict, &run.log_path) {
        (RunVerdict::Failed { .. }, Some(log)) => {
            toned(look.out, Tone::Dim, &format!("log: {}", log.display()))
        }
        _ => String::new(),
    };
    format!("{top}\n{outcome}{GAP}{rest}\n{bottom}\n{log}")
}

fn ended(look: &Look, relay_id: u64, end: &PassEnd) -> Said {
    let (tone, what) = match end {
        PassEnd::Completed => return Said::Nothing,
        PassEnd::QueueEmpty => {
            return Said::Out(toned(
                look.out,
                Tone::Dim,
                &format!("Relay {relay_id} is complete: the queue is empty."),
            ));
        }
        PassEnd::Stopped => (Tone::Dim, "stopped after its last try".to_owned()),
        PassEnd::QuitNow => (Tone::Dim, "stopped at once".to_owned()),
        PassEnd::Signalled(signal) => (Tone::Warn, format!("stopped by signal {signal}")),
        PassEnd::Failed { reason } => (Tone::Bad, format!("ended short of its target: {reason}")),
    };
    let what = toned(look.out, tone, &format!("Relay {relay_id} {what}"));
    Said::Out(what + &toned(look.out, Tone::Dim, "Go on with: rally relay --resume"))
}

fn summary(look: &Look, tally: &Tally, columns: usize) -> String {
    let bucket = |n: usize, tone, word| {
        let text = format!("{n} {word}");
        if n == 0 { text } else { look.out.paint(tone, text) }
    };
    let mut fields = vec![
        format::summary_runs(tally),
        bucket(tally.passed, Tone::Good, "passed"),
        bucket(tally.failed, Tone::Bad, "failed"),
    ];
    if tally.cancelled > 0 {
        fields.push(bucket(tally.cancelled, Tone::Dim, "cancelled"));
    }
    fields.push(format!("total {}", duration(tally.duration)));
    let rule = rule(look, '═', columns);
    let last = if tally.complete { "Relay complete.\n" } else { "" };
    format!("{rule}\n{}\n{rule}\n{last}", fields.join(GAP))
}
