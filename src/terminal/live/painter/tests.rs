//! What is written, on a terminal that does as asked, and on terminals that are resized in between.

use std::num::NonZero;

use pretty_assertions::assert_eq;

use super::*;
use crate::terminal::live::line::Field;

const PLAIN: Palette = Palette { colour: false };

fn size(rows: usize, columns: usize) -> Size {
    Size { columns, rows }
}

fn lines(texts: &[&str]) -> Vec<Line> {
    texts.iter().map(|text| Line::of(Field::plain(*text))).collect()
}

fn terminal(rows: u16, columns: u16) -> vt100::Parser {
    vt100::Parser::new(NonZero::new(rows).unwrap(), NonZero::new(columns).unwrap(), 100)
}

// One write, no line feed after the last line, and nothing when nothing has changed.
#[test]
fn only_what_has_changed_is_painted() {
    let mut painter = Painter::default();
    assert_eq!(painter.clear(), "");
    let two = lines(&["status", "keys"]);
    let painted = painter.paint(&two, PLAIN, size(24, 80));
    assert_eq!(painted, "\r\x1b[2K \x1b[J\r\x1b[?7lstatus\r\nkeys\x1b[?7h\x1b[1A\r");
    assert_eq!(painter.paint(&two, PLAIN, size(24, 80)), "");
    assert_eq!(painter.paint(&two, PLAIN, size(24, 79)), painted, "a resized terminal may have lost it");
    assert_eq!(painter.clear(), CLEAR);
    assert_eq!(painter.clear(), "");
    assert_eq!(painter.paint(&two, PLAIN, size(24, 79)), painted);
    assert_eq!(painter.paint(&[], PLAIN, size(24, 79)), CLEAR);
    assert_eq!(painter.paint(&[], PLAIN, size(24, 79)), "");
}

// Also at the bottom, where the first painting scrolls, and where there is only one row.
#[test]
fn lines_above_stay_and_nothing_is_left_behind() {
    for (rows, columns) in [(10, 40), (3, 40), (2, 40), (1, 40), (3, 1), (1, 1), (2, 5)] {
        let mut painter = Painter::default();
        let mut terminal = terminal(rows, columns);
        terminal.process(b"1\r\n2\r\n3\r\n");
        let room = size(rows.into(), columns.into());
        let mut scrolled = None;
        for n in 0..20 {
            let two = lines(&[&format!("{n}"), "keys and more keys"])
                .into_iter()
                .map(|line| line.cut(columns.into()));
            let painted = painter.paint(&two.collect::<Vec<_>>(), PLAIN, room);
            terminal.process(painted.as_bytes());
            let (row, column) = terminal.screen().cursor_position();
            assert_eq!(column, 0);
            let first = terminal.screen().rows(0, columns).nth(row.into()).unwrap();
            assert!(n.to_string().starts_with(&first) && !first.is_empty(), "{first:?}");
            assert_eq!(*scrolled.get_or_insert(row), row, "repainting scrolls nothing");
        }
        terminal.process(painter.clear().as_bytes());
        terminal.process(b"4\r\n");
        terminal.screen_mut().set_scrollback(usize::MAX);
        let mut all = terminal.screen().contents();
        if rows == 10 {
            assert_eq!(all, "1\n2\n3\n4");
        }
        assert!(all.starts_with("1"), "{rows}x{columns}: {all}");
        all.retain(|c| c.is_alphabetic());
        assert_eq!(all, "", "{rows}x{columns}");
    }
}

/// A terminal that wraps its lines anew when it is resized, keeping the cursor on its character: what tmux, VTE, kitty,
/// and Windows Terminal do. Knows just what the painter writes. Rows that scroll off the top are kept.
#[derive(Debug, Default)]
struct Reflowing {
    /// Lines as they were ended by a line feed.
    lines: Vec<String>,
    /// Line and character.
    cursor: (usize, usize),
}

impl Reflowing {
    /// A terminal that wraps at its last column, whatever it was told.
    fn write(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            let codes = ["\x1b[2K", "\x1b[J", "\x1b[?7l", "\x1b[?7h", "\x1b[1A", "\r", "\n"];
            let code = codes.into_iter().find(|code| rest.starts_with(code));
            let (line, at) = self.cursor;
            while self.lines.len() <= line {
                self.lines.push(String::new());
            }
            match code {
                Some("\r") => self.cursor.1 = 0,
                Some("\n") => self.cursor.0 += 1,
                Some("\x1b[1A") => self.cursor.0 -= 1,
                // The first row of a line: what has wrapped below it is the next code's.
                Some("\x1b[2K") => self.lines[line].clear(),
                Some("\x1b[J") => self.lines.truncate(line + 1),
                Some(_) => {}
                None => {
                    let c = rest.chars().next().unwrap();
                    self.lines[line] = self.lines[line].chars().take(at).chain([c]).collect();
                    self.cursor.1 += 1;
                }
            }
            rest = &rest[code.map_or_else(|| rest.chars().next().unwrap().len_utf8(), str::len)..];
        }
    }
}

// Lines that were painted for a wide terminal, wrapped anew by a narrow one: however many rows they take now, the
// cursor stands on the first cell of the first, and what is erased is all of them and nothing else.
#[test]
fn a_terminal_that_wraps_anew_is_left_clean() {
    let (mut painter, mut terminal) = (Painter::default(), Reflowing::default());
    terminal.write("a header that is long\r\n");
    for (rows, columns) in [(24, 200usize), (24, 20), (24, 5), (24, 80), (2, 3), (1, 1), (1, 80), (24, 200)] {
        let status = "s".repeat(columns.saturating_sub(1).max(1));
        let keys = "k".repeat(columns.min(69));
        terminal.write(&painter.paint(&lines(&[&status, &keys]), PLAIN, size(rows, columns)));
        assert_eq!(terminal.cursor, (1, 0));
        let mut left = vec!["a header that is long".to_owned(), status];
        left.extend((rows > 1).then_some(keys));
        assert_eq!(terminal.lines, left);
    }
    terminal.write(painter.clear());
    assert_eq!(terminal.lines, ["a header that is long", " "]);
}
