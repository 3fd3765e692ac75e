//! What the operator wants: keys and signals, turned into orders. What was ordered stays known, so that every
//! later step of the loop can ask.

pub mod arming;
pub mod interpret;

use std::future::{Future, poll_fn};
use std::io;
use std::time::{Duration, Instant};

use tokio::time::{Interval, MissedTickBehavior};

pub use interpret::{Halt, Order, Scene};

use self::arming::{Arming, Count, WINDOW};
use self::interpret::{GRACEFUL, Urgency};
use super::event::{Event, Sink};
use super::keyboard::{Keyboard, Press};
use super::life::Stop;
use crate::model::{CancelSource, Key};
use crate::process::signals::{self, OperatorSignal, Signals};

/// How often rally looks whether the terminal has become its own: a shell tells nobody who is in its foreground.
const LOOK: Duration = Duration::from_secs(1);

/// How long git may take when the pass is to end at once: as long as an agent has before its second signal.
const PATIENCE: Duration = Duration::from_secs(5);

/// Listens to the operator.
#[derive(Debug)]
pub struct Operator {
    signals: Signals,
    keyboard: Box<dyn Keyboard>,
    terminal: bool,
    look: Interval,
    arming: Arming,
    wishes: Wishes,
}

/// What was ordered and is not done yet.
#[derive(Debug, Clone, Copy, Default)]
struct Wishes {
    halt: Option<Halt>,
    skip: bool,
    pause: bool,
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// The time is over.
    Elapsed,
    /// There is nothing left to wait for.
    Over,
    /// The operator wants to go on.
    Skipped,
    /// The operator wants out.
    Halted,
}

/// What comes before the next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// The pass ends.
    Halt(Halt),
    /// The run is over.
    Skip,
    /// The relay is paused.
    Pause,
}

impl Wish {
    /// How a try ends for it that was about to begin.
    pub fn stop(self) -> Stop {
        match self {
            Wish::Halt(halt) => Stop::Cancelled(halt.source),
            Wish::Skip => Stop::Cancelled(CancelSource::Skip),
            Wish::Pause => Stop::Paused,
        }
    }
}

/// What came from the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    Key(Key),
    Enter,
    /// The number of a signal that ends a process.
    Signal(i32),
    Suspend,
}

impl Operator {
    /// Takes over the signals. `terminal` tells whether Ctrl+C comes from a person, who must press it twice.
    pub fn install(keyboard: Box<dyn Keyboard>, terminal: bool) -> io::Result<Operator> {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (signals, arming, wishes) = (Signals::install()?, Arming::default(), Wishes::default());
        Ok(Operator { signals, keyboard, terminal, look, arming, wishes })
    }

    /// Whether, and why, the pass has to end.
    pub fn halt(&self) -> Option<Halt> {
        self.wishes.halt
    }

    /// How far the pass is from its end.
    pub fn urgency(&self) -> Urgency {
        Urgency::of(self.wishes.halt)
    }

    /// What was ordered and comes before anything else.
    pub fn wish(&self) -> Option<Wish> {
        let Wishes { halt, skip, pause } = self.wishes;
        halt.map(Wish::Halt).or(skip.then_some(Wish::Skip)).or(pause.then_some(Wish::Pause))
    }

    /// A run begins, or is over: whatever was to be skipped is done with.
    pub fn forget_skip(&mut self) {
        self.wishes.skip = false;
    }

    /// The pause that was ordered has been held.
    pub fn forget_pause(&mut self) {
        self.wishes.pause = false;
    }

    /// The next order, told to everybody. What was pressed once is told, too, and orders nothing yet. Safe to
    /// drop and call again.
    pub async fn next(&mut self, scene: Scene, sink: &mut dyn Sink) -> Order {
        loop {
            let over = self.arming.until();
            let heard = tokio::select! {
                heard = self.hear() => heard,
                () = until(over) => {
                    if self.arming.expire(Instant::now()) {
                        sink.event(&Event::Disarmed);
                    }
                    continue;
                }
            };
            if let Some(order) = self.understand(heard, scene, Instant::now(), sink) {
                return order;
            }
        }
    }

    async fn hear(&mut self) -> Heard {
        let Operator { signals, keyboard, terminal, look, .. } = self;
        loop {
            tokio::select! {
                signal = signals.next() => return match signal {
                    // In raw mode it is no Ctrl+C: somebody has sent it.
                    OperatorSignal::Interrupt if *terminal && !keyboard.is_listening() => Heard::Key(Key::QuitNow),
                    OperatorSignal::Stop => Heard::Suspend,
                    OperatorSignal::Interrupt
                    | OperatorSignal::Terminate
                    | OperatorSignal::Hangup
                    | OperatorSignal::Quit => Heard::Signal(signal.number()),
                },
                press = poll_fn(|context| keyboard.poll_press(context)) => match press {
                    Press::Key(key) => return Heard::Key(key),
                    Press::Enter => return Heard::Enter,
                    // It comes back to us as a signal, as it would without single keys.
                    Press::Suspend => drop(signals::stop_job()),
                },
                _ = look.tick(), if *terminal => keyboard.take(),
            }
        }
    }

    fn understand(&mut self, heard: Heard, scene: Scene, now: Instant, sink: &mut dyn Sink) -> Option<Order> {
        let order = match heard {
            Heard::Key(key) => self.pressed(key, scene, now, sink),
            Heard::Enter => interpret::enter(scene),
            Heard::Signal(number) => Some(interpret::signal(number, self.urgency())),
            Heard::Suspend => Some(Order::Suspend),
        };
        self.remember(order?, scene, sink);
        order
    }

