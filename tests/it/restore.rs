//! The terminal is given back at every kind of end, and while rally is stopped.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use portable_pty::{PtySize, native_pty_system};
use rally::terminal::Keys;
use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{InputModes, LocalModes, OptionalActions, OutputModes, SpecialCodeIndex, Termios};

use crate::support::{Sandbox, Terminal, inside, under_nohup};

/// Works until it is told to go on.
const AT_WORK: &str = "init; here; await go; echo x > made-$N.txt; result ok";

/// Asks for a wait of more than four minutes.
const LIMITED: &str = "init; here; echo '429 rate limit exceeded, retry after 250 seconds'; exit 1";

/// A relay at a terminal whose modes are no usual ones.
struct Scene {
    sandbox: Sandbox,
    terminal: Terminal,
    device: PathBuf,
    found: String,
}

impl Scene {
    /// rally alone in a terminal, with single keys.
    fn start(script: &str, args: &[&str]) -> Scene {
        let relay =
            format!("exec {} relay --agent cc {} work", Sandbox::rally_path().display(), args.join(" "));
        let scene = Scene::shell(script, &relay);
        scene.sandbox.wait_for_note("here.1");
        scene.wait_for_raw();
        scene
    }

    /// Runs `commands` in a shell, once the modes of its terminal are set.
    fn shell(script: &str, commands: &str) -> Scene {
        let sandbox = Sandbox::initialised();
        sandbox.claude(script);
        let mut shell = sandbox.command("sh");
        shell.args(["-c", &format!("read begin; {commands}")]);
        let mut terminal = Terminal::start(&shell, 24, 100);
        let device = terminal.device();
        change(&device, |modes| {
            modes.local_modes.remove(LocalModes::ECHOK);
            modes.special_codes[SpecialCodeIndex::VERASE] = 8;
        });
        let found = told(&device);
        terminal.press(b"\n");
        Scene { sandbox, terminal, device, found }
    }

    fn is_raw(&self) -> bool {
        let modes = modes(&self.device);
        let lines = LocalModes::ICANON | LocalModes::ECHO | LocalModes::IEXTEN;
        !modes.local_modes.intersects(lines) && modes.special_codes[SpecialCodeIndex::VSUSP] == 0
    }

    fn wait_for_raw(&self) {
        self.sandbox.wait_for("single keys", || self.is_raw());
    }

    fn wait_for_shown(&self, text: &str) {
        self.sandbox.wait_for(text, || self.terminal.shown().contains(text));
    }

    fn rally(&self) -> i32 {
        self.terminal.pid()
    }

    fn keeper(&self) -> Option<i32> {
        keeper(self.rally(), &self.device)
    }

    /// rally, when it is not alone in its terminal.
    fn lock_holder(&self) -> i32 {
        let lock = std::fs::read_to_string(self.sandbox.repo().join(".rally/state/lock")).unwrap();
        lock.split(|c: char| !c.is_ascii_digit()).find(|n| !n.is_empty()).unwrap().parse().unwrap()
    }

    /// The process in the terminal's foreground.
    fn foreground(&self) -> i32 {
        let shell = std::fs::read_to_string(format!("/proc/{}/stat", self.terminal.pid())).unwrap();
        shell.rsplit(')').next().unwrap().split_whitespace().nth(5).unwrap().parse().unwrap()
    }

    /// Nobody is left who could restore anything any more, and the modes are these.
    #[track_caller]
    fn expect_at_the_end(&self, modes: &str, what: &str) {
        self.sandbox.wait_until_nobody_is_left();
        assert_eq!(told(&self.device), modes, "{what}\n{}", self.terminal.shown());
    }
}

fn open(device: &Path) -> File {
    let flags = OFlags::NOCTTY.bits().cast_signed();
    File::options().read(true).write(true).custom_flags(flags).open(device).unwrap()
}

fn modes(device: &Path) -> Termios {
    rustix::termios::tcgetattr(open(device)).unwrap()
}

/// All modes, comparable and readable.
fn told(device: &Path) -> String {
    format!("{:#?}", modes(device))
}

/// What somebody with `stty` at another terminal does.
fn change(device: &Path, change: impl FnOnce(&mut Termios)) {
    let device = open(device);
    let mut modes = rustix::termios::tcgetattr(&device).unwrap();
    change(&mut modes);
    rustix::termios::tcsetattr(&device, OptionalActions::Now, &modes).unwrap();
}

