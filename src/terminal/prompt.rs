//! Questions to the operator, answered by a line of standard input, typed or piped.

use std::io::{self, BufRead, Read, StdinLock, Write};

use super::sanitize;

/// How often a question is asked before rally gives up.
const ATTEMPTS: usize = 3;

/// Longest line that is read, in bytes; no answer is near it.
const LINE_LIMIT: u64 = 4096;

/// One of the answers to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// What the question shows: `Resume`.
    pub label: &'static str,
    /// What scripts type: `resume`.
    pub value: &'static str,
}

/// A question that got no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// Only unknown answers came.
    #[error("no usable answer to \"{title}\": answer with one of {accepted}")]
    Unrecognised {
        /// The question.
        title: String,
        /// What would have been understood.
        accepted: String,
    },
    /// The answer is no line of text.
    #[error("the answer on standard input is longer than {LINE_LIMIT} bytes")]
    TooLong,
    /// Reading failed.
    #[error("cannot read the answer from standard input: {0}")]
    Read(#[source] io::Error),
    /// Asking failed.
    #[error("cannot print the question: {0}")]
    Write(#[source] io::Error),
}

/// The one reader of all answers. A reader for each question would buffer, and so
/// swallow, the answers to the questions after it.
#[derive(Debug)]
pub struct LineReader<R> {
    input: R,
}

impl LineReader<StdinLock<'static>> {
    /// Over standard input: make one and hand it to every question.
    pub fn stdin() -> Self {
        LineReader::new(io::stdin().lock())
    }
}

impl<R: BufRead> LineReader<R> {
    /// Over any input.
    pub fn new(input: R) -> Self {
        LineReader { input }
    }

    /// The next line, trimmed; `None` at the end of the input.
    ///
    /// # Errors
    ///
    /// [`PromptError::TooLong`] and [`PromptError::Read`].
    pub fn next_line(&mut self) -> Result<Option<String>, PromptError> {
        let mut bytes = Vec::new();
        let mut limited = (&mut self.input).take(LINE_LIMIT);
        let count = limited.read_until(b'\n', &mut bytes).map_err(PromptError::Read)?;
        if count as u64 == LINE_LIMIT && !bytes.ends_with(b"\n") {
            return Err(PromptError::TooLong);
        }
        Ok((count > 0).then(|| String::from_utf8_lossy(&bytes).trim().to_owned()))
    }
}

/// Asks on standard error: `title [Resume/New]: `. An answer is a value or a label in any
/// case, or a first letter that only one value has; an empty line or the end of the input
/// is `default`. Anything else is asked again, three times in all.
pub fn ask<R: BufRead>(
    title: &str,
    choices: &[Choice],
    default: Choice,
    input: &mut LineReader<R>,
) -> Result<Choice, PromptError> {
    ask_on(&mut io::stderr(), title, choices, default, input)
}

/// [`ask`], on any output.
pub fn ask_on<R: BufRead>(
    output: &mut impl Write,
    title: &str,
    choices: &[Choice],
    default: Choice,
    input: &mut LineReader<R>,
) -> Result<Choice, PromptError> {
    let title = sanitize::text(title);
    let labels: Vec<_> = choices.iter().map(|choice| choice.label).collect();
    let accepted = choices.iter().map(|choice| choice.value).collect::<Vec<_>>().join(", ");
    let mut mistyped = false;
    for _ in 0..ATTEMPTS {
        write!(output, "{title} [{}]: ", labels.join("/")).map_err(PromptError::Write)?;
        output.flush().map_err(PromptError::Write)?;
        let answer = match input.next_line()? {
            // Whoever mistyped did not mean the default.
            None if mistyped => break,
            Some(answer) if !answer.is_empty() => answer,
            None | Some(_) => return Ok(default),
        };
        mistyped = true;
        if let Some(choice) = matching(&answer, choices) {
            return Ok(choice);
        }
        let answer = sanitize::line(&answer);
        writeln!(output, "\"{answer}\" is not one of {accepted} (an empty line means {})", default.value)
            .map_err(PromptError::Write)?;
    }
    Err(PromptError::Unrecognised { title, accepted })
}

