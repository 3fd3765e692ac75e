//! `rally message list`: the messages that wait, or all of them.

use std::io::Write;

use jiff::tz::TimeZone;
use serde::Serialize;

use crate::cli::{error, output};
use crate::model::text::one_line;
use crate::model::time::millis;
use crate::model::{Timestamp, time};
use crate::store::messages::{ADDRESSED, CANCELLED, FOR_RELAY, Inbox, PENDING};
use crate::store::records::Message;
use crate::terminal::sanitize;
use crate::terminal::style::{Palette, Tone};

/// Version of the shape of `--json`.
const VERSION: u32 = 1;

/// What can be typed after `rally message list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Shown first is what will be given first. Of the messages that are done with (--all), the newest 200 are kept.

Keys of --json (v is 1; what is not known is null):
  v, messages: id, status (pending, addressed, cancelled), scope (run, relay), body, position,
    created_at, updated_at, relay_id and run_id (whom it was given to)

Examples:
  rally message list --all
  rally message list --json | jq '.messages | length'")]
pub struct Args {
    /// Show those too that are done with or cancelled
    #[arg(long)]
    all: bool,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command; the result is the exit code.
pub fn run(args: &Args) -> anyhow::Result<u8> {
    let layout = super::layout()?;
    let inbox = Inbox::new(&layout);
    let mut messages = inbox.pending()?;
    if args.all {
        let mut resolved = inbox.load()?;
        resolved.retain(|message| !message.is_pending());
        messages.extend(resolved);
    }
    if args.json {
        let shown = Shown { v: VERSION, messages: messages.iter().map(Line::of).collect() };
        output::json(&shown)?;
        return Ok(error::SUCCESS);
    }
    let mut out = std::io::stdout();
    let palette = Palette::of(&out);
    let (now, zone) = (time::now(), TimeZone::system());
    for line in messages.iter().map(|message| text(message, now, &zone, palette)) {
        writeln!(out, "{line}")?;
    }
    if messages.is_empty() {
        writeln!(out, "no messages{}", if args.all { "" } else { " wait" })?;
    }
    Ok(error::SUCCESS)
}

#[derive(Debug, Serialize)]
struct Shown<'a> {
    v: u32,
    messages: Vec<Line<'a>>,
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    id: u64,
    status: &'a str,
    scope: &'a str,
    body: &'a str,
    position: i64,
    #[serde(with = "millis")]
    created_at: Timestamp,
    #[serde(with = "millis")]
    updated_at: Timestamp,
    relay_id: Option<u64>,
    run_id: Option<u64>,
}

impl<'a> Line<'a> {
    fn of(message: &'a Message) -> Line<'a> {
        Line {
            id: message.id,
            status: &message.status,
            scope: if message.is_for_relay() { FOR_RELAY } else { "run" },
            body: &message.body,
            position: message.position,
            created_at: message.created_at,
            updated_at: message.updated_at,
            relay_id: message.consumed_by_relay_id,
            run_id: message.consumed_by_run_id,
        }
    }
}

/// `3  pending, with run 2 of relay 1  10:31  use tabs`. Pure.
fn text(message: &Message, now: Timestamp, zone: &TimeZone, palette: Palette) -> String {
    let tone = match &*message.status {
        PENDING => Tone::Accent,
        ADDRESSED => Tone::Good,
        CANCELLED => Tone::Dim,
        _ => Tone::Warn,
    };
    let state = palette.paint(tone, sanitize::line(&state(message)));
    let at = time::clock(message.created_at, now, zone);
    format!("{}  {state}  {at}  {}", message.id, sanitize::line(&one_line(&message.body)))
}

fn state(message: &Message) -> String {
    let Message { status, consumed_by_relay_id: relay, consumed_by_run_id: run, .. } = message;
    let whom = match (relay, run, message.is_pending()) {
        (Some(relay), Some(run), true) => format!("with run {run} of relay {relay}"),
        (Some(relay), None, true) => format!("for every run of relay {relay}"),
        (Some(relay), Some(run), false) => format!("run {run} of relay {relay}"),
        (Some(relay), None, false) => format!("relay {relay}"),
        (None, _, true) if message.is_for_relay() => "for a whole relay".to_owned(),
        (None, _, true) => "for the next run".to_owned(),
        (None, _, false) => return status.clone(),
    };
    format!("{status}, {whom}")
}
