//! The commands that only look.

use std::collections::BTreeMap;

use super::changing::handed;
use super::desk::{Desk, Said, node};
use super::grammar::{Get, List, Log};
use super::hooked::{Call, around};
use super::show::{self, Look};
use super::stop::{self, Stop};
use crate::laps::file::json::{Json, Node};
use crate::laps::file::{self, Entry, Kind, STINT_VERSION, Stamp};
use crate::laps::folder::{Handed, Scope, Spot};

/// `get`.
pub fn get(desk: &Desk, get: &Get) -> Result<(), Stop> {
    let say = |entry: Entry, tasks: &file::TaskFile| {
        let text = show::lap(&entry);
        Said {
            text: format!("{text}\n"),
            json: Node::object([("task", entry.node(tasks.version >= STINT_VERSION))]),
            output: text,
            lap: Some(entry),
        }
    };
    match get.target.first().map(String::as_str) {
        None | Some("head") => around(desk, Call::new("get", &get.target), || {
            // Asked for the root's own head, a stint is named and not entered.
            if desk.scope == Scope::Root {
                let spot = desk.folder.spot(&desk.scope)?;
                if let Some(entry) = spot.tasks.head().filter(|entry| entry.kind == Kind::Stint).cloned() {
                    return Ok(say(entry, &spot.tasks));
                }
            }
            handed(desk.folder.head(&desk.scope)?, say)
        }),
        Some(id) => {
            let (lap, spot) = desk.folder.get(&desk.scope, id)?;
            around(desk, Call::new("get", &get.target).of(Some(&lap), Some(&spot)), || {
                if let Some(scope) = &spot.held {
                    stop::note(&format!("stint {scope} is held: start no lap of it"));
                }
                Ok(say(lap.clone(), &spot.tasks))
            })
        }
    }
}

/// `list`.
pub fn list(desk: &Desk, list: &List) -> Result<(), Stop> {
    let spot = desk.folder.spot(if list.tree { &Scope::Root } else { &desk.scope })?;
    around(desk, Call::new("list", &[]).of(None, Some(&spot)), || {
        let chosen = spot.tasks.select(which(list));
        let json = Node::object([("tasks", show::array(chosen.iter().map(|entry| node(entry, &spot))))]);
        let mut lines = Vec::new();
        branch(desk, list, &spot, &mut vec![spot.file.clone()], &mut lines)?;
        let output = lines.join("\n");
        let text = if output.is_empty() { String::new() } else { format!("{output}\n") };
        Ok(Said { text, json, output, lap: None })
    })
}

fn which(list: &List) -> file::List {
    match (list.done, list.all) {
        (true, _) => file::List::Done,
        (false, true) => file::List::All,
        (false, false) => file::List::Todo,
    }
}

/// The lines of one queue; of a tree also those of its stints. `above` are the files on the way here.
fn branch(
    desk: &Desk,
    list: &List,
    spot: &Spot,
    above: &mut Vec<String>,
    lines: &mut Vec<String>,
) -> Result<(), Stop> {
    let claim = desk.folder.claimed()?.filter(|claim| claim.names(&claim.lap, &spot.file));
    let look = Look { oneline: list.oneline, claimed: claim.as_ref().map_or("", |claim| claim.lap.as_str()) };
    let stints = desk.folder.stints()?;
    let indent = "  ".repeat(above.len() - 1);
    for (number, entry) in (1..).zip(spot.tasks.select(which(list))) {
        let stint = stints.iter().find(|stint| entry.kind == Kind::Stint && stint.name == entry.stint);
        let child = stint.map(|stint| desk.folder.spot(&Scope::File(stint.file.clone())));
        let laps =
            child.as_ref().and_then(|child| child.as_ref().ok()).map(|child| child.tasks.entries.len());
        lines
            .extend(show::entry(entry, number, look, laps).into_iter().map(|line| format!("{indent}{line}")));
        if !list.tree || entry.kind == Kind::Lap {
            continue;
        }
        match child {
            None => lines.push(format!("{indent}  (the file of this stint is missing)")),
            Some(Err(_)) => lines.push(format!("{indent}  (the file of this stint cannot be read)")),
            Some(Ok(child)) if above.contains(&child.file) => lines.push(format!("{indent}  (a cycle)")),
            Some(Ok(child)) => {
                above.push(child.file.clone());
                branch(desk, list, &child, above, lines)?;
                above.pop();
            }
        }
    }
    Ok(())
}

/// `count`.
pub fn count(desk: &Desk) -> Result<(), Stop> {
    let spot = desk.folder.spot(&desk.scope)?;
    around(desk, Call::new("count", &[]).of(None, Some(&spot)), || {
        let counts = spot.tasks.counts();
        let output = show::counts(&counts);
        Ok(Said { text: format!("{output}\n"), json: show::counts_json(&counts), output, lap: None })
    })
}

