//! The configuration: precedence, what is refused and how it says so, and that the shipped file is the whole truth.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use golden_bell::config::{Config, ConfigError, Environment, Key, LogFormat, SHIPPED};

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn environment(pairs: &[(&str, &str)]) -> Environment {
    Environment::from_pairs(pairs.iter().copied())
}

fn with_environment(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::load(Some(&shipped_path()), &environment(pairs))
}

fn shipped_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config/golden-bell.toml")
}

/// Loads `text` as the file `golden-bell.toml` of a folder of its own.
fn with_file(text: &str, pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("golden-bell.toml");
    fs::write(&path, text).unwrap();
    Config::load(Some(&path), &environment(pairs))
}

/// The text refuses the configuration, with the key and the words given, and shows nothing of `secret`.
#[track_caller]
fn refused(result: Result<Config, ConfigError>, expected: &[&str]) {
    let text = result.expect_err("should have been refused").to_string();
    for part in expected {
        assert!(text.contains(part), "{part:?} is missing in {text:?}");
    }
}

#[test]
fn the_defaults_are_those_of_the_contract() {
    let config = Config::load(None, &Environment::default()).unwrap();
    let minutes = |n: u64| Duration::from_secs(60 * n);
    let hours = |n: u64| Duration::from_secs(3600 * n);
    let levels = |d: &golden_bell::config::LevelDurations| [d.urgent, d.high, d.medium, d.low];

    assert_eq!(config.kafka.bootstrap_servers, "127.0.0.1:9092");
    assert_eq!(config.kafka.topic("case-inputs"), "golden-bell.case-inputs");
    assert_eq!(config.kafka.group("match"), "golden-bell.match");
    assert_eq!(config.kafka.partitions, 6);
    assert_eq!(config.kafka.source, "urn:golden-bell");
    assert_eq!(config.kafka.watchdog, Duration::from_secs(20));
    assert_eq!(config.kafka.properties.iter().count(), 0);
    assert_eq!(config.matching.default_region, "CN");
    assert_eq!(config.matching.lookback, minutes(30));
    assert_eq!(config.matching.lookback_max_events, 1_000_000);
    assert_eq!(config.matching.max_subjects, 16);
    let cases = &config.cases;
    assert_eq!(levels(&cases.acknowledge_within), [minutes(2), minutes(10), hours(1), hours(24)]);
    assert_eq!(levels(&cases.reach_within), [minutes(30), hours(24), hours(48), hours(7 * 24)]);
    assert_eq!(levels(&cases.acknowledge_expires), [minutes(10), hours(2), hours(24), hours(72)]);
    assert_eq!(levels(&cases.repeat_after), [minutes(10), hours(1), hours(6), hours(24)]);
    assert_eq!((cases.reopen_within, cases.keep_closed), (hours(72), hours(31 * 24)));
    assert_eq!((cases.open_at, cases.commit_interval), (0, Duration::from_millis(20)));
    assert_eq!(config.operations.listen.to_string(), "127.0.0.1:9464");
    assert_eq!(config.desk.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.privacy.token_key, None);
    assert!(!config.privacy.tokens);
    assert_eq!(config.dead_letters.halt_ratio, None);
    assert_eq!(config.telemetry.log_format, LogFormat::Plain);
    assert!(config.match_workers() >= 1 && config.case_workers() <= 6);
}

#[test]
fn the_shipped_file_is_the_built_in_defaults() {
    assert_eq!(fs::read_to_string(shipped_path()).unwrap(), SHIPPED);
}

#[test]
fn every_key_of_the_shipped_file_has_a_comment_of_its_own() {
    let lines: Vec<&str> = SHIPPED.lines().collect();
    for (number, line) in lines.iter().enumerate() {
        let is_key = line.contains('=') && !line.starts_with('#');
        let has_comment = number > 0 && lines[number - 1].starts_with('#');
        assert!(!is_key || has_comment, "line {}: {line}", number + 1);
    }
}

#[test]
fn the_environment_is_above_the_file_and_the_file_above_the_defaults() {
    let file = "[kafka]\npartitions = 12\ntopic_prefix = \"zone.\"\n";
    let config = with_file(file, &[("GOLDEN_BELL__KAFKA__TOPIC_PREFIX", "other.")]).unwrap();
    assert_eq!(config.kafka.partitions, 12);
    assert_eq!(config.kafka.topic_prefix, "other.");
    assert_eq!(config.kafka.group_prefix, "golden-bell.");
    assert!(config.origin_of("kafka.partitions").ends_with("golden-bell.toml"));
    assert_eq!(config.origin_of("kafka.topic_prefix"), "environment variable GOLDEN_BELL__KAFKA__TOPIC_PREFIX");
    assert_eq!(config.origin_of("kafka.group_prefix"), "built-in defaults");
}

