//! What a person sees of a try that is under way.

use super::{Settings, initialise, new_relay};
use crate::cli::Cli;
use crate::lab::lab;
use crate::mock::{INPUT_TOKENS, OUTPUT_TOKENS};
use crate::terminal::Terminal;

// 20-AF-MO-13
/// A guess until the first step is over; then what the CLI tells, long before its end.
#[test]
fn the_tokens_of_opencode_are_shown_while_it_works() {
    lab(&[Cli::Opencode], |lab| {
        initialise(lab, &Settings::default());
        let command = new_relay(lab, Cli::Opencode, "inside-slow20", "RUN(touch begun)");
        let terminal = Terminal::start(&command);
        let told = (INPUT_TOKENS + OUTPUT_TOKENS) / 1000;
        terminal.wait_for(&format!("│ {told}k tok"));
        // The step is told before the second answer is even asked for; that one takes its time.
        let shown = terminal.shown();
        assert!(shown.contains("last activity: ") && !shown.contains("passed"), "{shown}");
        terminal.wait_for("Relay complete.");
        assert_eq!(terminal.finish(), 0);
    });
}
