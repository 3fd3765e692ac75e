//! The JSON Schema of `rally config schema`, and files that must fit it.

use pretty_assertions::assert_eq;
use rally::config::schema::keys;
use rally::config::{self, Env};
use regex::Regex;
use serde_json::Value;

use super::fine;
use crate::support::Sandbox;

/// What in `value` does not fit `schema`: the words of the schema that are used, and no others.
fn misfits(schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let mut complain = |what: &str| found.push(format!("{at}: {what}"));
    if let Some(all) = schema["anyOf"].as_array() {
        let fits = all.iter().any(|one| {
            let mut inner = Vec::new();
            misfits(one, value, at, &mut inner);
            inner.is_empty()
        });
        if !fits {
            complain("fits none");
        }
    }
    let right = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.is_array(),
        Some(other) => panic!("{other}"),
        None => true,
    };
    if !right {
        return complain("has another type");
    }
    if schema["enum"].as_array().is_some_and(|names| !names.contains(value)) {
        complain("is no choice");
    }
    let pattern =
        |schema: &Value, text: &str| schema.as_str().is_none_or(|p| Regex::new(p).unwrap().is_match(text));
    if value.as_str().is_some_and(|text| !pattern(&schema["pattern"], text)) {
        complain("does not match");
    }
    if let Some(number) = value.as_f64()
        && (schema["minimum"].as_f64().is_some_and(|least| number < least)
            || schema["maximum"].as_f64().is_some_and(|most| number > most))
    {
        complain("is out of range");
    }
    for item in value.as_array().into_iter().flatten() {
        misfits(&schema["items"], item, at, found);
    }
    for (name, inner) in value.as_object().into_iter().flatten() {
        let at = format!("{at}.{name}");
        if !pattern(&schema["propertyNames"]["pattern"], name) {
            found.push(format!("{at}: no name"));
        }
        match (schema["properties"].get(name), &schema["additionalProperties"]) {
            (Some(schema), _) => misfits(schema, inner, &at, found),
            (None, Value::Bool(false)) => found.push(format!("{at}: unknown")),
            (None, schema) => misfits(schema, inner, &at, found),
        }
    }
}

fn check(schema: &Value, toml: &str) -> Vec<String> {
    let table: toml::Table = toml.parse().unwrap();
    let mut found = Vec::new();
    misfits(schema, &serde_json::to_value(table).unwrap(), "", &mut found);
    found
}

#[test]
fn right_files_fit_and_wrong_ones_do_not() {
    let sandbox = Sandbox::new();
    let schema: Value = serde_json::from_str(&fine(&sandbox, &["schema"])).unwrap();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");

    sandbox.rally(["init"]).output().unwrap();
    let mut files = vec![
        crate::config::EVERY_KEY.to_owned(),
        sandbox.read(".rally/config.toml"),
        std::fs::read_to_string(sandbox.home().join(".config/rally/config.toml")).unwrap(),
    ];
    let states = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/state");
    for state in std::fs::read_dir(states).unwrap() {
        let file = state.unwrap().path().join("dot-rally/config.toml");
        files.extend(std::fs::read_to_string(file).ok());
    }
    assert!(files.len() > 6);
    for file in &files {
        assert_eq!(check(&schema, file), [""; 0], "{file}");
    }

    for (file, wanted) in [
        ("[reliability]\nretry_buget = 3\n", ".reliability.retry_buget: unknown"),
        ("[reliability]\nretry_budget = '3'\n", ".reliability.retry_budget: has another type"),
        ("[reliability]\nretry_budget = -1\n", ".reliability.retry_budget: is out of range"),
        ("[defaults]\niterations = 0\n", ".defaults.iterations: is out of range"),
        ("[harness.123bad]\ncommand = ['x']\n", ".harness.123bad: no name"),
        ("[harness.cc.models]\n4 = 'x'\n", ".harness.cc.models.4: no name"),
        ("[harness.a]\nbase = 'droid'\n", ".harness.a.base: is no choice"),
        ("[harness.a]\ntail_stream = 'both'\n", ".harness.a.tail_stream: is no choice"),
        ("[routes]\ndefault = 'cc'\n", ".routes.default: has another type"),
        ("[routes]\ndefault = [3]\n", ".routes.default: has another type"),
        ("[providers.a]\ndisable = true\n", ".providers.a: fits none"),
        ("[providers]\na = 3\n", ".providers.a: fits none"),
    ] {
        assert_eq!(check(&schema, file), [wanted]);
    }
}

#[test]
fn the_defaults_in_the_table_are_those_that_count() {
    let write = |defaults: bool| {
        let sandbox = Sandbox::new();
        let harness = "[harness.a]\ncommand = ['x']\n[providers.p]\nmodels = ['cc']\n";
        let mut text = harness.parse::<toml_edit::DocumentMut>().unwrap();
        for row in keys::KEYS.iter().filter(|_| defaults) {
            let Some(default) = row.default else { continue };
            let path = row.path.replace("harness.*", "harness.a").replace("providers.*", "providers.p");
            let (tables, key) = path.rsplit_once('.').unwrap_or(("", &path));
            let mut table = text.as_item_mut();
            for name in tables.split('.').filter(|name| !name.is_empty()) {
                table = table.as_table_mut().unwrap().entry(name).or_insert(toml_edit::table());
            }
            table[key] = toml_edit::value(default.parse::<toml_edit::Value>().unwrap());
        }
        sandbox.write(".rally/config.toml", &text.to_string());
        let env = Env { home: Some("/home/nobody".into()), ..Env::default() };
        let loaded = config::load(&sandbox.repo(), &env).unwrap();
        assert_eq!(loaded.warnings, []);
        let config = loaded.config;
        let same = (config.data_dir, config.run_hooks_on_autocommit, config.reliability);
        (same, config.harnesses, config.providers)
    };
    assert_eq!(write(true), write(false));
}