#[test]
fn every_key_can_be_given_by_the_environment() {
    let config = with_environment(&[
        ("GOLDEN_BELL__KAFKA__PARTITIONS", "3"),
        ("GOLDEN_BELL__KAFKA__INSTANCE_ID", "0123"),
        ("GOLDEN_BELL__KAFKA__PROPERTIES__SESSION_TIMEOUT_MS", "30000"),
        ("GOLDEN_BELL__WORKERS__MATCH", "4"),
        ("GOLDEN_BELL__MATCHING__ALLOW__PHONES", "96110, 12381"),
        ("GOLDEN_BELL__MATCHING__ALLOW__PREFIXES", "[\"+8696110\"]"),
        ("GOLDEN_BELL__CASES__ACKNOWLEDGE_WITHIN__URGENT", "90s"),
        ("GOLDEN_BELL__CASES__OPEN_AT", "10"),
        ("GOLDEN_BELL__OPERATIONS__LISTEN", "[::1]:0"),
        ("GOLDEN_BELL__PRIVACY__TOKENS", "on"),
        // All digits: must not be taken for a number on the way.
        ("GOLDEN_BELL__PRIVACY__TOKEN_KEY", &"12345678".repeat(8)),
        ("GOLDEN_BELL__DEAD_LETTERS__HALT_RATIO", "0.5"),
        ("GOLDEN_BELL__TELEMETRY__LOG_FORMAT", "json"),
        ("PATH", "/bin"),
    ])
    .unwrap();
    assert_eq!(config.kafka.partitions, 3);
    assert_eq!(config.instance_id(), "0123");
    assert_eq!(config.kafka.properties.get("session.timeout.ms"), Some("30000"));
    assert_eq!(config.match_workers(), 4);
    assert_eq!(config.matching.allow.phones, ["96110", "12381"]);
    assert_eq!(config.matching.allow.prefixes, ["+8696110"]);
    assert_eq!(config.cases.acknowledge_within.urgent, Duration::from_secs(90));
    assert_eq!(config.cases.open_at, 10);
    assert!(config.operations.listen.is_ipv6());
    assert!(config.privacy.tokens);
    assert_eq!(config.privacy.token_key.as_ref().unwrap().bytes()[..2], [0x12, 0x34]);
    assert_eq!(config.dead_letters.halt_ratio, Some(0.5));
    assert_eq!(config.environment_keys().count(), 13);
    assert_eq!(config.telemetry.log_format, LogFormat::Json);
}

#[test]
fn the_instance_is_named_by_host_and_operations_port() {
    let config = with_environment(&[("GOLDEN_BELL__OPERATIONS__LISTEN", "127.0.0.1:9999")]).unwrap();
    let id = config.instance_id();
    assert!(id.ends_with("-9999") && id.len() > "-9999".len(), "{id}");
}

#[test]
fn unknown_keys_are_refused_with_file_key_and_what_there_is() {
    let file = "[kafka]\npartition = 3\n[cases.reach_within]\nurgently = \"1h\"\n[kafak]\n";
    let result = with_file(file, &[("GOLDEN_BELL__CASES__OPEN", "1"), ("GOLDEN_BELL__KAFKA", "x")]);
    refused(
        result,
        &[
            "golden-bell.toml: kafka.partition: no such key; [kafka] has bootstrap_servers, ",
            "golden-bell.toml: cases.reach_within.urgently: no such key; [cases.reach_within] has high, low, ",
            "golden-bell.toml: kafak: no such section",
            "environment variable GOLDEN_BELL__CASES__OPEN: cases.open: no such key",
            "environment variable GOLDEN_BELL__KAFKA: kafka: is a section, not a key",
        ],
    );
}

