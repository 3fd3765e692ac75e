//! The part of the process environment that decides where files are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Where the user's files are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Env {
    /// The home directory, absolute; `None` when there is none.
    pub home: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`, absolute; `None` when unset.
    pub xdg_config_home: Option<PathBuf>,
    /// `RALLY_DATA_DIR`, as typed; `None` when unset or empty.
    pub rally_data_dir: Option<PathBuf>,
}

impl Env {
    /// What the environment says. Relative values of `HOME` and `XDG_CONFIG_HOME` count as unset, as
    /// the XDG base directory specification has it: they would follow the current directory around.
    pub fn from_process() -> Env {
        let absolute = |value: OsString| Some(PathBuf::from(value)).filter(|path| path.is_absolute());
        let home = match std::env::var_os("HOME") {
            Some(home) => absolute(home),
            None => directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned()),
        };
        Env {
            home,
            xdg_config_home: std::env::var_os("XDG_CONFIG_HOME").and_then(absolute),
            rally_data_dir: std::env::var_os("RALLY_DATA_DIR")
                .filter(|value| !value.is_empty())
                .map(PathBuf::from),
        }
    }

    /// The user's configuration file; `None` without a home.
    pub fn user_file(&self) -> Option<PathBuf> {
        let base = match (&self.xdg_config_home, &self.home) {
            (Some(xdg), _) => xdg.clone(),
            (None, Some(home)) => home.join(".config"),
            (None, None) => return None,
        };
        Some(base.join("rally").join("config.toml"))
    }

    /// `~/.local/share/rally`; `None` without a home.
    pub(super) fn default_data_dir(&self) -> Option<PathBuf> {
        self.home.as_deref().map(|home: &Path| home.join(".local/share/rally"))
    }
}
