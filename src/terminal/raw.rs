//! The mode in which single keys can be read, and the way back.

use std::io;
use std::os::fd::AsFd;

use rustix::termios::{
    InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};

/// The modes for single keys, made from those that were found: no line editing, no echo, no flow control, and
/// neither Ctrl+C nor Ctrl+Z sends a signal. Output is processed as before, so that a line feed still begins a
/// new line, whoever prints it; and Ctrl+\ still sends its signal, the way out of a rally that hangs.
pub fn of(found: &Termios) -> Termios {
    let mut raw = found.clone();
    raw.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::IEXTEN);
    raw.input_modes.remove(InputModes::IXON | InputModes::ICRNL | InputModes::INLCR | InputModes::IGNCR);
    for disabled in [SpecialCodeIndex::VINTR, SpecialCodeIndex::VSUSP] {
        raw.special_codes[disabled] = 0;
    }
    // A read never blocks: it is made when there is something, and somebody else may have been faster.
    raw.special_codes[SpecialCodeIndex::VMIN] = 0;
    raw.special_codes[SpecialCodeIndex::VTIME] = 0;
    raw
}

/// Switches a terminal; says what was found.
///
/// # Errors
/// What the system says: no terminal.
pub fn enter(terminal: impl AsFd) -> io::Result<Termios> {
    let found = tcgetattr(&terminal)?;
    tcsetattr(&terminal, OptionalActions::Now, &of(&found))?;
    Ok(found)
}

/// Restores what was found.
///
/// # Errors
/// What the system says: the terminal is gone.
pub fn leave(terminal: impl AsFd, found: &Termios) -> io::Result<()> {
    Ok(tcsetattr(&terminal, OptionalActions::Now, found)?)
}
