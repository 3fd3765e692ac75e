//! What the agent answered, out of everything that a version without a stream prints.

use crate::executor::final_text::{FinalText, Structured};

/// Longest answer that is kept whole: 1 MiB. Of a longer one the middle goes.
const WHOLE: usize = 1 << 20;

/// What is kept of a longer one's end, where a structured answer stands.
const END: usize = 256 << 10;

/// What is kept of its beginning: more than any summary shows.
const BEGINNING: usize = 4 << 10;

/// Printed text, with bounded memory.
#[derive(Debug, Default)]
pub(super) struct Answer {
    text: String,
}

impl Answer {
    /// The next line.
    pub fn push(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
        if self.text.len() > WHOLE {
            let boundary = |from| (from..self.text.len()).find(|at| self.text.is_char_boundary(*at));
            let from = boundary(BEGINNING).unwrap_or_default();
            let to = boundary(self.text.len() - END).unwrap_or(self.text.len());
            self.text.replace_range(from..to, "\n");
        }
    }

    /// The end of a line that was too long: no whole one, whatever it looks like.
    pub fn push_end(&mut self, end: &str) {
        self.text.push('…');
        self.push(end);
    }

    /// All of it.
    pub fn text(&self) -> &str {
        self.text.trim()
    }
}

/// Understands an answer. One that is continued from an earlier session repeats what was said there, so
/// a structured result may stand in the last line alone.
pub(super) fn understand(text: &str) -> FinalText {
    let whole = text.trim();
    let last = whole.lines().next_back().unwrap_or_default();
    match [whole, last].into_iter().find_map(|text| serde_json::from_str::<Structured>(text).ok()) {
        Some(object) => FinalText::from_structured(object),
        None => FinalText::from_text(whole),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // 20-AF-AG-01 to 03
    #[test]
    fn answers() {
        for (text, completed, summary) in [
            ("{\"completed\":true,\"summary\":\"ok\"}\n", true, "ok"),
            ("{\n\"completed\": true,\n\"summary\": \"ok\"\n}", true, "ok"),
            (
                "previous response\n{\"completed\":false,\"summary\":\"new response\"}\n",
                false,
                "new response",
            ),
            ("plain summary", true, "plain summary"),
        ] {
            let words = understand(text);
            assert_eq!((words.completed, words.summary.as_str()), (completed, summary), "{text}");
        }
    }

    #[test]
    fn a_long_answer_keeps_both_ends_and_little_memory() {
        let mut answer = Answer::default();
        answer.push("begun");
        for _ in 0..2000 {
            answer.push(&"ü".repeat(4000));
            assert!(answer.text.len() <= WHOLE);
        }
        answer.push("{\"completed\":true,\"summary\":\"the end\"}");
        assert!(answer.text().starts_with("begun"));
        assert_eq!(understand(answer.text()).summary, "the end");
    }
}
