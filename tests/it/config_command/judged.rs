//! What `rally config` says about an edit and about a configuration as a whole.

use pretty_assertions::assert_eq;

use super::{REPO, config, fine, refused, user, user_file};
use crate::support::Sandbox;

// A list typed as one word is no model of its first word.
#[test]
fn several_entries_in_one_word_are_told_how_to_be_typed() {
    let sandbox = Sandbox::new();
    for (args, wanted) in [
        (
            &["set", "routes.default", "cc:2 cx"][..],
            "config.toml is left as it is: [routes].default: \"cc:2 cx\" is a list in one item; \
             write separate items: [\"cc:2\", \"cx\"]",
        ),
        (&["set", "routes.default", "cc:2 cx"], " (rally config set routes.default cc:2 cx)\n"),
        (&["set", "--repo", "routes.ui", "op", "cc, cx"], " (rally config set --repo routes.ui op cc cx)\n"),
        (&["set", "routes.ui", "[\"cc:opus:2, cx\"]"], " (rally config set routes.ui cc:opus:2 cx)\n"),
    ] {
        let said = refused(&sandbox, 1, args) + "\n";
        assert!(said.contains(wanted), "{args:?}: {said}");
    }
    assert!(!user_file(&sandbox).exists());
    fine(&sandbox, &["set", "routes.default", "agy:Gemini 3.5 Flash (High)"]);
    // In the file it is told with its line.
    user(&sandbox, "[routes]\ndefault = [\n  'op',\n  'cc:2, cx',\n]\n");
    let said = config(&sandbox, &["list"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("config.toml:4: [routes].default: \"cc:2, cx\" is a list"), "{}", said.err);
}

// What only the routing room finds suspicious is told as well: after the edit that brings it in, and in a list.
#[test]
fn doubts_about_who_works_are_told() {
    let sandbox = Sandbox::new();
    let said = config(&sandbox, &["set", "reasoning.senior", "hihg"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let wanted = "[reasoning].senior: \"hihg\" is no model name and no effort that is known";
    assert!(
        said.err.contains(&format!("warning: ROOT/home/.config/rally/config.toml:2: {wanted}")),
        "{}",
        said.err
    );
    // It is news only once.
    let said = config(&sandbox, &["set", "defaults.mix", "cc"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let said = config(&sandbox, &["list"]);
    assert_eq!(said.code, 0);
    assert!(said.err.contains(wanted), "{}", said.err);
}

// Nobody is missed who may stand in a file that is no TOML, or that cannot be read.
#[test]
fn a_file_that_is_no_toml_has_no_consequences() {
    let sandbox = Sandbox::new();
    let repository =
        "[defaults]\nmix = 'mine'\n[providers.zen]\ndisabled = true\n[harness.mine]\noutput_lines = 3\n";
    sandbox.write(REPO, repository);
    let whole = "[harness.mine]\ncommand = ['x']\n[providers]\nzen = ['op:a/b']\n";
    user(&sandbox, whole);
    assert_eq!(config(&sandbox, &["list"]).err, "");
    user(&sandbox, &format!("{whole}oh no\n"));
    let said = config(&sandbox, &["list"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("config.toml:5: not valid TOML"), "{}", said.err);
    assert_eq!(said.err.lines().count(), 1, "{}", said.err);
    // A name that may be there is no mistake.
    let said = config(&sandbox, &["set", "--repo", "routes.default", "mine:fast"]);
    assert_eq!(said.code, 0, "{}", said.err);
}

// A link that leads nowhere is neither an empty file nor written through.
#[test]
fn a_dangling_link_is_told_as_what_it_is() {
    let sandbox = Sandbox::new();
    let file = user_file(&sandbox);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink("nowhere.toml", &file).unwrap();
    let said = refused(&sandbox, 1, &["set", "defaults.mix", "cc"]);
    assert!(said.contains("it is a symbolic link to a file that is not there"), "{said}");
    let said = refused(&sandbox, 1, &["unset", "defaults.mix"]);
    assert!(said.contains("it is a symbolic link to a file that is not there"), "{said}");
    assert!(file.is_symlink());
}

#[test]
fn comments_stay_when_their_neighbours_go() {
    let sandbox = Sandbox::new();
    for (before, args, after) in [
        // The last key of a table takes its header along, and no comment.
        (
            "# head\n\n# about a\n[harness.a]\n# the program\ncommand = ['x'] # its line\n# behind\n\n[routes]\ndefault = ['cc']\n",
            &["unset", "harness.a.command"][..],
            "# head\n\n# about a\n# the program\n# behind\n\n[routes]\ndefault = ['cc']\n",
        ),
        (
            "[providers.zen]\n# who\n# shares\nmodels = ['op']\n",
            &["unset", "providers.zen.models"],
            "# who\n# shares\n",
        ),
        (
            "[harness.cc]\n# names\n[harness.cc.models]\n# good\nopus = 'x'\n",
            &["unset", "harness.cc.models.opus"],
            "# names\n# good\n",
        ),
        (
            "[routes]\ndefault = ['cc', # first\n  # then\n  'op', 'cx' # both\n]\n",
            &["set", "routes.default", "cc", "cx:2"],
            "[routes]\ndefault = [\n  'cc', # first\n  \"cx:2\",\n  # then\n]\n",
        ),
        (
            "[routes]\ndefault = [ # nobody else\n  'cc', 'op' ]\n",
            &["set", "routes.default", "op"],
            "[routes]\ndefault = [ # nobody else\n  'op',\n]\n",
        ),
        (
            "routes = { default = [ # all\n 'cc' ] }\n",
            &["set", "routes.default", "cc", "cx"],
            "routes = { default = [ # all\n  'cc',\n  \"cx\",\n] }\n",
        ),
    ] {
        user(&sandbox, before);
        fine(&sandbox, args);
        assert_eq!(std::fs::read_to_string(user_file(&sandbox)).unwrap(), after, "{args:?}");
    }
}