#[test]
fn bad_values_are_refused_with_key_and_reason() {
    let cases: &[(&str, &str)] = &[
        ("[kafka]\npartitions = 0", "kafka.partitions: must be 1 to 10000, found 0"),
        ("[kafka]\npartitions = \"six\"", "kafka.partitions: invalid type: found string \"six\", expected u16"),
        ("[kafka]\npartitions = -1", "kafka.partitions: "),
        ("[kafka]\nbootstrap_servers = \"broker\"", "kafka.bootstrap_servers: must be host:port"),
        ("[kafka]\nbootstrap_servers = \"a:1,\"", "kafka.bootstrap_servers: must be host:port"),
        ("[kafka]\ntopic_prefix = \"a b\"", "kafka.topic_prefix: may hold only"),
        ("[kafka]\nwatchdog = \"20\"", "kafka.watchdog: \"20\" is no duration like"),
        ("[kafka]\nsource = \"\"", "kafka.source: must be a URI"),
        ("[matching]\ndefault_region = \"China\"", "matching.default_region: must be two capital letters"),
        ("[matching.allow]\nprefixes = [\"\"]", "matching.allow.prefixes: an entry is empty"),
        ("[cases.reach_within]\nlow = \"0s\"", "cases.reach_within.low: must be 1ms to 365d, found 0ms"),
        ("[cases]\nkeep_closed = \"29d\"", "cases.keep_closed: must be 30d to 3650d, found 29d"),
        ("[cases]\nreopen_within = \"32d\"", "cases.reopen_within: must be 1s to 31d, found 32d"),
        ("[cases]\nopen_at = -1", "cases.open_at: must be 0 to 1000000, found -1"),
        ("[operations]\nlisten = \"localhost:9464\"", "operations.listen: must be an IP address and a port"),
        ("[operations]\nlisten = \"127.0.0.1:8080\"", "operations.listen: 127.0.0.1:8080 is also desk.listen"),
        ("[privacy]\ntokens = \"yes\"", "privacy.tokens: must be \"on\" or \"off\", found \"yes\""),
        ("[dead_letters]\nhalt_ratio = 1.5", "dead_letters.halt_ratio: must be a number above 0"),
        ("[telemetry]\nlog_format = \"xml\"", "telemetry.log_format: unknown variant: found `xml`"),
        (
            "[telemetry]\nlog_level = \"loud\"",
            "telemetry.log_level: \"loud\" is none of error, warn, info, debug, trace, off",
        ),
        ("[telemetry]\nlog_level = \"a=b=c\"", "telemetry.log_level: \"a=b=c\" cannot be read"),
        ("[kafka\n", "golden-bell.toml: is not TOML: line 1, column"),
        ("kafka = 5", "golden-bell.toml: kafka: is a section, not a key"),
    ];
    for (file, expected) in cases {
        refused(with_file(file, &[]), &["golden-bell.toml: ", expected]);
    }
    refused(
        with_environment(&[("GOLDEN_BELL__KAFKA__PARTITIONS", "many")]),
        &["environment variable GOLDEN_BELL__KAFKA__PARTITIONS: kafka.partitions: must be a whole number"],
    );
}

#[test]
fn all_problems_are_told_at_once() {
    let error = with_file("[kafka]\npartitions = 0\nreplication_factor = 0\n", &[]).unwrap_err();
    assert_eq!(error.problems.len(), 2, "{error}");
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let error = Config::load(Some(Path::new("/nowhere/golden-bell.toml")), &Environment::default());
    refused(error, &["/nowhere/golden-bell.toml: cannot be read: "]);
}

#[test]
fn properties_can_be_written_in_every_way_and_are_not_printed() {
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("password");
    fs::write(&secret, "hunter2\n").unwrap();
    let file = format!(
        "[kafka.properties]\nsession.timeout.ms = 30000\n\"socket.keepalive.enable\" = true\n\
         sasl.password_file = {:?}\n",
        secret.display().to_string()
    );
    let config = with_file(&file, &[("GOLDEN_BELL__KAFKA__PROPERTIES__SASL_USERNAME", "bell")]).unwrap();
    assert_eq!(
        config.kafka.properties.iter().collect::<Vec<_>>(),
        [
            ("sasl.password", "hunter2"),
            ("sasl.username", "bell"),
            ("session.timeout.ms", "30000"),
            ("socket.keepalive.enable", "true"),
        ]
    );
    let printed = format!("{config:?}");
    assert!(printed.contains("sasl.password") && !printed.contains("hunter2"), "{printed}");
}

#[test]
fn the_environment_replaces_a_property_of_the_file_however_it_is_written() {
    for file in ["\"linger.ms\" = 5", "linger.ms = 5", "linger = { ms = 5 }"] {
        let file = format!("[kafka.properties]\n{file}\n");
        let config = with_file(&file, &[("GOLDEN_BELL__KAFKA__PROPERTIES__LINGER_MS", "7")]).unwrap();
        assert_eq!(config.kafka.properties.iter().collect::<Vec<_>>(), [("linger.ms", "7")]);
    }
    let file = "[kafka.properties]\nsasl.password_file = \"/nowhere\"\n";
    let config = with_file(file, &[("GOLDEN_BELL__KAFKA__PROPERTIES__SASL_PASSWORD", "hunter2")]).unwrap();
    assert_eq!(config.kafka.properties.iter().collect::<Vec<_>>(), [("sasl.password", "hunter2")]);
}

