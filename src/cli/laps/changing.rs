//! The commands that change the queue.

use super::desk::{Desk, Said, about};
use super::grammar::{Add, Assign, Claim, Delete, Done, Edit, Import, Move, Prune};
use super::hooked::{Call, around};
use super::stop::{self, Nothing, Stop};
use super::{import, input, show};
use crate::laps::NewLap;
use crate::laps::file::json::Node;
use crate::laps::file::{self, Added, At, Entry, Kind, OpError};
use crate::laps::folder::{Handed, LapsError, Scope};

/// How many completed laps `prune` keeps.
const KEPT: usize = 20;

/// `add`.
pub fn add(desk: &Desk, add: &Add) -> Result<(), Stop> {
    let at = input::position(&add.position, "add")?;
    let items = input::items(add)?;
    around(desk, Call::new("add", &add.position), || put(desk, &at, &items.laps, items.many))
}

/// `import`.
pub fn import(desk: &Desk, import: &Import) -> Result<(), Stop> {
    let laps = import::read(import)?;
    let at = if import.head { At::Head } else { At::Tail };
    around(desk, Call::new("add", &[]), || put(desk, &at, &laps, true))
}

fn put(desk: &Desk, at: &At, laps: &[NewLap], many: bool) -> Result<Said, Stop> {
    if laps.is_empty() {
        let json = Node::object([("tasks", show::array(std::iter::empty()))]);
        return Ok(Said { text: String::new(), json, output: String::new(), lap: None });
    }
    let (Added { mut entries, after_done }, _) = desk.folder.add(&desk.scope, at, laps, desk.now)?;
    if after_done && let At::After(id) = at {
        stop::note(&format!("lap {id} is done already: added in front of the queue (head)"));
    }
    let output = entries.iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>().join("\n");
    // An entry that was just added is shown without its kind.
    let json = match many {
        true => ("tasks", show::array(entries.iter().map(|entry| entry.node(false)))),
        false => ("task", entries[0].node(false)),
    };
    let lap = if many { None } else { entries.pop() };
    Ok(Said { text: format!("{output}\n"), json: Node::object([json]), output, lap })
}

/// `claim` and `claim undo`.
pub fn claim(desk: &Desk, claim: &Claim) -> Result<(), Stop> {
    match claim.target.first().map(String::as_str) {
        Some("undo") => around(desk, Call::new("claim-undo", &claim.target[1..]), || unclaim(desk)),
        None | Some("head") => {
            let (next, spot) = match desk.folder.head(&desk.scope)? {
                Handed::Lap { entry, spot } => (Some(entry), Some(spot)),
                Handed::Held { .. } | Handed::Empty | Handed::Complete => (None, None),
            };
            let call = Call::new("claim", &claim.target).of(next.as_deref(), spot.as_deref());
            around(desk, call, || handed(desk.folder.claim(&desk.scope, desk.now)?, claimed))
        }
        Some(id) => {
            let (lap, spot) = desk.folder.get(&desk.scope, id)?;
            let call = Call::new("claim", &claim.target).of(Some(&lap), Some(&spot));
            around(desk, call, || handed(desk.folder.claim_id(&desk.scope, id, desk.now)?, claimed))
        }
    }
}

fn claimed(entry: Entry, spot: &file::TaskFile) -> Said {
    let task = entry.node(spot.version >= file::STINT_VERSION);
    Said {
        text: show::claimed(&entry),
        json: Node::object([("claimedId", entry.id.as_str().into()), ("task", task)]),
        output: entry.id.clone(),
        lap: Some(entry),
    }
}

/// What came out of the queue, or why nothing did.
pub fn handed(handed: Handed, say: impl Fn(Entry, &file::TaskFile) -> Said) -> Result<Said, Stop> {
    match handed {
        Handed::Lap { entry, spot } => Ok(say(*entry, &spot.tasks)),
        Handed::Held { scope, .. } => Err(Stop::Nothing(Nothing::Held(scope))),
        Handed::Empty => Err(Stop::Nothing(Nothing::Empty)),
        Handed::Complete => Err(Stop::Nothing(Nothing::Complete)),
    }
}

fn unclaim(desk: &Desk) -> Result<Said, Stop> {
    let (claim, title) = desk.folder.unclaim(desk.now)?;
    let json = [("title", title.as_str().into()), ("unclaimedId", claim.lap.as_str().into())];
    Ok(Said {
        text: format!("Claim cleared for {}: {}\n", claim.lap, show::one_line(&title)),
        json: Node::object(json),
        output: claim.lap,
        lap: None,
    })
}

/// `done` and `done undo`.
pub fn done(desk: &Desk, done: &Done) -> Result<(), Stop> {
    if done.target.first().is_some_and(|word| word == "undo") {
        let (lap, spot) = desk.folder.undo_target(&desk.scope)?;
        return around(desk, Call::new("done-undo", &done.target[1..]).of(Some(&lap), Some(&spot)), || {
            let (lap, spot) = desk.folder.undo(&desk.scope, done.yes, desk.now)?;
            Ok(about(format!("Reopened: {} ({})\n", show::one_line(&lap.title), lap.id), lap, &spot))
        });
    }
    if done.target.len() > 1 {
        return Err(Stop::usage(format!("done takes one id at most, {} were given", done.target.len())));
    }
    if done.yes {
        return Err(Stop::usage("--yes belongs to `done undo`"));
    }
    let id = done.target.first().map(String::as_str);
    let (lap, spot) = desk.folder.done_target(&desk.scope, id)?;
    // The hooks were told of this lap: it is this one that is completed, even if the claim moved meanwhile.
    let scope = match id {
        Some(_) => desk.scope.clone(),
        None => Scope::File(spot.file.clone()),
    };
    around(desk, Call::new("done", &done.target).of(Some(&lap), Some(&spot)), || {
        let (lap, spot) = desk.folder.done(&scope, Some(&lap.id), desk.now)?;
        Ok(about(show::done(&lap), lap, &spot))
    })
}

