//! `[notify]`: what is refused, how it says so, and that secrets stay secret.

use std::fs;
use std::time::Duration;

use golden_bell::config::{Config, ConfigError, Environment};
use golden_bell::core::notification::Channel;

use super::sample::{SECRETS, destination};

fn loaded(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("golden-bell.toml");
    fs::write(&path, text).unwrap();
    Config::load(Some(&path), &Environment::from_pairs(environment.iter().copied()))
}

#[test]
fn the_shipped_configuration_has_the_log_alone_and_it_can_be_replaced() {
    let config = Config::load(None, &Environment::default()).unwrap();
    let names: Vec<&String> = config.notify.destinations.keys().collect();
    assert_eq!(names, ["log"]);
    assert_eq!(config.notify.destinations["log"].kind, Channel::Log);
    let off = "[notify.destinations.log]\nkind = \"off\"\n";
    let other =
        format!("[notify]\ndefault = [\"other\"]\nresidents = []\n{off}[notify.destinations.other]\nkind = \"log\"\n");
    let config = loaded(&other, &[]).unwrap();
    assert_eq!(config.notify.destinations.keys().collect::<Vec<_>>(), ["other"]);
    let error = loaded(off, &[]).unwrap_err().to_string();
    for key in ["notify.default", "notify.residents"] {
        assert!(error.contains(&format!("{key}: there is no destination `log`")), "{error}");
    }
}

#[test]
fn what_notifications_are_sent_by_must_be_there_and_fit_for_it() {
    let board = "[notify.destinations.board]\nkind = \"alertmanager\"\nurl = \"https://a.example\"\n";
    for (lines, expected) in [
        ("default = [\"x\"]", "notify.default: there is no destination `x`"),
        ("default = []", "notify.default: must name a destination"),
        (
            "residents = [\"board\"]",
            "notify.residents: `board` is of the kind alertmanager and belongs in notify.alerts",
        ),
        ("alerts = [\"log\", \"x\"]", "notify.alerts: there is no destination `x`"),
        ("runbooks = { severe = \"x\" }", "notify.runbooks.severe"),
    ] {
        let error = loaded(&format!("[notify]\n{lines}\n{board}"), &[]).expect_err(lines).to_string();
        assert!(error.contains("golden-bell.toml: ") && error.contains(expected), "{error}");
    }
    let good = loaded(&format!("[notify]\nalerts = [\"board\"]\nrunbooks.urgent = \"page\"\n{board}"), &[]).unwrap();
    assert_eq!((good.notify.alerts, good.notify.runbooks.len()), (vec!["board".to_owned()], 1));
}

#[test]
fn what_is_not_said_has_its_default() {
    let hook = destination(&format!("kind = \"webhook\"\nurl = \"https://a.example\"\nsecret = \"{}\"", SECRETS[0]));
    let seconds = Duration::from_secs;
    assert_eq!((hook.timeout, hook.give_up_after), (seconds(10), seconds(24 * 3600)));
    assert_eq!((hook.retry_from, hook.retry_up_to), (Duration::from_millis(500), seconds(60)));
    assert_eq!((hook.rate_per_minute, hook.burst, hook.concurrency), (None, 1, 16));
    assert!(!hook.allow_private);
    let robot = destination("kind = \"wecom\"\ntoken = \"t\"");
    assert_eq!(robot.url, "https://qyapi.weixin.qq.com/cgi-bin/webhook/send");
}

#[test]
fn bad_destinations_are_refused_with_key_and_reason() {
    let hook = format!("kind = \"webhook\"\nurl = \"https://a.example\"\nsecret = \"{}\"\n", SECRETS[0]);
    let with = |line: &str| format!("{hook}{line}");
    for (lines, expected) in [
        ("kind = \"fax\"".to_owned(), "kind: must be one of webhook, alertmanager, "),
        ("url = \"https://a.example\"".to_owned(), "missing field"),
        ("kind = \"webhook\"".to_owned(), "url: is required by the kind webhook"),
        ("kind = \"webhook\"\nurl = \"https://a.example\"".to_owned(), "secret: is required by the kind webhook"),
        (hook.replace(SECRETS[0], "c2hvcnQ="), "secret: must be whsec_ and 24 to 64 bytes"),
        (hook.replace("https://a.example", "http://10.0.0.1/x"), "url: is a private address"),
        (hook.replace("https://a.example", "https://u:p@a.example"), "url: may hold no user"),
        (with("colour = \"red\""), "colour"),
        (with("timeout = \"2m\""), "timeout: must be 10ms to 1m, found 2m"),
        (with("give_up_after = \"8d\""), "give_up_after: must be 1s to 7d, found 8d"),
        (with("retry_up_to = \"100ms\""), "retry_up_to: must be 500ms to 1h, found 100ms"),
        (with("burst = 0"), "burst: must be 1 to 10000, found 0"),
        (with("concurrency = 0"), "concurrency: must be 1 to 256, found 0"),
        (with("rate_per_minute = -1"), "rate_per_minute: must be 0 to 1000000, found -1"),
        (with("body = \"{phone}\""), "body: is not for the kind webhook"),
        (with("resend_every = \"1m\""), "resend_every: is not for the kind webhook"),
        (with("headers = { host = \"x\" }"), "headers.host: belongs to the program"),
        (with("headers = { \"webhook-id\" = \"x\" }"), "headers.webhook-id: belongs to the program"),
        (with("headers = { \"a b\" = \"x\" }"), "headers.a b: is no header"),
        (
            "kind = \"alertmanager\"\nurl = \"https://a.example\"\nrate_per_minute = 5".to_owned(),
            "rate_per_minute: is not for the kind alertmanager, which groups by itself",
        ),
        ("kind = \"pagerduty\"".to_owned(), "token: is required by the kind pagerduty"),
        ("kind = \"dingtalk\"".to_owned(), "token: is required by the kind dingtalk"),
        ("kind = \"log\"\nurl = \"https://a.example\"".to_owned(), "url: is not for the kind log"),
        ("kind = \"sms_gateway\"\nurl = \"https://a.example\"".to_owned(), "body: is required with the method POST"),
        (
            "kind = \"sms_gateway\"\nurl = \"https://{phone}.example\"\nbody = \"x\"".to_owned(),
            "url: the host may hold no placeholder",
        ),
        (
            "kind = \"sms_gateway\"\nurl = \"https://a.example\"\nbody = \"{name}\"".to_owned(),
            "body: has {name}, which is none of {phone}, ",
        ),
    ] {
        let error = loaded(&format!("[notify.destinations.hook]\n{lines}\n"), &[]).expect_err(&lines).to_string();
        assert!(error.contains("golden-bell.toml: notify.destinations.hook") && error.contains(expected), "{error}");
    }
    let error = loaded("[notify.destinations.Hook]\nkind = \"log\"\n", &[]).unwrap_err().to_string();
    assert!(error.contains("notify.destinations.Hook: the name may hold"), "{error}");
    let error = loaded("[notify]\nretries = 3\n", &[]).unwrap_err().to_string();
    assert!(error.contains("notify.retries: no such key"), "{error}");
}

