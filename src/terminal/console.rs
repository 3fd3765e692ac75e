//! The operator's view of a relay: headers, footers and the summary on standard output, warnings on standard error,
//! and on a terminal the live lines below them, repainted in place.

use std::io::{ErrorKind, Stderr, Stdout, Write};
use std::time::Instant;

use super::format;
use super::lasting::{Said, said};
use super::live::view::Scene;
use super::live::{Painter, View};
use super::look::Look;
use super::outlet::{self, End, Outlet};
use crate::model::time;
use crate::relay::event::{Event, Sink};

/// Shows the events of a relay.
#[derive(Debug)]
pub struct Console<O: Write, E: Write> {
    out: O,
    err: E,
    /// As it is now: what can be repainted at all may be somebody else's for a while.
    look: Look,
    /// Whether lines can be repainted at all.
    can_repaint: bool,
    view: View,
    painter: Painter,
    out_closed: bool,
    /// The last of all: fields are dropped in their order.
    end: Option<End>,
}

impl Console<Outlet<Stdout>, Outlet<Stderr>> {
    /// On this process's standard output and standard error.
    pub fn standard() -> Self {
        let (out, err, end) = outlet::standard();
        let mut console = Console::new(out, err, Look::standard());
        console.end = Some(end);
        console
    }
}

impl<O: Write, E: Write> Console<O, E> {
    /// On any two outputs.
    pub fn new(out: O, err: E, look: Look) -> Self {
        let (can_repaint, view, painter) = (look.live, View::default(), Painter::default());
        Console { out, err, look, can_repaint, view, painter, out_closed: false, end: None }
    }

    /// Whether standard output stopped taking text (`rally relay | head`). Nothing is
    /// printed there any more; what that means for the relay is not the console's decision.
    pub fn stdout_closed(&self) -> bool {
        self.out_closed
    }

    /// One write, so that the output of other processes cannot come between.
    fn write_out(&mut self, text: &str) {
        if self.out_closed || text.is_empty() {
            return;
        }
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        // A full pipe that some other process made non-blocking loses text, but is still open.
        self.out_closed = written.is_err_and(|error| error.kind() != ErrorKind::WouldBlock);
    }

    fn write_err(&mut self, text: &str) {
        // Nobody is left to tell about a standard error that is gone.
        let _ = self.err.write_all(text.as_bytes()).and_then(|()| self.err.flush());
    }

    /// Looks whose terminal it is. What was painted before others took it stands among their lines now, and stays.
    fn look_again(&mut self) {
        self.look.live = self.can_repaint && (self.look.may_repaint)();
        if !self.look.live {
            self.painter.forget();
        }
    }

    /// Erases the live lines: before others write to the terminal.
    fn clear(&mut self) {
        let clear = self.painter.clear();
        self.write_out(clear);
    }

    /// What paints the live lines as they are now; nothing where nothing can be repainted.
    fn frame(&mut self) -> String {
        if !self.look.live {
            return String::new();
        }
        let size = (self.look.size)();
        self.painter.paint(&self.view.lines(Instant::now(), size), self.look.out, size)
    }

    /// Takes an event into the live lines.
    fn follow(&mut self, event: &Event) {
        match event {
            Event::TryStarted { attempt, max_attempts, .. } => self.view.begin(*attempt, *max_attempts),
            Event::Tick(tick) => self.view.tick(tick),
            Event::Frozen { .. } => self.view.freeze(),
            Event::Armed { key, within } => self.view.arm(*key, Instant::now() + *within),
            Event::Disarmed => self.view.disarm(),
            Event::Acting { key } => self.view.fire(*key),
            Event::Stopping { .. } => self.view.stop(),
            Event::TryEnded { record, retry: Some(retry) } => {
                self.view.enter(Scene::Between(format::retry_line(record, retry)));
            }
            Event::Waiting { wait, remaining, .. } => {
                self.view.wait(format::waiting(wait, *remaining, time::now(), &self.look.zone));
            }
            Event::Paused => self.view.enter(Scene::Paused),
            Event::TryEnded { retry: None, .. }
            | Event::RunEnded(_)
            | Event::WaitEnded
            | Event::Resumed
            | Event::RelayEnded { .. } => self.view.enter(Scene::Nothing),
            Event::RelayStarted { .. }
            | Event::Warning(_)
            | Event::Notice(_)
            | Event::RunStarted { .. }
            | Event::RunnerChanged { .. }
            | Event::StuckTool { .. }
            | Event::Recovered
            | Event::Suspending
            | Event::StopRequested { .. }
            | Event::Summary(_) => {}
        }
    }
}

impl<O: Write, E: Write> Sink for Console<O, E> {
    /// Only a terminal has live lines.
    fn wants_ticks(&self) -> bool {
        self.can_repaint && !self.stdout_closed()
    }

    fn event(&mut self, event: &Event) {
        self.look_again();
        self.follow(event);
        if let Event::Suspending = event {
            // The shell writes now. What comes after it paints anew.
            return self.clear();
        }
        match said(event, &self.look, (self.look.size)().columns, time::now()) {
            Said::Nothing => {}
            Said::Out(lines) => {
                let text = self.painter.clear().to_owned() + &lines + &self.frame();
                return self.write_out(&text);
            }
            Said::Err(lines) => {
                self.clear();
                self.write_err(&lines);
            }
        }
        let frame = self.frame();
        self.write_out(&frame);
    }
}

impl<O: Write, E: Write> Drop for Console<O, E> {
    fn drop(&mut self) {
        self.look_again();
        self.clear();
    }
}
