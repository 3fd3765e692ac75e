//! Custom harnesses: arguments, output, bounds.

use pretty_assertions::assert_eq;
use proptest::prelude::*;

use super::*;
use crate::executor::{Report, Stream};
use crate::model::{Exit, Timestamp};

fn spec(command: &[&str]) -> CustomSpec {
    CustomSpec {
        name: "mine".into(),
        command: command.iter().map(|&word| word.to_owned()).collect(),
        model_flag: None,
        output_lines: 40,
        tail_stream: TailStream::Combined,
        args: vec![],
        env: vec![],
    }
}

fn request(prompt: &str) -> Request<'_> {
    Request::new(prompt, "/w".as_ref(), "/s".as_ref())
}

fn args(invocation: &Invocation) -> Vec<&str> {
    invocation.args.iter().map(|arg| arg.to_str().unwrap()).collect()
}

fn read(tail_stream: TailStream, lines: usize, stdout: &[u8], stderr: &[u8], exit: Option<Exit>) -> Report {
    let mut parser = CustomParser::new(tail_stream, lines);
    let mut events = Vec::new();
    parser.feed(Stream::Stdout, stdout, &mut events);
    parser.feed(Stream::Stderr, stderr, &mut events);
    parser.finish(exit, Timestamp::UNIX_EPOCH)
}

fn summary(tail_stream: TailStream, lines: usize, stdout: &[u8], stderr: &[u8]) -> Option<String> {
    read(tail_stream, lines, stdout, stderr, Some(Exit::Code(0))).summary
}

// 20-AF-GN-01
#[test]
fn the_prompt_replaces_its_placeholder() {
    let invocation = Custom::new(spec(&["agent", "run", "$PROMPT", "--prompt=$PROMPT"]))
        .invocation(&request("cost: $PROMPT"))
        .unwrap();
    assert_eq!(invocation.program, "agent");
    assert_eq!(args(&invocation), ["run", "cost: $PROMPT", "--prompt=cost: $PROMPT"]);
    assert_eq!(invocation.stdin, Stdin::Null);
    assert_eq!(invocation.stderr, Stderr::Separate);
}

// 20-AF-GN-02
#[test]
fn without_a_placeholder_the_prompt_goes_to_standard_input() {
    let mut spec = spec(&["agent"]);
    spec.args = vec!["--quiet".into()];
    spec.env = vec![("A".into(), "b".into())];
    let invocation = Custom::new(spec).invocation(&request("do\0it")).unwrap();
    assert_eq!(invocation.stdin, Stdin::Bytes(b"do\0it".to_vec()));
    assert_eq!(args(&invocation), ["--quiet"]);
    let env = [("TMPDIR", "/s"), ("A", "b")].map(|(key, value)| (key.into(), value.into()));
    assert_eq!(invocation.env, env);
}

// 20-AF-GN-03
#[test]
fn the_model_goes_where_the_flag_says() {
    type Case<'a> = (Option<&'a str>, Option<&'a str>, &'a [&'a str], bool);
    let cases: [Case<'_>; 5] = [
        (Some("--model"), Some("m"), &["--model", "m"], false),
        (Some(""), Some("m"), &["m"], false),
        (None, Some("m"), &[], true),
        (Some("--model"), None, &[], false),
        (Some("--model"), Some(" "), &[], false),
    ];
    for (flag, model, expected, noted) in cases {
        let mut spec = spec(&["agent"]);
        spec.model_flag = flag.map(str::to_owned);
        let invocation = Custom::new(spec).invocation(&Request { model, ..request("p") }).unwrap();
        assert_eq!(args(&invocation), expected);
        assert_eq!(!invocation.notes.is_empty(), noted, "{:?}", invocation.notes);
    }
}

// 20-AF-RE-05
#[test]
fn an_effort_is_not_passed_but_said() {
    let invocation =
        Custom::new(spec(&["agent"])).invocation(&Request { effort: Some("high"), ..request("p") }).unwrap();
    assert!(invocation.args.is_empty());
    assert!(invocation.notes[0].contains("mine") && invocation.notes[0].contains("high"));
}

#[test]
fn prompts_that_fit_no_argument_are_refused_before_the_start() {
    let custom = Custom::new(spec(&["agent", "--prompt=$PROMPT"]));
    let limit = (128 << 10) - 1 - "--prompt=".len();
    assert!(custom.invocation(&request(&"x".repeat(limit))).is_ok());
    let error = custom.invocation(&request(&"x".repeat(limit + 1))).unwrap_err();
    assert_eq!(error, PrepareError::PromptTooLong { harness: "mine".into(), bytes: limit + 1, limit });
    assert_eq!(error.evidence().cause.as_deref(), Some("prompt_too_long"));
    let error = custom.invocation(&request("a\0b")).unwrap_err();
    assert_eq!(error, PrepareError::PromptHasNul { harness: "mine".into() });
}

/// The limit is the system's, so the system is asked.
#[cfg(target_os = "linux")]
#[test]
fn the_longest_prompt_really_fits() {
    let custom = Custom::new(spec(&["true", "--prompt=$PROMPT"]));
    let prompt = "x".repeat((128 << 10) - 1 - "--prompt=".len());
    let run = |prompt: &str, extra: &str| {
        let invocation = custom.invocation(&request(prompt)).unwrap();
        let last = invocation.args[0].to_str().unwrap().to_owned() + extra;
        std::process::Command::new(&invocation.program).arg(last).status()
    };
    assert!(run(&prompt, "").unwrap().success());
    assert_eq!(run(&prompt, "y").unwrap_err().raw_os_error(), Some(7));
}

// 20-AF-GN-04, 20-AF-GN-05, 20-AF-GN-07; deviation: a summary is never longer than 1000 characters
#[test]
fn the_last_lines_are_the_summary() {
    let hundred: String = (1..=100).map(|n| format!("line {n}\n")).collect();
    let last_five = "line 96\nline 97\nline 98\nline 99\nline 100";
    type Case<'a> = (TailStream, usize, &'a [u8], &'a [u8], Option<&'a str>);
    let cases: [Case<'_>; 9] = [
        (TailStream::Stdout, 5, hundred.as_bytes(), b"err\n", Some(last_five)),
        (TailStream::Stdout, 40, b"short\n", b"", Some("short")),
        (TailStream::Stderr, 40, b"out\n", b"err\n", Some("err")),
        (TailStream::Combined, 40, b"out\n", b"err\n", Some("out\nerr")),
        (TailStream::Combined, 1, b"out\n", b"err\n", Some("err")),
        (TailStream::Stdout, 2, b"a\n\nb  \n \n\n\n", b"", Some("b")),
        (TailStream::Stdout, 3, b"a\n\nb\n\n", b"", Some("a\n\nb")),
        (TailStream::Stdout, 3, b" \n\t\n", b"", None),
        (TailStream::Stdout, 3, b"", b"", None),
    ];
    for (stream, lines, stdout, stderr, expected) in cases {
        assert_eq!(summary(stream, lines, stdout, stderr).as_deref(), expected, "{stream:?} {lines}");
    }
    let long = "x".repeat(100_000);
    assert!(summary(TailStream::Stdout, 40, long.as_bytes(), b"").unwrap().chars().count() <= 1000);
}