#[test]
fn properties_that_correctness_depends_on_belong_to_the_program() {
    for name in [
        "enable.auto.commit",
        "enable.auto.offset.store",
        "isolation.level",
        "group.id",
        "transactional.id",
        "enable.idempotence",
        "partitioner",
        "acks",
    ] {
        let file = format!("[kafka.properties]\n\"{name}\" = \"x\"\n");
        refused(with_file(&file, &[]), &[&format!("kafka.properties.{name}: belongs to the program: ")]);
    }
}

#[test]
fn a_secret_comes_from_a_file_or_the_environment_which_is_stronger_however_it_is_given() {
    const OTHER: &str = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";
    let dir = tempfile::tempdir().unwrap();
    let secret = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, format!("{text}\n")).unwrap();
        path.display().to_string()
    };
    let (path, other) = (secret("token-key", KEY), secret("other", OTHER));
    let (by_file, by_value) =
        (format!("[privacy]\ntoken_key_file = {path:?}\n"), format!("[privacy]\ntoken_key = \"{KEY}\"\n"));
    let (value, of_file) = ("GOLDEN_BELL__PRIVACY__TOKEN_KEY", "GOLDEN_BELL__PRIVACY__TOKEN_KEY_FILE");

    let key = |config: Result<Config, ConfigError>| config.unwrap().privacy.token_key.map(|key| *key.bytes());
    let [own, others] = [KEY, OTHER].map(|text| Key::from_hex(text).map(|key| *key.bytes()));
    assert_eq!(key(with_file(&by_file, &[])), own);
    assert_eq!(key(with_environment(&[(value, KEY)])), own);
    for file in [&by_file, &by_value] {
        assert_eq!(key(with_file(file, &[(value, OTHER)])), others, "{file}");
        assert_eq!(key(with_file(file, &[(of_file, &other)])), others, "{file}");
    }

    assert_eq!(key(with_file(&by_file, &[(value, "")])), own, "nothing overrides nothing");

    // Two of the same strength contradict each other.
    let told = ["privacy.token_key: is set, and so is privacy.token_key_file"];
    refused(with_file(&format!("{by_file}token_key = \"{KEY}\"\n"), &[]), &told);
    refused(with_environment(&[(value, KEY), (of_file, &other)]), &told);
    fs::remove_file(&path).unwrap();
    refused(with_file(&by_file, &[]), &["privacy.token_key_file: cannot read "]);
}

#[test]
fn secrets_are_never_printed() {
    let config =
        with_environment(&[("GOLDEN_BELL__PRIVACY__TOKEN_KEY", KEY), ("GOLDEN_BELL__PRIVACY__PEPPER", KEY)]).unwrap();
    let printed = format!("{config:?}");
    assert!(printed.contains("[redacted]") && !printed.contains("00112233") && !printed.contains("17, 34"));

    let leaking = "5ec4e7";
    for file in [
        format!("[privacy]\ntoken_key = \"{leaking}\""),
        format!("[privacy]\ntoken_key = {leaking}"),
        format!("[privacy]\ntoken_key = 5.4e7\npepper = \"{leaking}\""),
        format!("[privacy]\ntoken_key = [\"{leaking}\"]"),
        format!("privacy = \"{leaking}\""),
        format!("[privacy]\ntoken_key = \"{leaking}\ntokens = \"off\""),
        format!("[kafka.properties]\nsasl.password = [\"{leaking}\"]"),
        format!("[kafka]\nproperties = \"{leaking}\""),
    ] {
        let text = with_file(&file, &[]).expect_err(&file).to_string();
        assert!(!text.contains(leaking), "{text}");
    }
    let environment = environment(&[("GOLDEN_BELL__PRIVACY__TOKEN_KEY", KEY)]);
    assert!(!format!("{environment:?}").contains("0011"));
}

#[test]
fn run_needs_the_token_key_and_the_other_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let file = format!(
        "[rules]\npath = {:?}\n[messages]\npath = {:?}\n[directory]\npath = {:?}\n",
        path("rules.toml"),
        path("messages"),
        path("directory")
    );
    let error = with_file(&file, &[]).unwrap().require_for_run().unwrap_err().to_string();
    for expected in [
        "built-in defaults: privacy.token_key: is required: 64 hex digits",
        "golden-bell.toml: rules.path: no file at ",
        "golden-bell.toml: messages.path: no folder at ",
        "golden-bell.toml: directory.path: no folder at ",
    ] {
        assert!(error.contains(expected), "{expected:?} is missing in {error:?}");
    }

    fs::write(dir.path().join("rules.toml"), "").unwrap();
    fs::create_dir(dir.path().join("messages")).unwrap();
    fs::create_dir(dir.path().join("directory")).unwrap();
    let config = with_file(&file, &[("GOLDEN_BELL__PRIVACY__TOKEN_KEY", KEY)]).unwrap();
    config.require_for_run().unwrap();
}
