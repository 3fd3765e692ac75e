//! Which harnesses there are.

use std::collections::BTreeMap;
use std::ffi::OsStr;

use super::Executor;
use crate::model::Runner;

/// Runs a program with variables and arguments, briefly, and returns what it printed.
pub type AskProgram<'a> = &'a dyn Fn(&OsStr, &[(String, String)], &[&str]) -> Option<String>;

/// Executors by harness name.
#[derive(Debug, Default)]
pub struct Registry {
    executors: BTreeMap<String, Box<dyn Executor>>,
}

impl Registry {
    /// Adds an executor under its own name; one of the same name is replaced.
    pub fn insert(&mut self, executor: Box<dyn Executor>) {
        self.executors.insert(executor.harness().to_owned(), executor);
    }

    /// The executor of a harness.
    pub fn get(&self, harness: &str) -> Option<&dyn Executor> {
        self.executors.get(harness).map(Box::as_ref)
    }

    /// From which quota a runner draws, as far as its harness can tell; one that is not here is a quota of its own.
    pub fn quota_scope(&self, runner: &Runner) -> String {
        match self.get(&runner.harness) {
            Some(executor) => executor.quota_scope(runner.model.as_deref()),
            None => runner.harness.clone(),
        }
    }

    /// Lets the executor of a harness ask its installed CLI what it can do.
    pub fn learn(&mut self, harness: &str, ask: AskProgram<'_>) {
        if let Some(executor) = self.executors.get_mut(harness) {
            let spec = executor.spec().clone();
            executor.learn(&|args| ask(spec.program.as_ref(), &spec.extra_env, args));
        }
    }

