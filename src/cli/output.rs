//! What goes to standard output as it is: documents and JSON. On a terminal nothing of it may be obeyed; a program
//! gets every byte. Reports for people are cleaned where they are made, before they are coloured.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::model::mask;
use crate::terminal::sanitize;

/// A text of somebody else's, such as a file: byte for byte, but cleaned for a terminal.
pub fn document(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if out.is_terminal() {
        out.write_all(sanitize::text(&String::from_utf8_lossy(bytes)).as_bytes())
    } else {
        out.write_all(bytes)
    }
}

/// One JSON object, secrets masked. For a terminal, what it would obey is written as `\u…`, which is the same JSON.
pub fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let text = mask::text(&(serde_json::to_string_pretty(value)? + "\n"));
    let mut out = io::stdout().lock();
    let text = if out.is_terminal() { sanitize::json(&text) } else { text };
    out.write_all(text.as_bytes())?;
    Ok(())
}
