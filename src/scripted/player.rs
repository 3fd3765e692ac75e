//! Plays a script.

use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::signal::unix::SignalKind;

use super::arguments::{self, Arguments, Refusal};
use super::children;
use super::script::{Signal, Step, Text, Try, TurnResult};
use super::state::State;
use super::voice::{Ending, Line, UnknownSession, Voice, Who, manner};
use super::{Harness, Script};

/// How often a file is looked for.
const POLL: Duration = Duration::from_millis(5);

/// One invocation of the agent.
#[derive(Debug)]
pub struct Play<'a> {
    /// Whose manners it has.
    pub harness: Harness,
    /// What it does.
    pub script: &'a Script,
    /// Counts invocations and remembers; without it every invocation is the first.
    pub state: Option<&'a Path>,
    /// Gets a line of JSON about every invocation: what it was given.
    pub record: Option<&'a Path>,
    /// What the CLI's own command line would be, without the program.
    pub args: &'a [String],
}

/// Plays one invocation; the result is the exit code.
pub fn play(play: &Play<'_>, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<u8> {
    if let [arg] = play.args
        && let Some(answer) = arguments::about(play.harness, arg)
    {
        writeln!(out, "{answer}")?;
        return Ok(0);
    }
    let arguments = Arguments::parse(play.harness, play.args);
    if let Some(Refusal { words, code }) = arguments.refusal {
        writeln!(err, "{words}")?;
        return Ok(code);
    }
    let manner = manner(play.harness);
    let mut unknown = None;
    let (state, session) = State::begin(play.state, |state| match &arguments.resume {
        Some(id) if state.knows(id) => Some(id.clone()),
        Some(id) => match unknown.insert(manner.unknown_session(id)) {
            UnknownSession::Refused(..) => None,
            UnknownSession::StartsAnew(_) => Some(manner.new_session()),
        },
        None => Some(manner.new_session()),
    })?;
    let Some(part) = play.script.part(state.number()) else { return Ok(0) };
    let prompt = match arguments.prompt {
        Some(prompt) => prompt,
        None if part.late_stdin => String::new(),
        None => stdin_text()?,
    };
    let who = Who {
        session: session.unwrap_or_default(),
        resumed: arguments.resume.is_some() && unknown.is_none(),
        model: arguments.model.unwrap_or_else(|| "scripted-model".to_owned()),
        prompt,
    };
    if let Some(path) = play.record {
        record(path, play, &who, state.number())?;
    }
    let mut voice = Voice::new(manner, who, out, err, arguments.log);
    match unknown {
        Some(UnknownSession::Refused(lines, code)) => {
            voice.lines(lines)?;
            return Ok(code);
        }
        Some(UnknownSession::StartsAnew(lines)) => voice.lines(lines)?,
        None => {}
    }
    Player { voice, state, written: Vec::new(), code: 0 }.perform(part)
}

struct Player<'a> {
    voice: Voice<'a>,
    state: State,
    /// Files that this invocation wrote: what it commits.
    written: Vec<PathBuf>,
    /// The exit code unless a step says another.
    code: u8,
}

