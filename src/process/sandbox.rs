//! Confining an agent with Landlock: what it, and everything it starts, may write to.
//!
//! Landlock restricts the thread that asks for it and what that thread starts, for good. The guard therefore starts a
//! confined agent from a thread of its own, which ends with the start: the guard itself stays as it was.

use std::path::Path;

/// The oldest version that keeps the promise: before it (Linux 6.2) any file that can be opened for writing could be
/// cut to nothing, and before version 2 nothing could be moved from one folder to another.
pub const OLDEST: i32 = 3;

/// From this version on (Linux 6.12) the confined can neither signal processes outside nor reach their abstract sockets.
pub const SCOPED: i32 = 6;

/// Which version of Landlock the running kernel has.
///
/// # Errors
/// Why there is none.
pub fn version() -> Result<i32, String> {
    imp::version()
}

/// Does the work in a thread that may write to nothing but these places: folders with all that is in them, and single
/// files. What does not exist is left out. What is started there stays confined for ever.
///
/// # Errors
/// Why it could not be confined; the work was not done then.
pub fn within<T: Send>(
    places: &[impl AsRef<Path> + Sync],
    work: impl FnOnce() -> T + Send,
) -> Result<T, String> {
    let done = std::thread::scope(|scope| {
        let confined = move || imp::confine(places).map(|()| work());
        std::thread::Builder::new().spawn_scoped(scope, confined).map(std::thread::ScopedJoinHandle::join)
    });
    match done {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err("the thread that does it has died".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(target_os = "linux")]
mod imp {
    use std::path::Path;

    use landlock::{
        ABI, AccessFs, CompatLevel, Compatible, LandlockStatus, Ruleset, RulesetAttr, RulesetCreatedAttr,
        RulesetError, RulesetStatus, Scope, path_beneath_rules,
    };

    /// The crate tells the version to whoever restricts himself: a thread does, and ends.
    pub(super) fn version() -> Result<i32, String> {
        let asked = std::thread::spawn(|| {
            Ruleset::default().handle_access(AccessFs::MakeChar)?.create()?.restrict_self()
        });
        match asked.join() {
            Ok(Ok(status)) => match status.landlock {
                LandlockStatus::Available { effective_abi, kernel_abi } => {
                    Ok(kernel_abi.unwrap_or(effective_abi as i32))
                }
                LandlockStatus::NotEnabled => Err("it is not switched on (lsm= at boot)".to_owned()),
                LandlockStatus::NotImplemented => Err("the kernel is built without it".to_owned()),
            },
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the thread that asks has died".to_owned()),
        }
    }

    pub(super) fn confine(places: &[impl AsRef<Path>]) -> Result<(), String> {
        let status = restrict(places).map_err(|error| error.to_string())?;
        match status {
            RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
            RulesetStatus::NotEnforced => Err("the kernel has no Landlock".to_owned()),
        }
    }

    /// Files whatever it takes, the rest as far as the kernel goes. Devices keep their controls: what can be opened
    /// for reading alone has few that write.
    fn restrict(places: &[impl AsRef<Path>]) -> Result<RulesetStatus, RulesetError> {
        let writing = AccessFs::from_write(ABI::V3);
        let status = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(writing)?
            .set_compatibility(CompatLevel::BestEffort)
            .scope(Scope::Signal)?
            .scope(Scope::AbstractUnixSocket)?
            .create()?
            .add_rules(path_beneath_rules(places, writing))?
            .restrict_self()?;
        Ok(status.ruleset)
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use std::path::Path;

    pub(super) fn version() -> Result<i32, String> {
        Err("Landlock is of Linux".to_owned())
    }

    pub(super) fn confine(_: &[impl AsRef<Path>]) -> Result<(), String> {
        version().map(drop)
    }
}
