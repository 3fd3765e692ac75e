//! `[sandbox]`: may agents write everywhere, or only where their work is?
//!
//! What protects the operator must not be in the hands of what it protects from: an agent writes to the repository,
//! and a repository may be anybody's. So its file can switch the sandbox on, and never loosen it.

use std::path::{Path, PathBuf};

use super::diagnostic::{ConfigError, Findings, label};
use super::env::Env;
use super::layer::Layer;
use super::merge::Merged;
use super::paths;
use super::schema::{Leaf, Setting};

/// The table.
const TABLE: &str = "sandbox";

/// `[sandbox]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxConfig {
    /// Whether agents are confined (false).
    pub enabled: bool,
    /// Whether a relay is refused where the kernel cannot confine them (true).
    pub required: bool,
    /// Where they may write besides, absolute.
    pub write: Vec<PathBuf>,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        SandboxConfig { enabled: false, required: true, write: Vec::new() }
    }
}

/// Takes out of the repository's file what would loosen the sandbox that the user's file makes.
pub(super) fn tighten(layer: &mut Layer, users: Option<&Layer>, findings: &mut Findings) {
    layer.retain(|path, setting| {
        let stays = !loosens(path, setting, users.and_then(|users| users.get(path)));
        if !stays {
            let message = format!(
                "{} is ignored here: a repository can switch the sandbox on, but not loosen it; \
                 your own configuration can",
                label(&setting.path)
            );
            findings.warning(&setting.origin, &setting.path, message);
        }
        stays
    });
}

fn loosens(path: &[String], setting: &Setting, users: Option<&Setting>) -> bool {
    let default = SandboxConfig::default();
    let holds = |default| match users.map(|setting| &setting.leaf) {
        Some(Leaf::Flag(flag)) => *flag,
        _ => default,
    };
    let says_no = setting.leaf == Leaf::Flag(false);
    match path {
        [table, key] if table == TABLE => match key.as_str() {
            "write" => true,
            "enabled" => says_no && holds(default.enabled),
            "required" => says_no && holds(default.required),
            _ => false,
        },
        _ => false,
    }
}

/// What holds, after the merge.
pub(super) fn resolve(
    merged: &Merged,
    workspace: &Path,
    env: &Env,
    findings: &mut Findings,
) -> Result<SandboxConfig, ConfigError> {
    let default = SandboxConfig::default();
    let key = [TABLE, "write"];
    let mut write = Vec::new();
    if let Some(setting) = merged.get(&key) {
        for item in merged.list(&key).unwrap_or_default() {
            match paths::resolve(Path::new(&item.value), workspace, env, &label(&setting.path)) {
                Ok(path) => write.push(path),
                Err(error @ ConfigError::NotExpanded { .. }) => {
                    let mut origin = setting.origin.clone();
                    origin.line = item.line;
                    findings.error(&origin, &setting.path, error.to_string());
                }
                Err(other) => return Err(other),
            }
        }
    }
    Ok(SandboxConfig {
        enabled: merged.flag(&[TABLE, "enabled"]).unwrap_or(default.enabled),
        required: merged.flag(&[TABLE, "required"]).unwrap_or(default.required),
        write,
    })
}

#[cfg(test)]
mod tests {
    use super::super::load::{load, repository_file};
    use super::*;

    /// What two files say together, and how many warnings there are.
    fn together(user: &str, repository: &str) -> (SandboxConfig, usize) {
        let folder = tempfile::tempdir().unwrap();
        let env = Env { home: Some("/home/me".into()), ..Env::default() };
        let env = Env { xdg_config_home: Some(folder.path().join("config")), ..env };
        for (file, text) in [(env.user_file().unwrap(), user), (repository_file(folder.path()), repository)] {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        let loaded = load(folder.path(), &env).unwrap();
        (loaded.config.sandbox, loaded.warnings.len())
    }

    #[test]
    fn a_repository_can_tighten_and_never_loosen() {
        let on = "[sandbox]\nenabled = true\n";
        let table = [
            ("", "", (false, true, vec![]), 0),
            (on, "", (true, true, vec![]), 0),
            ("", on, (true, true, vec![]), 0),
            ("[sandbox]\nenabled = false\n", on, (true, true, vec![]), 0),
            ("", "[sandbox]\nenabled = false\n", (false, true, vec![]), 0),
            (on, "[sandbox]\nenabled = false\n", (true, true, vec![]), 1),
            ("[sandbox]\nrequired = false\n", "[sandbox]\nrequired = false\n", (false, false, vec![]), 0),
            (on, "[sandbox]\nrequired = false\n", (true, true, vec![]), 1),
            ("[sandbox]\nrequired = false\n", "[sandbox]\nrequired = true\n", (false, true, vec![]), 0),
            (on, "[sandbox]\nwrite = [\"/\"]\n", (true, true, vec![]), 1),
            (
                "[sandbox]\nwrite = [\"~/x\"]\n",
                "[sandbox]\nwrite = []\n",
                (false, true, vec!["/home/me/x"]),
                1,
            ),
            ("", "[sandbox]\nenabled = true\nrequired = false\nwrite = [\"/\"]\n", (true, true, vec![]), 2),
            (
                "[sandbox]\nrequired = false\nwrite = [\"/a\", \"~\"]\n",
                on,
                (true, false, vec!["/a", "/home/me"]),
                0,
            ),
        ];
        for (user, repository, (enabled, required, write), warnings) in table {
            let (config, told) = together(user, repository);
            let write = write.into_iter().map(PathBuf::from).collect();
            assert_eq!(config, SandboxConfig { enabled, required, write }, "{user}\n{repository}");
            assert_eq!(told, warnings, "{user}\n{repository}");
        }
    }

    #[test]
    fn what_only_a_shell_expands_is_told_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let env = Env { home: Some(folder.path().to_owned()), ..Env::default() };
        let file = env.user_file().unwrap();
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "[sandbox]\nwrite = [\n  \"/a\",\n  \"$HOME/b\",\n]\n").unwrap();
        let error = load(folder.path(), &env).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}:4: ", file.display())), "{error}");
    }
}
