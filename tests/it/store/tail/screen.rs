//! What a person sees of a log, and what a pipe gets of its rendering.

use rally::model::Outcome;

use super::*;
use crate::support::Terminal;

/// A finished try of `harness` that printed this.
fn printed(sandbox: &Sandbox, harness: &str, log: &[u8]) {
    let (mut store, _) = open(&layout(sandbox));
    let relay = store.create_relay(new_relay(99), at(0)).unwrap().id;
    let started =
        store.allocate_try(NewTry { harness: harness.into(), ..new_try(relay, 1, 1) }, at(1)).unwrap();
    std::fs::write(&started.log_path, log).unwrap();
    store.finish_try(ended(&started, Outcome::Completed)).unwrap();
}

fn recording(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
}

/// What is to be seen at the end; this terminal shows no replacement characters.
fn on_screen(sandbox: &Sandbox, args: &[&str], columns: u16) -> (String, u32) {
    let mut command = sandbox.rally(["tail"].iter().chain(args));
    command.env("NO_COLOR", "");
    let mut terminal = Terminal::start(&command, 40, columns);
    let code = terminal.finish();
    (terminal.shown(), code)
}

// 50-R19: nothing that a terminal would obey reaches it, wherever the blocks are cut; a pipe gets the bytes.
#[test]
fn a_terminal_gets_no_foreign_sequences() {
    let sandbox = Sandbox::new();
    let mut log = b"begin\n".to_vec();
    log.extend_from_slice(&b"x".repeat((64 << 10) - log.len() - 2));
    // The block ends inside the sequence.
    log.extend_from_slice(b"\x1b[2J\nafter \x1b]0;evil\x07\xff\x1b[31mred\x1b]52;c;never ended\n\x1b[?1049hlast \xe2\x80\x9cwords\xe2\x80\x9d");
    printed(&sandbox, "claude", &log);
    assert_eq!(sandbox.rally(["tail"]).output().unwrap().stdout, log);
    for args in [&[][..], &["--highlight", "heuristic"], &["--highlight", "chroma"], &["--pretty"]] {
        let (screen, code) = on_screen(&sandbox, args, 80);
        let last: Vec<&str> = screen.lines().rev().take(2).collect();
        assert_eq!(code, 0);
        assert_eq!(last, ["last “words”", "after red"], "{args:?}");
    }
}

#[test]
fn the_rendering_of_a_try_on_a_screen() {
    let sandbox = Sandbox::new();
    printed(&sandbox, "claude", &recording("claude/tool.jsonl"));
    let (screen, code) = on_screen(&sandbox, &["--pretty"], 60);
    assert_eq!(code, 0);
    insta::assert_snapshot!(screen, @r"
    session 078dd733-8195-4a55-bd03-5ba58f8687e6, model claude-…
    ▸ Write: $WORK/made.txt
      File created successfully at: $WORK/made.txt (file state …
    DONE: the file is there.
    ✓ the turn is over · 2468 tokens in, 1578 cached, 112 out · $0.0124
    ");
    let mut terminal = Terminal::start(&sandbox.rally(["tail", "--pretty"]), 40, 60);
    terminal.finish();
    assert_eq!(terminal.shown(), screen, "colours change no text");
}

#[test]
fn every_harness_is_rendered_as_what_it_is_built_on() {
    let cases: [(&str, &str, &str, &str); 7] = [
        ("claude", "", "claude/ok.jsonl", "\nPONG\n✓ "),
        ("work", "[harness.work]\nbase = \"cc\"\n", "claude/ok.jsonl", "\nPONG\n✓ "),
        ("codex", "", "codex/tool.jsonl", "\n▸ Shell: printf "),
        ("gemini", "", "gemini/tool.jsonl", "\n▸ write_file: $WORK/made.txt\n"),
        ("opencode", "", "opencode/tool.stdout", "\n▸ write: $WORK/made.txt\n"),
        ("antigravity", "", "antigravity/stand-in.jsonl", "\n▸ run_command\n"),
        // A configuration that cannot be read hides nothing.
        ("claude", "[", "claude/ok.jsonl", "\nPONG\n✓ "),
    ];
    for (harness, config, log, expected) in cases {
        let sandbox = Sandbox::new();
        printed(&sandbox, harness, &recording(log));
        sandbox.write(".rally/config.toml", &format!("schema_version = 2\n{config}"));
        for args in [&["--pretty"][..], &["--pretty", "--try", "1"], &["--pretty", "--no-follow"]] {
            let (out, error, code) = tail(&sandbox, args);
            assert_eq!((&*error, code), ("", 0));
            assert!(out.contains(expected) && !out.contains('\x1b'), "{harness}: {out}");
        }
    }
}

// What a harness of the user's own prints is its own; so is what no known harness printed.
#[test]
fn a_harness_of_the_users_own_is_shown_as_it_is() {
    let sandbox = Sandbox::new();
    let log = b"{\"type\":\"text\"}\n\x1b[1mbold\x1b[0m\r\n\xff half";
    printed(&sandbox, "mine", log);
    let output = sandbox.rally(["tail", "--pretty"]).output().unwrap();
    assert_eq!(output.stdout, log);
    let (screen, _) = on_screen(&sandbox, &["--pretty"], 80);
    assert_eq!(screen, "{\"type\":\"text\"}\nbold\n half");
}

#[test]
fn colours_of_the_raw_log_and_the_rendering_exclude_each_other() {
    let sandbox = Sandbox::new();
    let (_, error, code) = tail(&sandbox, &["--pretty", "--highlight", "chroma"]);
    assert_eq!(code, 2);
    assert!(error.contains("--pretty") && error.contains("--highlight"), "{error}");
    let (help, _, code) = tail(&sandbox, &["--help"]);
    assert_eq!(code, 0);
    assert!(help.contains("rally tail --pretty") && help.contains("--no-follow"), "{help}");
}
