//! Puts a prompt together.

use super::snippets::{
    DEFAULT_TASK, EXIT_FREE, EXIT_LAPS, EXIT_LAPS_ANY, EXIT_LAPS_END, EXIT_LAPS_VERIFY, FINALIZE,
    HANDOFF_FREE, HANDOFF_ONLY, HEADLESS, LEFTOVER_FREE, LEFTOVER_WORK, README, UNFINALISED,
};

use crate::model::mask;

/// Where the work comes from, which decides how a run is ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Queue<'a> {
    /// The prompt is all there is.
    #[default]
    None,
    /// A lap of the queue, done in this role.
    Laps {
        /// The role, if the lap has one.
        role: Option<&'a str>,
    },
}

/// Everything that a prompt can hold. What is blank is left out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Parts<'a> {
    /// Replaces the whole prompt.
    pub replacement: Option<&'a str>,
    /// Canonical harness name.
    pub persona: &'a str,
    /// Where the work comes from.
    pub queue: Queue<'a>,
    /// Whether others' uncommitted changes lie in the workspace.
    pub leftovers: bool,
    /// Name of the task.
    pub task_name: Option<&'a str>,
    /// What the task requires.
    pub requirements: Option<&'a str>,
    /// The project's instructions.
    pub project_instructions: Option<&'a str>,
    /// Instructions of the role.
    pub role_instructions: Option<&'a str>,
    /// The task; a run without a queue gets a built-in one when this is blank.
    pub task: Option<&'a str>,
    /// The operator's message to this relay.
    pub relay_message: Option<&'a str>,
    /// The operator's message to this run.
    pub inbox_message: Option<&'a str>,
    /// What the try before this one said, when this is a retry.
    pub previous_summary: Option<&'a str>,
    /// Whether the try before this one left its lap unfinalised.
    pub unfinalised: bool,
    /// Lines about recent tries, see [`super::recent_tries`].
    pub recent_tries: Option<&'a str>,
}

/// The prompt, sections apart by a blank line.
pub fn compose(parts: &Parts<'_>) -> String {
    if let Some(replacement) = said(parts.replacement) {
        return replacement.to_owned();
    }
    let mut prompt = Sections::default();
    prompt.add(format!("Persona: {}", parts.persona));
    if let Queue::Laps { role } = parts.queue {
        match verifies(role) {
            // It never hands off: what is open becomes another's lap.
            true => prompt.add(HEADLESS.replace(HAND_OFF, "add a lap that says what has to be decided")),
            false => {
                prompt.add(HEADLESS);
                prompt.add(FINALIZE);
            }
        }
    }
    if parts.leftovers {
        // What a lap left behind is this run's to settle; what lies in a free run's way may be the user's.
        prompt.add(match parts.queue {
            Queue::Laps { .. } => LEFTOVER_WORK,
            Queue::None => LEFTOVER_FREE,
        });
    }
    let task = match parts.queue {
        Queue::None => said(parts.task).or(Some(DEFAULT_TASK)),
        Queue::Laps { .. } => parts.task,
    };
    let task = match (said(task), parts.unfinalised) {
        (Some(task), true) => Some(format!("{}\n\n{UNFINALISED}", task.trim())),
        (None, true) => Some(UNFINALISED.to_owned()),
        (task, false) => task.map(str::to_owned),
    };
    prompt.titled("Task: ", parts.task_name);
    prompt.titled("Requirements:\n", parts.requirements);
    prompt.titled("## Project Instructions\n\n", parts.project_instructions);
    prompt.titled("## Role Instructions\n\n", parts.role_instructions);
    prompt.titled("## Task\n\n", task.as_deref());
    prompt.titled("Relay Message:\n", parts.relay_message);
    prompt.titled("Inbox Message:\n", parts.inbox_message);
    // The user's own words stay as they are; what agents said may hold what it should not.
    prompt.titled("Previous Summary:\n", parts.previous_summary.map(mask::text).as_deref());
    prompt.titled("Recent Try Context:\n", parts.recent_tries.map(mask::text).as_deref());
    match parts.queue {
        Queue::None => prompt.add(EXIT_FREE),
        Queue::Laps { role } => {
            let ways = if verifies(role) { EXIT_LAPS_VERIFY } else { EXIT_LAPS_ANY };
            prompt.add(format!("{EXIT_LAPS}\n{ways}{EXIT_LAPS_END}"));
        }
    }
    prompt.add(README);
    prompt.text
}

