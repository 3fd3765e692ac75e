//! Resume or new: the questions, and what their answers mean.

use std::io::BufRead;

use crate::cli::error::CliError;
use crate::relay::start::{self, Start, Wish};
use crate::routing::label::display_label;
use crate::store::records::RelayRecord;
use crate::terminal::prompt::{Choice, LineReader, ask};

const RESUME: Choice = Choice { label: "Resume", value: "resume" };
const NEW: Choice = Choice { label: "Start new", value: "new" };
const KEEP: Choice = Choice { label: "Keep stored", value: "keep" };
const OVERWRITE: Choice = Choice { label: "Overwrite", value: "overwrite" };
const YES: Choice = Choice { label: "y", value: "yes" };
const NO: Choice = Choice { label: "N", value: "no" };

/// What is going to happen.
#[derive(Debug)]
pub enum Chosen {
    /// Begin another relay.
    Fresh {
        /// Whether that was said: then pauses and freezes of agents are forgotten.
        anew: bool,
    },
    /// Go on with this one.
    Resume {
        /// The relay.
        relay: Box<RelayRecord>,
        /// Whether the mix of the command line replaces the stored one.
        overwrite_mix: bool,
    },
}

/// Decides, asking where the command line does not say and there is somebody to ask. `new_mix` is the mix of the flags, if any.
pub fn choose<R: BufRead>(
    wish: Wish,
    open: Option<RelayRecord>,
    new_mix: Option<&str>,
    lines: Option<&mut LineReader<R>>,
    notice: &mut dyn FnMut(String),
) -> anyhow::Result<Chosen> {
    match start::decide(wish, open) {
        Start::Fresh => Ok(Chosen::Fresh { anew: wish == Wish::New }),
        Start::NothingToResume => {
            notice("there is no unfinished relay to resume".to_owned());
            Ok(Chosen::Fresh { anew: false })
        }
        Start::Resume(relay) => Ok(Chosen::Resume { relay, overwrite_mix: new_mix.is_some() }),
        Start::Ask(relay) => {
            let Some(lines) = lines else {
                let text = "the task is read from standard input, so it cannot be asked whether to resume: give --resume or --new";
                return Err(CliError::Usage(text.to_owned()).into());
            };
            let mix = display_label(&relay.agent_mix).to_owned();
            if ask(&start::question(&relay, &mix), &[RESUME, NEW], RESUME, lines)? == NEW {
                return Ok(Chosen::Fresh { anew: true });
            }
            let overwrite_mix = match new_mix {
                Some(new) if new != relay.agent_mix => {
                    let title = format!("New --agent flags detected ({}), stored: {mix}", display_label(new));
                    ask(&title, &[KEEP, OVERWRITE], KEEP, lines)? == OVERWRITE
                }
                _ => false,
            };
            Ok(Chosen::Resume { relay, overwrite_mix })
        }
    }
}

/// Asks for consent; an empty line or the end of the input is none.
pub fn confirm<R: BufRead>(question: &str, lines: &mut LineReader<R>) -> anyhow::Result<bool> {
    Ok(ask(question, &[YES, NO], NO, lines)? == YES)
}
