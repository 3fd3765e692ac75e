//! A command in a terminal, of which one sees what a person would see.

use std::io::{Read, Write};
use std::num::NonZero;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// A command under way in a terminal; killed when the test gives up.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    screen: Arc<Mutex<vt100::Parser>>,
    raw: Arc<Mutex<Vec<u8>>>,
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
        if inside.get_env("TERM").is_none() {
            inside.env("TERM", "xterm-256color");
        }
        let child = pty.slave.spawn_command(inside).unwrap();
        drop(pty.slave);
        let [rows, columns] = [rows, columns].map(|n| NonZero::new(n).unwrap());
        let screen = Arc::new(Mutex::new(vt100::Parser::new(rows, columns, 0)));
        let mut reader = pty.master.try_clone_reader().unwrap();
        let raw = Arc::new(Mutex::new(Vec::new()));
        let (painted, kept) = (Arc::clone(&screen), Arc::clone(&raw));
        let painter = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(n @ 1..) = reader.read(&mut bytes) {
                painted.lock().unwrap().process(&bytes[..n]);
                kept.lock().unwrap().extend_from_slice(&bytes[..n]);
            }
        });
        let keys = Some(pty.master.take_writer().unwrap());
        Terminal { child, screen, raw, painter: Some(painter), keys, master: Some(pty.master) }
    }

    /// What is to be seen now.
    pub fn shown(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Everything that was ever written.
    pub fn raw(&self) -> String {
        String::from_utf8_lossy(&self.raw.lock().unwrap()).into_owned()
    }

    /// What stands in each row, the spaces behind it left out, and where the cursor is.
    pub fn rows(&self) -> (Vec<String>, (u16, u16)) {
        let screen = self.screen.lock().unwrap();
        let (_, columns) = screen.screen().size();
        let rows = screen.screen().rows(0, columns.get()).map(|row| row.trim_end().to_owned()).collect();
        (rows, screen.screen().cursor_position())
    }

    /// Pulls the terminal to another size.
    pub fn resize(&self, rows: u16, columns: u16) {
        let mut screen = self.screen.lock().unwrap();
        let size = PtySize { rows, cols: columns, ..PtySize::default() };
        self.master.as_ref().unwrap().resize(size).unwrap();
        let [rows, columns] = [rows, columns].map(|n| NonZero::new(n).unwrap());
        screen.set_size(rows, columns);
    }

    /// Types.
    pub fn press(&mut self, keys: &[u8]) {
        self.keys.as_mut().unwrap().write_all(keys).unwrap();
    }

    /// The terminal, as a file that others can open.
    pub fn device(&self) -> PathBuf {
        self.master.as_ref().unwrap().tty_name().unwrap()
    }

    /// The command's process, which leads the terminal's session.
    pub fn pid(&self) -> i32 {
        self.child.process_id().unwrap().cast_signed()
    }

    /// Waits for the end, and says the exit code. The terminal stays.
    pub fn exit_code_at_end(&mut self) -> u32 {
        self.child.wait().unwrap().exit_code()
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
