//! What survives an invocation: how many there were, and what sessions remember and used. One fact
//! a line, appended under a lock, so that a killed agent leaves nothing half done.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::script::Tokens;

/// One fact.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Fact {
    /// An invocation began, in this session.
    Invoked { session: String },
    /// A session was told to remember a word.
    Remembered { session: String, word: String },
    /// A turn of a session used tokens.
    Used { session: String, tokens: Tokens },
}

/// The facts of one state file; without a file, nothing is remembered.
#[derive(Debug)]
pub struct State {
    file: Option<File>,
    facts: Vec<Fact>,
}

impl State {
    /// Reads the file and counts this invocation. `session` chooses the session, knowing
    /// whether one of that name is known; `None` means that the agent refuses it.
    pub fn begin(
        path: Option<&Path>,
        session: impl FnOnce(&State) -> Option<String>,
    ) -> io::Result<(State, Option<String>)> {
        let Some(path) = path else {
            let mut state = State { file: None, facts: Vec::new() };
            let session = session(&state);
            state.add(Fact::Invoked { session: session.clone().unwrap_or_default() })?;
            return Ok((state, session));
        };
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        file.lock()?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let facts = text
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<Vec<Fact>, _>>()
            .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?;
        let mut state = State { file: Some(file), facts };
        let session = session(&state);
        state.add(Fact::Invoked { session: session.clone().unwrap_or_default() })?;
        if let Some(file) = &state.file {
            file.unlock()?;
        }
        Ok((state, session))
    }

    /// Number of this invocation, from 1.
    pub fn number(&self) -> usize {
        self.facts.iter().filter(|fact| matches!(fact, Fact::Invoked { .. })).count()
    }

    /// Whether an earlier invocation had this session. Without a file every one is believed.
    pub fn knows(&self, id: &str) -> bool {
        self.file.is_none()
            || self.facts.iter().any(|fact| matches!(fact, Fact::Invoked { session } if session == id))
    }

    /// Remembers a word.
    pub fn remember(&mut self, session: &str, word: &str) -> io::Result<()> {
        self.add(Fact::Remembered { session: session.to_owned(), word: word.to_owned() })
    }

    /// The words that a session remembers, in order.
    pub fn recall(&self, id: &str) -> Vec<&str> {
        self.facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::Remembered { session, word } if session == id => Some(word.as_str()),
                _ => None,
            })
            .collect()
    }

    /// Counts the tokens of a turn and says those of the whole session.
    pub fn use_tokens(&mut self, session: &str, tokens: Tokens) -> io::Result<Tokens> {
        self.add(Fact::Used { session: session.to_owned(), tokens })?;
        let used = self.facts.iter().filter_map(|fact| match fact {
            Fact::Used { session: used_by, tokens } if used_by == session => Some(*tokens),
            _ => None,
        });
        Ok(used.fold(Tokens::default(), Tokens::plus))
    }

    fn add(&mut self, fact: Fact) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            let line = serde_json::to_string(&fact)? + "\n";
            file.write_all(line.as_bytes())?;
        }
        self.facts.push(fact);
        Ok(())
    }
}