    /// Lets every executor take back what a crash has left; says what was done.
    pub fn repair(&self) -> Vec<String> {
        self.executors.values().flat_map(|executor| executor.repair()).collect()
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.executors.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::{Custom, CustomSpec, HarnessSpec, Request, Stream, TailStream, built_in};
    use crate::model::{Cli, Exit, Timestamp};

    /// The first version tells its session in its log alone; this is the help of a later one's stand-in.
    const ANTIGRAVITY_HELP: &str = include_str!("../../tests/fixtures/antigravity/stand-in.help.txt");

    fn every_executor() -> Registry {
        let mut registry = Registry::default();
        registry.insert(built_in(Cli::Claude, HarnessSpec::plain("claude", "claude")));
        registry.insert(built_in(Cli::Claude, HarnessSpec::plain("work", "claude")));
        registry.insert(built_in(Cli::Opencode, HarnessSpec::plain("opencode", "opencode")));
        registry.insert(built_in(Cli::Codex, HarnessSpec::plain("codex", "codex")));
        registry.insert(built_in(Cli::Gemini, HarnessSpec::plain("gemini", "gemini")));
        // Versions differ: one that was asked, and one that was not.
        registry.learn("gemini", &|_, _, _| Some("0.61.0".to_owned()));
        registry.insert(built_in(Cli::Gemini, HarnessSpec::plain("unasked", "gemini")));
        registry.insert(built_in(Cli::Antigravity, HarnessSpec::plain("antigravity", "agy")));
        registry.learn("antigravity", &|_, _, _| Some(ANTIGRAVITY_HELP.to_owned()));
        registry.insert(Box::new(Custom::new(CustomSpec {
            name: "mine".into(),
            command: vec!["agent".into()],
            model_flag: None,
            output_lines: 40,
            tail_stream: TailStream::Combined,
            args: vec![],
            env: vec![],
        })));
        registry
    }

    // 10-Q1 to Q3; 10-10
    #[test]
    fn every_harness_knows_what_shares_a_quota() {
        let mut registry = every_executor();
        registry.insert(built_in(Cli::Antigravity, HarnessSpec::plain("Second", "agy")));
        registry.insert(built_in(Cli::Opencode, HarnessSpec::plain("zen", "opencode")));
        registry.insert(built_in(Cli::Codex, HarnessSpec::plain("WorkCodex", "codex")));
        for (harness, model, scope) in [
            ("antigravity", Some("Gemini 3.5 Flash (High)"), "antigravity:flash"),
            ("antigravity", Some("gemini-3-FLASH-lite"), "antigravity:flash"),
            ("antigravity", Some("Gemini 3 Pro"), "antigravity:pro"),
            ("antigravity", Some("Claude Opus 4.6 (Thinking)"), "antigravity:claude"),
            // The first family that is found counts.
            ("antigravity", Some("Claude Pro Flash"), "antigravity:claude"),
            ("antigravity", Some("Pro Flash"), "antigravity:flash"),
            ("antigravity", Some("GPT-OSS 120B"), "antigravity:gpt-oss 120b"),
            ("antigravity", None, "antigravity"),
            ("Second", Some("Gemini 3 Pro"), "Second:pro"),
            ("opencode", Some("opencode-go/kimi-k2.6"), "opencode:opencode-go"),
            ("opencode", Some("openrouter/moonshot/kimi"), "opencode:openrouter"),
            ("opencode", Some("plain"), "opencode:plain"),
            ("opencode", None, "opencode"),
            ("zen", Some("zai/glm"), "zen:zai"),
            ("claude", Some("claude-opus-4-7"), "claude"),
            ("claude", Some("odd/slash"), "claude"),
            ("claude", None, "claude"),
            ("work", Some("claude-opus-4-7"), "work"),
            ("codex", Some("gpt-5.5"), "codex"),
            ("WorkCodex", Some("a/b"), "WorkCodex"),
            ("gemini", Some("gemini-3-pro"), "gemini"),
            ("mine", Some("a/b"), "mine"),
        ] {
            assert_eq!(registry.get(harness).unwrap().quota_scope(model), scope, "{harness} {model:?}");
        }
    }

    /// A recording of each harness that claims to resume, and the session in it.
    fn recording(harness: &str) -> (&'static str, &'static str) {
        match harness {
            "claude" | "work" => ("claude/ok.jsonl", "92025d41-e24c-43d2-8774-fec03b1ea385"),
            "opencode" => ("opencode/tool.stdout", "ses_df82aa2e5ffehnBRcq5XtMzqUB"),
            "codex" => ("codex/ok.jsonl", "01a204c6-3fba-7512-9bbd-046461ccd229"),
            "gemini" => ("gemini/resume1.jsonl", "c24d8b64-6af9-4877-9426-5afca12ede69"),
            // Of a stand-in: the CLI itself could not be had.
            "antigravity" => ("antigravity/stand-in.jsonl", "8eb5b287-eadb-4fc6-ae08-000000000001"),
            other => panic!("{other} claims to resume sessions: add a recording that proves it"),
        }
    }

    // 20-AF-EX-02, 20-AF-EX-03, 20-AF-EX-07
    #[test]
    fn who_claims_to_resume_captures_the_session_and_passes_it_back() {
        let registry = every_executor();
        for name in registry.names() {
            let executor = registry.get(name).unwrap();
            assert_eq!(executor.harness(), name);
            let request = |resume| Request { resume, ..Request::new("go on", "/w".as_ref(), "/s".as_ref()) };
            let fresh = executor.invocation(&request(None)).unwrap();
            if !executor.capabilities().resume {
                assert_eq!(executor.invocation(&request(Some("any"))).unwrap(), fresh, "{name}");
                continue;
            }
            let (file, session) = recording(name);
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/");
            let output = std::fs::read(format!("{folder}{file}")).unwrap();
            let mut parser = executor.parser(&request(None));
            parser.feed(Stream::Stdout, &output, &mut Vec::new());
            let captured = parser.finish(Some(Exit::Code(1)), Timestamp::UNIX_EPOCH).session_id.unwrap();
            assert_eq!(captured, session);
            let resumed = executor.invocation(&request(Some(&captured))).unwrap();
            assert!(resumed.args.iter().any(|arg| arg == session), "{name}: {:?}", resumed.args);
            assert!(!fresh.args.iter().any(|arg| arg == "--resume" || arg == "--conversation"), "{name}");
        }
        assert!(registry.get("nonesuch").is_none());
    }

    // 10-Q1 to Q3; 20-AF-QS-01 to 20-AF-QS-03, 20-AF-PO-12. A runner without a model draws on the account as a whole.
    #[test]
    fn who_shares_a_quota() {
        let mut registry = every_executor();
        registry.insert(built_in(Cli::Opencode, HarnessSpec::plain("Zen", "opencode")));
        registry.insert(built_in(Cli::Antigravity, HarnessSpec::plain("second", "agy")));
        registry.insert(built_in(Cli::Codex, HarnessSpec::plain("Spare", "codex")));
        for (harness, model, scope) in [
            ("antigravity", Some("Gemini 3.5 Flash (High)"), "antigravity:flash"),
            ("antigravity", Some("gemini 3.5 FLASH (low)"), "antigravity:flash"),
            ("antigravity", Some("Gemini 3.1 Pro (High)"), "antigravity:pro"),
            ("antigravity", Some("Claude Sonnet 4.6 (Thinking)"), "antigravity:claude"),
            ("antigravity", Some("CLAUDE OPUS"), "antigravity:claude"),
            ("antigravity", Some("GPT-OSS 120B (Medium)"), "antigravity:gpt-oss 120b (medium)"),
            ("antigravity", Some("flash-2.0-preview"), "antigravity:flash"),
            ("antigravity", Some("Some Unknown Model"), "antigravity:some unknown model"),
            ("antigravity", None, "antigravity"),
            ("opencode", Some("zai-coding-plan/glm-5.1"), "opencode:zai-coding-plan"),
            ("opencode", Some("openrouter/moonshotai/kimi-k2:free"), "opencode:openrouter"),
            ("opencode", Some("bare-model"), "opencode:bare-model"),
            ("opencode", Some("provider-org/model-family/variant"), "opencode:provider-org"),
            ("opencode", None, "opencode"),
            ("claude", Some("claude-opus-4-7"), "claude"),
            ("claude", Some("stray/slash"), "claude"),
            ("claude", None, "claude"),
            ("codex", Some("gpt-5.5"), "codex"),
            ("gemini", Some("gemini-3-flash-preview"), "gemini"),
            // Of the user's own: the name as spelled, also for a second account of a built-in one.
            ("mine", Some("a/b"), "mine"),
            ("work", Some("claude-opus-4-7"), "work"),
            ("Spare", Some("gpt-5.5"), "Spare"),
            ("Zen", Some("zai/glm"), "Zen:zai"),
            ("second", Some("Gemini 3.5 Flash"), "second:flash"),
        ] {
            assert_eq!(registry.get(harness).unwrap().quota_scope(model), scope, "{harness} {model:?}");
        }
    }
}
