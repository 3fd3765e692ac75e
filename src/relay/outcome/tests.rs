//! The table of outcomes, row by row.

use super::*;
use crate::model::FailureClass;

const FREEZE: Stop = Stop::Frozen(Freeze::Classic { silent: Duration::from_secs(600) });
const DONE: Work = Work::Lap { finalised: true };
const OPEN: Work = Work::Lap { finalised: false };

fn observed<'a>(stop: Option<&'a Stop>, report: &'a Report, changes: Option<&'a [String]>) -> Observed<'a> {
    Observed {
        work: Work::Free,
        stop,
        report,
        changes,
        runtime: Duration::from_secs(30),
        require_changes: true,
        handoff: false,
        finding: &unknown,
    }
}

fn unknown() -> Evidence {
    Evidence::new("unmatched", Some(Category::UnidentifiedIssue), "?")
}

fn good() -> Report {
    Report { completed: true, ended: true, ..Report::default() }
}

fn one_file() -> [String; 1] {
    ["made.txt".to_owned()]
}

fn every_stop() -> Vec<Option<Stop>> {
    let retried = Evidence::new("stream", Some(Category::ProviderOverloaded), "529");
    vec![
        None,
        Some(Stop::Linger),
        Some(Stop::TryTimeout),
        Some(Stop::RunTimeout),
        Some(Stop::StartupHang),
        Some(FREEZE),
        Some(Stop::Retrying(Box::new(retried))),
    ]
}

// 30-67, 30-68, 30-73, 30-161, 30-162, 30-166, 20-AF-CT-05
#[test]
fn a_free_run() {
    let (good, bad, files) = (good(), Report::default(), one_file());
    let plain = Report { completed: true, ..Report::default() };
    let ended_badly = Report { ended: true, ..Report::default() };
    let quit = Stop::Cancelled(CancelSource::QuitNow);
    let rows = [
        (None, &good, Outcome::Completed),
        (None, &plain, Outcome::Completed),
        (None, &bad, Outcome::Failed),
        (None, &ended_badly, Outcome::Failed),
        (Some(&Stop::Linger), &good, Outcome::Completed),
        (Some(&Stop::Linger), &bad, Outcome::Failed),
        // A bound that passed after the end event is no bound any more.
        (Some(&Stop::TryTimeout), &good, Outcome::Completed),
        (Some(&Stop::TryTimeout), &plain, Outcome::RunTimeout),
        (Some(&Stop::TryTimeout), &bad, Outcome::RunTimeout),
        (Some(&Stop::RunTimeout), &good, Outcome::Completed),
        (Some(&Stop::RunTimeout), &plain, Outcome::RunTimeout),
        (Some(&Stop::RunTimeout), &bad, Outcome::RunTimeout),
        (Some(&Stop::StartupHang), &bad, Outcome::Failed),
        // Whether its run passes all the same is decided when the run is over: see `stall`.
        (Some(&FREEZE), &bad, Outcome::Failed),
        (Some(&FREEZE), &good, Outcome::Completed),
        (Some(&quit), &good, Outcome::Cancelled),
        (Some(&quit), &bad, Outcome::Cancelled),
        (Some(&Stop::Paused), &good, Outcome::Paused),
        (Some(&Stop::Paused), &bad, Outcome::Paused),
    ];
    for (stop, report, expected) in rows {
        let verdict = decide(observed(stop, report, Some(&files)));
        assert_eq!(verdict.outcome, expected, "{stop:?} {report:?}");
        let fails = matches!(expected, Outcome::Failed | Outcome::RunTimeout);
        assert_eq!(verdict.failure.is_some(), fails, "{stop:?} {report:?}");
        assert_eq!(verdict.source.is_some(), expected == Outcome::Cancelled);
    }
}

// 30-73, 23.O4: who ended it is told, and no category; O5: a pause is no failure either
#[test]
fn the_operator_s_word_costs_nothing() {
    let files = one_file();
    let never = || -> Evidence { panic!("nobody asks why") };
    for source in
        [CancelSource::Skip, CancelSource::GracefulStop, CancelSource::QuitNow, CancelSource::Signal]
    {
        for (work, handoff) in [(Work::Free, true), (OPEN, false), (DONE, true)] {
            let (stop, report) = (Stop::Cancelled(source), good());
            let seen = observed(Some(&stop), &report, Some(&files));
            let verdict = decide(Observed { work, handoff, finding: &never, ..seen });
            assert_eq!((verdict.outcome, verdict.source), (Outcome::Cancelled, Some(source)));
            assert_eq!(verdict.failure, None);
        }
    }
    for outcome in [Outcome::Cancelled, Outcome::Paused] {
        assert!(!outcome.costs_attempt() && !outcome.is_success());
    }
}

