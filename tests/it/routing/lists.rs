//! Items of routes that read as lists.

use pretty_assertions::assert_eq;

use super::{config_with, errors};

const HEAD: &str =
    "[harness.cc.models]\nopus = \"x\"\n[harness.agy.models]\npro = \"Gemini-3.5 Pro (High)\"\n[routes]\n";

// 10-E15, 10-2.4: an item is one entry; what several words would name is no model
#[test]
fn a_list_in_one_item_is_refused() {
    for (item, separate) in [
        ("cc:2 cx", "[\"cc:2\", \"cx\"]"),
        ("cc:2, cx", "[\"cc:2\", \"cx\"]"),
        ("cc:2,cx", "[\"cc:2\", \"cx\"]"),
        ("cc cx", "[\"cc\", \"cx\"]"),
        ("cc:opsu cx", "[\"cc:opsu\", \"cx\"]"),
        ("cc:2 cxx", "[\"cc:2\", \"cxx\"]"),
        ("cc:opus:1, cx:opus:2", "[\"cc:opus:1\", \"cx:opus:2\"]"),
        // Each of these was a model that ends with what nobody sees.
        ("cc:2,", "[\"cc:2\"]"),
        ("cc:2 ", "[\"cc:2\"]"),
        (" cc", "[\"cc\"]"),
        ("cc:2,,cx", "[\"cc:2\", \"cx\"]"),
        ("cc:2\\tcx", "[\"cc:2\", \"cx\"]"),
    ] {
        let said = errors(&format!("{HEAD}default = [\n  'op',\n  \"{item}\",\n]\n"));
        let wanted = format!(
            "repo/.rally/config.toml:8: [routes].default: \"{item}\" is a list in one item; \
             write separate items: {separate}"
        );
        assert!(said.starts_with(&wanted) && said.lines().count() == 1, "{item}: {said}");
    }
    // The way out for who means one model, where it could be one.
    let said = errors("[routes]\ndefault = ['agy:Gemini-9 Pro']\n");
    assert!(said.ends_with("; or name it in [harness.agy.models], if it is one model\n"), "{said}");
    assert!(!errors("[routes]\ndefault = ['cc cx']\n").contains("or name it"));
}

// 10-A7, 10-E15
#[test]
fn labels_with_spaces_are_one_entry() {
    for label in [
        "agy:Gemini 3.5 Flash (High)",
        "agy:Gemini 3.5 Flash (High):2",
        "agy:GPT-OSS 120B (Medium)",
        "agy:Claude Sonnet 4.5, Thinking",
        // Configured just so, although its first word would be a model by itself.
        "agy:Gemini-3.5 Pro (High)",
        "agy:Gemini-3.5 Pro (High):2-3",
    ] {
        let text = format!("{HEAD}default = [\"{label}\"]\n");
        assert_eq!(errors(&text), "", "{label}");
        let config = config_with(&text);
        let catalog = rally::routing::Catalog::new(&config);
        let lane = rally::routing::routes::lane(&catalog, "default").unwrap();
        let model = lane.slots[0].members[0].runner.model.clone().unwrap();
        assert!(label["agy:".len()..].starts_with(&model) && model.contains(' '), "{label}: {model}");
    }
}
