//! The operator's keyboard, as far as the loop needs it. The terminal room is one; a relay without a terminal
//! has none.

use std::fmt::Debug;
use std::task::{Context, Poll};

use crate::model::Key;

/// What can be pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Press {
    /// One of the four keys.
    Key(Key),
    /// Enter: ends a pause.
    Enter,
    /// Ctrl+Z: job control. In raw mode it is a key like any other.
    Suspend,
}

/// Reads keys, and holds the terminal in the mode in which single keys can be read.
pub trait Keyboard: Debug {
    /// The next key; pending for as long as none is pressed, also when nobody can press any.
    fn poll_press(&mut self, context: &mut Context<'_>) -> Poll<Press>;

    /// Whether keys come as keys: then a SIGINT was sent by somebody, and is no Ctrl+C.
    fn is_listening(&self) -> bool;

    /// Gives the terminal back as it was found. May be repeated.
    fn release(&mut self);

    /// Takes the terminal again, if it is rally's turn. May be repeated.
    fn take(&mut self);
}

/// Nobody can press anything.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoKeyboard;

impl Keyboard for NoKeyboard {
    fn poll_press(&mut self, _: &mut Context<'_>) -> Poll<Press> {
        Poll::Pending
    }

    fn is_listening(&self) -> bool {
        false
    }

    fn release(&mut self) {}

    fn take(&mut self) {}
}
