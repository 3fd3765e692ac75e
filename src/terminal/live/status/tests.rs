//! The status line for every kind of tick and every width.

use pretty_assertions::assert_eq;
use proptest::prelude::*;

use super::*;
use crate::terminal::live::WELL;
use crate::terminal::style::Palette;

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn tick(elapsed: u64, files: usize, last_activity: Option<u64>) -> Tick {
    Tick { elapsed: secs(elapsed), files, last_activity: last_activity.map(secs), ..WELL }
}

fn used(count: u64, estimated: bool) -> Option<Tokens> {
    Some(Tokens { count, estimated })
}

/// Everything at once.
fn loaded() -> Tick {
    Tick {
        elapsed: secs(334),
        files: 11,
        last_activity: Some(secs(90)),
        attempt: 2,
        max_attempts: 5,
        note: Some("Bash: cargo test --workspace".to_owned()),
        health: Health::Slowing,
        drought: Some(Drought::NoTraffic(secs(61))),
        tokens: used(12_345, true),
    }
}

// Fields as in the brief's 2b, which joins them by single spaces where the earlier program had two; the last
// activity in seconds, as decided.
#[test]
fn the_fields_one_by_one() {
    let table = [
        ("brief 2b", WELL, "⏱ 42s │ 📁 3 files │ last activity: 4s"),
        ("20-AF-MO-01", tick(334, 11, Some(4)), "⏱ 5m 34s │ 📁 11 files │ last activity: 4s"),
        ("20-AF-MO-02 unknown", tick(60, 0, None), "⏱ 1m 00s │ 📁 0 files │ last activity: —"),
        ("20-AF-MO-02 90 s", tick(95, 0, Some(90)), "⏱ 1m 35s │ 📁 0 files │ last activity: 1m 30s"),
        ("20-AF-MO-02 one file", tick(9, 1, Some(2)), "⏱ 9s │ 📁 1 file │ last activity: 2s"),
        (
            "20-AF-MO-04",
            Tick { attempt: 3, ..tick(9, 1, Some(2)) },
            "⏱ 9s │ 📁 1 file │ last activity: 2s │ retry 3/5",
        ),
        (
            "20-AF-MO-04 no budget",
            Tick { attempt: 3, max_attempts: 0, ..tick(9, 1, Some(2)) },
            "⏱ 9s │ 📁 1 file │ last activity: 2s",
        ),
        // Older than the try itself counts from its start, and in seconds where it was `< 1m ago`.
        ("20-AF-MO-11", tick(5, 0, Some(72_000)), "⏱ 5s │ 📁 0 files │ last activity: 5s"),
        ("20-AF-MO-12", tick(5, 0, None), "⏱ 5s │ 📁 0 files │ last activity: —"),
        // 20 section 20, 43: hours are shown.
        ("hours", tick(3_909, 2, Some(3_661)), "⏱ 1h 05m 09s │ 📁 2 files │ last activity: 1h 01m 01s"),
        (
            "everything",
            loaded(),
            "⏱ 5m 34s │ 📁 11 files │ last activity: 1m 30s │ retry 2/5 │ No I/O… (1m 00s) │ ⚠ slowing │ ~12k tok \
             │ Bash: cargo test --workspace",
        ),
    ];
    for (fact, tick, line) in table {
        assert_eq!(status(&tick, None, 200).text(), line, "{fact}");
    }
}

// 20-AF-MO-03 and 06, 08: one sign at a time, of what the tick says, and for as long as it says so
#[test]
fn the_signs() {
    let rest = "⏱ 42s │ 📁 3 files │ last activity: 4s";
    let line = |health| status(&Tick { health, ..WELL }, None, 200).text();
    assert_eq!(line(Health::Well), rest);
    for (health, sign) in [
        (Health::Slowing, "⚠ slowing"),
        (Health::Recovered, "↻ recovered"),
        (Health::Frozen, "❄ frozen"),
        (Health::Stopping, "■ stopping…"),
    ] {
        assert_eq!(line(health), format!("{rest} │ {sign}"));
        assert!(!line(health).contains('\u{fe0f}'), "a variation selector makes it wider");
    }
    let frozen = Tick { health: Health::Frozen, tokens: used(10_000, true), ..WELL };
    assert_eq!(status(&frozen, None, 200).text(), format!("{rest} │ ❄ frozen │ ~10k tok")); // 20-AF-MO-13
}

