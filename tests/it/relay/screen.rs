//! What a person sees in a terminal.

use crate::support::{Sandbox, Terminal};

/// The two live lines of a terminal so wide, once there is a status in the first of them: from the row of the
/// cursor on, and nothing below them.
fn live_lines(terminal: &Terminal) -> Option<[String; 2]> {
    let (rows, (row, column)) = terminal.rows();
    let mut below = rows.into_iter().skip(row.into());
    let lines = [below.next()?, below.next()?];
    (column == 0 && lines.iter().all(|line| !line.is_empty()) && below.all(|line| line.is_empty()))
        .then_some(lines)
}

fn waits_for_lines(sandbox: &Sandbox, terminal: &Terminal, status: &str, keys: &str) {
    sandbox.wait_for(&format!("{status} above {keys}"), || {
        live_lines(terminal).is_some_and(|lines| lines[0].starts_with(status) && lines[1] == keys)
    });
}

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
    let keys = "[Ctrl+S skip] [Ctrl+P pause] [Ctrl+X graceful stop] [Ctrl+C quit now]";
    waits_for_lines(&sandbox, &terminal, "⏱ ", keys);
    sandbox.release("go");
    assert_eq!(terminal.finish(), 0);
    let text = terminal.shown();
    assert!(text.contains("✓ passed") && text.contains("Relay complete."), "{text}");
    assert!(text.contains("[1/1] claude"), "{text}"); // 30-S8
    assert!(!text.contains('⏱') && !text.contains("[Ctrl"), "nothing is left of the lines: {text}");
}

// 20 section 17, 20-AF-MO-14: on every terminal the lines take a row each
#[test]
fn terminals_of_many_widths() {
    let sandbox = Sandbox::initialised();
    sandbox.claude("init; echo x > made.txt; say hello; here; await go; result ok");
    let mut terminal = Terminal::start(&sandbox.rally(["relay", "--agent", "cc", "work"]), 30, 200);
    let full = "[Ctrl+S skip] [Ctrl+P pause] [Ctrl+X graceful stop] [Ctrl+C quit now]";
    let short = "[^S skip] [^P pause] [^X stop] [^C quit]";
    for (columns, status, keys) in [
        (200, "⏱ ", full),
        (80, "⏱ ", full),
        (60, "⏱ ", short),
        (39, "⏱ ", "^S skip · ^P pause · ^X stop · ^C quit"),
        (20, "⏱ ", "^S·^P·^X·^C"),
        (5, "⏱ ", "^S·^…"),
        (1, "⏱", "^"),
        (69, "⏱ ", full),
    ] {
        terminal.resize(30, columns);
        waits_for_lines(&sandbox, &terminal, status.trim_end(), keys);
    }
    // No row for the keys: the status alone, over and over in the same row.
    terminal.resize(1, 60);
    sandbox.wait_for("a status in the only row", || terminal.shown().starts_with("⏱ "));
    terminal.resize(30, 60);
    waits_for_lines(&sandbox, &terminal, "⏱ ", short);
    sandbox.release("go");
    assert_eq!(terminal.finish(), 0);
    let text = terminal.shown();
    assert!(text.contains("✓ passed") && !text.contains(['⏱', '^']) && !text.contains("[Ctrl"), "{text}");
}

#[test]
fn relays_in_terminals_that_are_narrow_from_the_start() {
    for columns in [60, 39, 20, 5] {
        let sandbox = Sandbox::initialised();
        sandbox.claude("init; echo x > made.txt; say hello; here; await go; result ok");
        let mut terminal = Terminal::start(&sandbox.rally(["relay", "--agent", "cc", "work"]), 40, columns);
        sandbox
            .wait_for("both lines", || live_lines(&terminal).is_some_and(|lines| lines[0].starts_with('⏱')));
        sandbox.release("go");
        assert_eq!(terminal.finish(), 0);
        let text = terminal.shown();
        assert!(text.contains('✓') && !text.contains(['⏱', '^']), "{columns}: {text}");
    }
}

// Colours off, and a terminal that can do nothing
#[test]
fn no_colours_and_a_dumb_terminal() {
    let sandbox = Sandbox::initialised();
    sandbox.claude("init; echo $N > made.txt; say hello; here; await go; result ok");
    let mut command = sandbox.rally(["relay", "--agent", "cc", "work"]);
    command.env("NO_COLOR", "1");
    let mut terminal = Terminal::start(&command, 30, 80);
    sandbox.wait_for("both lines", || live_lines(&terminal).is_some_and(|lines| lines[0].starts_with('⏱')));
    sandbox.release("go");
    assert_eq!(terminal.finish(), 0);
    let raw = terminal.raw();
    assert!(raw.contains("\x1b[2K") && !raw.contains("\x1b[38") && !raw.contains("\x1b[0m"), "{raw:?}");

    let mut command = sandbox.rally(["relay", "--agent", "cc", "--new", "work"]);
    command.env("TERM", "dumb");
    let mut terminal = Terminal::start(&command, 30, 80);
    assert_eq!(terminal.finish(), 0);
    let raw = terminal.raw();
    assert!(raw.contains("✓ passed") && !raw.contains('\x1b') && !raw.contains('⏱'), "{raw:?}");
    assert_eq!(raw.matches('\r').count(), raw.matches("\r\n").count(), "no line is painted over: {raw:?}");
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
