//! What rally and its guard say to each other: JSON lines over a socket pair.
//!
//! A line is `{"v":1,"say":…}`. rally says [`Command`]s, the guard says [`Message`]s. The descriptors
//! of the agent's pipes travel beside the first line, in the order of [`Start::pipes`]. Both ends are
//! the same binary, so the version only matters to a guard that is started some other way.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::model::{Exit, Leftover, ProcessIdentity};

/// The version of this protocol.
pub const VERSION: u32 = 1;

/// A signal for every process of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TreeSignal {
    /// SIGINT, and SIGCONT after it: a stopped process must be able to obey.
    Interrupt,
    /// SIGTERM, and SIGCONT after it.
    Terminate,
    /// SIGKILL, again and again until nothing is left.
    Kill,
    /// SIGSTOP.
    Stop,
    /// SIGCONT.
    Continue,
}

/// What rally says to the guard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Start the agent. The first line, and only the first.
    Start(Start),
    /// Keep the modes of the terminal whose descriptor is beside this line. Instead of `Start`, and the only line.
    Keep,
    /// Signal every process of the tree.
    Signal(TreeSignal),
    /// Signal these processes of the tree, and no others: what is not of the tree is left alone, as is the
    /// agent's main process.
    SignalSome {
        /// The signal.
        signal: TreeSignal,
        /// Who gets it.
        targets: Vec<Target>,
    },
    /// End what the agent left behind.
    Reap,
}

/// One process of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Its pid.
    pub pid: i32,
    /// Its start time in clock ticks since boot.
    pub start_time: u64,
}

/// What the guard starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Name (looked up in PATH) or path of the agent's program.
    pub program: Text,
    /// Its arguments, without the program.
    pub args: Vec<Text>,
    /// Variables set on top of the guard's own environment.
    pub env: Vec<(Text, Text)>,
    /// The value of [`super::TAG`] in the agent's environment.
    pub tag: String,
    /// What each descriptor beside this line is for. Without `Stdin` the agent reads `/dev/null`;
    /// without `Stderr` its standard error goes where its standard output goes.
    pub pipes: Vec<Pipe>,
    /// The only places that the agent, and whatever comes of it, may write to; `None` confines nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confined: Option<Vec<Text>>,
}

/// The use of one descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pipe {
    /// The read end for the agent's standard input.
    Stdin,
    /// The write end for its standard output.
    Stdout,
    /// The write end for its standard error.
    Stderr,
}

/// What the guard says to rally.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// The agent runs.
    Started {
        /// Its main process.
        agent: ProcessIdentity,
    },
    /// The modes of the terminal are known.
    Keeping,
    /// The agent could not be started, or the terminal not be kept; the guard ends.
    Refused(Refusal),
    /// The agent's main process ended.
    Exited {
        /// How.
        exit: Exit,
        /// What it left running. When empty, `Gone` follows by itself.
        leftovers: Vec<Leftover>,
    },
    /// Nothing of the tree is left; the guard ends.
    Gone {
        /// The processes that had to be ended after the agent's own end.
        leftovers: Vec<Leftover>,
    },
}

/// Why the agent could not be started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// No such program.
    NotFound,
    /// There is such a file, but it cannot be executed; why.
    NotExecutable(String),
    /// Arguments and environment exceed the system's limits.
    TooLong,
    /// Anything else.
    Failed(String),
}

/// A string of the operating system: a JSON string when it is UTF-8, else its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Text {
    /// The usual case.
    Utf8(String),
    /// Anything else.
    Bytes(Vec<u8>),
}

impl From<OsString> for Text {
    fn from(text: OsString) -> Text {
        text.into_string().map_or_else(|text| Text::Bytes(text.as_bytes().to_vec()), Text::Utf8)
    }
}

