//! The lines that are repainted in place: a status, and below it the keys. Data flows one way: [`view`] remembers
//! what the events told and says what stands there now, made of the words of [`status`] and [`mod@hint`]; [`painter`]
//! knows how to put [`line`]s on a terminal and how to take them away again.

pub mod hint;
pub mod line;
pub mod painter;
pub mod status;
pub mod view;

pub use hint::hint;
pub use line::Line;
pub use painter::{Painter, Size};
pub use view::View;
