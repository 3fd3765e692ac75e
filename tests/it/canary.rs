//! A secret of the environment that an agent prints wherever it can: it stands in the raw transcript and nowhere else.

use std::path::{Path, PathBuf};

use crate::support::{Sandbox, stderr, stdout};

const CANARY: &str = "cAnArY-0f\"9e8d7c6b5";
/// Set by the configuration, for this harness alone.
const SECOND: &str = "sEcOnD-canary-1234";

/// As JSON writes it.
fn escaped() -> String {
    serde_json::to_string(CANARY).unwrap().trim_matches('"').to_owned()
}

fn is_in(text: &str) -> bool {
    [CANARY, &escaped(), SECOND].iter().any(|secret| text.contains(secret))
}

fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            match entry.file_type().unwrap() {
                kind if kind.is_dir() => folders.push(path),
                kind if kind.is_file() => found.push(path),
                _ => {}
            }
        }
    }
    found
}

/// Says it as text in one piece and in two, as a tool's answer, as an error, in its report and at its end; the first
/// try fails with it.
const AGENT: &str = r#"
K=$(printf %s "$CANARY_API_KEY" | sed 's/[\\"]/\\&/g')
delta() { printf '{"type":"stream_event","event":{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"%s"}},"session_id":"%s"}\n' "$1" "$SESSION"; }
init; say "I have $K and $MORE_TOKEN"
delta "cAnArY-0f"; delta '\"9e8d7c6b5 told'
tool "Bash $K"
printf '{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t1","is_error":true,"content":"%s"}]}}\n' "$K"
echo "error: $CANARY_API_KEY refused $MORE_TOKEN" >&2
if [ $N = 1 ]; then
  long=$(head -c 185 /dev/zero | tr '\0' x)
  failed "$long API Error: 400 $K"; exit 1
fi
echo x > made$N.txt
if [ -e .laps/laps.json ]; then
  laps add tail --title "follow $CANARY_API_KEY" --description "$MORE_TOKEN"
  laps handoff --reason "$CANARY_API_KEY" || laps handoff
  laps wrapup --summary "used $CANARY_API_KEY" --followup "also $MORE_TOKEN" || true
else
  rally progress --run-complete --summary "used $CANARY_API_KEY" --followup "$MORE_TOKEN"
fi
result "done with $K"
"#;

fn everywhere(sandbox: &Sandbox, output: &mut String, args: &[&str]) {
    let done = sandbox.rally(args).env("CANARY_API_KEY", CANARY).output().unwrap();
    *output += &format!("$ {}\n{}{}", args.join(" "), stdout(&done), stderr(&done));
}

fn lived_in(config: &str) -> (Sandbox, String) {
    let sandbox = Sandbox::initialised();
    sandbox.write(
        "../home/.config/rally/config.toml",
        &format!("[harness.claude.env]\nMORE_TOKEN = '{SECOND}'\n{config}"),
    );
    sandbox.configure("[reliability]\nretry_budget = 2\nmax_failed_runs = 1\n");
    sandbox.claude(AGENT);
    let mut said = String::new();
    let secret_message = format!("use {CANARY}");
    everywhere(&sandbox, &mut said, &["message", "add", &secret_message]);
    everywhere(&sandbox, &mut said, &["relay", "--agent", "cc", "-i", "2", "work"]);
    for args in [
        &["tail", "--pretty", "1"][..],
        &["tail", "--pretty", "2"],
        &["status"],
        &["status", "--json"],
        &["runners"],
        &["message", "list"],
        &["doctor"],
        &["doctor", "--json"],
        &["relay", "--agent", CANARY, "work"],
        &[CANARY],
        &["tail", CANARY],
        &["laps", "init"],
        &["laps", "add", "tail", "--title", CANARY, "--description", "do it"],
        &["relay", "--new", "--agent", "cc", "-i", "1"],
        &["laps", "list"],
        &["laps", "list", "--json-output"],
        &["laps", "show", CANARY],
        &["hooks", "logs"],
    ] {
        everywhere(&sandbox, &mut said, args);
    }
    (sandbox, said)
}

// 50-R21
#[test]
fn a_secret_stands_in_the_raw_transcript_and_nowhere_else() {
    let (sandbox, said) = lived_in("");
    assert!(sandbox.tries().len() >= 3, "{said}");
    assert!(said.contains("[masked]"), "{said}");
    let leaks: Vec<&str> = said.lines().filter(|line| !line.starts_with("$ ") && is_in(line)).collect();
    assert!(leaks.is_empty(), "shown:\n{}", leaks.join("\n"));
    let mut transcripts = 0;
    for root in [sandbox.repo().join(".rally"), sandbox.repo().join(".laps"), sandbox.home().join(".local")] {
        for file in files(&root) {
            let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            if name.starts_with("try-") && name.ends_with(".log") {
                transcripts += 1;
                assert!(text.contains(CANARY) && text.contains(&escaped()), "{} is not raw", file.display());
            } else {
                assert!(!is_in(&text), "{}:\n{text}", file.display());
            }
        }
    }
    assert!(transcripts >= 3);
    let log = sandbox.git(["log", "--all", "-p", "--format=%an %s %b"]);
    assert!(!is_in(&log), "{log}");
    // Later agents are told what earlier ones said, without it.
    let second = sandbox.note("prompt.2");
    let told = second.split("Inbox Message:").next().unwrap_or_default();
    assert!(!is_in(told), "{told}");
    let third = sandbox.note("prompt.3");
    assert!(third.contains("[masked]") && !is_in(&third), "{third}");
}

#[test]
fn transcripts_are_masked_where_that_is_asked_for() {
    let (sandbox, said) = lived_in("[logs]\nmask_transcripts = true\n");
    assert!(!said.lines().any(|line| !line.starts_with("$ ") && is_in(line)), "{said}");
    for file in files(&sandbox.home().join(".local")) {
        let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
        assert!(!is_in(&text), "{}:\n{text}", file.display());
    }
    let log = std::fs::read_to_string(sandbox.tries()[0]["log_path"].as_str().unwrap()).unwrap();
    assert!(log.contains("I have [masked] and [masked]"), "{log}");
}
