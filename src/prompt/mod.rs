//! stub
pub mod context {
    use crate::model::*;
    pub struct Recent<'a> {
        pub run_id: u64,
        pub harness: &'a str,
        pub outcome: Option<Outcome>,
        pub completed: bool,
        pub source: Option<CancelSource>,
        pub summary: &'a str,
    }
    pub fn recent(_: &[Recent<'_>], _: usize, _: usize) -> String {
        String::new()
    }
}
pub const DEFAULT_TASK: &str = "Carry on.";
#[derive(Default)]
pub struct Parts<'a> {
    pub persona: &'a str,
    pub task_name: &'a str,
    pub leftover_changes: bool,
    pub project_instructions: Option<&'a str>,
    pub task: Option<&'a str>,
    pub previous_summary: Option<&'a str>,
    pub recent_context: Option<&'a str>,
    pub x: u8,
}
pub fn compose(p: &Parts<'_>) -> String {
    format!(
        "{:?}\n{}\n{:?}\nrally progress --summary x\n.rally/README.md",
        p.project_instructions,
        p.task.unwrap_or(""),
        p.previous_summary
    )
}