/// `status`: about the root, or the queue that the options name.
pub fn status(desk: &Desk) -> Result<(), Stop> {
    let scope = if desk.scope == Scope::Active { &Scope::Root } else { &desk.scope };
    let spot = desk.folder.spot(scope)?;
    around(desk, Call::new("status", &[]).of(None, Some(&spot)), || status_of(desk, &spot))
}

fn status_of(desk: &Desk, spot: &Spot) -> Result<Said, Stop> {
    let next = desk.folder.head(&Scope::Active)?;
    let claim = desk.folder.claimed()?;
    let lap = match &claim {
        Some(claim) => desk.folder.lap_of(claim)?,
        None => None,
    };
    let valid = lap.is_some_and(|(lap, _)| !lap.is_done);
    let state = match &next {
        _ if valid => "active",
        Handed::Lap { .. } => "ready",
        Handed::Held { .. } => "held",
        Handed::Empty => "empty",
        Handed::Complete => "complete",
    };
    let todo = spot.tasks.waiting().count();
    let total = spot.tasks.entries.len();
    let head = spot.tasks.head();
    let mut roles: BTreeMap<&str, usize> = BTreeMap::new();
    for lap in spot.tasks.waiting() {
        *roles.entry(if lap.assignee.is_empty() { "unassigned" } else { &lap.assignee }).or_default() += 1;
    }
    let at = claim.as_ref().and_then(|claim| claim.claimed_at.as_ref());
    let age = at.map(|at| desk.now.duration_since(at.at()).as_secs());
    let null = || Node::from(Json::Null);
    let mut members = vec![
        ("file", spot.file.as_str().into()),
        ("state", state.into()),
        (
            "counts",
            Node::object([
                ("todo", show::number(todo)),
                ("done", show::number(total - todo)),
                ("total", show::number(total)),
            ]),
        ),
        (
            "head",
            head.map_or_else(null, |head| {
                let mut members =
                    vec![("id", head.id.as_str().into()), ("title", head.title.as_str().into())];
                if !head.assignee.is_empty() {
                    members.push(("assignee", head.assignee.as_str().into()));
                }
                Node::object(members)
            }),
        ),
        (
            "claim",
            Node::object([
                ("valid", valid.into()),
                ("lap", claim.as_ref().map_or("", |claim| claim.lap.as_str()).into()),
                ("file", claim.as_ref().map_or("", |claim| claim.file.as_str()).into()),
                ("claimedAt", at.map_or_else(null, |at| at.seconds().as_str().into())),
                ("ageSeconds", age.map_or_else(null, Node::from)),
            ]),
        ),
    ];
    let gate = match &next {
        Handed::Held { stint, scope } => {
            Some((stint, scope, format!("stint {scope} is held: start no lap of it")))
        }
        _ => None,
    };
    if let Some((stint, scope, message)) = &gate {
        let file = desk.folder.stints()?.into_iter().find(|known| !known.archived && known.name == **stint);
        members.push((
            "gate",
            Node::object([
                ("state", "held".into()),
                ("stint", stint.as_str().into()),
                ("scope", scope.as_str().into()),
                ("file", file.map_or(String::new(), |file| file.file).as_str().into()),
                ("message", message.as_str().into()),
            ]),
        ));
    }
    members.push((
        "assignees",
        show::array(
            roles.iter().map(|(role, todo)| {
                Node::object([("assignee", (*role).into()), ("todo", show::number(*todo))])
            }),
        ),
    ));
    let active = match &next {
        Handed::Lap { spot, .. } if spot.scope != "root" => Some(spot.scope.clone()),
        _ => None,
    };
    let rows = stints(desk, active.as_deref())?;
    let here = rows.iter().find(|(_, active)| *active).map(|(row, _)| row.clone());
    members.push(("activeStint", here.unwrap_or_else(null)));
    members.push((
        "stints",
        if rows.is_empty() { null() } else { show::array(rows.into_iter().map(|(row, _)| row)) },
    ));

    let mut lines = vec![
        format!("File: {}", spot.file),
        format!("State: {state}"),
        format!("Laps: {todo} todo, {} done ({total} total)", total - todo),
        format!(
            "Head: {}",
            head.map_or("none".to_owned(), |head| format!("{} — {}", head.id, show::one_line(&head.title)))
        ),
    ];
    if let (Some(scope), Handed::Lap { spot, .. }) = (active, &next) {
        let waiting = spot.tasks.waiting().count();
        let total = spot.tasks.entries.len();
        lines
            .push(format!("Active stint: {scope} ({waiting} todo, {} done, {total} total)", total - waiting));
    }
    lines.extend(gate.map(|(.., message)| format!("Gate: {message}")));
    lines.push(format!(
        "Claim: {}",
        claim.map_or("none".to_owned(), |claim| {
            format!("{} ({})", claim.lap, if valid { "valid" } else { "invalid" })
        })
    ));
    if !roles.is_empty() {
        lines.push("Todo by assignee:".to_owned());
        lines.extend(roles.iter().map(|(role, todo)| format!("- {}: {todo}", show::one_line(role))));
    }
    let output = lines.join("\n");
    Ok(Said { text: format!("{output}\n"), json: Node::object(members), output, lap: None })
}

