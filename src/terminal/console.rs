//! The operator's view of a relay: headers, footers and the summary on standard output,
//! warnings on standard error, and on a terminal one status line repainted in place.

use std::io::{self, ErrorKind, IsTerminal, Stderr, Stdout, Write};

use jiff::tz::TimeZone;

use super::format::{self, GAP};
use super::sanitize;
use super::style::{Palette, Tone};
use crate::model::text::duration;
use crate::model::time::now;
use crate::relay::event::{Event, PassEnd, RunEnd, RunVerdict, Sink, Tally, Wait};

/// Column 0, and the whole line erased.
const CLEAR_LINE: &str = "\r\x1b[2K";

/// Columns of a terminal that does not tell.
const USUAL_WIDTH: usize = 80;

/// What is possible on the two outputs.
#[derive(Debug, Clone)]
pub struct Look {
    /// Whether standard output can repaint a line: a terminal that is not `dumb`.
    pub live: bool,
    /// Colours of standard output.
    pub out: Palette,
    /// Colours of standard error.
    pub err: Palette,
    /// The operator's time zone.
    pub zone: TimeZone,
    /// Columns of standard output; asked at every line, since terminals are resized.
    pub width: fn() -> usize,
}

impl Look {
    /// As the streams and the environment of this process have it.
    pub fn standard() -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Look {
            live: io::stdout().is_terminal() && !dumb,
            out: Palette::of(&io::stdout()),
            err: Palette::of(&io::stderr()),
            zone: TimeZone::system(),
            width: stdout_width,
        }
    }
}

fn stdout_width() -> usize {
    match rustix::termios::tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 => usize::from(size.ws_col),
        _ => USUAL_WIDTH,
    }
}

/// Shows the events of a relay.
#[derive(Debug)]
pub struct Console<O: Write, E: Write> {
    out: O,
    err: E,
    look: Look,
    /// Whether a repainted line stands where the next line belongs.
    painted: bool,
    out_closed: bool,
}

impl Console<Stdout, Stderr> {
    /// On this process's standard output and standard error.
    pub fn standard() -> Self {
        Console::new(io::stdout(), io::stderr(), Look::standard())
    }
}

impl<O: Write, E: Write> Console<O, E> {
    /// On any two outputs.
    pub fn new(out: O, err: E, look: Look) -> Self {
        Console { out, err, look, painted: false, out_closed: false }
    }

    /// Whether standard output stopped taking text (`rally relay | head`). Nothing is
    /// printed there any more; what that means for the relay is not the console's decision.
    pub fn stdout_closed(&self) -> bool {
        self.out_closed
    }

    /// Erases the status line: before others write to the terminal.
    pub fn clear_status(&mut self) {
        if self.painted {
            self.print(String::new());
        }
    }

    /// One write, so that the output of other processes cannot come between.
    fn write_out(&mut self, text: &str) {
        if self.out_closed {
            return;
        }
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        // A full pipe that some other process made non-blocking loses text, but is still open.
        self.out_closed = written.is_err_and(|error| error.kind() != ErrorKind::WouldBlock);
    }

    /// Whole lines, in the place of the status line.
    fn print(&mut self, lines: String) {
        let clear = if self.painted { CLEAR_LINE } else { "" };
        self.painted = false;
        self.write_out(&format!("{clear}{lines}"));
    }

    /// The status line, painted over the one before. Only on a terminal.
    fn paint_status(&mut self, tone: Option<Tone>, text: impl FnOnce(usize) -> String) {
        if !self.look.live {
            return;
        }
        // Terminals wrap, or hold the wrap pending, at their last column: stay off it.
        let cells = (self.look.width)().saturating_sub(1);
        let text = format::cut(&text(cells), cells);
        let text = tone.map_or(text.clone(), |tone| self.look.out.paint(tone, &text));
        self.painted = true;
        self.write_out(&format!("{CLEAR_LINE}{text}\r"));
    }

    fn rule(&self, dash: char) -> String {
        self.look.out.paint(Tone::Rule, format::rule(dash, (self.look.width)()))
    }

    fn print_toned(&mut self, tone: Tone, line: &str) {
        let line = self.look.out.paint(tone, sanitize::line(line));
        self.print(format!("{line}\n"));
    }

    fn warn(&mut self, warning: &str) {
        self.clear_status();
        let word = self.look.err.paint(Tone::Warn, "warning:");
        let line = format!("{word} {}\n", sanitize::line(warning));
        // Nobody is left to tell about a standard error that is gone.
        let _ = self.err.write_all(line.as_bytes()).and_then(|()| self.err.flush());
    }

    fn print_footer(&mut self, run: &RunEnd) {
        let tone = match run.verdict {
            RunVerdict::Passed { .. } => Tone::Good,
            RunVerdict::Failed { .. } => Tone::Bad,
            RunVerdict::Cancelled { .. } => Tone::Dim,
        };
        let outcome = self.look.out.paint(tone, format::outcome(run));
        let mut rest = format::footer_rest(run);
        if let RunVerdict::Passed { .. } = run.verdict
            && self.look.live
        {
            // A subject may be cut to the line; the hash before it, and a reason, are told whole.
            let used = format::outcome(run).chars().count() + GAP.chars().count();
            let whole = rest.split(" (").next().unwrap_or_default().chars().count();
            rest = format::cut(&rest, (self.look.width)().saturating_sub(used).max(whole + 2));
        }
        self.print(format!("{}\n{outcome}{GAP}{rest}\n{}\n", self.rule('─'), self.rule('═')));
        if let (RunVerdict::Failed { .. }, Some(log)) = (&run.verdict, &run.log_path) {
            self.print_toned(Tone::Dim, &format!("log: {}", log.display()));
        }
    }

