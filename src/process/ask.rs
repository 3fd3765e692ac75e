//! Asks a program about itself, such as its version: briefly, without input, and never for longer
//! than it is worth.

use std::ffi::OsStr;
use std::io::{Read, Seek};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// How long an answer may take: a CLI on a loaded machine needs some seconds to start.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often it is looked whether the answer is complete.
const LOOK: Duration = Duration::from_millis(10);

/// Longest answer that is read, bytes.
const ANSWER_CAP: u64 = 1 << 20;

/// What `program` prints with these arguments, standard output and errors together; `None` when it cannot be
/// run or does not end. Its process group is ended when it is not done in time.
pub fn ask(program: &OsStr, args: &[&str], env: &[(String, String)], cwd: &Path) -> Option<String> {
    let mut output = tempfile::tempfile().ok()?;
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
    loop {
        match child.try_wait() {
            Ok(Some(_)) => break,
            Ok(None) if begun.elapsed() < PATIENCE => std::thread::sleep(LOOK),
            Ok(None) | Err(_) => {
                // Not reaped yet, so the number is still its own.
                let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
                let _ = child.wait();
                return None;
            }
        }
    }
    let mut answer = Vec::new();
    output.rewind().ok()?;
    output.take(ANSWER_CAP).read_to_end(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_streams_are_heard_and_nobody_at_home_is_no_answer() {
        let env = [("WHO".to_owned(), "me".to_owned())];
        let answer = ask("sh".as_ref(), &["-c", "echo $WHO; echo err >&2; cat"], &env, "/".as_ref());
        assert_eq!(answer.as_deref(), Some("me\nerr\n"));
        assert_eq!(ask("/nonexistent".as_ref(), &[], &[], "/".as_ref()), None);
    }
}
