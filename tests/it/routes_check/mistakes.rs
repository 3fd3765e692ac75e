//! What is wrong, and keeps a relay from running as configured.

use insta::assert_snapshot;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::{json, lines, report, told, workspace};

// 10-K3, K5, K7; 10-20: D29, D40. Deviation: all errors are told, not only the first.
#[test]
fn every_error_is_told_with_its_place_and_the_way_out() {
    let sandbox = workspace(
        "schema_version = 2\n[harness.op.models]\ngk = \"a/b\"\n[routes]\n\
         default = [\"cc\", \"claude:opus:4.7\", \"cc:0\"]\nempty = []\n\
         last = [\"op:gp\", \"copex\", \"cx\"]\nfine = [\"cc\", \"cx\"]\n\
         [reasoning]\nverify = \"op:gl\"\n[providers]\nx = [\"nobody\"]\n",
    );
    let (out, err) = report(&sandbox, 1);
    assert_snapshot!(err, @r#"
    error: CONFIG:5: [routes].default: "cc:0": a quota must be positive
    error: CONFIG:5: [routes].default: "claude:opus:4.7" has 3 identifier segments, expected 1 or 2 (a model may contain a colon only behind a slash)
    error: CONFIG:6: [routes].empty: the route is empty; list who works, like ["cc:2", "cx"], or remove it
    error: CONFIG:7: [routes].last: "copex": unknown agent alias "copex"; did you mean codex?; known are ag, cc, cx, ge, op
    error: CONFIG:7: [routes].last: "op:gp": unknown model "gp" of op; did you mean gk?; name it in [harness.op.models]
    error: CONFIG:10: [reasoning].verify: unknown model "gl" of op; did you mean gk?; name it in [harness.op.models]
    error: CONFIG:12: [providers].x: unknown model alias "nobody"; it is neither a harness nor named in a [harness.X.models]
    "#);
    assert_snapshot!(out, @r#"
    routes check summary:
    - default: 3 entries [invalid]
    - empty: 0 entries [invalid]
    - fine: 2 entries
    - last: 3 entries [invalid]

    info: CONFIG:8: [routes].fine: "cx" comes only when "cc" fails
    "#);
}

// 10-K6
#[test]
fn preferences_of_roles() {
    for (preference, code, warning, error) in [
        ("op:gl", 1, "", "CONFIG:6: [reasoning].verify: unknown model \"gl\" of op; did you mean gk?"),
        ("op:gk", 0, "", ""),
        ("gk", 0, "", ""),
        ("high", 0, "", ""),
        ("ludicrous", 0, "CONFIG:6: [reasoning].verify: \"ludicrous\" is no model name and no effort", ""),
    ] {
        let sandbox = workspace(&format!(
            "[harness.op.models]\ngk = \"a/b\"\n[routes]\ndefault = [\"cc:1\", \"op\"]\n[reasoning]\nverify = \"{preference}\"\n"
        ));
        let (out, err) = report(&sandbox, code);
        assert_eq!(lines(&out, "warning").len(), usize::from(!warning.is_empty()), "{preference}: {out}");
        assert!(out.contains(warning) && err.contains(error), "{preference}: {out}{err}");
        assert_eq!(err.is_empty(), error.is_empty(), "{preference}: {err}");
    }
}

// 10-C23; decisions.md: [defaults].mix does not count while there are routes
#[test]
fn a_broken_mix_counts_only_while_it_is_used() {
    let sandbox = workspace("[defaults]\nmix = \"cc nonesuch\"\n");
    let (out, err) = report(&sandbox, 1);
    assert!(err.starts_with("error: CONFIG:2: [defaults].mix: \"nonesuch\": unknown agent alias"), "{err}");
    let shown = "no routes are declared; [defaults].mix is used\n- mix: 0 entries [invalid]\n";
    assert!(out.contains(shown), "{out}");
    for mix in ["", "cc, ", "cc:0"] {
        sandbox.write(".rally/config.toml", &format!("[defaults]\nmix = \"cc {mix}\"\n"));
        let (_, err) = report(&sandbox, i32::from(!mix.is_empty()));
        assert_eq!(
            err.matches("CONFIG").count(),
            usize::from(!mix.is_empty()),
            "the place is told once: {err}"
        );
    }
    sandbox.write(
        ".rally/config.toml",
        "[defaults]\nmix = \"nonesuch\"\n[routes]\ndefault = [\"cc:1\", \"cx\"]\n",
    );
    let (out, err) = report(&sandbox, 0);
    assert_eq!(err, "");
    assert_eq!(lines(&out, "warning").len(), 1, "{out}");
    assert!(
        lines(&out, "warning")[0].starts_with("CONFIG:2: [defaults].mix: \"nonesuch\": unknown"),
        "{out}"
    );
    sandbox.write(".rally/config.toml", "");
    let (out, _) = report(&sandbox, 0);
    assert_eq!(
        out,
        "routes check summary:\nno routes are declared; the built-in mix is used\n- mix: 2 entries\n"
    );
}

// 10-20: D29: file and line of every mistake, sorted by file and line
#[test]
fn a_configuration_that_cannot_be_loaded() {
    let sandbox =
        workspace("schema_version = 2\n[harness.\"a b\"]\ncommand = [\"x\"]\n[routes]\na = 1\nA = []\n");
    let user = sandbox.home().join(".config/rally/config.toml");
    std::fs::create_dir_all(user.parent().unwrap()).unwrap();
    std::fs::write(&user, "[defaults]\niterations = 0\n").unwrap();
    let (out, err) = told(&sandbox, 1, &[]);
    assert_eq!(out, "", "there is nothing to tell about");
    assert_snapshot!(err, @r#"
    error: ROOT/home/.config/rally/config.toml:2: [defaults].iterations is 0, but must be at least 1; remove it to get the default
    error: CONFIG:2: [harness."a b"]: invalid harness name "a b"; use a letter, then letters, digits, _ and -
    error: CONFIG:5: [routes].a must be a list of strings, like ["a", "b"], found a number
    "#);
    let object = json(&sandbox, 1, &["--preview", "3"]);
    assert_eq!((&object["v"], &object["loaded"], &object["mix"]), (&json!(1), &json!(false), &Value::Null));
    assert_eq!(object["errors"].as_array().unwrap().len(), err.lines().count());
    assert_eq!(object["errors"][0]["file"], "ROOT/home/.config/rally/config.toml");
    assert_eq!(object["preview"], Value::Null);

    std::fs::remove_file(&user).unwrap();
    sandbox.write(".rally/config.toml", "[routes]\ndefault = [\"cc\"\nx = 1\n");
    let (out, err) = told(&sandbox, 1, &[]);
    assert_eq!(out, "");
    assert!(err.starts_with("error: CONFIG:3: "), "{err}");
    sandbox.command("rm").arg(".rally/config.toml").output().unwrap();
    std::fs::create_dir(sandbox.repo().join(".rally/config.toml")).unwrap();
    let (_, err) = told(&sandbox, 1, &[]);
    assert!(err.starts_with("error: CONFIG: cannot be read: "), "{err}");
}
