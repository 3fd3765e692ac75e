//! Every key that a configuration file may hold: its shape, its default, and what it is for.
//!
//! The checks of a file, `rally config` and the JSON Schema for editors all read this one table.

/// A hundred years in seconds: long enough for "never", short enough for every clock's arithmetic.
const CENTURY: i64 = 3_155_760_000;

/// The shape of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A string.
    Text,
    /// `true` or `false`.
    Flag,
    /// A whole number, with the least and the greatest that are accepted.
    Number(i64, i64),
    /// A number from 0 on, whole or not.
    Fraction,
    /// A list of strings.
    List,
    /// A size like `"500MB"`, of at least so many bytes.
    Size(u64),
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// Read without a look at it, and without effect.
    Anything,
}

/// A key that a file may hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Key {
    /// Dotted; `*` stands for a name of the user's.
    pub path: &'static str,
    /// The shape of its value.
    pub kind: Kind,
    /// What holds where no file sets it, as TOML; `None` when nothing does.
    pub default: Option<&'static str>,
    /// Whether a zero in the file means the default.
    pub zero_is_default: bool,
    /// The current name of a key whose own is deprecated.
    pub current: Option<&'static str>,
    /// What it is for, in a sentence without a full stop.
    pub about: &'static str,
}

const fn key(path: &'static str, kind: Kind, default: Option<&'static str>, about: &'static str) -> Key {
    Key { path, kind, default, zero_is_default: false, current: None, about }
}

/// A number for which 0 is as good as nothing.
const fn number(path: &'static str, kind: Kind, default: &'static str, about: &'static str) -> Key {
    Key { path, kind, default: Some(default), zero_is_default: true, current: None, about }
}

const fn renamed(path: &'static str, kind: Kind, current: &'static str) -> Key {
    let about = "An old name, still understood";
    Key { path, kind, default: None, zero_is_default: false, current: Some(current), about }
}

const fn inert(path: &'static str) -> Key {
    key(path, Kind::Anything, None, "Of earlier versions, without effect")
}

const SECONDS: Kind = Kind::Number(0, CENTURY);
const COUNT: Kind = Kind::Number(0, u32::MAX as i64);

/// A log that is cut below this tells nothing.
const LEAST_LOG: u64 = 64 << 10;

