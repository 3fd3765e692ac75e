//! `rally config` as a person meets it: questions in a terminal, answers by keyboard.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use crate::support::{Sandbox, stderr};

/// A conversation with rally in a terminal.
struct Terminal<'s> {
    sandbox: &'s Sandbox,
    child: Box<dyn portable_pty::Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    shown: Arc<Mutex<Vec<u8>>>,
    reader: Option<std::thread::JoinHandle<()>>,
    /// Where the part begins that nobody has waited for yet.
    seen: usize,
}

impl<'s> Terminal<'s> {
    fn open(sandbox: &'s Sandbox, args: &[&str]) -> Terminal<'s> {
        let size = portable_pty::PtySize { rows: 50, cols: 200, ..portable_pty::PtySize::default() };
        let pty = portable_pty::native_pty_system().openpty(size).unwrap();
        let mut command = sandbox.in_terminal(args);
        command.env("TERM", "xterm-256color");
        command.env("NO_COLOR", "1");
        let child = pty.slave.spawn_command(command).unwrap();
        drop(pty.slave);
        let mut output = pty.master.try_clone_reader().unwrap();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let reader = Some(std::thread::spawn({
            let shown = Arc::clone(&shown);
            // When rally is gone, the terminal has no other side any more, which is an error.
            move || {
                let mut bytes = [0; 4096];
                while let Ok(n @ 1..) = output.read(&mut bytes) {
                    shown.lock().unwrap().extend_from_slice(&bytes[..n]);
                }
            }
        }));
        let keys = pty.master.take_writer().unwrap();
        Terminal { sandbox, child, keys, shown, reader, seen: 0 }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).replace('\r', "")
    }

    /// Waits until this is shown, behind what was waited for before.
    fn wait(&mut self, wanted: &str) {
        self.sandbox.wait_for(wanted, || self.text()[self.seen..].contains(wanted));
        self.seen += self.text()[self.seen..].find(wanted).unwrap() + wanted.len();
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Answers a question when it is asked.
    fn answer(&mut self, question: &str, answer: &str) {
        self.wait(&format!("{question}: "));
        self.press(&format!("{answer}\n"));
    }

    /// Leaves the pages from here on as they are; each is known by its first question.
    fn skip(&mut self, questions: &[&str]) {
        for question in questions {
            self.answer(question, ">");
        }
    }

    /// The exit code, and everything that was shown.
    fn end(mut self) -> (u32, String) {
        let code = self.child.wait().unwrap().exit_code();
        self.reader.take().unwrap().join().unwrap();
        let text = self.text();
        self.sandbox.wait_until_nobody_is_left();
        (code, text)
    }
}

/// A test that fails leaves nobody behind who waits for an answer.
impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const MODELS: &str = "antigravity_model [not set; default the CLI's own]";
const FILES: &str = "data_dir [not set; default ~/.local/share/rally]";
const ROLES: &str = "default [not set]";
const PATIENCE: &str = "freeze_threshold_secs [not set; default 900]";
const HARNESSES: &str = "Edit harnesses? [y/N]";

/// The user's file with this text.
fn user_file(sandbox: &Sandbox, text: &str) -> PathBuf {
    let file = sandbox.home().join(".config/rally/config.toml");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, text).unwrap();
    file
}