/// A row for each stint, and whether it is the one that is worked on.
fn stints(desk: &Desk, active: Option<&str>) -> Result<Vec<(Node, bool)>, Stop> {
    let root = desk.folder.spot(&Scope::Root)?;
    let mut rows = Vec::new();
    for stint in desk.folder.stints()? {
        let spot = desk.folder.spot(&Scope::File(stint.file.clone()))?;
        let laps = spot.tasks.entries.iter().filter(|entry| entry.kind == Kind::Lap);
        let (done, todo): (Vec<_>, Vec<_>) = laps.partition(|lap| lap.is_done);
        let here = !stint.archived && active.and_then(|scope| scope.rsplit('/').next()) == Some(&stint.name);
        let queued =
            root.tasks.entries.iter().any(|entry| entry.kind == Kind::Stint && entry.stint == stint.name);
        rows.push((
            Node::object([
                ("name", stint.name.as_str().into()),
                ("scope", if here { active.unwrap_or_default() } else { stint.name.as_str() }.into()),
                ("file", stint.file.as_str().into()),
                ("todo", show::number(todo.len())),
                ("done", show::number(done.len())),
                ("total", show::number(todo.len() + done.len())),
                ("queued", queued.into()),
                ("archived", stint.archived.into()),
                ("active", here.into()),
            ]),
            here,
        ));
    }
    Ok(rows)
}

/// `log`.
pub fn log(desk: &Desk, log: &Log) -> Result<(), Stop> {
    let wrong = |what: String| Stop::store(format!("log: {what}"));
    let limit: usize =
        log.limit.parse().map_err(|_| wrong(format!("{} is not a count of events", log.limit)))?;
    let since = log.since.as_deref().map(|text| {
        Stamp::parse(text)
            .ok_or_else(|| wrong(format!("{text:?} is not a moment such as 2026-01-31T00:00:00Z")))
    });
    let since = since.transpose()?;
    let scope = if desk.scope == Scope::Active { &Scope::Root } else { &desk.scope };
    let spot = desk.folder.spot(scope)?;
    let call = Call::new("log", &[]).of(None, Some(&spot));
    around(desk, call, || events(desk, log, (&spot.file, limit, since.as_ref())))
}

/// The newest events of one queue file.
fn events(desk: &Desk, log: &Log, (file, limit, since): (&str, usize, Option<&Stamp>)) -> Result<Said, Stop> {
    let wrong = |what: String| Stop::store(format!("log: {what}"));
    let text = match std::fs::read(desk.folder.path("log.jsonl")) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(wrong(format!("cannot read log.jsonl: {error}"))),
    };
    let mut events = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let value: Option<serde_json::Value> = serde_json::from_str(line).ok();
        let at = value.as_ref().and_then(|value| Stamp::parse(value["ts"].as_str()?));
        let (Some(value), Some(at)) = (value, at) else {
            stop::note("log: skipped a malformed line");
            continue;
        };
        let is = |key: &str, wanted: Option<&str>| wanted.is_none_or(|wanted| value[key] == wanted);
        if is("file", Some(file))
            && is("lap", log.lap.as_deref())
            && is("session", log.session.as_deref())
            && is("scope", log.of_scope.as_deref())
            && since.is_none_or(|since| at.at() >= since.at())
        {
            events.push((line.trim(), value));
        }
    }
    events.drain(..events.len().saturating_sub(limit));
    let json = events.iter().filter_map(|(line, _)| Node::parse(line.as_bytes()).ok());
    let json = Node::object([("events", show::array(json))]);
    let word = |value: &serde_json::Value, key: &str| show::one_line(value[key].as_str().unwrap_or("-"));
    let lines = events.iter().map(|(_, value)| {
        format!(
            "{} {} {} {}\n",
            word(value, "ts"),
            word(value, "event"),
            word(value, "lap"),
            word(value, "title")
        )
    });
    let text: String = lines.collect();
    Ok(Said { output: text.trim_end().to_owned(), text, json, lap: None })
}
