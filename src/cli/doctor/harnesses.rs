//! The agent CLIs: are they there, in which version, signed in, and what can they do?

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::finding::{Finding, Group, Level};
use super::version::{self, Compared};
use crate::cli::program::{Found, Located};
use crate::cli::relay::harnesses;
use crate::config::{self, Config};
use crate::executor::{SignIn, proven};
use crate::process;
use crate::routing::{Catalog, Entry, Lane, Roster};

/// Who wants a harness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    /// The configuration: the mix, or a route.
    Configured(String),
    /// The mix that holds while none is configured.
    BuiltInMix,
    /// Nobody.
    Unused,
}

/// The key, `built-in mix`, or `null`.
impl Serialize for Use {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Use::Configured(place) => serializer.serialize_some(place),
            Use::BuiltInMix => serializer.serialize_some("built-in mix"),
            Use::Unused => serializer.serialize_none(),
        }
    }
}

/// What became of the question for the version.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Asked {
    /// A program of the user's own might begin to work when it is called.
    No,
    /// The repository sets variables for it, and so chooses what would be run.
    Steered,
    /// It could not be run, or did not end.
    NoAnswer,
    /// It said something, a version among it or not.
    Answered(Option<String>),
}

/// What is known of one harness.
#[derive(Debug, Serialize)]
pub struct Harness {
    name: String,
    /// The built-in harness that it is or is built on.
    base: Option<&'static str>,
    /// As configured.
    program: String,
    /// The file that would be run.
    path: Option<String>,
    version: Option<String>,
    /// The version that the test suite proves.
    proven: Option<&'static str>,
    compared: Compared,
    /// `yes`, `no` or `unknown`.
    signed_in: &'static str,
    /// The file or variable that says so, or would.
    sign_in_by: Option<String>,
    /// Whether a session can be gone on with.
    resume: bool,
    used_by: Use,
    #[serde(skip)]
    found: Found,
    #[serde(skip)]
    asked: Asked,
    /// Whether it has a table of its own in the configuration.
    #[serde(skip)]
    own_table: bool,
    #[serde(skip)]
    own_path: bool,
}

/// Looks at every harness, all at a time: some take a second to tell their version.
pub fn gather(config: &Config, workspace: &Path) -> Vec<Harness> {
    let uses = uses(config);
    let registry = harnesses::registry(config);
    std::thread::scope(|scope| {
        let probes: Vec<_> = registry
            .names()
            .map(|name| {
                let used_by = uses.get(name).cloned().unwrap_or(Use::Unused);
                scope.spawn(move || probe(config, name, used_by, workspace))
            })
            .collect();
        probes.into_iter().filter_map(|probe| probe.join().ok().flatten()).collect()
    })
}

/// Executors stay in their thread, so each makes its own.
fn probe(config: &Config, name: &str, used_by: Use, workspace: &Path) -> Option<Harness> {
    let mut registry = harnesses::registry(config);
    let executor = registry.get(name)?;
    let variables = executor.spec().extra_env.clone();
    let Located { program, found, own_path } = Located::of(executor.spec(), workspace);
    let base = config.builtin(name);
    let steered = is_steered_by(&config::repository_file(workspace), config, name);
    let mut asked = if steered { Asked::Steered } else { Asked::No };
    if let (Found::At(file), Some(_), false) = (&found, base, steered) {
        let answers = RefCell::new(BTreeMap::<Vec<String>, Option<String>>::new());
        let ask = |args: &[&str]| {
            let key = args.iter().map(|arg| (*arg).to_owned()).collect();
            let answer = || process::ask(file.as_os_str(), args, &variables, workspace);
            answers.borrow_mut().entry(key).or_insert_with(answer).clone()
        };
        asked = match ask(&["--version"]) {
            Some(answer) => Asked::Answered(version::find(&answer).map(str::to_owned)),
            None => Asked::NoAnswer,
        };
        registry.learn(name, &|_, _, args| ask(args));
    }
    let executor = registry.get(name)?;
    let (signed_in, sign_in_by) = match executor.sign_in() {
        SignIn::Yes(by) => ("yes", Some(by)),
        SignIn::No(by) => ("no", Some(by)),
        SignIn::Unknown => ("unknown", None),
    };
    let version = if let Asked::Answered(version) = &asked { version.clone() } else { None };
    let proven = base.and_then(|base| proven(base.cli));
    Some(Harness {
        name: name.to_owned(),
        base: base.map(|base| base.name),
        program,
        path: if let Found::At(file) = &found { Some(file.display().to_string()) } else { None },
        compared: version::compare(version.as_deref(), proven),
        version,
        proven,
        signed_in,
        sign_in_by,
        resume: executor.capabilities().resume,
        used_by,
        found,
        asked,
        own_table: config.harnesses.contains_key(name),
        own_path,
    })
}

