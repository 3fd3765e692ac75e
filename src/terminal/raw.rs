//! Standard input in the modes in which single keys can be read, and the way back at every kind of end.

use std::io;
use std::sync::{Mutex, Once, PoisonError};

use rustix::termios::{Termios, tcgetattr};

use crate::process::{GuardProgram, Keeper, modes};

/// What was found, for a panic: it may end rally without a drop.
static FOUND: Mutex<Option<Termios>> = Mutex::new(None);

/// Standard input in the modes for single keys; dropping it restores those that were found.
#[derive(Debug)]
pub struct Raw {
    found: Termios,
    /// Restores the modes when rally is killed; `None` when it could not be started.
    keeper: Option<Keeper>,
}

impl Raw {
    /// Switches standard input. Keys are worth more than the certainty that the terminal is restored even after
    /// a `kill -9`: without a keeper it is switched all the same, and `lacks_keeper` is told why.
    ///
    /// # Errors
    /// What the system says: no terminal; or it is not rally's turn.
    pub fn enter(program: &GuardProgram, lacks_keeper: impl FnOnce(&io::Error)) -> io::Result<Raw> {
        mend_before_panics();
        let stdin = io::stdin();
        let found = tcgetattr(&stdin)?;
        // First the keeper: it reads the modes itself.
        let keeper = Keeper::start(program, &stdin).inspect_err(lacks_keeper).ok();
        // It takes its time, and a shell may have taken the terminal back meanwhile: who sets modes from the
        // background is stopped.
        if !modes::is_foreground(&stdin) {
            return Err(io::Error::other("others are in the terminal's foreground"));
        }
        remember(Some(found.clone()));
        let raw = Raw { found, keeper };
        modes::enter(&stdin, &raw.found)?;
        Ok(raw)
    }

    /// The modes that were found.
    pub fn found(&self) -> &Termios {
        &self.found
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let (stdin, keeper) = (io::stdin(), self.keeper.take());
        match keeper {
            // Whoever sets modes from the background is stopped.
            Some(keeper) if !modes::is_foreground(&stdin) => keeper.restore(),
            Some(_) | None => give_back(&self.found),
        }
        remember(None);
    }
}

/// Whether keys typed at standard input come to us, one by one: we are in the foreground, and nobody has set
/// other modes since these were found.
pub fn is_ours(found: &Termios) -> bool {
    let stdin = io::stdin();
    modes::is_foreground(&stdin) && modes::is_raw(&stdin, found)
}

/// Restores the modes, if that is ours to do. A terminal that is gone needs none.
fn give_back(found: &Termios) {
    let stdin = io::stdin();
    if modes::is_foreground(&stdin) {
        let _ = modes::restore(&stdin, found);
    }
}

fn remember(found: Option<Termios>) {
    *FOUND.lock().unwrap_or_else(PoisonError::into_inner) = found;
}

/// Restores the modes before a panic is reported, so that its lines stand as they should and the terminal is
/// left in order although the release build aborts.
fn mend_before_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // Never waits: who panics may hold the lock.
            if let Ok(found) = FOUND.try_lock()
                && let Some(found) = &*found
            {
                give_back(found);
            }
            report(panic);
        }));
    });
}