// 30-S19
#[test]
fn escapes_are_not_part_of_a_summary() {
    let output = b"\x1b[1;32mgreen\x1b[0m \x1b]0;title\x07\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\ \x1b=\x1bM\n10%\r50%\rdone\r\n";
    assert_eq!(summary(TailStream::Stdout, 9, output, b"").as_deref(), Some("green link\ndone"));
    assert_eq!(summary(TailStream::Stdout, 9, b"\x1b[2J\x1b[H\n\x1b[K", b""), None);
}

#[test]
fn redraws_are_no_activity() {
    let mut parser = CustomParser::new(TailStream::Stdout, 5);
    let mut events = Vec::new();
    parser.feed(Stream::Stdout, b"\x1b[2J\x1b[H  \n\x1b[K\n", &mut events);
    assert_eq!(events, []);
    parser.feed(Stream::Stdout, b"\x1b[2Jwords\n", &mut events);
    assert_eq!(events.len(), 1);
}

#[test]
fn the_exit_code_is_all_there_is() {
    for (exit, completed) in [
        (Some(Exit::Code(0)), true),
        (Some(Exit::Code(3)), false),
        (Some(Exit::Signal(15)), false),
        (None, false),
    ] {
        let report = read(TailStream::Combined, 5, b"all done\n", b"rate limit\n", exit);
        assert_eq!(report.completed, completed);
        assert_eq!((report.session_id, report.tool_calls, report.evidence), (None, None, None));
        assert_eq!(report.plain_tail, ["all done", "rate limit"]);
    }
}

#[test]
fn fifty_megabytes_in_one_line() {
    let mut parser = CustomParser::new(TailStream::Combined, 40);
    let mut events = Vec::new();
    let chunk = vec![b'x'; 1 << 20];
    for _ in 0..50 {
        parser.feed(Stream::Stdout, &chunk, &mut events);
        assert!(parser.retained() <= crate::executor::lines::LINE_CAP);
    }
    parser.feed(Stream::Stdout, b"\nend\n", &mut events);
    assert!(parser.retained() < 1 << 20);
    let report = parser.finish(Some(Exit::Code(0)), Timestamp::UNIX_EPOCH);
    assert!(report.summary.unwrap().ends_with("end"));
}

proptest! {
    #[test]
    fn nothing_panics_and_chunks_change_nothing(
        bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(0x1b), any::<u8>()], 0..300),
        chunk in 1usize..50,
        lines in 0usize..10,
    ) {
        let whole = read(TailStream::Combined, lines, &bytes, b"", Some(Exit::Code(0)));
        let mut parser = CustomParser::new(TailStream::Combined, lines);
        for chunk in bytes.chunks(chunk) {
            parser.feed(Stream::Stdout, chunk, &mut Vec::new());
        }
        prop_assert_eq!(parser.finish(Some(Exit::Code(0)), Timestamp::UNIX_EPOCH), whole);
    }
}
