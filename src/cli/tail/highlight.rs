//! Colours for people: guesses about single lines, nothing more.

use std::io::{self, Write};
use std::sync::LazyLock;

use anstyle::{Ansi256Color, AnsiColor, Color, Style};
use regex::{Captures, Regex};

/// A line that is longer is printed as it comes, in bytes.
const LINE_LIMIT: usize = 1 << 20;

/// How output is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Mode {
    /// The very bytes of the log
    #[value(alias = "")]
    Off,
    /// JSON, commands, addresses, times and errors stand out
    Heuristic,
    /// The parts of JSON and of shell text, in 256 colours
    Chroma,
}

/// Colours text that comes in pieces.
#[derive(Debug)]
pub(super) struct Highlighter {
    mode: Mode,
    /// The line that has no newline yet.
    line: String,
    /// How much of it has been printed, uncoloured.
    printed: usize,
}

impl Highlighter {
    pub(super) fn new(mode: Mode) -> Highlighter {
        Highlighter { mode, line: String::new(), printed: 0 }
    }

    /// Takes the next piece.
    pub(super) fn print(&mut self, text: &str, out: &mut impl Write) -> io::Result<()> {
        for piece in text.split_inclusive('\n') {
            self.line.push_str(piece);
            if piece.ends_with('\n') || self.line.len() > LINE_LIMIT {
                self.end_line(out)?;
            }
        }
        Ok(())
    }

    /// Shows everything, also the beginning of a line: an agent may wait for long in its middle.
    pub(super) fn flush(&mut self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.line.as_bytes()[self.printed..])?;
        self.printed = self.line.len();
        Ok(())
    }

    /// Ends the line as it is. A line of which a part is printed already goes on without colours.
    pub(super) fn end_line(&mut self, out: &mut impl Write) -> io::Result<()> {
        let text = &self.line[self.printed..];
        if self.printed == 0 {
            out.write_all(coloured(self.mode, text).as_bytes())?;
        } else {
            out.write_all(text.as_bytes())?;
        }
        self.line.clear();
        self.line.shrink_to(LINE_LIMIT / 16);
        self.printed = 0;
        Ok(())
    }
}

fn coloured(mode: Mode, line: &str) -> String {
    match mode {
        Mode::Off => line.to_owned(),
        Mode::Heuristic => heuristic(line),
        Mode::Chroma => chroma(line),
    }
}

fn looks_like_json(line: &str) -> bool {
    let text = line.trim();
    text.len() > 1
        && ((text.starts_with('{') && text.ends_with('}')) || (text.starts_with('[') && text.ends_with(']')))
}

const fn ansi(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(color)))
}

const fn indexed(color: u8) -> Style {
    Style::new().fg_color(Some(Color::Ansi256(Ansi256Color(color))))
}

fn paint(style: Style, text: &str) -> String {
    let (text, newline) = text.strip_suffix('\n').map_or((text, ""), |text| (text, "\n"));
    format!("{style}{text}{style:#}{newline}")
}

fn heuristic(line: &str) -> String {
    static PARTS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(concat!(
            r"(?<url>https?://\S+)",
            r"|(?<time>\b(?:\d{4}-\d\d-\d\dT)?\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)",
            r"|(?<bad>\b(?i:error|panic|fatal|failed|fail)\b)",
        ))
        .ok()
    });
    if looks_like_json(line) {
        return paint(ansi(AnsiColor::BrightGreen), line);
    }
    if line.starts_with("$ ") || line.starts_with("> ") {
        return paint(ansi(AnsiColor::BrightCyan), line);
    }
    paint_parts(&PARTS, line, |part| {
        if part.name("url").is_some() {
            ansi(AnsiColor::BrightBlue).underline()
        } else if part.name("time").is_some() {
            ansi(AnsiColor::BrightBlack)
        } else {
            ansi(AnsiColor::BrightRed)
        }
    })
}

fn chroma(line: &str) -> String {
    static JSON: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let string = r#""(?:[^"\\]|\\.)*""#;
        let pattern = format!(
            r"(?<key>{string})\s*:|(?<string>{string})|(?<number>-?\b\d[\d.eE+-]*)|(?<word>\b(?:true|false|null)\b)"
        );
        Regex::new(&pattern).ok()
    });
    static SHELL: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let string = r#""(?:[^"\\]|\\.)*"|'[^']*'"#;
        let pattern =
            format!(r"(?<comment>(?:^|\s)#.*)|(?<string>{string})|(?<key>\$\{{?\w+\}}?)|(?<number>\b\d+\b)");
        Regex::new(&pattern).ok()
    });
    let parts = if looks_like_json(line) { &JSON } else { &SHELL };
    // The palette known as monokai, at its nearest indexed colours.
    paint_parts(parts, line, |part| {
        let style = [("key", 197), ("string", 186), ("number", 141), ("word", 81), ("comment", 242)];
        let color = style.into_iter().find(|(name, _)| part.name(name).is_some()).map_or(231, |(_, c)| c);
        indexed(color)
    })
}

/// Paints what the pattern finds and leaves the rest.
fn paint_parts(parts: &Option<Regex>, line: &str, style: impl Fn(&Captures<'_>) -> Style) -> String {
    match parts {
        Some(parts) => {
            parts.replace_all(line, |part: &Captures<'_>| paint(style(part), &part[0])).into_owned()
        }
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // 10-L7
    #[test]
    fn heuristics() {
        let cases = [
            ("{\"a\":1}\n", "<92>{\"a\":1}<0>\n"),
            ("  [1]  ", "<92>  [1]  <0>"),
            ("$ make\n", "<96>$ make<0>\n"),
            ("> make", "<96>> make<0>"),
            ("see https://example.org/x now", "see <4><94>https://example.org/x<0> now"),
            ("12:30:01 up", "<90>12:30:01<0> up"),
            ("2026-11-23T06:26:21.042Z up", "<90>2026-11-23T06:26:21.042Z<0> up"),
            ("An Error, failed; failure", "An <91>Error<0>, <91>failed<0>; failure"),
            ("plain\n", "plain\n"),
        ];
        for (line, expected) in cases {
            let found = heuristic(line).replace("\x1b[", "<").replace('m', ">");
            let expected = expected.replace('m', ">");
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn chroma_paints_parts_and_keeps_the_text() {
        for line in
            ["{\"a\": [1, \"x\\\"y\", null]}\n", "echo \"$HOME\" 'x' # done", "plain\n", "{\"broken\": }"]
        {
            let painted = chroma(line);
            let stripped = anstream::adapter::strip_str(&painted).to_string();
            assert_eq!(stripped, line);
        }
        assert!(chroma("{\"a\": 1}").contains("38;5;197"));
        assert!(chroma("echo 'x'").contains("38;5;186"));
    }
}
