//! The four CLIs: how each is told where the mock is, and how it is run without rally.

use std::fmt;
use std::process::Command;

use serde_json::{Map, Value, json};

use super::support::Sandbox;

/// An agent CLI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cli {
    Claude,
    Codex,
    Gemini,
    Opencode,
}

impl Cli {
    pub const ALL: [Cli; 4] = [Cli::Claude, Cli::Codex, Cli::Gemini, Cli::Opencode];

    /// Its program, which is also its harness name.
    pub fn name(self) -> &'static str {
        match self {
            Cli::Claude => "claude",
            Cli::Codex => "codex",
            Cli::Gemini => "gemini",
            Cli::Opencode => "opencode",
        }
    }

    /// What it is called in a mix.
    pub fn alias(self) -> &'static str {
        match self {
            Cli::Claude => "cc",
            Cli::Codex => "cx",
            Cli::Gemini => "ge",
            Cli::Opencode => "op",
        }
    }

    /// The model that tests ask for, as the CLI wants it spelt. Each is one that the CLI knows and
    /// that is not its default. Codex offers a plain shell tool to this one, and not to every newer one;
    /// Gemini CLI heeds `maxAttempts` for this one, and has a retry policy of its own for newer ones.
    pub fn model(self) -> &'static str {
        match self {
            Cli::Claude => "claude-haiku-4-5",
            Cli::Codex => "gpt-5.5",
            Cli::Gemini => "gemini-2.5-pro",
            Cli::Opencode => "mock/m2",
        }
    }

    /// The same model as the server hears of it.
    pub fn model_at_server(self) -> &'static str {
        self.model().trim_start_matches("mock/")
    }

    /// What the command line looks like that rally uses in essence.
    pub fn arguments(self, prompt: &str, resume: Option<&str>) -> Vec<String> {
        let (resume_flag, session) = match resume {
            Some(session) => (true, session),
            None => (false, ""),
        };
        let mut words: Vec<&str> = match self {
            Cli::Claude => {
                vec![
                    "-p",
                    prompt,
                    "--output-format",
                    "stream-json",
                    "--verbose",
                    "--dangerously-skip-permissions",
                ]
            }
            Cli::Codex => vec!["exec", "--json", "--dangerously-bypass-approvals-and-sandbox"],
            Cli::Gemini => vec!["-p", prompt, "--output-format", "stream-json", "--yolo"],
            Cli::Opencode => vec!["run", prompt, "--format", "json"],
        };
        words.extend(["--model", self.model()]);
        if resume_flag {
            words.extend(match self {
                Cli::Claude | Cli::Gemini => ["--resume", session],
                Cli::Codex => ["resume", session],
                Cli::Opencode => ["--session", session],
            });
        }
        if self == Cli::Codex {
            words.push(prompt);
        }
        words.into_iter().map(str::to_owned).collect()
    }

    /// Where its stream tells the session.
    pub fn session_key(self) -> &'static str {
        match self {
            Cli::Claude | Cli::Gemini => "session_id",
            Cli::Codex => "thread_id",
            Cli::Opencode => "sessionID",
        }
    }

    /// What it needs to work when nobody can be asked. rally sets this by itself.
    pub fn permit(self, command: &mut Command) {
        match self {
            Cli::Claude | Cli::Codex => {}
            Cli::Gemini => {
                // Without relaunch it is one process, which a signal meets whole.
                command.env("GEMINI_CLI_TRUST_WORKSPACE", "true").env("GEMINI_CLI_NO_RELAUNCH", "true");
            }
            Cli::Opencode => _ = command.env("OPENCODE_PERMISSION", r#"{"*":"allow"}"#),
        }
    }

    /// Points it at a model server, once, by files and variables, and lets it phone nobody else.
    /// Where it can be told to, it does not retry by itself: a test of a failure is then short.
    pub fn aim(self, sandbox: &Sandbox, url: &str, command: &mut Command) {
        let config = |path: &str, text: &str| {
            let path = sandbox.home().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        match self {
            Cli::Claude => {
                command
                    .env("ANTHROPIC_BASE_URL", url)
                    .env("ANTHROPIC_API_KEY", "dummy-key")
                    // As root the CLI wants to be told that it is in a sandbox, which it is.
                    .env("IS_SANDBOX", "1")
                    .env("CLAUDE_CODE_MAX_RETRIES", "0")
                    .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
                    .env("DISABLE_TELEMETRY", "1")
                    .env("DISABLE_ERROR_REPORTING", "1")
                    .env("DISABLE_AUTOUPDATER", "1");
            }
            Cli::Codex => {
                config(".codex/config.toml", &codex_config(url));
                command.env("MOCK_API_KEY", "dummy-key");
            }
            Cli::Gemini => {
                config(".gemini/settings.json", &gemini_settings().to_string());
                command.env("GOOGLE_GEMINI_BASE_URL", url).env("GEMINI_API_KEY", "dummy-key");
            }
            Cli::Opencode => {
                aim_opencode(sandbox, &[("mock", url)]);
                command.env("OPENCODE_DISABLE_AUTOUPDATE", "1").env("OPENCODE_DISABLE_MODELS_FETCH", "1");
            }
        }
    }
}

impl fmt::Display for Cli {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Makes Claude a subscriber: nobody else has windows, and a quota that is used up.
pub fn subscribe(command: &mut Command) {
    command.env_remove("ANTHROPIC_API_KEY").env("CLAUDE_CODE_OAUTH_TOKEN", "dummy-token");
}

/// Gives opencode providers by name and address. Titles of sessions are made by the last.
pub fn aim_opencode(sandbox: &Sandbox, providers: &[(&str, &str)]) {
    let folder = sandbox.home().join(".config/opencode");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("opencode.json"), opencode_config(providers).to_string()).unwrap();
}

/// Without `plugins = false` it asks github.com for some at every start.
fn codex_config(url: &str) -> String {
    format!(
        "model_provider = \"mock\"\ncheck_for_update_on_startup = false\n\n\
         [analytics]\nenabled = false\n\n[features]\nplugins = false\n\n\
         [model_providers.mock]\nname = \"mock\"\nbase_url = \"{url}/v1\"\nenv_key = \"MOCK_API_KEY\"\n\
         wire_api = \"responses\"\nrequest_max_retries = 0\nstream_max_retries = 0\n"
    )
}

fn gemini_settings() -> Value {
    json!({
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "general": {"enableAutoUpdate": false, "enableAutoUpdateNotification": false, "maxAttempts": 1},
        "privacy": {"usageStatisticsEnabled": false},
        "telemetry": {"enabled": false},
    })
}

/// Every provider has two models: `m1`, and `m2` that takes an effort.
fn opencode_config(providers: &[(&str, &str)]) -> Value {
    let model = |name: &str| json!({"name": name, "tool_call": true, "limit": {"context": 1_000_000, "output": 8000}});
    let mut thinker = model("m2");
    thinker["reasoning"] = json!(true);
    thinker["variants"] = json!({"high": {"reasoningEffort": "high"}});
    let provider = |(name, url): &(&str, &str)| {
        let settings = json!({
            "npm": "@ai-sdk/openai-compatible", "name": name,
            "options": {"baseURL": format!("{url}/v1"), "apiKey": "dummy-key"},
            "models": {"m1": model("m1"), "m2": thinker.clone()},
        });
        ((*name).to_owned(), settings)
    };
    let (first, last) = (providers[0].0, providers[providers.len() - 1].0);
    json!({
        "$schema": "https://opencode.ai/config.json", "autoupdate": false, "share": "disabled",
        "model": format!("{first}/m1"), "small_model": format!("{last}/m1"),
        "provider": providers.iter().map(provider).collect::<Map<_, _>>(),
    })
}
