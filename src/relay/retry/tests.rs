//! What follows which failure, as tables and for every case.

use super::*;
use crate::model::Evidence;
use crate::model::evidence::SESSION_LOST;
use proptest::prelude::*;

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn failure(category: Category) -> Failure {
    let evidence = Evidence::new("stream", Some(category), "no");
    Failure { category, reason: None, evidence }
}

fn asking(category: Category, wait: Duration) -> Failure {
    let failure = failure(category);
    Failure { evidence: Evidence { retry_after: Some(wait), ..failure.evidence }, ..failure }
}

fn caused(category: Category, cause: &str) -> Failure {
    let failure = failure(category);
    Failure { evidence: failure.evidence.with_cause(cause), ..failure }
}

/// After the first of five attempts of a run with plenty of time, at full jitter.
fn situation(failure: &Failure) -> Situation<'_> {
    Situation {
        failure,
        used_up: false,
        resumed: false,
        fruitless: 0,
        used: 1,
        allowed: 5,
        budget: Budget::new(secs(4500)),
        backoff: secs(2),
        jitter: 1.0,
    }
}

fn again(wait: u64, session: Session) -> Step {
    Step::Again { wait: secs(wait), session }
}

// 30-64, 20-AF-RT-05, 20 §14.2: how many attempts, how long between them, and in which session
#[test]
fn every_category_has_its_strategy() {
    use Category::*;
    let rows = [
        (UsageLimit, Step::Over(Why::Hopeless)),
        (AuthOrProxy, Step::Over(Why::Hopeless)),
        (InvalidModel, Step::Over(Why::Hopeless)),
        (ShortRateLimit, again(60, Session::Resume)),
        (ProviderOverloaded, again(30, Session::Resume)),
        (TransientInfra, again(2, Session::Resume)),
        (HarnessLaunch, again(2, Session::Fresh)),
        (IncompleteFinalization, again(2, Session::Resume)),
        (AgentError, again(2, Session::Resume)),
        (UnidentifiedIssue, again(2, Session::Resume)),
    ];
    for (category, expected) in rows {
        assert_eq!(after(&situation(&failure(category))), expected, "{category:?}");
    }
}

// 30-55, 30-57, 20-AF-RT-02, 20-AF-CF-12
#[test]
fn a_provider_s_own_word_wins() {
    for (category, wait) in
        [(Category::ShortRateLimit, 1), (Category::ShortRateLimit, 90), (Category::ProviderOverloaded, 300)]
    {
        let failure = asking(category, secs(wait));
        assert_eq!(after(&situation(&failure)), again(wait, Session::Resume), "{wait}");
        let no_pauses = Situation { backoff: Duration::ZERO, ..situation(&failure) };
        assert_eq!(after(&no_pauses), again(wait, Session::Resume), "asked for, {wait}");
    }
    let nothing = asking(Category::ShortRateLimit, Duration::ZERO);
    assert_eq!(after(&situation(&nothing)), again(60, Session::Resume));
}

#[test]
fn a_wait_that_would_use_up_the_run_ends_it() {
    let failure = asking(Category::ShortRateLimit, secs(301));
    assert_eq!(after(&situation(&failure)), Step::Over(Why::LongWait));
}

#[test]
fn an_overfull_session_is_left() {
    let evidence = Evidence::new("stream", Some(Category::AgentError), "Prompt is too long");
    let failure = Failure { evidence, ..failure(Category::AgentError) };
    assert_eq!(after(&situation(&failure)), again(2, Session::Fresh));
}

// 20-AF-CF-04
#[test]
fn a_launch_that_failed_may_be_tried_again_unless_it_would_fail_again() {
    for (cause, next) in [
        ("bad_executable", again(2, Session::Fresh)),
        ("missing_program", Step::Over(Why::Hopeless)),
        ("prompt_too_long", Step::Over(Why::Hopeless)),
    ] {
        assert_eq!(after(&situation(&caused(Category::HarnessLaunch, cause))), next, "{cause}");
    }
}

#[test]
fn a_window_that_is_used_up_ends_the_run_whatever_was_wrong() {
    for category in [Category::TransientInfra, Category::ProviderOverloaded, Category::UnidentifiedIssue] {
        let failure = failure(category);
        let situation = Situation { used_up: true, ..situation(&failure) };
        assert_eq!(after(&situation), Step::Over(Why::UsedUp), "{category:?}");
    }
}

