//! What makes a process a guard.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::process::{getpid, set_child_subreaper, setsid};
use signal_hook::consts::{
    SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2,
};

/// What a terminal, a shell or an operator may send to everything that belongs to rally.
const DEAF_TO: [i32; 9] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2];

/// Leaves rally's session, adopts orphans, grows deaf to signals. The result becomes readable
/// when a child ends.
///
/// # Errors
/// What the system says; also when the kernel cannot list a thread's children.
pub fn become_guard() -> io::Result<UnixStream> {
    setsid()?;
    set_child_subreaper(Some(getpid()))?;
    // A handler and not "ignore": exec resets handlers to the default, but agents would inherit
    // what is ignored. This also cures what rally inherited from `nohup` or a script's `&`.
    let unused = Arc::new(AtomicBool::new(false));
    for signal in DEAF_TO {
        signal_hook::flag::register(signal, Arc::clone(&unused))?;
    }
    // What rally's caller left open (a shell's `3> file`, a CI's pipe) is none of the agent's business.
    close_fds::set_fds_cloexec(3, &[]);
    let (wake, waker) = UnixStream::pair()?;
    wake.set_nonblocking(true)?;
    signal_hook::low_level::pipe::register(SIGCHLD, waker)?;
    std::fs::read("/proc/thread-self/children").map_err(|error| {
        let hint = "the kernel needs CONFIG_PROC_CHILDREN, and /proc must be mounted";
        io::Error::new(error.kind(), format!("cannot list child processes ({hint}): {error}"))
    })?;
    Ok(wake)
}
