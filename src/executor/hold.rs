//! What has to be set up outside a try's own folder before its CLI may start, and taken back afterwards.

use std::fmt::Debug;

/// The answer to [`super::Executor::hold`].
#[derive(Debug)]
pub enum Held {
    /// Nothing is needed.
    Nothing,
    /// It is set up, until released.
    Ready(Box<dyn Hold>),
    /// Somebody else has set it up otherwise; ask again later. Says who and what for.
    Busy(String),
}

/// Something shared that is set up for one try. It is released when no process of the try is left;
/// after a crash the next one to need it repairs it.
pub trait Hold: Debug {
    /// Takes it back. Remarks are for the operator, such as a file that could not be restored.
    fn release(self: Box<Self>) -> Vec<String>;
}