// 23.O1, 23.C4: a lap that was finalised is done, whatever became of its CLI and of the files
#[test]
fn a_finalised_lap_is_done() {
    for stop in every_stop() {
        for report in [good(), Report::default()] {
            let seen = Observed { work: DONE, ..observed(stop.as_ref(), &report, Some(&[])) };
            assert_eq!(decide(seen).outcome, Outcome::Completed, "{stop:?}");
            let seen = Observed { work: DONE, handoff: true, ..observed(stop.as_ref(), &report, None) };
            assert_eq!(decide(seen).outcome, Outcome::HandoffRequested, "{stop:?}");
        }
    }
}

// 30-58, 30-59, 30-61, 20-AF-CF-10, 20-AF-CF-18, 20-AF-CF-19
#[test]
fn own_changes_in_an_unfinished_lap_are_incomplete() {
    let (files, bad) = (one_file(), Report::default());
    for report in [good(), bad.clone()] {
        let verdict = decide(Observed { work: OPEN, ..observed(None, &report, Some(&files)) });
        let may_commit = verdict.may_commit(OPEN);
        let failure = verdict.failure.unwrap();
        assert_eq!(
            (verdict.outcome, failure.category.class()),
            (Outcome::Incomplete, FailureClass::Incomplete)
        );
        assert_eq!(failure.evidence.message, "made.txt");
        assert!(!may_commit);
    }
    // Words that look like a limit are weaker than the files that lie there.
    let words = || Evidence::new("text", Some(Category::ShortRateLimit), "rate limit");
    let seen = Observed { work: OPEN, finding: &words, ..observed(None, &bad, Some(&files)) };
    assert_eq!(decide(seen).outcome, Outcome::Incomplete);
    // No change at all is a plain failure, however long it took.
    let hour = Duration::from_secs(3600);
    let seen = Observed { work: OPEN, runtime: hour, ..observed(None, &bad, Some(&[])) };
    assert_eq!(decide(seen).outcome, Outcome::Failed);
    let report = good();
    let seen = Observed { work: OPEN, runtime: hour, ..observed(None, &report, Some(&[])) };
    assert_eq!(decide(seen).failure.unwrap().reason, Some("no changes made"));
    let many: Vec<String> = (0..200).map(|n| format!("a/long/path/to/a/file-{n}.txt")).collect();
    let seen = Observed { work: OPEN, ..observed(None, &report, Some(&many)) };
    assert!(decide(seen).failure.unwrap().evidence.message.chars().count() <= 257);
}

// 30-62, 30-63, 20-AF-CF-16, 20-AF-RT-06: what the CLI proves beats unfinished work
#[test]
fn proved_failures_beat_incomplete() {
    let (report, files) = (Report::default(), one_file());
    for (category, class) in [
        (Category::UsageLimit, FailureClass::Agent),
        (Category::InvalidModel, FailureClass::Agent),
        (Category::AuthOrProxy, FailureClass::Agent),
        (Category::ShortRateLimit, FailureClass::Infra),
        (Category::AgentError, FailureClass::Agent),
    ] {
        let finding = || Evidence::new("stream", Some(category), "no");
        let seen = Observed { work: OPEN, finding: &finding, ..observed(None, &report, Some(&files)) };
        let verdict = decide(seen);
        assert_eq!(verdict.outcome, Outcome::Failed, "{category:?}");
        assert_eq!(verdict.failure.unwrap().category.class(), class);
    }
}

// 30-167: what ended the try is told before what it left behind
#[test]
fn bounds_come_before_incomplete() {
    let (report, files) = (Report::default(), one_file());
    for (stop, outcome) in [
        (Stop::RunTimeout, Outcome::RunTimeout),
        (Stop::TryTimeout, Outcome::RunTimeout),
        (Stop::StartupHang, Outcome::Failed),
        (FREEZE, Outcome::Failed),
    ] {
        let seen = Observed { work: OPEN, ..observed(Some(&stop), &report, Some(&files)) };
        assert_eq!(decide(seen).outcome, outcome, "{stop:?}");
    }
}

// 30-68: decisions, "a free run that ended well but changed nothing in under 3 minutes"
#[test]
fn a_quick_success_without_a_change_is_a_failure() {
    let report = good();
    let nothing = |secs, require_changes, handoff| {
        let runtime = Duration::from_secs(secs);
        decide(Observed { runtime, require_changes, handoff, ..observed(None, &report, Some(&[])) })
    };
    assert_eq!(nothing(179, true, false).failure.unwrap().reason, Some("no changes made"));
    assert_eq!(nothing(180, true, false).outcome, Outcome::Completed);
    assert_eq!(nothing(10, false, false).outcome, Outcome::Completed);
    assert_eq!(nothing(10, true, true).outcome, Outcome::HandoffRequested);
}

// 30-70: a durable handoff is the agent's last word; an error of its CLI is not undone by it
#[test]
fn a_handoff_outlives_the_bounds() {
    let (report, files) = (Report::default(), one_file());
    for stop in every_stop() {
        let verdict = decide(Observed { handoff: true, ..observed(stop.as_ref(), &report, Some(&files)) });
        let expected = if stop.is_some() { Outcome::HandoffRequested } else { Outcome::Failed };
        assert_eq!(verdict.outcome, expected, "{stop:?}");
    }
}

