//! The list for people. Pure.

use jiff::tz::TimeZone;

use super::line::{Condition, Line};
use crate::model::text::one_line;
use crate::model::{Timestamp, time};
use crate::terminal::format::remaining;
use crate::terminal::sanitize;
use crate::terminal::style::{Palette, Tone};

/// One runner after the other: who, what, and below that why.
pub fn table(lines: &[Line], now: Timestamp, zone: &TimeZone, palette: Palette) -> Vec<String> {
    let typed = |line: &Line| match line.entries.is_empty() {
        true => "-".to_owned(),
        false => sanitize::line(&line.entries.join(", ")),
    };
    let label = |line: &Line| sanitize::line(&line.label());
    let widest = |column: &dyn Fn(&Line) -> String| {
        lines.iter().map(|line| column(line).chars().count()).max().unwrap_or(0)
    };
    let (first, second) = (widest(&typed), widest(&label));
    let indent = " ".repeat(first + second + 4);
    let mut text = Vec::new();
    for line in lines {
        let state = palette.paint(tone(line.state), sanitize::line(&state(line, now, zone)));
        text.push(format!("{:first$}  {:second$}  {state}", typed(line), label(line)));
        let below = details(line, now, zone);
        text.extend(below.iter().map(|detail| {
            format!("{indent}{}", palette.paint(Tone::Dim, sanitize::line(&one_line(detail))))
        }));
    }
    if lines.iter().any(|line| line.until.is_some()) {
        text.push(String::new());
        text.push("`rally runners clear NAME` ends a pause, freeze or bench".to_owned());
    }
    if lines.is_empty() {
        text.push("no runners: nobody is configured, and nobody is remembered".to_owned());
    }
    text
}

/// `paused until 13:42 (in 41m)`.
pub fn state(line: &Line, now: Timestamp, zone: &TimeZone) -> String {
    ends(line.state, line.until, now, zone)
}

fn ends(condition: Condition, until: Option<Timestamp>, now: Timestamp, zone: &TimeZone) -> String {
    match until {
        Some(until) => {
            let left = remaining(time::since(now, until));
            format!("{} until {} (in {left})", condition.word(), time::clock(until, now, zone))
        }
        None => condition.word().to_owned(),
    }
}

fn details(line: &Line, now: Timestamp, zone: &TimeZone) -> Vec<String> {
    let ids = [("relay", line.relay_id), ("run", line.run_id), ("try", line.try_id)];
    let ids = ids.into_iter().filter_map(|(name, id)| Some(format!("{name} {}", id?)));
    let since = line.since.map(|since| format!("since {}", time::clock(since, now, zone)));
    let retries = (line.failed_retries > 0)
        .then(|| format!("failed retries {}/{}", line.failed_retries, line.retries_until_freeze));
    let quota = matches!(line.state, Condition::Benched).then(|| format!("quota {}", line.quota_scope));
    let facts: Vec<String> = since.into_iter().chain(ids).chain(retries).chain(quota).collect();
    let also = line.also.iter().map(|also| {
        let why = also.why.iter().map(|why| format!(": {why}"));
        std::iter::once(format!("also {}", ends(also.state, also.until, now, zone))).chain(why).collect()
    });
    let facts = (!facts.is_empty()).then(|| facts.join(", "));
    line.why.clone().into_iter().chain(facts).chain(also).collect()
}

fn tone(condition: Condition) -> Tone {
    match condition {
        Condition::Active => Tone::Good,
        Condition::RetryDue | Condition::OnProbation => Tone::Warn,
        Condition::Paused | Condition::Frozen | Condition::Benched => Tone::Bad,
        Condition::Disabled => Tone::Dim,
    }
}
