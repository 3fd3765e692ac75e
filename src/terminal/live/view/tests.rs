//! What stands in the live lines after which events.

use pretty_assertions::assert_eq;
use unicode_width::UnicodeWidthStr;

use super::*;
use crate::terminal::live::WELL;

const WIDE: Size = Size { columns: 200, rows: 24 };

fn shown(view: &View, now: Instant, columns: usize) -> Vec<String> {
    view.lines(now, Size { columns, ..WIDE }).iter().map(Line::text).collect()
}

// 20 section 17: one line is there before the first second is over
#[test]
fn a_try_has_its_lines_at_once() {
    let (mut view, now) = (View::default(), Instant::now());
    assert!(shown(&view, now, 200).is_empty());
    view.begin(1, 5);
    let hint = "[Ctrl+S skip] [Ctrl+P pause] [Ctrl+X graceful stop] [Ctrl+C quit now]";
    assert_eq!(shown(&view, now, 200), ["⏱ 0s │ 📁 0 files │ last activity: —", hint]);
    view.tick(&WELL);
    assert_eq!(shown(&view, now, 200), ["⏱ 42s │ 📁 3 files │ last activity: 4s", hint]);
    view.enter(Scene::Between("↻ retrying 2/5".to_owned()));
    assert_eq!(shown(&view, now, 200), ["↻ retrying 2/5"]);
    view.begin(2, 5);
    let second = "⏱ 0s │ 📁 3 files │ last activity: — │ retry 2/5";
    assert_eq!(shown(&view, now, 200)[0], second, "the files are still there");
    view.enter(Scene::Nothing);
    assert!(shown(&view, now, 200).is_empty());
}

// 20-AF-MO-07
#[test]
fn an_armed_key_stays_armed_for_its_window_and_yields_to_what_is_done() {
    let (mut view, now) = (View::default(), Instant::now());
    let within = Duration::from_secs(4);
    view.tick(&WELL);
    view.arm(Key::QuitNow, now + within);
    let armed = "⏱ 42s │ 📁 3 files │ last activity: 4s │ ⌨ press Ctrl+C again to quit now";
    assert_eq!(shown(&view, now, 200)[0], armed);
    view.tick(&WELL);
    assert_eq!(shown(&view, now + within - Duration::from_millis(1), 200)[0], armed);
    assert!(!shown(&view, now + within, 200)[0].contains('⌨'));
    view.arm(Key::Skip, now + within);
    assert!(
        shown(&view, now, 200)[0].ends_with("⌨ press Ctrl+S again to skip"),
        "another key arms for itself"
    );
    view.fire(Key::Skip);
    assert!(shown(&view, now, 200)[0].ends_with("│ ■ skipping…"), "what is done replaces what was armed");
    view.enter(Scene::Nothing);
    assert!(shown(&view, now, 200).is_empty(), "that is done");
}

// 20-AF-KB-09, decisions "Stopping": a try that a graceful stop lets finish may go on for an hour, and a press is
// answered in it
#[test]
fn a_key_that_is_armed_after_another_was_confirmed_is_shown_for_its_window() {
    let (mut view, now) = (View::default(), Instant::now());
    let within = Duration::from_secs(4);
    view.tick(&WELL);
    view.fire(Key::GracefulStop);
    assert!(shown(&view, now, 200)[0].ends_with("│ ■ stopping…"));
    view.arm(Key::QuitNow, now + within);
    view.tick(&WELL);
    assert!(shown(&view, now, 200)[0].ends_with("│ ⌨ press Ctrl+C again to quit now"));
    assert!(
        shown(&view, now + within, 200)[0].ends_with("│ ■ stopping…"),
        "it was forgotten, the stop was not"
    );
    view.fire(Key::QuitNow);
    assert!(shown(&view, now, 200)[0].ends_with("│ ■ quitting…"));
}

// 20-AF-MO-06
#[test]
fn a_stop_outranks_a_freeze() {
    let (mut view, now) = (View::default(), Instant::now());
    view.freeze();
    view.tick(&WELL);
    view.freeze();
    assert!(shown(&view, now, 200)[0].ends_with("❄ frozen"));
    view.arm(Key::Skip, now + Duration::from_secs(4));
    view.stop();
    assert!(shown(&view, now, 200)[0].ends_with("■ stopping…"), "and nothing is armed any more");
    view.tick(&Tick { health: Health::Frozen, ..WELL });
    assert!(shown(&view, now, 200)[0].ends_with("│ ■ stopping…"));
    view.begin(2, 5);
    assert!(!shown(&view, now, 200)[0].contains('■'));
}

// 20-AF-KB-15, 30-174: countdown and keys, and what is armed in it
#[test]
fn waits_and_pauses_have_the_keys_too() {
    let (mut view, now) = (View::default(), Instant::now());
    view.wait("all agents paused, waiting 59m (claude, resets 14:05)".to_owned());
    let table = [
        (80, "all agents paused, waiting 59m (claude, resets 14:05)"),
        (31, "all agents paused, waiting 59…"),
        (5, "all…"),
    ];
    for (columns, line) in table {
        assert_eq!(shown(&view, now, columns)[0], line);
    }
    assert_eq!(shown(&view, now, 40)[1], "[^S skip] [^P pause] [^X stop] [^C quit]");
    view.arm(Key::QuitNow, now + Duration::from_secs(4));
    view.wait("all agents paused, waiting 58m (claude, resets 14:05)".to_owned());
    let table = [
        (80, "all agents paused, waiting 58m (claude, res… │ ⌨ press Ctrl+C again to quit now"),
        (40, "⌨ press Ctrl+C again to quit now"),
        (30, "all agents paus… │ ⌨ ^C again"),
        (15, "⌨ ^C again"),
        (5, "⌨ ^…"),
    ];
    for (columns, line) in table {
        assert_eq!(shown(&view, now, columns)[0], line);
    }
    view.enter(Scene::Paused);
    assert_eq!(
        shown(&view, now, 200)[0],
        "Paused — press Enter to resume │ ⌨ press Ctrl+C again to quit now"
    );
    view.fire(Key::QuitNow);
    assert_eq!(shown(&view, now, 200)[0], "Paused — press Enter to resume │ ■ quitting…");
    view.enter(Scene::Nothing);
    assert!(shown(&view, now, 200).is_empty());
    view.arm(Key::QuitNow, now + Duration::from_secs(4));
    assert_eq!(shown(&view, now, 200)[0], "⌨ press Ctrl+C again to quit now", "a press is answered anyway");
}

#[test]
fn no_scene_is_wider_than_its_terminal() {
    let now = Instant::now();
    let scenes = [
        Scene::Nothing,
        Scene::Try(Tick { note: Some("a 📁 note\nof two lines".to_owned()), ..WELL }),
        Scene::Between("↻ retrying 2/5 · last: 日本語 (42s, 1 file) · in 4s".to_owned()),
        Scene::Wait("日本語 full, waiting 59m".to_owned()),
        Scene::Paused,
    ];
    for scene in scenes {
        for pressed in 0..3 {
            let mut view = View::default();
            view.enter(scene.clone());
            match pressed {
                0 => {}
                1 => view.arm(Key::GracefulStop, now + Duration::from_secs(4)),
                _ => view.fire(Key::Pause),
            }
            for columns in 0..=200 {
                for (row, line) in shown(&view, now, columns).iter().enumerate() {
                    let edge = if row == 0 { columns.saturating_sub(1) } else { columns };
                    assert!(line.width() <= edge, "{scene:?} {columns}: {line:?}");
                    assert!(!line.contains('\n'));
                }
            }
        }
    }
}
