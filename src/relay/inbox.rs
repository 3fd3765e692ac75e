//! The operator's messages on their way to the agents: what a run has to read, and what became of it.

use super::world::{PassError, World};
use crate::model::time;
use crate::store::Store;
use crate::store::messages::Inbox;
use crate::store::records::Message;

/// What the prompt of a run says about messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mail {
    /// For every run of the relay.
    pub relay: Option<String>,
    /// For this run.
    pub run: Option<String>,
}

/// Gives a run its messages; asked again, it gets the same.
pub async fn give(world: &mut World, relay: u64, run: u64) -> Result<Mail, PassError> {
    let given = world.persist(|store| inbox(store).give(relay, run, time::now())).await?;
    let of_relay: Vec<String> = given.relay.iter().map(for_relay).collect();
    Ok(Mail {
        relay: (!of_relay.is_empty()).then(|| of_relay.join("\n\n")),
        run: given.run.as_ref().map(for_run),
    })
}

/// A run is over. Says what runs of the relay have dealt with so far.
pub async fn settle(world: &mut World, relay: u64, run: u64, passed: bool) -> Result<Vec<u64>, PassError> {
    Ok(world.persist(|store| inbox(store).settle(relay, run, passed, time::now())).await?)
}

/// The relay has reached its target. Says what its runs have dealt with.
pub async fn close(world: &mut World, relay: u64) -> Result<Vec<u64>, PassError> {
    Ok(world.persist(|store| inbox(store).close(relay, time::now())).await?)
}

/// A pass of the relay begins. What is still with other relays or their runs will not be taken further by them.
/// Says what runs of this relay have dealt with so far: its record may lack what a crash cut.
pub async fn at_start(world: &mut World, relay: u64) -> Result<Vec<u64>, PassError> {
    let ids = world.persist(|store| {
        for (of, run) in inbox(store).held()?.into_iter().filter(|(of, _)| *of != relay) {
            let passed = store.run_passed(of, run)?;
            inbox(store).settle(of, run, passed, time::now())?;
        }
        inbox(store).take_over(relay, time::now())?;
        inbox(store).addressed_by(relay)
    });
    Ok(ids.await?)
}

fn inbox(store: &Store) -> Inbox<'_> {
    Inbox::new(store.layout())
}

fn for_run(message: &Message) -> String {
    let Message { id, body, .. } = message;
    format!("{body}\n\n(This is message {id}. Once you have dealt with it, run `rally message ack {id}`.)")
}

/// An agent must not take down what later runs have to heed, too.
fn for_relay(message: &Message) -> String {
    let Message { id, body, .. } = message;
    format!(
        "{body}\n\n(This is message {id}; every run of this relay reads it. Run `rally message ack {id}` only when \
         no later run has to read it any more.)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: u64) -> Message {
        let json = format!(
            r#"{{"id":{id},"body":"use tabs","status":"pending","position":1,
                "created_at":"2026-01-01T00:00:00.000Z","updated_at":"2026-01-01T00:00:00.000Z"}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn the_text_says_how_to_acknowledge() {
        for text in [for_run(&message(7)), for_relay(&message(7))] {
            assert!(text.starts_with("use tabs\n\n(This is message 7"), "{text}");
            assert!(text.contains("`rally message ack 7`"), "{text}");
        }
    }
}
