//! Where a CLI keeps what is its own: sessions, credentials, settings, caches.

use std::path::PathBuf;

use super::HarnessSpec;

/// One such place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Home {
    /// A folder, which the CLI makes when it is missing.
    Folder(PathBuf),
    /// A single file. A missing one cannot be made where its folder may not be written to.
    File(PathBuf),
    /// It would be where this variable says, but that was said by the repository, which does not choose where its
    /// agents may write.
    Foreign(String),
}

impl HarnessSpec {
    /// The folder `inside` that which a variable names, else `below_home`; nothing without either.
    pub fn own_folder(&self, (variable, inside): (&str, &str), below_home: &str) -> Option<Home> {
        let named = self.base(variable).map(|base| base.map(|base| base.join(inside)));
        let place = match named {
            Some(place) => place,
            None => self.base("HOME")?.map(|home| home.join(below_home)),
        };
        Some(place.map_or_else(Home::Foreign, Home::Folder))
    }

    /// A file below HOME.
    pub fn own_file(&self, below_home: &str) -> Option<Home> {
        let place = self.base("HOME")?.map(|home| home.join(below_home));
        Some(place.map_or_else(Home::Foreign, Home::File))
    }

    /// What a variable names, or the variable itself if it is the repository's. A relative folder lies in the
    /// workspace.
    fn base(&self, variable: &str) -> Option<Result<PathBuf, String>> {
        let folder = PathBuf::from(self.variable(variable)?);
        if self.foreign.contains(variable) {
            return Some(Err(variable.to_owned()));
        }
        folder.is_absolute().then_some(Ok(folder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::{Custom, CustomSpec, TailStream, built_in};
    use crate::model::Cli;

    /// The homes of a CLI with these variables, all others of this machine's being empty, as words.
    fn homes(cli: Cli, variables: &[(&str, &str)], foreign: &[&str]) -> Vec<String> {
        const OTHERS: [&str; 8] = [
            "CLAUDE_CONFIG_DIR",
            "CODEX_HOME",
            "GEMINI_CLI_HOME",
            "XDG_DATA_HOME",
            "XDG_CONFIG_HOME",
            "XDG_STATE_HOME",
            "XDG_CACHE_HOME",
            "HOME",
        ];
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut extra_env: Vec<_> = OTHERS.iter().map(|name| pair(name, "")).collect();
        extra_env.extend(variables.iter().map(|(name, value)| pair(name, value)));
        let spec = HarnessSpec {
            name: "x".to_owned(),
            extra_env,
            foreign: foreign.iter().map(|name| (*name).to_owned()).collect(),
            ..HarnessSpec::default()
        };
        let show = |home| match home {
            Home::Folder(path) => format!("{}/", path.display()).replace("//", "/"),
            Home::File(path) => path.display().to_string(),
            Home::Foreign(variable) => format!("${variable}"),
        };
        built_in(cli, spec).homes().into_iter().map(show).collect()
    }

    #[test]
    fn every_cli_has_its_own_places() {
        const ME: (&str, &str) = ("HOME", "/me");
        type Row =
            (Cli, &'static [(&'static str, &'static str)], &'static [&'static str], &'static [&'static str]);
        let table: [Row; 16] = [
            (Cli::Claude, &[ME], &[], &["/me/.claude/", "/me/.claude.json", "/me/.cache/claude-cli-nodejs/"]),
            (
                Cli::Claude,
                &[ME, ("CLAUDE_CONFIG_DIR", "/work")],
                &[],
                &["/work/", "/me/.cache/claude-cli-nodejs/"],
            ),
            (Cli::Claude, &[("CLAUDE_CONFIG_DIR", "/work")], &[], &["/work/"]),
            (Cli::Claude, &[], &[], &[]),
            (
                Cli::Claude,
                &[ME, ("CLAUDE_CONFIG_DIR", "/me/.ssh")],
                &["CLAUDE_CONFIG_DIR"],
                &["$CLAUDE_CONFIG_DIR", "/me/.cache/claude-cli-nodejs/"],
            ),
            (Cli::Codex, &[ME], &[], &["/me/.codex/"]),
            (Cli::Codex, &[ME, ("CODEX_HOME", "/cx")], &[], &["/cx/"]),
            (Cli::Codex, &[ME, ("CODEX_HOME", "cx")], &[], &["/me/.codex/"]),
            (Cli::Codex, &[ME], &["HOME"], &["$HOME"]),
            (Cli::Codex, &[ME, ("CODEX_HOME", "/me")], &["CODEX_HOME"], &["$CODEX_HOME"]),
            (Cli::Gemini, &[ME], &[], &["/me/.gemini/"]),
            (Cli::Gemini, &[ME, ("GEMINI_CLI_HOME", "/ge")], &[], &["/ge/.gemini/"]),
            (
                Cli::Opencode,
                &[ME],
                &[],
                &[
                    "/me/.local/share/opencode/",
                    "/me/.config/opencode/",
                    "/me/.local/state/opencode/",
                    "/me/.cache/opencode/",
                ],
            ),
            (
                Cli::Opencode,
                &[ME, ("XDG_DATA_HOME", "/d"), ("XDG_CACHE_HOME", "/c")],
                &["XDG_CACHE_HOME"],
                &["/d/opencode/", "/me/.config/opencode/", "/me/.local/state/opencode/", "$XDG_CACHE_HOME"],
            ),
            (Cli::Antigravity, &[ME], &[], &["/me/.gemini/"]),
            (Cli::Antigravity, &[ME], &["HOME"], &["$HOME"]),
        ];
        for (cli, variables, foreign, expected) in table {
            assert_eq!(homes(cli, variables, foreign), expected, "{cli:?} {variables:?} {foreign:?}");
        }
    }

    #[test]
    fn a_program_of_the_users_own_has_none_that_rally_knows() {
        let custom = Custom::new(CustomSpec {
            name: "mine".into(),
            command: vec!["agent".into()],
            model_flag: None,
            output_lines: 40,
            tail_stream: TailStream::Combined,
            args: vec![],
            env: vec![],
        });
        assert_eq!(crate::executor::Executor::homes(&custom), []);
    }
}
