//! A command line, as typed, into words and back. No shell will see it, so what only a shell could
//! do (variables, pipes, redirections) is refused instead of being passed on as text.

/// The place of the prompt in the command of a custom harness: the one thing with a `$` in it.
const PROMPT: &str = "$PROMPT";

/// Splits like a shell: white space separates, quotes and backslashes hold together.
///
/// # Errors
///
/// A fragment that says what a shell would have to do, or which quote is open.
pub fn split(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let here = rest;
        rest = &rest[c.len_utf8()..];
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('\''), c) => word.get_or_insert_default().push(c),
            (_, '$') => {
                let Some(after) = here.strip_prefix(PROMPT) else {
                    return Err("variables are not expanded (only $PROMPT is); write the value".to_owned());
                };
                word.get_or_insert_default().push_str(PROMPT);
                rest = after;
            }
            (_, '`') => return Err("commands in backquotes are not run; write their result".to_owned()),
            (Some(_), '\\') if rest.starts_with(['"', '\\', '$', '`']) => {
                word.get_or_insert_default().push_str(&rest[..1]);
                rest = &rest[1..];
            }
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '\\') => match rest.chars().next() {
                Some(next) => {
                    word.get_or_insert_default().push(next);
                    rest = &rest[next.len_utf8()..];
                }
                None => return Err("nothing stands behind the last backslash".to_owned()),
            },
            (None, '|' | '&' | ';' | '<' | '>' | '(' | ')') => {
                return Err(format!("no shell runs this, so {c} must stand in quotes; or write sh -c '…'"));
            }
            (None, '~') if word.is_none() => {
                return Err("~ is not expanded here; write the path in full".to_owned());
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    if let Some(open) = quote {
        return Err(format!("the quote {open} is not closed"));
    }
    words.extend(word);
    Ok(words)
}

/// The words as one line that [`split`] takes apart again.
pub fn join<S: AsRef<str>>(words: &[S]) -> String {
    words.iter().map(|word| quoted(word.as_ref())).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-./:=@%+,{}[]*?#!^".contains(c);
    if !word.is_empty() && word.replace(PROMPT, "").chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // 10-2.15
    #[test]
    fn like_a_shell_where_that_is_safe() {
        for (text, words) in [
            ("", &[][..]),
            ("mycode run --fast", &["mycode", "run", "--fast"]),
            ("  a \t b ", &["a", "b"]),
            ("a 'b c' \"d e\" f\\ g", &["a", "b c", "d e", "f g"]),
            ("a '' \"\"", &["a", "", ""]),
            ("a\"b\"'c'd", &["abcd"]),
            ("a \"say \\\"hi\\\" \\n\"", &["a", "say \"hi\" \\n"]),
            ("mycode \"$PROMPT\" --p=$PROMPT", &["mycode", "$PROMPT", "--p=$PROMPT"]),
            ("sh -c 'echo $HOME | wc' x", &["sh", "-c", "echo $HOME | wc", "x"]),
            ("a b~c", &["a", "b~c"]),
        ] {
            assert_eq!(split(text).unwrap(), words, "{text}");
        }
        for (text, why) in [
            ("a 'b", "the quote ' is not closed"),
            ("a \"b", "the quote \" is not closed"),
            ("a \\", "behind the last backslash"),
            ("a | b", "| must stand in quotes"),
            ("a > b", "> must stand in quotes"),
            ("a $HOME", "variables are not expanded"),
            ("a \"$HOME\"", "variables are not expanded"),
            ("a $(b)", "variables are not expanded"),
            ("a `b`", "backquotes"),
            ("~/bin/a", "~ is not expanded"),
        ] {
            let error = split(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
        assert_eq!(join(&["a", "$PROMPT", "b c", "it's", ""]), "a $PROMPT 'b c' 'it'\\''s' ''");
    }

    proptest! {
        #[test]
        fn what_was_joined_splits_again(words in proptest::collection::vec("(\\PC|[ \"'$~|\\\\]){0,6}", 0..5)) {
            prop_assert_eq!(split(&join(&words)).unwrap(), words);
        }

        #[test]
        fn nothing_panics(text in "(\\PC|[ \"'$~|\\\\]){0,12}") {
            let _ = split(&text);
        }
    }
}
