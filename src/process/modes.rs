//! The modes of a terminal: those in which single keys can be read, and the way back.
//!
//! They stand here because rally's keeper, a guard, has to know them too (see [`super::Keeper`]).

use std::io;
use std::os::fd::AsFd;

use rustix::process::getpid;
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr,
};

use super::identity;

/// All that a terminal has on Linux.
const CODES: [SpecialCodeIndex; 16] = [
    SpecialCodeIndex::VINTR,
    SpecialCodeIndex::VQUIT,
    SpecialCodeIndex::VERASE,
    SpecialCodeIndex::VKILL,
    SpecialCodeIndex::VEOF,
    SpecialCodeIndex::VTIME,
    SpecialCodeIndex::VMIN,
    SpecialCodeIndex::VSTART,
    SpecialCodeIndex::VSTOP,
    SpecialCodeIndex::VSUSP,
    SpecialCodeIndex::VEOL,
    SpecialCodeIndex::VREPRINT,
    SpecialCodeIndex::VDISCARD,
    SpecialCodeIndex::VWERASE,
    SpecialCodeIndex::VLNEXT,
    SpecialCodeIndex::VEOL2,
];

/// The modes for single keys, made from those that were found: no line editing, no echo, no flow control, and
/// neither Ctrl+C nor Ctrl+Z sends a signal. Output is processed as before, so that a line feed still begins a
/// new line, whoever prints it; and Ctrl+\ still sends its signal, which ends a relay at once.
pub fn raw(found: &Termios) -> Termios {
    let mut raw = found.clone();
    raw.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::IEXTEN);
    raw.input_modes.remove(InputModes::IXON | InputModes::ICRNL | InputModes::INLCR | InputModes::IGNCR);
    for disabled in [SpecialCodeIndex::VINTR, SpecialCodeIndex::VSUSP] {
        raw.special_codes[disabled] = 0;
    }
    // Not 0: a shell that reads before its terminal is restored would take the empty answer for the end of its
    // input, and leave.
    raw.special_codes[SpecialCodeIndex::VMIN] = 1;
    raw.special_codes[SpecialCodeIndex::VTIME] = 0;
    raw
}

/// Whether a terminal has exactly the modes for single keys that are made from those that were found: then
/// nobody has set others since. A terminal that is gone has none.
pub fn is_raw(terminal: impl AsFd, found: &Termios) -> bool {
    tcgetattr(terminal).is_ok_and(|now| same(&now, &raw(found)))
}

/// What rally may change. The rest belongs to the hardware, whose drivers take what they can.
fn same(a: &Termios, b: &Termios) -> bool {
    (a.input_modes, a.output_modes, a.local_modes) == (b.input_modes, b.output_modes, b.local_modes)
        && CODES.into_iter().all(|code| a.special_codes[code] == b.special_codes[code])
}

/// Switches a terminal from the modes that were found to those for single keys. What was typed before stays.
///
/// # Errors
/// What the system says: no terminal.
pub fn enter(terminal: impl AsFd, found: &Termios) -> io::Result<()> {
    Ok(tcsetattr(terminal, OptionalActions::Now, &raw(found))?)
}

/// Restores what was found, unless somebody has set other modes meanwhile: a shell its own for its line editor, a
/// person with `stty` those that are wanted. What was typed and not read yet is left to whoever reads next.
///
/// # Errors
/// What the system says: the terminal is gone.
pub fn restore(terminal: impl AsFd, found: &Termios) -> io::Result<()> {
    if is_raw(&terminal, found) {
        tcsetattr(terminal, OptionalActions::Now, found)?;
    }
    Ok(())
}

/// Whether a terminal is the one that controls this process, and this process is in its foreground: nobody else
/// may read it or set its modes without being stopped.
pub fn is_foreground(terminal: impl AsFd) -> bool {
    tcgetpgrp(terminal).is_ok_and(|foreground| Some(foreground.as_raw_pid()) == own_group())
}

/// Whether a terminal is the one that controls this process, and others are in its foreground: its screen is theirs.
pub fn is_background(terminal: impl AsFd) -> bool {
    tcgetpgrp(terminal).is_ok_and(|foreground| own_group().is_some_and(|own| own != foreground.as_raw_pid()))
}

/// Read from procfs: where the group's leader is outside this pid namespace its number is 0, and no valid `Pid`.
fn own_group() -> Option<i32> {
    identity::stat(getpid().as_raw_pid()).map(|stat| stat.pgrp)
}
