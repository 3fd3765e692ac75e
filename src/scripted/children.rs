//! Processes that an agent leaves behind, in the shapes that real tools give them.

use std::io;
use std::process::{Command, Stdio};

use super::script::{Relation, Spawn};

/// Starts the process and says its pid. It is meant to be left behind: nobody waits for it.
pub fn leave_behind(spawn: &Spawn) -> io::Result<i32> {
    let secs = spawn.secs.to_string();
    let mut command = match spawn.kind {
        Relation::Plain => with_args("sleep", &[&secs]),
        // The new process is no group leader, so setsid(1) does not fork and keeps its pid.
        Relation::Setsid | Relation::HoldsStdout => with_args("setsid", &["sleep", &secs]),
        Relation::DoubleFork => {
            let script = r#"setsid sleep "$0" </dev/null >/dev/null 2>&1 & echo $!"#;
            let output = with_args("sh", &["-c", script, &secs]).stdin(Stdio::null()).output()?;
            let pid = String::from_utf8_lossy(&output.stdout);
            return pid.trim().parse().map_err(io::Error::other);
        }
    };
    command.stdin(Stdio::null()).stderr(Stdio::null());
    if spawn.kind != Relation::HoldsStdout {
        command.stdout(Stdio::null());
    }
    i32::try_from(command.spawn()?.id()).map_err(io::Error::other)
}

fn with_args(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args);
    command
}
