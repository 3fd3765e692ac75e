//! The configuration, loaded from real files.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use pretty_assertions::assert_eq;
use proptest::prelude::*;
use rally::config::{self, Config, ConfigError, Env, TailStream, edit};

mod all;
mod checks;
mod files;

/// Sets a dotted key to a value, or removes it with `None`; says whether anything changed.
fn set(file: &Path, key: &str, value: Option<toml_edit::Value>) -> Result<bool, edit::EditError> {
    let path = edit::path(key)?;
    let edit = match value {
        Some(value) => edit::Edit::Set(path, value),
        None => edit::Edit::Unset(path),
    };
    let draft = edit::Draft::open(file)?;
    draft.save(&draft.with(&[edit])?)
}

/// A home and a workspace with the configuration files that a test writes.
struct Files {
    root: tempfile::TempDir,
    env: Env,
}

impl Files {
    fn new(user: &str, repository: &str) -> Files {
        let root = tempfile::tempdir().unwrap();
        let env = Env { home: Some(root.path().join("home")), ..Env::default() };
        let files = Files { root, env };
        for (path, text) in [(files.env.user_file().unwrap(), user), (files.repository(), repository)] {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            if !text.is_empty() {
                std::fs::write(path, text).unwrap();
            }
        }
        files
    }

    fn workspace(&self) -> PathBuf {
        self.root.path().join("repo")
    }

    fn repository(&self) -> PathBuf {
        config::repository_file(&self.workspace())
    }

    fn load(&self) -> Result<config::Loaded, ConfigError> {
        config::load(&self.workspace(), &self.env)
    }

    /// Warnings, one a line, with the folder of the test left out.
    fn warnings(&self) -> String {
        let warnings = self.load().unwrap().warnings;
        self.plain(&warnings.iter().map(|warning| format!("{warning}\n")).collect::<String>())
    }

    fn error(&self) -> String {
        self.plain(&self.load().unwrap_err().to_string())
    }

    fn plain(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.root.path().display()), "")
    }
}

fn repository(text: &str) -> Files {
    Files::new("", text)
}

