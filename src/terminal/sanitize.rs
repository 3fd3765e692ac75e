//! Everything foreign passes here before it reaches a terminal: text from agents,
//! repositories, branch names, commit subjects, errors.
//!
//! A small machine over characters rather than a parser over bytes: in UTF-8 text the
//! bytes 0x80 to 0x9F are parts of characters (the second and third byte of a curly
//! quote are 0x80 and 0x9C), and a byte parser takes some of them for the end of a string.

mod stream;

pub use stream::Stream;

use crate::model::mask;

/// Where the reader stands inside a control sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Outside of any.
    Ground,
    /// After ESC, and after its intermediates.
    Escape,
    /// In a CSI sequence.
    Csi,
    /// In an OSC string, which BEL may end as well as ST.
    Osc,
    /// In a DCS, SOS, PM or APC string, which only ST ends.
    Text,
}

/// Text without anything that a terminal would obey: control characters other than
/// line feed and tab, control sequences and strings (whole, also unterminated ones, in
/// their 7-bit and 8-bit forms) and bidirectional controls are taken out, and secrets are masked.
pub fn text(raw: &str) -> String {
    let mut clean = String::with_capacity(raw.len());
    let mut state = State::Ground;
    for c in raw.chars() {
        let (next, keep) = step(state, c);
        state = next;
        if keep {
            clean.push(c);
        }
    }
    // After the cleaning: what is taken out may have stood in the middle of a secret.
    mask::text(&clean)
}

/// [`text`] on one line: every run of white space becomes one space.
pub fn line(raw: &str) -> String {
    crate::model::text::one_line(&text(raw))
}

/// JSON that a terminal does not obey: what it would is written as `\u…`, so that it stays the same JSON.
pub fn json(raw: &str) -> String {
    let mut clean = String::with_capacity(raw.len());
    for c in raw.chars() {
        if is_shown(c) {
            clean.push(c);
        } else {
            // All of these are in the basic plane.
            clean += &format!("\\u{:04x}", u32::from(c));
        }
    }
    clean
}

/// The next state, and whether the character is shown.
fn step(state: State, c: char) -> (State, bool) {
    match (state, c) {
        // These begin anew wherever they stand; CAN and SUB abort.
        (_, '\x1b') => (State::Escape, false),
        (_, '\x18' | '\x1a' | '\u{9c}') => (State::Ground, false),
        (_, '\u{9b}') => (State::Csi, false),
        (_, '\u{9d}') => (State::Osc, false),
        (_, '\u{90}' | '\u{98}' | '\u{9e}' | '\u{9f}') => (State::Text, false),
        (_, '\u{80}'..='\u{9f}') => (State::Ground, false),

        (State::Osc, '\x07') => (State::Ground, false),
        (State::Osc | State::Text, _) => (state, false),

        // Terminals execute these in the middle of a sequence and go on with it.
        (State::Escape | State::Csi, '\0'..'\x20' | '\x7f') => (state, is_shown(c)),

        (State::Escape, '[') => (State::Csi, false),
        (State::Escape, ']') => (State::Osc, false),
        (State::Escape, 'P' | 'X' | '^' | '_') => (State::Text, false),
        (State::Escape, ' '..='/') => (State::Escape, false),
        (State::Escape, '0'..='~') => (State::Ground, false),

        (State::Csi, ' '..='?') => (State::Csi, false),
        (State::Csi, '@'..='~') => (State::Ground, false),

        (State::Ground | State::Escape | State::Csi, _) => (State::Ground, is_shown(c)),
    }
}

fn is_shown(c: char) -> bool {
    c == '\n' || c == '\t' || !(c.is_control() || is_bidi(c))
}

