//! What the agent's command line asks for.

use super::Harness;

/// The parts of a command line that the agent understands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arguments {
    /// `--model`.
    pub model: Option<String>,
    /// `--resume`.
    pub resume: Option<String>,
    /// The prompt, when it is given as an argument.
    pub prompt: Option<String>,
    /// What the real program would say before it refuses.
    pub refusal: Option<&'static str>,
}

impl Arguments {
    /// Understands what `claude` would; a plain agent takes its arguments as they are.
    pub fn parse(harness: Harness, args: &[String]) -> Arguments {
        let mut parsed = Arguments::default();
        if harness == Harness::Plain {
            return parsed;
        }
        let (mut print, mut verbose, mut format) = (false, false, None);
        let mut args = args.iter().map(String::as_str);
        while let Some(arg) = args.next() {
            match arg {
                "-p" | "--print" => print = true,
                "--verbose" => verbose = true,
                "--output-format" => format = args.next(),
                "--model" => parsed.model = args.next().map(str::to_owned),
                "--resume" | "-r" => parsed.resume = args.next().map(str::to_owned),
                "--effort" | "--append-system-prompt" | "--add-dir" => drop(args.next()),
                flag if flag.starts_with('-') => {}
                prompt => parsed.prompt = Some(prompt.to_owned()),
            }
        }
        if !print || format != Some("stream-json") {
            parsed.refusal = Some("Error: this agent needs -p --output-format stream-json");
        } else if !verbose {
            parsed.refusal =
                Some("Error: When using --print, --output-format=stream-json requires --verbose");
        }
        parsed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Arguments {
        let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
        Arguments::parse(Harness::Claude, &args)
    }

    #[test]
    fn what_claude_would_understand() {
        let line = "-p hello --output-format stream-json --verbose --model opus --resume id --effort max";
        assert_eq!(
            parse(line),
            Arguments {
                model: Some("opus".into()),
                resume: Some("id".into()),
                prompt: Some("hello".into()),
                refusal: None
            }
        );
        assert!(parse("-p --output-format stream-json").refusal.unwrap().contains("--verbose"));
        assert!(parse("--verbose").refusal.is_some());
    }
}
