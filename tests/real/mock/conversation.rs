//! What a request says, whatever the API, and what the model answers to it.
//!
//! | marker, in the last text of the user's | answer |
//! |---|---|
//! | `MAKEFILE(name\|content)` | a shell call that writes the file |
//! | `MAKEFILE(name\|RECALL)` | the same with the recalled word as content, once there is one |
//! | `RUN(command)` | a shell call with the command, which has no parentheses |
//! | `SAY(text)` | the text, and nothing is run |
//! | `rally progress --handoff` | a shell call that hands over with it |
//! | `RECALL` | `RECALL:word` from `CODEWORD=word` in an earlier one, else `RECALL:none` |

use regex::Regex;

/// What the model hands over with.
pub const HANDED_OVER: &str = "half of it is done";

/// The conversation that a request carries.
#[derive(Debug, Clone, Default)]
pub struct Conversation {
    /// The model asked for.
    pub model: String,
    /// The reasoning effort asked for.
    pub effort: Option<String>,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// Whether nothing but JSON is wanted.
    pub json: bool,
    /// Name of the shell tool on offer.
    pub shell: Option<&'static str>,
    /// Texts of the user's, oldest first.
    pub users: Vec<String>,
    /// Whether the last thing in it is a tool's result.
    pub tool_done: bool,
}

impl Conversation {
    /// Takes in the texts of a message of the user's. They count one by one: a CLI may put what was
    /// asked before and never answered into one message with what is asked now.
    pub fn said<'a>(&mut self, texts: impl Iterator<Item = &'a str>) {
        self.users.extend(texts.map(str::to_owned));
        self.tool_done = false;
    }

    /// What the user remembered to be asked for, in an earlier text than the last.
    pub fn codeword(&self) -> Option<String> {
        let marker = Regex::new(r"CODEWORD=(\w+)").unwrap();
        let earlier = self.users.split_last().map_or(&[][..], |(_, earlier)| earlier).join("\n");
        marker.captures_iter(&earlier).last().map(|found| found[1].to_owned())
    }

    /// The answer to it.
    pub fn answer(&self) -> Answer {
        let last = self.users.last().map_or("", String::as_str);
        let codeword = self.codeword();
        if let Some(shell) = self.shell.filter(|_| !self.tool_done) {
            let call = |command: String| Answer::Shell { tool: shell, command };
            if last.contains("rally progress --handoff") {
                return call(format!("rally progress --handoff --summary '{HANDED_OVER}'"));
            }
            if let Some(found) = Regex::new(r"MAKEFILE\(([^|)]+)\|([^)]*)\)").unwrap().captures(last) {
                let content = if &found[2] == "RECALL" { codeword.as_deref() } else { Some(&found[2]) };
                if let Some(content) = content {
                    return call(format!("printf '%s' '{content}' > '{}'", &found[1]));
                }
            }
            if let Some(found) = Regex::new(r"RUN\(([^)]+)\)").unwrap().captures(last) {
                return call(found[1].to_owned());
            }
        }
        if let Some(found) = Regex::new(r"SAY\(([^)]+)\)").unwrap().captures(last) {
            return Answer::Text(found[1].to_owned());
        }
        Answer::Text(match (last.contains("RECALL"), self.tool_done) {
            (true, _) => format!("RECALL:{}", codeword.as_deref().unwrap_or("none")),
            (false, true) => "DONE".to_owned(),
            (false, false) => "PONG".to_owned(),
        })
    }
}

/// The first of some names that is among those on offer.
pub fn first_of<'a>(names: &[&'static str], offered: impl Iterator<Item = &'a str>) -> Option<&'static str> {
    let offered: Vec<&str> = offered.collect();
    names.iter().find(|name| offered.contains(*name)).copied()
}

/// A fresh id as the providers make them.
pub fn id(prefix: &str) -> String {
    format!("{prefix}_{}", uuid::Uuid::new_v4().simple())
}

/// What the model says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A final text.
    Text(String),
    /// A call of a shell tool.
    Shell {
        /// Its name.
        tool: &'static str,
        /// What it is to run.
        command: String,
    },
}
