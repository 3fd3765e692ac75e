//! The model in the settings: what is there during a try, after it, and after a crash.

use super::*;
use std::fs::File;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Child, Command};

use proptest::prelude::*;

use crate::process::identity;

const LABEL: &str = "Gemini 3.5 Flash (High)";

/// Longer than any lock is held, however busy the machine is.
const LONG: Duration = Duration::from_secs(60);

struct Home(tempfile::TempDir, LooseEnds);

impl Home {
    fn new() -> Home {
        Home(tempfile::tempdir().unwrap(), LooseEnds::patient(LONG))
    }

    fn with(text: &str) -> Home {
        let home = Home::new();
        fs::create_dir_all(home.file().parent().unwrap()).unwrap();
        fs::write(home.file(), text).unwrap();
        home
    }

    fn file(&self) -> PathBuf {
        settings_file(self.0.path())
    }

    fn text(&self) -> Option<String> {
        fs::read_to_string(self.file()).ok()
    }

    fn model(&self) -> Option<String> {
        let raw = document::value(&self.text()?, KEY).unwrap().map(str::to_owned)?;
        serde_json::from_str(&raw).ok()
    }

    fn hold(&self, model: &str, me: &ProcessIdentity) -> Box<dyn Hold> {
        match self.ask(model, me) {
            Held::Ready(hold) => hold,
            other => panic!("{other:?}"),
        }
    }

    fn ask(&self, model: &str, me: &ProcessIdentity) -> Held {
        self.asked(Some(model), me).unwrap()
    }

    fn asked(&self, model: Option<&str>, me: &ProcessIdentity) -> Result<Held, PrepareError> {
        hold(self.0.path(), "antigravity", model, Some(me.clone()), &self.1)
    }

    fn repair(&self) -> Vec<String> {
        repair(self.0.path(), LONG)
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        self.file().with_file_name(format!(".settings.json.rally{suffix}"))
    }

    /// Names of all files in the folder.
    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.file().parent().unwrap()).unwrap();
        let mut names: Vec<String> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn me() -> ProcessIdentity {
    identity::of(std::process::id().cast_signed()).unwrap()
}

/// Another process that holds something; it is gone when this is dropped.
struct Other(Child);

impl Other {
    fn new() -> Other {
        Other(Command::new("sleep").arg("1000").spawn().unwrap())
    }

