//! What the agent's command line asks for, read as the CLI itself would read it.

use std::path::PathBuf;

use super::Harness;

/// The parts of a command line that the agent understands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arguments {
    /// The model.
    pub model: Option<String>,
    /// The session to resume.
    pub resume: Option<String>,
    /// The prompt, when it is given as an argument.
    pub prompt: Option<String>,
    /// Where the CLI's own log goes.
    pub log: Log,
    /// Why the real program would not even begin.
    pub refusal: Option<Refusal>,
}

/// Where a CLI's own log goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Log {
    /// It keeps none that anybody reads.
    #[default]
    Nowhere,
    /// To this file.
    File(PathBuf),
    /// To standard error.
    Stderr,
}

/// What is said on standard error before the program gives up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The words.
    pub words: String,
    /// The exit code.
    pub code: u8,
}

/// The flags of one CLI that have a value. Every other flag is a switch.
struct Flags {
    model: &'static [&'static str],
    resume: &'static [&'static str],
    prompt: &'static [&'static str],
    /// The format of the output.
    format: &'static [&'static str],
    log: &'static [&'static str],
    /// What is read over.
    other: &'static [&'static str],
}

impl Flags {
    fn of(harness: Harness) -> Option<Flags> {
        let flags = match harness {
            Harness::Plain => return None,
            Harness::Claude => Flags {
                model: &["--model"],
                resume: &["--resume", "-r"],
                prompt: &[],
                format: &["--output-format"],
                log: &[],
                other: &["--effort", "--append-system-prompt", "--add-dir"],
            },
            Harness::Codex => Flags {
                model: &["--model", "-m"],
                resume: &[],
                prompt: &[],
                format: &[],
                log: &[],
                other: &["-c", "--config", "-C", "--cd", "--output-schema", "-o", "--output-last-message"],
            },
            Harness::Gemini => Flags {
                model: &["--model", "-m"],
                resume: &["--resume", "-r"],
                prompt: &["--prompt", "-p"],
                format: &["--output-format", "-o"],
                log: &[],
                other: &["--approval-mode", "--include-directories", "--session-id"],
            },
            Harness::Opencode => Flags {
                model: &["--model", "-m"],
                resume: &["--session", "-s"],
                prompt: &[],
                format: &["--format"],
                log: &[],
                other: &["--variant", "--dir", "--agent", "--title", "--log-level"],
            },
            // Go's flags also take one dash.
            Harness::Antigravity => Flags {
                model: &["--model", "-model"],
                resume: &["--conversation", "-conversation"],
                prompt: &["-p", "--print", "--prompt"],
                format: &["--output-format", "-output-format"],
                log: &["--log-file", "-log-file"],
                other: &["--print-timeout", "--effort", "--add-dir", "--input-format"],
            },
        };
        Some(flags)
    }
}

impl Arguments {
    /// Understands what the CLI would; a plain agent takes its arguments as they are.
    pub fn parse(harness: Harness, args: &[String]) -> Arguments {
        let mut parsed = Arguments::default();
        let Some(flags) = Flags::of(harness) else { return parsed };
        let (mut switches, mut words, mut format) = (Vec::new(), Vec::new(), None);
        let mut args = args.iter().map(String::as_str);
        while let Some(arg) = args.next() {
            if arg == "--" {
                words.extend(args.by_ref());
            } else if arg == "-" || !arg.starts_with('-') {
                words.push(arg);
            } else {
                let (flag, attached) =
                    arg.split_once('=').map_or((arg, None), |(flag, value)| (flag, Some(value)));
                let mut value = || attached.or_else(|| args.next()).map(str::to_owned);
                match flag {
                    flag if flags.model.contains(&flag) => parsed.model = value(),
                    flag if flags.resume.contains(&flag) => parsed.resume = value(),
                    flag if flags.prompt.contains(&flag) => parsed.prompt = value(),
                    flag if flags.format.contains(&flag) => format = value(),
                    flag if flags.log.contains(&flag) => {
                        parsed.log = value().map_or(Log::Nowhere, |file| Log::File(PathBuf::from(file)));
                    }
                    flag if flags.other.contains(&flag) => drop(value()),
                    switch => switches.push(switch),
                }
            }
        }
        let mut words = words.into_iter().peekable();
        let has = |switch: &str| switches.contains(&switch);
        let format = format.as_deref();
        let (words_code, refusal) = match harness {
            Harness::Plain => (1, None),
            Harness::Claude => (
                1,
                if !(has("-p") || has("--print")) || format != Some("stream-json") {
                    Some("Error: this agent needs -p --output-format stream-json")
                } else if !has("--verbose") {
                    Some("Error: When using --print, --output-format=stream-json requires --verbose")
                } else {
                    None
                },
            ),
            Harness::Codex => {
                let is_exec = words.next() == Some("exec") && has("--json");
                (2, (!is_exec).then_some("error: this agent needs exec --json"))
            }
            Harness::Gemini if format != Some("stream-json") => {
                (1, Some("Error: this agent needs --output-format stream-json"))
            }
            Harness::Gemini => {
                let trusts = has("--skip-trust")
                    || std::env::var_os("GEMINI_CLI_TRUST_WORKSPACE").is_some_and(|value| value == "true");
                (55, (!trusts).then_some("Gemini CLI is not running in a trusted directory. To proceed, either use `--skip-trust`, set the `GEMINI_CLI_TRUST_WORKSPACE=true` environment variable, or trust this directory in interactive mode."))
            }
            Harness::Opencode => {
                let is_run = words.next() == Some("run") && format == Some("json");
                (1, (!is_run).then_some("Error: this agent needs run --format json"))
            }
            Harness::Antigravity => {
                let streams = format == Some("stream-json");
                (2, (!streams).then_some("Error: this agent needs --output-format stream-json"))
            }
        };
        parsed.refusal = refusal.map(|words| Refusal { words: words.to_owned(), code: words_code });
        if harness == Harness::Codex && words.next_if_eq(&"resume").is_some() {
            parsed.resume = words.next().map(str::to_owned);
        }
        if harness == Harness::Opencode {
            parsed.log = if has("--print-logs") { Log::Stderr } else { opencode_log() };
        }
        // A dash stands for standard input.
        parsed.prompt = parsed.prompt.or_else(|| words.last().filter(|word| *word != "-").map(str::to_owned));
        parsed
    }
}

