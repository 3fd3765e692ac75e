//! `stints`: queues within the queue. No hooks run here.

use super::desk::{Desk, Said, node};
use super::grammar::StintCommand;
use super::input;
use super::show::{self, Look};
use super::stop::{self, Stop};
use crate::laps::file::json::Node;
use crate::laps::file::{At, Kind};
use crate::laps::folder::Scope;

/// Runs a command about stints.
pub fn run(desk: &Desk, command: &StintCommand) -> Result<(), Stop> {
    match command {
        StintCommand::Ls(_) => ls(desk),
        StintCommand::Show(stint) => show_one(desk, &stint.name),
        StintCommand::New(stint) => new(desk, &stint.name),
        StintCommand::Enqueue(words) => enqueue(desk, &words.name, &words.position),
        StintCommand::Hold(stint) => hold(desk, &stint.name, true),
        StintCommand::Release(stint) => hold(desk, &stint.name, false),
        StintCommand::Rm(words) => {
            desk.folder.remove_stint(&words.name, words.force, desk.now)?;
            let json = [("removed", words.name.as_str().into())];
            say(desk, format!("{}\n", show::one_line(&words.name)), Node::object(json))
        }
    }
}

fn say(desk: &Desk, text: String, json: Node) -> Result<(), Stop> {
    desk.answer(&Said { text, json, output: String::new(), lap: None })
}

fn new(desk: &Desk, name: &str) -> Result<(), Stop> {
    input::check_title(name, "stints new: ")?;
    let prefix = desk.folder.new_stint(name)?;
    let known = desk.folder.stints()?.into_iter().find(|stint| !stint.archived && stint.name == name);
    let path = known.map_or(String::new(), |stint| desk.folder.path(&stint.file).display().to_string());
    let json = [("name", name.into()), ("path", path.as_str().into()), ("prefix", prefix.as_str().into())];
    say(desk, format!("{prefix}\n"), Node::object(json))
}

fn enqueue(desk: &Desk, name: &str, position: &[String]) -> Result<(), Stop> {
    let at = match position {
        [] => At::Tail,
        words => input::position(words, "stints enqueue")?,
    };
    let wanted = if matches!(at, At::After(_)) { 2 } else { 1 };
    if position.len() > wanted {
        return Err(Stop::usage(format!(
            "stints enqueue: too many words behind {}",
            position[..wanted].join(" ")
        )));
    }
    let added = desk.folder.enqueue(name, &at, desk.now)?;
    if added.after_done
        && let At::After(id) = &at
    {
        stop::note(&format!("lap {id} is done already: enqueued in front of the queue (head)"));
    }
    let entry = &added.entries[0];
    let json = [("ref", entry.node(true)), ("stint", name.into())];
    say(desk, format!("{}\n", entry.id), Node::object(json))
}

fn hold(desk: &Desk, name: &str, held: bool) -> Result<(), Stop> {
    desk.folder.hold(name, held, desk.now)?;
    let json = [("held", held.into()), ("stint", name.into())];
    say(desk, format!("{}\n", show::one_line(name)), Node::object(json))
}

fn ls(desk: &Desk) -> Result<(), Stop> {
    let root = desk.folder.spot(&Scope::Root)?;
    let (mut lines, mut rows) = (String::new(), Vec::new());
    for stint in desk.folder.stints()? {
        let tasks = desk.folder.spot(&Scope::File(stint.file.clone()))?.tasks;
        let queued =
            root.tasks.entries.iter().any(|entry| entry.kind == Kind::Stint && entry.stint == stint.name);
        let held = if tasks.held { "\theld=true" } else { "" };
        lines += &format!(
            "{}\tprefix={}\tlaps={}\tqueued={queued}\tarchived={}{held}\n",
            show::one_line(&stint.name),
            tasks.prefix,
            tasks.entries.len(),
            stint.archived
        );
        rows.push(Node::object([
            ("name", stint.name.as_str().into()),
            ("laps", show::number(tasks.entries.len())),
            ("queued", queued.into()),
            ("archived", stint.archived.into()),
            ("held", tasks.held.into()),
            ("prefix", tasks.prefix.as_str().into()),
        ]));
    }
    let json = Node::object([("stints", show::array(rows.into_iter()))]);
    desk.answer(&Said { text: lines, json, output: String::new(), lap: None })
}

fn show_one(desk: &Desk, name: &str) -> Result<(), Stop> {
    let known = desk.folder.stints()?;
    let stint = known.into_iter().find(|stint| stint.name == name);
    let stint = stint.ok_or_else(|| Stop::not_found(format!("there is no stint {name}; see `stints ls`")))?;
    let spot = desk.folder.spot(&Scope::File(stint.file.clone()))?;
    let mut text = format!("{}/{}\n", show::one_line(name), if stint.archived { " (archived)" } else { "" });
    for (number, entry) in (1..).zip(&spot.tasks.entries) {
        text += &(show::entry(entry, number, Look { oneline: false, claimed: "" }, None).join("\n") + "\n");
    }
    let json = Node::object([
        ("archived", stint.archived.into()),
        ("name", name.into()),
        ("tasks", show::array(spot.tasks.entries.iter().map(|entry| node(entry, &spot)))),
    ]);
    desk.answer(&Said { text, json, output: String::new(), lap: None })
}
