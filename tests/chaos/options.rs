//! What the command line asks for.

use crate::fault::Fault;

/// Rounds of the short form: each fault three times.
const SHORT: u64 = 3 * Fault::ALL.len() as u64;

/// Options of the usual test programs, which `cargo test` passes to every one of them.
const FOREIGN: [&str; 8] = [
    "--nocapture",
    "--no-capture",
    "--quiet",
    "-q",
    "--ignored",
    "--include-ignored",
    "--exact",
    "--show-output",
];

/// What is to be played.
#[derive(Debug)]
pub struct Options {
    pub seed: u64,
    pub jobs: usize,
    rounds: u64,
    round: Option<u64>,
    only: Option<Fault>,
}

impl Options {
    /// `None`: nothing, because other tests are asked for.
    pub fn parse(arguments: &[String]) -> Result<Option<Options>, String> {
        let jobs = std::thread::available_parallelism().map_or(2, usize::from);
        let mut options = Options { seed: 1, jobs, rounds: SHORT, round: None, only: None };
        let mut arguments = arguments.iter();
        let mut wanted = true;
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "--rounds" => options.rounds = number(argument, value()?)?,
                "--seed" => options.seed = number(argument, value()?)?,
                "--round" => options.round = Some(number(argument, value()?)?),
                "--jobs" => options.jobs = number::<usize>(argument, value()?)?.max(1),
                "--only" => {
                    let name = value()?;
                    let known = || Fault::ALL.map(Fault::name).join(", ");
                    let fault = Fault::ALL.into_iter().find(|fault| fault.name() == name);
                    options.only =
                        Some(fault.ok_or_else(|| format!("no fault {name:?}; there are: {}", known()))?);
                }
                "--list" => return Ok(None),
                "--test-threads" | "--skip" | "--format" | "--color" => drop(value()?),
                other if FOREIGN.contains(&other) => {}
                other if other.starts_with("--") => return Err(format!("unknown option {other}")),
                filter => wanted &= "chaos".contains(filter),
            }
        }
        Ok(wanted.then_some(options))
    }

    /// The numbers of the rounds.
    pub fn numbers(&self) -> Vec<u64> {
        self.round.map_or_else(|| (0..self.rounds).collect(), |round| vec![round])
    }

    /// The fault of a round.
    pub fn fault(&self, round: u64) -> Fault {
        let at = usize::try_from(round).unwrap() % Fault::ALL.len();
        self.only.unwrap_or(Fault::ALL[at])
    }
}

fn number<T: std::str::FromStr>(option: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{option} needs a number, not {text:?}"))
}
