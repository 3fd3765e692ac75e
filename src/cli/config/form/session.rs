//! The conversation: one line is asked for at a time, so that it works in every terminal.

use std::io::{self, BufRead, Write};

use super::check::{Note, Weight};
use super::content::{Content, Kind};
use super::field::{Change, Field};
use super::harness::Runs;
use super::layout::{Form, Place, Topic};
use crate::config::edit::{Draft, Edit, dotted};
use crate::config::{builtin, is_name};
use crate::terminal::prompt::{LineReader, PromptError};
use crate::terminal::sanitize;
use crate::terminal::style::{Palette, Tone};

const HELP: &str = "An empty line keeps what is in brackets, - clears it, ? explains it.\n\
                    > goes to the next page, < to the one before.\n\
                    Ctrl+D goes to the end, Ctrl+C leaves the file as it is.";

/// How the conversation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The answers are to be saved.
    Save,
    /// They are to be thrown away.
    Discard,
    /// They say what the file says.
    Unchanged,
    /// The input ended before that was said.
    NoInput,
}

/// What comes after a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// The next question.
    On,
    /// The next page.
    Next,
    /// The page before.
    Back,
    /// The question whether to save.
    Finish,
}

/// What was typed.
enum Reply {
    Line(String),
    Turn(Turn),
}

/// Somebody answers questions.
pub struct Session<'s, R, W> {
    /// The file.
    pub draft: &'s Draft,
    /// What to know about it.
    pub about: &'static str,
    /// The answers so far.
    pub form: Form,
    /// Where they come from.
    pub lines: LineReader<R>,
    /// Where the questions go.
    pub output: W,
    /// Its colours.
    pub palette: Palette,
    /// What is to be said about a text in place of the file's.
    pub check: &'s dyn Fn(&str) -> Vec<Note>,
}