fn send(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

/// The keeper of a rally: of its children the one that has the terminal.
fn keeper(rally: i32, device: &Path) -> Option<i32> {
    let children = std::fs::read_to_string(format!("/proc/{rally}/task/{rally}/children")).unwrap();
    let children = children.split_whitespace().map(|pid| pid.parse::<i32>().unwrap());
    let has_terminal = |pid: &i32| {
        let Ok(descriptors) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
        descriptors.flatten().any(|fd| std::fs::read_link(fd.path()).is_ok_and(|file| file == device))
    };
    children.into_iter().find(has_terminal)
}

/// How many threads of a rally read keys.
fn readers(rally: i32) -> usize {
    let threads = std::fs::read_dir(format!("/proc/{rally}/task")).unwrap().flatten();
    let names = threads.map(|thread| std::fs::read_to_string(thread.path().join("comm")).unwrap_or_default());
    names.filter(|name| name == "keys\n").count()
}

/// The state letter of a process.
fn state(pid: i32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next())
}

// 30-17: what single keys need, and nothing more
#[test]
fn only_what_single_keys_need_is_changed() {
    let mut scene = Scene::start(AT_WORK, &[]);
    let modes = modes(&scene.device);
    assert!(
        !modes.input_modes.intersects(InputModes::IXON | InputModes::ICRNL),
        "Ctrl+S is a key, Enter is CR"
    );
    assert!(
        modes.local_modes.contains(LocalModes::ISIG) && modes.special_codes[SpecialCodeIndex::VINTR] == 0
    );
    assert_ne!(modes.special_codes[SpecialCodeIndex::VQUIT], 0, "Ctrl+\\ still sends a signal");
    assert!(modes.output_modes.contains(OutputModes::OPOST), "a line feed begins a new line");
    scene.sandbox.release("go");
    assert_eq!(scene.terminal.exit_code_at_end(), 0);
}

type End = (&'static str, &'static str, fn(&mut Scene), u32);

/// What ends a relay in order, and its exit code.
const ENDS: [End; 7] = [
    ("its end", AT_WORK, |scene| scene.sandbox.release("go"), 0),
    ("a failure", "init; here; await go; failed broken", |scene| scene.sandbox.release("go"), 1),
    (
        "Ctrl+C twice",
        AT_WORK,
        |scene| {
            scene.terminal.press(b"\x03");
            scene.wait_for_shown("again to quit");
            scene.terminal.press(b"\x03");
        },
        130,
    ),
    ("Ctrl+\\", AT_WORK, |scene| scene.terminal.press(b"\x1c"), 131),
    ("TERM", AT_WORK, |scene| send(scene.rally(), Signal::TERM), 143),
    ("HUP", AT_WORK, |scene| send(scene.rally(), Signal::HUP), 129),
    ("QUIT", AT_WORK, |scene| send(scene.rally(), Signal::QUIT), 131),
];

// 50-R20, 20-20 item 47: equal modes before and after, whatever ended it; and no keeper is left
#[test]
fn every_orderly_end_gives_the_terminal_back() {
    std::thread::scope(|scope| {
        for (what, script, end, code) in ENDS {
            if what == "HUP" && under_nohup() {
                continue;
            }
            scope.spawn(move || {
                let mut scene = Scene::start(script, &[]);
                end(&mut scene);
                assert_eq!(scene.terminal.exit_code_at_end(), code, "{what}\n{}", scene.terminal.shown());
                assert_eq!(told(&scene.device), scene.found, "{what}");
                assert!(scene.sandbox.alive().is_empty(), "{what}");
            });
        }
    });
}

// 50-R20: between two tries no agent's guard lives
#[test]
fn killed_in_a_try_or_in_a_wait_the_terminal_is_given_back() {
    for (script, state) in [(AT_WORK, "last activity"), (LIMITED, "rate limit, ")] {
        let mut scene = Scene::start(script, &[]);
        scene.wait_for_shown(state);
        send(scene.rally(), Signal::KILL);
        scene.terminal.exit_code_at_end();
        scene.expect_at_the_end(&scene.found, state);
    }
}

