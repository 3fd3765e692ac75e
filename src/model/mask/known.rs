//! Tokens that are known by how they begin: of OpenAI and Anthropic, Google, GitHub, and signed ones.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

/// How they begin.
const BEGINNINGS: [&[u8]; 13] = [
    b"sk-",
    b"Sk-",
    b"sK-",
    b"SK-",
    b"AIza",
    b"ya29.",
    b"gho_",
    b"ghp_",
    b"ghs_",
    b"ghr_",
    b"ghu_",
    b"github_pat_",
    b"eyJ",
];

/// Whole ones. The numbers keep ordinary words out (`sk-learn`); so does [`has_digit`].
static WHOLE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?-u)\b(?:[Ss][Kk]-[A-Za-z0-9_-]{16,}|AIza[A-Za-z0-9_-]{20,}|ya29\.[A-Za-z0-9_.-]{16,}",
        r"|gh[opsru]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}",
        r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?)",
    ))
    .ok()
});

/// A longer end of a block is no token that is not over yet.
const LONGEST: usize = 8 << 10;

/// Where they are that begin at `from` or later. What stands before tells whether a word begins there.
pub(super) fn find(bytes: &[u8], mut from: usize) -> Vec<Range<usize>> {
    let Some(whole) = &*WHOLE else { return Vec::new() };
    let next = || {
        let hit = whole.find_at(bytes, from)?;
        from = hit.end();
        Some(hit)
    };
    std::iter::from_fn(next).filter(|hit| has_digit(hit.as_bytes())).map(|hit| hit.range()).collect()
}

fn has_digit(token: &[u8]) -> bool {
    token.iter().any(u8::is_ascii_digit)
}

/// From where on the end of `bytes`, of which the first is not looked at, may be the beginning of one.
pub(super) fn begun(bytes: &[u8]) -> usize {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte);
    let run = bytes.len() - bytes.iter().rev().take(LONGEST).take_while(|byte| is_part(byte)).count();
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let begins = |at: &usize| {
        let rest = &bytes[*at..];
        (*at == 0 || !is_word(bytes[*at - 1]))
            && BEGINNINGS.iter().any(|beginning| rest.starts_with(beginning) || beginning.starts_with(rest))
    };
    (run.max(1)..bytes.len()).find(begins).unwrap_or(bytes.len())
}
