//! Which folder is the workspace?

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::Context;

/// The top level of the git work tree around the current directory, else the current directory.
pub fn root() -> anyhow::Result<PathBuf> {
    let here = std::env::current_dir().context("the current directory is gone; change to one that exists")?;
    let output = Command::new("git")
        .args(["rev-parse", "--show-toplevel"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    Ok(match output {
        Ok(output) if output.status.success() => {
            let mut path = output.stdout;
            // Only git's own line end: the name of a folder may end in one, too.
            if path.last() == Some(&b'\n') {
                path.pop();
            }
            PathBuf::from(OsString::from_vec(path))
        }
        _ => here,
    })
}