    fn print_end(&mut self, relay_id: u64, end: &PassEnd) {
        let (tone, what) = match end {
            PassEnd::Completed => return,
            PassEnd::Stopped => (Tone::Dim, "stopped after its last try".to_owned()),
            PassEnd::QuitNow => (Tone::Dim, "stopped at once".to_owned()),
            PassEnd::Signalled(signal) => (Tone::Warn, format!("stopped by signal {signal}")),
            PassEnd::Failed { reason } => (Tone::Bad, format!("ended short of its target: {reason}")),
        };
        self.print_toned(tone, &format!("Relay {relay_id} {what}"));
        self.print_toned(Tone::Dim, "Go on with: rally relay --resume");
    }

    fn print_summary(&mut self, tally: &Tally) {
        let bucket = |n: usize, tone, word| {
            let text = format!("{n} {word}");
            if n == 0 { text } else { self.look.out.paint(tone, text) }
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
        let rule = self.rule('═');
        let last = if tally.complete { "Relay complete.\n" } else { "" };
        self.print(format!("{rule}\n{}\n{rule}\n{last}", fields.join(GAP)));
    }
}

impl<O: Write, E: Write> Sink for Console<O, E> {
    /// Only a terminal has a status line.
    fn wants_ticks(&self) -> bool {
        self.look.live && !self.stdout_closed()
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::RelayStarted { relay_id, target, completed, mix, resumed } => {
                let how = if *resumed { "resumed" } else { "started" };
                self.print_toned(Tone::Dim, &format!("Relay {relay_id} {how}: {completed}/{target}, {mix}"));
            }
            Event::Warning(warning) => self.warn(warning),
            Event::Notice(notice) => self.print(format!("{}\n", sanitize::line(notice))),
            Event::RunStarted { iteration, target, runner, at, .. } => {
                let (zone, width) = (&self.look.zone, (self.look.width)());
                let label = format::header_label((*iteration, *target), None, runner, *at, zone, width);
                self.print(format!("\n{}\n  {label}\n{}\n", self.rule('═'), self.rule('─')));
            }
            // The next header names the runner.
            Event::RunnerChanged { .. } | Event::TryStarted { .. } | Event::TryEnded { retry: None, .. } => {}
            Event::Tick(tick) => self.paint_status(None, |cells| format::status(tick, cells)),
            Event::Frozen { how } => {
                self.print_toned(Tone::Warn, &format!("❄ frozen: {}", sanitize::line(how)))
            }
            Event::StuckTool { command, signal, .. } => {
                self.print_toned(Tone::Warn, &format!("ending the stuck tool with {signal}: {command}"));
            }
            Event::Recovered => self.print_toned(Tone::Dim, "↻ recovered"),
            Event::Armed { key, .. } => {
                self.print_toned(Tone::Warn, &format!("press {} again to {}", key.name(), key.action()));
            }
            Event::Acting { key } => self.paint_status(Some(Tone::Warn), |_| format!("■ {}", key.acting())),
            Event::Paused => self.print_toned(Tone::Warn, "Paused — press Enter to resume"),
            Event::Resumed => self.print_toned(Tone::Dim, "Resumed"),
            Event::Stopping { signal, reason } => {
                let text = format!("■ stopping… {signal} ({})", sanitize::line(reason));
                self.paint_status(Some(Tone::Warn), |_| text);
            }
            Event::TryEnded { record, retry: Some(retry) } => {
                let line = format::retry_line(record, retry);
                if self.look.live {
                    self.paint_status(Some(Tone::Dim), |_| line);
                } else {
                    self.print_toned(Tone::Dim, &line);
                }
            }
            Event::RunEnded(run) => self.print_footer(run),
            Event::Waiting { wait, remaining, first } => {
                let line = format::waiting(wait, *remaining, now(), &self.look.zone);
                // Where nothing is repainted, the line of the failed attempt has said it for good.
                let is_told = matches!(wait, Wait::Attempt { .. });
                if self.look.live {
                    self.paint_status(Some(Tone::Warn), |_| line);
                } else if *first && !is_told {
                    self.print_toned(Tone::Warn, &line);
                }
            }
            Event::WaitEnded => self.clear_status(),
            Event::StopRequested { source } => {
                self.print_toned(Tone::Warn, &format!("Stop requested ({})", source.as_str()));
            }
            Event::RelayEnded { relay_id, end } => self.print_end(*relay_id, end),
            Event::Summary(tally) => self.print_summary(tally),
        }
    }
}

impl<O: Write, E: Write> Drop for Console<O, E> {
    fn drop(&mut self) {
        self.clear_status();
    }
}
