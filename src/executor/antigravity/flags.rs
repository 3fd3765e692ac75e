//! Which flags the installed version has, read from its help.

/// The flags that not every version has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flags {
    /// `--model`; before 1.1 the model stands in the settings.
    pub model: bool,
    /// `--output-format stream-json`, from 1.1.8.
    pub stream: bool,
    /// `--disable-slash-commands`, from 1.1.9.
    pub disable_slash_commands: bool,
    /// `--effort`.
    pub effort: bool,
    /// `--log-file`.
    pub log_file: bool,
    /// `--print-timeout`.
    pub print_timeout: bool,
    /// `--conversation`.
    pub conversation: bool,
}

impl Flags {
    /// What 1.0.0 has.
    pub const OLDEST: Flags = Flags {
        model: false,
        stream: false,
        disable_slash_commands: false,
        effort: false,
        log_file: true,
        print_timeout: true,
        conversation: true,
    };

    /// The flags that a help names; `None` when it does not even name `--print`, and so is no help at all.
    pub fn from_help(help: &str) -> Option<Flags> {
        let has = |flag: &str| help.lines().any(|line| names(line).any(|name| name == flag));
        has("print").then(|| Flags {
            model: has("model"),
            // Versions that know no other format than text ignore an unknown one.
            stream: has("output-format") && help.contains("stream-json"),
            disable_slash_commands: has("disable-slash-commands"),
            effort: has("effort"),
            log_file: has("log-file"),
            print_timeout: has("print-timeout"),
            conversation: has("conversation"),
        })
    }
}

/// The flags at the start of a help's line: `-p, --print string`, `-print value`, `--model=SLUG`.
fn names(line: &str) -> impl Iterator<Item = &str> {
    line.split([' ', '\t', ',', '|', '/'])
        .filter(|word| !word.is_empty())
        .take_while(|word| word.starts_with('-'))
        .map(|word| word.trim_start_matches('-').split(['=', '[', '<']).next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helps_in_both_spellings() {
        let old = "Usage of agy:\n  -conversation string\n    \tResume it (see --model in the docs)\n  -log-file string\n  \
                   -p string\n  -print value\n    \tRun one prompt\n  -print-timeout duration\n";
        assert_eq!(Flags::from_help(old), Some(Flags::OLDEST));
        let new = "Flags:\n  -p, --print string     Run one prompt\n      --model=SLUG           The model\n      \
                   --output-format string text, json or stream-json\n      --effort string\n  \
                   --disable-slash-commands\n  --log-file F\n  --print-timeout D\n  -c/--conversation ID\n";
        let all =
            Flags { model: true, stream: true, disable_slash_commands: true, effort: true, ..Flags::OLDEST };
        assert_eq!(Flags::from_help(new), Some(all));
        let text_only = new.replace(", json or stream-json", "");
        assert_eq!(Flags::from_help(&text_only), Some(Flags { stream: false, ..all }));
        assert_eq!(Flags::from_help("agy: cannot start\n"), None);
    }
}
