//! The commit of the setup files: only them, with the user's index left as it is.

use std::path::Path;
use std::process::{Command, Stdio};

/// Commits those of `files` that were `written` just now or that git does not know yet. Ignored
/// files are left out, and so is a known file that the user has edited: that commit is theirs.
///
/// Says whether there was a commit. In a broken repository there is nothing to do.
pub(super) fn setup_files(
    workspace: &Path,
    files: &[&str],
    written: &[&str],
    subject: &str,
) -> Result<bool, String> {
    if git(workspace, &["rev-parse", "--git-dir"]).is_err() {
        return Ok(false);
    }
    let mut ours = Vec::new();
    for file in files {
        let known = git(workspace, &["ls-files", "--error-unmatch", "--", file]).is_ok();
        let ignored = git(workspace, &["check-ignore", "--quiet", "--", file]).is_ok();
        let wanted = if known { written.contains(file) } else { !ignored };
        if wanted && workspace.join(file).exists() {
            ours.push(*file);
        }
    }
    if ours.is_empty() {
        return Ok(false);
    }
    git(workspace, &with(&["add", "--"], &ours))?;
    let changed = git(workspace, &with(&["diff", "--cached", "--quiet", "--"], &ours)).is_err();
    if !changed {
        return Ok(false);
    }
    let mut command = vec!["-c", "commit.gpgSign=false"];
    for (key, fallback) in [("user.name", "user.name=Rally"), ("user.email", "user.email=rally@localhost")] {
        if git(workspace, &["config", "--get", key]).is_err() {
            command.extend(["-c", fallback]);
        }
    }
    command.extend(["commit", "--quiet", "--no-verify", "--only", "-m", subject, "--"]);
    git(workspace, &with(&command, &ours)).map(|()| true).inspect_err(|_| {
        // As if nothing had been staged.
        let _ = git(workspace, &with(&["reset", "--quiet", "--"], &ours));
    })
}

fn with<'a>(command: &[&'a str], files: &[&'a str]) -> Vec<&'a str> {
    [command, files].concat()
}

fn git(workspace: &Path, args: &[&str]) -> Result<(), String> {
    let output = Command::new("git")
        .args(args)
        .current_dir(workspace)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run git: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}
