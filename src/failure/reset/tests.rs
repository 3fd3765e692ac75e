//! Every form, with an injected clock and zones.

use super::*;
use jiff::civil::DateTime;
use proptest::prelude::*;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// 12:00 in Berlin, a Sunday.
const NOW: &str = "2026-11-22T11:00:00Z";

fn hold(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(find(text, at(NOW), &zone("Europe/Berlin")), Some(at(expected)), "{text}");
    }
}

#[test]
fn spans() {
    hold(&[
        ("Five-hour limit reached · resets in 3h 24m", "2026-11-22T14:24:00Z"),
        ("usage cap hit, resets in 2h 5m", "2026-11-22T13:05:00Z"),
        ("resets 3h", "2026-11-22T14:00:00Z"),
        ("resets in 45m", "2026-11-22T11:45:00Z"),
        ("Resets in 1d12h.", "2026-11-23T23:00:00Z"),
        ("Resets in 7 days.", "2026-11-29T11:00:00Z"),
        ("Your quota will reset after 19h21m22s.", "2026-11-23T06:21:22Z"),
        ("resets in 2 hours and 30 minutes", "2026-11-22T13:30:00Z"),
        ("Resets in 1.5d.", "2026-11-23T23:00:00Z"),
        ("try again in 2 hours", "2026-11-22T13:00:00Z"),
        ("or try again in 3 days 4 hours 12 minutes.", "2026-11-25T15:12:00Z"),
        ("try again in 2 days 17 hours 14 minutes.", "2026-11-25T04:14:00Z"),
        ("It will reset in 5 days 10 hours. To continue", "2026-11-27T21:00:00Z"),
        ("Please try again in 11.054s.", "2026-11-22T11:00:11.054Z"),
        ("Resets in 143h57m55s.", "2026-11-28T10:57:55Z"),
    ]);
}

#[test]
fn clocks() {
    hold(&[
        ("limit · resets at 14:30", "2026-11-22T13:30:00Z"),
        ("limit · resets at 2:30 PM", "2026-11-22T13:30:00Z"),
        ("resets 3pm", "2026-11-22T14:00:00Z"),
        ("resets 11am", "2026-11-23T10:00:00Z"),
        ("resets 12am", "2026-11-22T23:00:00Z"),
        ("Your limit will reset at 12am.", "2026-11-22T23:00:00Z"),
        ("resets 12pm tomorrow? no: today's noon has come", "2026-11-22T11:01:00Z"),
        ("try again at 5:22 AM.", "2026-11-23T04:22:00Z"),
        ("resets tomorrow at 9am", "2026-11-23T08:00:00Z"),
        ("try again tomorrow, 18:15", "2026-11-23T17:15:00Z"),
        ("Resets Thu 10:00 AM", "2026-11-26T09:00:00Z"),
        ("resets on Thursday at 3pm", "2026-11-26T14:00:00Z"),
        ("resets Sun 3pm", "2026-11-22T14:00:00Z"),
        ("resets Sun 3am", "2026-11-29T02:00:00Z"),
        ("resets Wednesday 3am", "2026-11-25T02:00:00Z"),
        ("resets Tues 3am", "2026-11-24T02:00:00Z"),
    ]);
}

#[test]
fn zones() {
    hold(&[
        ("You've hit your 5-hour limit · resets 10:05pm (UTC)", "2026-11-22T22:05:00Z"),
        ("resets 3pm (America/New_York)", "2026-11-22T20:00:00Z"),
        ("resets 3pm America/New_York", "2026-11-22T20:00:00Z"),
        ("Your limit will reset at 1pm (Etc/GMT+5).", "2026-11-22T18:00:00Z"),
        ("resets 9am (America/Cordoba)", "2026-11-22T12:00:00Z"),
        ("resets 3pm PST", "2026-11-22T23:00:00Z"),
        ("resets 3pm PT", "2026-11-22T23:00:00Z"),
        ("resets at 6:30pm IST", "2026-11-22T13:00:00Z"),
        ("resets at 15:00 UTC", "2026-11-22T15:00:00Z"),
        ("resets at 15:00 CET", "2026-11-22T14:00:00Z"),
        ("resets at 15:00 +0530", "2026-11-23T09:30:00Z"),
        // Nobody knows it: it is read where we are.
        ("resets 3pm (Middle/Earth)", "2026-11-22T14:00:00Z"),
        ("resets 3pm or later", "2026-11-22T14:00:00Z"),
    ]);
}