/// The prompt of a try that is only to hand over: who it is and what it works by, and no task.
pub fn handoff_only(parts: &Parts<'_>) -> String {
    let mut prompt = Sections::default();
    prompt.add(format!("Persona: {}", parts.persona));
    prompt.titled("Task: ", parts.task_name);
    prompt.titled("Requirements:\n", parts.requirements);
    prompt.titled("## Project Instructions\n\n", parts.project_instructions);
    prompt.titled("## Role Instructions\n\n", parts.role_instructions);
    prompt.add(match parts.queue {
        Queue::None => HANDOFF_FREE,
        Queue::Laps { .. } => HANDOFF_ONLY,
    });
    prompt.text
}

/// The advice in [`HEADLESS`] where something is open that matters.
const HAND_OFF: &str = "hand off with notes on what has to be decided";

/// The role that checks others' work ends differently: it adds laps instead of handing off.
fn verifies(role: Option<&str>) -> bool {
    role.is_some_and(|role| role.trim().eq_ignore_ascii_case("verify"))
}

fn said(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.trim().is_empty())
}

#[derive(Default)]
struct Sections {
    text: String,
}

impl Sections {
    fn add(&mut self, section: impl AsRef<str>) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(section.as_ref().trim());
        self.text.push('\n');
    }

    fn titled(&mut self, title: &str, text: Option<&str>) {
        if let Some(text) = said(text) {
            self.add(format!("{title}{}", text.trim()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    const FULL: Parts<'static> = Parts {
        replacement: None,
        persona: "claude",
        queue: Queue::None,
        leftovers: true,
        task_name: Some("the name"),
        requirements: Some("the requirements"),
        project_instructions: Some("the project"),
        role_instructions: Some("the role"),
        task: Some("the task\n"),
        relay_message: Some("to the relay"),
        inbox_message: Some("to the run"),
        previous_summary: Some("what was said"),
        unfinalised: false,
        recent_tries: Some("Run 1"),
    };

    fn in_order(prompt: &str, wanted: &[&str]) {
        let mut from = 0;
        for part in wanted {
            let at =
                prompt[from..].find(part).unwrap_or_else(|| panic!("no {part:?} in place in:\n{prompt}"));
            from += at + part.len();
        }
    }

    fn laps(role: Option<&str>) -> String {
        compose(&Parts { queue: Queue::Laps { role }, ..FULL })
    }

    // 20-AF-PR-01, 20-AF-PR-03, 20-AF-PR-04, 30-46
    #[test]
    fn every_part_in_its_place() {
        let sections = [
            "Persona: claude\n\n## Leftover Changes\n",
            "\n\nTask: the name\n\nRequirements:\nthe requirements\n\n",
            "## Project Instructions\n\nthe project\n\n## Role Instructions\n\nthe role\n\n## Task\n\nthe task\n\n",
            "Relay Message:\nto the relay\n\nInbox Message:\nto the run\n\n",
            "Previous Summary:\nwhat was said\n\nRecent Try Context:\nRun 1\n\n",
            "## Run Exit Action\n",
            ".rally/README.md",
        ];
        in_order(&compose(&FULL), &sections);
    }

    // 20-AF-PR-02
    #[test]
    fn a_replacement_is_the_whole_prompt() {
        for queue in [Queue::None, Queue::Laps { role: None }] {
            let parts = Parts { replacement: Some(" only this\n"), queue, ..FULL };
            assert_eq!(compose(&parts), " only this\n");
        }
    }

    // 20-AF-PR-05
    #[test]
    fn a_lap_has_its_own_sections() {
        in_order(
            &laps(Some("senior")),
            &[
                "Persona: claude",
                "## Headless Operation",
                "## Finalizing Your Work",
                "## Leftover Changes",
                "Task: the name",
                "## Role Instructions",
                "## Run Exit Conditions",
            ],
        );
    }

    // 20-AF-PR-06
    #[test]
    fn verify_never_hands_off() {
        for role in ["verify", " VERIFY "] {
            let prompt = laps(Some(role));
            assert!(!prompt.contains("## Finalizing Your Work"));
            assert!(!prompt.contains("Blocked: `laps handoff`"));
            assert!(prompt.contains("do not hand off") && prompt.contains("`laps done`"));
        }
    }

    // 10-I12, 30-38, 30-42: the text of a role fills its slot and nothing else
    #[test]
    fn a_role_fills_its_slot_alone() {
        let embedded =
            super::super::roles::NAMES.map(|name| (name, super::super::roles::embedded(name).unwrap()));
        let own = [("senior", "Be brief.\n\nlaps done, and so on"), ("recovery", "# Mine"), ("qa", "Check.")];
        for (role, text) in embedded.into_iter().chain(own) {
            let with = |role_instructions| {
                compose(&Parts { queue: Queue::Laps { role: Some(role) }, role_instructions, ..FULL })
            };
            let (without, with) = (with(None), with(Some(text)));
            let slot = format!("## Role Instructions\n\n{text}\n\n");
            assert_eq!(with.replacen(&slot, "", 1), without, "{role}");
            assert!(!without.contains("## Role Instructions"), "{role}");
            assert!(with.contains("## Headless Operation"), "{role}");
            // 10-I11: the shared block is there once, whatever the role's text says.
            assert_eq!(
                with.matches("## Finalizing Your Work").count(),
                usize::from(role != "verify"),
                "{role}"
            );
            assert_eq!(with.matches("## ").count(), without.matches("## ").count() + 1, "{role}");
        }
    }

    // 20-AF-PR-07, 30-40
    #[test]
    fn a_free_run_knows_nothing_of_laps() {
        let prompt = compose(&FULL);
        assert!(prompt.contains("rally progress --summary") && prompt.contains("--followup"));
        for word in ["laps", "--complete", "Headless", "Finalizing"] {
            assert!(!prompt.contains(word), "{word}");
        }
    }

    // 20-AF-PR-08, 30-40, 30-43
    #[test]
    fn a_lap_is_ended_by_its_commands() {
        let prompt = laps(None);
        for word in ["laps done", "laps handoff", "laps wrapup", "already claimed", "laps done undo"] {
            assert!(prompt.contains(word), "{word}");
        }
        assert!(!prompt.contains("rally progress") && !prompt.contains("Header Context"));
    }

    // 30-36 (without a prompt of any kind)
    #[test]
    fn a_free_run_always_has_a_task() {
        let free = |task| compose(&Parts { persona: "claude", task, ..Parts::default() });
        for blank in [None, Some(" \n")] {
            in_order(&free(blank), &["## Task\n\nNo task was given.", "## Run Exit Action"]);
        }
        let lap = Parts { persona: "claude", queue: Queue::Laps { role: None }, ..Parts::default() };
        assert!(!compose(&lap).contains("## Task"));
        assert!(!free(Some("mine")).contains("No task was given"));
    }

    // 30-53
    #[test]
    fn an_unfinalised_lap_is_to_be_finalised() {
        let lap = |task| {
            let queue = Queue::Laps { role: Some("senior") };
            compose(&Parts { persona: "claude", queue, task, unfinalised: true, ..Parts::default() })
        };
        in_order(
            &lap(Some("the task\n")),
            &["## Task\n\nthe task\n\nThe try before this one", "`laps done`"],
        );
        in_order(&lap(None), &["## Task\n\nThe try before this one", "`git diff`", "`laps done`"]);
        assert!(!laps(None).contains("The try before this one"));
    }

    #[test]
    fn who_verifies_is_not_told_to_hand_off() {
        let of = |role| {
            let text = laps(Some(role));
            text.lines().find(|line| line.starts_with("This session is non-interactive")).unwrap().to_owned()
        };
        assert!(!of("verify").contains("hand off") && of("verify").contains("add a lap"), "{}", of("verify"));
        assert!(of("senior").contains(HAND_OFF), "{}", of("senior"));
    }

    // 30-163, 30 §11.2: the same frame, no task, no messages, another end
    #[test]
    fn a_handoff_is_all_that_is_asked_for() {
        let free = handoff_only(&FULL);
        let frame = ["Persona: claude", "Task: the name", "the requirements", "the project", "the role"];
        in_order(&free, &frame);
        in_order(&free, &["## Handoff Only", "Commit what is good", "rally progress --handoff --summary"]);
        assert!(!free.contains("laps"));
        let queue = Queue::Laps { role: Some("senior") };
        let lap = handoff_only(&Parts { queue, ..FULL });
        in_order(&lap, &["## Handoff Only", "`laps handoff`", "`laps wrapup`"]);
        for prompt in [free, lap] {
            for absent in ["## Task", "to the relay", "to the run", "what was said", "Run 1", "Run Exit"] {
                assert!(!prompt.contains(absent), "{absent}");
            }
        }
    }

    #[test]
    fn what_is_blank_has_no_heading() {
        let prompt = compose(&Parts { persona: "codex", relay_message: Some(" "), ..Parts::default() });
        for heading in ["Message", "Instructions", "Requirements", "Summary:", "Context", "Leftover"] {
            assert!(!prompt.contains(heading), "{heading}");
        }
        assert!(!prompt.contains("\n\n\n") && prompt.ends_with('\n'));
    }
}
