//! What an agent says and does, readable.

use std::io::{self, Write};

use crate::executor::lines::{Line, LineSplitter};
use crate::executor::said::{self, End, Narrator, Said};
use crate::model::{Cli, Usage, text};
use crate::terminal::format;
use crate::terminal::sanitize;
use crate::terminal::style::{Palette, Tone};

/// Lines of a tool's answer that are shown.
const ANSWER_LINES: usize = 4;

/// Lines of a failed tool's answer, and of a thought, that are shown.
const FAILURE_LINES: usize = 12;

/// Where there is no terminal, a line that is to be short has so many cells.
const WIDTH: usize = 160;

/// Renders the output of one CLI.
#[derive(Debug)]
pub(super) struct Pretty {
    cli: Cli,
    narrator: Box<dyn Narrator>,
    lines: LineSplitter,
    page: Page,
}

impl Pretty {
    pub(super) fn new(cli: Cli, palette: Palette, width: Option<usize>) -> Pretty {
        Pretty {
            cli,
            narrator: said::narrator(cli),
            lines: LineSplitter::default(),
            page: Page::new(palette, width),
        }
    }

    /// Takes the next bytes of the log.
    pub(super) fn print(&mut self, bytes: &[u8], out: &mut impl Write) -> io::Result<()> {
        let Pretty { narrator, lines, page, .. } = self;
        let mut result = Ok(());
        lines.feed(bytes, |line| {
            if result.is_ok() {
                result = tell(&mut **narrator, line, page, out);
            }
        });
        result
    }

    /// Shows the beginning of a plain line: a CLI may wait for long in its middle.
    pub(super) fn flush(&mut self, out: &mut impl Write) -> io::Result<()> {
        let begun = self.lines.unfinished();
        // Half an event says nothing yet, and one may stand behind other words.
        let words = memchr::memchr(b'{', begun.bytes).unwrap_or(begun.bytes.len());
        if begun.cut { Ok(()) } else { self.page.half(&begun.bytes[..words], out) }
    }

    /// The log is over.
    pub(super) fn finish(&mut self, out: &mut impl Write) -> io::Result<()> {
        let Pretty { narrator, lines, page, .. } = self;
        let mut result = Ok(());
        lines.finish(|line| result = tell(&mut **narrator, line, page, out));
        result?;
        page.fresh_line(out)
    }

    /// Another log begins.
    pub(super) fn restart(&mut self) {
        *self = Pretty::new(self.cli, self.page.palette, self.page.width);
    }
}

/// Puts one line on the page.
fn tell(
    narrator: &mut dyn Narrator,
    line: Line<'_>,
    page: &mut Page,
    out: &mut impl Write,
) -> io::Result<()> {
    let shown = page.end_half();
    if line.cut {
        page.fresh_line(out)?;
        page.dim("… the beginning of a very long line is left out …", out)?;
    }
    if line.cut {
        page.forget_half();
    }
    let rest = if line.cut { line.bytes } else { &line.bytes[shown.min(line.bytes.len())..] };
    if shown > 0 && memchr::memmem::find(rest, b"{\"").is_none() {
        return page.rest_of_half(rest, out);
    }
    page.forget_half();
    for said in said::line(narrator, &String::from_utf8_lossy(rest)) {
        page.say(said, out)?;
    }
    Ok(())
}

/// What is on the screen so far, as far as the next line depends on it.
#[derive(Debug)]
struct Page {
    palette: Palette,
    width: Option<usize>,
    /// Whether the last line still goes on.
    open: bool,
    /// Bytes of an unfinished plain line that are shown.
    half: usize,
    /// Cleans that line.
    cleaner: sanitize::Stream,
    /// Cleans what is said piece by piece.
    pieces: sanitize::Stream,
    /// What went wrong last: a CLI likes to say it more than once.
    problem: Option<String>,
}

impl Page {
    fn new(palette: Palette, width: Option<usize>) -> Page {
        Page {
            palette,
            width,
            open: false,
            half: 0,
            cleaner: sanitize::Stream::default(),
            pieces: sanitize::Stream::default(),
            problem: None,
        }
    }

    fn say(&mut self, said: Said, out: &mut impl Write) -> io::Result<()> {
        if let Said::Piece(piece) = &said {
            return self.piece(piece, out);
        }
        self.fresh_line(out)?;
        if !matches!(said, Said::Problem(_) | Said::End(_) | Said::Note(_) | Said::Break) {
            self.problem = None;
        }
        match said {
            Said::Piece(_) | Said::Break => Ok(()),
            Said::Text(words) => self.whole(&words, out),
            Said::Plain(words) => writeln!(out, "{}", sanitize::text(&words)),
            Said::Thought(words) => self.few_lines(&words, FAILURE_LINES, Tone::Dim, out),
            Said::Tool { name, detail } => self.tool(&name, &detail, out),
            Said::ToolOutput { text, failed: true } => {
                self.few_lines(&format!("✗ {}", text.trim_start()), FAILURE_LINES, Tone::Bad, out)
            }
            Said::ToolOutput { text, failed: false } => self.few_lines(&text, ANSWER_LINES, Tone::Dim, out),
            Said::Problem(words) => self.problem(words, out),
            Said::Note(words) => self.dim(&sanitize::line(&words), out),
            Said::End(end) => self.end(end, out),
        }
    }