fn matching(answer: &str, choices: &[Choice]) -> Option<Choice> {
    let answer = answer.to_lowercase();
    let whole = choices
        .iter()
        .find(|choice| answer == choice.value || answer == choice.label.to_lowercase())
        .copied();
    let is_letter = answer.chars().count() == 1;
    let mut by_letter = choices.iter().filter(|choice| is_letter && choice.value.starts_with(&answer));
    whole.or_else(|| by_letter.next().filter(|_| by_letter.next().is_none()).copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESUME: Choice = Choice { label: "Resume", value: "resume" };
    const NEW: Choice = Choice { label: "Start new", value: "new" };
    const QUESTION: &str = "Relay 3 is unfinished (1 of 2).";

    fn answer(input: &str) -> (Result<Choice, PromptError>, String) {
        let mut shown = Vec::new();
        let mut reader = LineReader::new(input.as_bytes());
        let choice = ask_on(&mut shown, QUESTION, &[RESUME, NEW], RESUME, &mut reader);
        (choice, String::from_utf8(shown).unwrap())
    }

    #[test]
    fn answers() {
        let table = [
            ("resume\n", RESUME),
            ("  NEW \r\n", NEW),
            ("new", NEW),
            ("start NEW\n", NEW),
            ("n\n", NEW),
            ("R\n", RESUME),
            ("\n", RESUME),
            ("", RESUME),
            ("nwe\nnew\n", NEW),
        ];
        for (input, expected) in table {
            assert_eq!(answer(input).0.unwrap(), expected, "{input:?}");
        }
        assert_eq!(answer("new\n").1, "Relay 3 is unfinished (1 of 2). [Resume/Start new]: ");
    }

    // 10-D48: a typo is asked again instead of taking the default.
    #[test]
    fn typos_are_asked_again() {
        let (choice, shown) = answer("nwe\x1b[2J\nnew\n");
        assert_eq!(choice.unwrap(), NEW);
        assert_eq!(shown.matches("[Resume/Start new]: ").count(), 2);
        assert!(
            shown.contains("\"nwe\" is not one of resume, new (an empty line means resume)\n"),
            "{shown}"
        );

        // The end of the input after a typo is no answer either.
        assert!(answer("nwe\n").0.is_err());

        let (choice, shown) = answer("a\nb\nc\nnew\n");
        let error = choice.unwrap_err().to_string();
        assert!(error.contains("answer with one of resume, new"), "{error}");
        assert_eq!(shown.matches("[Resume/Start new]: ").count(), 3);
    }

    // 10-D48, 30-R5: two piped answers reach two questions.
    #[test]
    fn one_reader_serves_all_questions() {
        let mut reader = LineReader::new("new\nresume\n".as_bytes());
        let mut ask = || ask_on(&mut io::sink(), QUESTION, &[RESUME, NEW], RESUME, &mut reader).unwrap();
        assert_eq!([ask(), ask()], [NEW, RESUME]);
    }

    #[test]
    fn a_letter_that_two_values_share_is_no_answer() {
        let keep = Choice { label: "Keep", value: "keep" };
        let kill = Choice { label: "Kill", value: "kill" };
        assert_eq!(matching("k", &[keep, kill]), None);
        assert_eq!(matching("kill", &[keep, kill]), Some(kill));
    }

    #[test]
    fn an_endless_line_is_an_error() {
        let mut reader = LineReader::new(io::BufReader::new(io::repeat(b'x')));
        let choice = ask_on(&mut io::sink(), QUESTION, &[RESUME, NEW], RESUME, &mut reader);
        assert!(matches!(choice, Err(PromptError::TooLong)));
    }
}
