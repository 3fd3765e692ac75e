//! What a person sees in a terminal.

use crate::support::{Sandbox, Terminal};

// The brief's 2b; the line has to be fed, formatted and painted
#[test]
fn the_status_line_is_alive_and_gone_at_the_end() {
    let sandbox = Sandbox::initialised();
    sandbox.claude("init; echo x > made.txt; say hello; here; await go; result ok");
    let mut terminal = Terminal::start(&sandbox.rally(["relay", "--agent", "cc", "work"]), 30, 80);
    sandbox.wait_for("a living status line", || {
        let text = terminal.shown();
        text.contains("⏱ ") && text.contains("📁 1 file") && text.contains("last activity: ")
    });
    sandbox.release("go");
    assert_eq!(terminal.finish(), 0);
    let text = terminal.shown();
    assert!(text.contains("✓ passed") && text.contains("Relay complete."), "{text}");
    assert!(!text.contains('⏱'), "nothing is left of the line: {text}");
}