impl From<Text> for OsString {
    fn from(text: Text) -> OsString {
        match text {
            Text::Utf8(text) => text.into(),
            Text::Bytes(bytes) => OsString::from_vec(bytes),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Line<T> {
    v: u32,
    say: T,
}

#[derive(Deserialize)]
struct Versioned {
    v: u32,
}

/// One line, with its newline.
pub fn encode<T: Serialize>(say: T) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(&Line { v: VERSION, say })?;
    line.push(b'\n');
    Ok(line)
}

/// Reads one line, with or without its newline.
///
/// # Errors
/// `InvalidData` when it is no line of this protocol or of another version.
pub fn decode<T: DeserializeOwned>(line: &[u8]) -> io::Result<T> {
    let bad = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    let Versioned { v } =
        serde_json::from_slice(line).map_err(|e| bad(format!("not a line of the guard protocol: {e}")))?;
    if v != VERSION {
        return Err(bad(format!("version {v} of the guard protocol, this rally speaks {VERSION}")));
    }
    let Line { say, .. } =
        serde_json::from_slice(line).map_err(|e| bad(format!("not a line of the guard protocol: {e}")))?;
    Ok(say)
}

/// Cuts a stream of bytes into lines.
#[derive(Debug, Default)]
pub struct LineBuffer {
    bytes: Vec<u8>,
    /// How much of `bytes` is known to hold no newline, so that a line of many megabytes is
    /// searched only once.
    searched: usize,
}

impl LineBuffer {
    /// Adds what was read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole line, with its newline.
    pub fn next_line(&mut self) -> Option<Vec<u8>> {
        let Some(at) = memchr::memchr(b'\n', &self.bytes[self.searched..]) else {
            self.searched = self.bytes.len();
            return None;
        };
        let rest = self.bytes.split_off(self.searched + at + 1);
        self.searched = 0;
        Some(std::mem::replace(&mut self.bytes, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_form_is_fixed() {
        let text = |say: Command| String::from_utf8(encode(say).unwrap()).unwrap();
        assert_eq!(text(Command::Reap), "{\"v\":1,\"say\":\"reap\"}\n");
        assert_eq!(text(Command::Signal(TreeSignal::Kill)), "{\"v\":1,\"say\":{\"signal\":\"kill\"}}\n");
        let some = Command::SignalSome {
            signal: TreeSignal::Terminate,
            targets: vec![Target { pid: 7, start_time: 9 }],
        };
        assert_eq!(
            text(some),
            "{\"v\":1,\"say\":{\"signal_some\":{\"signal\":\"terminate\",\"targets\":[{\"pid\":7,\"start_time\":9}]}}}\n"
        );
        let gone = encode(Message::Gone { leftovers: vec![Leftover { pid: 7, command: "sleep 1".into() }] });
        assert_eq!(
            String::from_utf8(gone.unwrap()).unwrap(),
            "{\"v\":1,\"say\":{\"gone\":{\"leftovers\":[{\"pid\":7,\"command\":\"sleep 1\"}]}}}\n"
        );
    }

    #[test]
    fn every_string_of_the_system_survives() {
        for bytes in
            [&b"plain"[..], b"", b"new\nline \"quoted\"", b"\xff\xfe no text", "\u{1f600}".as_bytes()]
        {
            let start = Command::Start(Start {
                program: OsString::from_vec(bytes.to_vec()).into(),
                args: vec![],
                env: vec![],
                tag: String::new(),
                pipes: vec![Pipe::Stdout],
                confined: None,
            });
            let Command::Start(back) = decode(&encode(start).unwrap()).unwrap() else { panic!() };
            assert_eq!(OsString::from(back.program).as_bytes(), bytes);
        }
    }

    #[test]
    fn foreign_lines_are_refused_with_a_reason() {
        let why = |line: &str| decode::<Command>(line.as_bytes()).unwrap_err().to_string();
        assert!(why("hello").contains("not a line of the guard protocol"));
        assert!(why(r#"{"v":1,"say":"dance"}"#).contains("dance"));
        assert!(why(r#"{"v":2,"say":{"new":1}}"#).contains("version 2"));
    }

    proptest::proptest! {
        #[test]
        fn lines_do_not_depend_on_how_they_were_cut(
            lines in proptest::collection::vec("[^\n]{0,20}", 0..8), cut in 1_usize..9
        ) {
            let stream: Vec<u8> = lines.iter().flat_map(|l| [l.as_bytes(), b"\n"].concat()).collect();
            let mut buffer = LineBuffer::default();
            let mut seen = Vec::new();
            for piece in stream.chunks(cut) {
                buffer.push(piece);
                while let Some(line) = buffer.next_line() {
                    seen.push(String::from_utf8(line).unwrap().trim_end_matches('\n').to_owned());
                }
            }
            proptest::prop_assert_eq!(seen, lines);
        }
    }
}
