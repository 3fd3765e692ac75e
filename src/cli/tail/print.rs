//! From the bytes of a log to standard output.

use std::io::{self, IsTerminal, Write};

use super::highlight::{Highlighter, Mode};
use super::pretty::Pretty;
use crate::terminal::sanitize;

/// Prints a log's bytes as they come.
#[derive(Debug)]
pub(super) struct Printer {
    manner: Manner,
    /// For what is no readable rendering: nothing foreign reaches a terminal as it is.
    cleaner: Option<sanitize::Stream>,
}

/// How a log is shown.
#[derive(Debug)]
pub(super) enum Manner {
    /// As it is.
    Raw,
    /// With colours.
    Highlighted(Highlighter),
    /// As what it says. This one cleans by itself.
    Pretty(Box<Pretty>),
}

impl Manner {
    /// Colours only where standard output shows them.
    pub(super) fn highlighted(mode: Mode) -> Manner {
        let coloured = anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never;
        if coloured && mode != Mode::Off { Manner::Highlighted(Highlighter::new(mode)) } else { Manner::Raw }
    }
}

impl Printer {
    /// Prints in this manner to standard output.
    pub(super) fn new(manner: Manner) -> Printer {
        let foreign = match manner {
            Manner::Raw => io::stdout().is_terminal(),
            Manner::Highlighted(_) => true,
            Manner::Pretty(_) => false,
        };
        Printer { manner, cleaner: foreign.then(sanitize::Stream::default) }
    }

    /// Takes the next bytes of the log.
    pub(super) fn print(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match (&mut self.manner, &mut self.cleaner) {
            (Manner::Raw, None) => out.write_all(bytes),
            (Manner::Raw, Some(cleaner)) => out.write_all(cleaner.push(bytes).as_bytes()),
            (Manner::Highlighted(highlighter), cleaner) => {
                let text = cleaner.get_or_insert_default().push(bytes);
                highlighter.print(&text, &mut out)
            }
            (Manner::Pretty(pretty), _) => pretty.print(bytes, &mut out),
        }
    }

    /// Shows everything, also the beginning of a line: an agent may wait for long in its middle.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match &mut self.manner {
            Manner::Raw => {}
            Manner::Highlighted(highlighter) => highlighter.flush(&mut out)?,
            Manner::Pretty(pretty) => pretty.flush(&mut out)?,
        }
        out.flush()
    }

    /// The log is over.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let rest = self.cleaner.as_mut().map(sanitize::Stream::finish).unwrap_or_default();
        match &mut self.manner {
            Manner::Raw => out.write_all(rest.as_bytes())?,
            Manner::Highlighted(highlighter) => {
                highlighter.print(&rest, &mut out)?;
                highlighter.end_line(&mut out)?;
            }
            Manner::Pretty(pretty) => pretty.finish(&mut out)?,
        }
        out.flush()
    }

    /// Another log begins in the place of this one.
    pub(super) fn restart(&mut self) -> io::Result<()> {
        self.finish()?;
        if let Manner::Pretty(pretty) = &mut self.manner {
            pretty.restart();
        }
        Ok(())
    }
}
