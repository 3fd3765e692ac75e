//! What was told first and is not so any more: a refusal, a retry, an end.

use pretty_assertions::assert_eq;

use super::*;

#[test]
fn a_tool_that_is_not_understood_is_no_refusal() {
    for line in ["Missing required argument: port", "Unknown argument: colour", "Invalid values:"] {
        let stderr = format!("Error executing tool run_shell_command: usage\n{line}\n");
        assert_eq!(complaint(&stderr, 1).evidence, None, "{line}");
        // Nor is anything that is said once the CLI is at work.
        let begun =
            played(init("s").as_bytes(), format!("{line}\n").as_bytes(), Some(Exit::Code(1)), usize::MAX).0;
        assert_eq!(begun.evidence, None, "{line}");
        assert_eq!(category(&complaint(format!("{line}\n"), 1)), Some(Category::HarnessLaunch), "{line}");
    }
}

#[test]
fn words_after_a_retry_tell_more_than_the_retry() {
    let retry = "Attempt 1 failed with status 503. Retrying with backoff... Error: odd\n    at somewhere\n";
    let last = "Error when talking to Gemini API You have exhausted your daily quota\n";
    assert_eq!(category(&complaint(format!("{retry}{last}"), 173)), Some(Category::UsageLimit));
    // An end without a reason: the exit code tells it.
    for over in
        ["Error when talking to Gemini API odd\n", "Attempt 2 failed: Error: odd. Max attempts reached\n"]
    {
        let evidence = complaint(format!("{retry}{over}"), 173).evidence.unwrap();
        assert_eq!(
            (evidence.category, evidence.source.as_str()),
            (Some(Category::ShortRateLimit), "exit"),
            "{over}"
        );
    }
    // Words before a retry, and those that say nothing, do not end it.
    for (before, after) in [(last, ""), ("", "a remark\n")] {
        let stderr = format!("{before}{retry}{after}");
        assert_eq!(category(&complaint(stderr, 173)), Some(Category::ProviderOverloaded));
    }
}

#[test]
fn what_comes_after_a_result_has_an_end_of_its_own() {
    let tool = "{\"type\":\"tool_use\",\"tool_name\":\"a\"}\n".to_owned();
    for more in [said("more"), tool, init("s")] {
        let open =
            played((answered("PONG", 0) + &more).as_bytes(), b"", Some(Exit::Signal(15)), usize::MAX).0;
        assert!(!open.completed && !open.ended, "{more}");
        assert!(report(answered("PONG", 0) + &more + &said("done") + &result(0), 0).completed, "{more}");
    }
    let again = answered("PONG", 0) + &said("done") + &result(0);
    assert_eq!(report(again, 0).summary.as_deref(), Some("done"));
}
