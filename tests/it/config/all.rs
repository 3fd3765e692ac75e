//! Every mistake at once, whoever asks.

use pretty_assertions::assert_eq;
use rally::config;

use super::Files;

// A wrong shape in one place does not hide what is wrong in another.
#[test]
fn loading_tells_what_looking_tells() {
    let files = Files::new(
        "[defaults]\niterations = 'many'\n[harness.a]\nargs = ['x']\n",
        "data_dir = '$HOME/x'\n[routes]\nui = ['ui']\n[providers.zen]\ndisabled = true\n",
    );
    let told = files.error();
    for (line, wanted) in [
        ("home/.config/rally/config.toml:2: ", "[defaults].iterations must be a whole number"),
        ("home/.config/rally/config.toml:3: ", "[harness.a] can run nothing"),
        ("repo/.rally/config.toml:1: ", "not expanded"),
        ("repo/.rally/config.toml:3: ", "is a role name"),
        ("repo/.rally/config.toml:4: ", "[providers.zen] has no models"),
    ] {
        assert!(told.lines().any(|told| told.starts_with(line) && told.contains(wanted)), "{wanted}: {told}");
    }
    let paths = [files.env.user_file().unwrap(), files.repository()];
    let contents: Vec<_> = paths.map(|path| (path.clone(), std::fs::read(path).unwrap())).into();
    let looked = config::inspect(&contents, &files.workspace(), &files.env).errors;
    let looked: Vec<String> = looked.iter().map(ToString::to_string).collect();
    assert_eq!(files.plain(&looked.join("\n")), told);
}

// What another file may say is not missed while nobody can read that.
#[test]
fn a_syntax_error_stands_alone() {
    let files = Files::new(
        "[providers]\nzen = ['op']\nno toml\n",
        "[providers.zen]\ndisabled = true\n[reliability]\nretry_budget = -1\n",
    );
    let told = files.error();
    assert!(told.starts_with("home/.config/rally/config.toml:3: not valid TOML"), "{told}");
    assert!(told.contains("repo/.rally/config.toml:4: [reliability].retry_budget is -1"), "{told}");
    assert_eq!(told.lines().count(), 2, "{told}");
}