/// The table.
pub const KEYS: &[Key] = &[
    key(
        "schema_version",
        Kind::Number(i64::MIN, i64::MAX),
        None,
        "The version of the file format; 2 is the current one",
    ),
    key("data_dir", Kind::Text, Some("\"~/.local/share/rally\""), "Where the transcripts of agents go"),
    key(
        "run_hooks_on_autocommit",
        Kind::Flag,
        Some("false"),
        "Whether the commits that rally makes run git hooks",
    ),
    // Written into every user file by the earlier program, never used by it.
    inert("laps_instructions"),
    key(
        "defaults.iterations",
        Kind::Number(1, i64::MAX),
        None,
        "Successful runs of a relay when --iterations is not given",
    ),
    key("defaults.mix", Kind::Text, None, "Who works when --agent is not given, like \"cc:2 cx\""),
    key("defaults.claude_model", Kind::Text, None, "The model of claude when none is named"),
    key("defaults.codex_model", Kind::Text, None, "The model of codex when none is named"),
    key("defaults.gemini_model", Kind::Text, None, "The model of gemini when none is named"),
    key("defaults.opencode_model", Kind::Text, None, "The model of opencode when none is named"),
    key("defaults.antigravity_model", Kind::Text, None, "The model of antigravity when none is named"),
    renamed("claude_model", Kind::Text, "defaults.claude_model"),
    renamed("codex_model", Kind::Text, "defaults.codex_model"),
    renamed("gemini_model", Kind::Text, "defaults.gemini_model"),
    renamed("opencode_model", Kind::Text, "defaults.opencode_model"),
    renamed("antigravity_model", Kind::Text, "defaults.antigravity_model"),
    key(
        "laps.instructions_file",
        Kind::Text,
        None,
        "What agents are told while they work on laps, instead of the project's instructions",
    ),
    key("free_run.prompt_file", Kind::Text, None, "The task of a relay without a prompt and without laps"),
    renamed("fallback.instructions_file", Kind::Text, "free_run.prompt_file"),
    number(
        "reliability.freeze_threshold_secs",
        SECONDS,
        "900",
        "Silence after which an agent without a connection counts as frozen",
    ),
    renamed("reliability.stall_threshold_secs", SECONDS, "reliability.freeze_threshold_secs"),
    number(
        "reliability.network_silence_secs",
        SECONDS,
        "300",
        "Silence after which an agent whose connections are dry counts as frozen",
    ),
    number("reliability.startup_timeout_secs", SECONDS, "120", "Time that an agent has for its first output"),
    key("reliability.liveness_probe", Kind::Flag, Some("false"), "Accepted, and without effect"),
    number("reliability.retry_budget", COUNT, "5", "Tries of a run"),
    key(
        "reliability.retry_backoff_secs",
        SECONDS,
        Some("2"),
        "Pause before the second try, doubled for each further one; 0 is no pause",
    ),
    number("reliability.retry_patience_secs", SECONDS, "300", "How long a CLI may retry by itself"),
    number("reliability.run_timeout_secs", SECONDS, "4500", "Time of a run, all its tries together"),
    number("reliability.try_timeout_secs", SECONDS, "3600", "Time of one try"),
    number(
        "reliability.handoff_timeout_secs",
        SECONDS,
        "300",
        "Time that an agent has to hand over when its run is out of time",
    ),
    number("reliability.recent_try_count", COUNT, "5", "Earlier tries that a prompt sums up"),
    key(
        "reliability.recent_try_char_limit",
        COUNT,
        Some("0"),
        "Characters per summed-up try; 0 is unlimited",
    ),
    key(
        "reliability.recent_context_char_limit",
        COUNT,
        Some("0"),
        "Characters of all summed-up tries together; 0 is unlimited",
    ),
    number(
        "reliability.max_wait_secs",
        SECONDS,
        "0",
        "Longest wait for a runner to come back, a longer one ends the pass; 0 waits as long as it takes",
    ),
    number("reliability.max_failed_runs", COUNT, "5", "Failed runs in a row that end a pass"),
    key(
        "reliability.require_changes",
        Kind::Flag,
        Some("true"),
        "Whether a run that quickly ends without a change has failed",
    ),
    key(
        "reliability.chars_per_token.*",
        Kind::Fraction,
        None,
        "Bytes that this harness prints per token, from which tokens are guessed until it tells them; by itself \
         rally takes 3.5 for claude, 4 for the other four, and guesses nothing for a harness with a command",
    ),
    key(
        "logs.mask_transcripts",
        Kind::Flag,
        Some("false"),
        "Whether secrets of the environment are masked in transcripts, too",
    ),
    key(
        "logs.keep_days",
        Kind::Number(1, 36_500),
        None,
        "Days after which the logs of tries and relays are deleted; only your own file can say it",
    ),
    key(
        "logs.keep_bytes",
        Kind::Size(1),
        None,
        "How large all logs of a workspace may be together, like \"2GiB\", before the oldest are deleted; only your \
         own file can say it",
    ),
    key(
        "logs.try_max_bytes",
        Kind::Size(LEAST_LOG),
        None,
        "How large the log of one try may be, like \"256MiB\", before its middle is left out; only your own file can \
         say it",
    ),
    key(
        "logs.relay_max_bytes",
        Kind::Size(LEAST_LOG),
        None,
        "How large the log of a relay may be, like \"10MiB\", before another one is begun, with five old ones kept; \
         only your own file can say it",
    ),
    key(
        "harness.*.base",
        Kind::Text,
        None,
        "The built-in harness that this one is built on, for a second account of it",
    ),
    key(
        "harness.*.command",
        Kind::List,
        None,
        "Program and arguments of an agent CLI; $PROMPT is the prompt, which else goes to standard input",
    ),
    key(
        "harness.*.model_flag",
        Kind::Text,
        None,
        "The flag that the model stands behind; empty passes it as the last argument",
    ),
    key("harness.*.effort", Kind::Text, None, "The reasoning effort to ask for"),
    key("harness.*.args", Kind::List, None, "Further arguments"),
    key(
        "harness.*.env.*",
        Kind::Text,
        None,
        "A variable of the environment; ~/ at the start is the home directory",
    ),
    key(
        "harness.*.output_strategy",
        Kind::OneOf(&["tail"]),
        Some("\"tail\""),
        "Which part of the output is kept",
    ),
    number("harness.*.output_lines", Kind::Number(0, 100_000), "40", "Lines of output that are kept"),
    key(
        "harness.*.tail_stream",
        Kind::OneOf(&["stdout", "stderr", "combined"]),
        Some("\"combined\""),
        "Which output is the answer",
    ),
    key("harness.*.models.*", Kind::Text, None, "What is passed to the CLI for this name of a model"),
    key("routes.*", Kind::List, None, "Who works on this role, in this order, like [\"cc:opus\", \"cx:2\"]"),
    key(
        "reasoning.*",
        Kind::Text,
        None,
        "What this role wants of its runner: an effort like high, or the name of a model",
    ),
    key(
        "providers.*",
        Kind::List,
        None,
        "Runners that share one usage limit, like [\"cx\", \"op:openai/*\"]",
    ),
    key("providers.*.models", Kind::List, None, "Runners that share one usage limit"),
    key("providers.*.exclude", Kind::List, None, "Runners that are left out of it"),
    key("providers.*.disabled", Kind::Flag, Some("false"), "Whether nobody of this group is given work"),
    key(
        "sandbox.enabled",
        Kind::Flag,
        Some("false"),
        "Whether agents may write only to the workspace, their own home, temporary folders and what write names",
    ),
    key(
        "sandbox.required",
        Kind::Flag,
        Some("true"),
        "Whether a relay is refused where the kernel cannot confine agents; else it warns and goes on",
    ),
    key(
        "sandbox.write",
        Kind::List,
        None,
        "Where confined agents may write besides, like [\"~/.cargo\"]; only your own file can say it",
    ),
    // Of the earlier program; this one reports nothing to anybody.
    inert("telemetry"),
];