#[test]
fn the_environment_reaches_every_key_of_a_destination() {
    let config = loaded(
        "",
        &[
            ("GOLDEN_BELL__NOTIFY__DESTINATIONS__HOOK__KIND", "webhook"),
            ("GOLDEN_BELL__NOTIFY__DESTINATIONS__HOOK__URL", "https://a.example"),
            ("GOLDEN_BELL__NOTIFY__DESTINATIONS__HOOK__SECRET", SECRETS[0]),
            ("GOLDEN_BELL__NOTIFY__DESTINATIONS__HOOK__RATE_PER_MINUTE", "20"),
            ("GOLDEN_BELL__NOTIFY__DESTINATIONS__HOOK__ALLOW_PRIVATE", "on"),
            ("GOLDEN_BELL__NOTIFY__DESTINATIONS__HOOK__HEADERS__X_ZONE", "kfq"),
        ],
    )
    .unwrap();
    let hook = &config.notify.destinations["hook"];
    assert_eq!((hook.rate_per_minute, hook.allow_private), (Some(20), true));
    assert_eq!(hook.headers.iter().collect::<Vec<_>>(), [("x-zone", "kfq")]);
    let error = loaded("", &[("GOLDEN_BELL__NOTIFY__DESTINATIONS__LOG__BURST", "many")]).unwrap_err().to_string();
    assert!(error.contains("must be a whole number"), "{error}");
}

#[test]
fn secrets_come_from_files_too_and_are_never_printed() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (new, old) = (file("new", &format!("{}\n", SECRETS[0])), file("old", SECRETS[1]));
    let bearer = file("bearer", "Bearer hunter2\n");
    let text = format!(
        "[notify.destinations.hook]\nkind = \"webhook\"\nurl = \"https://a.example\"\nsecret_file = {new:?}\n\
         old_secret_file = {old:?}\ntoken = \"hunter2\"\nheaders = {{ X-Key_file = {bearer:?} }}\n"
    );
    let config = loaded(&text, &[]).unwrap();
    let hook = &config.notify.destinations["hook"];
    assert_eq!(hook.secrets.iter().map(|secret| secret.expose()).collect::<Vec<_>>(), SECRETS);
    assert_eq!(hook.headers.iter().collect::<Vec<_>>(), [("x-key", "Bearer hunter2")]);
    let printed = format!("{config:?}");
    assert!(!printed.contains("hunter2") && !printed.contains(&SECRETS[0][6..]), "{printed}");

    let stronger = loaded(&text, &[("GOLDEN_BELL__NOTIFY__DESTINATIONS__HOOK__SECRET", SECRETS[1])]).unwrap();
    assert_eq!(stronger.notify.destinations["hook"].secrets[0].expose(), SECRETS[1]);

    let both = text.replace("\nsecret_file", &format!("\nsecret = \"{}\"\nsecret_file", SECRETS[0]));
    let error = loaded(&both, &[]).unwrap_err().to_string();
    assert!(error.contains("hook.secret: is set, and so is notify.destinations.hook.secret_file"), "{error}");
    for leaking in [
        "[notify.destinations]\nhook = \"5ec4e7\"",
        "[notify.destinations.hook]\nkind = \"webhook\"\nsecret = 5.4e7\ntoken = [\"5ec4e7\"]",
        "[notify.destinations.hook]\nkind = \"webhook\"\nurl = \"https://a.example\"\nsecret = \"5ec4e7\"",
        "[notify.destinations.hook]\nkind = \"webhook\"\nurl = \"https://5ec4e7:x@a.example\"",
        "[notify.destinations.hook]\nkind = \"webhook\"\nheaders = { \"x\" = [\"5ec4e7\"] }",
    ] {
        let error = loaded(leaking, &[]).expect_err(leaking).to_string();
        assert!(!error.contains("5ec4e7") && !error.contains("54000000"), "{error}");
    }
}
