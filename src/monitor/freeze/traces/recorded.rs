//! What the monitor saw of the real CLIs, from `tests/fixtures/monitor`: cut into the part that has output in it,
//! and the part that is the situation itself.

use std::path::Path;

use serde_json::Value;

/// What an agent was in when it was recorded; its name is part of the file's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Situation {
    Dribble,
    Hang,
    HangMid,
    Build,
    Trickle,
    Bounded,
    Deadlock,
    Zombie,
    Dry,
}

/// What an agent in a situation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Something moves: alive for however long.
    Moves,
    /// Nothing moves until `timeout` ends it: alive as long as that.
    Bounded,
    /// Nothing moves: quiet if it ends in time, else dead.
    Still,
}

impl Situation {
    pub const ALL: [(&str, Situation); 9] = [
        ("dribble", Situation::Dribble),
        ("hang", Situation::Hang),
        ("hangmid", Situation::HangMid),
        ("build", Situation::Build),
        ("trickle", Situation::Trickle),
        ("bounded", Situation::Bounded),
        ("deadlock", Situation::Deadlock),
        ("zombie", Situation::Zombie),
        ("dry", Situation::Dry),
    ];

    fn life(self) -> Life {
        match self {
            Situation::Dribble | Situation::Build | Situation::Trickle => Life::Moves,
            Situation::Bounded => Life::Bounded,
            Situation::Hang
            | Situation::HangMid
            | Situation::Deadlock
            | Situation::Zombie
            | Situation::Dry => Life::Still,
        }
    }
}

/// What changed from one look to the next.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Seconds.
    pub takes: f64,
    /// Whether the agent printed something.
    pub heard: bool,
    pub connections: usize,
    pub network: u64,
    pub cpu_ms: u64,
    pub tool_cpu_ms: u64,
    pub young_cpu_ms: u64,
    pub io: u64,
    pub syscall: u64,
    pub tool: u64,
    pub young: u64,
    pub processes: usize,
    /// How old the youngest descendant is, and whether that is another one than before.
    pub youngest: Option<(f64, bool)>,
}

#[derive(Debug)]
pub struct Recording {
    pub name: String,
    pub situation: Situation,
    pub life: Life,
    /// The start.
    pub head: Vec<Step>,
    /// The situation.
    pub tail: Vec<Step>,
    settled: usize,
}

impl Recording {
    /// Cuts where the agent was heard for the last time. One that tells again and again how long its tool has been
    /// running already, as claude does every 30 s, is not silent, whatever the tool does.
    fn new(name: String, situation: Situation, steps: Vec<Step>) -> Recording {
        let beats = steps[steps.len() / 2..].iter().any(|step| step.heard);
        let cut = match steps.iter().rposition(|step| step.heard) {
            _ if beats => steps.len() / 4,
            last => last.map_or(0, |last| last + 1),
        };
        let (head, tail) = steps.split_at(cut);
        let (settled, life) = if beats { (0, Life::Moves) } else { (tail.len() / 2, situation.life()) };
        Recording { name, situation, life, head: head.to_vec(), tail: tail.to_vec(), settled }
    }

    /// By how much it may be stretched: who tells every 30 s that it is alive does not do so every 90.
    pub fn elasticity(&self) -> f64 {
        if self.tail.iter().any(|step| step.heard) { 0.5 } else { 2.0 }
    }

    /// Where the situation has settled: what came before has still something of the start.
    pub fn settled(&self) -> &[Step] {
        &self.tail[self.settled..]
    }
}

/// The recordings of one CLI.
pub fn of(cli: &str) -> Vec<Recording> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/monitor");
    let read = |(name, situation): &(&str, Situation)| {
        let name = format!("{cli}.{name}");
        let text = std::fs::read_to_string(folder.join(format!("{name}.jsonl"))).ok()?;
        Some(parse(name, *situation, &text))
    };
    Situation::ALL.iter().filter_map(read).collect()
}

fn parse(name: String, situation: Situation, text: &str) -> Recording {
    let mut lines = text.lines().map(|line| serde_json::from_str::<Vec<Value>>(line).unwrap());
    let names = lines.next().unwrap();
    let looks: Vec<Vec<Value>> = lines.collect();
    let place = |field: &str| names.iter().position(|name| name == field).unwrap();
    let number = |look: &[Value], field: &str| look[place(field)].as_f64();
    let born = |look: &[Value]| Some(number(look, "at_s")? - number(look, "youngest_s")?);
    let step = |pair: &[Vec<Value>]| {
        let [before, now] = pair else { unreachable!("windows of two") };
        let of = |field: &str| number(now, field).unwrap();
        let grown = |field: &str| (of(field) - number(before, field).unwrap()) as u64;
        let takes = grown_seconds(before, now, place("at_s"));
        let is_new = born(now).map(f64::round) != born(before).map(f64::round);
        Step {
            takes,
            heard: of("log_silent_s") < number(before, "log_silent_s").unwrap() + takes - 1.5,
            connections: of("connections") as usize,
            network: grown("network_bytes"),
            cpu_ms: grown("cpu_ms"),
            tool_cpu_ms: grown("tool_cpu_ms"),
            // Older recordings do not tell; their tools burnt next to nothing.
            young_cpu_ms: if names.iter().any(|name| name == "young_cpu_ms") {
                grown("young_cpu_ms")
            } else {
                0
            },
            io: grown("io_bytes"),
            syscall: grown("syscall_bytes"),
            tool: grown("tool_bytes"),
            young: grown("young_bytes"),
            processes: of("processes") as usize,
            youngest: number(now, "youngest_s").map(|age| (age, is_new)),
        }
    };
    Recording::new(name, situation, looks.windows(2).map(step).collect())
}

fn grown_seconds(before: &[Value], now: &[Value], at: usize) -> f64 {
    now[at].as_f64().unwrap() - before[at].as_f64().unwrap()
}
