//! Providers repeat the key that they refuse, and addresses carry keys: nobody needs to read them.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::pattern::regex;

/// Something that is a secret by what stands before it.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?i)(?<name>\bkey provided:\s*",
        r#"|\b[\w-]*(?:key|token|secret|password)=["']?"#,
        r#"|\bapi[_-]?key["']?:\s*["']?|\bbearer\s+)"#,
        r#"(?<value>[^\s,;&"']+)"#,
    ))
});
/// Something that is a secret by how it begins: of OpenAI and Anthropic, Google, GitHub, and a signed token.
static BY_ITSELF: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"\b(?<name>[Ss][Kk]-|AIza|ya29\.|gh[opsru]_|github_pat_|eyJ)[A-Za-z0-9_*.+/=-]*[A-Za-z0-9_*+/=-]")
});

/// The text with `…` in place of every key, token and password.
pub fn masked(text: &str) -> String {
    let text = NAMED.replace_all(text, |found: &Captures<'_>| {
        // Words about a key are none: `missing bearer or basic authentication`, `api_key: missing`.
        let is_word = found["value"].trim_matches(|c: char| c.is_ascii_punctuation());
        let is_word = is_word.chars().all(char::is_alphabetic);
        let may_be_word = found["name"].ends_with(char::is_whitespace) && !found["name"].contains("provided");
        if is_word && may_be_word { found[0].to_owned() } else { format!("{}…", &found["name"]) }
    });
    BY_ITSELF.replace_all(&text, "$name…").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_left_out() {
        for (text, expected) in [
            (
                "Incorrect API key provided: sk-abc***xyz. See https://example.org",
                "Incorrect API key provided: … See https://example.org",
            ),
            ("Incorrect API key provided: dummy", "Incorrect API key provided: …"),
            ("Bearer abc.def, sk-proj-1", "Bearer …, sk-…"),
            ("authorization: bearer eyJhbGciOi.J9.sig-1_x denied", "authorization: bearer … denied"),
            ("refused sk-ant-api03-Ab_c-1.", "refused sk-…."),
            ("key AIzaSyA-1234567890_x is bad", "key AIza… is bad"),
            ("GET https://h/v1?key=AIzaSyA1&alt=sse", "GET https://h/v1?key=…&alt=sse"),
            ("ANTHROPIC_API_KEY='hunter' x", "ANTHROPIC_API_KEY='…' x"),
            ("access_token=abcdef", "access_token=…"),
            (r#"{"x-api-key":"a1b2"}"#, r#"{"x-api-key":"…"}"#),
            ("x-api-key: a1b2c3", "x-api-key: …"),
            ("token eyJhbGciOi.J9.sig", "token eyJ…"),
        ] {
            assert_eq!(masked(text), expected, "{text}");
        }
    }

    #[test]
    fn words_about_keys_stay() {
        for text in [
            "Missing bearer or basic authentication in header",
            "api_key: missing",
            "max_tokens: 4096",
            "the API key is invalid",
            "a risk-free task-list",
        ] {
            assert_eq!(masked(text), text);
        }
    }
}
