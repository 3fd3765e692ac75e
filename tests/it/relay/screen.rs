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

// The brief's 2b, 20-AF-MO-13: a guess until the CLI tells. A step of opencode tells while the try goes on.
#[test]
fn tokens_are_guessed_until_they_are_told() {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[reliability]\nchars_per_token = { op = 2.5 }");
    let opencode = |kind: &str, part: &str| {
        format!(
            r#"echo '{{"type":"{kind}","timestamp":1,"sessionID":"ses_1","part":{{"type":"x",{part}}}}}'"#
        )
    };
    let tokens =
        r#""tokens":{"input":90000,"output":1500,"reasoning":500,"cache":{"read":7000000,"write":8000}}"#;
    let await_note =
        |name: &str| format!("while [ ! -e '{}/{name}' ]; do sleep 0.02; done", sandbox.notes().display());
    sandbox.program(
        "opencode",
        &[
            "echo x > made.txt".to_owned(),
            opencode("step_start", r#""id":"1""#),
            opencode("text", r#""text":"working""#),
            await_note("told"),
            opencode("step_finish", &format!(r#""reason":"tool-calls",{tokens}"#)),
            opencode("step_start", r#""id":"2""#),
            await_note("go"),
            opencode("text", r#""text":"done""#),
            opencode("step_finish", r#""reason":"stop","tokens":{"input":1,"output":2}"#),
        ]
        .join("\n"),
    );
    let mut terminal = Terminal::start(&sandbox.rally(["relay", "--agent", "op", "work"]), 30, 120);
    sandbox.wait_for("a guess", || {
        let text = terminal.shown();
        text.contains("~") && text.contains(" tok")
    });
    sandbox.release("told");
    sandbox.wait_for("the figure", || {
        let text = terminal.shown();
        text.contains("100k tok") && !text.contains("~100k tok")
    });
    sandbox.release("go");
    assert_eq!(terminal.finish(), 0);
    let usage = &sandbox.tries()[0]["usage"];
    assert_eq!(
        (usage["input_tokens"].as_u64(), usage["output_tokens"].as_u64()),
        (Some(98_001), Some(2_002))
    );
}
