//! Asks a program about itself, such as its version: briefly, without input, and never for longer
//! than it is worth.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// How long an answer may take: a CLI on a loaded machine needs some seconds to start.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often it is looked whether the answer is complete.
const LOOK: Duration = Duration::from_millis(10);

/// Longest answer that is read, bytes.
const ANSWER_CAP: u64 = 1 << 20;

/// What `program` prints with these arguments, standard output and errors together; `None` when it cannot be
/// run, does not end, or does not stop talking. Its process group is ended in any case.
pub fn ask(program: &OsStr, args: &[&str], env: &[(String, String)], cwd: &Path) -> Option<String> {
    ask_within(PATIENCE, program, args, env, cwd)
}

fn ask_within(
    patience: Duration,
    program: &OsStr,
    args: &[&str],
    env: &[(String, String)],
    cwd: &Path,
) -> Option<String> {
    // In memory: a folder for temporary files that cannot be written to is another matter.
    let mut output = File::from(memfd_create("answer", MemfdFlags::CLOEXEC).ok()?);
    let mut child = Command::new(program)
        .args(args)
        .envs(env.iter().map(|(key, value)| (key, value)))
        .current_dir(cwd)
        .stdin(Stdio::null())
        .stdout(output.try_clone().ok()?)
        .stderr(output.try_clone().ok()?)
        .process_group(0)
        .spawn()
        .ok()?;
    let begun = Instant::now();
    let leader = Pid::from_child(&child);
    let ended = loop {
        // Its end is only looked at: until it is reaped, the number of its group stays its own.
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match waitid(WaitId::Pid(leader), look) {
            Ok(Some(_)) => break true,
            Ok(None) if begun.elapsed() < patience && is_short(&output) => std::thread::sleep(LOOK),
            Ok(None) | Err(_) => break false,
        }
    };
    // Also what it left running: whoever is asked for a version has nothing else to do.
    let _ = kill_process_group(leader, Signal::KILL);
    let _ = child.wait();
    if !ended {
        return None;
    }
    let mut answer = Vec::new();
    output.rewind().ok()?;
    output.take(ANSWER_CAP).read_to_end(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}

fn is_short(output: &File) -> bool {
    output.metadata().is_ok_and(|file| file.len() <= ANSWER_CAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_left_behind_and_nobody_is_waited_for() {
        let answer = ask("sh".as_ref(), &["-c", "sleep 300 & echo $!"], &[], "/".as_ref()).unwrap();
        let child: i32 = answer.trim().parse().unwrap();
        let begun = Instant::now();
        let runs = || {
            crate::process::identity::stat(child).is_some_and(|stat| crate::process::identity::runs(&stat))
        };
        while runs() {
            assert!(begun.elapsed().as_secs() < 30);
        }
        let short = Duration::from_millis(50);
        assert_eq!(ask_within(short, "sleep".as_ref(), &["300"], &[], "/".as_ref()), None);
        assert_eq!(ask("yes".as_ref(), &[], &[], "/".as_ref()), None);
    }

    #[test]
    fn both_streams_are_heard_and_nobody_at_home_is_no_answer() {
        let env = [("WHO".to_owned(), "me".to_owned())];
        let answer = ask("sh".as_ref(), &["-c", "echo $WHO; echo err >&2; cat"], &env, "/".as_ref());
        assert_eq!(answer.as_deref(), Some("me\nerr\n"));
        assert_eq!(ask("/nonexistent".as_ref(), &[], &[], "/".as_ref()), None);
    }
}
