//! A new version takes effect as a whole or not at all, by command and when its files change.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use golden_bell::config::{Config, Environment};
use golden_bell::runtime::Rulebook;

use crate::instance::{Instance, Setting};
use crate::zone::{AREAS, PEOPLE};

const ROSTERS: &str =
    "[[rosters]]\nid = \"r\"\nareas = [\"z\"]\nshifts = [{ from = 08:00:00, to = 20:00:00, people = [\"a\"] }]\n";

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        fs::write(folder.join(name), text).unwrap();
    }
}

#[test]
fn a_bad_directory_is_refused_whole_and_the_old_one_stays() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("areas.toml", AREAS), ("people.toml", PEOPLE), ("rosters.toml", ROSTERS)]);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/golden-bell.toml");
    let mut config = Config::load(Some(&file), &Environment::default()).unwrap();
    config.rules.path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/rules.toml");
    config.directory.path = folder.path().to_owned();
    let rulebook = Rulebook::load(&config).unwrap();
    let version = || rulebook.directory.load().version().to_owned();
    let before = version();

    // The people are good and new, the roster is not: neither takes effect.
    let people = PEOPLE.replace("\"乙\"", "\"丁\"");
    write(folder.path(), &[("people.toml", &people), ("rosters.toml", &ROSTERS.replace("\"a\"", "\"x\""))]);
    let said = rulebook.reload_directory(&config).unwrap_err();
    assert!(said.contains("directory.path") && said.contains("rosters.toml:1: roster `r`: people"), "{said}");
    assert_eq!(version(), before);
    assert_eq!(rulebook.directory.load().people().get("b").unwrap().name, "乙");

    // A destination that the configuration does not have.
    let people = people.replacen("role =", "channels = [\"hook\"]\nrole =", 1);
    write(folder.path(), &[("people.toml", &people), ("rosters.toml", ROSTERS)]);
    let said = rulebook.reload_directory(&config).unwrap_err();
    assert!(said.contains("people.toml: person `a`: channels: there is no destination `hook`"), "{said}");
    assert_eq!(version(), before);

    write(folder.path(), &[("people.toml", &people.replace("[\"hook\"]", "[\"log\"]")), ("rosters.toml", ROSTERS)]);
    let report = rulebook.reload_directory(&config).unwrap();
    assert_ne!(version(), before);
    assert!(report.contains(&version()) && report.contains("3 people"), "{report}");
    assert_eq!(rulebook.directory.load().people().get("b").unwrap().name, "丁");
}

#[track_caller]
fn wait_until(what: &str, instance: &Instance, condition: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < until, "{what} did not come:\n{}", instance.log_text());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_change_of_the_files_is_picked_up_and_a_bad_one_is_told() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("areas.toml", AREAS), ("people.toml", PEOPLE), ("rosters.toml", ROSTERS)]);
    // No broker is needed: the process watches its directory while it looks for one.
    let setting = Setting {
        bootstrap: "127.0.0.1:1".to_owned(),
        prefix: "reload.".to_owned(),
        environment: vec![("GOLDEN_BELL__DIRECTORY__PATH".to_owned(), folder.path().display().to_string())],
        folder: folder.path().to_owned(),
    };
    let instance = setting.start("watcher");
    let reloads = |label: &str| instance.metric("golden_bell_reloads_total", label);
    wait_until("the listener", &instance, || instance.get("/-/healthy").is_ok());

    write(folder.path(), &[("people.toml", &PEOPLE.replace("\"乙\"", "\"丁\""))]);
    wait_until("the reload", &instance, || reloads("applied") == 1.0);
    write(folder.path(), &[("rosters.toml", &ROSTERS.replace("\"a\"", "\"x\""))]);
    wait_until("the refusal", &instance, || reloads("refused") == 1.0);
    assert!(instance.log_text().contains("rosters.toml:1: roster `r`: people: there is no person `x`"));
    fs::remove_file(folder.path().join("rosters.toml")).unwrap();
    wait_until("the reload without rosters", &instance, || reloads("applied") == 2.0);
    assert_eq!(reloads("refused"), 1.0, "what was refused is not tried again and again");
    for name in ["甲", "丁"] {
        assert!(!instance.log_text().contains(name), "a name in the log");
    }
}