/// Whether the repository's file sets variables of a harness: looking at somebody's repository must run nothing
/// that its owner chose, and a variable is enough for that.
fn is_steered_by(repository: &Path, config: &Config, name: &str) -> bool {
    let tables: Vec<String> =
        config.harness_tables(name).map(|(table, _)| format!("harness.{table}.env.")).collect();
    config.origins().any(|(key, origin)| {
        origin.file == repository && tables.iter().any(|table| key.starts_with(table.as_str()))
    })
}

/// Who is wanted by the mix and the routes, also by what is right in a broken route. Entries that name
/// nobody are told with the configuration.
fn uses(config: &Config) -> BTreeMap<String, Use> {
    let catalog = Catalog::new(config);
    let mut uses = BTreeMap::new();
    let mix = Roster::from_config_mix(&catalog);
    for member in mix.iter().flat_map(|mix| &mix.lanes).flat_map(Lane::members) {
        let by = match config.defaults.mix {
            Some(_) => Use::Configured("[defaults].mix".to_owned()),
            None => Use::BuiltInMix,
        };
        uses.insert(member.runner.harness.clone(), by);
    }
    for route in config.routes.values() {
        for entry in route.entries.iter().filter_map(|text| Entry::parse(text).ok()) {
            if let Ok(runner) = catalog.resolve(&entry.identifier)
                && !matches!(uses.get(&runner.harness), Some(Use::Configured(_)))
            {
                uses.insert(runner.harness, Use::Configured(format!("[routes].{}", route.name)));
            }
        }
    }
    uses
}

/// What is to be said about them.
pub fn findings(harnesses: &[Harness]) -> Vec<Finding> {
    harnesses
        .iter()
        .flat_map(|harness| [program_finding(harness), sign_in_finding(harness)])
        .flatten()
        .collect()
}

fn program_finding(harness: &Harness) -> Option<Finding> {
    let say = |level, text: String| Finding::new(Group::Harnesses, level, &harness.name, text);
    let program = &harness.program;
    Some(match (&harness.found, &harness.asked) {
        (Found::Nowhere, _) => {
            let place = Located::missing(program, harness.own_path);
            let text = format!("{place}; {}", used(&harness.used_by));
            match missing(harness) {
                Level::Problem => say(Level::Problem, text).way_out("install it, or take it out there"),
                level => say(level, text),
            }
        }
        (Found::NotExecutable(file), _) => {
            say(missing(harness), format!("{} may not be executed", file.display()))
                .way_out(format!("chmod +x {}", file.display()))
        }
        (Found::At(file), Asked::NoAnswer) => {
            say(missing(harness).max(Level::Warning), format!("{} --version gives no answer", file.display()))
                .way_out("run it by hand to see why")
        }
        (Found::At(file), Asked::No | Asked::Steered | Asked::Answered(_)) => {
            let (level, version) = judge_version(harness);
            let mut parts: Vec<String> = version.into_iter().collect();
            if let ("yes", Some(by)) = (harness.signed_in, &harness.sign_in_by) {
                parts.push(format!("signed in ({by})"));
            }
            parts.push(if harness.resume { "resumes sessions" } else { "cannot resume sessions" }.to_owned());
            parts.push(file.display().to_string());
            say(level, parts.join("; "))
        }
    })
}

fn used(by: &Use) -> String {
    match by {
        Use::Configured(place) => format!("{place} uses it"),
        Use::BuiltInMix => "the built-in mix uses it, which holds while none is configured".to_owned(),
        Use::Unused => "nothing uses it".to_owned(),
    }
}

/// How bad it is that a harness cannot be run.
fn missing(harness: &Harness) -> Level {
    match &harness.used_by {
        Use::Configured(_) => Level::Problem,
        Use::BuiltInMix => Level::Warning,
        Use::Unused if harness.own_table => Level::Warning,
        Use::Unused => Level::Note,
    }
}

