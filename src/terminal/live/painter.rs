//! Puts lines on a terminal where they can be taken away again, whatever happens to the terminal in between.
//!
//! No row is counted. Between two paintings the cursor stands on the first cell of the first line, and everything
//! below it is ours. A terminal that becomes narrower may cut what stands there or wrap it anew onto more rows; the
//! first cell stays where the cursor is, so that erasing from the cursor on takes away all of it and nothing above.
//! While we paint the terminal is told not to wrap: a width that is out of date, or a glyph that it
//! takes for wider than we do, costs the end of a line and no row.

use super::line::Line;
use crate::terminal::style::Palette;

/// To the first cell of this row; this row and all below it erased. The space is for tmux, which takes an erasure that
/// begins at the first cell of the screen for a cleared screen, and keeps what was on it in its history.
const CLEAR: &str = "\r\x1b[2K \x1b[J\r";

/// At the last column the terminal stays where it is.
const NO_WRAP: &str = "\x1b[?7l";

/// At the last column the terminal goes on in the next row, as it usually does.
const WRAP: &str = "\x1b[?7h";

/// Cells of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Side by side.
    pub columns: usize,
    /// Below each other.
    pub rows: usize,
}

impl Size {
    /// Of a terminal that does not tell.
    pub const USUAL: Size = Size { columns: 80, rows: 24 };
}

/// Knows what is painted, and makes what has to be written.
#[derive(Debug, Default)]
pub struct Painter {
    painted: Option<(String, Size)>,
}

impl Painter {
    /// What erases the painted lines: nothing when there are none. Whatever is printed next stands in their place.
    pub fn clear(&mut self) -> &'static str {
        if self.painted.take().is_some() { CLEAR } else { "" }
    }

    /// Others have written where the lines were painted: nothing of ours is left that could be erased.
    pub fn forget(&mut self) {
        self.painted = None;
    }

    /// What paints these lines over those that are painted: nothing when the same ones are already
    /// there. Of more lines than the terminal has rows, the first.
    pub fn paint(&mut self, lines: &[Line], palette: Palette, size: Size) -> String {
        let Some((first, more)) = lines.split_first() else { return self.clear().to_owned() };
        let more = &more[..more.len().min(size.rows.saturating_sub(1))];
        let mut frame = format!("{CLEAR}{NO_WRAP}{}", first.painted(palette));
        for line in more {
            frame += "\r\n";
            frame += &line.painted(palette);
        }
        frame += WRAP;
        if !more.is_empty() {
            frame += &format!("\x1b[{}A", more.len());
        }
        frame.push('\r');
        // Of another size, the terminal may have lost what it does not show.
        if self.painted.as_ref().is_some_and(|(painted, of)| *painted == frame && *of == size) {
            return String::new();
        }
        self.painted = Some((frame.clone(), size));
        frame
    }
}

#[cfg(test)]
mod tests;
