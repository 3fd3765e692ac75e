//! What is suspicious about lanes that are valid: entries that nobody can run, that add nothing, or
//! that come only when others fail. Pure.

use std::collections::BTreeMap;

use super::complaint::Complaint;
use super::lanes::LaneLine;
use super::queue::Queue;
use super::roles::RoleLine;
use crate::config::Config;
use crate::model::Runner;
use crate::model::text::count;
use crate::relay::recovery;
use crate::routing::{Quota, Rules};

/// What is to be said about lanes and their queue.
#[derive(Debug, Default)]
pub struct Doubts {
    /// What keeps a relay from starting.
    pub errors: Vec<Complaint>,
    /// What will probably go otherwise than meant.
    pub warnings: Vec<Complaint>,
    /// What is worth knowing.
    pub infos: Vec<Complaint>,
}

/// Somebody who may get a run.
struct Seat<'a> {
    text: &'a str,
    /// With what the lane's own role wants.
    runner: Runner,
    explicit: bool,
    /// Whether it stays until it fails.
    open: bool,
    disabled: Option<&'a str>,
}

/// Says why a harness cannot be run, and the way out.
pub type TroubleOf<'a> = &'a dyn Fn(&str) -> Option<(String, String)>;

impl Doubts {
    /// Looks at the lanes that a relay without `--agent` would use.
    pub fn of_lanes(config: &Config, rules: &Rules, lanes: &[&LaneLine], trouble: TroubleOf<'_>) -> Doubts {
        let mut doubts = Doubts::default();
        let seats: Vec<(&LaneLine, Vec<Seat<'_>>)> =
            lanes.iter().map(|lane| (*lane, seats(lane, rules))).collect();
        for (lane, seats) in &seats {
            let say =
                |message: String| Complaint::of_key(config, &lane.key, format!("{}{message}", lane.label));
            // A relay without --agent refuses to start then.
            let graver = if lane.role().is_none() { &mut doubts.errors } else { &mut doubts.warnings };
            graver.extend(all_disabled(seats).map(say));
            doubts.warnings.extend(repeated(seats).into_iter().map(say));
            doubts.infos.extend(fallbacks(seats).into_iter().map(say));
            if seats.iter().any(|seat| seat.disabled.is_none()) {
                doubts.infos.extend(single(lane).map(say));
            }
        }
        doubts.warnings.extend(missing_programs(config, &seats, trouble));
        doubts.infos.extend(disabled_providers(config, rules, &seats));
        doubts
    }

    /// Looks at the roles of a queue; `roles` is `None` when nobody knows who has a prompt.
    pub fn of_queue(
        config: &Config,
        queue: &Queue,
        routes: &[LaneLine],
        roles: Option<&[RoleLine]>,
    ) -> Doubts {
        let mut doubts = Doubts::default();
        let is_route = |role: &str| routes.iter().any(|route| route.name.to_lowercase() == role);
        let is_role = |line: &RoleLine, role: &str| line.name.trim().to_lowercase() == role;
        let has_prompt = |role: &str| roles.is_none_or(|roles| roles.iter().any(|line| is_role(line, role)));
        for (role, (name, laps)) in &queue.roles {
            if !is_route(role) && !has_prompt(role) {
                let message = format!(
                    "the role \"{}\" ({}) has neither a route nor a prompt; add it to [routes], or mend the assignee",
                    name.escape_debug(),
                    count(*laps, "lap")
                );
                doubts.warnings.push(Complaint::of_file(&queue.file, None, message));
            }
        }
        for route in routes {
            let name = route.name.to_lowercase();
            if route.role().is_some() && name != recovery::ROLE && !queue.roles.contains_key(&name) {
                let message = format!("{}: no open lap in .laps/laps.json is assigned to it", route.label);
                doubts.infos.push(Complaint::of_key(config, &route.key, message));
            }
        }
        doubts
    }
}

fn seats<'a>(line: &'a LaneLine, rules: &'a Rules) -> Vec<Seat<'a>> {
    let slots = line.lane.iter().flat_map(|lane| &lane.slots);
    let members = slots.flat_map(|slot| slot.members.iter().map(|member| (member, slot.quota)));
    members
        .map(|(member, quota)| {
            let runner = rules.reasoning.apply(line.role(), member);
            let disabled = rules.providers.disabled(&runner).map(|provider| provider.name.as_str());
            let open = quota == Quota::Open;
            Seat { text: &member.text, runner, explicit: member.explicit, open, disabled }
        })
        .collect()
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_debug())
}

