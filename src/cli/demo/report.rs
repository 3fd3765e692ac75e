//! What the demo says at its end: what happened, and where to look.

use std::io::Write;

use super::stage::Stage;
use crate::model::text;
use crate::store::{Layout, Reader};
use crate::terminal::sanitize;

/// Prints a line a try, then the places.
pub fn print(stage: &Stage, out: &mut impl Write) -> anyhow::Result<()> {
    let layout = Layout::new(&stage.repository, &stage.data())?;
    let reader = Reader::new(layout);
    writeln!(out, "\nWhat happened:")?;
    for record in reader.recent_tries(100, None)? {
        let verdict = match &record.fail_reason {
            Some(reason) => format!("failed ({reason})"),
            None => "passed".to_owned(),
        };
        let line = format!(
            "try {}: {}, run {}, attempt {}: {verdict}, {}",
            record.id,
            record.agent_type,
            record.run_id,
            record.attempt_number,
            text::count(record.files_changed.len(), "file"),
        );
        writeln!(out, "  {}", sanitize::line(&line))?;
    }
    let repository = stage.repository.display();
    writeln!(out, "\nWhere to look:")?;
    writeln!(out, "  git -C {repository} log --stat      the commits")?;
    writeln!(out, "  {repository}/.rally/state/tries.jsonl   a record of each try")?;
    writeln!(out, "  {repository}/.rally/summary.jsonl       a line for each run")?;
    writeln!(out, "  {}      what the agents printed, and the relay's log", stage.data().display())?;
    writeln!(
        out,
        "\nThe folder is yours; delete it when you have seen enough:  rm -r {}",
        stage.root.display()
    )?;
    Ok(())
}
