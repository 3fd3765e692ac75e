//! The life of a try, step by step.

use super::*;
use crate::model::Category;

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn capped() -> Life {
    Life::new(Limits {
        try_cap: Some(secs(100)),
        run_budget: Some(secs(200)),
        startup: Some(secs(20)),
        retry_patience: Some(secs(30)),
    })
}

#[test]
fn an_exit_without_leftovers_needs_no_reaping() {
    let mut life = capped();
    assert_eq!(life.exited(Exit::Code(0), false), None);
    assert!(!life.is_done());
    life.gone();
    assert!(life.is_done());
    assert_eq!(life.stop(), None);
}

#[test]
fn leftovers_are_reaped() {
    let mut life = capped();
    assert_eq!(life.exited(Exit::Code(0), true), Some(Action::Reap));
}

#[test]
fn silence_at_the_start_is_a_hang() {
    let mut life = capped();
    assert_eq!(life.next_deadline(), Some(secs(20)));
    assert_eq!(life.tick(secs(19)), None);
    assert_eq!(life.tick(secs(20)), Some(Action::Signal(TreeSignal::Interrupt)));
    assert_eq!(life.stop(), Some(&Stop::StartupHang));
}

#[test]
fn the_first_byte_lifts_the_startup_limit() {
    let mut life = capped();
    life.heard();
    assert_eq!(life.tick(secs(50)), None);
    assert_eq!(life.next_deadline(), Some(secs(100)));
}

#[test]
fn the_ladder_is_climbed_rung_by_rung() {
    let mut life = capped();
    life.heard();
    assert_eq!(life.tick(secs(100)), Some(Action::Signal(TreeSignal::Interrupt)));
    assert_eq!(life.tick(secs(104)), None);
    assert_eq!(life.tick(secs(105)), Some(Action::Signal(TreeSignal::Terminate)));
    assert_eq!(life.tick(secs(107)), Some(Action::Signal(TreeSignal::Kill)));
    assert_eq!(life.stop(), Some(&Stop::TryTimeout));
}

#[test]
fn force_skips_the_ladder() {
    let mut life = capped();
    life.end(Stop::Cancelled(CancelSource::QuitNow), secs(1));
    assert_eq!(life.force(secs(1)), Some(Action::Signal(TreeSignal::Kill)));
}

#[test]
fn a_cli_may_linger_after_its_end_but_not_for_ever() {
    let mut life = capped();
    life.heard();
    life.ended(secs(5));
    assert_eq!(life.next_deadline(), Some(secs(15)));
    assert_eq!(life.tick(secs(15)), Some(Action::Signal(TreeSignal::Interrupt)));
    assert_eq!(life.stop(), Some(&Stop::Linger));
}

#[test]
fn background_tasks_keep_a_finished_cli_alive() {
    let mut life = capped();
    life.heard();
    life.background(1, secs(4));
    life.ended(secs(5));
    assert_eq!(life.tick(secs(50)), None, "no linger while a task runs");
    life.background(0, secs(60));
    assert_eq!(life.next_deadline(), Some(secs(70)));
}

#[test]
fn background_tasks_do_not_lift_the_cap() {
    let mut life = capped();
    life.heard();
    life.background(1, secs(4));
    life.ended(secs(5));
    assert!(life.tick(secs(100)).is_some());
    assert_eq!(life.stop(), Some(&Stop::TryTimeout));
}

#[test]
fn work_after_an_end_event_takes_the_end_back() {
    let mut life = capped();
    life.heard();
    life.ended(secs(5));
    life.worked();
    assert_eq!(life.tick(secs(15)), None);
    life.ended(secs(40));
    assert_eq!(life.next_deadline(), Some(secs(50)));
}

#[test]
fn patience_with_retries_ends() {
    let evidence = Box::new(Evidence::new("stream", Some(Category::ShortRateLimit), "429"));
    let mut life = capped();
    life.heard();
    life.retrying(evidence.clone(), secs(10));
    life.retrying(evidence.clone(), secs(35));
    assert_eq!(life.next_deadline(), Some(secs(40)), "the first retry of a row counts");
    life.tick(secs(40));
    assert_eq!(life.stop(), Some(&Stop::Retrying(evidence)));
}

#[test]
fn work_ends_a_row_of_retries() {
    let evidence = Box::new(Evidence::new("stream", Some(Category::ShortRateLimit), "429"));
    let mut life = capped();
    life.heard();
    life.retrying(evidence, secs(10));
    life.worked();
    assert_eq!(life.next_deadline(), Some(secs(100)));
}

#[test]
fn a_finished_agent_cannot_be_cancelled_any_more() {
    let mut life = capped();
    life.heard();
    life.ended(secs(5));
    let action = life.end(Stop::Cancelled(CancelSource::Signal), secs(6));
    assert_eq!(action, Some(Action::Signal(TreeSignal::Interrupt)));
    assert_eq!(life.stop(), Some(&Stop::Linger));
}

#[test]
fn the_first_reason_counts() {
    let mut life = capped();
    life.heard();
    life.tick(secs(100));
    life.end(Stop::Cancelled(CancelSource::Signal), secs(101));
    assert_eq!(life.stop(), Some(&Stop::TryTimeout));
}

// 20 §18: a quit while a skip or a stop drains is a quit
#[test]
fn who_skipped_or_paused_may_still_quit() {
    let quit = Stop::Cancelled(CancelSource::QuitNow);
    for mild in
        [Stop::Paused, Stop::Cancelled(CancelSource::Skip), Stop::Cancelled(CancelSource::GracefulStop)]
    {
        let mut life = capped();
        life.heard();
        life.end(mild, secs(1));
        assert_eq!(life.end(quit.clone(), secs(2)), None, "the ladder goes on");
        assert_eq!(life.stop(), Some(&quit));
        life.end(Stop::Cancelled(CancelSource::Signal), secs(3));
        assert_eq!(life.stop(), Some(&quit));
    }
}

#[test]
fn nothing_is_sent_after_the_exit() {
    let mut life = capped();
    life.exited(Exit::Code(1), true);
    assert_eq!(life.end(Stop::Cancelled(CancelSource::Signal), secs(1)), None);
    assert_eq!(life.tick(secs(1000)), None);
    assert_eq!(life.force(secs(1)), Some(Action::Signal(TreeSignal::Kill)), "but a force ends leftovers");
}
