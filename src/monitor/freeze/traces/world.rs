//! A simulated agent: recordings, one after the other, each as long as it is wanted, and what a monitor sees of it.
//!
//! It knows when it really did what, which the detector has to find out.

use std::time::Duration;

use super::recorded::{Life, Recording, Step};
use crate::monitor::sample::{Sample, Tool};

/// The truth about an agent. Times are seconds since it began.
#[derive(Debug, Default)]
pub struct World {
    pub now: f64,
    /// Its last byte of output.
    pub heard: f64,
    /// The last byte of a socket, and the last of a tool that was started during the silence.
    pub moved: f64,
    pub trickled: f64,
    /// Until when it surely worked or was under way.
    pub worked: f64,
    /// When the youngest of its tools was started, and until when `timeout` bounds one.
    pub born: Option<f64>,
    pub bounded: Option<f64>,
    pub connections: usize,
    network: u64,
    cpu_ms: u64,
    tool_cpu_ms: u64,
    young_cpu_ms: u64,
    io: u64,
    syscall: u64,
    tool: u64,
    young: u64,
    processes: usize,
}

/// A part of a life.
#[derive(Debug)]
pub struct Phase<'a> {
    pub recording: &'a Recording,
    /// Whether it begins with what the CLI printed before it became silent.
    pub speaks: bool,
    /// How long the silence is, in seconds.
    pub seconds: f64,
    /// By how much everything in it is slower than it was recorded.
    pub slower: f64,
    /// Idle CLI whose noise is added.
    pub noise: Option<&'a Recording>,
    /// Bytes that idle servers of tools move in a second.
    pub servers: u64,
}

impl World {
    /// Lives through a phase; `look` is called whenever something has changed.
    pub fn live(&mut self, phase: &Phase<'_>, mut look: impl FnMut(&mut World)) {
        let Phase { recording, seconds, slower, .. } = phase;
        (self.born, self.bounded) = (None, None);
        let head = recording.head.iter().filter(|_| phase.speaks);
        if phase.speaks {
            self.heard = self.now;
        }
        for step in head {
            self.step(step, 1.0, phase, 0);
            self.worked = self.now;
            look(self);
        }
        let begun = self.now;
        if phase.speaks {
            self.heard = self.now;
        }
        if recording.life == Life::Bounded {
            self.bounded = Some(begun + seconds);
        }
        // Without a start of its own the situation comes over an agent that is long there.
        let beginning = if phase.speaks { &recording.tail } else { recording.settled() };
        // Who is done with a tool asks its provider at once.
        if !phase.speaks && recording.life == Life::Moves {
            self.network += 1;
            self.moved = self.now;
        }
        if !phase.speaks && beginning.iter().any(|step| step.youngest.is_some()) {
            self.born = Some(begun);
        }
        let steps = beginning.iter().chain(recording.settled().iter().cycle());
        for (turn, step) in steps.enumerate() {
            if self.now - begun + step.takes * slower > *seconds {
                break;
            }
            self.step(step, *slower, phase, turn);
            let is_settled = turn + recording.settled().len() >= beginning.len();
            if !is_settled || recording.life == Life::Moves {
                self.worked = self.now;
            }
            look(self);
        }
        if recording.life != Life::Still {
            self.worked = self.now;
        }
    }

    fn step(&mut self, step: &Step, slower: f64, phase: &Phase<'_>, turn: usize) {
        let takes = step.takes * slower;
        self.now += takes;
        if step.heard {
            self.heard = self.now;
        }
        if step.network > 0 {
            self.moved = self.now;
        }
        if step.young > 0 {
            self.trickled = self.now;
        }
        self.born = match step.youngest {
            Some((age, true)) => Some((self.now - age * slower).max(0.0)),
            Some((age, false)) => self.born.or(Some((self.now - age * slower).max(0.0))),
            None => None,
        };
        self.connections = step.connections;
        self.processes = step.processes;
        self.network += step.network;
        self.cpu_ms += step.cpu_ms;
        self.tool_cpu_ms += step.tool_cpu_ms;
        self.young_cpu_ms += step.young_cpu_ms;
        self.io += step.io;
        self.syscall += step.syscall;
        self.young += step.young;
        self.tool += step.tool + (phase.servers as f64 * takes) as u64;
        if let Some(noise) = phase.noise {
            let noise = noise.settled()[turn % noise.settled().len()];
            let part = takes / noise.takes;
            self.cpu_ms += (noise.cpu_ms as f64 * part) as u64;
            self.syscall += (noise.syscall as f64 * part) as u64;
        }
    }

    /// What a monitor sees that calls a tool young until `youth`.
    pub fn sample(&self, youth: Duration) -> Sample {
        let secs = Duration::from_secs_f64;
        let silent = secs(self.now - self.heard);
        let youngest = self.born.map(|born| secs(self.now - born));
        let tool = match self.bounded {
            Some(until) if self.now < until => Some(Tool::Bounded),
            _ => youngest.filter(|age| *age < silent.min(youth)).map(|_| Tool::Young),
        };
        Sample {
            at: secs(self.now),
            silent,
            connections: Some(self.connections),
            network_bytes: Some(self.network),
            cpu: Duration::from_millis(self.cpu_ms),
            tool_cpu: Duration::from_millis(self.tool_cpu_ms),
            young_cpu: Duration::from_millis(self.young_cpu_ms),
            io_bytes: self.io,
            syscall_bytes: self.syscall,
            tool_bytes: self.tool,
            young_bytes: self.young,
            youngest,
            processes: self.processes,
            tool,
        }
    }
}
