//! A small zone, and questions to it in short.

use chrono::{DateTime, Utc};
use golden_bell::core::directory::{Directory, DirectoryFiles, Route, RouteQuery};
use golden_bell::core::rules::Level;

/// `z` with a village `z/v` (and a yard in it), a community `z/c` and an enterprise `z/e`, and beside it `y`.
pub const AREAS: &str = r#"
areas = [
    { code = "z", name = { zh = "区", en = "Zone" }, kind = "zone" },
    { code = "z/v", name = { zh = "村", en = "Village" }, kind = "village" },
    { code = "z/v/yard", name = { zh = "园", en = "Yard" }, kind = "site" },
    { code = "z/c", name = { zh = "社", en = "Community" }, kind = "community" },
    { code = "z/e", name = { zh = "厂", en = "Enterprise" }, kind = "enterprise" },
    { code = "y", name = { zh = "邻", en = "Neighbour" }, kind = "zone" },
]
"#;

/// Everybody on call in the tests of rosters.
pub const PEOPLE: &str = r#"
[[people]]
id = "a"
name = "甲"
role = "officer"
[[people]]
id = "b"
name = "乙"
role = "officer"
[[people]]
id = "c"
name = "丙"
role = "officer"
"#;

/// Two years of holidays are enough: the first week of October 2026, and the Saturday that makes up for it.
pub const HOLIDAYS: &str = r#"
[[years]]
year = 2026
source = "made up"
holidays = [{ name = { zh = "国庆节", en = "National Day" }, from = 2026-10-01, to = 2026-10-07 }]
workdays = [2026-10-10]
"#;

pub fn files(texts: &[(&str, &str)]) -> DirectoryFiles {
    let mut files = DirectoryFiles { folder: "d/".to_owned(), ..DirectoryFiles::default() };
    let texts = [("areas.toml", AREAS)].iter().chain(texts);
    files.texts.extend(texts.map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
    files
}

#[track_caller]
pub fn load(texts: &[(&str, &str)]) -> Directory {
    Directory::load(&files(texts)).unwrap_or_else(|error| panic!("{error}"))
}

/// What a directory is refused for.
#[track_caller]
pub fn refusal(texts: &[(&str, &str)]) -> String {
    match Directory::load(&files(texts)) {
        Ok(_) => panic!("it was not refused"),
        Err(error) => error.to_string(),
    }
}

/// A directory with these rosters and calendars, and the people and holidays above.
#[track_caller]
pub fn with_rosters(rosters: &str, calendars: &[(&str, &str)]) -> Directory {
    let mut texts = vec![("people.toml", PEOPLE), ("holidays.toml", HOLIDAYS), ("rosters.toml", rosters)];
    texts.extend(calendars);
    load(&texts)
}

pub fn time(text: &str) -> DateTime<Utc> {
    text.parse::<DateTime<chrono::FixedOffset>>().unwrap_or_else(|_| panic!("{text}")).to_utc()
}

pub fn query<'q>(area: &'q str, level: Level, step: u8, at: &str) -> RouteQuery<'q> {
    RouteQuery { area: Some(area), workplace: None, level, step, at: time(at) }
}

/// The ids of a route.
pub fn ids<'d>(route: &Route<'d>) -> Vec<&'d str> {
    route.people.iter().map(|routed| routed.person.id.as_str()).collect()
}

/// Who is on call for an area, by the people of which nobody answers for any area.
pub fn on_call<'d>(directory: &'d Directory, area: &str, at: &str) -> Vec<&'d str> {
    let route = directory.route(&query(area, Level::Urgent, 1, at));
    let on_call = route.people.iter().filter(|routed| routed.why.to_string().starts_with("on call"));
    on_call.map(|routed| routed.person.id.as_str()).collect()
}