/// What a dotted key is.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// It has a value. Some are tables as well, see [`is_table`].
    Key(&'static Key),
    /// Only keys in it have values.
    Table,
    /// Nothing; with a hint such as `; did you mean retry_budget?`, or empty.
    Unknown(String),
}

/// Looks a key up as a user spells it.
pub fn find(path: &[String]) -> Found {
    match entry(path) {
        Some(key) => Found::Key(key),
        None if is_table(path) => Found::Table,
        None => Found::Unknown(super::likely(path)),
    }
}

/// Whether keys may stand in it.
pub fn is_table(path: &[String]) -> bool {
    KEYS.iter().any(|key| key.path.split('.').count() > path.len() && matches(key.path, path))
}

/// The row of a key.
pub(super) fn entry(path: &[String]) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path.split('.').count() == path.len() && matches(key.path, path))
}

/// Whether `path` is `key` or one of its tables.
pub(super) fn matches(key: &str, path: &[String]) -> bool {
    key.split('.').zip(path).all(|(pattern, segment)| pattern == "*" || pattern == segment)
}

/// The names that may stand in a table; old ones are not recommended.
pub fn names_in(parent: &[String]) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = KEYS
        .iter()
        .filter(|key| key.current.is_none() && matches(key.path, parent))
        .filter_map(|key| key.path.split('.').nth(parent.len()))
        .filter(|name| *name != "*")
        .collect();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::super::super::builtin::BUILTINS;
    use super::*;

    fn path(key: &str) -> Vec<String> {
        key.split('.').map(str::to_owned).collect()
    }

    #[test]
    fn every_built_in_harness_has_its_default_model() {
        for builtin in &BUILTINS {
            let current = format!("defaults.{}", builtin.model_key);
            assert!(matches!(find(&path(&current)), Found::Key(key) if key.kind == Kind::Text));
            assert!(
                matches!(find(&path(builtin.model_key)), Found::Key(key) if key.current == Some(&current))
            );
        }
    }

    #[test]
    fn keys_are_found_as_users_spell_them() {
        assert!(matches!(find(&path("routes.senior")), Found::Key(key) if key.path == "routes.*"));
        assert!(matches!(find(&path("providers.zen")), Found::Key(key) if key.path == "providers.*"));
        assert!(is_table(&path("providers.zen")));
        assert_eq!(find(&path("harness.work")), Found::Table);
        assert_eq!(find(&path("harness.work.env")), Found::Table);
        assert_eq!(
            find(&path("reliability.retry_buget")),
            Found::Unknown("; did you mean retry_budget?".to_owned())
        );
        assert_eq!(find(&path("routes.a.b")), Found::Unknown(String::new()));
    }
}
