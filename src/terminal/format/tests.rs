//! Every line that the console can show.

use pretty_assertions::assert_eq;

use super::*;
use crate::model::CancelSource;

fn run(verdict: RunVerdict, attempts: u32, secs: u64, files: usize) -> RunEnd {
    RunEnd {
        relay_id: 1,
        run_id: 1,
        verdict,
        attempts,
        max_attempts: 5,
        duration: Duration::from_secs(secs),
        files,
        log_path: None,
    }
}

fn footer(run: &RunEnd) -> String {
    [outcome(run), footer_rest(run)].join(GAP)
}

// 10-M8. The label begins with `[i/target]`, where the earlier program printed `run: i/target`.
#[test]
fn header_labels() {
    let at = "2026-11-23T16:40:31Z".parse().unwrap();
    let lap = |title: &str| crate::laps::Lap {
        id: "lap-1".into(),
        title: title.into(),
        description: String::new(),
        assignee: Some("verify".into()),
    };
    let label = |lap: Option<&crate::laps::Lap>, model: Option<&str>, width| {
        let runner = Runner { model: model.map(str::to_owned), ..Runner::bare("codex") };
        header_label((2, 18), lap, &runner, at, &TimeZone::UTC, width)
    };
    let (fix, long) = (lap("Fix\x1b[2J it"), lap("A title that goes on and on"));
    assert_eq!(label(Some(&fix), None, 80), "[2/18] VERIFY: codex - Fix it - started 16:40");
    let whole = "[2/18] VERIFY: codex - g55-xh - Fix it - started 16:40";
    assert_eq!(label(Some(&fix), Some("g55-xh"), 80), whole);
    let free = crate::laps::Lap { assignee: None, ..lap("Fix it") };
    assert_eq!(label(Some(&free), None, 80), "[2/18] codex - Fix it - started 16:40");
    assert_eq!(label(Some(&long), None, 48), "[2/18] VERIFY: codex - A titl… - started 16:40");
    assert_eq!(label(Some(&lap(" ")), None, 80), "[2/18] VERIFY: codex - Untitled task - started 16:40");
    assert_eq!(lap_line(&fix), "lap lap-1");
    assert_eq!(label(None, Some("g55-xh"), 80), "[2/18] codex - g55-xh - started 16:40");
    assert_eq!(label(None, None, 80), "[2/18] codex - started 16:40");
    assert_eq!(label(None, Some("\x1b]0;x\x07a\nb"), 80), "[2/18] codex - a b - started 16:40");
    assert_eq!(label(None, None, 20), "[2/18] codex - st…");
    assert_eq!(label(None, None, 3), "[");
    assert_eq!(label(None, None, 2), "");
    assert_eq!(label(None, None, 0), "");
    let zone = TimeZone::fixed(jiff::tz::offset(2));
    let label = header_label((1, 1), None, &Runner::bare("claude"), at, &zone, 80);
    assert_eq!(label, "[1/1] claude - started 18:40");
}