/// `delete`.
pub fn delete(desk: &Desk, delete: &Delete) -> Result<(), Stop> {
    let id = delete.id.first().ok_or_else(|| Stop::usage("delete needs the id of a lap"))?;
    let (lap, spot) = desk.folder.get(&desk.scope, id)?;
    around(desk, Call::new("delete", &delete.id).of(Some(&lap), Some(&spot)), || {
        let (lap, _) = desk.folder.delete(&desk.scope, id, delete.force, desk.now)?;
        let json = Node::object([("deleted", lap.id.as_str().into())]);
        Ok(Said { text: String::new(), json, output: lap.id.clone(), lap: Some(lap) })
    })
}

/// `prune`.
pub fn prune(desk: &Desk, prune: &Prune) -> Result<(), Stop> {
    let keep = match prune.keep.first() {
        None => KEPT,
        Some(word) => {
            word.parse().map_err(|_| Stop::usage(format!("prune: {word} is not a count of laps")))?
        }
    };
    around(desk, Call::new("prune", &prune.keep), || {
        let removed = desk.folder.prune(&desk.scope, keep, desk.now)?.len();
        let json = Node::object([("removed", show::number(removed))]);
        Ok(Said { text: format!("{removed}\n"), json, output: removed.to_string(), lap: None })
    })
}

/// `move`.
pub fn move_lap(desk: &Desk, words: &Move) -> Result<(), Stop> {
    let [id, place @ ..] = &words.words[..] else {
        return Err(Stop::usage("move needs the id of a lap, and head, tail, or after ID"));
    };
    let at = input::position(place, "move")?;
    let wanted = if matches!(at, At::After(_)) { 2 } else { 1 };
    if place.len() != wanted {
        return Err(Stop::usage(format!("move: too many words behind {}", place[..wanted].join(" "))));
    }
    let (lap, spot) = desk.folder.get(&desk.scope, id).map_err(Stop::of_change)?;
    if lap.is_done {
        return Err(Stop::usage(format!("move: lap {id} is done")));
    }
    around(desk, Call::new("move", &words.words).of(Some(&lap), Some(&spot)), || {
        // The lap may have changed since it was looked at; its target is judged here only.
        let moved = desk.folder.move_lap(&desk.scope, id, &at, desk.now);
        let (moved, spot) = moved.map_err(|error| match &error {
            LapsError::Op(OpError::Unknown(gone) | OpError::Done(gone)) if gone == id => {
                Stop::of_change(error)
            }
            _ => error.into(),
        })?;
        if moved.after_done
            && let At::After(target) = &at
        {
            stop::note(&format!("lap {target} is done already: moved to the front of the queue (head)"));
        }
        Ok(about(format!("{id}\n"), moved.entry, &spot))
    })
}

/// `edit`.
pub fn edit(desk: &Desk, words: &Edit) -> Result<(), Stop> {
    let [id] = &words.id[..] else {
        return Err(Stop::usage(format!("edit takes one id, {} were given", words.id.len())));
    };
    if let Some(title) = &words.title {
        input::check_title(title, "edit: ")?;
    }
    let edit = file::Edit {
        title: words.title.clone(),
        description: words.description.as_ref().map(|text| text.replace("\\n", "\n")),
        assignee: words.assignee.as_ref().map(|role| role.trim().to_owned()),
    };
    if edit.title.is_none() && edit.description.is_none() && edit.assignee.is_none() {
        return Err(Stop::usage("edit: give at least one of --title, --description, --assignee"));
    }
    change(desk, "edit", id, &words.id, &edit)
}

/// `assign`.
pub fn assign(desk: &Desk, words: &Assign) -> Result<(), Stop> {
    let [id, role] = &words.words[..] else {
        return Err(Stop::usage(format!(
            "assign takes an id and a role, {} words were given",
            words.words.len()
        )));
    };
    let edit = file::Edit { title: None, description: None, assignee: Some(role.trim().to_owned()) };
    change(desk, "assign", id, &words.words, &edit)
}

fn change(
    desk: &Desk,
    event: &'static str,
    id: &str,
    args: &[String],
    edit: &file::Edit,
) -> Result<(), Stop> {
    let (lap, spot) = desk.folder.get(&desk.scope, id).map_err(Stop::of_change)?;
    if lap.kind == Kind::Stint {
        return Err(Stop::usage(format!("{event}: {id} is the stint {}, not a lap", lap.stint)));
    }
    around(desk, Call::new(event, args).of(Some(&lap), Some(&spot)), || {
        let (lap, spot) =
            desk.folder.edit(&desk.scope, id, edit, event, desk.now).map_err(Stop::of_change)?;
        if lap.is_done {
            stop::note(&format!("lap {id} is already done; edited anyway"));
        }
        Ok(about(format!("{id}\n"), lap, &spot))
    })
}
