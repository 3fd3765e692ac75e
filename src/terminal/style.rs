//! The few colours that rally uses, and when it uses them.

use anstream::stream::RawStream;
use anstyle::{Ansi256Color, Style};
use std::fmt::Display;

/// What a text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Success: bright green.
    Good,
    /// Failure: bright red.
    Bad,
    /// Something to look at: bright yellow.
    Warn,
    /// Something that is done: bright cyan.
    Accent,
    /// Less important: grey.
    Dim,
    /// Separators: darker grey.
    Rule,
}

impl Tone {
    fn style(self) -> Style {
        let colour = match self {
            Tone::Good => 10,
            Tone::Bad => 9,
            Tone::Warn => 11,
            Tone::Accent => 14,
            Tone::Dim => 245,
            Tone::Rule => 240,
        };
        Style::new().fg_color(Some(Ansi256Color(colour).into()))
    }
}

/// Colours text, or leaves it as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    /// Whether escapes may be printed.
    pub colour: bool,
}

impl Palette {
    /// For a stream of this process: colours only on a terminal, and only if neither
    /// `NO_COLOR` nor `TERM=dumb` is against it.
    pub fn of<S: RawStream>(stream: &S) -> Self {
        let choice = anstream::AutoStream::choice(stream);
        Palette { colour: stream.is_terminal() && choice != anstream::ColorChoice::Never }
    }

    /// The text in the colour of its tone.
    pub fn paint(self, tone: Tone, text: impl Display) -> String {
        if self.colour {
            let style = tone.style();
            format!("{style}{text}{style:#}")
        } else {
            text.to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_optional() {
        assert_eq!(Palette { colour: false }.paint(Tone::Bad, "x"), "x");
        assert_eq!(Palette { colour: true }.paint(Tone::Bad, "x"), "\x1b[38;5;9mx\x1b[0m");
        assert_eq!(Palette { colour: true }.paint(Tone::Dim, "x"), "\x1b[38;5;245mx\x1b[0m");
    }
}
