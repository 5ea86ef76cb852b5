//! The areas of the directory (contract 9).

use golden_bell::core::directory::{AreaKind, Areas};

const SHIPPED_AREAS: &str = include_str!("../../config/directory/areas.toml");

#[test]
fn the_shipped_zone_is_whole() {
    let areas = Areas::load(SHIPPED_AREAS, "config/directory/areas.toml").unwrap();
    let residents = |kinds: &[AreaKind]| -> u64 {
        let among = areas.all().iter().filter(|area| kinds.contains(&area.kind));
        among.filter_map(|area| area.population).map(|population| population.count).sum()
    };
    assert_eq!(residents(&[AreaKind::Village, AreaKind::Community]), 150_000);
    assert_eq!(areas.population("kfq"), Some(150_000));
    for kind in AreaKind::ALL {
        assert!(areas.all().iter().any(|area| area.kind == kind), "no {}", kind.as_str());
    }
    let models = |kind| areas.all().iter().filter(|a| a.model_site && a.kind == kind).count();
    assert_eq!(models(AreaKind::Village) + models(AreaKind::Community), 3);
    assert_eq!((models(AreaKind::Enterprise), models(AreaKind::Park)), (1, 1));
    assert_eq!(areas.get("kfq/huangchengli").unwrap().name.zh, "黄城里村");
    assert_eq!(areas.get("kfq/heyan-works").unwrap().kind, AreaKind::Enterprise);
}

#[test]
fn areas_are_found_upwards() {
    let areas = Areas::load(SHIPPED_AREAS, "areas.toml").unwrap();
    for code in ["kfq", "kfq/huangchengli", "kfq/huangchengli/3/12", "kfq/elsewhere"] {
        assert!(areas.contains(code), "{code}");
    }
    for code in ["", "/", "kf", "kfqx", "kfq2/huangchengli", "KFQ", "other/kfq"] {
        assert!(!areas.contains(code), "{code}");
    }
    let nearest = |code| areas.nearest(code).map(|area| area.code.as_str());
    assert_eq!(nearest("kfq/huangchengli/3/12"), Some("kfq/huangchengli"));
    assert_eq!(nearest("kfq/elsewhere"), Some("kfq"));
    assert_eq!(nearest("elsewhere"), None);
    let upwards: Vec<_> = areas.upwards("kfq/huangchengli/trade-yard").map(|area| area.code.as_str()).collect();
    assert_eq!(upwards, ["kfq/huangchengli/trade-yard", "kfq/huangchengli", "kfq"]);
}

#[test]
fn a_bad_directory_is_refused_whole() {
    let area = |code: &str, rest: &str| {
        format!("[[areas]]\ncode = \"{code}\"\nname = {{ zh = \"甲\", en = \"A\" }}\nkind = \"site\"\n{rest}\n")
    };
    let root = area("z", "");
    for (text, named) in [
        (format!("{root}{root}"), "a.toml:6: area `z`: code: another area has the same code"),
        (area("z/a", ""), "the area above it, `z`, is missing"),
        (root.replace("site", "hamlet"), "kind: unknown kind `hamlet`"),
        (area("z", "population = { count = 5, date = \"2021-02-30\" }"), "population: date"),
        (area("z", "population = { count = 5, date = 2021-02-03T04:05:06Z }"), "population: date"),
        (area("z", "population = { count = 5 }"), "missing field `date`"),
        (area("z", "population = { count = -5, date = 2021-02-03 }"), "area `z`"),
        (area("z", "colour = 1"), "unknown field `colour`"),
        (area("z", "statistics_code = \"33078\""), "statistics_code"),
        (area("z//a", ""), "code: a code is"),
        (area("", ""), "code: a code is"),
        (root.replace("甲", " "), "name: zh is empty"),
        (root.replace(", en = \"A\"", ""), "missing field `en`"),
        (String::new(), "there are no areas"),
        ("[[area]]\n".to_owned(), "area"),
    ] {
        let refusal = Areas::load(&text, "a.toml").expect_err(&text).to_string();
        assert!(refusal.contains(named), "{text}\n{refusal}");
    }
    let good = root + &area("z/a", "population = { count = 5, date = \"2021-02-03\" }\nmodel_site = true");
    let areas = Areas::load(&good, "a.toml").unwrap();
    assert_eq!(areas.population("z"), Some(5), "the sum of those below");
    assert_ne!(areas.version(), Areas::load(SHIPPED_AREAS, "a.toml").unwrap().version());
}
