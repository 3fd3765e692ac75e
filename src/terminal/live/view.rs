//! What the live lines show now, as the events tell it. Knows no terminal and no clock.

use std::time::{Duration, Instant};

use unicode_width::UnicodeWidthStr;

use super::hint::hint;
use super::line::{BETWEEN, Field, Line};
use super::painter::Size;
use super::status::{Action, action, status};
use crate::model::Key;
use crate::relay::event::{Health, Tick};
use crate::terminal::format::cut;
use crate::terminal::style::Tone;

/// What is going on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Scene {
    /// Nothing that lasts.
    #[default]
    Nothing,
    /// A try runs.
    Try(Tick),
    /// A try has failed, and another follows: a text until it does.
    Between(String),
    /// A wait with its countdown, in words.
    Wait(String),
    /// The operator's pause.
    Paused,
}

/// What the operator is asked or told while paused.
pub const PAUSED: &str = "Paused — press Enter to resume";

#[derive(Debug, Clone, Copy)]
struct Armed {
    key: Key,
    until: Instant,
}

/// The scene, and what the operator's keys do in it.
#[derive(Debug, Default)]
pub struct View {
    scene: Scene,
    armed: Option<Armed>,
    fired: Option<Key>,
    is_stopping: bool,
    files: usize,
}

impl View {
    /// Something else goes on now: what was fired at the scene before has been done.
    pub fn enter(&mut self, scene: Scene) {
        self.scene = scene;
        self.fired = None;
        self.is_stopping = false;
    }

    /// The try's next tick.
    pub fn tick(&mut self, tick: &Tick) {
        self.files = tick.files;
        self.scene = Scene::Try(tick.clone());
    }

    /// The wait's next countdown.
    pub fn wait(&mut self, line: String) {
        match &mut self.scene {
            Scene::Wait(shown) => *shown = line,
            Scene::Nothing | Scene::Try(_) | Scene::Between(_) | Scene::Paused => {
                self.enter(Scene::Wait(line))
            }
        }
    }

    /// A try begins; nothing is known of it but its number. The files are those of the attempt before.
    pub fn begin(&mut self, attempt: u32, max_attempts: u32) {
        if attempt <= 1 {
            self.files = 0;
        }
        self.enter(Scene::Try(Tick {
            elapsed: Duration::ZERO,
            files: self.files,
            last_activity: None,
            attempt,
            max_attempts,
            note: None,
            health: Health::Well,
            drought: None,
            tokens: None,
        }));
    }

    /// The agent was found frozen.
    pub fn freeze(&mut self) {
        if let Scene::Try(tick) = &mut self.scene {
            tick.health = Health::Frozen;
        }
    }

    /// A key was pressed once.
    pub fn arm(&mut self, key: Key, until: Instant) {
        self.armed = Some(Armed { key, until });
    }

    /// Nobody confirmed it in time.
    pub fn disarm(&mut self) {
        self.armed = None;
    }

    /// A key was confirmed.
    pub fn fire(&mut self, key: Key) {
        self.armed = None;
        self.fired = Some(key);
    }

    /// The agent is being ended.
    pub fn stop(&mut self) {
        self.armed = None;
        self.is_stopping = true;
    }

    /// The lines for a terminal of this size: none when there is nothing to show.
    pub fn lines(&self, now: Instant, size: Size) -> Vec<Line> {
        // Terminals differ in what they do at their last column: stay off it.
        let cells = size.columns.saturating_sub(1);
        let action = self.action(now);
        let line = match &self.scene {
            Scene::Nothing => match action {
                None => return Vec::new(),
                Some(_) => beside(None, action, cells),
            },
            Scene::Try(tick) if self.is_stopping => {
                status(&Tick { health: Health::Stopping, ..tick.clone() }, action, cells)
            }
            Scene::Try(tick) => status(tick, action, cells),
            Scene::Between(text) => {
                let line = beside(Some(Field::toned(Tone::Dim, text)), action, cells);
                // Something else comes soon: one line is enough, unless a key was pressed.
                if action.is_none() {
                    return vec![line];
                }
                line
            }
            Scene::Wait(text) => beside(Some(Field::toned(Tone::Warn, text)), action, cells),
            Scene::Paused => beside(Some(Field::toned(Tone::Warn, PAUSED)), action, cells),
        };
        vec![line, hint(size.columns)]
    }

    /// Whatever is armed was pressed after what was fired, which may take long: a graceful stop lets the try finish.
    fn action(&self, now: Instant) -> Option<Action> {
        let armed = self.armed.filter(|armed| now < armed.until).map(|armed| Action::Armed(armed.key));
        armed.or_else(|| self.fired.map(Action::Fired))
    }
}

/// Below this a cut text says nothing.
const SHORTEST_TEXT: usize = 8;

/// A text and the action behind it, for whose sake the text is cut, and goes in the end.
fn beside(text: Option<Field>, act: Option<Action>, cells: usize) -> Line {
    let Some(act) = act else { return text.into_iter().collect::<Line>().cut(cells) };
    for is_short in [false, true] {
        let alone = Line::of(action(act, is_short));
        let room = cells.saturating_sub(alone.cells() + BETWEEN.width());
        let text = text.as_ref().map(|text| Field { text: cut(&text.text, room), tone: text.tone });
        if let Some(text) = text
            && room >= SHORTEST_TEXT
        {
            return [text, action(act, is_short)].into_iter().collect();
        }
        if alone.cells() <= cells {
            return alone;
        }
    }
    Line::of(action(act, true)).cut(cells)
}

#[cfg(test)]
mod tests;
