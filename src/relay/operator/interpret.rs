//! What a key or a signal means, where the relay stands just now. Pure.

use crate::model::{CancelSource, Key};

/// Where the relay stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// An agent works.
    Try,
    /// A try that the operator ended is being ended.
    Cancelling,
    /// A try is being ended for any other reason.
    Draining,
    /// Between tries: git works, state is written.
    Between,
    /// Nothing can be done for a while.
    Wait,
    /// The operator has paused the relay.
    Paused,
}

/// What has to happen now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Cancel the try and end the pass.
    Cancel(Halt),
    /// Let the try finish, then end the pass.
    Finish,
    /// End the run and go on with the next entry; in a wait or a pause: go on.
    Skip,
    /// End the try; its run goes on when the operator says so.
    Pause,
    /// The pause is over.
    Resume,
    /// Kill whatever still drains.
    Force,
    /// Job control stops us.
    Suspend,
}

/// Why the pass ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Halt {
    /// For the record of a cancelled try.
    pub source: CancelSource,
    /// The signal that asked for it, or that a quit at the keyboard stands for.
    pub signal: i32,
}

/// Ctrl+C, confirmed.
pub const QUIT: Halt = Halt { source: CancelSource::QuitNow, signal: 2 };

/// Ctrl+X, confirmed.
pub const GRACEFUL: Halt = Halt { source: CancelSource::GracefulStop, signal: 2 };

/// How far the pass is from its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// It goes on.
    None,
    /// Nothing new begins.
    Graceful,
    /// It ends as soon as it can.
    Now,
}

impl Urgency {
    /// Of a halt that was ordered.
    pub fn of(halt: Option<Halt>) -> Urgency {
        match halt.map(|halt| halt.source) {
            None => Urgency::None,
            Some(CancelSource::GracefulStop) => Urgency::Graceful,
            Some(CancelSource::QuitNow | CancelSource::Signal | CancelSource::Skip) => Urgency::Now,
        }
    }
}

/// What a key does. One that does nothing is not even armed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effect {
    /// At its first press.
    pub first: Option<Order>,
    /// At its second, which confirms.
    pub second: Option<Order>,
}

/// What a key does.
pub fn key(key: Key, scene: Scene, urgency: Urgency) -> Effect {
    let confirmed = |second| Effect { first: None, second: Some(second) };
    let nothing = Effect::default();
    match (key, scene, urgency) {
        // While something drains, one press is enough; twice it always means to quit.
        (Key::QuitNow, Scene::Cancelling | Scene::Draining, Urgency::None | Urgency::Graceful) => {
            Effect { first: Some(Order::Force), second: Some(Order::Cancel(QUIT)) }
        }
        (Key::QuitNow, _, Urgency::Now) => Effect { first: Some(Order::Force), second: None },
        (Key::QuitNow, Scene::Try | Scene::Between | Scene::Wait | Scene::Paused, _) => {
            confirmed(Order::Cancel(QUIT))
        }
        (Key::Skip | Key::Pause | Key::GracefulStop, Scene::Cancelling, _) | (_, _, Urgency::Now) => nothing,

        (Key::GracefulStop, Scene::Try | Scene::Wait, Urgency::Graceful) => {
            confirmed(Order::Cancel(GRACEFUL))
        }
        (Key::GracefulStop, _, Urgency::None) => confirmed(Order::Finish),
        (Key::GracefulStop, Scene::Draining | Scene::Between | Scene::Paused, Urgency::Graceful) => nothing,

        (Key::Skip, Scene::Try | Scene::Wait | Scene::Paused, _) => confirmed(Order::Skip),
        (Key::Pause, Scene::Try, Urgency::None) => confirmed(Order::Pause),
        // The try may finish. A pause would end it, and with it the pass.
        (Key::Pause, Scene::Try, Urgency::Graceful) => nothing,
        (Key::Pause, Scene::Wait | Scene::Paused, _) => nothing,
        // Nothing will begin that could be skipped or paused.
        (Key::Skip | Key::Pause, Scene::Draining | Scene::Between, Urgency::Graceful) => nothing,
        (Key::Skip, Scene::Draining | Scene::Between, Urgency::None) => confirmed(Order::Skip),
        (Key::Pause, Scene::Draining | Scene::Between, Urgency::None) => confirmed(Order::Pause),
    }
}