fn load(text: &str) -> Config {
    repository(text).load().unwrap().config
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

// 10-C17
#[test]
fn without_files_everything_has_its_default() {
    let files = Files::new("", "");
    let loaded = files.load().unwrap();
    assert_eq!(loaded.warnings, []);
    let data_dir = files.root.path().join("home/.local/share/rally");
    assert_eq!(loaded.config, Config::with_data_dir(data_dir));
    let reliability = loaded.config.reliability;
    // 10-C4 (defaults), 10-C5
    assert_eq!(reliability.freeze_threshold, secs(900));
    assert_eq!(reliability.retry_budget, 5);
    assert!(!reliability.liveness_probe);
    assert_eq!(reliability.run_timeout, secs(4500));
    assert_eq!(reliability.try_timeout, secs(3600));
    assert_eq!(reliability.handoff_timeout, secs(300));
    assert_eq!(reliability.network_silence, secs(300));
    assert_eq!(reliability.startup_timeout, secs(120));
    assert_eq!(reliability.retry_backoff, secs(2));
    assert_eq!(reliability.retry_patience, secs(300));
    assert_eq!(reliability.max_failed_runs, 5);
    assert_eq!(reliability.recent_try_count, 5);
    assert!(reliability.require_changes);
}

pub const EVERY_KEY: &str = r#"
schema_version = 2
data_dir = "~/data"
run_hooks_on_autocommit = true
laps_instructions = "inert"

[defaults]
iterations = 10
mix = "cc cx"
claude_model = "claude-haiku-4-5"
codex_model = "gpt-5.4-mini"
gemini_model = "gemini-3-flash-preview"
opencode_model = "opencode/big-pickle"
antigravity_model = "Gemini 3.5 Flash (High)"

[laps]
instructions_file = "docs/laps.md"

[free_run]
prompt_file = "/abs/prompt.md"

[reliability]
freeze_threshold_secs = 60
network_silence_secs = 61
startup_timeout_secs = 62
liveness_probe = false
retry_budget = 7
retry_backoff_secs = 0
retry_patience_secs = 63
run_timeout_secs = 1800
try_timeout_secs = 1500
handoff_timeout_secs = 300
recent_try_count = 3
recent_try_char_limit = 1000
recent_context_char_limit = 5000
max_failed_runs = 9
require_changes = false
chars_per_token = { claude = 3.25, cx = 5, droid = 6 }

[harness.droid]
command = ["droid", "exec", "$PROMPT"]
model_flag = ""
args = ["--quiet"]
env = { DROID_HOME = "~/.droid" }
output_strategy = "tail"
output_lines = 100
tail_stream = "stderr"
[harness.droid.models]
v1 = "droid-v1"

[harness.work]
base = "claude"
args = ["--verbose"]
[harness.work.env]
CLAUDE_CONFIG_DIR = "~/.claude-work"
[harness.work.models]
opus = "claude-opus-4-7"

[harness.cc]
args = ["--debug"]
models = { opus = "opus" }

[routes]
default = ["cc:2"]
planner = ["cc:opus:1", "cx:3", "op:z"]

[reasoning]
VERIFY = " high "

[providers]
codex = ["cx"]
[providers.zen]
models = ["op:*"]
exclude = ["op:z"]
disabled = true

[telemetry]
enabled = true
new_relic_app_name = "x"
new_relic_host_display_name = "y"
new_relic_license_key = "secret"
"#;

// 10-C2, C6, C12, C13, C14, C24, C27, C33; C30 is void
#[test]
fn every_documented_key_loads_without_a_word() {
    let files = repository(EVERY_KEY);
    assert_eq!(files.warnings(), "");
    let config = files.load().unwrap().config;
    let home = files.root.path().join("home");

    assert_eq!(config.schema_version, 2);
    assert_eq!(config.data_dir, home.join("data"));
    assert!(config.run_hooks_on_autocommit);
    assert_eq!(config.defaults.iterations, Some(10));
    assert_eq!(config.defaults.mix.as_deref(), Some("cc cx"));
    assert_eq!(config.defaults.models.len(), 5);
    assert_eq!(config.defaults.models["antigravity"], "Gemini 3.5 Flash (High)");
    assert_eq!(config.laps_instructions_file, Some(files.workspace().join("docs/laps.md")));
    assert_eq!(config.free_run_prompt_file, Some("/abs/prompt.md".into()));

    let reliability = &config.reliability;
    assert_eq!(reliability.freeze_threshold, secs(60));
    assert_eq!(reliability.network_silence, secs(61));
    assert_eq!(reliability.startup_timeout, secs(62));
    assert_eq!(reliability.retry_budget, 7);
    assert_eq!(reliability.retry_backoff, Duration::ZERO);
    assert_eq!(reliability.retry_patience, secs(63));
    assert_eq!(
        (reliability.run_timeout, reliability.try_timeout, reliability.handoff_timeout),
        (secs(1800), secs(1500), secs(300))
    );
    assert_eq!(reliability.recent_try_count, 3);
    assert_eq!(reliability.recent_try_char_limit, 1000);
    assert_eq!(reliability.recent_context_char_limit, 5000);
    assert_eq!(reliability.max_failed_runs, 9);
    assert!(!reliability.require_changes);

    let droid = &config.harnesses["droid"];
    assert_eq!(droid.command, ["droid", "exec", "$PROMPT"]);
    assert_eq!(droid.model_flag.as_deref(), Some(""));
    assert_eq!(config.harnesses["work"].model_flag, None);
    assert_eq!((droid.output_lines, droid.tail_stream), (100, TailStream::Stderr));
    assert_eq!(droid.models["v1"], "droid-v1");
    assert_eq!(droid.env["DROID_HOME"], format!("{}/.droid", home.display()));

    let work = config.launch("work");
    assert_eq!(work.builtin.map(|builtin| builtin.program), Some("claude"));
    assert_eq!(work.args, ["--debug", "--verbose"]);
    assert_eq!(work.env["CLAUDE_CONFIG_DIR"], format!("{}/.claude-work", home.display()));
    assert_eq!(config.launch("claude").args, ["--debug"]);
    assert_eq!(config.launch("droid").builtin, None);
    assert_eq!(config.launch("droid").args, ["--quiet"]);

    assert_eq!(config.routes["planner"].entries, ["cc:opus:1", "cx:3", "op:z"]);
    assert_eq!(config.reasoning["verify"].preference, "high");
    assert_eq!(config.providers["codex"].models, ["cx"]);
    assert_eq!(config.providers["zen"].exclude, ["op:z"]);
    assert!(config.providers["zen"].disabled);
    let line_of = |text: &str| 1 + EVERY_KEY.lines().position(|line| line == text).unwrap();
    assert_eq!(config.origin("reliability.retry_budget").unwrap().line, line_of("retry_budget = 7"));
    assert_eq!(config.origin("reliability.retry_budget").unwrap().file, files.repository());
    assert_eq!(config.origin("reasoning.verify").unwrap().line, line_of("VERIFY = \" high \""));
    assert_eq!(config.origin("reliability.nothing"), None);
}

#[test]
fn the_files_of_the_earlier_program_load() {
    let files = repository(
        "schema_version = 2\nlaps_instructions = ''\nrun_hooks_on_autocommit = false\ndata_dir = ''\n\
         [defaults]\niterations = 5\nmix = 'cc cx'\nclaude_model = ''\n\
         [reliability]\nstall_threshold_secs = 0\nretry_budget = 0\nrun_timeout_secs = 0\n\
         try_timeout_secs = 0\nhandoff_timeout_secs = 0\n\
         [telemetry]\nnew_relic_app_name = ''\n[harness.cc.models]\nopus = 'x'\n",
    );
    assert_eq!(files.warnings(), "");
    let config = files.load().unwrap().config;
    assert_eq!(config.data_dir, files.root.path().join("home/.local/share/rally"));
    // 10-C5: zero is the default
    assert_eq!(config.reliability, config::Reliability::default());
}

// The brief, 2c; 10-C11
#[test]
fn another_schema_version_is_a_warning() {
    let files =
        repository("schema_version = 99\n[defaults]\nmix = \"cc\"\nclaude_model = \"claude-haiku-*\"\n");
    assert!(
        files.warnings().starts_with("repo/.rally/config.toml:1: schema_version is 99, expected 2; "),
        "{}",
        files.warnings()
    );
    assert_eq!(files.load().unwrap().config.defaults.models["claude"], "claude-haiku-*");
    assert_eq!(repository("schema_version = 2\n").warnings(), "");
    assert_eq!(repository("schema_version = 0\n").warnings(), "");
    assert_eq!(load("").schema_version, 0);
}

// The brief, 2c; 10-C18
#[test]
fn a_harness_needs_a_proper_name() {
    let files = repository("schema_version = 2\n[harness.123bad]\ncommand = [\"echo\"]\n");
    assert_eq!(
        files.error(),
        "repo/.rally/config.toml:2: [harness.123bad]: invalid harness name \"123bad\"; \
         use a letter, then letters, digits, _ and -"
    );
    let error = repository("[harness.\"my bad\"]\ncommand = [\"x\"]\n").error();
    assert!(error.contains("invalid harness name \"my bad\""), "{error}");
}

// The brief, 2c; 10-C24
#[test]
fn routes_without_a_default_are_a_warning() {
    let text =
        "schema_version = 2\n[defaults]\nclaude_model = \"claude-haiku-*\"\n[routes]\nplanner = [\"cc:2\"]\n";
    let warnings = repository(text).warnings();
    assert!(warnings.starts_with("repo/.rally/config.toml:5: [routes]: no default route is configured"));
    assert_eq!(repository("[routes]\ndefault = [\"cc\"]\n").warnings(), "");
    assert_eq!(repository("[routes]\nDEFAULT = [\"cc\"]\n").warnings(), "");
    assert_eq!(repository("[routes]\n").warnings(), "");
    assert!(load("[routes]\n").routes.is_empty());
}

// 10-C1
#[test]
fn models_at_the_top_level_are_deprecated() {
    let files = repository("claude_model = 'a'\ncodex_model = 'b'\ngemini_model = ''\n");
    assert_eq!(
        files.warnings(),
        "repo/.rally/config.toml:1: claude_model at the top level is deprecated; move it to [defaults].claude_model\n\
         repo/.rally/config.toml:2: codex_model at the top level is deprecated; move it to [defaults].codex_model\n"
    );
    let models = files.load().unwrap().config.defaults.models;
    assert_eq!((models["claude"].as_str(), models["codex"].as_str()), ("a", "b"));
    assert_eq!(models.get("gemini"), None);
}

// 10-C3, 10-A13
#[test]
fn a_model_in_defaults_beats_one_at_the_top_level() {
    let files = repository("claude_model = 'old'\ncodex_model = 'b'\n[defaults]\nclaude_model = 'new'\n");
    assert!(files.warnings().contains("it is ignored beside [defaults].claude_model"));
    let models = files.load().unwrap().config.defaults.models;
    assert_eq!((models["claude"].as_str(), models["codex"].as_str()), ("new", "b"));
}

// D28: the stronger file wins whatever it spells
#[test]
fn a_deprecated_key_of_the_repository_beats_a_current_one_of_the_user() {
    let files = Files::new(
        "[defaults]\nclaude_model = 'user'\n[reliability]\nfreeze_threshold_secs = 60\n[free_run]\nprompt_file = 'u'\n",
        "claude_model = 'repo'\n[reliability]\nstall_threshold_secs = 90\n[fallback]\ninstructions_file = 'r'\n",
    );
    let config = files.load().unwrap().config;
    assert_eq!(config.defaults.models["claude"], "repo");
    assert_eq!(config.reliability.freeze_threshold, secs(90));
    assert_eq!(config.free_run_prompt_file, Some(files.workspace().join("r")));
    let origin = config.origin("reliability.freeze_threshold_secs").unwrap();
    assert_eq!((&origin.file, origin.line), (&files.repository(), 3));
}

// 20-AF-MO-13, 10-2.12
#[test]
fn bytes_per_token_are_configured_by_harness() {
    let files = repository(
        "[reliability.chars_per_token]\nclaude = 3.25\ncx = 5\nop = 0\ndroid = 6\nmy-cx = 2\n\
         [harness.droid]\ncommand = ['droid']\n[harness.goose]\ncommand = ['goose']\n\
         [harness.my-cx]\nbase = 'codex'\n[harness.your-cx]\nbase = 'codex'\n[harness.work]\nbase = 'gemini'\n",
    );
    assert_eq!(files.warnings(), "");
    let table = files.load().unwrap().config.chars_per_token();
    let table: Vec<(&str, f64)> = table.iter().map(|(name, figure)| (name.as_str(), *figure)).collect();
    assert_eq!(
        table,
        [
            ("antigravity", 4.0),
            ("claude", 3.25),
            ("codex", 5.0),
            ("droid", 6.0),
            ("gemini", 4.0),
            ("my-cx", 2.0),
            ("opencode", 4.0),
            ("work", 4.0),
            ("your-cx", 5.0),
        ]
    );
    let table = repository("").load().unwrap().config.chars_per_token();
    assert_eq!((table.len(), table["claude"], table["codex"]), (5, 3.5, 4.0));

    let strange = repository("[reliability]\nchars_per_token.codexx = 4\nchars_per_token.goose = 4.5\n");
    let warnings = strange.warnings();
    for told in [
        "config.toml:2: [reliability.chars_per_token].codexx names no harness and is ignored; did you mean codex?",
        "config.toml:3: [reliability.chars_per_token].goose names no harness and is ignored\n",
    ] {
        assert!(warnings.contains(told), "{warnings}");
    }
    for (value, told) in [
        ("{ claude = -1 }", "[reliability.chars_per_token].claude is -1, but must be at least 0; remove it"),
        ("{ claude = -0.5 }", "is -0.5, but must be at least 0"),
        ("{ claude = nan }", "is NaN, but must be at least 0"),
        ("{ claude = inf }", "is inf, but must be at least 0"),
        (
            "{ claude = '4' }",
            "[reliability.chars_per_token].claude must be a number, without quotes, found a string",
        ),
        ("4", "[reliability.chars_per_token] must be a table, found a number"),
    ] {
        let error = repository(&format!("[reliability]\nchars_per_token = {value}\n")).load().unwrap_err();
        let error = error.to_string();
        assert!(error.contains("config.toml:2: ") && error.contains(told), "{value}: {error}");
    }
}

// 10-C4; deviation: a liveness probe is accepted, warned about and inert
#[test]
fn both_spellings_of_the_freeze_threshold_work() {
    let files =
        repository("[reliability]\nstall_threshold_secs = 90\nliveness_probe = true\nretry_budget = 10\n");
    let config = files.load().unwrap().config;
    assert_eq!(config.reliability.freeze_threshold, secs(90));
    assert_eq!(config.reliability.retry_budget, 10);
    assert!(config.reliability.liveness_probe);
    assert!(files.warnings().contains("[reliability].liveness_probe does nothing"));

    let both = repository("[reliability]\nstall_threshold_secs = 90\nfreeze_threshold_secs = 60\n");
    assert_eq!(
        both.warnings(),
        "repo/.rally/config.toml:2: [reliability].stall_threshold_secs is ignored: \
         [reliability].freeze_threshold_secs on line 3 says otherwise; keep one of them\n"
    );
    assert_eq!(both.load().unwrap().config.reliability.freeze_threshold, secs(60));
    assert_eq!(
        repository("[reliability]\nstall_threshold_secs = 9\nfreeze_threshold_secs = 9\n").warnings(),
        ""
    );
}

// 10-C5 to C10. Deviation from C7 and C9: timeouts below 300 s are honoured as written, with a
// warning, instead of being rounded up. The handoff window still stays below run and try (C8, C10).
#[test]
fn timeouts_are_honoured_as_written() {
    for (run, try_, handoff, window, warnings) in [
        (1800, 1500, 300, 300, 0),
        (5000, 600, 600, 599, 1),
        (400, 5000, 450, 399, 1),
        (600, 500, 999, 499, 1),
        (1000, 1000, 300, 300, 0),
        (1000, 2000, 100, 100, 1),
        (3, 4, 2, 2, 3),
        (1, 2, 3, 1, 4),
        (1, 1, 1, 1, 4),
        (0, 0, 0, 300, 0),
    ] {
        let files = repository(&format!(
            "[reliability]\nrun_timeout_secs = {run}\ntry_timeout_secs = {try_}\nhandoff_timeout_secs = {handoff}\n"
        ));
        let loaded = files.load().unwrap();
        let reliability = loaded.config.reliability;
        let case = (run, try_, handoff);
        assert_eq!(reliability.run_timeout, secs(if run == 0 { 4500 } else { run }), "{case:?}");
        assert_eq!(reliability.try_timeout, secs(if try_ == 0 { 3600 } else { try_ }), "{case:?}");
        assert_eq!(reliability.handoff_timeout, secs(window), "{case:?}");
        assert_eq!(loaded.warnings.len(), warnings, "{case:?}: {:?}", loaded.warnings);
    }
    let short = repository("[reliability]\nrun_timeout_secs = 60\n").load().unwrap();
    assert_eq!(short.config.reliability.handoff_timeout, secs(59));
    assert_eq!(short.warnings.len(), 1, "the handoff window was not asked for");
    // Every warning names its key.
    assert_eq!(
        repository("[reliability]\nrun_timeout_secs = 1\ntry_timeout_secs = 2\nhandoff_timeout_secs = 3\n")
            .warnings(),
        "repo/.rally/config.toml:2: [reliability].run_timeout_secs is 1 s; below 300 s an agent may be cut while it thinks\n\
         repo/.rally/config.toml:3: [reliability].try_timeout_secs is 2 s; below 300 s an agent may be cut while it thinks\n\
         repo/.rally/config.toml:4: [reliability].handoff_timeout_secs is 3 s; below 300 s an agent may be cut while it thinks\n\
         repo/.rally/config.toml:4: [reliability].handoff_timeout_secs is 3 s, which does not fit into the shorter of run and \
         try timeout (1 s); 1 s are used\n"
    );
}

// 10-C31, C32, D26, D27
#[test]
fn the_repository_wins_key_by_key() {
    let files = Files::new(
        "[defaults]\nclaude_model = 'user-claude'\ncodex_model = 'user-codex'\ngemini_model = 'user-gemini'\niterations = 3\n\
         [routes]\nJunior = ['op']\nsenior = ['cc']\ndefault = ['cc']\n\
         [harness.cc.models]\nopus = 'user-opus'\nsonnet = 'user-sonnet'\n\
         [providers]\nCodex = ['cx']\n[reasoning]\nverify = 'low'\n[reliability]\nrequire_changes = true\n",
        "[defaults]\nclaude_model = 'repo-claude'\ncodex_model = ''\n[routes]\njunior = ['cx']\n\
         [harness.cc.models]\nopus = 'repo-opus'\n\
         [providers.codex]\ndisabled = true\n[reasoning]\nVERIFY = 'high'\n[reliability]\nrequire_changes = false\n",
    );
    assert_eq!(files.warnings(), "");
    let config = files.load().unwrap().config;
    assert_eq!(config.defaults.models["claude"], "repo-claude");
    assert_eq!(config.defaults.models["gemini"], "user-gemini");
    assert_eq!(config.defaults.models.get("codex"), None, "an empty string overrides");
    assert_eq!(config.defaults.iterations, Some(3));
    assert_eq!(config.routes["junior"].entries, ["cx"]);
    assert_eq!(config.routes["junior"].name, "junior");
    assert_eq!(config.routes["senior"].entries, ["cc"]);
    assert_eq!(config.harnesses["cc"].models["opus"], "repo-opus");
    assert_eq!(config.harnesses["cc"].models["sonnet"], "user-sonnet");
    assert_eq!((config.providers["codex"].models.len(), config.providers["codex"].disabled), (1, true));
    assert_eq!(config.reasoning["verify"].preference, "high");
    assert!(!config.reliability.require_changes);
    assert_eq!(config.origin("harness.cc.models.sonnet").unwrap().file, files.env.user_file().unwrap());
    assert_eq!(config.origin("harness.cc.models.opus").unwrap().file, files.repository());

    let user_only = Files::new("[defaults]\niterations = 4\n", "");
    assert_eq!(user_only.load().unwrap().config.defaults.iterations, Some(4));
}

// 10-C32
#[test]
fn the_xdg_directory_is_honoured() {
    let mut files = Files::new("[defaults]\niterations = 4\n", "");
    let xdg = files.root.path().join("xdg");
    std::fs::create_dir_all(xdg.join("rally")).unwrap();
    std::fs::write(xdg.join("rally/config.toml"), "[defaults]\niterations = 6\n").unwrap();
    files.env.xdg_config_home = Some(xdg);
    assert_eq!(files.load().unwrap().config.defaults.iterations, Some(6));
}

// 10-C29
#[test]
fn the_old_prompt_file_key_is_deprecated() {
    let alone = repository("[fallback]\ninstructions_file = 'old.md'\n");
    assert_eq!(
        alone.warnings(),
        "repo/.rally/config.toml:2: [fallback].instructions_file is deprecated; use [free_run].prompt_file\n"
    );
    assert_eq!(alone.load().unwrap().config.free_run_prompt_file, Some(alone.workspace().join("old.md")));
    let both = repository("[fallback]\ninstructions_file = 'old.md'\n[free_run]\nprompt_file = 'new.md'\n");
    assert_eq!(both.load().unwrap().config.free_run_prompt_file, Some(both.workspace().join("new.md")));
    assert_eq!(both.warnings(), alone.warnings());
}

#[test]
fn a_home_is_needed_only_where_it_is_used() {
    let mut files = repository("schema_version = 2\n");
    files.env.home = None;
    let error = files.error();
    assert!(error.contains("no home directory") && error.contains("set HOME"), "{error}");
    files.env.rally_data_dir = Some("/data".into());
    assert_eq!(files.load().unwrap().config.data_dir, PathBuf::from("/data"));
    files.env.rally_data_dir = Some("~/data".into());
    assert!(files.error().contains("the ~ in RALLY_DATA_DIR"), "{}", files.error());
}

#[test]
fn relative_paths_hang_off_the_workspace() {
    let mut files = repository("data_dir = 'var/rally'\n");
    assert_eq!(files.load().unwrap().config.data_dir, files.workspace().join("var/rally"));
    files.env.rally_data_dir = Some("over".into());
    assert_eq!(files.load().unwrap().config.data_dir, files.workspace().join("over"));
    let home = repository("data_dir = '~'\n");
    assert_eq!(home.load().unwrap().config.data_dir, home.root.path().join("home"));
}

/// Bytes that often get past the parser: lines of a real file, shuffled and damaged.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let lines: Vec<&'static str> = EVERY_KEY.lines().collect();
    let chosen = proptest::collection::vec(proptest::sample::select(lines), 0..30);
    (chosen, proptest::collection::vec((any::<u16>(), any::<u8>()), 0..3)).prop_map(|(lines, damage)| {
        let mut bytes = lines.join("\n").into_bytes();
        for (at, byte) in damage {
            if !bytes.is_empty() {
                let at = usize::from(at) % bytes.len();
                bytes[at] = byte;
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_in_a_file_makes_the_loader_panic(
        bytes in prop_oneof![proptest::collection::vec(any::<u8>(), 0..200), damaged()],
    ) {
        let files = repository("x");
        std::fs::write(files.repository(), &bytes).unwrap();
        match files.load() {
            Ok(loaded) => prop_assert!(loaded.warnings.iter().all(|warning| warning.origin.is_some())),
            Err(ConfigError::Invalid(errors)) => {
                prop_assert!(!errors.is_empty());
                prop_assert!(errors.iter().all(|error| error.origin.is_some()));
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
        // An edit never makes a readable file unreadable.
        if set(&files.repository(), "reliability.retry_budget", Some(4.into())).is_ok() {
            let text = std::fs::read_to_string(files.repository()).unwrap();
            prop_assert!(text.parse::<toml_edit::DocumentMut>().is_ok(), "{text:?}");
            set(&files.repository(), "reliability.retry_budget", None).unwrap();
        }
    }
}
