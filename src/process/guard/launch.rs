//! Starting the agent.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::io::Errno;

use crate::process::protocol::{Pipe, Refusal, Start};
use crate::process::{LAPS_LICENSE, LAPS_SESSION, TAG, sandbox};

/// Added to the agent's out-of-memory score: when memory runs out, the agent goes before rally.
const OOM_PENALTY: i32 = 500;

/// The highest score (`OOM_SCORE_ADJ_MAX` of linux/oom.h).
const OOM_HIGHEST: i32 = 1000;

/// Starts the agent in its own process group and says its pid. The guard keeps none of the
/// descriptors, or rally would never see the end of the agent's output.
///
/// # Errors
/// Why it could not be started.
pub fn launch(start: Start, descriptors: Vec<OwnedFd>) -> Result<i32, Refusal> {
    let program = OsString::from(start.program);
    let env: Vec<(OsString, OsString)> =
        start.env.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    let path = env.iter().rev().find(|(name, _)| name == "PATH").map(|(_, value)| value.clone());
    let mut command = Command::new(&program);
    command
        .args(start.args.into_iter().map(OsString::from))
        .envs(env)
        .env(TAG, &start.tag)
        .env(LAPS_SESSION, &start.tag)
        .env_remove(LAPS_LICENSE)
        .stdin(Stdio::null())
        .process_group(0);
    connect(&mut command, &start.pipes, descriptors)?;
    let confined: Option<Vec<PathBuf>> =
        start.confined.map(|places| places.into_iter().map(|place| OsString::from(place).into()).collect());
    let child = with_oom_penalty(|| match confined {
        None => Ok(command.spawn()),
        Some(places) => sandbox::within(&places, || command.spawn()),
    });
    let child = child.map_err(|why| Refusal::Failed(format!("it cannot be confined: {why}")))?;
    match child {
        // Never waited for as a `Child`: the watch waits for every process of the tree alike.
        Ok(child) => i32::try_from(child.id()).map_err(|e| Refusal::Failed(e.to_string())),
        Err(error) => Err(refusal(&error, &program, path.or_else(|| std::env::var_os("PATH")).as_deref())),
    }
}

/// Connects the agent's standard streams.
fn connect(command: &mut Command, pipes: &[Pipe], descriptors: Vec<OwnedFd>) -> Result<(), Refusal> {
    if pipes.len() != descriptors.len() {
        let why = format!("{} pipes announced, {} descriptors came", pipes.len(), descriptors.len());
        return Err(Refusal::Failed(why));
    }
    for (pipe, descriptor) in pipes.iter().zip(descriptors) {
        match pipe {
            Pipe::Stdin => command.stdin(descriptor),
            Pipe::Stdout if pipes.contains(&Pipe::Stderr) => command.stdout(descriptor),
            Pipe::Stdout => {
                let copy = descriptor.try_clone().map_err(|e| Refusal::Failed(e.to_string()))?;
                command.stderr(copy).stdout(descriptor)
            }
            Pipe::Stderr => command.stderr(descriptor),
        };
    }
    Ok(())
}

/// Raises the guard's own score around the spawn, so that no child of a fast agent escapes it.
/// Best effort: a container may forbid it.
fn with_oom_penalty<T>(spawn: impl FnOnce() -> T) -> T {
    const FILE: &str = "/proc/self/oom_score_adj";
    let own = std::fs::read_to_string(FILE).ok().and_then(|text| text.trim().parse::<i32>().ok());
    if let Some(own) = own {
        let _ = std::fs::write(FILE, (own + OOM_PENALTY).min(OOM_HIGHEST).to_string());
    }
    let result = spawn();
    if let Some(own) = own {
        let _ = std::fs::write(FILE, own.to_string());
    }
    result
}

/// What an error of spawn means for the operator.
fn refusal(error: &io::Error, program: &OsStr, path: Option<&OsStr>) -> Refusal {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::TOOBIG) => Refusal::TooLong,
        Some(Errno::NOENT) => match find(program, path) {
            None => Refusal::NotFound,
            Some(file) => {
                Refusal::NotExecutable(format!("the interpreter that {} names is missing", file.display()))
            }
        },
        Some(Errno::NOTDIR) => Refusal::NotFound,
        Some(Errno::ACCESS) => match find(program, path) {
            Some(file) if file.is_dir() => Refusal::NotExecutable(format!("{} is a folder", file.display())),
            Some(file) => {
                Refusal::NotExecutable(format!("no permission to execute {} (try chmod +x)", file.display()))
            }
            None => Refusal::NotExecutable("permission denied".to_owned()),
        },
        Some(Errno::NOEXEC) => Refusal::NotExecutable("it is no program for this machine".to_owned()),
        _ => Refusal::Failed(error.to_string()),
    }
}

/// The file that exec would have taken.
fn find(program: &OsStr, path: Option<&OsStr>) -> Option<PathBuf> {
    if Path::new(program).components().count() > 1 || program.as_encoded_bytes().contains(&b'/') {
        return Some(PathBuf::from(program)).filter(|file| file.exists());
    }
    std::env::split_paths(path?).map(|folder| folder.join(program)).find(|file| file.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(errno: Errno, program: &str, path: &str) -> Refusal {
        refusal(&io::Error::from_raw_os_error(errno.raw_os_error()), program.as_ref(), Some(path.as_ref()))
    }

    #[test]
    fn errors_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tool"), "#!/no/such/shell\n").unwrap();
        let path = format!("/nowhere:{}", folder.path().display());
        let starts = |refusal: Refusal, text: &str| match refusal {
            Refusal::NotExecutable(why) => assert!(why.starts_with(text), "{why}"),
            other => panic!("{other:?}"),
        };
        assert_eq!(meaning(Errno::TOOBIG, "tool", &path), Refusal::TooLong);
        assert_eq!(meaning(Errno::NOENT, "other", &path), Refusal::NotFound);
        assert_eq!(meaning(Errno::NOENT, "/nowhere/tool", &path), Refusal::NotFound);
        assert_eq!(meaning(Errno::NOTDIR, "/etc/passwd/tool", &path), Refusal::NotFound);
        starts(meaning(Errno::NOENT, "tool", &path), "the interpreter");
        starts(meaning(Errno::ACCESS, "tool", &path), "no permission");
        starts(meaning(Errno::NOEXEC, "tool", &path), "it is no program");
        assert!(matches!(meaning(Errno::MFILE, "tool", &path), Refusal::Failed(_)));
        let itself = folder.path().to_str().unwrap().to_owned();
        assert!(
            matches!(meaning(Errno::ACCESS, &itself, &path), Refusal::NotExecutable(why) if why.ends_with("a folder"))
        );
    }
}
