//! "Did you mean": names that are close to what was typed.

/// Most suggestions that one message makes.
const MOST: usize = 3;

/// The candidates within a third of the word's length (at least one edit), letter case aside:
/// nearest first, then by name, at most three.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let word = word.to_lowercase();
    let reach = (word.chars().count() / 3).max(1);
    let mut near: Vec<(usize, &str)> = candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= reach)
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(MOST).map(|(_, candidate)| candidate).collect()
}

/// `; did you mean a, b or c?`, or nothing.
pub fn hint(suggestions: &[&str]) -> String {
    match suggestions {
        [] => String::new(),
        [one] => format!("; did you mean {one}?"),
        [first @ .., last] => format!("; did you mean {} or {last}?", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_only_nearest_first() {
        assert_eq!(closest("retry_buget", ["retry_budget", "run_timeout_secs"]), ["retry_budget"]);
        assert_eq!(closest("gp", ["z", "gk"]), ["gk"]);
        assert_eq!(closest("CC", ["cc", "cx"]), ["cc", "cx"]);
        assert_eq!(closest("ab", ["ad", "ac", "ae", "aa"]), ["aa", "ac", "ad"]);
        assert!(closest("copex", ["mycode"]).is_empty());
        assert_eq!(hint(&["a"]), "; did you mean a?");
        assert_eq!(hint(&["a", "b", "c"]), "; did you mean a, b or c?");
    }
}
