//! A command in a terminal, of which one sees what a person would see.

use std::io::Read;
use std::num::NonZero;
use std::process::Command;
use std::sync::{Arc, Mutex};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::lab::wait_until;

const ROWS: u16 = 40;
const COLUMNS: u16 = 200;

/// A command under way in a terminal; killed when the test gives up.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    screen: Arc<Mutex<vt100::Parser>>,
    /// What the command writes into.
    _master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    /// Starts a command with the environment that it names, and nothing else.
    pub fn start(command: &Command) -> Terminal {
        let size = PtySize { rows: ROWS, cols: COLUMNS, ..PtySize::default() };
        let pty = native_pty_system().openpty(size).unwrap();
        let mut inside = CommandBuilder::new(command.get_program());
        inside.args(command.get_args());
        inside.cwd(command.get_current_dir().unwrap());
        inside.env_clear();
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                inside.env(name, value);
            }
        }
        inside.env("TERM", "xterm-256color");
        let child = pty.slave.spawn_command(inside).unwrap();
        let (rows, columns) = (NonZero::new(ROWS).unwrap(), NonZero::new(COLUMNS).unwrap());
        let screen = Arc::new(Mutex::new(vt100::Parser::new(rows, columns, 0)));
        let mut reader = pty.master.try_clone_reader().unwrap();
        let painted = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(n @ 1..) = reader.read(&mut bytes) {
                painted.lock().unwrap().process(&bytes[..n]);
            }
        });
        Terminal { child, screen, _master: pty.master }
    }

    /// What is to be seen now.
    pub fn shown(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Waits until a text is to be seen.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        wait_until(|| self.shown().contains(text), || format!("no `{text}`:\n{}", self.shown()));
    }

    /// Waits for the end; says the exit code.
    #[track_caller]
    pub fn finish(mut self) -> u32 {
        let mut code = None;
        wait_until(
            || {
                code = self.child.try_wait().unwrap().map(|status| status.exit_code());
                code.is_some()
            },
            || "it did not end".to_owned(),
        );
        code.unwrap()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