    fn pressed(&mut self, key: Key, scene: Scene, now: Instant, sink: &mut dyn Sink) -> Option<Order> {
        let effect = interpret::key(key, scene, self.urgency());
        let Some(second) = effect.second else { return effect.first };
        match self.arming.press(key, now) {
            Count::First => {
                sink.event(&Event::Armed { key, within: WINDOW });
                effect.first
            }
            Count::Second => {
                sink.event(&Event::Acting { key });
                Some(second)
            }
        }
    }

    fn remember(&mut self, order: Order, scene: Scene, sink: &mut dyn Sink) {
        // What a wait or a pause is told, it does itself.
        let later = !matches!(scene, Scene::Wait | Scene::Paused);
        match order {
            Order::Cancel(halt) => self.stop(halt, sink),
            Order::Finish => self.stop(GRACEFUL, sink),
            Order::Skip => self.wishes.skip |= later,
            Order::Pause => self.wishes.pause |= later,
            Order::Resume | Order::Force | Order::Suspend => {}
        }
    }

    fn stop(&mut self, halt: Halt, sink: &mut dyn Sink) {
        self.wishes.halt = Some(halt);
        sink.event(&Event::StopRequested { source: halt.source });
    }

    /// Stops this process as job control does, the terminal given back meanwhile; returns when it is continued.
    pub fn suspend(&mut self, sink: &mut dyn Sink) {
        self.arming.disarm();
        sink.event(&Event::Suspending);
        self.keyboard.release();
        // A process that cannot stop itself goes on.
        if let Err(error) = signals::stop_self() {
            sink.event(&Event::Warning(format!("cannot stop: {error}")));
        }
        self.keyboard.take();
    }

    /// Takes what came while nobody was listening.
    pub async fn catch_up(&mut self, sink: &mut dyn Sink) {
        while let Some(order) = self.came(Scene::Between, sink).await {
            self.idle(order, sink);
        }
    }

    /// What came already.
    async fn came(&mut self, scene: Scene, sink: &mut dyn Sink) -> Option<Order> {
        // Lets the runtime see the signals first.
        tokio::task::yield_now().await;
        tokio::select! {
            biased;
            order = self.next(scene, sink) => Some(order),
            () = std::future::ready(()) => None,
        }
    }

    /// What an order means while no agent runs: it is remembered already.
    fn idle(&mut self, order: Order, sink: &mut dyn Sink) {
        match order {
            Order::Suspend => self.suspend(sink),
            Order::Cancel(_) | Order::Finish | Order::Skip | Order::Pause | Order::Resume | Order::Force => {}
        }
    }

    /// Listens for that long, or until something is ordered. Job control stops rally as a user expects.
    pub async fn listen(&mut self, how_long: Duration, scene: Scene, sink: &mut dyn Sink) -> Option<Order> {
        let end = tokio::time::Instant::now() + how_long;
        loop {
            let order = tokio::select! {
                order = self.next(scene, sink) => order,
                () = tokio::time::sleep_until(end) => self.came(scene, sink).await?,
            };
            match order {
                Order::Suspend => self.suspend(sink),
                order => return Some(order),
            }
        }
    }

    /// Waits, unless the operator wants out.
    pub async fn wait(&mut self, how_long: Duration, sink: &mut dyn Sink) -> Waited {
        match self.halt() {
            Some(_) => Waited::Halted,
            None => self.endure(how_long, sink).await,
        }
    }

    /// Waits, unless the operator gives up now.
    pub async fn endure(&mut self, how_long: Duration, sink: &mut dyn Sink) -> Waited {
        let end = tokio::time::Instant::now() + how_long;
        loop {
            let left = end.saturating_duration_since(tokio::time::Instant::now());
            match self.listen(left, Scene::Wait, sink).await {
                None => return Waited::Elapsed,
                Some(Order::Skip) => return Waited::Skipped,
                Some(Order::Cancel(_) | Order::Finish | Order::Force) => return Waited::Halted,
                Some(Order::Pause | Order::Resume | Order::Suspend) => {}
            }
        }
    }

    /// Lets some work between tries come to its end, and listens meanwhile. `force` is called when the
    /// operator, who wants out, presses once more, or has waited long enough.
    pub async fn during<T>(
        &mut self,
        work: impl Future<Output = T>,
        sink: &mut dyn Sink,
        mut force: impl FnMut(),
    ) -> T {
        let mut work = std::pin::pin!(work);
        let mut patience: Option<tokio::time::Instant> = None;
        loop {
            if self.urgency() == Urgency::Now {
                patience.get_or_insert_with(|| tokio::time::Instant::now() + PATIENCE);
            }
            tokio::select! {
                biased;
                done = &mut work => return done,
                order = self.next(Scene::Between, sink) => match order {
                    Order::Force => force(),
                    order => self.idle(order, sink),
                },
                // Nobody may be there to press again: a machine that shuts down says so once.
                () = tokio::time::sleep_until(patience.unwrap_or_else(tokio::time::Instant::now)),
                    if patience.is_some() =>
                {
                    force();
                    return work.await;
                }
            }
        }
    }

    /// The same with work that may be given up half-way: `None` when the operator, who wants out, presses once more.
    pub async fn unless_forced<T>(
        &mut self,
        work: impl Future<Output = T>,
        sink: &mut dyn Sink,
    ) -> Option<T> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return Some(done),
                order = self.next(Scene::Between, sink) => match order {
                    Order::Force => return None,
                    order => self.idle(order, sink),
                },
            }
        }
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
