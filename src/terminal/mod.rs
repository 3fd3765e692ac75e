//! What the operator sees and presses. [`console`] shows a relay: what [`lasting`] says for good, and below it the
//! lines of [`live`], which are repainted in place; [`relay_log`] writes it down, [`prompt`] asks, [`keys`] listens. The
//! words come from [`mod@format`], the colours from [`style`], and everything foreign goes through [`sanitize`].

pub mod console;
pub mod format;
pub mod keys;
pub mod lasting;
pub mod live;
pub mod look;
mod outlet;
pub mod prompt;
pub mod raw;
pub mod relay_log;
pub mod sanitize;
pub mod style;

pub use console::Console;
pub use keys::Keys;
pub use look::Look;
pub use prompt::{Choice, LineReader, ask};
pub use relay_log::RelayLog;
