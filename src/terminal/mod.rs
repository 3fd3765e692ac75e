//! What the operator sees and presses. [`console`] shows a relay, [`relay_log`] writes it
//! down, [`prompt`] asks; the words come from [`mod@format`], the colours from [`style`], and
//! everything foreign goes through [`sanitize`].

pub mod console;
pub mod format;
pub mod keys;
pub mod prompt;
pub mod raw;
pub mod relay_log;
pub mod sanitize;
pub mod style;

pub use console::Console;
pub use keys::Keys;
pub use prompt::{Choice, LineReader, ask};
pub use relay_log::RelayLog;