/// What a signal with this number does that ends a process.
pub fn signal(number: i32, urgency: Urgency) -> Order {
    match urgency {
        Urgency::Now => Order::Force,
        Urgency::None | Urgency::Graceful => {
            Order::Cancel(Halt { source: CancelSource::Signal, signal: number })
        }
    }
}

/// What Enter does.
pub fn enter(scene: Scene) -> Option<Order> {
    match scene {
        Scene::Paused => Some(Order::Resume),
        Scene::Try | Scene::Cancelling | Scene::Draining | Scene::Between | Scene::Wait => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENES: [Scene; 6] =
        [Scene::Try, Scene::Cancelling, Scene::Draining, Scene::Between, Scene::Wait, Scene::Paused];

    /// In few letters: what the first press does, and what the second.
    fn letters(effect: Effect) -> String {
        let letter = |order| match order {
            None => '-',
            Some(Order::Cancel(QUIT)) => 'Q',
            Some(Order::Cancel(GRACEFUL)) => 'G',
            Some(Order::Finish) => 'F',
            Some(Order::Skip) => 'S',
            Some(Order::Pause) => 'P',
            Some(Order::Force) => 'K',
            Some(other) => panic!("{other:?}"),
        };
        [letter(effect.first), letter(effect.second)].iter().collect()
    }

    // 20 §18, 20-AF-KB-05, -12, 30-172; decisions "Stopping"
    #[test]
    fn the_keys() {
        let rows = [
            // key, urgency, in the order of the scenes
            (Key::Skip, Urgency::None, ["-S", "--", "-S", "-S", "-S", "-S"]),
            (Key::Skip, Urgency::Graceful, ["-S", "--", "--", "--", "-S", "-S"]),
            (Key::Pause, Urgency::None, ["-P", "--", "-P", "-P", "--", "--"]),
            (Key::Pause, Urgency::Graceful, ["--", "--", "--", "--", "--", "--"]),
            (Key::GracefulStop, Urgency::None, ["-F", "--", "-F", "-F", "-F", "-F"]),
            (Key::GracefulStop, Urgency::Graceful, ["-G", "--", "--", "--", "-G", "--"]),
            (Key::QuitNow, Urgency::None, ["-Q", "KQ", "KQ", "-Q", "-Q", "-Q"]),
            (Key::QuitNow, Urgency::Graceful, ["-Q", "KQ", "KQ", "-Q", "-Q", "-Q"]),
        ];
        for (which, urgency, expected) in rows {
            let told = SCENES.map(|scene| letters(key(which, scene, urgency)));
            assert_eq!(told, expected, "{which:?} {urgency:?}");
        }
        for scene in SCENES {
            for which in Key::ALL {
                let expected = if which == Key::QuitNow { "K-" } else { "--" };
                assert_eq!(letters(key(which, scene, Urgency::Now)), expected, "{which:?} {scene:?}");
            }
        }
    }

    #[test]
    fn signals_and_enter() {
        let by_signal = Order::Cancel(Halt { source: CancelSource::Signal, signal: 15 });
        assert_eq!(signal(15, Urgency::None), by_signal);
        assert_eq!(signal(15, Urgency::Graceful), by_signal);
        assert_eq!(signal(15, Urgency::Now), Order::Force);
        for scene in SCENES {
            assert_eq!(enter(scene), (scene == Scene::Paused).then_some(Order::Resume), "{scene:?}");
        }
    }
}
