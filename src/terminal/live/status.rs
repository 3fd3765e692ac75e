//! The status line: a tick in words, as many of them as fit.

use std::time::Duration;

use unicode_width::UnicodeWidthStr;

use super::line::{BETWEEN, Field, Line};
use crate::model::Key;
use crate::model::text::count;
use crate::relay::event::{Drought, Health, Tick, Tokens};
use crate::terminal::format::{NOTHING, cut};
use crate::terminal::sanitize;
use crate::terminal::style::Tone;

/// What the operator's key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It was pressed once: once more confirms it.
    Armed(Key),
    /// It was confirmed.
    Fired(Key),
}

/// Below this a cut note says nothing.
const SHORTEST_NOTE: usize = 8;

/// Droughts are told in steps: a number that changes every second would look like progress.
const DROUGHT_STEP: u64 = 30;

/// What is left out, from the first that goes to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tier {
    Full,
    NoNote,
    NoTokens,
    NoActivity,
    ShortDrought,
    NoFiles,
    NoRetry,
    NoDrought,
    ShortAction,
    /// The clock, a sign, and the key.
    Signs,
    /// Whatever matters most, alone.
    One,
}

impl Tier {
    const ALL: [Tier; 11] = [
        Tier::Full,
        Tier::NoNote,
        Tier::NoTokens,
        Tier::NoActivity,
        Tier::ShortDrought,
        Tier::NoFiles,
        Tier::NoRetry,
        Tier::NoDrought,
        Tier::ShortAction,
        Tier::Signs,
        Tier::One,
    ];
}

/// `⏱ 42s │ 📁 3 files │ last activity: 4s`, then what there is of retry, drought, health, tokens, note and action.
/// Never wider than `cells`: what matters least goes first, and in the end the line is cut.
pub fn status(tick: &Tick, action: Option<Action>, cells: usize) -> Line {
    let note = tick.note.as_deref().map(sanitize::line).unwrap_or_default();
    for tier in Tier::ALL {
        let mut shown = String::new();
        if tier == Tier::Full {
            // A note may be cut to the room that the others leave; it goes when too little of it would stay.
            let others = fields(tick, "", action, tier).cells() + BETWEEN.width();
            shown = cut(&note, cells.saturating_sub(others));
            if shown != note && shown.width() < SHORTEST_NOTE {
                continue;
            }
        }
        let line = fields(tick, &shown, action, tier);
        if line.cells() <= cells {
            return line;
        }
    }
    fields(tick, "", action, Tier::One).cut(cells)
}

/// The fields of a tier, in their order.
fn fields(tick: &Tick, note: &str, action: Option<Action>, tier: Tier) -> Line {
    let until = |last: Tier, field: Field| (tier <= last).then_some(field);
    let health = health(tick.health, tier >= Tier::Signs);
    let action = action.map(|action| self::action(action, tier >= Tier::ShortAction));
    if tier == Tier::One {
        return Line::of(action.or(health).unwrap_or_else(|| clock(tick)));
    }
    let retry = (tick.attempt > 1 && tick.max_attempts > 0)
        .then(|| Field::plain(format!("retry {}/{}", tick.attempt, tick.max_attempts)));
    let activity = tick.last_activity.map_or(NOTHING.to_owned(), |since| elapsed(since.min(tick.elapsed)));
    let drought = tick.drought.map(|drought| self::drought(drought, tier >= Tier::ShortDrought));
    [
        Some(clock(tick)),
        until(Tier::ShortDrought, Field::plain(format!("📁 {}", count(tick.files, "file")))),
        until(Tier::NoTokens, Field::plain(format!("last activity: {activity}"))),
        retry.and_then(|retry| until(Tier::NoFiles, retry)),
        drought.and_then(|drought| until(Tier::NoRetry, drought)),
        health,
        tick.tokens.filter(|tokens| tokens.count > 0).and_then(|used| until(Tier::NoNote, tokens(used))),
        until(Tier::Full, Field::plain(note)),
        action,
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn clock(tick: &Tick) -> Field {
    Field::plain(format!("⏱ {}", elapsed(tick.elapsed)))
}

/// How the agent is, if that needs a word; as a sign alone when there is little room.
fn health(health: Health, is_short: bool) -> Option<Field> {
    let (tone, sign, word) = match health {
        Health::Well => return None,
        Health::Slowing => (Tone::Warn, "⚠", "slowing"),
        Health::Recovered => (Tone::Good, "↻", "recovered"),
        Health::Frozen => (Tone::Warn, "❄", "frozen"),
        Health::Stopping => (Tone::Warn, "■", "stopping…"),
    };
    Some(Field::toned(tone, if is_short { sign.to_owned() } else { format!("{sign} {word}") }))
}

/// `No TCP… (30s)`: since when, in whole steps.
fn drought(drought: Drought, is_short: bool) -> Field {
    let (what, since) = match drought {
        Drought::NoConnection(since) => ("TCP", since),
        Drought::NoTraffic(since) => ("I/O", since),
    };
    let secs = match since.as_secs() {
        secs @ ..DROUGHT_STEP => secs,
        secs => secs - secs % DROUGHT_STEP,
    };
    let text = match is_short {
        true => format!("⊘{what}"),
        false => format!("No {what}… ({})", elapsed(Duration::from_secs(secs))),
    };
    Field::toned(Tone::Warn, text)
}

/// `12k tok`, with `~` when it is guessed; whole thousands from the first on.
fn tokens(tokens: Tokens) -> Field {
    let about = if tokens.estimated { "~" } else { "" };
    Field::plain(match tokens.count {
        few @ ..1000 => format!("{about}{few} tok"),
        many => format!("{about}{}k tok", many / 1000),
    })
}

/// What a key does, in the colour of a warning.
pub fn action(action: Action, is_short: bool) -> Field {
    let text = match (action, is_short) {
        (Action::Armed(key), false) => format!("⌨ press {} again to {}", key.name(), key.action()),
        (Action::Armed(key), true) => format!("⌨ {} again", key.name().replace("Ctrl+", "^")),
        (Action::Fired(key), _) => format!("■ {}", key.acting()),
    };
    Field::toned(Tone::Warn, text)
}

/// `42s`, `1m 05s`, `1h 05m 09s`: padded, so that a line repainted every second keeps its width, and always
/// with seconds, which show that it lives.
fn elapsed(time: Duration) -> String {
    let secs = time.as_secs();
    let (hours, minutes, seconds) = (secs / 3600, secs / 60 % 60, secs % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m {seconds:02}s"),
        (1.., _) => format!("{hours}h {minutes:02}m {seconds:02}s"),
    }
}

#[cfg(test)]
mod tests;
