//! Recordings of the real CLIs, as a person reads them, and everything that is no recording.

use std::path::Path;

use proptest::prelude::*;

use super::*;

const CLIS: [(Cli, &str); 5] = [
    (Cli::Antigravity, "antigravity"),
    (Cli::Claude, "claude"),
    (Cli::Codex, "codex"),
    (Cli::Gemini, "gemini"),
    (Cli::Opencode, "opencode"),
];

fn shown(cli: Cli, bytes: &[u8], size: usize, flushing: bool) -> String {
    let mut pretty = Pretty::new(cli, Palette { colour: false }, None);
    let mut out = Vec::new();
    for block in bytes.chunks(size) {
        pretty.print(block, &mut out).unwrap();
        if flushing {
            pretty.flush(&mut out).unwrap();
        }
    }
    pretty.finish(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Every recording of a CLI's output, by name.
fn recordings(harness: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(harness);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            !name.contains("session-log") && (name.ends_with(".jsonl") || name.ends_with(".stdout"))
        })
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn recordings_are_readable() {
    for (cli, harness) in CLIS {
        let mut page = String::new();
        for (name, bytes) in recordings(harness) {
            page += &format!("== {name}\n{}\n", shown(cli, &bytes, 64 << 10, false));
        }
        insta::assert_snapshot!(harness, page);
    }
}

// A CLI writes its log to the same place: of opencode's the errors are told.
#[test]
fn what_stands_beside_the_events_is_told_too() {
    let page: String = ["gemini/tool.stderr", "opencode/rate-limit.stderr", "opencode/lost.stderr"]
        .map(|file| {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(file);
            let (cli, _) = CLIS.into_iter().find(|(_, name)| file.starts_with(name)).unwrap();
            format!("== {file}\n{}\n", shown(cli, &std::fs::read(path).unwrap(), 64 << 10, false))
        })
        .concat();
    insta::assert_snapshot!("beside", page);
}

#[test]
fn blocks_change_nothing() {
    for (cli, harness) in CLIS {
        for (name, bytes) in recordings(harness) {
            let whole = shown(cli, &bytes, bytes.len(), false);
            for (size, flushing) in [(1, false), (1, true), (7, true), (1000, true)] {
                assert_eq!(shown(cli, &bytes, size, flushing), whole, "{name} in blocks of {size}");
            }
        }
    }
}

#[test]
fn running_text_runs_and_is_broken_by_what_comes_between() {
    let piece = |text: &str| {
        format!(
            "{{\"type\":\"message\",\"timestamp\":\"2026-11-22T19:42:46.306Z\",\"role\":\"assistant\",\"content\":{text:?},\"delta\":true}}\n"
        )
    };
    let log =
        [piece("I will"), piece(" "), piece("see"), "said on stderr\n".into(), piece("Done.\n")].concat();
    assert_eq!(shown(Cli::Gemini, log.as_bytes(), 5, true), "I will see\nsaid on stderr\nDone.\n");
}

#[test]
fn broken_lines_are_never_lost() {
    let event = r#"{"type":"item.completed","item":{"type":"agent_message","text":"here"}}"#;
    for (line, expected) in [
        (format!("Warning: {event}"), "Warning: \nhere\n".to_owned()),
        (format!("{event}{event} and"), "here\nhere\n and\n".to_owned()),
        (r#"{"type":"item.comp"#.to_owned(), "{\"type\":\"item.comp\n".to_owned()),
        ("[1, 2]".to_owned(), "[1, 2]\n".to_owned()),
        (r#"{"other":"program"}"#.to_owned(), "{\"other\":\"program\"}\n".to_owned()),
        (r#"{"type":"item.completed","item":7}"#.to_owned(), String::new()),
        (r#"{"type":"item.news"}"#.to_owned(), String::new()),
    ] {
        for flushing in [false, true] {
            let found = shown(Cli::Codex, line.as_bytes(), 9, flushing);
            // Half of it may have been shown before the rest came.
            let (found, expected) = (found.replace('\n', ""), expected.replace('\n', ""));
            assert_eq!(found, expected, "{line}");
        }
    }
}

#[test]
fn half_a_line_is_shown_at_once() {
    let mut pretty = Pretty::new(Cli::Claude, Palette { colour: false }, None);
    let mut out = Vec::new();
    for (block, expected) in [
        ("Waiting for \u{1b}[3", "Waiting for "),
        ("1mlogin…", "Waiting for login…"),
        (" ok\n{\"type\":", "Waiting for login… ok\n"),
        ("1}\n", "Waiting for login… ok\n{\"type\":1}\n"),
    ] {
        pretty.print(block.as_bytes(), &mut out).unwrap();
        pretty.flush(&mut out).unwrap();
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }
}

// Whatever a line was cut in, a control sequence or a character, ends with it
#[test]
fn a_half_shown_line_that_turns_out_an_event_spoils_nothing() {
    for torn in [&b"\x1b]0;half a title "[..], b"\x1b[3", "日".as_bytes().split_last().unwrap().1] {
        let mut pretty = Pretty::new(Cli::Claude, Palette { colour: false }, None);
        let mut out = Vec::new();
        for block in [&[b"Begun ", torn].concat()[..], b"{\"type\":1}\nplain wo", b"rds\n"] {
            pretty.print(block, &mut out).unwrap();
            pretty.flush(&mut out).unwrap();
        }
        let text = String::from_utf8(out).unwrap();
        assert!(text.ends_with("\nplain words\n"), "{torn:?}: {text:?}");
    }
}

#[test]
fn long_answers_are_shortened_and_failures_less() {
    let answer = |failed: bool| {
        let lines: Vec<String> = (1..=30).map(|n| format!("line {n} {}", "x".repeat(400))).collect();
        let block = format!(
            r#"{{"type":"tool_result","is_error":{failed},"content":[{{"type":"text","text":{:?}}}]}}"#,
            lines.join("\n")
        );
        let line =
            format!("{{\"type\":\"user\",\"session_id\":\"s\",\"message\":{{\"content\":[{block}]}}}}\n");
        shown(Cli::Claude, line.as_bytes(), 1000, true)
    };
    assert!(answer(false).ends_with("  … 26 more lines\n"), "{}", answer(false));
    assert!(answer(true).ends_with("  … 18 more lines\n"));
    assert!(answer(true).lines().all(|line| line.chars().count() <= WIDTH));
}

// 50-R19
#[test]
fn nothing_obeyable_gets_through() {
    let line = r#"{"type":"assistant","session_id":"s","message":{"content":[{"type":"text","text":"a\u001b[2Jb\u009b1mc"},{"type":"tool_use","name":"Ba\u001b]0;x\u0007sh","input":{"command":"x\u001b[1m\ny"}}]}}"#;
    assert_eq!(shown(Cli::Claude, line.as_bytes(), 10, true), "abc\n▸ Bash: x y\n");
}

#[test]
fn a_very_long_line_is_bounded() {
    let mut pretty = Pretty::new(Cli::Claude, Palette { colour: false }, None);
    let mut out = Vec::new();
    pretty.print(b"{\"type\":\"assistant\",\"text\":\"", &mut out).unwrap();
    for _ in 0..1000 {
        pretty.print(&[b'x'; 64 << 10], &mut out).unwrap();
        pretty.flush(&mut out).unwrap();
        assert!(pretty.lines.retained() < 6 << 20);
    }
    pretty.print(b"\"}\nnext\n", &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.starts_with("… the beginning of a very long line is left out …\n"));
    assert!(text.ends_with("\nnext\n") && text.len() < 80 << 10);
}

proptest! {
    #[test]
    fn anything_may_come(bytes in proptest::collection::vec(any::<u8>(), 0..400), size in 1usize..50) {
        for (cli, _) in CLIS {
            shown(cli, &bytes, size, true);
        }
    }

    // Events with fields of any type, and torn anywhere.
    #[test]
    fn any_event_may_come(pick in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>(), junk in "\\PC{0,10}") {
        for (cli, harness) in CLIS {
            let recordings = recordings(harness);
            let (_, bytes) = pick.get(&recordings);
            let text = String::from_utf8_lossy(bytes);
            let at = (0..=cut.index(text.len() + 1)).rev().find(|at| text.is_char_boundary(*at)).unwrap();
            let torn = format!("{}{junk}{}", &text[..at], &text[at..]);
            shown(cli, torn.as_bytes(), 64 << 10, true);
            let other = text.replace(":\"", ":[\"").replace("\",", "\"],").replace("\"}", "\"]}");
            shown(cli, other.as_bytes(), 64 << 10, true);
        }
    }

    #[test]
    fn every_plain_line_is_shown(lines in proptest::collection::vec("[ -z]{0,40}", 0..8), size in 1usize..50) {
        for (cli, harness) in CLIS {
            let (_, recording) = &recordings(harness)[0];
            let mut log = Vec::new();
            for (line, event) in lines.iter().zip(recording.split(|b| *b == b'\n').cycle()) {
                log.extend_from_slice(format!("{line}\n").as_bytes());
                log.extend_from_slice(event);
                log.push(b'\n');
            }
            let page = shown(cli, &log, size, true);
            for line in &lines {
                prop_assert!(page.contains(line.as_str()), "{line:?} is not in {page}");
            }
        }
    }
}