// 60 "Terminal": the shell that follows may have set the modes of its line editor
#[test]
fn modes_that_others_have_set_are_theirs() {
    let mut scene = Scene::start(AT_WORK, &[]);
    let (rally, keeper) = (scene.rally(), scene.keeper().unwrap());
    // So that nobody is faster than this test.
    send(keeper, Signal::STOP);
    send(rally, Signal::KILL);
    scene.terminal.exit_code_at_end();
    change(&scene.device, |modes| modes.input_modes.insert(InputModes::INLCR));
    let theirs = told(&scene.device);
    send(keeper, Signal::CONT);
    scene.expect_at_the_end(&theirs, "killed");
    assert_ne!(theirs, scene.found);
}

// A read of nothing would be the end of input: an interactive shell leaves then
#[test]
fn who_reads_before_the_terminal_is_restored_waits() {
    let relay = Sandbox::rally_path().display();
    let commands = format!("{relay} relay --agent cc work; echo rally is gone; read line; echo it was $line");
    let mut scene = Scene::shell(AT_WORK, &commands);
    scene.sandbox.wait_for_note("here.1");
    scene.wait_for_raw();
    let rally = scene.lock_holder();
    let keeper = keeper(rally, &scene.device).unwrap();
    send(keeper, Signal::STOP);
    send(rally, Signal::KILL);
    scene.wait_for_shown("rally is gone");
    let shell = scene.terminal.pid();
    scene.sandbox.wait_for("the shell to read", || state(shell) != Some('R'));
    send(keeper, Signal::CONT);
    scene.sandbox.wait_for("its line editing", || !scene.is_raw());
    scene.terminal.press(b"well\n");
    scene.wait_for_shown("it was well");
    assert_eq!(scene.terminal.exit_code_at_end(), 0);
    scene.expect_at_the_end(&scene.found, "read before");
}

#[test]
fn without_its_keeper_rally_gives_the_terminal_back_itself() {
    let mut scene = Scene::start(AT_WORK, &[]);
    send(scene.keeper().unwrap(), Signal::KILL);
    scene.sandbox.release("go");
    assert_eq!(scene.terminal.exit_code_at_end(), 0);
    scene.expect_at_the_end(&scene.found, "without a keeper");
}

// A keeper is no orphan: neither for rally, which ends what a killed guard left, nor for doctor
#[test]
fn a_keeper_is_no_orphan() {
    let script = "if [ $N = 1 ]; then setsid sleep 600 & init; here; sleep 601; fi; init; here; await go; \
                  echo x > made.txt; result ok";
    let mut scene = Scene::start(script, &[]);
    let keeper = scene.keeper().unwrap();
    let guard = || {
        let mut journal = scene.sandbox.whole_records(".rally/state/journal.jsonl").into_iter();
        journal.find(|line| line["fact"] == "try_spawned").map(|line| line["guard"]["pid"].as_i64().unwrap())
    };
    scene.sandbox.wait_for("the journal to tell", || guard().is_some());
    send(i32::try_from(guard().unwrap()).unwrap(), Signal::KILL);
    scene.sandbox.wait_for_note("here.2");
    assert_eq!(scene.keeper(), Some(keeper));
    let doctor = scene.sandbox.rally(["doctor", "--json"]).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let leftovers = report["findings"].as_array().unwrap().iter().filter(|one| one["group"] == "leftovers");
    assert!(leftovers.clone().all(|one| one["level"] == "ok" || one["level"] == "note"), "{report:#}");
    assert!(leftovers.count() > 0, "{report:#}");
    scene.sandbox.release("go");
    assert_eq!(scene.terminal.exit_code_at_end(), 0);
    scene.expect_at_the_end(&scene.found, "after a sweep");
}

// 50-R20, 50-R5: stopped with the terminal as it was; continued with the terminal as it is then
#[test]
fn a_stop_gives_the_terminal_back_and_a_continue_takes_it_again() {
    let mut scene = Scene::start(AT_WORK, &[]);
    let rally = scene.rally();
    scene.terminal.press(b"\x1a");
    scene.sandbox.wait_for("rally to stop", || state(rally) == Some('T'));
    assert_eq!(told(&scene.device), scene.found);
    change(&scene.device, |modes| modes.local_modes.remove(LocalModes::ECHOE));
    let found = told(&scene.device);
    send(rally, Signal::CONT);
    scene.wait_for_raw();
    scene.sandbox.release("go");
    assert_eq!(scene.terminal.exit_code_at_end(), 0);
    assert_eq!(told(&scene.device), found);
}

