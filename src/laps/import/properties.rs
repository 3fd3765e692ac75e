//! Whatever laps there are, a text that says them gives them back; and no text is too odd.

use proptest::prelude::*;

use super::{json_lines, markdown};
use crate::laps::NewLap;

fn word() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9äß][a-zA-Z0-9äß.,()-]{0,7}"
}

fn lap() -> impl Strategy<Value = NewLap> {
    let words = |most| prop::collection::vec(word(), 1..most).prop_map(|words| words.join(" "));
    let description = prop::collection::vec(words(5), 0..4).prop_map(|lines| lines.join("\n"));
    (words(5), description, prop::option::of("[a-z][a-z-]{0,6}"))
        .prop_map(|(title, description, assignee)| NewLap { title, description, assignee })
}

proptest! {
    #[test]
    fn a_checklist_gives_its_laps_back(
        laps in prop::collection::vec((lap(), 0..5_usize, any::<bool>()), 1..8),
        windows in any::<bool>(),
    ) {
        let mut text = String::from("# Plan\n\n");
        for (lap, marker, done) in &laps {
            let marker = ["-", "*", "+", "1.", "12)"][*marker];
            let mark = if *done { "x" } else { " " };
            let role = lap.assignee.as_ref().map(|role| format!(" @{role}")).unwrap_or_default();
            text += &format!("{marker} [{mark}] {}{role}\n", lap.title);
            for line in lap.description.lines() {
                text += &format!("    {line}\n");
            }
        }
        let text = if windows { text.replace('\n', "\r\n") } else { text };
        let import = markdown(&text).unwrap();
        let open: Vec<_> = laps.iter().filter(|lap| !lap.2).map(|lap| lap.0.clone()).collect();
        prop_assert_eq!(import.done, laps.len() - open.len());
        prop_assert_eq!(import.laps, open);
    }

    #[test]
    fn json_lines_give_their_laps_back(laps in prop::collection::vec(lap(), 1..8)) {
        let line = |lap: &NewLap| {
            serde_json::json!({ "title": lap.title, "description": lap.description, "assignee": lap.assignee })
                .to_string()
        };
        let text = laps.iter().map(line).collect::<Vec<_>>().join("\n");
        prop_assert_eq!(json_lines(&text).unwrap().laps, laps);
    }

    #[test]
    fn no_text_is_too_odd(text in "(\\PC|[-*+ \t\r\n`~\\[\\]x{}\"@#1.])*") {
        for laps in [markdown(&text), json_lines(&text)].into_iter().flatten().map(|import| import.laps) {
            for lap in laps {
                prop_assert!(!lap.title.trim().is_empty() && !lap.title.contains(['\n', '\r']));
            }
        }
    }
}