impl Player<'_> {
    fn perform(&mut self, part: &Try) -> io::Result<u8> {
        if !part.silent {
            self.voice.says(|manner, who| manner.init(who))?;
        }
        for placed in &part.steps {
            if let Some(code) = self.step(&placed.step)? {
                return Ok(code);
            }
        }
        Ok(self.code)
    }

    /// Does one step; an exit code ends the play.
    fn step(&mut self, step: &Step) -> io::Result<Option<u8>> {
        match step {
            Step::Say(text) => self.say(&self.filled(text))?,
            Step::Tool(tool) => {
                self.tool_started(&tool.name, &Value::Object(tool.input.clone()))?;
                self.tool_ended(&self.filled(&tool.output), false)?;
            }
            Step::ToolStarted(name) => self.tool_started(name, &json!({}))?,
            Step::ToolEnded => self.tool_ended("", false)?,
            Step::Write(text) => self.write(text, false)?,
            Step::Append(text) => self.write(text, true)?,
            Step::Commit(commit) => self.commit(&self.filled(&commit.message), commit.all)?,
            Step::SleepMs(ms) => std::thread::sleep(Duration::from_millis(*ms)),
            Step::WaitFor(path) => {
                while !path.exists() {
                    std::thread::sleep(POLL);
                }
            }
            Step::Touch(path) => drop(fs::File::create(self.filled(path))?),
            Step::StreamBytes(bytes) => {
                const LINE: &str = "The quick brown fox jumps over the lazy dog, again and again and again.";
                for _ in 0..bytes.div_ceil(LINE.len() as u64) {
                    self.say(LINE)?;
                }
            }
            Step::HugeLineMb(megabytes) => self.huge_line(*megabytes)?,
            Step::InvalidUtf8 => self.voice.raw(b"\xff\xfe not \xc3\x28 text\n")?,
            Step::HalfLine(text) => self.voice.raw(self.filled(text).as_bytes())?,
            Step::Line(text) => self.voice.lines(vec![Line::Out(self.filled(text))])?,
            Step::Stderr(text) => self.voice.lines(vec![Line::Err(self.filled(text))])?,
            Step::Init => self.voice.says(|manner, who| manner.init(who))?,
            Step::BackgroundTasks(count) => {
                self.voice.says(|manner, who| manner.background_tasks(who, *count))?;
            }
            Step::Retry(retry) => self.voice.says(|manner, who| manner.retry(who, retry))?,
            Step::Result(result) => self.result(result)?,
            Step::Exit(code) => return Ok(Some(*code)),
            Step::Signal(signal) => {
                rustix::process::kill_process(rustix::process::getpid(), signal.number())?;
            }
            Step::IgnoreSignals(signals) => ignore(signals)?,
            Step::Spawn(spawn) => {
                let pid = children::leave_behind(spawn)?;
                if let Some(path) = &spawn.pid_file {
                    // Whoever sees the file can read the pid in it.
                    let path = PathBuf::from(self.filled(path));
                    let unfinished = path.with_extension("tmp");
                    fs::write(&unfinished, format!("{pid}\n"))?;
                    fs::rename(unfinished, path)?;
                }
            }
            Step::ReadStdin => drop(stdin_text()?),
            Step::Hang => loop {
                std::thread::sleep(Duration::from_secs(3600));
            },
            Step::Remember(word) => {
                let session = self.voice.who.session.clone();
                self.state.remember(&session, word)?;
            }
            Step::Recall => self.say(&self.filled("RECALL:$RECALL"))?,
            Step::Run(argv) => self.run(argv)?,
        }
        Ok(None)
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        self.voice.says(|manner, who| manner.say(who, text))
    }

    fn tool_started(&mut self, name: &str, input: &Value) -> io::Result<()> {
        self.voice.says(|manner, who| manner.tool_started(who, name, input))
    }

    fn tool_ended(&mut self, output: &str, is_error: bool) -> io::Result<()> {
        self.voice.says(|manner, who| manner.tool_ended(who, output, is_error))
    }

    fn result(&mut self, result: &TurnResult) -> io::Result<()> {
        let text = result.text.as_ref().map(|text| self.filled(text));
        let session = self.voice.who.session.clone();
        let whole_session = self.state.use_tokens(&session, result.usage)?;
        let ending = Ending { result, text: text.as_deref(), whole_session };
        self.code = if result.is_error { self.voice.failure_code(result) } else { 0 };
        self.voice.says(|manner, who| manner.result(who, &ending))
    }

    /// A text with its `$` words filled in.
    fn filled(&self, text: &str) -> String {
        if !text.contains('$') {
            return text.to_owned();
        }
        let recalled = match self.state.recall(&self.voice.who.session) {
            words if words.is_empty() => "none".to_owned(),
            words => words.join(" "),
        };
        let rally = std::env::current_exe().unwrap_or_default();
        text.replace("$RECALL", &recalled)
            .replace("$RALLY", &rally.to_string_lossy())
            .replace("$SESSION", &self.voice.who.session)
            .replace("$MODEL", &self.voice.who.model)
            .replace("$N", &self.state.number().to_string())
    }

    fn write(&mut self, text: &Text, append: bool) -> io::Result<()> {
        let path = PathBuf::from(self.filled(&text.path));
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        let mut options = OpenOptions::new();
        options.create(true).write(true).append(append).truncate(!append);
        options.open(&path)?.write_all(self.filled(&text.content).as_bytes())?;
        self.tool_started("Write", &json!({"file_path": path}))?;
        self.tool_ended("", false)?;
        self.written.push(path);
        Ok(())
    }

    fn commit(&mut self, message: &str, all: bool) -> io::Result<()> {
        let mut add = Command::new("git");
        add.arg("add");
        if all {
            add.arg("--all");
        } else {
            add.arg("--").args(&self.written);
        }
        must_succeed(&mut add)?;
        let mut commit = Command::new("git");
        commit.args(["commit", "--quiet", "--allow-empty", "-m", message]);
        if !all && !self.written.is_empty() {
            commit.arg("--").args(&self.written);
        }
        must_succeed(&mut commit)?;
        self.written.clear();
        self.tool_started("Bash", &json!({"command": "git commit"}))?;
        self.tool_ended("", false)
    }

    /// A tool whose output is one long line.
    fn huge_line(&mut self, megabytes: u64) -> io::Result<()> {
        const OUTPUT: &str = "<output>";
        let chunk = vec![b'x'; 1_000_000];
        self.tool_started("Bash", &json!({}))?;
        let mut lines = Vec::new();
        self.voice.says(|manner, who| {
            lines = manner.tool_ended(who, OUTPUT, false);
            Vec::new()
        })?;
        for line in lines {
            if let Line::Out(text) = &line
                && let Some((head, tail)) = text.split_once(OUTPUT)
            {
                self.voice.raw(head.as_bytes())?;
                for _ in 0..megabytes {
                    self.voice.raw(&chunk)?;
                }
                self.voice.raw(format!("{tail}\n").as_bytes())?;
            } else {
                self.voice.lines(vec![line])?;
            }
        }
        Ok(())
    }

    fn run(&mut self, argv: &[String]) -> io::Result<()> {
        let argv: Vec<String> = argv.iter().map(|word| self.filled(word)).collect();
        let Some((program, args)) = argv.split_first() else {
            return Err(io::Error::other("a `run` step needs a command"));
        };
        self.tool_started("Bash", &json!({"command": argv.join(" ")}))?;
        let output = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| io::Error::other(format!("{program}: {error}")))?;
        let said = [output.stdout, output.stderr].concat();
        let said = format!("{}\n{}", output.status, String::from_utf8_lossy(&said));
        self.tool_ended(said.trim_end(), !output.status.success())
    }
}