// Stopped from outside, rally cannot give anything back; its shell does, and rally notices
#[test]
fn modes_that_a_shell_has_set_meanwhile_are_taken_anew() {
    let mut scene = Scene::start(AT_WORK, &[]);
    let rally = scene.rally();
    send(rally, Signal::STOP);
    scene.sandbox.wait_for("rally to stop", || state(rally) == Some('T'));
    change(&scene.device, |modes| {
        modes.local_modes.insert(LocalModes::ICANON | LocalModes::ECHO | LocalModes::IEXTEN);
        modes.special_codes[SpecialCodeIndex::VSUSP] = 0x1a;
    });
    let found = told(&scene.device);
    send(rally, Signal::CONT);
    scene.wait_for_raw();
    scene.terminal.press(b"\x03");
    scene.wait_for_shown("again to quit");
    scene.sandbox.release("go");
    assert_eq!(scene.terminal.exit_code_at_end(), 0);
    assert_eq!(told(&scene.device), found);
}

// Until rally takes it anew, a Ctrl+C comes as a signal, and is still the first of two
#[test]
fn a_press_among_modes_of_others_is_a_press() {
    let mut scene = Scene::start(AT_WORK, &[]);
    let raw = modes(&scene.device).special_codes[SpecialCodeIndex::VINTR];
    change(&scene.device, |modes| modes.special_codes[SpecialCodeIndex::VINTR] = 3);
    scene.terminal.press(b"\x03");
    scene.wait_for_shown("again to quit");
    assert_eq!(raw, 0);
    scene.sandbox.release("go");
    assert_eq!(scene.terminal.exit_code_at_end(), 0);
}

// 20-AF-KB-08
#[test]
fn forty_stops_leave_no_reader_and_no_keeper() {
    let mut scene = Scene::start(AT_WORK, &[]);
    let rally = scene.rally();
    let count = |what: &str| std::fs::read_dir(format!("/proc/{rally}/{what}")).unwrap().count();
    let descriptors = count("fd");
    for _ in 0..40 {
        scene.terminal.press(b"\x1a");
        scene.sandbox.wait_for("rally to stop", || state(rally) == Some('T') && !scene.is_raw());
        assert_eq!((readers(rally), scene.keeper()), (0, None));
        send(rally, Signal::CONT);
        scene.sandbox.wait_for("rally to go on", || state(rally) != Some('T') && scene.is_raw());
        scene.sandbox.wait_for("its reader", || readers(rally) == 1);
    }
    assert!(count("fd") < descriptors + 20, "{} and more descriptors, {} before", count("fd"), descriptors);
    scene.sandbox.release("go");
    assert_eq!(scene.terminal.exit_code_at_end(), 0);
    assert_eq!(told(&scene.device), scene.found);
}

// A terminal that hangs up is readable for ever; rally goes on without it under `nohup`
#[test]
fn nobody_reads_a_terminal_that_is_gone() {
    let sandbox = Sandbox::initialised();
    sandbox.claude(AT_WORK);
    let relay = format!(
        "trap '' HUP; exec {} relay --agent cc work >/dev/null 2>&1",
        Sandbox::rally_path().display()
    );
    let mut command = sandbox.command("sh");
    command.args(["-c", &relay]);
    // Without a reader, which would hold the terminal.
    let pty = native_pty_system().openpty(PtySize::default()).unwrap();
    let device = pty.master.tty_name().unwrap();
    let mut child = pty.slave.spawn_command(inside(&command)).unwrap();
    drop(pty.slave);
    let rally = child.process_id().unwrap().cast_signed();
    sandbox.wait_for_note("here.1");
    sandbox.wait_for("single keys", || !modes(&device).local_modes.contains(LocalModes::ICANON));
    let keeper = keeper(rally, &device).unwrap();
    sandbox.wait_for("a reader", || readers(rally) == 1);
    drop(pty.master);
    sandbox.wait_for("the reader to end", || readers(rally) == 0);
    sandbox.wait_for("the keeper to end", || state(keeper).is_none_or(|state| state == 'Z'));
    sandbox.release("go");
    assert_eq!(child.wait().unwrap().exit_code(), 0);
    assert_eq!(sandbox.tries()[0]["outcome"], "completed");
    sandbox.wait_until_nobody_is_left();
}

