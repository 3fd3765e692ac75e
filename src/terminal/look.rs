//! What is possible on this process's standard output and standard error.

use std::io::{self, IsTerminal};

use jiff::tz::TimeZone;

use super::live::Size;
use super::style::Palette;
use crate::process::modes;

/// How a console shows things.
#[derive(Debug, Clone)]
pub struct Look {
    /// Whether standard output can repaint lines: a terminal that is not `dumb`.
    pub live: bool,
    /// Whether it may do so now; asked whenever something is shown, since a shell moves its jobs around.
    pub may_repaint: fn() -> bool,
    /// Whether the operator who presses a key sees standard error, and not standard output.
    pub echo_on_err: bool,
    /// Colours of standard output.
    pub out: Palette,
    /// Colours of standard error.
    pub err: Palette,
    /// The operator's time zone.
    pub zone: TimeZone,
    /// Of standard output's terminal; asked whenever something is shown, since terminals are resized.
    pub size: fn() -> Size,
}

impl Look {
    /// As the streams and the environment of this process have it.
    pub fn standard() -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let terminal = io::stdout().is_terminal();
        Look {
            live: terminal && !dumb,
            // In the background the rows below the cursor are those of a shell, or of an editor.
            may_repaint: || !modes::is_background(io::stdout()),
            echo_on_err: !terminal && io::stderr().is_terminal(),
            out: Palette::of(&io::stdout()),
            err: Palette::of(&io::stderr()),
            zone: TimeZone::system(),
            size: stdout_size,
        }
    }
}

fn stdout_size() -> Size {
    let Ok(size) = rustix::termios::tcgetwinsize(io::stdout()) else { return Size::USUAL };
    let or = |told: u16, usual| if told > 0 { usize::from(told) } else { usual };
    Size { columns: or(size.ws_col, Size::USUAL.columns), rows: or(size.ws_row, Size::USUAL.rows) }
}
