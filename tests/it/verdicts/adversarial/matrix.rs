//! Every bait in every place where an agent's own words may stand, with every end.

use rally::model::Category;
use rally::relay::life::Stop;
use serde_json::Value;

use super::{Transcript, antigravity, bait, claude, codex, gemini, opencode};

/// How a CLI tells the same story: a tool is used, words are said, and it is done.
struct Voice {
    new: fn(&str) -> Transcript,
    begin: fn() -> Vec<Value>,
    tool: fn(&str) -> Vec<Value>,
    said: fn(&str) -> Vec<Value>,
    done: fn(&str) -> Vec<Value>,
}

const VOICES: [Voice; 5] = [
    Voice {
        new: claude::claude,
        begin: || vec![claude::init()],
        tool: |text| claude::tool(text, text).into(),
        said: |text| vec![claude::said(text)],
        done: |text| vec![claude::said(text), claude::done(text)],
    },
    Voice {
        new: codex::codex,
        begin: || codex::begin().into(),
        tool: |text| codex::tool(text).into(),
        said: |text| vec![codex::said(text)],
        done: |text| vec![codex::said(text), codex::completed()],
    },
    Voice {
        new: gemini::gemini,
        begin: || vec![gemini::init()],
        tool: |text| gemini::tool(text, "error").into(),
        said: |text| vec![gemini::said(text)],
        done: |text| vec![gemini::said(text), gemini::success()],
    },
    Voice {
        new: opencode::opencode,
        begin: || vec![opencode::begin()],
        tool: |text| vec![opencode::tool(text), opencode::finish("tool-calls"), opencode::begin()],
        said: |text| vec![opencode::said(text)],
        done: |text| vec![opencode::said(text), opencode::finish("stop")],
    },
    Voice {
        new: antigravity::agy,
        begin: || vec![antigravity::init()],
        tool: |text| vec![antigravity::tool(text)],
        said: |text| vec![antigravity::said(text)],
        done: |text| vec![antigravity::success(text)],
    },
];

pub fn transcripts() -> Vec<Transcript> {
    let mut all = Vec::new();
    for voice in VOICES {
        for (name, bait) in bait::ALL {
            let begun = |end: &str| (voice.new)(&format!("{name}, {end}")).out(&(voice.begin)());
            let worked = |end: &str| begun(end).out(&(voice.tool)(bait)).out(&(voice.said)(bait));
            let unknown = Category::UnidentifiedIssue;
            all.push(worked("done").out(&(voice.done)("It is done.")));
            all.push(begun("the last words").out(&(voice.done)(&format!("It reads: {bait}"))));
            all.push(worked("exit 1").exits(1).fails(unknown));
            all.push(worked("exit 0 without an end").fails(unknown));
            all.push(worked("killed").killed(9).fails(unknown));
            all.push(begun("killed in a tool").out(&(voice.tool)(bait)).killed(15).fails(unknown));
            all.push(worked("out of time").killed(15).stopped(Stop::TryTimeout).times_out());
        }
    }
    all
}