/// Where opencode keeps the one log of all its runs.
fn opencode_log() -> Log {
    let folder = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = folder("XDG_DATA_HOME").or_else(|| Some(folder("HOME")?.join(".local/share")));
    data.map_or(Log::Nowhere, |data| Log::File(data.join("opencode/log/opencode.log")))
}

/// What the program says about itself, if that is all that it was asked for: the version whose manners it has.
pub fn about(harness: Harness, arg: &str) -> Option<&'static str> {
    match (arg, harness) {
        (_, Harness::Plain) => None,
        ("--version", Harness::Claude) => Some("2.1.330 (Claude Code)"),
        ("--version", Harness::Codex) => Some("codex-cli 0.169.0"),
        ("--version", Harness::Gemini) => Some("0.61.0"),
        ("--version", Harness::Opencode) => Some("1.18.33"),
        ("--version", Harness::Antigravity) => Some("1.4.0"),
        ("--help", Harness::Antigravity) => Some(AGY_HELP),
        _ => None,
    }
}

/// The flags of a version that has all of them.
const AGY_HELP: &str = "\
Usage of agy:
  --conversation string      resume this conversation
  --dangerously-skip-permissions
  --disable-slash-commands
  --effort string            low, medium or high
  --log-file string
  --model string
  --output-format string     text, json or stream-json
  -p, --print, --prompt string
  --print-timeout duration";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(harness: Harness, line: &str) -> Arguments {
        let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
        Arguments::parse(harness, &args)
    }

    fn understood(model: &str, resume: &str, prompt: Option<&str>) -> Arguments {
        let prompt = prompt.map(str::to_owned);
        Arguments {
            model: Some(model.to_owned()),
            resume: Some(resume.to_owned()),
            prompt,
            ..Arguments::default()
        }
    }

    #[test]
    fn what_each_cli_would_understand() {
        let line = "-p hello --output-format stream-json --verbose --model opus --resume id --effort max";
        assert_eq!(parse(Harness::Claude, line), understood("opus", "id", Some("hello")));
        let line = "exec --json --dangerously-bypass-approvals-and-sandbox -m gpt -c model_reasoning_effort=low resume id -";
        assert_eq!(parse(Harness::Codex, line), understood("gpt", "id", None));
        let line = "exec --json --model gpt hello";
        assert_eq!(parse(Harness::Codex, line).prompt.as_deref(), Some("hello"));
        let line = "--output-format stream-json --yolo --skip-trust -m flash --resume id --prompt=-hello";
        assert_eq!(parse(Harness::Gemini, line), understood("flash", "id", Some("-hello")));
        let line = "run --format json --model a/b --print-logs --variant max --dir /x --session ses_1";
        let opencode = Arguments { log: Log::Stderr, ..understood("a/b", "ses_1", None) };
        assert_eq!(parse(Harness::Opencode, line), opencode);
        let line = "--print-timeout=30m --log-file=/x/log --output-format stream-json --model m --conversation=id -p -hello";
        let agy =
            Arguments { log: Log::File(PathBuf::from("/x/log")), ..understood("m", "id", Some("-hello")) };
        assert_eq!(parse(Harness::Antigravity, line), agy);
    }

    #[test]
    fn what_each_cli_would_refuse() {
        let refused = |harness, line| parse(harness, line).refusal.unwrap();
        assert!(refused(Harness::Claude, "-p --output-format stream-json").words.contains("--verbose"));
        assert_eq!(refused(Harness::Claude, "--verbose").code, 1);
        assert_eq!(refused(Harness::Codex, "exec hello").code, 2);
        assert_eq!(refused(Harness::Gemini, "--output-format json hello").code, 1);
        assert_eq!(refused(Harness::Opencode, "run hello").code, 1);
        assert_eq!(refused(Harness::Antigravity, "-p hello").code, 2);
        assert_eq!(parse(Harness::Plain, "whatever -it -is"), Arguments::default());
    }
}
