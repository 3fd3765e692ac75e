//! The lines that are repainted in place: a status, and below it the keys. Data flows one way: [`view`] remembers
//! what the events told and says what stands there now, made of the words of [`status`] and [`mod@hint`]; [`painter`]
//! knows how to put [`mod@line`]s on a terminal and how to take them away again.

pub mod hint;
pub mod line;
pub mod painter;
pub mod status;
pub mod view;

pub use hint::hint;
pub use line::Line;
pub use painter::{Painter, Size};
pub use view::View;

/// A try in which all is well.
#[cfg(test)]
const WELL: crate::relay::event::Tick = crate::relay::event::Tick {
    elapsed: std::time::Duration::from_secs(42),
    files: 3,
    last_activity: Some(std::time::Duration::from_secs(4)),
    attempt: 1,
    max_attempts: 5,
    note: None,
    health: crate::relay::event::Health::Well,
    drought: None,
    tokens: None,
};
