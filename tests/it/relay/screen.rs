//! What a person sees in a terminal.

use std::io::Read;
use std::num::NonZero;
use std::sync::{Arc, Mutex};

use crate::support::Sandbox;

// The brief's 2b; the line has to be fed, formatted and painted
#[test]
fn the_status_line_is_alive_and_gone_at_the_end() {
    let sandbox = Sandbox::initialised();
    sandbox.claude("init; echo x > made.txt; say hello; here; await go; result ok");
    let size = portable_pty::PtySize { rows: 30, cols: 80, ..portable_pty::PtySize::default() };
    let pty = portable_pty::native_pty_system().openpty(size).unwrap();
    let mut command = sandbox.in_terminal(&["relay", "--agent", "cc", "work"]);
    command.env("TERM", "xterm-256color");
    let mut child = pty.slave.spawn_command(command).unwrap();
    drop(pty.slave);
    let screen =
        Arc::new(Mutex::new(vt100::Parser::new(NonZero::new(30).unwrap(), NonZero::new(80).unwrap(), 0)));
    let mut reader = pty.master.try_clone_reader().unwrap();
    let painter = std::thread::spawn({
        let screen = Arc::clone(&screen);
        move || {
            let mut bytes = [0; 4096];
            while let Ok(n @ 1..) = reader.read(&mut bytes) {
                screen.lock().unwrap().process(&bytes[..n]);
            }
        }
    });
    let shown = || screen.lock().unwrap().screen().contents();
    sandbox.wait_for("a living status line", || {
        let text = shown();
        text.contains("⏱ ") && text.contains("📁 1 file") && text.contains("last activity: ")
    });
    sandbox.release("go");
    assert_eq!(child.wait().unwrap().exit_code(), 0);
    drop(pty.master);
    painter.join().unwrap();
    let text = shown();
    assert!(text.contains("✓ passed") && text.contains("Relay complete."), "{text}");
    assert!(!text.contains('⏱'), "nothing is left of the line: {text}");
}
