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
    (parser.finish(exit, now), events)
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