#[test]
fn dates() {
    hold(&[
        ("weekly limit · resets Nov 28, 3pm (Europe/Berlin)", "2026-11-28T14:00:00Z"),
        ("resets Nov 24 at 3pm", "2026-11-24T14:00:00Z"),
        ("resets Nov 24 3pm", "2026-11-24T14:00:00Z"),
        ("try again at Dec 5th, 2026 5:22 AM.", "2026-12-05T04:22:00Z"),
        ("your limit to reset on November 30, 2026 at 2:00 AM or switch", "2026-11-30T01:00:00Z"),
        ("Opus weekly limit reached ∙ resets Nov 24", "2026-11-23T23:00:00Z"),
        // It is that day already, so it is over when the day is.
        ("resets Nov 22", "2026-11-22T23:00:00Z"),
        ("Your limit will reset at 2026-11-22 18:29:51", "2026-11-22T17:29:51Z"),
        ("resets at 2026-11-28T18:00:00Z", "2026-11-28T18:00:00Z"),
        ("resets at 2026-11-28 18:00:00.5 (UTC)", "2026-11-28T18:00:00.5Z"),
        ("Try again at 2026-11-28 18:00+03:00.", "2026-11-28T15:00:00Z"),
        ("resets at 2026-11-28T18:00:00+0300", "2026-11-28T15:00:00Z"),
        ("resets on 2026-11-28 18:00, not in 5h", "2026-11-28T17:00:00Z"),
        ("resets on 2026-12-01", "2026-11-30T23:00:00Z"),
        (r#""quotaResetTimeStamp": "2026-11-27T16:32:54Z""#, "2026-11-27T16:32:54Z"),
    ]);
}

#[test]
fn epochs() {
    hold(&[
        ("Claude AI usage limit reached|1795385132", "2026-11-22T22:05:32Z"),
        ("limit reached|1795385132000", "2026-11-22T22:05:32Z"),
        (r#"{"status":"rejected","resetsAt":1795385132}"#, "2026-11-22T22:05:32Z"),
        (r#""resets_at": 1795385132"#, "2026-11-22T22:05:32Z"),
        ("anthropic-ratelimit-unified-reset: 1795385132", "2026-11-22T22:05:32Z"),
        ("resets at 1795385132", "2026-11-22T22:05:32Z"),
    ]);
    assert_eq!(from_epoch(1_795_385_132, at(NOW)), Some(at("2026-11-22T22:05:32Z")));
    assert_eq!(from_epoch(1_795_385_132_000, at(NOW)), Some(at("2026-11-22T22:05:32Z")));
    assert_eq!(from_epoch(i64::MAX, at(NOW)), None);
    assert_eq!(from_epoch(0, at(NOW)), None);
}

// 20-AF-PO-14: the length of a window is not the time until it ends
#[test]
fn a_window_is_no_time_to_its_end() {
    for text in [
        "the limit is for 5 hours",
        "Usage limit reached for 5 hour.",
        "You've hit your 5-hour limit",
        "Weekly/Monthly Limit Exhausted",
        "seven-day limit reached",
        "wait for limits to reset (every 5h and every week.)",
    ] {
        assert_eq!(find(text, at(NOW), &TimeZone::UTC), None, "{text}");
    }
    hold(&[(
        "Usage limit reached for 5 hour. Your limit will reset at 2026-11-22 18:29:51",
        "2026-11-22T17:29:51Z",
    )]);
}

#[test]
fn words_that_name_none() {
    for text in [
        "",
        "usage limit reached",
        "resets in 3 months",
        "resets 25:00",
        "resets 14pm",
        "resets 12:75",
        "resets 5",
        "resets soon",
        "resets Monday",
        "resets Feb 31 at 3pm",
        "try again at 10 de jul. de 2026, 11:52",
        "resets at 2026-13-28 18:00:00",
        "|123",
        "resetsAt: null",
    ] {
        assert_eq!(find(text, at(NOW), &zone("Europe/Berlin")), None, "{text}");
    }
}

#[test]
fn what_has_passed_just_now_comes_soon_and_what_is_over_never() {
    let now = at("2026-11-22T11:02:20Z");
    let soon = Some(at("2026-11-22T11:03:20Z"));
    for (text, expected) in [
        ("try again at 12:02 PM.", soon),
        ("try again at 12:01 PM.", soon),
        ("try again at 11:58 AM.", soon),
        ("try again at 11:57 AM.", Some(at("2026-11-23T10:57:00Z"))),
        ("resets Nov 22, 12:00 PM", soon),
        ("limit reached|1795345200", soon),
        ("resets in 0s", soon),
        ("resets Nov 22, 3am", None),
        ("resets Nov 20, 3pm", None),
        ("limit reached|1795000000", None),
        ("will reset at 2026-06-16 18:29:51", None),
        ("try again at Jun 5th, 2025 5:22 AM.", None),
    ] {
        assert_eq!(find(text, now, &zone("Europe/Berlin")), expected, "{text}");
    }
}

#[test]
fn around_midnight_and_the_end_of_the_year() {
    for (now, text, expected) in [
        // Yesterday's last minute has just passed.
        ("2026-11-22T23:02:00Z", "resets 11:59pm", "2026-11-22T23:03:00Z"),
        ("2026-11-22T22:59:00Z", "resets 12am", "2026-11-22T23:00:00Z"),
        ("2026-11-22T22:59:00Z", "resets 12:05am", "2026-11-22T23:05:00Z"),
        ("2026-12-31T22:30:00Z", "resets 1am", "2027-01-01T00:00:00Z"),
        ("2026-12-30T11:00:00Z", "resets Jan 2 at 9:00 am (UTC)", "2027-01-02T09:00:00Z"),
        ("2026-12-30T11:00:00Z", "resets Jan 2", "2027-01-01T23:00:00Z"),
        ("2026-12-31T22:59:00Z", "resets tomorrow at 3pm", "2027-01-01T14:00:00Z"),
        ("2028-02-28T11:00:00Z", "resets Feb 29, 3pm", "2028-02-29T14:00:00Z"),
    ] {
        assert_eq!(find(text, at(now), &zone("Europe/Berlin")), Some(at(expected)), "{now}: {text}");
    }
}

#[test]
fn on_days_of_23_and_25_hours() {
    for (now, text, expected) in [
        // The clock is put back in the night of 25 October 2026 in Berlin.
        ("2026-10-24T12:00:00Z", "resets at 13:00", "2026-10-25T12:00:00Z"),
        ("2026-10-25T00:10:00Z", "resets 2:30am", "2026-10-25T00:30:00Z"),
        // The first half past two is over, the second is not.
        ("2026-10-25T00:50:00Z", "resets 2:30am", "2026-10-25T01:30:00Z"),
        ("2026-10-25T01:50:00Z", "resets 2:30am", "2026-10-26T01:30:00Z"),
        // It is put forward in the night of 29 March 2026: half past two does not come.
        ("2026-03-28T12:00:00Z", "resets at 12:00", "2026-03-29T10:00:00Z"),
        ("2026-03-29T00:10:00Z", "resets 2:30am", "2026-03-29T01:30:00Z"),
        ("2026-03-29T00:10:00Z", "resets in 3h", "2026-03-29T03:10:00Z"),
        ("2026-03-28T12:00:00Z", "resets tomorrow at 9am", "2026-03-29T07:00:00Z"),
    ] {
        assert_eq!(find(text, at(now), &zone("Europe/Berlin")), Some(at(expected)), "{now}: {text}");
    }
}

// 50-R9: a week and a day, unless it is dated; accounts are paid by the month
#[test]
fn nothing_is_farther_away_than_windows_are_long() {
    hold(&[
        ("resets in 30 days", "2026-11-30T11:00:00Z"),
        ("try again at Dec 22nd, 2026 12:00 PM.", "2026-12-22T11:00:00Z"),
        ("try again at Jul 23rd, 2027 4:15 AM.", "2026-12-24T11:00:00Z"),
        ("resets at 2036-01-01", "2026-12-24T11:00:00Z"),
        ("limit reached|1995385132", "2026-12-24T11:00:00Z"),
    ]);
    assert_eq!(find("resets in 99999 days", Timestamp::MAX, &TimeZone::UTC), None);
    assert_eq!(find("resets at 3pm", Timestamp::MAX, &TimeZone::UTC), None);
}

fn moment() -> impl Strategy<Value = Timestamp> {
    // 2020 to 2037.
    (1_577_836_800_i64..2_114_380_800).prop_map(|second| Timestamp::from_second(second).unwrap())
}

fn somewhere() -> impl Strategy<Value = TimeZone> {
    const PLACES: [&str; 6] =
        ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"];
    proptest::sample::select(&PLACES).prop_map(zone)
}

/// A text, and whether it dates the reset.
fn told() -> impl Strategy<Value = (String, bool)> {
    let two = |range: std::ops::Range<u32>| range.prop_map(|number| format!("{number:02}"));
    prop_oneof![
        (0_u32..2000, 0_u32..90).prop_map(|(h, m)| (format!("resets in {h}h {m}m"), false)),
        (0_u32..60).prop_map(|days| (format!("try again in {days} days"), false)),
        (1_u32..13, two(0..60), any::<bool>())
            .prop_map(|(h, m, pm)| (format!("resets {h}:{m}{}", if pm { "pm" } else { "am" }), false)),
        (two(0..24), two(0..60)).prop_map(|(h, m)| (format!("resets tomorrow at {h}:{m}"), false)),
        proptest::sample::select(&["Mon", "Wednesday", "Sun"][..])
            .prop_map(|day| (format!("resets {day} 3pm (America/Los_Angeles)"), false)),
        (proptest::sample::select(&["Jan", "Feb", "Jul", "Dec"][..]), 1_u32..32)
            .prop_map(|(month, day)| (format!("resets {month} {day}, 3pm"), true)),
        (2019_i16..2039, two(1..13), two(1..29))
            .prop_map(|(y, m, d)| (format!("will reset at {y}-{m}-{d} 18:29:51"), true)),
        (1_500_000_000_i64..2_200_000_000).prop_map(|epoch| (format!("reached|{epoch}"), true)),
        ".{0,40}".prop_map(|noise| (format!("resets {noise}"), true)),
    ]
}

proptest! {
    #[test]
    fn a_reset_lies_ahead_and_within_reach(now in moment(), zone in somewhere(), (text, dated) in told()) {
        if let Some(found) = find(&text, now, &zone) {
            let ahead = found.duration_since(now);
            prop_assert!(ahead > SignedDuration::ZERO, "{text} at {now}: {found}");
            let days = if dated { 32 } else { 8 };
            prop_assert!(ahead <= SignedDuration::from_hours(days * 24), "{text} at {now}: {found}");
        }
    }

    #[test]
    fn a_clock_shows_what_was_told(now in moment(), zone in somewhere(), hour in 0_i8..24, minute in 0_i8..60) {
        let found = find(&format!("resets at {hour:02}:{minute:02}"), now, &zone).unwrap();
        let ahead = found.duration_since(now);
        // Of a day that its place left out, too.
        prop_assert!(ahead <= SignedDuration::from_hours(49), "{now}: {found}");
        let shown: DateTime = found.to_zoned(zone.clone()).datetime();
        let told = (shown.hour(), shown.minute()) == (hour, minute);
        let put_forward = zone.to_ambiguous_zoned(shown.date().at(hour, minute, 0, 0)).is_ambiguous();
        prop_assert!(told || put_forward || ahead == SOON, "{hour}:{minute} at {now} is {shown}");
    }
}
