//! A log that is being written.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rally::model::Outcome;
use rally::model::time::now;

use super::*;

/// A `rally tail` that goes on, and what it has printed.
struct Following {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
}

impl Following {
    fn start(sandbox: &Sandbox, args: &[&str]) -> Following {
        let mut command = sandbox.rally(["tail"].iter().chain(args));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Following { child, out }
    }

    fn expect(&mut self, text: &str) {
        let mut bytes = vec![0; text.len()];
        self.out.read_exact(&mut bytes).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), text);
    }

    /// Waits for its end; says the rest of what it printed, and its remarks.
    fn end(mut self) -> (String, String) {
        let (mut rest, mut remarks) = (String::new(), String::new());
        self.out.read_to_string(&mut rest).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut remarks).unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(status.success());
                return (rest, remarks);
            }
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn append(log: &Path, text: &str) {
    let mut file = std::fs::OpenOptions::new().append(true).open(log).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

// 10-L5, 10-L8; deviation 10-D22: it ends when the try is over.
#[test]
fn a_running_try_is_followed_to_its_end() {
    let sandbox = Sandbox::new();
    let mut store = with_tries(&sandbox, &[Outcome::Completed]);
    let started = store.allocate_try(new_try(1, 2, 1), at(5)).unwrap();
    let log = Path::new(&started.log_path);
    append(log, "one\n");
    let mut by_default = Following::start(&sandbox, &[]);
    let mut by_id = Following::start(&sandbox, &["--try", "2"]);
    for following in [&mut by_default, &mut by_id] {
        following.expect("one\n");
    }
    append(log, "two ");
    for following in [&mut by_default, &mut by_id] {
        following.expect("two ");
    }
    append(log, "three\nlast");
    store.finish_try(ended(&started, Outcome::Failed)).unwrap();
    for following in [by_default, by_id] {
        assert_eq!(following.end(), ("three\nlast".into(), String::new()));
    }
    assert_eq!(tail(&sandbox, &[]).0, "log 1\n", "now the completed one is the newest");
}

#[test]
fn following_ends_when_the_rally_that_ran_the_try_is_gone() {
    let sandbox = Sandbox::new();
    let mut store = with_tries(&sandbox, &[]);
    let started = store.allocate_try(new_try(1, 1, 1), at(5)).unwrap();
    append(Path::new(&started.log_path), "one\n");
    let mut following = Following::start(&sandbox, &[]);
    following.expect("one\n");
    append(Path::new(&started.log_path), "two");
    drop(store);
    assert_eq!(following.end().0, "two");
    let (out, error, code) = tail(&sandbox, &[]);
    assert_eq!((&*out, code), ("one\ntwo", 0));
    assert!(error.contains("try 1 was cut"), "{error}");
}

// 10-L8: the marker of the earlier program, in a workspace without any record.
#[test]
fn a_marked_try_is_followed_until_the_marker_goes() {
    let sandbox = Sandbox::new();
    let store = with_tries(&sandbox, &[]);
    let log = sandbox.root().join("active.log");
    std::fs::write(&log, "one\n").unwrap();
    mark(&store, 1, 7, &log, now());
    let mut following = Following::start(&sandbox, &[]);
    following.expect("one\n");
    std::fs::write(&log, "x\n").unwrap();
    following.expect("x\n");
    let other = sandbox.root().join("other.log");
    std::fs::write(&other, "replaced\n").unwrap();
    std::fs::rename(&other, &log).unwrap();
    following.expect("replaced\n");
    store.clear_active().unwrap();
    assert_eq!(following.end().0, "");
}

#[test]
fn following_ends_when_nobody_reads() {
    let sandbox = Sandbox::new();
    let mut store = with_tries(&sandbox, &[]);
    let started = store.allocate_try(new_try(1, 1, 1), at(5)).unwrap();
    append(Path::new(&started.log_path), "one\ntwo\n");
    let mut following = Following::start(&sandbox, &[]);
    let mut line = String::new();
    following.out.read_line(&mut line).unwrap();
    assert_eq!(line, "one\n");
    let Following { child, out } = following;
    drop(out);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "silently: {output:?}");
    assert_eq!(stderr(&output), "");
}

// From its first byte: the log of a try that has just begun is still to come.
#[test]
fn a_log_that_is_being_created_is_followed_from_its_first_byte() {
    let sandbox = Sandbox::new();
    let mut store = with_tries(&sandbox, &[Outcome::Completed]);
    let started = store.allocate_try(new_try(1, 2, 1), at(5)).unwrap();
    let log = Path::new(&started.log_path);
    std::fs::remove_file(log).unwrap();
    assert_eq!(
        tail(&sandbox, &["--no-follow"]),
        (String::new(), format!("note: try 2 has printed nothing: {} does not exist\n", log.display()), 0)
    );
    let mut following: Vec<Following> =
        [&[][..], &["--try", "2"], &["--pretty"]].map(|args| Following::start(&sandbox, args)).into();
    std::fs::write(log, "first\n").unwrap();
    for following in &mut following {
        following.expect("first\n");
    }
    store.finish_try(ended(&started, Outcome::Failed)).unwrap();
    for following in following {
        assert_eq!(following.end(), (String::new(), String::new()));
    }
}

// A try ends, and the next one begins: whoever follows the first has seen all of it.
#[test]
fn the_next_try_is_another_tail() {
    let sandbox = Sandbox::new();
    let mut store = with_tries(&sandbox, &[]);
    let first = store.allocate_try(new_try(1, 1, 1), at(5)).unwrap();
    append(Path::new(&first.log_path), "one\n");
    let mut following = Following::start(&sandbox, &[]);
    following.expect("one\n");
    append(Path::new(&first.log_path), "last words");
    store.finish_try(ended(&first, Outcome::Failed)).unwrap();
    let second = store.allocate_try(new_try(1, 1, 2), at(6)).unwrap();
    append(Path::new(&second.log_path), "of another\n");
    assert_eq!(following.end().0, "last words");
}

// Piece by piece, cut, and replaced, while it is rendered.
#[test]
fn what_is_rendered_is_followed_too() {
    let sandbox = Sandbox::new();
    let mut store = with_tries(&sandbox, &[]);
    let started = store.allocate_try(new_try(1, 1, 1), at(5)).unwrap();
    let log = Path::new(&started.log_path);
    let said = |text: &str| {
        format!(
            "{{\"type\":\"assistant\",\"session_id\":\"s\",\"message\":{{\"content\":[{{\"type\":\"text\",\"text\":{text:?}}}]}}}}\n"
        )
    };
    let event = said("hello");
    append(log, &event[..30]);
    let mut following = Following::start(&sandbox, &["--pretty"]);
    append(log, &format!("{}Waiting for login", &event[30..]));
    following.expect("hello\nWaiting for login");
    append(log, "… ok\n");
    following.expect("… ok\n");
    std::fs::write(log, said("cut")).unwrap();
    following.expect("cut\n");
    let other = sandbox.root().join("other.log");
    std::fs::write(&other, said("replaced")).unwrap();
    std::fs::rename(&other, log).unwrap();
    following.expect("replaced\n");
    append(log, r#"{"type":"resu"#);
    drop(store);
    assert_eq!(following.end().0, "{\"type\":\"resu\n", "a torn end is not lost");
}
