//! Agents that could not even be started.

use rustix::io::Errno;

use crate::model::{Category, Evidence};

/// Why a program did not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpawnFailure {
    /// The program as it was asked for.
    pub program: String,
    /// The system's error number, if it told one.
    pub errno: Option<i32>,
    /// The error in words.
    pub message: String,
}

impl SpawnFailure {
    /// From the error that spawning returned.
    pub fn new(program: &str, error: &std::io::Error) -> Self {
        SpawnFailure { program: program.to_owned(), errno: error.raw_os_error(), message: error.to_string() }
    }

    /// The same as evidence, with what can be done about it.
    pub fn evidence(&self) -> Evidence {
        let program = &self.program;
        let (cause, message) = match self.errno.map(Errno::from_raw_os_error) {
            Some(Errno::NOENT) if program.contains('/') => {
                ("missing_program", format!("cannot start `{program}`: there is no such file"))
            }
            Some(Errno::NOENT) => (
                "missing_program",
                format!("cannot start `{program}`: it is not in PATH; install it or correct PATH"),
            ),
            Some(Errno::ACCESS) => {
                ("not_executable", format!("cannot start `{program}`: it is not executable"))
            }
            Some(Errno::NOEXEC) => {
                ("bad_executable", format!("cannot start `{program}`: this system cannot execute it"))
            }
            Some(Errno::TOOBIG) => {
                ("prompt_too_long", format!("cannot start `{program}`: its arguments are too long"))
            }
            _ => ("spawn", format!("cannot start `{program}`: {}", self.message)),
        };
        Evidence::new("spawn", Some(Category::HarnessLaunch), super::brief(&message)).with_cause(cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_errors_have_causes() {
        let cases = [
            ("claude", libc_errno(Errno::NOENT), "missing_program", "not in PATH"),
            ("/opt/claude", libc_errno(Errno::NOENT), "missing_program", "no such file"),
            ("claude", libc_errno(Errno::ACCESS), "not_executable", "not executable"),
            ("claude", libc_errno(Errno::NOEXEC), "bad_executable", "cannot execute"),
            ("claude", libc_errno(Errno::TOOBIG), "prompt_too_long", "too long"),
            ("claude", libc_errno(Errno::MFILE), "spawn", "open files"),
        ];
        for (program, error, cause, words) in cases {
            let evidence = SpawnFailure::new(program, &error).evidence();
            assert_eq!(evidence.category, Some(Category::HarnessLaunch));
            assert_eq!(evidence.cause.as_deref(), Some(cause));
            assert!(evidence.message.contains(words), "{}", evidence.message);
            assert!(evidence.message.contains(program));
        }
    }

    fn libc_errno(errno: Errno) -> std::io::Error {
        std::io::Error::from_raw_os_error(errno.raw_os_error())
    }
}
