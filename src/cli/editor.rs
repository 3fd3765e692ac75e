//! The user's editor: `$VISUAL`, else `$EDITOR`, else `vi`.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

/// Opens a file in the editor and waits for its end. The file is made with `template` when it is missing.
pub fn open(file: &Path, template: &str) -> anyhow::Result<()> {
    create(file, template).with_context(|| format!("cannot create {}", file.display()))?;
    let editor = ["VISUAL", "EDITOR"]
        .into_iter()
        .filter_map(std::env::var_os)
        // Only blanks would make the shell execute the file itself.
        .find(|editor| !editor.to_string_lossy().trim().is_empty())
        .unwrap_or_else(|| "vi".into());
    let shown = editor.to_string_lossy().into_owned();
    let editor = OsString::from(editor.to_string_lossy().trim());
    // As git does it: the shell splits what the user wrote, so that arguments and quotes work.
    let mut script = editor;
    script.push(" \"$@\"");
    let status = Command::new("sh")
        .arg("-c")
        .arg(script)
        .arg("sh")
        .arg(file)
        .status()
        .context("cannot run sh, which starts the editor")?;
    if !status.success() {
        anyhow::bail!("the editor \"{shown}\" failed ({status}); set VISUAL or EDITOR to another one");
    }
    Ok(())
}

/// Makes the file with its template unless it is there.
fn create(file: &Path, template: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(file.parent().map(PathBuf::from).unwrap_or_default())?;
    match OpenOptions::new().write(true).create_new(true).open(file) {
        Ok(mut new) => new.write_all(template.as_bytes()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}
