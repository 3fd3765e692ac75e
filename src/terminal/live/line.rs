//! One line whose parts have colours of their own, measured in cells.

use unicode_width::UnicodeWidthStr;

use crate::terminal::format::cut;
use crate::terminal::style::{Palette, Tone};

/// Between two fields of a line.
pub const BETWEEN: &str = " │ ";

/// Part of a line. The text is clean: what is foreign in it was sanitised where it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// What is to be read.
    pub text: String,
    /// Its colour, if it has one of its own.
    pub tone: Option<Tone>,
}

impl Field {
    /// In the terminal's own colour.
    pub fn plain(text: impl Into<String>) -> Field {
        Field { text: text.into(), tone: None }
    }

    /// In the colour of what it means.
    pub fn toned(tone: Tone, text: impl Into<String>) -> Field {
        Field { text: text.into(), tone: Some(tone) }
    }
}

/// Fields side by side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    fields: Vec<Field>,
}

impl Line {
    /// A single field.
    pub fn of(field: Field) -> Line {
        Line { fields: vec![field] }
    }

    /// Cells that it takes.
    pub fn cells(&self) -> usize {
        let between = BETWEEN.width() * self.fields.len().saturating_sub(1);
        self.fields.iter().map(|field| field.text.width()).sum::<usize>() + between
    }

    /// No wider than so many cells: the last fields go, and the one that reaches over the edge is cut.
    pub fn cut(mut self, cells: usize) -> Line {
        let mut left = cells;
        let mut kept = 0;
        for (index, field) in self.fields.iter_mut().enumerate() {
            let between = if index == 0 { 0 } else { BETWEEN.width() };
            let Some(room) = left.checked_sub(between) else { break };
            field.text = cut(&field.text, room);
            // A separator with nothing behind it says nothing.
            if field.text.is_empty() {
                break;
            }
            left = room - field.text.width();
            kept = index + 1;
        }
        self.fields.truncate(kept);
        self
    }

    /// What is to be read, without colours.
    pub fn text(&self) -> String {
        self.painted(Palette { colour: false })
    }

    /// As it is printed.
    pub fn painted(&self, palette: Palette) -> String {
        let paint = |field: &Field| match field.tone {
            Some(tone) => palette.paint(tone, &field.text),
            None => field.text.clone(),
        };
        self.fields.iter().map(paint).collect::<Vec<_>>().join(BETWEEN)
    }
}

impl FromIterator<Field> for Line {
    fn from_iter<I: IntoIterator<Item = Field>>(fields: I) -> Line {
        Line { fields: fields.into_iter().filter(|field| !field.text.is_empty()).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_at_cells_and_never_ends_in_a_separator() {
        let line: Line = ["⏱ 42s", "", "📁 3"].into_iter().map(Field::plain).collect();
        assert_eq!(line.text(), "⏱ 42s │ 📁 3");
        assert_eq!(line.cells(), 12);
        let table = [
            (12, "⏱ 42s │ 📁 3"),
            (11, "⏱ 42s │ 📁…"),
            (10, "⏱ 42s │ …"), // no half of a wide glyph
            (9, "⏱ 42s"),
            (8, "⏱ 42s"),
            (5, "⏱ 42s"),
            (4, "⏱ 4…"),
            (1, "⏱"),
            (0, ""),
        ];
        for (cells, text) in table {
            assert_eq!(line.clone().cut(cells).text(), text, "{cells}");
        }
    }

    #[test]
    fn only_the_parts_have_colours() {
        let line: Line = [Field::plain("a"), Field::toned(Tone::Warn, "b")].into_iter().collect();
        assert_eq!(line.painted(Palette { colour: true }), "a │ \x1b[38;5;11mb\x1b[0m");
    }
}