// 10-M8, 30-17.4
#[test]
fn footers() {
    let commit = |subject: &str| RunVerdict::Passed {
        commit: Some(("0123456789abcdef0123456789abcdef01234567".to_owned(), subject.to_owned())),
    };
    let failed = |reason: &str| RunVerdict::Failed { reason: reason.to_owned() };
    let cancelled = |source| RunVerdict::Cancelled { source };
    let table = [
        (run(commit("add x"), 1, 42, 3), "✓ passed  │  42s  │  3 files  │  0123456 (add x)"),
        (run(commit(""), 2, 334, 1), "✓ passed on try 2/5  │  5m 34s  │  1 file  │  0123456"),
        (run(commit("a\x1b[2J\nb"), 1, 1, 2), "✓ passed  │  1s  │  2 files  │  0123456 (a b)"),
        (run(RunVerdict::Passed { commit: None }, 1, 0, 0), "✓ passed  │  0s  │  0 files  │  —"),
        (run(failed("usage limit"), 1, 3903, 1), "✗ failed  │  65m 3s  │  1 file  │  usage limit"),
        (run(failed("a\r\nb\x1b]52;c;x\x07"), 5, 9, 0), "✗ failed after 5 tries  │  9s  │  0 files  │  a b"),
        (run(failed(""), 1, 9, 0), "✗ failed  │  9s  │  0 files  │  —"),
        (run(cancelled(CancelSource::Skip), 1, 9, 1), "• cancelled  │  9s  │  1 file  │  source: skip"),
        (
            run(cancelled(CancelSource::GracefulStop), 3, 9, 0),
            "• cancelled  │  9s  │  0 files  │  source: graceful_stop",
        ),
        (
            run(cancelled(CancelSource::QuitNow), 1, 9, 0),
            "• cancelled  │  9s  │  0 files  │  source: quit_now",
        ),
    ];
    for (run, line) in table {
        assert_eq!(footer(&run), line);
    }
}

#[test]
fn summaries() {
    let tally = |runs, complete| Tally { runs, complete, ..Tally::default() };
    assert_eq!(summary_runs(&tally(1, true)), "Relay complete: 1 run");
    assert_eq!(summary_runs(&tally(2, true)), "Relay complete: 2 runs");
    assert_eq!(summary_runs(&tally(2, false)), "Relay stopped: 2 runs"); // 10-D54, 30-R10
}

// 20-AF-KB-16, 30-175
#[test]
fn remaining_times() {
    let table = [
        (0, "0s"),
        (500, "1s"),
        (1_400, "1s"),
        (1_600, "2s"),
        (30_000, "30s"),
        (90_000, "1m"),
        (179_000, "2m"),
        (3_540_000, "59m"),
        (7_507_000, "2h 5m"),
    ];
    for (millis, text) in table {
        assert_eq!(remaining(Duration::from_millis(millis)), text);
    }
}

// 30-S12: the words stand at the beginning, and the rest says for whom, and until when by the local clock
#[test]
fn what_is_waited_for() {
    let now: Timestamp = "2026-11-23T13:05:01Z".parse().unwrap();
    let zone = TimeZone::get("Europe/Paris").unwrap();
    let runner = |who: Option<&str>, is_reset, at: &str| Wait::Runner {
        relay_id: 3,
        why: "all agents paused",
        who: who.map(Runner::bare),
        is_reset,
        at: at.parse().unwrap(),
    };
    for (wait, text) in [
        (
            runner(Some("claude"), true, "2026-11-23T15:05:00Z"),
            "all agents paused, waiting 59m (claude, resets 16:05)",
        ),
        (
            runner(Some("co\x1b[31mdex"), false, "2026-11-23T23:05:00Z"),
            "all agents paused, waiting 59m (codex, until 2026-11-24 00:05)",
        ),
        (runner(None, false, "2026-11-23T15:05:00Z"), "all agents paused, waiting 59m (until 16:05)"),
        (Wait::Attempt { why: "rate limit".into() }, "rate limit, retrying in 59m"),
        (Wait::Cycle, "every agent has failed, trying again in 59m"),
        (Wait::Trouble { what: "disk\nfull".into() }, "disk full, waiting 59m"),
    ] {
        assert_eq!(waiting(&wait, Duration::from_secs(3599), now, &zone), text);
    }
}

#[test]
fn rules_and_cuts() {
    assert_eq!(rule('─', 0), "─");
    assert_eq!(rule('═', 5), "═════");
    assert_eq!(rule('═', 200).chars().count(), 80);
    assert_eq!(cut("abcdef", 6), "abcdef");
    assert_eq!(cut("abcdef", 4), "abc…");
    assert_eq!(cut("abcdef", 1), "a");
    assert_eq!(cut("abcdef", 0), "");
    assert_eq!(cut("📁📁📁", 4), "📁…"); // two cells each
}