// 10-M9, 10-2.15, D20, D24: a whole session; what is not asked about stays, byte for byte.
#[test]
fn a_whole_session() {
    let sandbox = Sandbox::new();
    let file = user_file(
        &sandbox,
        "# mine\nfuture = 1 # kept\n\n[reliability]\nstall_threshold_secs = 600 # ten minutes\n\n[routes]\ndefault = ['cc'] # d\nui = ['ge']\n",
    );
    let mut terminal = Terminal::open(&sandbox, &["config"]);
    terminal.wait(&format!("Configuration in {}\n", file.display()));
    terminal.answer("mix [not set]", "cc:0");
    terminal.wait("a quota must be positive");
    terminal.answer("mix [not set]", "cc:2 mycode");
    terminal.answer("iterations [not set]", "ten");
    terminal.wait("must be a number");
    terminal.answer("iterations [not set]", "");
    terminal.answer(MODELS, "");
    terminal.answer("claude_model [not set; default the CLI's own]", "opus");
    terminal.answer("codex_model [not set; default the CLI's own]", ">");
    terminal.skip(&[FILES]);
    terminal.answer("default [cc]", "?");
    terminal.wait("Entries with commas between them");
    terminal.answer("default [cc]", "cc, cx:2");
    terminal.answer("junior [not set]", "");
    terminal.answer("senior [not set]", "");
    terminal.answer("ui [ge]", "-");
    terminal.answer("verify [not set]", "");
    terminal.answer("recovery [not set]", "");
    terminal.answer("Add another role? [y/N]", "y");
    terminal.answer("role (empty when done)", "docs");
    terminal.answer("docs [not set]", "op");
    terminal.answer("role (empty when done)", "");
    terminal.answer("stall_threshold_secs [600]", "700");
    terminal.answer("retry_budget [not set; default 5]", "");
    terminal.answer("liveness_probe [not set; default no]", "");
    terminal.answer("run_timeout_secs [not set; default 4500]", "600");
    terminal.answer("try_timeout_secs [not set; default 3600]", "500");
    terminal.answer("handoff_timeout_secs [not set; default 300]", "999");
    terminal.answer(HARNESSES, "yes");
    terminal.answer("harness (empty when done)", "mycode");
    terminal.answer("command [not set]", "mycode run \"$PROMPT\"");
    terminal.answer("model_flag [not set; default pass none]", "--model");
    terminal.answer("output_strategy [not set; default tail]", "tail");
    terminal.answer("output_lines [not set; default 40]", "");
    terminal.answer("tail_stream [not set; default combined]", "stdout");
    terminal.answer("name for a model (empty when done)", "fast");
    terminal.answer("fast [not set]", "mine/fast-1");
    terminal.answer("name for a model (empty when done)", "");
    terminal.answer("harness (empty when done)", "");
    terminal.wait("  routes.ui: [\"ge\"] -> removed\n");
    // The loader has the last word: decisions.md has timeouts honoured as written, the handoff window clamped.
    terminal
        .wait("999 s, which does not fit into the shorter of run and try timeout (500 s); 499 s are used");
    terminal.answer(&format!("Save to {}? [Save/discard/back]", file.display()), "save");
    let (code, text) = terminal.end();
    assert_eq!(code, 0, "{text}");
    assert!(text.ends_with(&format!("Saved {}\n", file.display())), "{text}");
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        "# mine\nfuture = 1 # kept\n\n[reliability]\nstall_threshold_secs = 700 # ten minutes\nrun_timeout_secs = 600\n\
         try_timeout_secs = 500\nhandoff_timeout_secs = 999\n\n[routes]\ndefault = [\"cc\", \"cx:2\"] # d\ndocs = [\"op\"]\n\n\
         [defaults]\nmix = \"cc:2 mycode\"\nclaude_model = \"opus\"\n\n[harness.mycode]\n\
         command = [\"mycode\", \"run\", \"$PROMPT\"]\nmodel_flag = \"--model\"\noutput_strategy = \"tail\"\n\
         tail_stream = \"stdout\"\n\n[harness.mycode.models]\nfast = \"mine/fast-1\"\n"
    );
}

// 10-2.15: discarding is no failure.
#[test]
fn a_discard_leaves_the_file_alone() {
    let sandbox = Sandbox::new();
    let before = "[defaults]\nmix = 'cc'\n";
    let file = user_file(&sandbox, before);
    let mut terminal = Terminal::open(&sandbox, &["config"]);
    terminal.answer("mix [cc]", "cx");
    terminal.skip(&["iterations [not set]", MODELS, FILES, ROLES, PATIENCE, HARNESSES]);
    terminal.answer("[Save/discard/back]", "discard");
    let (code, text) = terminal.end();
    assert_eq!(code, 0);
    assert!(text.ends_with(&format!("Discarded; {} is as it was\n", file.display())), "{text}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
}

// D24: an abort says what was answered; nothing is written. decisions.md: 128+n.
#[test]
fn an_interrupt_writes_nothing_and_says_what_is_lost() {
    let sandbox = Sandbox::new();
    let mut terminal = Terminal::open(&sandbox, &["config"]);
    terminal.answer("mix [not set]", "cc cx");
    terminal.wait("iterations [not set]: ");
    terminal.press("7\x03");
    let (code, text) = terminal.end();
    assert_eq!(code, 130, "{text}");
    let file = sandbox.home().join(".config/rally/config.toml");
    assert!(text.contains(&format!("Aborted; {} is as it was. Not saved:\n", file.display())), "{text}");
    assert!(
        text.contains("  defaults.mix: not set -> \"cc cx\"\n") && !text.contains("iterations: "),
        "{text}"
    );
    assert!(!file.exists());
}

// D24: the end of the input in a loop loses no answer.
#[test]
fn the_end_of_the_input_leads_to_saving() {
    let sandbox = Sandbox::new();
    let mut terminal = Terminal::open(&sandbox, &["config"]);
    terminal.skip(&["mix [not set]", MODELS, FILES]);
    terminal.answer(ROLES, "cc");
    for role in ["junior", "senior", "ui", "verify", "recovery"] {
        terminal.answer(&format!("{role} [not set]"), "");
    }
    terminal.answer("Add another role? [y/N]", "y");
    terminal.wait("role (empty when done): ");
    terminal.press("\x04");
    terminal.answer("[Save/discard/back]", "");
    let (code, text) = terminal.end();
    assert_eq!(code, 0, "{text}");
    let saved = std::fs::read_to_string(sandbox.home().join(".config/rally/config.toml")).unwrap();
    assert_eq!(saved, "schema_version = 2\n\n[routes]\ndefault = [\"cc\"]\n");

    let mut terminal = Terminal::open(&sandbox, &["config"]);
    terminal.answer("mix [not set]", "cc");
    terminal.wait("iterations [not set]: ");
    terminal.press("\x04");
    terminal.wait("[Save/discard/back]: ");
    terminal.press("\x04");
    let (code, text) = terminal.end();
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("Aborted; ") && text.contains("defaults.mix: not set -> \"cc\""), "{text}");
}

