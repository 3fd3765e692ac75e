//! What the demo says at its end: what happened, and where to look.

use std::io::Write;
use std::path::Path;

use super::shown;
use super::stage::Stage;
use crate::model::text;
use crate::relay::outcome::FREEZE_CAUSE;
use crate::store::records::TryRecord;
use crate::store::{Layout, Reader};
use crate::terminal::sanitize;

/// Prints a line a try, then the places.
pub fn print(stage: &Stage, out: &mut impl Write) -> anyhow::Result<()> {
    let layout = Layout::new(&stage.repository, &stage.data())?;
    let reader = Reader::new(layout);
    writeln!(out, "\nWhat happened:")?;
    let tries = reader.recent_tries(100, None)?;
    for record in &tries {
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
    let repository = shown(&stage.repository);
    writeln!(out, "\nWhere to look:")?;
    writeln!(out, "  git -C {repository} log --stat      the commits")?;
    writeln!(out, "  {repository}/.rally/state/tries.jsonl   a record of each try")?;
    writeln!(out, "  {repository}/.rally/summary.jsonl       a line for each run")?;
    writeln!(out, "  {}      what the agents printed, and the relay's log", shown(&stage.data()))?;
    for record in tries.iter().filter(|record| record.cause.as_deref() == Some(FREEZE_CAUSE)) {
        print_freeze(record, reader.layout(), out)?;
    }
    writeln!(
        out,
        "\nThe folder is yours; delete it when you have seen enough:  rm -r {}",
        shown(&stage.root)
    )?;
    Ok(())
}

/// Where to see how a frozen try was found.
fn print_freeze(record: &TryRecord, layout: &Layout, out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "\nTry {} went silent and was found frozen:", record.id)?;
    writeln!(out, "  {}   says `freeze detected`, and when", shown(&layout.relay_log(record.relay_id)))?;
    if let Some(log) = &record.log_path {
        let samples = Path::new(log).with_extension("netstat.jsonl");
        writeln!(out, "  {}   what rally saw of it: silence, connections, bytes", shown(&samples))?;
    }
    Ok(())
}