    fn identity(&self) -> ProcessIdentity {
        identity::of(self.0.id().cast_signed()).unwrap()
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn busy(held: Held) -> String {
    match held {
        Held::Busy(why) => why,
        other => panic!("{other:?}"),
    }
}

// 20-AF-AG-05
#[test]
fn a_file_that_was_not_there_is_gone_afterwards() {
    let home = Home::new();
    let hold = home.hold(LABEL, &me());
    assert_eq!(home.model().as_deref(), Some(LABEL));
    assert_eq!(home.file().metadata().unwrap().mode() & 0o777, 0o600);
    assert_eq!(home.file().parent().unwrap().metadata().unwrap().mode() & 0o777, 0o700);
    assert_eq!(hold.release(), [""; 0]);
    assert_eq!(home.names(), [""; 0]);
}

#[test]
fn a_blank_file_is_blank_again() {
    let home = Home::with(" \n");
    let hold = home.hold(LABEL, &me());
    assert_eq!(home.model().as_deref(), Some(LABEL));
    assert_eq!(hold.release(), [""; 0]);
    assert_eq!(home.text().as_deref(), Some(" \n"));
}

// 20-20 #27
#[test]
fn everything_else_stays_to_the_letter() {
    for text in [
        "{\n  // mine\n  \"theme\": \"dark\",\n  \"model\": \"Gemini 3 \\u0050ro\", /* best */\n}\n",
        "{\n  \"theme\": \"dark\"\n}\n",
        "{\"model\": null}",
        "{}",
    ] {
        let home = Home::with(text);
        fs::set_permissions(home.file(), fs::Permissions::from_mode(0o640)).unwrap();
        let hold = home.hold(LABEL, &me());
        assert_eq!(home.model().as_deref(), Some(LABEL));
        assert_eq!(hold.release(), [""; 0]);
        assert_eq!(home.text().as_deref(), Some(text));
        assert_eq!(home.file().metadata().unwrap().mode() & 0o777, 0o640);
        assert_eq!(home.names(), ["settings.json"]);
    }
}

#[test]
fn a_value_that_is_right_already_is_held_too() {
    let text = r#"{"model":"Gemini 3.5 Flash \u0028High)"}"#;
    let home = Home::with(text);
    let other = Other::new();
    let hold = home.hold(LABEL, &me());
    assert_eq!(home.text().as_deref(), Some(text));
    busy(home.ask("another", &other.identity()));
    assert_eq!(hold.release(), [""; 0]);
    assert_eq!(home.text().as_deref(), Some(text));
}

// 20-20 #25
#[test]
fn the_same_model_is_shared_and_another_one_waits() {
    let home = Home::with(r#"{"model":"mine"}"#);
    let other = Other::new();
    let first = home.hold(LABEL, &me());
    let second = home.hold(LABEL, &other.identity());
    let third = home.hold(LABEL, &me());
    let why = busy(home.ask("Gemini 3 Pro", &other.identity()));
    assert!(why.contains(LABEL) && why.contains(&me().pid.to_string()), "{why}");
    // Who asks for no model would run with this one.
    assert!(busy(home.asked(None, &me()).unwrap()).contains(LABEL));
    assert_eq!(first.release(), [""; 0]);
    assert_eq!(second.release(), [""; 0]);
    assert_eq!(home.model().as_deref(), Some(LABEL));
    assert_eq!(third.release(), [""; 0]);
    assert_eq!(home.model().as_deref(), Some("mine"));
    home.hold("Gemini 3 Pro", &other.identity()).release();
    assert_eq!(home.names(), ["settings.json"]);
}

#[test]
fn who_waits_is_not_overtaken() {
    let home = Home::with("{}");
    let (waiting, late) = (Other::new(), Other::new());
    let hold = home.hold(LABEL, &me());
    busy(home.ask("Gemini 3 Pro", &waiting.identity()));
    // Neither by one that could join, nor by the one that was just there.
    assert!(busy(home.ask(LABEL, &late.identity())).contains("its turn"));
    assert_eq!(hold.release(), [""; 0]);
    busy(home.ask(LABEL, &me()));
    home.hold("Gemini 3 Pro", &waiting.identity()).release();
    home.hold(LABEL, &me()).release();
    assert_eq!(home.names(), ["settings.json"]);
    // Who has given up, or is dead, does not wait.
    let next = home.beside("-next");
    let queue = || {
        let hold = home.hold(LABEL, &me());
        busy(home.ask("Gemini 3 Pro", &waiting.identity()));
        hold.release();
        busy(home.ask(LABEL, &me()));
    };
    queue();
    let long_ago = std::time::SystemTime::now() - Duration::from_secs(60);
    File::options().write(true).open(&next).unwrap().set_modified(long_ago).unwrap();
    home.hold(LABEL, &me()).release();
    queue();
    drop(waiting);
    home.hold(LABEL, &me()).release();
    assert_eq!(home.names(), ["settings.json"]);
}

// 20-20 #27
#[test]
fn what_the_user_changes_meanwhile_is_theirs() {
    let home = Home::with(r#"{"model":"mine"}"#);
    let hold = home.hold(LABEL, &me());
    fs::write(home.file(), r#"{"model":"newer", "theme":1}"#).unwrap();
    let remarks = hold.release();
    assert!(remarks[0].contains("changed during the try"), "{remarks:?}");
    assert_eq!(home.text().as_deref(), Some(r#"{"model":"newer", "theme":1}"#));
    // Changes beside the model are nobody's business, and stay.
    let hold = home.hold(LABEL, &me());
    fs::write(home.file(), home.text().unwrap().replace("1}", "2}")).unwrap();
    assert_eq!(hold.release(), [""; 0]);
    assert_eq!(home.text().as_deref(), Some(r#"{"model":"newer", "theme":2}"#));
    // Who joins after such a change puts that value back.
    let first = home.hold(LABEL, &me());
    fs::write(home.file(), r#"{"model":"newest"}"#).unwrap();
    let second = home.hold(LABEL, &me());
    assert_eq!(home.model().as_deref(), Some(LABEL));
    assert_eq!((first.release(), second.release()), (vec![], vec![]));
    assert_eq!(home.model().as_deref(), Some("newest"));
    assert_eq!(home.names(), ["settings.json"]);
}

// 20-20 #26
#[test]
fn what_a_crash_left_is_taken_back() {
    for repair_first in [false, true] {
        let home = Home::with("{\"a\":1}");
        let crashed = Other::new();
        std::mem::forget(home.hold(LABEL, &crashed.identity()));
        assert_eq!(home.repair(), [""; 0], "it still runs");
        assert_eq!(home.model().as_deref(), Some(LABEL));
        drop(crashed);
        if repair_first {
            assert!(home.repair()[0].contains("took back the model"));
            assert_eq!(home.text().as_deref(), Some("{\"a\":1}"));
            assert_eq!(home.repair(), [""; 0]);
        }
        let hold = home.hold("Gemini 3 Pro", &me());
        assert_eq!(home.model().as_deref(), Some("Gemini 3 Pro"));
        assert_eq!(hold.release(), [""; 0]);
        assert_eq!(home.text().as_deref(), Some("{\"a\":1}"));
        assert_eq!(home.names(), ["settings.json"]);
    }
}

#[test]
fn a_crash_between_journal_and_settings_changes_nothing() {
    let home = Home::with(r#"{"model":"mine"}"#);
    let crashed = Other::new();
    std::mem::forget(home.hold(LABEL, &crashed.identity()));
    drop(crashed);
    fs::write(home.file(), r#"{"model":"mine"}"#).unwrap();
    home.repair();
    assert_eq!(home.names(), ["settings.json"]);
    assert_eq!(home.model().as_deref(), Some("mine"));
    // A journal that cannot be understood is named, and is no obstacle.
    fs::write(home.beside(""), "{").unwrap();
    let said = home.repair();
    assert!(said[0].contains("settings.json.rally cannot be understood; see to the model there"), "{said:?}");
    assert!(home.beside("").exists());
    assert_eq!(home.hold(LABEL, &me()).release(), [""; 0]);
    assert_eq!(home.model().as_deref(), Some("mine"));
}

// 20-20 #27
#[test]
fn links_are_followed() {
    let home = Home::with("");
    let dotfiles = tempfile::tempdir().unwrap();
    let real = dotfiles.path().join("agy.json");
    fs::remove_file(home.file()).unwrap();
    std::os::unix::fs::symlink(&real, home.file()).unwrap();
    for text in [None, Some("{\"model\":\"mine\"}")] {
        if let Some(text) = text {
            fs::write(&real, text).unwrap();
        }
        let hold = home.hold(LABEL, &me());
        assert_eq!(home.model().as_deref(), Some(LABEL));
        assert!(home.file().is_symlink() && real.is_file());
        assert_eq!(hold.release(), [""; 0]);
        assert!(home.file().is_symlink());
        assert_eq!(fs::read_to_string(&real).ok().as_deref(), text);
    }
    fs::remove_file(home.file()).unwrap();
    std::os::unix::fs::symlink("settings.json", home.file()).unwrap();
    home.asked(Some(LABEL), &me()).unwrap_err();
}

#[test]
fn what_cannot_be_read_is_named_and_left_alone() {
    for text in ["{\n\"model\" \"x\"}", "[]", "\u{0}"] {
        let home = Home::with(text);
        let error = home.asked(Some(LABEL), &me()).unwrap_err();
        let said = error.to_string();
        assert!(said.contains("settings.json") && said.contains("mend it"), "{said}");
        assert_eq!(home.text().as_deref(), Some(text));
        assert_eq!(home.names(), ["settings.json"]);
        // Nothing is needed without a model, so nothing is asked of the file.
        assert!(matches!(home.asked(None, &me()), Ok(Held::Nothing)));
    }
    let home = Home::with("{}");
    let held = home.hold(LABEL, &me());
    fs::write(home.file(), "{ half").unwrap();
    let remarks = held.release();
    assert!(remarks[0].contains("still set") && remarks[0].contains("mend it"), "{remarks:?}");
    // Once it is mended, the next one to come takes the model back.
    fs::write(home.file(), format!("{{\"model\":\"{LABEL}\"}}")).unwrap();
    assert!(home.repair()[0].contains("took back"));
    assert_eq!(home.text().as_deref(), Some("{}"));
}

#[test]
fn without_a_model_nothing_is_touched() {
    let home = Home::new();
    assert!(matches!(home.asked(None, &me()), Ok(Held::Nothing)));
    assert!(!home.file().parent().unwrap().exists());
    assert_eq!(home.repair(), [""; 0]);
    assert!(!home.file().parent().unwrap().exists());
}

#[test]
fn a_lock_that_is_taken_is_not_waited_for() {
    let home = Home::with("{}");
    let lock = home.beside("-lock");
    let taken = Lock::take(&lock, Duration::ZERO).unwrap().unwrap();
    assert!(busy(home.ask(LABEL, &me())).contains("rally-lock"));
    drop(taken);
    assert!(!lock.exists());
    home.hold(LABEL, &me()).release();
}

#[test]
fn one_at_a_time_has_the_lock_although_its_file_comes_and_goes() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let home = Home::with("{}");
    let lock = home.beside("-lock");
    let inside = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    let _taken = Lock::take(&lock, LONG).unwrap().unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    std::thread::yield_now();
                    inside.fetch_sub(1, Ordering::SeqCst);
                }
            });
        }
    });
}

#[test]
fn many_at_once_leave_nothing_behind() {
    let home = Home::with(r#"{"a":1,"model":"mine"}"#);
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let home = &home;
            scope.spawn(move || {
                let model = if worker % 2 == 0 { LABEL } else { "Gemini 3 Pro" };
                for _ in 0..10 {
                    let held = loop {
                        match home.ask(model, &me()) {
                            Held::Ready(hold) => break hold,
                            Held::Busy(_) => std::thread::yield_now(),
                            Held::Nothing => panic!("a model needs a hold"),
                        }
                    };
                    assert_eq!(home.model().as_deref(), Some(model));
                    assert_eq!(held.release(), [""; 0]);
                }
            });
        }
    });
    assert_eq!(home.text().as_deref(), Some(r#"{"a":1,"model":"mine"}"#));
    assert_eq!(home.names(), ["settings.json"]);
}

#[test]
fn a_journal_of_a_newer_rally_is_left_alone() {
    let home = Home::with(r#"{"model":"theirs"}"#);
    fs::write(home.beside(""), r#"{"v":2,"all":"new"}"#).unwrap();
    let said = home.repair();
    assert!(said[0].contains("settings.json.rally is of a newer rally"), "{said:?}");
    let error = home.asked(Some(LABEL), &me()).unwrap_err().to_string();
    assert!(error.contains("newer rally") && error.contains("remove that file"), "{error}");
    assert_eq!(home.names(), [".settings.json.rally", "settings.json"]);
    assert_eq!(home.model().as_deref(), Some("theirs"));
    // It became so during a try.
    fs::remove_file(home.beside("")).unwrap();
    let hold = home.hold(LABEL, &me());
    fs::write(home.beside(""), "{").unwrap();
    let said = hold.release();
    assert!(said[0].contains("still set") && said[0].contains("cannot be understood"), "{said:?}");
}

#[test]
fn where_nothing_can_be_looked_at_nothing_is_said() {
    let home = Home::with("{}");
    let folder = home.file().parent().unwrap().to_owned();
    fs::remove_dir_all(&folder).unwrap();
    fs::write(&folder, "no folder").unwrap();
    assert_eq!(home.repair(), [""; 0]);
}

/// Changes a member of the only holder in the journal.
fn edit(home: &Home, change: impl Fn(&mut serde_json::Value)) {
    let text = fs::read_to_string(home.beside("")).unwrap();
    let mut journal: serde_json::Value = serde_json::from_str(&text).unwrap();
    change(&mut journal["holders"][0]);
    fs::write(home.beside(""), journal.to_string()).unwrap();
}

#[test]
fn a_holder_of_another_host_counts_for_a_day() {
    let home = Home::with("{}");
    std::mem::forget(home.hold(LABEL, &me()));
    edit(&home, |holder| {
        holder["boot_id"] = "another boot".into();
        holder["host"] = "elsewhere 17".into();
    });
    assert_eq!(home.repair(), [""; 0]);
    let why = busy(home.ask("Gemini 3 Pro", &me()));
    assert!(why.contains("on elsewhere)"), "{why}");
    let long_ago = crate::model::time::now().as_second() - 25 * 3600;
    edit(&home, |holder| holder["since"] = long_ago.into());
    assert!(home.repair()[0].contains("took back"));
    // Another space of process ids under the same kernel cannot be seen either.
    std::mem::forget(home.hold(LABEL, &me()));
    edit(&home, |holder| {
        holder["pids"] = "pid:[1]".into();
        holder["pid"] = i32::MAX.into();
    });
    assert_eq!(home.repair(), [""; 0]);
    // This host was started anew: nobody of before is left.
    edit(&home, |holder| holder["boot_id"] = "the boot before".into());
    assert!(home.repair()[0].contains("took back"));
    assert_eq!(home.text().as_deref(), Some("{}"));
}

#[test]
fn a_release_that_found_the_lock_taken_is_made_up_for() {
    let mut home = Home::with(r#"{"model":"mine"}"#);
    home.1 = LooseEnds::patient(Duration::ZERO);
    for gone in [false, true] {
        let hold = home.hold(LABEL, &me());
        let taken = Lock::take(&home.beside("-lock"), LONG).unwrap().unwrap();
        let said = hold.release();
        assert!(said[0].contains("still set") && said[0].contains("is locked"), "{said:?}");
        assert_eq!(home.model().as_deref(), Some(LABEL));
        drop(taken);
        if gone {
            home.1 = LooseEnds::patient(Duration::ZERO);
        } else {
            // This very process does not wait for itself.
            assert_eq!(home.hold("Gemini 3 Pro", &me()).release(), [""; 0]);
        }
        assert_eq!(home.model().as_deref(), Some("mine"));
        assert_eq!(home.names(), ["settings.json"]);
    }
}

#[test]
fn who_gives_up_waiting_leaves_no_file() {
    let mut home = Home::with("{}");
    let (other, dead) = (Other::new(), Other::new());
    let hold = home.hold(LABEL, &other.identity());
    home.1 = LooseEnds::patient(LONG);
    busy(home.ask("Gemini 3 Pro", &me()));
    assert!(home.beside("-next").exists());
    home.1 = LooseEnds::patient(LONG);
    assert!(!home.beside("-next").exists());
    // Nor does one that was killed, once somebody comes by.
    busy(home.ask("Gemini 3 Pro", &dead.identity()));
    assert_eq!(home.repair(), [""; 0]);
    assert!(home.beside("-next").exists(), "it still waits");
    drop(dead);
    assert_eq!(home.repair(), [""; 0]);
    assert!(!home.beside("-next").exists());
    assert_eq!(hold.release(), [""; 0]);
    assert_eq!(home.names(), ["settings.json"]);
}

#[test]
fn the_key_of_the_environment_counts_where_it_is_chosen() {
    assert!(uses_api_key(Home::with(r#"{"modelProvider":"gemini"}"#).0.path()));
    for text in [r#"{"modelProvider":"google"}"#, "{}", "", "{"] {
        assert!(!uses_api_key(Home::with(text).0.path()), "{text}");
    }
    assert!(!uses_api_key(Home::new().0.path()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_label_comes_and_goes(label in any::<String>(), before in any::<Option<String>>()) {
        let text = match &before {
            Some(before) => format!("{{ \"model\" : {} }}", serde_json::to_string(before).unwrap()),
            None => "{ // none\n}".to_owned(),
        };
        let home = Home::with(&text);
        let hold = home.hold(&label, &me());
        prop_assert_eq!(home.model(), Some(label));
        prop_assert_eq!(hold.release(), Vec::<String>::new());
        prop_assert_eq!(home.text(), Some(text));
    }
}