// 20-AF-MO-10: 31 seconds show as 30
#[test]
fn droughts() {
    for (drought, text) in [
        (Drought::NoConnection(secs(31)), "No TCP… (30s)"),
        (Drought::NoTraffic(secs(31)), "No I/O… (30s)"),
        (Drought::NoTraffic(secs(59)), "No I/O… (30s)"),
        (Drought::NoTraffic(secs(299)), "No I/O… (4m 30s)"),
        (Drought::NoConnection(secs(3)), "No TCP… (3s)"),
    ] {
        let line = status(&Tick { drought: Some(drought), ..WELL }, None, 200).text();
        assert_eq!(line, format!("⏱ 42s │ 📁 3 files │ last activity: 4s │ {text}"));
    }
}

// 20-AF-MO-13: `~` only before a guess
#[test]
fn token_counts() {
    for (tokens, text) in [
        (used(125, true), "~125 tok"),
        (used(125, false), "125 tok"),
        (used(999, true), "~999 tok"),
        (used(1_000, true), "~1k tok"),
        (used(10_000, true), "~10k tok"),
        (used(12_999, false), "12k tok"),
        (used(1_234_567, false), "1234k tok"),
    ] {
        assert_eq!(self::tokens(tokens.unwrap()).text, text);
    }
    for none in [None, used(0, true), used(0, false)] {
        assert!(!status(&Tick { tokens: none, ..WELL }, None, 200).text().contains("tok"));
    }
}

// 20-AF-MO-07, 20-AF-KB-07
#[test]
fn actions() {
    let rest = "⏱ 42s │ 📁 3 files │ last activity: 4s";
    for (action, text) in [
        (Action::Armed(Key::Skip), "⌨ press Ctrl+S again to skip"),
        (Action::Armed(Key::Pause), "⌨ press Ctrl+P again to pause"),
        (Action::Armed(Key::GracefulStop), "⌨ press Ctrl+X again to graceful-stop"),
        (Action::Armed(Key::QuitNow), "⌨ press Ctrl+C again to quit now"),
        (Action::Fired(Key::Skip), "■ skipping…"),
        (Action::Fired(Key::Pause), "■ pausing…"),
        (Action::Fired(Key::GracefulStop), "■ stopping…"),
        (Action::Fired(Key::QuitNow), "■ quitting…"),
    ] {
        let line = status(&WELL, Some(action), 200);
        assert_eq!(line.text(), format!("{rest} │ {text}"));
        let painted = line.painted(Palette { colour: true });
        assert_eq!(painted, format!("{rest} │ \x1b[38;5;11m{text}\x1b[0m"), "in the colour of a warning");
    }
}

