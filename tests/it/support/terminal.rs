//! A command in a terminal, of which one sees what a person would see.

use std::io::{Read, Write};
use std::num::NonZero;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// A command under way in a terminal; killed when the test gives up.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    screen: Arc<Mutex<vt100::Parser>>,
    painter: Option<JoinHandle<()>>,
    keys: Option<Box<dyn Write + Send>>,
    master: Option<Box<dyn MasterPty + Send>>,
}

impl Terminal {
    /// Starts a command in a terminal of so many rows and columns.
    pub fn start(command: &Command, rows: u16, columns: u16) -> Terminal {
        let size = PtySize { rows, cols: columns, ..PtySize::default() };
        let pty = native_pty_system().openpty(size).unwrap();
        let mut inside = inside(command);
        inside.env("TERM", "xterm-256color");
        let child = pty.slave.spawn_command(inside).unwrap();
        drop(pty.slave);
        let [rows, columns] = [rows, columns].map(|n| NonZero::new(n).unwrap());
        let screen = Arc::new(Mutex::new(vt100::Parser::new(rows, columns, 0)));
        let mut reader = pty.master.try_clone_reader().unwrap();
        let painted = Arc::clone(&screen);
        let painter = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(n @ 1..) = reader.read(&mut bytes) {
                painted.lock().unwrap().process(&bytes[..n]);
            }
        });
        let keys = Some(pty.master.take_writer().unwrap());
        Terminal { child, screen, painter: Some(painter), keys, master: Some(pty.master) }
    }

    /// What is to be seen now.
    pub fn shown(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Types.
    pub fn press(&mut self, keys: &[u8]) {
        self.keys.as_mut().unwrap().write_all(keys).unwrap();
    }

    /// Pid of the command.
    pub fn pid(&self) -> i32 {
        self.child.process_id().unwrap().cast_signed()
    }

    /// How the command ended, if it has.
    pub fn exit_code(&mut self) -> Option<u32> {
        self.child.try_wait().unwrap().map(|status| status.exit_code())
    }

    /// Waits for the end, and until all is painted; says the exit code.
    pub fn finish(&mut self) -> u32 {
        let code = self.child.wait().unwrap().exit_code();
        (self.keys, self.master) = (None, None);
        if let Some(painter) = self.painter.take() {
            painter.join().unwrap();
        }
        code
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The same command for a terminal, with the environment that it names, and nothing else.
pub fn inside(command: &Command) -> CommandBuilder {
    let mut inside = CommandBuilder::new(command.get_program());
    inside.args(command.get_args());
    inside.cwd(command.get_current_dir().unwrap());
    inside.env_clear();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            inside.env(name, value);
        }
    }
    inside
}
