//! Starting an agent under a guard of its own.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::process::Command;
use tokio::task::JoinSet;

use super::agent::Agent;
use super::identity;
use super::link::Link;
use super::protocol::{self, Message, Pipe, Refusal, Start};

/// What to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spawn {
    /// Name (looked up in PATH) or path of the program.
    pub program: OsString,
    /// Arguments, without the program.
    pub args: Vec<OsString>,
    /// Variables set on top of rally's own environment.
    pub env: Vec<(OsString, OsString)>,
    /// The working directory.
    pub cwd: PathBuf,
    /// Standard input: these bytes, then end of file; `None` is `/dev/null`. An agent that closes
    /// it early, or never reads, is fine.
    pub stdin: Option<Vec<u8>>,
    /// Whether standard error has a pipe of its own; otherwise it goes into that of standard output.
    pub separate_stderr: bool,
    /// The value of [`super::TAG`] for the whole tree: unique to this try.
    pub tag: String,
    /// The only places that it, and whatever comes of it, may write to; `None` confines nobody. See
    /// [`super::sandbox`].
    pub confined: Option<Vec<PathBuf>>,
}

/// Why an agent could not be started. Nothing is left running then.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// No such program.
    #[error("program {} not found: install it or put it on PATH", program.display())]
    NotFound {
        /// As given.
        program: OsString,
    },
    /// There is such a file, but the system cannot execute it.
    #[error("cannot execute {}: {why}", program.display())]
    NotExecutable {
        /// As given.
        program: OsString,
        /// The reason, and the way out if there is one.
        why: String,
    },
    /// Arguments and environment exceed the system's limits (E2BIG).
    #[error(
        "cannot start {}: its arguments and environment are too long for the system \
         (one argument may have 128 KiB)",
        program.display()
    )]
    TooLong {
        /// As given.
        program: OsString,
    },
    /// Anything else that the system refused.
    #[error("cannot start {}: {why}", program.display())]
    Failed {
        /// As given.
        program: OsString,
        /// What the system said.
        why: String,
    },
    /// Not the agent but its guard failed.
    #[error("the process guard failed")]
    Guard(#[from] io::Error),
}

/// The program that is run as `PROGRAM guard`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardProgram(PathBuf);

impl GuardProgram {
    /// A rally binary at a path. Only tests need it, which are not rally themselves.
    pub fn at(path: impl Into<PathBuf>) -> GuardProgram {
        GuardProgram(path.into())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Starts an agent; see [`spawn`].
    ///
    /// # Errors
    /// See [`SpawnError`].
    pub async fn spawn(&self, spec: Spawn) -> Result<Agent, SpawnError> {
        let Spawn { program, args, env, cwd, stdin, separate_stderr, tag, confined } = spec;
        if !cwd.is_dir() {
            let why = format!("its working directory {} is missing", cwd.display());
            return Err(SpawnError::Failed { program, why });
        }
        let (ours, theirs) = UnixStream::pair()?;
        let mut link = Link::new(ours)?;
        let guard = Command::new(&self.0)
            .arg0("rally")
            .arg("guard")
            .current_dir(cwd)
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let guard_identity = guard.id().and_then(|pid| identity::of(i32::try_from(pid).ok()?));

        let mut ends = Ends::default();
        let stdout = ends.output(Pipe::Stdout)?;
        let stderr = if separate_stderr { Some(ends.output(Pipe::Stderr)?) } else { None };
        let mut feeding = JoinSet::new();
        if let Some(bytes) = stdin {
            let mut pipe = ends.input()?;
            // The agent may close its end at any time: it need not read what it does not want.
            feeding.spawn(async move { drop(pipe.write_all(&bytes).await) });
        }
        let start = Start {
            program: program.clone().into(),
            args: args.into_iter().map(Into::into).collect(),
            env: env.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
            tag,
            pipes: ends.uses.clone(),
            confined: confined
                .map(|places| places.into_iter().map(|place| place.into_os_string().into()).collect()),
        };
        let descriptors: Vec<_> = ends.descriptors.iter().map(AsFd::as_fd).collect();
        let sent = link.send_with(protocol::Command::Start(start), &descriptors).await;
        // From here on only the agent holds its ends, so that end of file means what it says.
        drop(ends);

        // A guard that failed early said why, although it did not read all that was sent.
        let identity = match link.next().await {
            Ok(Some(Message::Started { agent })) => agent,
            Ok(Some(Message::Refused(refusal))) => return Err(refused(program, refusal)),
            Ok(Some(other)) => return Err(io::Error::other(format!("it began with {other:?}")).into()),
            Ok(None) => return Err(sent.err().unwrap_or(io::ErrorKind::UnexpectedEof.into()).into()),
            Err(error) => return Err(sent.err().unwrap_or(error).into()),
        };
        let guard_identity = guard_identity.ok_or_else(|| io::Error::other("it has no entry in /proc"))?;
        Ok(Agent::new(identity, guard_identity, (stdout, stderr), link, guard, feeding))
    }
}

impl Default for GuardProgram {
    /// This very program, even after its file was replaced by an upgrade.
    fn default() -> GuardProgram {
        GuardProgram::at("/proc/self/exe")
    }
}

/// Starts an agent under a guard of its own, and returns once it runs. Needs a tokio runtime.
///
/// When the future is dropped, or the [`Agent`], the guard ends whatever was started.
///
/// # Errors
/// See [`SpawnError`].
pub async fn spawn(spec: Spawn) -> Result<Agent, SpawnError> {
    GuardProgram::default().spawn(spec).await
}

fn refused(program: OsString, refusal: Refusal) -> SpawnError {
    match refusal {
        Refusal::NotFound => SpawnError::NotFound { program },
        Refusal::NotExecutable(why) => SpawnError::NotExecutable { program, why },
        Refusal::TooLong => SpawnError::TooLong { program },
        Refusal::Failed(why) => SpawnError::Failed { program, why },
    }
}

/// The agent's ends of its pipes, on their way to the guard.
#[derive(Default)]
struct Ends {
    uses: Vec<Pipe>,
    descriptors: Vec<OwnedFd>,
}

impl Ends {
    fn output(&mut self, pipe: Pipe) -> io::Result<Receiver> {
        let (reader, writer) = io::pipe()?;
        self.uses.push(pipe);
        self.descriptors.push(writer.into());
        Receiver::from_owned_fd(reader.into())
    }

    fn input(&mut self) -> io::Result<Sender> {
        let (reader, writer) = io::pipe()?;
        self.uses.push(Pipe::Stdin);
        self.descriptors.push(reader.into());
        Sender::from_owned_fd(writer.into())
    }
}