fn judge_version(harness: &Harness) -> (Level, Option<String>) {
    let version = harness.version.as_deref().unwrap_or_default();
    let proven = harness.proven.unwrap_or_default();
    match harness.compared {
        Compared::Same => (Level::Ok, Some(format!("{version}, as proven by rally's tests"))),
        Compared::Newer => {
            (Level::Note, Some(format!("{version} is newer than {proven}, which rally's tests prove")))
        }
        Compared::Older => {
            (Level::Note, Some(format!("{version} is older than {proven}, which rally's tests prove")))
        }
        Compared::Unproven => (Level::Note, Some(format!("{version}; rally's tests prove no version of it"))),
        Compared::Unknown if harness.asked == Asked::No => (Level::Ok, None),
        Compared::Unknown if harness.asked == Asked::Steered => {
            (Level::Note, Some("this repository sets its env, so it was not run".to_owned()))
        }
        // Perhaps it only printed why it cannot start.
        Compared::Unknown => {
            let level = if harness.used_by == Use::Unused { Level::Note } else { Level::Warning };
            (level, Some("--version tells no version".to_owned()))
        }
    }
}

fn sign_in_finding(harness: &Harness) -> Option<Finding> {
    let Found::At(_) = harness.found else { return None };
    let by = harness.sign_in_by.as_deref().filter(|_| harness.signed_in == "no")?;
    let level = if harness.used_by == Use::Unused { Level::Note } else { Level::Warning };
    let text = format!("does not look signed in: none of {by}");
    Some(Finding::new(Group::Harnesses, level, &harness.name, text).way_out("sign in with the CLI itself"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn harness(found: Found, used_by: Use) -> Harness {
        Harness {
            name: "claude".into(),
            base: Some("claude"),
            program: "claude".into(),
            path: None,
            version: Some("2.1.330".into()),
            proven: Some("2.1.330"),
            compared: Compared::Same,
            signed_in: "unknown",
            sign_in_by: None,
            resume: true,
            used_by,
            found,
            asked: Asked::Answered(Some("2.1.330".into())),
            own_table: false,
            own_path: false,
        }
    }

    fn here() -> Found {
        Found::At("/bin/claude".into())
    }

    fn levels(harness: Harness) -> Vec<Level> {
        findings(&[harness]).into_iter().map(|finding| finding.level).collect()
    }

    #[test]
    fn a_missing_harness_is_a_problem_only_for_who_wants_it() {
        let wanted = || Use::Configured("[defaults].mix".into());
        let table = [
            (Found::Nowhere, wanted(), false, Level::Problem),
            (Found::Nowhere, Use::BuiltInMix, false, Level::Warning),
            (Found::Nowhere, Use::Unused, false, Level::Note),
            (Found::Nowhere, Use::Unused, true, Level::Warning),
            (Found::NotExecutable("/x".into()), wanted(), false, Level::Problem),
            (here(), wanted(), true, Level::Ok),
        ];
        for (found, used_by, own_table, level) in table {
            let text = format!("{found:?} {used_by:?} {own_table}");
            assert_eq!(levels(Harness { own_table, ..harness(found, used_by) }), [level], "{text}");
        }
    }

    #[test]
    fn versions_and_silence() {
        let wanted = || Use::Configured("[defaults].mix".into());
        let table = [
            (Compared::Same, Level::Ok),
            (Compared::Newer, Level::Note),
            (Compared::Older, Level::Note),
            (Compared::Unproven, Level::Note),
            (Compared::Unknown, Level::Warning),
        ];
        for (compared, level) in table {
            assert_eq!(levels(Harness { compared, ..harness(here(), wanted()) }), [level], "{compared:?}");
        }
        let silent = |used_by| Harness { asked: Asked::NoAnswer, ..harness(here(), used_by) };
        assert_eq!(levels(silent(wanted())), [Level::Problem]);
        assert_eq!(levels(silent(Use::Unused)), [Level::Warning]);
        let own = Harness { asked: Asked::No, compared: Compared::Unknown, ..harness(here(), Use::Unused) };
        assert_eq!(findings(&[own])[0].text, "resumes sessions; /bin/claude");
    }

    #[test]
    fn who_is_not_signed_in_is_told() {
        let not = |found, used_by| Harness {
            signed_in: "no",
            sign_in_by: Some("A_KEY or /home/.a".into()),
            ..harness(found, used_by)
        };
        assert_eq!(levels(not(here(), Use::BuiltInMix)), [Level::Ok, Level::Warning]);
        assert_eq!(levels(not(here(), Use::Unused)), [Level::Ok, Level::Note]);
        assert_eq!(levels(not(Found::Nowhere, Use::Unused)), [Level::Note]);
        let yes =
            Harness { signed_in: "yes", sign_in_by: Some("A_KEY".into()), ..harness(here(), Use::Unused) };
        assert_eq!(
            findings(&[yes])[0].text,
            "2.1.330, as proven by rally's tests; signed in (A_KEY); resumes sessions; /bin/claude"
        );
    }
}