// 20 section 17: what goes first, and what stays
#[test]
fn narrow_lines() {
    let quit = Some(Action::Armed(Key::QuitNow));
    let table = [
        (
            None,
            120,
            "⏱ 5m 34s │ 📁 11 files │ last activity: 1m 30s │ retry 2/5 │ No I/O… (1m 00s) │ ⚠ slowing │ ~12k tok \
             │ Bash: cargo test…",
        ),
        (
            None,
            110,
            "⏱ 5m 34s │ 📁 11 files │ last activity: 1m 30s │ retry 2/5 │ No I/O… (1m 00s) │ ⚠ slowing │ ~12k tok",
        ),
        (
            None,
            99,
            "⏱ 5m 34s │ 📁 11 files │ last activity: 1m 30s │ retry 2/5 │ No I/O… (1m 00s) │ ⚠ slowing",
        ),
        (None, 79, "⏱ 5m 34s │ 📁 11 files │ retry 2/5 │ No I/O… (1m 00s) │ ⚠ slowing"),
        (None, 59, "⏱ 5m 34s │ 📁 11 files │ retry 2/5 │ ⊘I/O │ ⚠ slowing"),
        (None, 50, "⏱ 5m 34s │ retry 2/5 │ ⊘I/O │ ⚠ slowing"),
        (None, 38, "⏱ 5m 34s │ ⊘I/O │ ⚠ slowing"),
        (None, 20, "⏱ 5m 34s │ ⚠ slowing"),
        (None, 19, "⏱ 5m 34s │ ⚠"),
        (None, 11, "⚠"),
        (None, 1, "⚠"),
        (None, 0, ""),
        (
            quit,
            100,
            "⏱ 5m 34s │ 📁 11 files │ retry 2/5 │ No I/O… (1m 00s) │ ⚠ slowing │ ⌨ press Ctrl+C again to quit now",
        ),
        (quit, 79, "⏱ 5m 34s │ retry 2/5 │ ⊘I/O │ ⚠ slowing │ ⌨ press Ctrl+C again to quit now"),
        (quit, 59, "⏱ 5m 34s │ ⚠ slowing │ ⌨ press Ctrl+C again to quit now"),
        (quit, 50, "⏱ 5m 34s │ ⚠ slowing │ ⌨ ^C again"),
        (quit, 30, "⏱ 5m 34s │ ⚠ │ ⌨ ^C again"),
        (quit, 19, "⌨ ^C again"),
        (quit, 4, "⌨ ^…"),
    ];
    for (action, cells, line) in table {
        assert_eq!(status(&loaded(), action, cells).text(), line, "{cells}");
    }
    assert_eq!(status(&WELL, None, 5).text(), "⏱ 42s");
    assert_eq!(status(&WELL, None, 4).text(), "⏱ 4…");
}

fn any_tick() -> impl Strategy<Value = (Tick, Option<Action>)> {
    let health = prop_oneof![
        Just(Health::Well),
        Just(Health::Slowing),
        Just(Health::Recovered),
        Just(Health::Frozen),
        Just(Health::Stopping),
    ];
    let since = prop_oneof![0u64..200, 0u64..500_000, Just(u64::MAX)].prop_map(secs);
    let drought = prop_oneof![
        Just(None),
        since.clone().prop_map(|since| Some(Drought::NoConnection(since))),
        since.clone().prop_map(|since| Some(Drought::NoTraffic(since))),
    ];
    let tokens = prop::option::of((any::<u64>(), any::<bool>()));
    let key = prop::sample::select(Key::ALL.to_vec());
    let action = prop::option::of((key, any::<bool>()));
    let note = prop::option::of(prop_oneof![any::<String>(), "[a-z📁\x1b\\[\n\t\r 日]{0,80}"]);
    let activity = prop::option::of(since.clone());
    let rest = (any::<usize>(), 0u32..9, 0u32..9);
    (since, activity, rest, note, health, drought, tokens, action).prop_map(
        |(elapsed, last_activity, (files, attempt, max_attempts), note, health, drought, tokens, action)| {
            let tokens = tokens.map(|(count, estimated)| Tokens { count, estimated });
            let action =
                action.map(|(key, armed)| if armed { Action::Armed(key) } else { Action::Fired(key) });
            let tick =
                Tick { elapsed, files, last_activity, attempt, max_attempts, note, health, drought, tokens };
            (tick, action)
        },
    )
}

proptest! {
    // 20 section 20, 41; 50-R19: one line of clean text, never wider than asked for, whatever it is about
    #[test]
    fn never_wider_than_the_terminal((tick, action) in any_tick(), cells in 0usize..=200) {
        let line = status(&tick, action, cells);
        let text = line.text();
        prop_assert!(text.width() <= cells, "{} {:?}", cells, text);
        prop_assert_eq!(line.cells(), text.width());
        prop_assert_eq!(sanitize::line(&text), text.clone());
        prop_assert!(!text.ends_with('│') && !text.contains("│  │"), "{:?}", text);
        if cells >= 20 && action.is_some() {
            prop_assert!(text.contains(['⌨', '■']), "{:?}", text);
        }
        prop_assert!(cells == 0 || !text.is_empty());
    }

    #[test]
    fn a_wider_terminal_never_shows_fewer_fields((tick, action) in any_tick(), cells in 0usize..200) {
        let tick = Tick { note: None, ..tick };
        let count = |cells| status(&tick, action, cells).text().matches(BETWEEN).count();
        prop_assert!(count(cells) <= count(cells + 1));
    }
}
