//! Work that succeeds, and what the provider and the records see of it.

use serde_json::{Value, json};

use super::{Settings, TWO_STEPS, WORD, footer, initialise, new_relay, rally, tries};
use crate::cli::Cli;
use crate::lab::Lab;
use crate::matrix::Found;
use crate::mock::{CACHED_TOKENS, INPUT_TOKENS, OUTPUT_TOKENS, REASONING_TOKENS};

// 10-Z1, 30-S1: the smoke test of the basic relay.
pub fn file(lab: &Lab, cli: Cli) -> Found {
    initialise(lab, &Settings::default());
    let prompt = "Create an empty file: MAKEFILE(smoke-test.txt|)";
    let done = lab.run(new_relay(lab, cli, "ok", prompt)).expect_code(0);
    assert_eq!(lab.sandbox.read("smoke-test.txt"), "");

    let [record] = tries(lab, &done);
    assert_eq!(record["completed"], true, "{record:#}");
    assert_eq!(record["outcome"], "completed");
    assert_eq!(record["agent_type"], cli.name());
    assert_eq!(record["model"], cli.model());
    assert!(record["session_id"].as_str().is_some_and(|id| id.len() >= 30), "{record:#}");
    assert_eq!(record["summary"], "DONE", "{record:#}");
    assert_eq!(record["tool_calls"], 1, "{record:#}");
    assert_eq!(record["exit"], json!({"code": 0}), "{record:#}");
    assert_eq!(record["files_changed"], json!(["smoke-test.txt"]));

    let hash = record["commit_hash"].as_str().unwrap();
    let committed = lab.sandbox.git(["show", "--name-only", "--format=", hash]);
    assert!(committed.lines().any(|path| path == "smoke-test.txt"), "{committed}");
    assert!(footer(&done, "✓ passed").contains(&hash[..7]), "{done:#?}");
    assert!(done.stdout.contains(&format!("[1/1] {cli} - {} - started ", cli.model())), "{done:#?}");
    assert!(done.stdout.ends_with("Relay complete.\n"), "{done:#?}");
    assert!(!done.stdout.contains('\x1b'), "{done:#?}");
    Found::Works
}

pub fn model(lab: &Lab, cli: Cli) -> Found {
    initialise(lab, &Settings::default());
    // Another one than the configured.
    let (model, at_server) = match cli {
        Cli::Claude => ("claude-sonnet-4-5", "claude-sonnet-4-5"),
        Cli::Codex => ("gpt-5.4", "gpt-5.4"),
        Cli::Gemini => ("gemini-3-flash-preview", "gemini-3-flash-preview"),
        Cli::Opencode => ("mock/m1", "m1"),
    };
    let agent = format!("{}:{model}", cli.alias());
    let args = ["relay", "--new", "--iterations", "1", "--agent", &agent, "MAKEFILE(made.txt|x)"];
    let done = lab.run(rally(lab, "ok", "model", &args)).expect_code(0);
    let turns = lab.mock.turns("model");
    assert!(turns.len() == 2 && turns.iter().all(|turn| turn.model == at_server), "{turns:#?}\n{done:#?}");
    let [record] = tries(lab, &done);
    assert_eq!(record["model"], model, "{record:#}");
    Found::Works
}

pub fn effort(lab: &Lab, cli: Cli) -> Found {
    let more = match cli {
        Cli::Claude => "[harness.claude]\neffort = \"high\"",
        Cli::Codex => "[harness.codex]\neffort = \"high\"",
        Cli::Gemini => "[harness.gemini]\neffort = \"high\"",
        Cli::Opencode => "[harness.opencode]\neffort = \"high\"",
    };
    initialise(lab, &Settings { more, ..Settings::default() });
    // Claude takes an effort only with a model that thinks.
    let agent = if cli == Cli::Claude { "cc:claude-opus-4-5".to_owned() } else { cli.alias().to_owned() };
    let args = ["relay", "--new", "--iterations", "1", "--agent", &agent, "MAKEFILE(made.txt|x)"];
    let done = lab.run(rally(lab, "ok", "effort", &args)).expect_code(0);
    let turns = lab.mock.turns("effort");
    assert_eq!(turns.len(), 2, "{turns:#?}\n{done:#?}");
    let [record] = tries(lab, &done);
    assert_eq!(record["effort"], "high", "{record:#}");
    if cli == Cli::Gemini {
        assert!(turns.iter().all(|turn| turn.effort.is_none()), "{turns:#?}");
        assert!(
            done.stdout.contains("takes no effort") || done.stderr.contains("takes no effort"),
            "{done:#?}"
        );
        return Found::Impossible("it has no flag for an effort; rally says so and goes on");
    }
    assert!(turns.iter().all(|turn| turn.effort.as_deref() == Some("high")), "{turns:#?}");
    Found::Works
}