/// `"a"`, `"a" and "b"`, `"a", "b" and "c"`.
fn listed(texts: &[String]) -> String {
    match texts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn all_disabled(seats: &[Seat<'_>]) -> Option<String> {
    let mut names = seats.iter().map(|seat| seat.disabled).collect::<Option<Vec<&str>>>()?;
    names.sort_unstable();
    names.dedup();
    (!names.is_empty()).then(|| {
        format!(
            ": every entry belongs to a disabled provider ({}), so nobody can run; \
             set disabled = false in [providers], or add an entry",
            names.join(", ")
        )
    })
}

/// The earlier entry of the same runner that stays until it fails: behind it, this one has failed already.
fn shadow<'s>(seats: &'s [Seat<'_>], index: usize) -> Option<&'s Seat<'s>> {
    let (before, seat) = (&seats[..index], &seats[index]);
    before.iter().find(|other| other.open && other.runner == seat.runner && other.explicit == seat.explicit)
}

fn repeated(seats: &[Seat<'_>]) -> Vec<String> {
    let tell = |index: usize| {
        let (first, second) = (quoted(shadow(seats, index)?.text), quoted(seats[index].text));
        Some(format!(
            ": {second} behind {first} adds nothing: it is the same agent, and comes only when that has failed; \
             remove it"
        ))
    };
    (0..seats.len()).filter_map(tell).collect()
}

/// Who comes only when somebody else fails, each told once.
fn fallbacks(seats: &[Seat<'_>]) -> Vec<String> {
    let counts = |index: &usize| seats[*index].disabled.is_none() && shadow(seats, *index).is_none();
    let seats: Vec<&Seat<'_>> = (0..seats.len()).filter(counts).map(|index| &seats[index]).collect();
    let mut found = Vec::new();
    for (index, sticky) in seats.iter().enumerate().filter(|(_, seat)| seat.open) {
        let mut behind = Vec::new();
        for seat in &seats[index + 1..] {
            behind.push(quoted(seat.text));
            if seat.open {
                break;
            }
        }
        if !behind.is_empty() {
            let verb = if behind.len() == 1 { "comes" } else { "come" };
            found.push(format!(": {} {verb} only when {} fails", listed(&behind), quoted(sticky.text)));
        }
    }
    found
}

fn single(line: &LaneLine) -> Option<String> {
    let runner = line.lane.as_ref()?.only_runner()?;
    Some(format!(" has a single runner, {}: nobody takes over when it fails", runner.label()))
}

/// One warning for each harness, at the first entry that needs it.
fn missing_programs(
    config: &Config,
    lanes: &[(&LaneLine, Vec<Seat<'_>>)],
    trouble: TroubleOf<'_>,
) -> Vec<Complaint> {
    let mut users: BTreeMap<&str, Vec<(&LaneLine, &str)>> = BTreeMap::new();
    for (lane, seats) in lanes {
        for seat in seats.iter().filter(|seat| seat.disabled.is_none()) {
            users.entry(&seat.runner.harness).or_default().push((lane, seat.text));
        }
    }
    let complain = |(harness, users): (&str, Vec<(&LaneLine, &str)>)| {
        let (what, way_out) = trouble(harness)?;
        let ((lane, text), others) = users.split_first()?;
        let mut also: Vec<String> =
            others.iter().map(|(lane, text)| format!("{} {}", lane.label, quoted(text))).collect();
        also.dedup();
        let also = if also.is_empty() { String::new() } else { format!(" (so does {})", listed(&also)) };
        let message = format!("{}: {} needs {what}; {way_out}{also}", lane.label, quoted(text));
        Some(Complaint::of_key(config, &lane.key, message))
    };
    users.into_iter().filter_map(complain).collect()
}

fn disabled_providers(
    config: &Config,
    rules: &Rules,
    lanes: &[(&LaneLine, Vec<Seat<'_>>)],
) -> Vec<Complaint> {
    let tell = |name: &str| {
        let members = |(lane, seats): &(&LaneLine, Vec<Seat<'_>>)| {
            let theirs = seats.iter().filter(|seat| seat.disabled == Some(name));
            theirs.map(|seat| format!("{} {}", lane.label, quoted(seat.text))).collect::<Vec<String>>()
        };
        let passed: Vec<String> = lanes.iter().flat_map(members).collect();
        let effect = match passed.as_slice() {
            [] => "nothing that is routed belongs to it".to_owned(),
            passed => format!("passed over: {}", passed.join(", ")),
        };
        let key = format!("providers.{}.disabled", name.to_lowercase());
        Complaint::of_key(config, &key, format!("[providers].{name} is disabled; {effect}"))
    };
    let disabled = rules.providers.list.iter().filter(|provider| provider.disabled);
    disabled.map(|provider| tell(&provider.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An open seat, or one with a quota when the text holds a colon; in brackets it is disabled.
    fn seat(text: &str) -> Seat<'_> {
        let name = text.trim_matches(['[', ']']);
        let harness = name.split(':').next().unwrap_or(name);
        let disabled = text.starts_with('[').then_some("p");
        Seat {
            text: name,
            runner: Runner::bare(harness),
            explicit: false,
            open: !text.contains(':'),
            disabled,
        }
    }

    fn told(row: &[&str]) -> Vec<String> {
        let seats: Vec<Seat<'_>> = row.iter().map(|text| seat(text)).collect();
        let mut told: Vec<String> = all_disabled(&seats).into_iter().chain(repeated(&seats)).collect();
        told.extend(fallbacks(&seats));
        told
    }

    #[test]
    fn who_comes_only_when_others_fail() {
        for (row, wanted) in [
            (&["a"][..], &[][..]),
            (&["a:1", "b:2"], &[]),
            (&["a:2", "b"], &[]),
            (&["a", "b"], &[": \"b\" comes only when \"a\" fails"]),
            (&["a:1", "b", "c:2", "d:1"], &[": \"c:2\" and \"d:1\" come only when \"b\" fails"]),
            (
                &["a", "b", "c:1", "d"],
                &[": \"b\" comes only when \"a\" fails", ": \"c:1\" and \"d\" come only when \"b\" fails"],
            ),
            // Who is disabled keeps nobody waiting.
            (&["[a]", "b"], &[]),
            (&["a", "[b]", "c:1"], &[": \"c:1\" comes only when \"a\" fails"]),
        ] {
            assert_eq!(told(row), wanted, "{row:?}");
        }
    }

    #[test]
    fn entries_that_add_nothing() {
        assert!(told(&["a", "a"])[0].starts_with(": \"a\" behind \"a\" adds nothing"));
        assert!(told(&["a", "b", "a:2"])[0].starts_with(": \"a:2\" behind \"a\" adds nothing"));
        // These give another rhythm.
        assert_eq!(told(&["a:2", "b:1", "a:1"]), [""; 0]);
        assert!(!told(&["a:2", "b", "a"]).iter().any(|text| text.contains("adds nothing")));
        let told = told(&["[a]", "[b:1]"]);
        assert!(
            told[0].contains("every entry belongs to a disabled provider (p), so nobody can run"),
            "{told:?}"
        );
        assert_eq!(told.len(), 1);
    }
}