impl<R: BufRead, W: Write> Session<'_, R, W> {
    /// Asks everything. Nothing is written; the answers are in the form.
    ///
    /// # Errors
    ///
    /// [`PromptError`]; the answers up to there are in the form.
    pub fn run(&mut self) -> Result<End, PromptError> {
        let file = self.draft.file().display().to_string();
        self.say(Tone::Good, &format!("Configuration in {file}"))?;
        self.say(Tone::Dim, self.about)?;
        self.say(Tone::Dim, HELP)?;
        let mut notes = (self.check)(self.draft.text());
        notes.retain(|note| note.weight != Weight::Warning);
        self.notes(&notes)?;
        if !notes.is_empty() {
            self.line("The form opens all the same: an answer replaces what is wrong.")?;
        }
        let mut page = 0;
        loop {
            let turn = if page < self.form.pages.len() {
                self.page(page)?
            } else {
                match self.finish()? {
                    Some(end) => return Ok(end),
                    None => Turn::Back,
                }
            };
            page = match turn {
                Turn::On | Turn::Next => page + 1,
                // From the end to the beginning: which page is to be changed is not known.
                Turn::Back if page == self.form.pages.len() => 0,
                Turn::Back => page.saturating_sub(1),
                Turn::Finish => self.form.pages.len(),
            };
        }
    }

    fn page(&mut self, index: usize) -> Result<Turn, PromptError> {
        let count = self.form.pages.len();
        let Some(page) = self.form.pages.get(index) else { return Ok(Turn::Next) };
        let (title, note, topic, fields) = (page.title, page.note, page.topic, page.fields.len());
        self.line("")?;
        self.say(Tone::Good, &format!("{title} ({}/{count})", index + 1))?;
        if !note.is_empty() {
            self.say(Tone::Dim, note)?;
        }
        for field in 0..fields {
            let turn = self.ask(Place::Page(index, field))?;
            if turn != Turn::On {
                return Ok(turn);
            }
        }
        match topic {
            Topic::Fields => Ok(Turn::Next),
            Topic::Roles => self.roles(index),
            Topic::Harnesses => self.harnesses(),
        }
    }

    /// Asks until the answer is one.
    fn ask(&mut self, place: Place) -> Result<Turn, PromptError> {
        loop {
            let Some(field) = self.form.field(place) else { return Ok(Turn::On) };
            let (question, help) = (question(field), help(field));
            let line = match self.reply(&question, &help)? {
                Reply::Line(line) => line,
                Reply::Turn(turn) => return Ok(turn),
            };
            match self.answer(place, &line) {
                Ok(()) => return Ok(Turn::On),
                Err(problem) => self.refuse(&problem)?,
            }
        }
    }

    /// Takes an answer, unless the file could not hold it.
    fn answer(&mut self, place: Place, line: &str) -> Result<(), String> {
        let nested = self.form.nested();
        let Some(field) = self.form.field(place) else { return Ok(()) };
        let before = field.clone();
        let result = field.answer(line).and_then(|()| {
            if let Some(problem) = self.form.nested().into_iter().find(|found| !nested.contains(found)) {
                return Err(problem);
            }
            text(self.draft, &self.form).map(drop).map_err(|error| error.to_string())
        });
        if result.is_err()
            && let Some(field) = self.form.field(place)
        {
            *field = before;
        }
        result
    }

    fn roles(&mut self, page: usize) -> Result<Turn, PromptError> {
        match self.yes("Add another role?", "A role is what the assignee of a task is called.")? {
            Ok(true) => {}
            Ok(false) => return Ok(Turn::Next),
            Err(turn) => return Ok(turn),
        }
        loop {
            let name = match self.name("role", "The name of a role, in any case.")? {
                Ok(name) => name,
                Err(turn) => return Ok(turn),
            };
            if builtin::find(&name).is_some() || self.form.harnesses.iter().any(|known| known.name == name) {
                self.refuse(&format!("{name} is a harness; a role needs a name of its own"))?;
                continue;
            }
            let place = self.form.role(self.draft, page, &name);
            let turn = self.ask(place)?;
            if turn != Turn::On {
                return Ok(turn);
            }
        }
    }

    fn harnesses(&mut self) -> Result<Turn, PromptError> {
        for index in 0..self.form.harnesses.len() {
            self.introduce(index)?;
        }
        match self.yes("Edit harnesses?", "Add one, change its command, or give names to models.")? {
            Ok(true) => {}
            Ok(false) => return Ok(Turn::Next),
            Err(turn) => return Ok(turn),
        }
        loop {
            let name = match self.name("harness", "A harness of your own, or cc, cx, ge, op, ag.")? {
                Ok(name) => name,
                Err(turn) => return Ok(turn),
            };
            let count = self.form.harnesses.len();
            let index = self.form.harness(self.draft, &name);
            let turn = self.harness(index);
            let runnable = self.form.harnesses.get(index).is_none_or(|harness| {
                matches!(harness.runs, Runs::Known(_))
                    || harness.command.iter().any(|f| f.current().is_some())
            });
            // One that was added just now and can run nothing would be a mistake in the file.
            if index == count && !runnable {
                self.form.harnesses.truncate(count);
                self.refuse(&format!("without a command {name} can run nothing; it is left out"))?;
            }
            match turn? {
                Turn::On => {}
                turn => return Ok(turn),
            }
        }
    }

    fn harness(&mut self, index: usize) -> Result<Turn, PromptError> {
        let Some(harness) = self.form.harnesses.get(index) else { return Ok(Turn::On) };
        let (name, runs, questions) = (harness.name.clone(), harness.runs, harness.command.len());
        if let Runs::Known(known) = runs {
            self.line(&format!("  {name} runs {known}; its models can be named here."))?;
        }
        for field in 0..questions {
            let turn = self.ask(Place::Command(index, field))?;
            if turn != Turn::On {
                return Ok(turn);
            }
            let place = Place::Command(index, field);
            let is_bare = field == 0 && self.form.field(place).is_some_and(|field| field.current().is_none());
            if is_bare {
                return Ok(Turn::On);
            }
        }
        loop {
            let alias =
                match self.name("name for a model", "What stands behind the colon: opus in cc:opus.")? {
                    Ok(alias) => alias,
                    Err(turn) => return Ok(turn),
                };
            let Some(harness) = self.form.harnesses.get_mut(index) else { return Ok(Turn::On) };
            let field = harness.model(self.draft, &alias);
            let turn = self.ask(Place::Model(index, field))?;
            if turn != Turn::On {
                return Ok(turn);
            }
        }
    }

    /// A line about a harness.
    fn introduce(&mut self, index: usize) -> Result<(), PromptError> {
        let Some(harness) = self.form.harnesses.get(index) else { return Ok(()) };
        let what = match harness.runs {
            Runs::Known(known) => known.to_owned(),
            Runs::Command => match harness.command.first().and_then(Field::current) {
                Some(command) => Kind::Command.shown(command),
                None => "no command".to_owned(),
            },
        };
        let models: Vec<&str> = harness
            .models
            .iter()
            .filter(|field| field.current().is_some())
            .map(|field| field.label.as_str())
            .collect();
        let models =
            if models.is_empty() { String::new() } else { format!(" (models: {})", models.join(", ")) };
        let line = format!("  {}: {what}{models}", harness.name);
        self.line(&line)
    }

    /// Shows what would be written and asks whether to; `None` goes back to the pages.
    fn finish(&mut self) -> Result<Option<End>, PromptError> {
        let edits = self.form.edits();
        if edits.is_empty() {
            return Ok(Some(End::Unchanged));
        }
        let file = self.draft.file().display().to_string();
        self.line("")?;
        self.say(Tone::Good, &format!("Changes in {file}"))?;
        for edit in &edits {
            self.line(&format!("  {}", summary(edit)))?;
        }
        let mut worse = false;
        match text(self.draft, &self.form) {
            Ok(text) => {
                let notes = (self.check)(&text);
                self.notes(&notes)?;
                worse = notes.iter().any(|note| note.weight == Weight::New);
            }
            Err(error) => self.refuse(&error.to_string())?,
        }
        let (question, help) = if worse {
            ("[save/discard/Back]", "There are mistakes that the file did not have before.")
        } else {
            ("[Save/discard/back]", "An empty line saves.")
        };
        loop {
            let line = match self.reply(&format!("Save to {file}? {question}"), help)? {
                Reply::Line(line) => line.to_lowercase(),
                Reply::Turn(Turn::Back) => return Ok(None),
                Reply::Turn(Turn::Finish) => return Ok(Some(End::NoInput)),
                Reply::Turn(_) => ">".to_owned(),
            };
            match line.as_str() {
                "" if worse => return Ok(None),
                "" | "s" | "save" | "y" | "yes" => return Ok(Some(End::Save)),
                "d" | "discard" | "n" | "no" => return Ok(Some(End::Discard)),
                "b" | "back" => return Ok(None),
                _ => self.refuse("answer with save, discard or back")?,
            }
        }
    }

    fn notes(&mut self, notes: &[Note]) -> Result<(), PromptError> {
        for note in notes {
            let (tone, word) = match note.weight {
                Weight::New | Weight::Old => (Tone::Bad, "error"),
                Weight::Warning => (Tone::Warn, "warning"),
            };
            let word = self.palette.paint(tone, word);
            let text = sanitize::text(&note.text);
            writeln!(self.output, "{word}: {text}").map_err(PromptError::Write)?;
        }
        Ok(())
    }

    /// A name, asked until it is one; `Turn::On` at an empty line.
    fn name(&mut self, what: &str, help: &str) -> Result<Result<String, Turn>, PromptError> {
        loop {
            match self.reply(&format!("  {what} (empty when done)"), help)? {
                Reply::Line(line) if line.is_empty() => return Ok(Err(Turn::On)),
                Reply::Line(line) if is_name(&line) => return Ok(Ok(line)),
                Reply::Line(_) => self.refuse("use a letter, then letters, digits, _ and -")?,
                Reply::Turn(turn) => return Ok(Err(turn)),
            }
        }
    }

    fn yes(&mut self, question: &str, help: &str) -> Result<Result<bool, Turn>, PromptError> {
        loop {
            let line = match self.reply(&format!("  {question} [y/N]"), help)? {
                Reply::Line(line) => line,
                Reply::Turn(turn) => return Ok(Err(turn)),
            };
            match if line.is_empty() { Ok(Content::Flag(false)) } else { Kind::Flag.parse(&line) } {
                Ok(content) => return Ok(Ok(content == Content::Flag(true))),
                Err(problem) => self.refuse(&problem)?,
            }
        }
    }

    /// The next line that is no question of the user's.
    fn reply(&mut self, question: &str, help: &str) -> Result<Reply, PromptError> {
        loop {
            write!(self.output, "{}: ", sanitize::text(question)).map_err(PromptError::Write)?;
            self.output.flush().map_err(PromptError::Write)?;
            let Some(line) = self.lines.next_line()? else {
                self.line("")?;
                return Ok(Reply::Turn(Turn::Finish));
            };
            match line.as_str() {
                "?" => self.say(Tone::Dim, &format!("  {help}"))?,
                ">" => return Ok(Reply::Turn(Turn::Next)),
                "<" => return Ok(Reply::Turn(Turn::Back)),
                _ => return Ok(Reply::Line(line)),
            }
        }
    }

    fn refuse(&mut self, problem: &str) -> Result<(), PromptError> {
        self.say(Tone::Warn, &format!("  {problem}"))
    }

    fn say(&mut self, tone: Tone, text: &str) -> Result<(), PromptError> {
        let text = self.palette.paint(tone, sanitize::text(text));
        writeln!(self.output, "{text}").map_err(PromptError::Write)
    }

    fn line(&mut self, text: &str) -> Result<(), PromptError> {
        writeln!(self.output, "{}", sanitize::text(text)).map_err(PromptError::Write)
    }
}