// 30-23.U5: what is piped is nobody's keyboard; not a byte of it is taken
#[test]
fn standard_input_that_is_no_terminal_is_left_alone() {
    let relay = format!(
        "printf '\\003\\003left\\n' | ({} relay --agent cc work; sed -n 's/^..left/untouched/p')",
        Sandbox::rally_path().display()
    );
    let mut scene = Scene::shell(AT_WORK, &relay);
    scene.wait_for_shown("last activity");
    assert_eq!(told(&scene.device), scene.found);
    scene.sandbox.release("go");
    assert_eq!(scene.terminal.exit_code_at_end(), 0);
    let shown = scene.terminal.shown();
    assert!(shown.contains("untouched") && shown.contains("1 passed"), "{shown}");
}

// Nobody holds the pipe open that rally wrote into
#[test]
fn what_rally_printed_into_ends_with_it() {
    let relay = format!(
        "{} relay --agent cc work 2>&1 3>&1 | cat; echo all is over",
        Sandbox::rally_path().display()
    );
    let mut scene = Scene::shell(AT_WORK, &relay);
    scene.sandbox.wait_for_note("here.1");
    scene.wait_for_raw();
    let rally = scene.lock_holder();
    send(rally, Signal::KILL);
    scene.wait_for_shown("all is over");
    assert_eq!(scene.terminal.exit_code_at_end(), 0);
    scene.expect_at_the_end(&scene.found, "in a pipeline");
}

/// Its device, for the child of the test below.
const PANICS: &str = "RALLY_TEST_PANICS";

// The release build aborts: nothing is dropped, and the panic's own lines must stand as they should
#[test]
fn a_panic_gives_the_terminal_back_before_it_is_reported() {
    if std::env::var_os(PANICS).is_some() {
        return panic_elsewhere();
    }
    let sandbox = Sandbox::without_repository();
    let itself = std::env::current_exe().unwrap();
    let mut command = sandbox.command(itself);
    let name = "restore::a_panic_gives_the_terminal_back_before_it_is_reported";
    command.args(["--exact", name, "--nocapture"]).env(PANICS, "yes");
    let mut terminal = Terminal::start(&command, 24, 200);
    let device = terminal.device();
    let shows = |text: &str| terminal.shown().contains(text);
    sandbox.wait_for("single keys", || shows("ready"));
    let raw = told(&device);
    terminal.press(b"\r");
    sandbox.wait_for("the report", || terminal.shown().contains("for a good reason"));
    sandbox.wait_for("the words after it", || terminal.shown().contains("still here"));
    let restored = told(&device);
    assert_ne!(raw, restored);
    assert!(modes(&device).local_modes.contains(LocalModes::ICANON | LocalModes::ECHO));
    terminal.exit_code_at_end();
    assert_eq!(told(&device), restored);
}

/// Panics in another thread, so that no drop restores anything.
#[allow(clippy::print_stdout, reason = "it is the child of a test")]
fn panic_elsewhere() {
    use rally::relay::keyboard::{Keyboard, Press};
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let program = rally::process::GuardProgram::at(Sandbox::rally_path());
    let mut keys = Keys::kept_by(program, |why| panic!("{why}"));
    println!("ready");
    let press = runtime.block_on(std::future::poll_fn(|context| keys.poll_press(context)));
    assert_eq!(press, Press::Enter);
    let panicked = std::thread::spawn(|| panic!("for a good reason")).join();
    assert!(panicked.is_err());
    println!("still here");
    // Nothing is dropped.
    std::process::abort();
}

/// A shell with job control, which leaves the modes of its terminal alone.
struct Shell {
    scene: Scene,
    typed: usize,
}

impl Shell {
    fn start() -> Option<Shell> {
        if !Path::new("/bin/bash").exists() {
            return None;
        }
        let bash = "PS1='> ' exec /bin/bash --norc --noprofile --noediting -i";
        let shell = Shell { scene: Scene::shell(AT_WORK, bash), typed: 0 };
        shell.scene.wait_for_shown("> ");
        Some(shell)
    }

