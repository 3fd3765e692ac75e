//! What a terminal shows of the lines that are repainted: events go in, a screen comes out.

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::num::NonZero;
use std::rc::Rc;

use jiff::tz::TimeZone;
use pretty_assertions::assert_eq;
use rally::model::{CancelSource, Key};
use rally::relay::event::{Drought, Event, Health, RunVerdict, Sink, Tick, Tokens, Wait};
use rally::terminal::Console;
use rally::terminal::live::Size;
use rally::terminal::look::Look;
use rally::terminal::style::Palette;

use super::{nobody, passed, run_ended, run_started, secs, tick, try_ended};

const FULL_HINT: &str = "[Ctrl+S skip] [Ctrl+P pause] [Ctrl+X graceful stop] [Ctrl+C quit now]";

thread_local! {
    /// What the terminal of this test says about its size.
    static SIZE: Cell<Size> = const { Cell::new(Size::USUAL) };
    static MAY_REPAINT: Cell<bool> = const { Cell::new(true) };
}

/// A terminal, and how often it was written to. Standard output and standard error are both on it.
#[derive(Clone)]
struct Glass {
    terminal: Rc<RefCell<vt100::Parser>>,
    raw: Rc<RefCell<Vec<String>>>,
}

impl Write for Glass {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        // As the kernel does on the way to a terminal.
        self.terminal.borrow_mut().process(text.replace('\n', "\r\n").as_bytes());
        self.raw.borrow_mut().push(text);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Stage {
    console: Option<Console<Glass, Glass>>,
    glass: Glass,
}

impl Stage {
    fn new(rows: u16, columns: u16, colour: bool) -> Stage {
        let [high, wide] = [rows, columns].map(|n| NonZero::new(n).unwrap());
        let terminal = Rc::new(RefCell::new(vt100::Parser::new(high, wide, 1000)));
        let glass = Glass { terminal, raw: Rc::default() };
        SIZE.set(Size { columns: columns.into(), rows: rows.into() });
        let palette = Palette { colour };
        let look = Look {
            live: true,
            may_repaint: || MAY_REPAINT.get(),
            echo_on_err: false,
            out: palette,
            err: palette,
            zone: TimeZone::UTC,
            size: || SIZE.get(),
        };
        Stage { console: Some(Console::new(glass.clone(), glass.clone(), look)), glass }
    }

    fn play(&mut self, events: &[Event]) -> &mut Stage {
        events.iter().for_each(|event| self.console.as_mut().unwrap().event(event));
        self
    }

    fn resize(&mut self, rows: u16, columns: u16) {
        SIZE.set(Size { columns: columns.into(), rows: rows.into() });
        let [rows, columns] = [rows, columns].map(|n| NonZero::new(n).unwrap());
        self.glass.terminal.borrow_mut().set_size(rows, columns);
    }

    /// The relay is over.
    fn close(&mut self) {
        self.console = None;
    }

    /// The rows with something on them, without the spaces behind.
    fn shown(&self) -> Vec<String> {
        let text = self.glass.terminal.borrow().screen().contents();
        text.lines().map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect()
    }

    /// Everything that was ever shown, scrolled away or not.
    fn all(&self) -> String {
        let mut terminal = self.glass.terminal.borrow_mut();
        let mut all = String::new();
        terminal.screen_mut().set_scrollback(usize::MAX);
        let mut above = terminal.screen().scrollback();
        while above > 0 {
            terminal.screen_mut().set_scrollback(above);
            all += terminal.screen().contents().lines().next().unwrap_or_default();
            all.push('\n');
            above -= 1;
        }
        terminal.screen_mut().set_scrollback(0);
        all + &terminal.screen().contents()
    }

    /// Since the last call.
    fn written(&self) -> Vec<String> {
        self.glass.raw.take()
    }

    fn wraps(&self) -> bool {
        let terminal = self.glass.terminal.borrow();
        (0..terminal.screen().size().0.get()).any(|row| terminal.screen().row_wrapped(row))
    }