impl Signal {
    fn number(self) -> rustix::process::Signal {
        use rustix::process::Signal as System;
        match self {
            Signal::Hup => System::HUP,
            Signal::Int => System::INT,
            Signal::Quit => System::QUIT,
            Signal::Kill => System::KILL,
            Signal::Term => System::TERM,
            Signal::Segv => System::SEGV,
            Signal::Usr1 => System::USR1,
            Signal::Usr2 => System::USR2,
        }
    }
}

/// Takes the signals for good; they only set a flag that nobody reads. What is executed later does not inherit this.
fn ignore(signals: &[Signal]) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _context = runtime.enter();
    for signal in signals {
        // The handler stays when the stream is dropped.
        drop(tokio::signal::unix::signal(SignalKind::from_raw(signal.number().as_raw()))?);
    }
    Ok(())
}

fn must_succeed(command: &mut Command) -> io::Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("git failed ({}): {}", output.status, said.trim())))
}

fn stdin_text() -> io::Result<String> {
    let mut stdin = io::stdin().lock();
    if stdin.is_terminal() {
        return Ok(String::new());
    }
    let mut bytes = Vec::new();
    stdin.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Variables that a record shows: rally's own, and those that change what an agent does.
fn is_telling(name: &str) -> bool {
    const NAMES: [&str; 10] = [
        "HOME",
        "PATH",
        "PWD",
        "TERM",
        "LANG",
        "IS_SANDBOX",
        "CLAUDE_CONFIG_DIR",
        "CODEX_HOME",
        "GEMINI_CLI_TRUST_WORKSPACE",
        "OPENCODE_PERMISSION",
    ];
    name.starts_with("RALLY_") || NAMES.contains(&name)
}

fn record(path: &Path, play: &Play<'_>, who: &Who, number: usize) -> io::Result<()> {
    let env: serde_json::Map<String, Value> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
        .filter(|(name, _)| is_telling(name))
        .map(|(name, value)| (name, Value::String(value)))
        .collect();
    let line = json!({
        "n": number,
        "argv": play.args,
        "prompt": who.prompt,
        "session": who.session,
        "cwd": std::env::current_dir()?,
        "env": env,
        "pid": std::process::id(),
    });
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(format!("{line}\n").as_bytes())
}