    fn enter(&mut self, command: &str) {
        self.scene.terminal.press(format!("{command}\n").as_bytes());
    }

    /// Starts rally; the command line goes on with `rest`.
    fn relay(&mut self, rest: &str) {
        self.enter(&format!("{} relay --agent cc work {rest}", Sandbox::rally_path().display()));
        self.scene.sandbox.wait_for_note("here.1");
    }

    /// The shell reads what is typed, and all of it.
    #[track_caller]
    fn obeys(&mut self) {
        self.typed += 1;
        let note = format!("typed.{}", self.typed);
        self.enter(&format!("touch '{}'", self.scene.sandbox.notes().join(&note).display()));
        self.scene.sandbox.wait_for_note(&note);
    }

    /// The shell has the terminal, as it was.
    fn is_back(&mut self) {
        let scene = &self.scene;
        // Before that, what is typed is still rally's.
        scene.sandbox.wait_for("the shell", || scene.foreground() == scene.terminal.pid());
        self.obeys();
        assert_eq!(told(&self.scene.device), self.scene.found, "{}", self.scene.terminal.shown());
    }

    fn leave(mut self) {
        self.is_back();
        self.enter("exit");
        self.scene.terminal.exit_code_at_end();
        self.scene.expect_at_the_end(&self.scene.found, "after the shell");
    }
}

// In the background rally neither reads nor sets modes, for which it would be stopped
#[test]
fn in_the_background_the_terminal_is_the_shells() {
    let Some(mut shell) = Shell::start() else { return };
    shell.relay("&");
    shell.is_back();
    assert!(!shell.scene.terminal.raw().contains("last activity"), "nothing is repainted over the shell");
    shell.enter("fg");
    shell.scene.wait_for_raw();
    shell.scene.wait_for_shown("last activity");
    shell.scene.terminal.press(b"\x1a");
    shell.is_back();
    let before = shell.scene.terminal.raw().len();
    shell.enter("bg");
    shell.is_back();
    // Its end, too.
    shell.scene.sandbox.release("go");
    shell.scene.sandbox.wait_for("the end", || shell.scene.sandbox.tries().len() == 1);
    shell.enter("wait");
    assert_eq!(shell.scene.sandbox.tries()[0]["outcome"], "completed");
    assert!(!shell.scene.terminal.raw()[before..].contains("last activity"));
    shell.leave();
}

// Sent to the background from outside it gives nothing back, and takes nothing either
#[test]
fn stopped_from_outside_and_sent_to_the_background_it_reads_nothing() {
    let Some(mut shell) = Shell::start() else { return };
    shell.relay("");
    shell.scene.wait_for_raw();
    let rally = shell.scene.foreground();
    send(rally, Signal::STOP);
    shell.is_back();
    shell.enter("bg");
    shell.scene.sandbox.wait_for("rally to go on", || state(rally) != Some('T'));
    for _ in 0..20 {
        shell.is_back();
    }
    assert_ne!(state(rally), Some('T'));
    shell.enter("fg");
    shell.scene.wait_for_raw();
    shell.scene.sandbox.release("go");
    shell.leave();
}

// A shell waits until all of a job has stopped
#[test]
fn a_whole_pipeline_stops_with_rally() {
    let Some(mut shell) = Shell::start() else { return };
    shell.relay("| cat");
    shell.scene.wait_for_raw();
    shell.scene.terminal.press(b"\x1a");
    shell.is_back();
    shell.enter("fg");
    shell.scene.wait_for_raw();
    shell.scene.sandbox.release("go");
    shell.leave();
}

#[test]
fn the_demo_gives_the_terminal_back() {
    let Some(mut shell) = Shell::start() else { return };
    let folder = shell.scene.sandbox.root().join("demo");
    shell.enter(&format!("{} demo --dir {}", Sandbox::rally_path().display(), folder.display()));
    shell.scene.wait_for_raw();
    shell.scene.terminal.press(b"\x1a");
    shell.is_back();
    shell.enter("fg");
    shell.scene.wait_for_raw();
    shell.scene.terminal.press(b"\x03");
    shell.scene.wait_for_shown("again to quit");
    shell.scene.terminal.press(b"\x03");
    shell.leave();
}
