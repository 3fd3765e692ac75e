//! What the operator wants: signals now, turned into orders. What was ordered stays
//! known, so that every later step of the loop can ask.

use std::io;
use std::time::{Duration, Instant};

use super::event::{Event, Sink};
use super::keyboard::{Keyboard, Press};
use crate::model::{CancelSource, Key};
use crate::process::signals::{self, OperatorSignal, Signals};

/// A second Ctrl+C within this time confirms the first.
const CONFIRM: Duration = Duration::from_secs(4);

/// What has to happen now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Cancel the try and end the pass.
    Cancel(Halt),
    /// Kill whatever still drains.
    Force,
    /// The terminal's job control stops us.
    Suspend,
    /// Ctrl+C was pressed once: say that once more quits.
    Arm,
}

/// Why the pass ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Halt {
    /// For the record of a cancelled try.
    pub source: CancelSource,
    /// The signal that asked for it.
    pub signal: i32,
}

/// Listens to the operator.
#[derive(Debug)]
pub struct Operator {
    signals: Signals,
    keyboard: Box<dyn Keyboard>,
    terminal: bool,
    armed: Option<Instant>,
    halt: Option<Halt>,
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// The time is over.
    Elapsed,
    /// There is nothing left to wait for.
    Skipped,
    /// The operator wants out.
    Halted,
}

impl Operator {
    /// Takes over the signals. `terminal` tells whether Ctrl+C comes from a person, who must press it twice.
    pub fn install(keyboard: Box<dyn Keyboard>, terminal: bool) -> io::Result<Operator> {
        Ok(Operator { signals: Signals::install()?, keyboard, terminal, armed: None, halt: None })
    }

    /// Whether, and why, the pass has to end.
    pub fn halt(&self) -> Option<Halt> {
        self.halt
    }

    /// The next order. Safe to drop and call again.
    pub async fn next(&mut self) -> Order {
        // It may be rally's turn again: it was brought to the foreground, or the terminal was changed.
        self.keyboard.take();
        let keyboard = &mut self.keyboard;
        let signal = loop {
            let press = tokio::select! {
                signal = self.signals.next() => break signal,
                press = std::future::poll_fn(|context| keyboard.poll_press(context)) => press,
            };
            match press {
                Press::Key(Key::QuitNow) => break OperatorSignal::Interrupt,
                Press::Suspend => break OperatorSignal::Stop,
                Press::Key(Key::Skip | Key::Pause | Key::GracefulStop) | Press::Enter => {}
            }
        };
        let armed = self.armed.is_some_and(|at| at.elapsed() < CONFIRM);
        let order = interpret(signal, self.terminal, armed, self.halt.is_some());
        match order {
            Order::Cancel(halt) => self.halt = Some(halt),
            Order::Arm => self.armed = Some(Instant::now()),
            Order::Force | Order::Suspend => {}
        }
        order
    }

    /// Takes what came while nobody was listening.
    pub async fn catch_up(&mut self, sink: &mut dyn Sink) {
        // Lets the runtime see the signals first.
        tokio::task::yield_now().await;
        loop {
            tokio::select! {
                biased;
                order = self.next() => self.idle(order, sink),
                () = std::future::ready(()) => return,
            }
        }
    }

    /// Waits, unless the operator wants out. Job control stops rally as a user expects.
    pub async fn wait(&mut self, how_long: Duration, sink: &mut dyn Sink) -> Waited {
        if self.halt.is_some() {
            return Waited::Halted;
        }
        let end = tokio::time::Instant::now() + how_long;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(end) => {
                    self.catch_up(sink).await;
                    return if self.halt.is_some() { Waited::Halted } else { Waited::Elapsed };
                }
                order = self.next() => match order {
                    Order::Cancel(_) | Order::Force => return Waited::Halted,
                    Order::Suspend | Order::Arm => self.idle(order, sink),
                },
            }
        }
    }

    /// Stops rally as job control does, with the terminal as it was found; returns after it was continued.
    pub fn stop(&mut self) -> io::Result<()> {
        self.keyboard.release();
        let stopped = signals::stop_self();
        self.keyboard.take();
        stopped
    }

    /// What an order means while no agent runs.
    fn idle(&mut self, order: Order, sink: &mut dyn Sink) {
        match order {
            // A process that cannot stop itself goes on.
            Order::Suspend => {
                sink.event(&Event::Suspending);
                drop(self.stop());
            }
            Order::Arm => sink.event(&arm_hint()),
            // Remembered already.
            Order::Cancel(_) | Order::Force => {}
        }
    }
}

/// After the first Ctrl+C.
pub fn arm_hint() -> Event {
    Event::Notice("press Ctrl+C again to quit now".to_owned())
}

/// Pure: what a signal means.
fn interpret(signal: OperatorSignal, terminal: bool, armed: bool, halted: bool) -> Order {
    let cancel = |source, signal| {
        if halted { Order::Force } else { Order::Cancel(Halt { source, signal }) }
    };
    match signal {
        OperatorSignal::Stop => Order::Suspend,
        OperatorSignal::Interrupt if halted => Order::Force,
        OperatorSignal::Interrupt if terminal && !armed => Order::Arm,
        OperatorSignal::Interrupt if terminal => cancel(CancelSource::QuitNow, 2),
        OperatorSignal::Interrupt => cancel(CancelSource::Signal, 2),
        OperatorSignal::Hangup => cancel(CancelSource::Signal, 1),
        OperatorSignal::Quit => cancel(CancelSource::Signal, 3),
        OperatorSignal::Terminate => cancel(CancelSource::Signal, 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cancel(source: CancelSource, signal: i32) -> Order {
        Order::Cancel(Halt { source, signal })
    }

    #[test]
    fn the_table() {
        use OperatorSignal::{Hangup, Interrupt, Quit, Stop, Terminate};
        let rows = [
            // signal, terminal, armed, halted, order
            (Interrupt, false, false, false, cancel(CancelSource::Signal, 2)),
            (Interrupt, true, false, false, Order::Arm),
            (Interrupt, true, true, false, cancel(CancelSource::QuitNow, 2)),
            (Interrupt, true, false, true, Order::Force),
            (Interrupt, false, false, true, Order::Force),
            (Terminate, true, false, false, cancel(CancelSource::Signal, 15)),
            (Terminate, false, false, true, Order::Force),
            (Hangup, false, false, false, cancel(CancelSource::Signal, 1)),
            (Quit, true, false, false, cancel(CancelSource::Signal, 3)),
            (Stop, true, false, true, Order::Suspend),
        ];
        for (signal, terminal, armed, halted, expected) in rows {
            assert_eq!(interpret(signal, terminal, armed, halted), expected, "{signal:?} {terminal} {armed}");
        }
    }
}
