//! Go on with an unfinished relay, or begin another? One pure decision.

use crate::store::records::RelayRecord;

/// What the command line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// `--new`.
    New,
    /// `--resume`.
    Resume,
    /// Neither.
    Unsaid,
}

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// Close every open relay and begin another.
    Fresh,
    /// Begin another, and say that there was nothing to resume.
    NothingToResume,
    /// Go on with this one.
    Resume(Box<RelayRecord>),
    /// Ask the operator about this one.
    Ask(Box<RelayRecord>),
}

/// Decides from the wish and the newest relay that can be resumed.
pub fn decide(wish: Wish, open: Option<RelayRecord>) -> Start {
    match (wish, open.filter(RelayRecord::is_open)) {
        (Wish::New, _) | (Wish::Unsaid, None) => Start::Fresh,
        (Wish::Resume, None) => Start::NothingToResume,
        (Wish::Resume, Some(relay)) => Start::Resume(Box::new(relay)),
        (Wish::Unsaid, Some(relay)) => Start::Ask(Box::new(relay)),
    }
}

/// The first question's title: `Unfinished relay #3 at iteration 1/5 (mix: cc:2)`.
pub fn question(relay: &RelayRecord, mix: &str) -> String {
    format!(
        "Unfinished relay #{} at iteration {}/{} (mix: {mix})",
        relay.id, relay.completed_iterations, relay.target_iterations
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relay(completed: u64, ended: bool) -> RelayRecord {
        let at = "2026-11-23T06:00:00Z".parse().unwrap();
        RelayRecord {
            v: 1,
            id: 3,
            target_iterations: 2,
            completed_iterations: completed,
            agent_mix: "cc".into(),
            entries: Vec::new(),
            prompt: None,
            prompt_aside: false,
            laps_backed: false,
            until_empty: false,
            consumed_message_ids: Vec::new(),
            started_at: at,
            ended_at: ended.then_some(at),
            first_try_id: None,
            last_try_id: None,
            position: None,
            extra: serde_json::Map::new(),
        }
    }

    #[test]
    fn the_table() {
        let open = relay(1, false);
        let boxed = || Box::new(open.clone());
        assert_eq!(decide(Wish::New, Some(open.clone())), Start::Fresh);
        assert_eq!(decide(Wish::New, None), Start::Fresh);
        assert_eq!(decide(Wish::Resume, Some(open.clone())), Start::Resume(boxed()));
        assert_eq!(decide(Wish::Resume, None), Start::NothingToResume);
        assert_eq!(decide(Wish::Unsaid, Some(open.clone())), Start::Ask(boxed()));
        assert_eq!(decide(Wish::Unsaid, None), Start::Fresh);
    }

    #[test]
    fn what_is_finished_is_not_resumed() {
        assert_eq!(decide(Wish::Resume, Some(relay(2, false))), Start::NothingToResume);
        assert_eq!(decide(Wish::Unsaid, Some(relay(1, true))), Start::Fresh);
    }

    #[test]
    fn the_question_names_the_relay() {
        let text = question(&relay(1, false), "cc:2");
        assert_eq!(text, "Unfinished relay #3 at iteration 1/2 (mix: cc:2)");
    }
}