    /// The colour of the first cell with this character.
    fn colour_of(&self, sign: &str) -> vt100::Color {
        let terminal = self.glass.terminal.borrow();
        let (rows, columns) = terminal.screen().size();
        let mut cells = (0..rows.get()).flat_map(|row| (0..columns.get()).map(move |column| (row, column)));
        let at = cells.find(|(row, column)| {
            terminal.screen().cell(*row, *column).is_some_and(|cell| cell.contents() == sign)
        });
        let (row, column) = at.unwrap();
        terminal.screen().cell(row, column).unwrap().fgcolor()
    }
}

fn try_started(attempt: u32) -> Event {
    let log_path = "/data/tries/try-7.log".into();
    Event::TryStarted { try_id: 7, attempt, max_attempts: 5, log_path, resume: None }
}

fn ticking(change: impl FnOnce(&mut Tick)) -> Event {
    let Event::Tick(mut plain) = tick(1, None) else { unreachable!() };
    change(&mut plain);
    Event::Tick(plain)
}

fn disk(remaining: u64) -> Event {
    let wait = Wait::Trouble { what: "the disk is full".to_owned() };
    Event::Waiting { wait, remaining: secs(remaining), first: remaining == 60 }
}

// The brief's 2b: the layout, and that it is there before the first second is over
#[test]
fn the_status_stands_below_the_header_and_the_keys_below_the_status() {
    let mut stage = Stage::new(24, 80, true);
    stage.play(&[run_started(1), try_started(1)]);
    let shown = stage.shown();
    assert_eq!(shown[1], "  [1/2] claude - opus - started 16:40"); // 30-S8
    assert_eq!(shown[3..], ["⏱ 0s │ 📁 0 files │ last activity: —", FULL_HINT]);
    stage.play(&[tick(1, None)]);
    let shown = stage.shown();
    assert_eq!(shown[3..], ["⏱ 42s │ 📁 3 files │ last activity: 4s", FULL_HINT]);
    assert_eq!(stage.glass.terminal.borrow().screen().cursor_position(), (4, 0));
    assert_eq!(stage.colour_of("["), vt100::Color::Default, "of the header");
    assert!(stage.written().last().unwrap().contains("\x1b[38;5;245m[Ctrl+S"), "the keys are grey");
    stage.play(&[run_ended(passed(), 1)]);
    let shown = stage.shown();
    assert_eq!(shown.len(), 6);
    assert!(shown[4].starts_with("✓ passed"), "in the place of the status: {shown:?}");
    stage.close();
    assert_eq!(stage.shown(), shown);
}

// 20 section 20, 41; 10-M8: at every width each of the lines takes one row, and nothing of them stays
#[test]
fn terminals_of_all_widths() {
    let loud = "running 📁📁📁 a long tool name \x1b[2J\x1b]0;x\x07 and longer";
    for columns in (1..=200).filter(|columns| *columns <= 82 || columns % 17 == 0) {
        let colour = columns % 2 == 0;
        let mut stage = Stage::new(30, columns, colour);
        let busy = ticking(|tick| {
            tick.attempt = 2;
            tick.note = Some(loud.to_owned());
            tick.health = Health::Slowing;
            tick.drought = Some(Drought::NoTraffic(secs(31)));
            tick.tokens = Some(Tokens { count: 12_345, estimated: true });
        });
        let events = [
            try_started(1),
            busy.clone(),
            try_ended(1, loud, true),
            Event::Waiting {
                wait: Wait::Trouble { what: loud.to_owned() },
                remaining: secs(90),
                first: true,
            },
            Event::WaitEnded,
            try_started(2),
            busy,
            Event::Armed { key: Key::GracefulStop, within: secs(600) },
            Event::Acting { key: Key::GracefulStop },
            Event::Stopping { signal: "TERM", reason: loud.to_owned() },
            Event::Paused,
        ];
        for event in events {
            stage.play(std::slice::from_ref(&event));
            let shown = stage.shown();
            assert!(shown.len() <= 2 && !stage.wraps(), "{columns}: {event:?}: {shown:?}");
            assert_eq!(
                stage.glass.terminal.borrow().screen().cursor_position(),
                (0, 0),
                "{columns}: {event:?}"
            );
        }
        stage.close();
        assert_eq!(stage.all().trim(), "", "{columns}");
    }
}

// What is said for good takes the lines away, and they are below it again at once.
#[test]
fn lasting_lines_come_between() {
    let mut stage = Stage::new(24, 100, true);
    stage.play(&[try_started(1), tick(1, None)]);
    let live = ["⏱ 42s │ 📁 3 files │ last activity: 4s", FULL_HINT];
    let lasting = [
        (Event::Notice("a notice".to_owned()), "a notice"),
        (Event::Warning("odd \x1b[2J\u{202e}text".to_owned()), "warning: odd text"),
        (Event::StopRequested { source: CancelSource::Skip }, "Stop requested (skip)"),
        (Event::Recovered, "↻ recovered"),
        (
            Event::StuckTool { pid: 7, command: "sleep \x1b[2J9".to_owned(), signal: "TERM" },
            "ending the stuck tool with TERM: sleep 9",
        ),
    ];
    let mut above = Vec::new();
    for (event, line) in lasting {
        stage.written();
        stage.play(std::slice::from_ref(&event));
        above.push(line);
        assert_eq!(stage.shown(), [above.as_slice(), live.as_slice()].concat());
        let writes = if matches!(event, Event::Warning(_)) { 3 } else { 1 };
        assert_eq!(stage.written().len(), writes, "{event:?}");
    }
    // 30-S, the brief's 2n: found frozen is said for good, and shown as long as it lasts
    stage.play(&[Event::Frozen { how: "silent\nfor 3m, no connection".to_owned() }]);
    above.push("❄ frozen: silent for 3m, no connection");
    let frozen = format!("{} │ ❄ frozen", live[0]);
    assert_eq!(stage.shown(), [above.as_slice(), &[frozen.as_str(), FULL_HINT]].concat());
    stage.play(&[Event::Stopping { signal: "INT", reason: "freeze".to_owned() }]);
    let stopping = format!("{} │ ■ stopping…", live[0]);
    assert_eq!(stage.shown(), [above.as_slice(), &[stopping.as_str(), FULL_HINT]].concat());
    stage.close();
    assert_eq!(stage.shown(), above);
}

// 20-AF-MO-07, 20-AF-KB-09: a press is answered at once, in the line
#[test]
fn keys_are_answered_in_the_line() {
    let mut stage = Stage::new(24, 100, true);
    stage.play(&[try_started(1), tick(1, None), Event::Armed { key: Key::QuitNow, within: secs(600) }]);
    let rest = "⏱ 42s │ 📁 3 files │ last activity: 4s";
    let armed = format!("{rest} │ ⌨ press Ctrl+C again to quit now");
    assert_eq!(stage.shown(), [armed.as_str(), FULL_HINT]);
    assert_eq!(stage.colour_of("⌨"), vt100::Color::Idx(11));
    assert_eq!(stage.colour_of("⏱"), vt100::Color::Default);
    stage.play(&[tick(1, None)]);
    assert_eq!(stage.shown()[0], armed);
    stage.play(&[Event::Armed { key: Key::Skip, within: secs(0) }]);
    assert_eq!(stage.shown()[0], rest, "its time is over");
    stage.play(&[Event::Acting { key: Key::Skip }]);
    assert_eq!(stage.shown(), [&format!("{rest} │ ■ skipping…"), FULL_HINT]);
    stage.play(&[try_ended(1, "x", false)]);
    assert!(stage.shown().is_empty());
}

// 20 section 18: paused, with the keys that work then
#[test]
fn a_pause_stays_to_be_seen() {
    let mut stage = Stage::new(24, 80, false);
    stage.play(&[try_started(1), tick(1, None), Event::Acting { key: Key::Pause }]);
    stage.play(&[try_ended(1, "cancelled (pause)", false), Event::Paused, Event::Warning("odd".to_owned())]);
    assert_eq!(stage.shown(), ["warning: odd", "Paused — press Enter to resume", FULL_HINT]);
    stage.play(&[Event::Resumed]);
    assert_eq!(stage.shown(), ["warning: odd"]);
    stage.play(&[try_started(1)]);
    assert_eq!(stage.shown()[1..], ["⏱ 0s │ 📁 0 files │ last activity: —", FULL_HINT]);
}

// 30-174, 20-AF-KB-15: countdown and keys; lines begin at the left whatever the terminal is set to
#[test]
fn a_wait_counts_down_above_the_keys() {
    let mut stage = Stage::new(24, 80, false);
    stage.play(&[disk(60), disk(59)]);
    assert_eq!(stage.shown(), ["the disk is full, waiting 59s", FULL_HINT]);
    assert!(stage.written().iter().all(|text| text.matches('\n').count() == text.matches("\r\n").count()));
    stage.play(&[Event::Armed { key: Key::QuitNow, within: secs(600) }]);
    assert_eq!(stage.shown()[0], "the disk is full, waiting 59s │ ⌨ press Ctrl+C again to quit now");
    stage.play(&[Event::WaitEnded]);
    assert_eq!(stage.shown()[0], "⌨ press Ctrl+C again to quit now");
    stage.close();
    assert!(stage.shown().is_empty());

    let mut stage = Stage::new(24, 60, false);
    stage.play(&[Event::Waiting { wait: nobody(), remaining: secs(3540), first: true }]);
    let line = "all agents paused, waiting 59m (claude, resets 2020-11-25 1";
    assert_eq!(
        stage.shown(),
        [&format!("{}…", &line[..line.len() - 1]), "[^S skip] [^P pause] [^X stop] [^C quit]"]
    );
}

// 20 section 17: nothing is written when nothing has changed, and one write paints both lines
#[test]
fn one_write_repaints_and_none_the_same() {
    let mut stage = Stage::new(24, 80, true);
    stage.play(&[try_started(1), tick(1, None)]);
    stage.written();
    stage.play(&[tick(1, None), tick(1, None)]);
    assert!(stage.written().is_empty());
    stage.play(&[tick(2, None)]);
    assert_eq!(stage.written().len(), 1);
    stage.play(&[disk(600), disk(599)]);
    assert_eq!(stage.written().len(), 2);
    stage.play(&[disk(598), disk(597)]);
    assert!(stage.written().is_empty(), "still 9m");
}

// 20-AF-MO-15, 30-176, 30-177
#[test]
fn retry_lines_stay_on_their_line_and_one_footer_ends_the_run() {
    let relay = |failed: u32, end: Event| {
        let mut stage = Stage::new(24, 80, true);
        stage.play(&[run_started(1)]);
        stage.written();
        let mut lines = Vec::new();
        for attempt in 1..=failed {
            stage.play(&[try_started(attempt), tick(attempt, None), try_ended(attempt, "freeze", true)]);
            lines.extend(stage.written().pop());
            stage.play(&[Event::Waiting { wait: super::rate_limit(), remaining: secs(4), first: true }]);
        }
        stage.play(&[
            try_started(failed + 1),
            tick(failed + 1, None),
            try_ended(failed + 1, "freeze", false),
            end,
        ]);
        let footer = stage.written().pop().unwrap();
        (lines, footer, stage.all())
    };
    let failure = RunVerdict::Failed { reason: "freeze".to_owned() };
    let (lines, footer, all) = relay(4, run_ended(failure.clone(), 5));
    assert_eq!(lines.len(), 4);
    for (line, next) in lines.iter().zip(2..) {
        let dim = format!("\x1b[38;5;245m↻ retrying {next}/5 · last: freeze (42s, 1 file) · in 4s\x1b[0m");
        assert!(line.starts_with("\r\x1b[2K") && line.contains(&dim), "{line:?}");
        assert!(line.ends_with('\r') && !line.contains('\n'), "{line:?}");
    }
    assert!(
        footer.ends_with('\n') && footer.contains("\x1b[38;5;9m✗ failed after 5 tries\x1b[0m"),
        "{footer:?}"
    );
    assert_eq!(all.matches('✗').count(), 1, "{all}");
    assert!(!all.contains("retrying"), "painted over: {all}");

    let (lines, footer, all) = relay(2, run_ended(passed(), 3));
    assert_eq!(lines.len(), 2);
    assert!(footer.contains("✓ passed on try 3/5"), "{footer:?}");
    assert!(!all.contains('✗') && !all.contains("retrying"), "{all}");

    let (lines, _, all) = relay(0, run_ended(failure, 1));
    assert!(lines.is_empty() && all.contains("✗ failed") && !all.contains("after"), "{all}");
}

// A terminal that cuts what no longer fits, as xterm and this emulator do; those that wrap it anew: the painter's tests
#[test]
fn a_resize_in_between_leaves_nothing() {
    let mut stage = Stage::new(10, 100, true);
    stage.play(&[Event::Notice("above".to_owned()), try_started(1), tick(1, Some("a note"))]);
    for (rows, columns, status, keys) in [
        (10, 30, "⏱ 42s │ 📁 3 files", "^S·^P·^X·^C"),
        (10, 5, "⏱ 4…", "^S·^…"),
        (10, 80, "⏱ 42s │ 📁 3 files │ last activity: 4s │ a note", FULL_HINT),
        (3, 80, "⏱ 42s │ 📁 3 files │ last activity: 4s │ a note", FULL_HINT),
    ] {
        stage.resize(rows, columns);
        stage.play(&[tick(1, Some("a note"))]);
        let shown = stage.shown();
        assert_eq!(shown[1..], [status, keys], "{columns}");
        assert!("above".starts_with(&shown[0]), "{shown:?}");
    }
    stage.resize(1, 80);
    for files in 0..5 {
        stage.play(&[ticking(|tick| tick.files = files)]);
        assert_eq!(stage.shown().len(), 1);
    }
    stage.close();
    let all = stage.all();
    assert!(!all.contains(['⏱', '^']) && !all.contains("Ctrl"), "{all}");
}

// Job control: the shell writes where nothing of ours is left, and rally paints again when it goes on
#[test]
fn the_lines_are_gone_while_rally_is_stopped() {
    let mut stage = Stage::new(10, 80, true);
    stage.play(&[try_started(1), tick(1, None), Event::Suspending]);
    assert!(stage.shown().is_empty());
    stage.glass.write_all(b"$ fg\n").unwrap();
    stage.play(&[tick(1, None)]);
    assert_eq!(stage.shown(), ["$ fg", "⏱ 42s │ 📁 3 files │ last activity: 4s", FULL_HINT]);
}

// A shell's background job: the rows below the cursor are the shell's, and what is said stays. In the foreground it lives again.
#[test]
fn the_lines_are_gone_while_others_have_the_terminal() {
    let mut stage = Stage::new(12, 100, true);
    stage.play(&[try_started(1), tick(1, None)]);
    MAY_REPAINT.set(false);
    stage.written();
    stage.play(&[ticking(|tick| tick.files = 4), ticking(|tick| tick.files = 5)]);
    assert!(stage.written().is_empty());
    stage.play(&[Event::Notice("something to know".to_owned()), disk(60)]);
    let said = stage.written().concat();
    assert!(said.contains("something to know\n"));
    assert!(!said.contains("\x1b[J") && !said.contains("[Ctrl+S skip]"), "{said:?}");
    assert!(said.contains("the disk is full"), "what the live lines would show is said for good: {said:?}");
    MAY_REPAINT.set(true);
    stage.play(&[tick(1, None)]);
    let shown = stage.shown();
    assert_eq!(shown[shown.len() - 2..], ["⏱ 42s │ 📁 3 files │ last activity: 4s", FULL_HINT]);
    MAY_REPAINT.set(false);
    stage.close();
    assert_eq!(stage.shown(), shown, "nothing is erased that may be somebody else's");
    MAY_REPAINT.set(true);
}

// `NO_COLOR` is about colours: the lines live, without any
#[test]
fn without_colours() {
    let mut stage = Stage::new(10, 80, false);
    stage.play(&[run_started(1), try_started(1), ticking(|tick| tick.health = Health::Frozen)]);
    stage.play(&[Event::Armed { key: Key::Skip, within: secs(600) }, run_ended(passed(), 1)]);
    let written = stage.written().concat();
    assert!(!written.contains("\x1b[38") && !written.contains("\x1b[0m"), "{written:?}");
    assert!(written.contains("❄ frozen") && written.contains("\x1b[2K"));
}

/// What is written where nothing can be repainted.
fn plain(echo_on_err: bool) -> (String, String) {
    let palette = Palette { colour: false };
    let size = || Size { columns: 40, rows: 10 };
    let may_repaint = || true;
    let (out, err, zone) = (palette, palette, TimeZone::UTC);
    let look = Look { live: false, may_repaint, echo_on_err, out, err, zone, size };
    let events = [
        try_started(1),
        tick(1, None),
        ticking(|tick| tick.health = Health::Slowing),
        Event::Armed { key: Key::QuitNow, within: secs(4) },
        Event::Acting { key: Key::Pause },
        Event::Paused,
        Event::Resumed,
        Event::Suspending,
        Event::Frozen { how: "no \x1b[2Jconnection".to_owned() },
        Event::StuckTool { pid: 7, command: "sleep 9".to_owned(), signal: "KILL" },
        Event::Recovered,
        Event::Stopping { signal: "TERM", reason: "free\nze".to_owned() },
        disk(60),
        disk(59),
        Event::WaitEnded,
    ];
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut console = Console::new(&mut out, &mut err, look);
    assert!(!console.wants_ticks());
    events.iter().for_each(|event| console.event(event));
    drop(console);
    (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

// No terminal, or a dumb one: whole lines about what a person has to know, and no escapes
#[test]
fn lines_where_nothing_can_be_repainted() {
    let (out, err) = plain(false);
    let echo = ["press Ctrl+C again to quit now", "■ pausing…", "Paused — press Enter to resume", "Resumed"];
    let rest = [
        "❄ frozen: no connection",
        "ending the stuck tool with KILL: sleep 9",
        "↻ recovered",
        "■ stopping… TERM (free ze)",
        "the disk is full, waiting 1m",
    ];
    assert_eq!(out.lines().collect::<Vec<_>>(), [echo.as_slice(), rest.as_slice()].concat());
    assert_eq!(err, "");
    assert!(!out.contains(['\x1b', '\r']));

    // Standard output goes into a file, and whoever presses the keys sees standard error.
    let (out, err) = plain(true);
    assert_eq!(out.lines().collect::<Vec<_>>(), rest);
    assert_eq!(err.lines().collect::<Vec<_>>(), echo);
}
