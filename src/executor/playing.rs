//! How parsers are tested: what a CLI has printed is played to them, in whole and in pieces.

use proptest::prelude::*;

use super::lines::LINE_CAP;
use super::{AgentEvent, Parser, Report, Stream};
use crate::model::{Category, Exit, Timestamp};

/// A recording of a CLI.
pub fn recording(cli: &str, name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/fixtures/{cli}/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Plays these bytes of these streams, `chunk` at a time, to the end.
pub fn play(
    mut parser: impl Parser,
    pieces: &[(Stream, &[u8])],
    exit: Option<Exit>,
    chunk: usize,
    now: Timestamp,
) -> (Report, Vec<AgentEvent>) {
    let mut events = Vec::new();
    for (stream, bytes) in pieces {
        for chunk in bytes.chunks(chunk.max(1)) {
            parser.feed(*stream, chunk, &mut events);
        }
    }
    let report = parser.finish(exit, now);
    // 20-AF-MO-13: the live figure ends as the one in the record.
    assert_eq!(parser.usage(), report.usage);
    (report, events)
}

/// What a report proves.
pub fn category(report: &Report) -> Option<Category> {
    report.evidence.as_ref()?.category
}

/// Feeds 50 MB without a line end, and sees that they are not kept.
pub fn feed_endlessly<P: Parser>(parser: &mut P, streams: &[Stream], retained: impl Fn(&P) -> usize) {
    let chunk = vec![b'x'; 1 << 20];
    for _ in 0..50 {
        for stream in streams {
            parser.feed(*stream, &chunk, &mut Vec::new());
        }
        assert!(retained(parser) <= streams.len() * LINE_CAP, "{}", retained(parser));
    }
}

/// A few of these pieces, and of bytes that mean nothing, in any order.
pub fn noise(pieces: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop_oneof![
        8 => proptest::sample::select(pieces),
        1 => proptest::collection::vec(any::<u8>(), 0..40),
    ];
    proptest::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat())
}

mod while_it_works {
    use super::*;
    use crate::executor::{Claude, Codex, Counted, Executor, Gemini, HarnessSpec, Opencode, Request};

    /// The figures that a recording tells one after the other: tokens read anew and written.
    fn figures(executor: &dyn Executor, recording: &[u8]) -> Vec<u64> {
        let folder = std::path::Path::new("/");
        let mut parser = executor.parser(&Request::new("", folder, folder));
        let mut figures = Vec::new();
        for line in recording.split_inclusive(|byte| *byte == b'\n') {
            parser.feed(Stream::Stdout, line, &mut Vec::new());
            figures.extend(parser.usage().map(|told| match told {
                Counted::ThisTry(usage) | Counted::WholeSession(usage) => {
                    usage.input_tokens + usage.output_tokens
                }
            }));
        }
        figures.dedup();
        figures
    }

    // 20-AF-MO-13: opencode tells a step, the others a turn. What claude tells of a message counts for nothing: it is
    // told when the message begins.
    #[test]
    fn tokens_are_told_as_they_come() {
        let spec = |name: &str| HarnessSpec { name: name.to_owned(), ..HarnessSpec::default() };
        let claude = Claude::new(spec("claude"));
        assert_eq!(figures(&claude, &recording("claude", "background.jsonl")), [2580, 3870]);
        let codex = Codex::new(spec("codex"));
        assert_eq!(figures(&codex, &recording("codex", "resume2.jsonl")), [1002], "of the whole session");
        let opencode = Opencode::new(spec("opencode"));
        assert_eq!(figures(&opencode, &recording("opencode", "tool.stdout")), [501, 1002]);
        let gemini = Gemini::new(spec("gemini"));
        assert_eq!(figures(&gemini, &recording("gemini", "tool.jsonl")), [1503]);
    }
}
