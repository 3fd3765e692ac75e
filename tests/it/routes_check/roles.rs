//! The prompts of roles: which there are, whose they are, and what their authors should know.

use pretty_assertions::assert_eq;
use rally::prompt::{roles, snippets::snippet};
use serde_json::{Value, json};

use super::{json, lines, told, workspace};
use crate::support::{Sandbox, stderr};

const CONFIG: &str = "[routes]\ndefault = [\"cc:1\", \"cx\"]\n";

/// A workspace with these files in `.rally/agents`.
fn with(files: &[(&str, &str)]) -> Sandbox {
    let sandbox = workspace(CONFIG);
    for (name, text) in files {
        sandbox.write(&format!(".rally/agents/{name}"), text);
    }
    sandbox
}

/// The lines of the section about roles, without its heading.
#[track_caller]
fn section(out: &str) -> Vec<String> {
    let mut sections = out.split("\n\n").filter_map(|paragraph| paragraph.strip_prefix("role prompts:\n"));
    let section = sections.next().unwrap_or_else(|| panic!("no section about roles: {out}"));
    assert_eq!(sections.next(), None, "one is enough");
    section.lines().map(str::to_owned).collect()
}

/// The lines that are not about rally's own texts.
#[track_caller]
fn custom(sandbox: &Sandbox) -> Vec<String> {
    let (out, _) = told(sandbox, 0, &[]);
    section(&out).into_iter().filter(|line| !line.ends_with(" tokens (embedded)")).collect()
}

/// As it is listed.
fn embedded(role: &str) -> String {
    format!("- {role}: ~{} tokens (embedded)", roles::embedded(role).unwrap().len() / 4)
}

// 10-K9, 10-12: behind the routes, with a quarter of the bytes as estimate
#[test]
fn rallys_own_roles_are_listed() {
    let sandbox = with(&[]);
    let (out, _) = told(&sandbox, 0, &[]);
    let wanted: Vec<String> = roles::NAMES.into_iter().map(embedded).collect();
    assert_eq!(section(&out), wanted);
    assert!(
        out.starts_with("routes check summary:\n- default: 2 entries\n\nrole prompts:\n- junior: "),
        "{out}"
    );
    assert!(!out.contains("note: "), "{out}");
    let object = json(&sandbox, 0, &[]);
    let names: Vec<&Value> = object["roles"].as_array().unwrap().iter().map(|role| &role["name"]).collect();
    assert_eq!(names, ["junior", "recovery", "senior", "ui", "verify"]);
    let tokens = roles::embedded("senior").unwrap().len() / 4;
    let senior = json!({ "name": "senior", "tokens": tokens, "source": null, "advisory": null });
    assert_eq!(object["roles"][2], senior);
    assert!(!sandbox.repo().join(".rally/agents").exists(), "it only looks");
}

// 10-K10
#[test]
fn a_text_that_speaks_of_shared_things_gets_advice() {
    let sandbox = with(&[
        ("user/senior.md", "Be bold. When you are ready, run LAPS DONE, headless or not.\n"),
        ("user/qa.md", "Break things.\n"),
    ]);
    let (out, err) = told(&sandbox, 0, &[]);
    assert_eq!(err, "");
    assert!(!out.contains('\u{1b}'), "a pipe gets no colours: {out}");
    assert_eq!(
        section(&out),
        [
            embedded("junior"),
            "- qa: ~3 tokens (custom, ROOT/repo/.rally/agents/user/qa.md)".to_owned(),
            embedded("recovery"),
            "- senior: ~15 tokens (custom, ROOT/repo/.rally/agents/user/senior.md)".to_owned(),
            embedded("ui"),
            embedded("verify"),
        ]
    );
    // It comes last, on lines of its own.
    let advisory = &out[out.find("note: ").unwrap()..];
    assert!(out.contains("\n\nnote: "), "{out}");
    let snippet_of = |name: &str| format!("\n---\n{}\n---\n", snippet(name).unwrap().trim());
    let note = "note: ROOT/repo/.rally/agents/user/senior.md speaks of \"laps done\"; \
                every prompt of a lap explains that anyway, in these words:";
    assert_eq!(advisory, format!("{note}{}", snippet_of("finalize")));
    assert_eq!(out.matches("note: ").count(), 1, "the other text is fine: {out}");
    let object = json(&sandbox, 0, &[]);
    assert_eq!(object["roles"][3]["name"], "senior");
    assert_eq!(object["roles"][3]["source"], "ROOT/repo/.rally/agents/user/senior.md");
    assert_eq!(object["roles"][3]["advisory"].as_str().unwrap(), advisory.trim_end());
    assert_eq!(object["roles"][1]["advisory"], Value::Null);

    // Whichever term is used, and where there are several texts each has its own advice.
    let sandbox = with(&[("user/ui.md", "# Headless operation\n"), ("user/lead.md", "Then laps wrapup.\n")]);
    let (out, _) = told(&sandbox, 0, &[]);
    assert!(out.contains("agents/user/ui.md speaks of \"headless\""), "{out}");
    assert!(out.ends_with(&snippet_of("headless")), "{out}");
    assert!(out.contains("agents/user/lead.md speaks of \"laps wrapup\""), "{out}");
    assert!(out.contains(&snippet_of("finalize")), "{out}");

    // A name is no way to write lines of one's own, or to colour them.
    let sandbox = with(&[("user/a\nerror: b\u{1b}[31m.md", "laps done")]);
    let (out, _) = told(&sandbox, 0, &[]);
    assert!(out.contains(" speaks of \"laps done\"") && !out.contains('\u{1b}'), "{out}");
    assert_eq!(lines(&out, "error"), [""; 0], "{out}");
}

