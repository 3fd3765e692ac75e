//! One call of the program: its exit, its two streams, and a limit of time.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::{QueueError, failed};
use crate::process::Brake;

/// How often it is looked whether the call is over.
const LOOK: Duration = Duration::from_millis(5);

/// Longest answer, bytes: a queue of many thousand laps.
const ANSWER_CAP: u64 = 64 << 20;

/// How a call ended and what it said.
pub(super) struct Answer {
    /// `None`: ended by a signal.
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// How long a call may take.
pub(super) struct Bounds<'a> {
    pub(super) patience: Duration,
    pub(super) brake: &'a Brake,
}

/// Calls `program` in the workspace, with this standard input or none. At its bounds its process group is ended.
pub(super) fn call(
    program: &Path,
    args: &[&str],
    input: Option<&[u8]>,
    workspace: &Path,
    bounds: &Bounds<'_>,
) -> Result<Answer, QueueError> {
    let name = args.iter().take_while(|arg| !arg.starts_with('-')).copied().collect::<Vec<_>>().join(" ");
    let shown = program.display();
    let cannot = |why: std::io::Error| failed(format!("cannot run {shown} {name}: {why}"));
    let memory = || Ok(File::from(memfd_create("answer", MemfdFlags::CLOEXEC)?));
    let (stdout, stderr) = (memory().map_err(cannot)?, memory().map_err(cannot)?);
    let stdin = match input {
        None => Stdio::null(),
        Some(bytes) => {
            let mut file = memory().map_err(cannot)?;
            file.write_all(bytes).and_then(|()| file.rewind()).map_err(cannot)?;
            file.into()
        }
    };
    let mut child = Command::new(program)
        .args(args)
        // It reports to a service when it finds this key.
        .env_remove("LAPS_NEW_RELIC_LICENSE_KEY")
        .current_dir(workspace)
        .stdin(stdin)
        .stdout(stdout.try_clone().map_err(cannot)?)
        .stderr(stderr.try_clone().map_err(cannot)?)
        .process_group(0)
        .spawn()
        .map_err(cannot)?;
    let begun = Instant::now();
    let leader = Pid::from_child(&child);
    let too_long = || [&stdout, &stderr].iter().any(|file| length(file) > ANSWER_CAP);
    let trouble = loop {
        // Its end is only looked at: until it is reaped, the number of its group stays its own.
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match waitid(WaitId::Pid(leader), look) {
            Ok(Some(_)) => break None,
            Ok(None) if too_long() => break Some("does not stop talking".to_owned()),
            Ok(None) if bounds.brake.is_pulled() => break Some("was still running".to_owned()),
            Ok(None) if begun.elapsed() < bounds.patience => std::thread::sleep(LOOK),
            Ok(None) => break Some(format!("did not end within {} s", bounds.patience.as_secs_f32())),
            Err(why) => break Some(format!("cannot be waited for: {why}")),
        }
    };
    if trouble.is_some() {
        let _ = kill_process_group(leader, Signal::KILL);
    }
    let status = child.wait().map_err(cannot)?;
    if let Some(trouble) = trouble {
        return Err(failed(format!(
            "`{shown} {name}` {trouble}, and was ended: try it by hand, and look at the hooks in .laps/hooks.json"
        )));
    }
    Ok(Answer {
        code: status.code(),
        stdout: text(stdout).map_err(cannot)?,
        stderr: text(stderr).map_err(cannot)?,
    })
}

fn length(file: &File) -> u64 {
    file.metadata().map_or(0, |file| file.len())
}

fn text(mut file: File) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.take(ANSWER_CAP).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
