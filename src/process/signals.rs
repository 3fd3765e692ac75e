//! What the operator's system sends to the relay: signals to rally itself.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A signal to rally.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatorSignal {
    /// SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP.
    Hangup,
    /// SIGQUIT.
    Quit,
    /// SIGTSTP: Ctrl+Z, whoever reads the key (see [`stop_job`]).
    Stop,
}

impl OperatorSignal {
    const ALL: [OperatorSignal; 5] = [
        OperatorSignal::Interrupt,
        OperatorSignal::Terminate,
        OperatorSignal::Hangup,
        OperatorSignal::Quit,
        OperatorSignal::Stop,
    ];

    /// The signal's number, for the exit code 128 + n.
    pub fn number(self) -> i32 {
        match self {
            OperatorSignal::Interrupt => SignalKind::interrupt().as_raw_value(),
            OperatorSignal::Terminate => SignalKind::terminate().as_raw_value(),
            OperatorSignal::Hangup => SignalKind::hangup().as_raw_value(),
            OperatorSignal::Quit => SignalKind::quit().as_raw_value(),
            OperatorSignal::Stop => rustix::process::Signal::TSTP.as_raw(),
        }
    }
}

/// The signals that rally listens to.
#[derive(Debug)]
pub struct Signals {
    /// `None` for a signal that was ignored when rally started.
    streams: [Option<Signal>; 5],
}

impl Signals {
    /// Starts listening. A HUP that was ignored when rally started (`nohup`) stays ignored, and so
    /// does a TSTP; INT and QUIT, which a script's `&` ignores for its children, are heard. Needs
    /// a tokio runtime.
    ///
    /// # Errors
    /// What the system says.
    pub fn install() -> io::Result<Signals> {
        // Before anything is registered: afterwards nothing is ignored any more.
        let ignored = ignored();
        let mut streams = [const { None }; 5];
        for (stream, which) in streams.iter_mut().zip(OperatorSignal::ALL) {
            let stays = matches!(which, OperatorSignal::Hangup | OperatorSignal::Stop);
            if !(stays && is_in(ignored, which.number())) {
                *stream = Some(signal(SignalKind::from_raw(which.number()))?);
            }
        }
        Ok(Signals { streams })
    }

    /// Waits for the next signal. Several of one kind may come as one. Nothing is lost when the
    /// future is dropped.
    pub async fn next(&mut self) -> OperatorSignal {
        let [interrupt, terminate, hangup, quit, stop] = &mut self.streams;
        tokio::select! {
            () = received(interrupt) => OperatorSignal::Interrupt,
            () = received(terminate) => OperatorSignal::Terminate,
            () = received(hangup) => OperatorSignal::Hangup,
            () = received(quit) => OperatorSignal::Quit,
            () = received(stop) => OperatorSignal::Stop,
        }
    }
}

/// Stops rally itself, as job control would; returns after it was continued.
///
/// # Errors
/// What the system says.
pub fn stop_self() -> io::Result<()> {
    // Raised in this very thread: a signal to the process may be taken by another thread, and this
    // one would run on for a moment.
    signal_hook::low_level::raise(signal_hook::consts::SIGSTOP)
}

/// Who starts a child holds this until it runs: one that is stopped before its exec, still in rally's process group,
/// hangs whoever started it, and its own group is continued by nobody.
static STARTING: Mutex<()> = Mutex::new(());

/// Waits until no child is being started, and keeps [`stop_job`] waiting until it is dropped.
pub fn starting() -> MutexGuard<'static, ()> {
    STARTING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Stops rally's whole job, as a terminal in cooked mode does when Ctrl+Z is typed: SIGTSTP for everybody in
/// rally's process group, such as the `tee` of a pipeline, and the rally that runs the demo. A shell does not
/// count a job as stopped before all of it is. rally itself hears the signal as any other.
///
/// # Errors
/// What the system says.
pub fn stop_job() -> io::Result<()> {
    let _nobody_is_starting = starting();
    Ok(rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?)
}

/// Sends a signal to a child of ours, which cannot be another process while it is not reaped.
pub fn send(child: u32, signal: OperatorSignal) {
    let pid = i32::try_from(child).ok().and_then(Pid::from_raw);
    let signal = rustix::process::Signal::from_named_raw(signal.number());
    if let (Some(pid), Some(signal)) = (pid, signal) {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// Whether a child of ours has stopped, or ended.
pub fn has_stopped(child: u32) -> bool {
    let Some(pid) = i32::try_from(child).ok().and_then(Pid::from_raw) else { return true };
    let look = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    waitid(WaitId::Pid(pid), look).map_or(true, |found| found.is_some())
}

async fn received(stream: &mut Option<Signal>) {
    if let Some(stream) = stream
        && stream.recv().await.is_some()
    {
        return;
    }
    std::future::pending().await
}

/// The set of ignored signals, bit n-1 for signal n; empty where the system does not tell.
fn ignored() -> u64 {
    std::fs::read_to_string("/proc/self/status").map_or(0, |status| ignored_in(&status))
}

fn ignored_in(status: &str) -> u64 {
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|set| u64::from_str_radix(set.trim(), 16).ok())
        .unwrap_or(0)
}

fn is_in(set: u64, number: i32) -> bool {
    u32::try_from(number - 1).is_ok_and(|shift| set.checked_shr(shift).unwrap_or(0) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ignored_set_is_read() {
        let set = ignored_in("Name:\tx\nSigBlk:\tffffffffffffffff\nSigIgn:\t0000000000001007\nSigCgt:\t0\n");
        let ignored: Vec<i32> = (-1..70).filter(|n| is_in(set, *n)).collect();
        assert_eq!(ignored, [1, 2, 3, 13]);
        for broken in ["", "SigIgn:\n", "SigIgn:\tzz\n", "SigIgn"] {
            assert_eq!(ignored_in(broken), 0);
        }
    }

    #[test]
    fn numbers_are_the_systems() {
        assert_eq!(OperatorSignal::ALL.map(OperatorSignal::number), [2, 15, 1, 3, 20]);
    }
}
