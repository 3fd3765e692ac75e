//! `rally guard`: a small program that owns one agent's process tree.
//!
//! rally re-executes itself as the guard, with one end of a socket pair as standard input. Whatever
//! becomes of rally, the guard sees the socket close and ends the tree; whatever an agent's children
//! do (`setsid`, double forks, closed descriptors), they fall to the guard, because it is a child
//! subreaper. It is a plain synchronous poll loop: it must start in a millisecond and never fail.
//! The same program, told otherwise, keeps the modes of the terminal (see [`super::Keeper`]).

mod channel;
mod keep;
mod launch;
mod setup;
mod watch;

use std::io;

use self::channel::Channel;
use self::keep::Keep;
use self::watch::Watch;
use super::identity;
use super::protocol::{Command, Message, Refusal};

/// The whole guard.
///
/// # Errors
/// When standard input is not a socket, that is when it was not rally that started it. Everything
/// else is told to rally over the socket.
pub fn main() -> io::Result<()> {
    let mut channel = Channel::from_stdin()?;
    let wake = match setup::become_guard() {
        Ok(wake) => wake,
        Err(error) => return channel.send(Message::Refused(Refusal::Failed(error.to_string()))),
    };
    let start = match channel.wait_for_command() {
        Ok(Some(Command::Start(start))) => start,
        Ok(Some(Command::Keep)) => return keep(channel),
        // rally is gone before anything was started: nothing to do.
        Ok(None) => return Ok(()),
        Ok(Some(Command::Signal(_) | Command::SignalSome { .. } | Command::Reap)) => {
            return refuse(&mut channel, "the first line is not a start");
        }
        Err(error) => return refuse(&mut channel, &error.to_string()),
    };
    let launched = launch::launch(start, channel.take_descriptors());
    let agent = match launched {
        Ok(pid) => identity::of(pid),
        Err(refusal) => return channel.send(Message::Refused(refusal)),
    };
    match agent {
        Some(agent) => Watch::new(agent, channel, wake).run(),
        None => return refuse(&mut channel, "the agent has no entry in /proc"),
    }
    Ok(())
}

/// Keeps a terminal instead of an agent.
fn keep(mut channel: Channel) -> io::Result<()> {
    match Keep::begin(channel.take_descriptors()) {
        Ok(keep) => {
            channel.send(Message::Keeping)?;
            keep.run(&mut channel);
            Ok(())
        }
        Err(error) => refuse(&mut channel, &error.to_string()),
    }
}

fn refuse(channel: &mut Channel, why: &str) -> io::Result<()> {
    channel.send(Message::Refused(Refusal::Failed(why.to_owned())))
}