    /// Ends a line that still goes on.
    fn fresh_line(&mut self, out: &mut impl Write) -> io::Result<()> {
        let rest = self.pieces.finish();
        out.write_all(rest.as_bytes())?;
        if std::mem::take(&mut self.open) || !rest.is_empty() {
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    fn whole(&mut self, words: &str, out: &mut impl Write) -> io::Result<()> {
        let words = sanitize::text(words);
        writeln!(out, "{}", words.trim_end_matches('\n'))
    }

    fn piece(&mut self, piece: &str, out: &mut impl Write) -> io::Result<()> {
        let piece = self.pieces.push(piece.as_bytes());
        if let Some(last) = piece.chars().next_back() {
            out.write_all(piece.as_bytes())?;
            self.open = last != '\n';
        }
        Ok(())
    }

    fn tool(&mut self, name: &str, detail: &str, out: &mut impl Write) -> io::Result<()> {
        let (name, detail) = (sanitize::line(name), sanitize::line(detail));
        let room = self.cells().saturating_sub("▸ : ".len() + name.chars().count());
        let colon = if detail.is_empty() { "" } else { ": " };
        let name = self.palette.paint(Tone::Accent, format!("▸ {name}"));
        writeln!(out, "{name}{colon}{}", format::cut(&detail, room))
    }

    /// The beginning of a longer text, a little to the right.
    fn few_lines(&self, words: &str, most: usize, tone: Tone, out: &mut impl Write) -> io::Result<()> {
        let words = sanitize::text(words);
        let lines: Vec<&str> = words.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        let room = self.cells().saturating_sub(2);
        for line in lines.iter().take(most) {
            writeln!(out, "  {}", self.palette.paint(tone, format::cut(&line.replace('\t', "  "), room)))?;
        }
        match lines.len().saturating_sub(most) {
            0 => Ok(()),
            more => self.dim(&format!("  … {}", text::count(more, "more line")), out),
        }
    }

    fn problem(&mut self, words: String, out: &mut impl Write) -> io::Result<()> {
        if self.problem.as_ref() != Some(&words) {
            let clean = sanitize::text(&words);
            writeln!(out, "{}", self.palette.paint(Tone::Bad, format!("✗ {}", clean.trim_end())))?;
        }
        self.problem = Some(words);
        Ok(())
    }

    fn dim(&self, words: &str, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{}", self.palette.paint(Tone::Dim, format::cut(words, self.cells())))
    }

    fn end(&mut self, end: End, out: &mut impl Write) -> io::Result<()> {
        if let Some(message) = end.message.clone() {
            self.problem(message, out)?;
        }
        let (word, tone) =
            if end.ok { ("✓ the turn is over", Tone::Good) } else { ("✗ the turn failed", Tone::Bad) };
        let figures = figures(&end);
        let separator = if figures.is_empty() { "" } else { " · " };
        writeln!(out, "{}{separator}{figures}", self.palette.paint(tone, word))
    }

    /// Shows what is new of a line that has no end yet.
    fn half(&mut self, begun: &[u8], out: &mut impl Write) -> io::Result<()> {
        if begun.len() <= self.half {
            return Ok(());
        }
        if self.half == 0 {
            self.fresh_line(out)?;
        }
        let new = self.cleaner.push(&begun[self.half..]);
        self.half = begun.len();
        self.open = true;
        out.write_all(new.as_bytes())
    }

    /// The line whose beginning may be shown is complete; says how much of it is shown.
    fn end_half(&mut self) -> usize {
        std::mem::take(&mut self.half)
    }

    /// What is shown of a line does not go on: neither does what it was torn in.
    fn forget_half(&mut self) {
        self.cleaner = sanitize::Stream::default();
    }

    fn rest_of_half(&mut self, rest: &[u8], out: &mut impl Write) -> io::Result<()> {
        let mut text = self.cleaner.push(rest);
        text.push_str(&self.cleaner.finish());
        writeln!(out, "{text}")?;
        self.open = false;
        Ok(())
    }

    fn cells(&self) -> usize {
        self.width.unwrap_or(WIDTH)
    }
}

/// `2468 tokens in, 1578 cached, 112 out · $0.0124 · 3s`, as far as it is told.
fn figures(end: &End) -> String {
    let usage = end.usage.filter(|usage| *usage != Usage::default()).map(|usage| {
        format!(
            "{} tokens in, {} cached, {} out",
            usage.input_tokens, usage.cached_input_tokens, usage.output_tokens
        )
    });
    let cost = end.cost.filter(|cost| *cost > 0.0).map(|cost| format!("${cost:.4}"));
    let duration = end.duration.filter(|took| took.as_secs() > 0).map(text::duration);
    [usage, cost, duration].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests;
