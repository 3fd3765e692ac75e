//! The keys that the operator has during a relay.

/// One of the four. Each is pressed twice: the first press arms it, the second confirms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// Ctrl+S: on to the next entry of the mix; in a wait: on at once.
    Skip,
    /// Ctrl+P: the agent is stopped, and its session goes on later.
    Pause,
    /// Ctrl+X: the current try may finish, nothing new begins.
    GracefulStop,
    /// Ctrl+C: stop at once.
    QuitNow,
}

impl Key {
    /// All of them, in the order of the hint line.
    pub const ALL: [Key; 4] = [Key::Skip, Key::Pause, Key::GracefulStop, Key::QuitNow];

    /// The byte that a terminal in raw mode sends.
    pub fn byte(self) -> u8 {
        match self {
            Key::Skip => 0x13,
            Key::Pause => 0x10,
            Key::GracefulStop => 0x18,
            Key::QuitNow => 0x03,
        }
    }

    /// What is printed on the keyboard.
    pub fn name(self) -> &'static str {
        match self {
            Key::Skip => "Ctrl+S",
            Key::Pause => "Ctrl+P",
            Key::GracefulStop => "Ctrl+X",
            Key::QuitNow => "Ctrl+C",
        }
    }

    /// What it does, after "press Ctrl+S again to".
    pub fn action(self) -> &'static str {
        match self {
            Key::Skip => "skip",
            Key::Pause => "pause",
            Key::GracefulStop => "graceful-stop",
            Key::QuitNow => "quit now",
        }
    }

    /// That it is being done.
    pub fn acting(self) -> &'static str {
        match self {
            Key::Skip => "skipping…",
            Key::Pause => "pausing…",
            Key::GracefulStop => "stopping…",
            Key::QuitNow => "quitting…",
        }
    }
}
