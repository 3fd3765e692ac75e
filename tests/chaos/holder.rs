//! A terminal of our own, held by a process that can be killed: that is how a terminal closes.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, ExitCode, Stdio};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use rustix::fs::OFlags;

use crate::support::Sandbox;

/// The other process: opens a terminal, says its name, waits for a line, starts the command in it, says its pid, and
/// reads what it shows until all is gone.
pub fn hold(command: &[String]) -> ExitCode {
    let pty = native_pty_system().openpty(PtySize::default()).unwrap();
    println!("{}", pty.master.tty_name().unwrap().display());
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    let mut inside = CommandBuilder::new(&command[0]);
    inside.args(&command[1..]);
    inside.cwd(std::env::current_dir().unwrap());
    inside.env("TERM", "xterm-256color");
    let child = pty.slave.spawn_command(inside).unwrap();
    drop(pty.slave);
    println!("{}", child.process_id().unwrap());
    let (mut reader, mut bytes) = (pty.master.try_clone_reader().unwrap(), [0; 4096]);
    while reader.read(&mut bytes).is_ok_and(|n| n > 0) {}
    ExitCode::SUCCESS
}

/// A relay in a terminal.
#[derive(Debug)]
pub struct Held {
    holder: Child,
    device: std::fs::File,
    found: String,
    /// The relay's process.
    pub pid: i32,
}

impl Held {
    pub fn start(sandbox: &Sandbox, arguments: &[&str]) -> Held {
        let mut command = sandbox.command(std::env::current_exe().unwrap());
        command.arg("--hold-terminal").arg(Sandbox::rally_path()).arg("relay").args(arguments);
        let mut holder = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(holder.stdout.take().unwrap()).lines();
        let name = said.next().unwrap().unwrap();
        let flags = (OFlags::NOCTTY | OFlags::CLOEXEC).bits();
        let device =
            std::fs::OpenOptions::new().read(true).write(true).custom_flags(flags.cast_signed()).open(name);
        let device = device.unwrap();
        let found = modes(&device).unwrap();
        holder.stdin.take().unwrap().write_all(b"\n").unwrap();
        let pid = said.next().unwrap().unwrap().parse().unwrap();
        Held { holder, device, found, pid }
    }

    /// Whether the terminal's modes are as they were before the relay.
    pub fn is_restored(&self) -> bool {
        modes(&self.device).is_none_or(|now| now == self.found)
    }

    /// Whether single keys are read.
    pub fn is_raw(&self) -> bool {
        !self.is_restored()
    }

    /// Closes the terminal.
    pub fn close(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.close();
    }
}

/// `None`: the terminal was closed.
fn modes(device: &std::fs::File) -> Option<String> {
    let modes = rustix::termios::tcgetattr(device).ok()?;
    Some(format!(
        "{:?} {:?} {:?} {:?}",
        modes.input_modes, modes.output_modes, modes.control_modes, modes.local_modes
    ))
}