/// Characters that reorder what stands around them, so that a text reads other than it is.
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // 50-R19
    #[test]
    fn what_a_terminal_would_obey_is_gone() {
        let table = [
            ("plain ünïcödé “quoted” ⏱ 📁", "plain ünïcödé “quoted” ⏱ 📁"),
            ("lines\n\tand tabs", "lines\n\tand tabs"),
            ("a\x1b[31mred\x1b[0mb", "aredb"),
            ("a\x1b[?1049hb\x1b[2J\x1b[Hc", "abc"),
            ("a\x1b[38;2;1;2;3mb", "ab"),
            ("a\x1b[1 qb", "ab"),
            ("a\x1b]52;c;cm0gLXJm\x07b", "ab"),
            ("a\x1b]8;;http://evil/\x1b\\link\x1b]8;;\x1b\\b", "alinkb"),
            ("a\x1b]0;title “x” é\x07b", "ab"),
            ("a\x1b]0;never ended", "a"),
            ("a\x1bPq#0;2;0;0\x1b\\b", "ab"),
            ("a\x1bP bell \x07 does not end it\x1b\\b", "ab"),
            ("a\x1bPnever ended\nb", "a"),
            ("a\x1bXsos\x1b\\b\x1b^pm\x1b\\c\x1b_apc\x1b\\d", "abcd"),
            ("a\x1bcb\x1b7\x1b8c", "abc"),
            ("a\x1b(0b\x1b#8c", "abc"),
            ("a\x1b[6nb\x1b[cb", "abb"),
            ("a\u{9b}31mb", "ab"),
            ("a\u{9d}0;title\u{9c}b", "ab"),
            ("a\u{90}dcs\u{9c}b\u{9f}apc\u{9c}c\u{98}sos\u{9c}d\u{9e}pm\u{9c}e", "abcde"),
            ("a\u{85}b\u{8d}c", "abc"),
            ("a\x07\x08\x0b\x0c\x0e\x0f\x7fb\0c", "abc"),
            ("progress 1\rprogress 2\r\nnext", "progress 1progress 2\nnext"),
            ("a\x1b[3\x18b", "ab"),
            ("a\x1b[3\x1b[1mb", "ab"),
            ("a\x1b[3\n1mb", "a\nb"),
            ("a\x1b", "a"),
            ("a\x1b[", "a"),
            ("a\x1b[3éb", "aéb"),
            ("user\u{202e}nimda\u{2066}x\u{2069}\u{200f}\u{61c}", "usernimdax"),
        ];
        for (raw, clean) in table {
            assert_eq!(text(raw), clean, "{raw:?}");
        }
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(line("  a\n\tb\r\nc\u{2028}d\x1b[2J "), "a b c d");
    }

    // 50-R19: between strings JSON has only spaces and line ends to be kept
    #[test]
    fn json_stays_the_same_and_is_not_obeyed() {
        let value = serde_json::json!({ "a\u{202e}": "\u{9b}31m\u{7f}\x1b[2J\ttab\n“é”\u{9d}0;x\u{9c}" });
        let raw = serde_json::to_string_pretty(&value).unwrap();
        let clean = json(&raw);
        assert!(clean.chars().all(is_shown), "{clean:?}");
        assert!(clean.contains("\\u009b31m\\u007f\\u001b[2J\\ttab\\n“é”"), "{clean}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&clean).unwrap(), value);
    }

    proptest! {
        #[test]
        fn nothing_obeyable_comes_out(raw in any::<String>(), odd in "[\\x00-\\xa0\\u{200e}-\\u{206f}\\[\\]mP_a;]{0,40}") {
            for raw in [&raw, &odd] {
                let clean = text(raw);
                prop_assert!(clean.chars().all(is_shown), "{clean:?}");
                prop_assert_eq!(text(&clean), clean.clone());
                let one = line(raw);
                prop_assert!(!one.contains(['\n', '\t']), "{one:?}");
            }
        }

        #[test]
        fn ordinary_text_stays(raw in "[\\PC&&[^\\p{Bidi_Control}\\u{206a}-\\u{206f}]]{0,60}") {
            prop_assert_eq!(text(&raw), raw);
        }
    }
}