// D46: what rally manages is not custom, and what is in user/ is listed
#[test]
fn what_rally_manages_is_not_custom() {
    let sandbox = workspace("");
    let output = sandbox.rally(["init", "roles"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(sandbox.repo().join(".rally/agents/builtin/senior.md").exists());
    let (out, _) = told(&sandbox, 0, &[]);
    assert_eq!(section(&out), roles::NAMES.map(embedded));
    assert!(!out.contains("note: "), "{out}");

    sandbox.write(".rally/agents/user/Lead.md", "Lead.\n");
    sandbox.write(".rally/agents/user/notes.txt", "Take notes.\n");
    sandbox.write(".rally/agents/user/blank.md", "\n");
    let agents = "ROOT/repo/.rally/agents";
    assert_eq!(
        custom(&sandbox),
        [
            format!("- lead: ~1 tokens (custom, {agents}/user/Lead.md)"),
            format!("- notes: ~2 tokens (custom, {agents}/user/notes.txt)"),
        ]
    );
    // A file of the old place is named where it is now.
    sandbox.write(".rally/agents/senior.md", "Mine.\n");
    assert_eq!(custom(&sandbox)[2..], [format!("- senior: ~1 tokens (custom, {agents}/senior.md)")]);
    assert!(sandbox.repo().join(".rally/agents/senior.md").exists(), "looking moves nothing");
}

// 10-12: a hard error, and what was gathered so far is printed
#[test]
fn role_files_that_cannot_be_read_are_an_error() {
    // Permissions stop nobody who is root, these do.
    type Break = fn(&Sandbox);
    let a_file: Break = |sandbox| sandbox.write(".rally/agents", "a file\n");
    let user: Break = |sandbox| sandbox.write(".rally/agents/user", "a file\n");
    let link: Break = |sandbox| {
        std::fs::create_dir_all(sandbox.repo().join(".rally/agents/user")).unwrap();
        let link = sandbox.repo().join(".rally/agents/user/senior.md");
        std::os::unix::fs::symlink("nowhere", link).unwrap();
    };
    for (spoil, path, reason) in [
        (a_file, "agents", "Not a directory (os error 20)"),
        (user, "agents/user", "Not a directory (os error 20)"),
        (link, "agents/user/senior.md", "No such file or directory (os error 2)"),
    ] {
        let sandbox = workspace(CONFIG);
        // Nothing is known of prompts then, so no role is told to lack one.
        sandbox.write(".laps/laps.json", r#"{"tasks": [{"assignee": "verify"}, {"assignee": "lead"}]}"#);
        spoil(&sandbox);
        let (out, err) = told(&sandbox, 1, &[]);
        assert_eq!(err, format!("error: cannot read ROOT/repo/.rally/{path}: {reason}\n"));
        assert_eq!(out, "routes check summary:\n- default: 2 entries\n");
        let object = json(&sandbox, 1, &[]);
        assert_eq!((&object["loaded"], &object["roles"]), (&json!(true), &json!([])));
        assert_eq!(object["errors"].as_array().unwrap().len(), 1);
    }
}

// D46: rally's own roles need no route, and neither do those with a file
#[test]
fn a_role_with_a_prompt_is_known() {
    let sandbox = with(&[("user/lead.md", "Lead.\n")]);
    sandbox.write(
        ".laps/laps.json",
        r#"{"tasks": [{"assignee": "Verify"}, {"assignee": "lead"}, {"assignee": "ghost"}]}"#,
    );
    let (out, _) = told(&sandbox, 0, &[]);
    assert_eq!(
        lines(&out, "warning"),
        ["ROOT/repo/.laps/laps.json: the role \"ghost\" (1 lap) has neither a route nor a prompt; \
          add it to [routes], or mend the assignee"]
    );
}

// 10-12: routes, providers, roles, warnings, infos, advice
#[test]
fn the_section_has_its_place() {
    let sandbox = with(&[("user/senior.md", "laps done")]);
    sandbox.write(
        ".rally/config.toml",
        "[routes]\ndefault = [\"cc:1\", \"cx\"]\n[reasoning]\nui = \"ludicrous\"\n\
         [providers]\nzai = { models = [\"op:zai/x\"], disabled = true }\n",
    );
    let (out, _) = told(&sandbox, 0, &["--preview", "1"]);
    let marks = [
        "routes check summary:\n",
        "\n\nshared quota groups:\n",
        "\n\nrole prompts:\n",
        "\n\nwarning: ",
        "\ninfo: ",
        "\n\nnote: ",
        "\n\nnext runs of default:\n",
    ];
    let places: Vec<Option<usize>> = marks.iter().map(|mark| out.find(mark)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}: {out}");
}