#[test]
fn without_pauses_there_are_none() {
    for category in [Category::ShortRateLimit, Category::ProviderOverloaded, Category::AgentError] {
        let failure = failure(category);
        let situation = Situation { backoff: Duration::ZERO, ..situation(&failure) };
        assert_eq!(after(&situation), again(0, Session::Resume), "{category:?}");
    }
}

// 30-22, 30-64: what is worth another attempt gets all of them, further and further apart
#[test]
fn attempts_are_bounded_and_back_off() {
    let failure = failure(Category::AgentError);
    let steps: Vec<Step> = (1..=5).map(|used| after(&Situation { used, ..situation(&failure) })).collect();
    let waits = [2, 4, 8, 16].map(|wait| again(wait, Session::Resume));
    assert_eq!(steps[..4], waits);
    assert_eq!(steps[4], Step::Over(Why::Attempts));
}

// 30-S20: a missing program, a prompt that cannot be passed
#[test]
fn what_cannot_be_started_is_one_attempt() {
    for cause in ["missing_program", "not_executable", "prompt_too_long", "missing_executor"] {
        let failure = caused(Category::HarnessLaunch, cause);
        assert_eq!(after(&situation(&failure)), Step::Over(Why::Hopeless), "{cause}");
    }
}

// 30-156, 30-157, 20-AF-RT-11
#[test]
fn a_pause_that_does_not_fit_is_not_begun() {
    let failure = asking(Category::ShortRateLimit, secs(100));
    let left = |left| Situation { budget: Budget::new(secs(left)), ..situation(&failure) };
    assert_eq!(after(&left(101)), again(100, Session::Resume));
    assert_eq!(after(&left(100)), Step::Over(Why::Budget));
    assert_eq!(after(&left(0)), Step::Over(Why::Budget));
    let last = Situation { used: 5, ..left(0) };
    assert_eq!(after(&last), Step::Over(Why::Budget), "time that is up is told before attempts that are");
    let last = Situation { used: 5, ..left(50) };
    assert_eq!(after(&last), Step::Over(Why::Attempts), "nobody would have paused");
}

// 20 §14.2, DO: the session is resumed, with three exceptions
#[test]
fn a_session_that_gets_nowhere_is_left() {
    let failure = failure(Category::UnidentifiedIssue);
    let fruitless = |fruitless| after(&Situation { resumed: true, fruitless, ..situation(&failure) });
    assert_eq!(fruitless(1), again(2, Session::Resume));
    assert_eq!(fruitless(2), again(2, Session::Fresh));
    assert_eq!(fruitless(3), again(2, Session::Fresh));
}

#[test]
fn a_lost_session_is_no_attempt() {
    let lost = caused(Category::AgentError, SESSION_LOST);
    let resumed = Situation { resumed: true, used: 5, ..situation(&lost) };
    assert!(is_forgiven(&lost, true));
    assert_eq!(after(&resumed), again(0, Session::Fresh));
    let own = Situation { used: 5, ..situation(&lost) };
    assert!(!is_forgiven(&lost, false), "there was none to lose");
    assert_eq!(after(&own), Step::Over(Why::Attempts));
    let late = Situation { budget: Budget::new(Duration::ZERO), ..resumed };
    assert_eq!(after(&late), Step::Over(Why::Budget));
}

proptest! {
    // Whatever happens: never beyond the attempts, never beyond the time, never a hint beyond five minutes
    #[test]
    fn bounded_in_every_case(
        category in prop::sample::select(Category::ALL.to_vec()),
        hint in prop::option::of(0u64..1000),
        used in 1u32..10,
        left in 0u64..1000,
        fruitless in 0u32..5,
        jitter in 0.0f64..1.0,
    ) {
        let failure = match hint {
            Some(hint) => asking(category, secs(hint)),
            None => failure(category),
        };
        let budget = Budget::new(secs(left));
        let step = after(&Situation { used, budget, fruitless, jitter, ..situation(&failure) });
        if let Step::Again { wait, .. } = step {
            prop_assert!(used < 5 && wait < secs(left) && wait <= secs(300) && wait >= secs(1));
        }
    }
}