#[test]
fn what_cannot_be_seen_is_no_success() {
    let report = good();
    for work in [Work::Free, OPEN] {
        let verdict = decide(Observed { work, ..observed(None, &report, None) });
        assert_eq!(verdict.failure.unwrap().category, Category::TransientInfra);
    }
}

#[test]
fn retries_end_with_the_category_of_what_they_retry() {
    let evidence = Evidence::new("stream", Some(Category::ProviderOverloaded), "529");
    let (stop, report) = (Stop::Retrying(Box::new(evidence)), Report::default());
    let verdict = decide(observed(Some(&stop), &report, Some(&[])));
    assert_eq!(verdict.failure.unwrap().category, Category::ProviderOverloaded);
}

// 30-159, 20 §12, 23.O8
#[test]
fn a_timeout_keeps_a_category_that_was_proved() {
    let report = Report::default();
    let finding = || Evidence::new("stream", Some(Category::ShortRateLimit), "429");
    for stop in [Stop::TryTimeout, Stop::RunTimeout] {
        let seen = Observed { finding: &finding, ..observed(Some(&stop), &report, Some(&[])) };
        let failure = decide(seen).failure.unwrap();
        assert_eq!((failure.category, &*failure.evidence.message), (Category::ShortRateLimit, "429"));
        let plain = decide(observed(Some(&stop), &report, Some(&[]))).failure.unwrap();
        assert_eq!((plain.category, &*plain.evidence.source), (Category::UnidentifiedIssue, "deadline"));
    }
}

// 23.O6
#[test]
fn a_freeze_is_infra_unless_the_cli_says_better() {
    let report = Report::default();
    let category = |found| {
        let finding = || Evidence::new("disk", Some(found), "…");
        let seen = Observed { finding: &finding, ..observed(Some(&FREEZE), &report, Some(&[])) };
        decide(seen).failure.unwrap().category
    };
    assert_eq!(category(Category::UnidentifiedIssue), Category::TransientInfra);
    assert_eq!(category(Category::AgentError), Category::TransientInfra);
    assert_eq!(category(Category::UsageLimit), Category::UsageLimit);
}

#[test]
fn nobody_looks_for_the_failure_of_a_success() {
    let (report, files) = (good(), one_file());
    let never = || -> Evidence { panic!("looked") };
    for stop in every_stop() {
        let seen = Observed { finding: &never, ..observed(stop.as_ref(), &report, Some(&files)) };
        assert_eq!(decide(seen).outcome, Outcome::Completed, "{stop:?}");
    }
}

// 30-58, 30-69, 30-71 as far as they are pure: the queue's handoffs leave their work to the next lap
#[test]
fn who_commits() {
    let verdict = |outcome| Verdict::without_failure(outcome);
    for work in [Work::Free, OPEN, DONE] {
        for outcome in [Outcome::Completed, Outcome::Failed, Outcome::RunTimeout, Outcome::HandoffTimeout] {
            assert!(verdict(outcome).may_commit(work), "{outcome:?}");
        }
        for outcome in [Outcome::Cancelled, Outcome::Paused, Outcome::Incomplete, Outcome::Interrupted] {
            assert!(!verdict(outcome).may_commit(work), "{outcome:?}");
        }
    }
    assert!(verdict(Outcome::HandoffRequested).may_commit(Work::Free));
    assert!(!verdict(Outcome::HandoffRequested).may_commit(DONE));
}

// 30-76, 20-AF-RT-08, 23.O10; deviation: only a whole line counts, not one that begins so
#[test]
fn a_command_as_text_is_told_from_prose() {
    let found = [
        ("laps done", Some("laps done")),
        ("All good.\nlaps done\nBye.", Some("laps done")),
        ("So I am blocked.\n  LAPS HANDOFF  ", Some("laps handoff")),
        ("```\nlaps done\n```", Some("laps done")),
        ("`laps done`", Some("laps done")),
        ("laps done is what I would execute", None),
        ("I executed laps done", None),
        ("", None),
    ];
    for (words, expected) in found {
        assert_eq!(marker(words), expected, "{words:?}");
    }
}

// 20-20 #14
#[test]
fn what_a_stop_provokes_is_not_its_reason() {
    let (report, files) = (Report::default(), one_file());
    for (source, category, believed) in [
        ("text", Category::TransientInfra, false),
        ("stream", Category::TransientInfra, true),
        ("text", Category::UsageLimit, true),
        ("text", Category::ShortRateLimit, true),
    ] {
        let finding = || Evidence::new(source, Some(category), "told");
        let told = |stop: Option<&Stop>| {
            let seen = Observed { finding: &finding, ..observed(stop, &report, Some(&files)) };
            decide(seen).failure.unwrap().evidence.message == "told"
        };
        for stop in [Stop::TryTimeout, Stop::RunTimeout, FREEZE] {
            assert_eq!(told(Some(&stop)), believed, "{stop:?} {source} {category:?}");
        }
        assert!(told(None), "by itself: {source} {category:?}");
    }
}