/// The text of the file with the answers in it.
pub fn text(draft: &Draft, form: &Form) -> Result<String, crate::config::edit::EditError> {
    let edit = |change: Change| match change.new.and_then(|new| new.value()) {
        Some(value) => Edit::Set(change.path, value),
        None => Edit::Unset(change.path),
    };
    draft.with(&form.edits().into_iter().map(edit).collect::<Vec<Edit>>())
}

/// `reliability.retry_budget: 5 -> 7`.
pub fn summary(edit: &Change) -> String {
    let old = edit.old.as_ref().map_or_else(|| "not set".to_owned(), Content::literal);
    let new = edit.new.as_ref().map_or_else(|| "removed".to_owned(), Content::literal);
    sanitize::line(&format!("{}: {old} -> {new}", dotted(&edit.path)))
}

fn question(field: &Field) -> String {
    let current = match field.current() {
        Some(content) => {
            let shown = field.kind.shown(content);
            match field.kind.problem(content) {
                Some(problem) => format!("{shown}; {problem}"),
                None => shown,
            }
        }
        None if field.default.is_empty() => "not set".to_owned(),
        None => format!("not set; default {}", field.default),
    };
    format!("  {}", sanitize::line(&format!("{} [{current}]", field.label)))
}

fn help(field: &Field) -> String {
    match field.kind {
        Kind::Number(least, most) if most < i64::MAX => format!("{} From {least} to {most}.", field.help),
        Kind::Number(least, _) => format!("{} At least {least}.", field.help),
        Kind::Flag => format!("{} Yes or no.", field.help),
        _ => field.help.clone(),
    }
}

/// What [`PromptError::Read`] holds after Ctrl+C.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// Whether an error is a Ctrl+C.
pub fn is_interrupt(error: &PromptError) -> bool {
    match error {
        PromptError::Read(error) => error.get_ref().is_some_and(|inner| inner.is::<Interrupted>()),
        PromptError::Unrecognised { .. } | PromptError::TooLong | PromptError::Write(_) => false,
    }
}

impl From<Interrupted> for io::Error {
    fn from(interrupted: Interrupted) -> io::Error {
        io::Error::other(interrupted)
    }
}