/// The usage that a number of answers costs.
fn cost(cli: Cli, answers: u64) -> Value {
    let reasoning = match cli {
        Cli::Claude | Cli::Gemini => 0, // not told
        Cli::Codex | Cli::Opencode => answers * REASONING_TOKENS,
    };
    json!({
        "input_tokens": answers * INPUT_TOKENS, "cached_input_tokens": answers * CACHED_TOKENS,
        "output_tokens": answers * OUTPUT_TOKENS, "reasoning_tokens": reasoning,
    })
}

/// Two tries of one session: the first is told a word and changes nothing, which has failed; the second
/// makes a file of it. Codex counts tokens, and Claude dollars, over the whole session.
pub fn usage(lab: &Lab, cli: Cli) -> Found {
    initialise(lab, &Settings { tries: 2, ..Settings::default() });
    let done = lab.run(new_relay(lab, cli, "ok", TWO_STEPS)).expect_code(0);
    assert_eq!(lab.sandbox.read("word.txt"), WORD);
    let [first, second] = tries(lab, &done);
    assert!(first["session_id"].is_string(), "{first:#}");
    assert_eq!(first["session_id"], second["session_id"]);
    assert_eq!(first["usage"], cost(cli, 1), "{first:#}");
    assert_eq!(second["usage"], cost(cli, 2), "{second:#}");
    match cli {
        Cli::Claude => {
            let dollars = |record: &Value| record["cost_usd"].as_f64().unwrap();
            let ratio = dollars(&second) / dollars(&first);
            assert!((1.99..2.01).contains(&ratio), "{ratio}: {first:#}\n{second:#}");
            Found::Works
        }
        Cli::Codex | Cli::Gemini => {
            assert!(second["cost_usd"].is_null(), "{second:#}");
            Found::WorksSo("it tells no cost")
        }
        Cli::Opencode => Found::Works,
    }
}

/// The program that reports is rally itself, whatever the CLI makes of PATH.
pub fn progress(lab: &Lab, cli: Cli) -> Found {
    initialise(lab, &Settings::default());
    let prompt =
        "RUN(echo $0 $PATH >made; rally progress --summary 'as told' --followup 'the rest' >>made 2>&1)";
    let done = lab.run(new_relay(lab, cli, "ok", prompt)).expect_code(0);
    let [record] = tries(lab, &done);
    let said = lab.sandbox.read("made");
    assert_eq!(record["summary"], "as told", "{said}\n{record:#}");
    let entry = lab.sandbox.records(".rally/summary.jsonl").pop().unwrap();
    assert_eq!((&entry["summary"], &entry["followups"]), (&json!("as told"), &json!(["the rest"])), "{said}");
    Found::Works
}

pub fn large_prompt(lab: &Lab, cli: Cli) -> Found {
    initialise(lab, &Settings::default());
    let filler = "0123456789abcde\n".repeat(300 * 1024 / 16);
    let task = format!("BEGIN {filler} END MAKEFILE(made.txt|x)");
    let path = lab.sandbox.root().join("task.md");
    std::fs::write(&path, &task).unwrap();
    let file = path.to_str().unwrap();
    let args = ["relay", "--new", "--iterations", "1", "--agent", cli.alias(), "--prompt-file", file];
    let done = lab.run(rally(lab, "ok", "large", &args)).expect_code(0);
    let turns = lab.mock.turns("large");
    let arrived = turns.first().is_some_and(|turn| turn.users.iter().any(|text| text.contains(&task)));
    assert!(arrived, "{:?}\n{done:#?}", turns.iter().map(|turn| turn.users.len()).collect::<Vec<_>>());
    Found::Works
}