// D24: with --repo it is the repository's file that is named, filled in and written, and no other.
#[test]
fn the_file_of_the_repository() {
    let sandbox = Sandbox::new();
    let own = user_file(&sandbox, "[defaults]\nmix = 'op'\n");
    sandbox.write(".rally/config.toml", "# this repository\n");
    let file = sandbox.repo().join(".rally/config.toml");
    let mut terminal = Terminal::open(&sandbox, &["config", "--repo"]);
    terminal.wait("What is not set here comes from your own configuration.");
    terminal.answer("mix [not set]", "");
    terminal.answer("iterations [not set]", "3");
    terminal.wait(MODELS);
    terminal.press("\x04");
    terminal.answer(&format!("Save to {}? [Save/discard/back]", file.display()), "");
    assert_eq!(terminal.end().0, 0);
    assert_eq!(
        sandbox.read(".rally/config.toml"),
        "# this repository\n\nschema_version = 2\n\n[defaults]\niterations = 3\n"
    );
    assert_eq!(std::fs::read_to_string(own).unwrap(), "[defaults]\nmix = 'op'\n");
}

// What another editor saved meanwhile is not overwritten. D24: what cannot be saved is told, so that it can be typed again.
#[test]
fn answers_that_cannot_be_saved_are_told() {
    let sandbox = Sandbox::new();
    let file = user_file(&sandbox, "[defaults]\nmix = 'cc'\n");
    let mut terminal = Terminal::open(&sandbox, &["config"]);
    terminal.answer("mix [cc]", "cx");
    terminal.wait("iterations [not set]: ");
    std::fs::write(&file, "[defaults]\nmix = 'op'\n").unwrap();
    terminal.press("\x04");
    terminal.answer("[Save/discard/back]", "");
    let (code, text) = terminal.end();
    assert_eq!(code, 1);
    assert!(text.contains("Not saved:\n  defaults.mix: \"cc\" -> \"cx\"\n"), "{text}");
    assert!(text.contains("error: ") && text.contains("was changed by somebody else meanwhile"), "{text}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "[defaults]\nmix = 'op'\n");
}

// A number of mistakes that stays the same may be other mistakes: it is `set` that decides what is new.
#[test]
fn another_mistake_is_a_new_one() {
    let sandbox = Sandbox::new();
    let before = "[defaults]\nmix = 'mycode'\n";
    let file = user_file(&sandbox, before);
    let mut terminal = Terminal::open(&sandbox, &["config"]);
    terminal.wait("error: ");
    terminal.wait("unknown agent alias \"mycode\"");
    terminal.answer("mix [mycode]", "hiscode");
    terminal.wait("iterations [not set]: ");
    terminal.press("\x04");
    terminal.wait("unknown agent alias \"hiscode\"");
    terminal.answer("[save/discard/Back]", "discard");
    assert_eq!(terminal.end().0, 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
}

// D34: a file with mistakes opens, and can be repaired; one that is no TOML names its line and the way out.
#[test]
fn broken_files() {
    let sandbox = Sandbox::new();
    let file = user_file(&sandbox, "[reliability]\nretry_budget = 'many'\n");
    let mut terminal = Terminal::open(&sandbox, &["config"]);
    terminal.wait(":2: [reliability].retry_budget must be a whole number");
    terminal.skip(&["mix [not set]", MODELS, FILES, ROLES]);
    terminal.answer(PATIENCE, "");
    terminal.answer("retry_budget [many; must be a number]", "4");
    terminal.wait("liveness_probe");
    terminal.press("\x04");
    terminal.answer("[Save/discard/back]", "");
    let (code, text) = terminal.end();
    assert_eq!(code, 0, "{text}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "[reliability]\nretry_budget = 4\n");

    let broken = "ok = 1\n[defaults\nmix = 'cc'\n";
    std::fs::write(&file, broken).unwrap();
    let (code, text) = Terminal::open(&sandbox, &["config"]).end();
    assert_eq!(code, 1);
    assert!(text.contains("config.toml:2: not valid TOML") && text.contains("rally config edit"), "{text}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), broken);
}

// 10-2.15: without a terminal there is nobody to ask.
#[test]
fn without_a_terminal_it_names_the_other_ways() {
    let sandbox = Sandbox::new();
    let output = sandbox.rally(["config"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("rally config get, set, unset, list or edit"), "{}", stderr(&output));
}
