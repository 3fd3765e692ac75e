//! How many tokens the running try has used: what its CLI told, else a guess from what it printed.

use super::event::Tokens;
use super::record::own_usage;
use crate::executor::Counted;
use crate::model::Usage;

/// Counts the tokens of one try.
#[derive(Debug, Clone)]
pub struct Meter {
    bytes_per_token: Option<f64>,
    /// Bytes of the transcript so far.
    printed: u64,
    /// The session that is to be resumed.
    resume: Option<String>,
    /// What that had used up before; `None` when nobody knows.
    before: Option<Usage>,
}

impl Meter {
    /// For a try that is to resume the session `resume`, which had used `before`. Without `bytes_per_token`, or with
    /// none above zero, nothing is guessed.
    pub fn new(bytes_per_token: Option<f64>, resume: Option<String>, before: Option<Usage>) -> Meter {
        let bytes_per_token = bytes_per_token.filter(|bytes| bytes.is_finite() && *bytes > 0.0);
        Meter { bytes_per_token, printed: 0, resume, before }
    }

    /// The agent printed so many bytes.
    pub fn heard(&mut self, bytes: usize) {
        self.printed = self.printed.saturating_add(bytes as u64);
    }

    /// The tokens so far, given the session and the usage that the CLI has told; `None` before its first output.
    pub fn tokens(&self, session: Option<&str>, told: Option<Counted<Usage>>) -> Option<Tokens> {
        if let Some(own) = own_usage(self.resume.as_deref(), session, self.before, told) {
            let count = own.input_tokens.saturating_add(own.output_tokens);
            return Some(Tokens { count, estimated: false });
        }
        if self.printed == 0 {
            return None;
        }
        // As precise as a guess needs to be, and truncated.
        let count = (self.printed as f64 / self.bytes_per_token?) as u64;
        Some(Tokens { count, estimated: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(bytes: usize, bytes_per_token: Option<f64>) -> Option<Tokens> {
        let mut meter = Meter::new(bytes_per_token, None, None);
        meter.heard(bytes);
        meter.tokens(None, None)
    }

    fn usage(input_tokens: u64, output_tokens: u64) -> Usage {
        Usage { input_tokens, output_tokens, cached_input_tokens: 9_000, reasoning_tokens: 7 }
    }

    // 20-AF-MO-13
    #[test]
    fn what_was_printed_makes_a_guess() {
        for (bytes, per_token, count) in [
            (500, Some(4.0), Some(125)),
            (40_000, Some(4.0), Some(10_000)),
            (14_000, Some(3.5), Some(4_000)),
            (7, Some(4.0), Some(1)),
            (3, Some(4.0), Some(0)),
            (0, Some(4.0), None),
            (500, Some(0.0), None),
            (500, Some(-1.0), None),
            (500, Some(f64::NAN), None),
            (500, None, None),
        ] {
            let wanted = count.map(|count| Tokens { count, estimated: true });
            assert_eq!(guess(bytes, per_token), wanted, "{bytes} / {per_token:?}");
        }
    }

    #[test]
    fn pieces_add_up() {
        let mut meter = Meter::new(Some(4.0), None, None);
        assert_eq!(meter.tokens(None, None), None);
        for _ in 0..400 {
            meter.heard(3);
        }
        assert_eq!(meter.tokens(None, None), Some(Tokens { count: 300, estimated: true }));
    }

    // 20-AF-MO-13: what the CLI tells replaces the guess, whichever is greater; of this try alone, without the cache
    #[test]
    fn what_the_cli_tells_is_no_guess() {
        use Counted::{ThisTry, WholeSession};
        let (session, other) = (Some("s"), Some("t"));
        let before = Some(usage(1_000, 100));
        let total = usage(1_500, 150);
        for (resume, before, told_session, told, count) in [
            (None, None, session, ThisTry(total), Some(1_650)),
            (session, before, session, ThisTry(total), Some(1_650)),
            (None, None, session, WholeSession(total), Some(1_650)),
            (session, before, session, WholeSession(total), Some(550)),
            // Another session was begun: nothing was used before.
            (session, before, other, WholeSession(total), Some(1_650)),
            // Nobody knows where the session stood, or it counts backwards: then it stays a guess.
            (session, None, session, WholeSession(total), None),
            (session, Some(usage(9_000, 0)), session, WholeSession(total), None),
        ] {
            let mut meter = Meter::new(Some(4.0), resume.map(str::to_owned), before);
            meter.heard(40_000);
            let wanted = match count {
                Some(count) => Tokens { count, estimated: false },
                None => Tokens { count: 10_000, estimated: true },
            };
            assert_eq!(meter.tokens(told_session, Some(told)), Some(wanted), "{resume:?} {told:?}");
        }
        let silent = Meter::new(None, None, None);
        assert_eq!(silent.tokens(None, Some(ThisTry(usage(1, 2)))).unwrap().count, 3);
    }
}
