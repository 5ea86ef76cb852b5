//! For any directory and any time of the year every warning reaches somebody, or is counted as unowned; and a route is
//! what a plain reading of the contract says.

use chrono::{DateTime, Datelike, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use golden_bell::core::case_engine::Outlets;
use golden_bell::core::directory::{Directory, RouteQuery, first_moment};
use golden_bell::core::notification::{Channel, RecipientKind};
use golden_bell::core::rules::Level;
use golden_bell::core::warning::Warning;
use proptest::prelude::*;

use crate::bench::{self, Bench};
use crate::zone::{HOLIDAYS, ids, load};

const CODES: [&str; 8] = ["z", "z/v", "z/v/yard", "z/c", "z/e", "y", "z/v/unknown", "nowhere"];
const ROLES: [&str; 6] = ["officer", "grid_worker", "village_worker", "defence_team", "chief", "centre"];
const ZONES: [&str; 5] =
    ["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"];

#[derive(Clone, Debug)]
struct MadeUp {
    role: usize,
    areas: Vec<usize>,
    /// Days of 2026 from which to which they are there.
    days: Option<(u32, u32)>,
}

#[derive(Clone, Debug)]
struct MadeUpShift {
    area: usize,
    zone: usize,
    days: &'static str,
    /// Minutes of the day.
    from: u32,
    to: u32,
    person: usize,
    rotates: bool,
}

fn people() -> impl Strategy<Value = Vec<MadeUp>> {
    let person =
        (0..ROLES.len(), proptest::collection::vec(0..6_usize, 0..3), proptest::option::of((1..366_u32, 1..366_u32)))
            .prop_map(|(role, areas, days)| MadeUp { role, areas, days: days.map(|(a, b)| (a.min(b), a.max(b))) });
    proptest::collection::vec(person, 0..8)
}

fn shifts() -> impl Strategy<Value = Vec<MadeUpShift>> {
    let days = prop_oneof![Just("\"all\""), Just("\"workday\""), Just("\"rest_day\""), Just("[\"mon\", \"sun\"]")];
    let shift = (0..6_usize, 0..ZONES.len(), days, 0..1440_u32, 0..1440_u32, 0..8_usize, any::<bool>()).prop_map(
        |(area, zone, days, from, to, person, rotates)| MadeUpShift { area, zone, days, from, to, person, rotates },
    );
    proptest::collection::vec(shift, 0..4)
}

/// Any moment of 2026, those near the changes of clocks more often.
fn moments() -> impl Strategy<Value = DateTime<Utc>> {
    let any = 0..365 * 86_400_i64;
    // Around the changes in Berlin, New York and on Lord Howe Island.
    let near = prop_oneof![Just(7_520_400_i64), Just(25_664_400), Just(5_727_600), Just(26_287_200), Just(8_089_200)]
        .prop_flat_map(|at| at - 10_000..at + 10_000);
    let start = "2026-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap();
    prop_oneof![any, near].prop_map(move |seconds| start + TimeDelta::seconds(seconds))
}

fn day(ordinal: u32) -> String {
    chrono::NaiveDate::from_yo_opt(2026, ordinal.min(365)).unwrap().to_string()
}

fn clock(minutes: u32) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

fn directory(people: &[MadeUp], shifts: &[MadeUpShift]) -> Directory {
    let mut text = String::new();
    for (n, person) in people.iter().enumerate() {
        let areas: Vec<&str> = person.areas.iter().map(|area| CODES[*area]).collect();
        text.push_str(&format!(
            "[[people]]\nid = \"p{n}\"\nname = \"某\"\nrole = \"{}\"\nareas = {areas:?}\n",
            ROLES[person.role]
        ));
        if let Some((from, to)) = person.days {
            text.push_str(&format!("from = {}\nto = {}\n", day(from), day(to)));
        }
    }
    let mut rosters = String::new();
    for (n, shift) in shifts.iter().enumerate().filter(|_| !people.is_empty()) {
        let one = format!("\"p{}\"", shift.person % people.len());
        let turn = if shift.rotates { "rotate = \"day\", since = 2026-01-01, " } else { "" };
        rosters.push_str(&format!(
            "[[rosters]]\nid = \"r{n}\"\nareas = [\"{}\"]\ntime_zone = \"{}\"\nshifts = [{{ {turn}days = {}, from = \"{}\", to = \"{}\", people = [{one}, \"p0\"] }}]\n",
            CODES[shift.area], ZONES[shift.zone], shift.days, clock(shift.from), clock(shift.to)
        ));
    }
    load(&[("people.toml", &text), ("rosters.toml", &rosters), ("holidays.toml", HOLIDAYS)])
}

/// The contract read plainly: for each role the people of the nearest area upwards that has any.
fn nearest(people: &[MadeUp], role: &str, area: &str, at: DateTime<Utc>) -> Vec<usize> {
    let today = at.with_timezone(&Tz::Asia__Shanghai).date_naive();
    let there = |person: &MadeUp| {
        person.days.is_none_or(|(from, to)| today.year() == 2026 && (from..=to).contains(&today.ordinal()))
    };
    let mut code = area;
    loop {
        let here: Vec<usize> = (0..people.len())
            .filter(|n| {
                let person = &people[*n];
                ROLES[person.role] == role && there(person) && person.areas.iter().any(|area| CODES[*area] == code)
            })
            .collect();
        match code.rsplit_once('/') {
            _ if !here.is_empty() => return here,
            Some((above, _)) => code = above,
            None => return here,
        }
    }
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort();
    ids.dedup();
    ids
}

/// A bench of the case engine with this directory, and destinations for people, residents and alerts.
fn bench_with(directory: Directory) -> Bench {
    let mut bench = Bench::new();
    // A few hundred small directories for the life of the test.
    bench.directory = Box::leak(Box::new(directory));
    let all = [("board", Channel::Alertmanager), ("log", Channel::Log)];
    let all = all.into_iter().map(|(name, channel)| (name.to_owned(), channel)).collect();
    bench.outlets = Outlets::new(all).with_default(&["log".to_owned()]).with_alerts(&["board".to_owned()]);
    bench
}

/// The kinds of those told by the notifications of a warning, but for the board.
fn told(bench: &Bench, warning: &Warning) -> Vec<(RecipientKind, Option<String>)> {
    let of_it = bench.notifications.iter().filter(|one| one.warning_id == warning.warning_id);
    of_it
        .filter(|one| one.destination != "board")
        .map(|one| (one.recipient.kind, one.recipient.person_id.clone()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn every_warning_reaches_somebody_or_is_unowned(
        people in people(), shifts in shifts(), at in moments(),
        area in 0..CODES.len(), workplace in 0..CODES.len(), level in 0..4_usize,
    ) {
        let directory = directory(&people, &shifts);
        let mut before: Vec<String> = Vec::new();
        for step in 1..=3 {
            let query = RouteQuery {
                area: Some(CODES[area]), workplace: Some(CODES[workplace]), level: Level::ALL[level], step, at,
            };
            let route = directory.route(&query);
            let told: Vec<String> = ids(&route).into_iter().map(ToOwned::to_owned).collect();
            prop_assert!(!told.is_empty() || route.unowned, "nobody is told, and it is not counted");
            let centre = people.iter().any(|person| ROLES[person.role] == "centre" && person.days.is_none());
            prop_assert!(!centre || !told.is_empty(), "there is a centre, and nobody is told");
            prop_assert!(told.starts_with(&before), "who was told once stays told");
            prop_assert_eq!(sorted(told.clone()).len(), told.len(), "somebody is told twice");
            prop_assert_eq!(route.unowned, !route.people.iter().any(|routed| routed.step < 3) && {
                let all = RouteQuery { step: 2, ..query };
                directory.route(&all).people.iter().all(|routed| routed.step == 3)
            });
            before = told;
        }
    }

    #[test]
    fn every_warning_gives_a_notification_to_a_person_or_is_unowned_and_gives_one_to_the_centre(
        people in people(), shifts in shifts(), at in moments(),
        area in 0..CODES.len(), workplace in 0..CODES.len(), confidence in 0..=10_u8,
    ) {
        let mut bench = bench_with(directory(&people, &shifts));
        let clock = (at - bench::start()).num_seconds();
        let mut event = bench::call("a.1", "ringing", clock).confidence(f64::from(confidence) / 10.0);
        event.person["area"] = CODES[area].into();
        event.person["workplace"] = CODES[workplace].into();
        bench.take(&event);
        // Nobody does anything about it, up to the last step.
        for day in 1..=20 {
            bench.wait(clock + day * bench::DAY);
        }
        prop_assert!(bench.warnings.len() > 2);
        for warning in &bench.warnings {
            let told = told(&bench, warning);
            let person = told.iter().any(|(kind, _)| *kind == RecipientKind::Person);
            let centre_alone = told == [(RecipientKind::Centre, None)];
            prop_assert!(person || warning.unowned && centre_alone, "{:?}", told);
            for assigned in &warning.assigned {
                let theirs = told.iter().filter(|(_, id)| id.as_deref() == Some(&assigned.person_id)).count();
                prop_assert_eq!(theirs, 1, "{}", &assigned.person_id);
            }
        }
        let mut ids: Vec<&str> = bench.notifications.iter().map(|one| one.notification_id.as_str()).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(ids.len(), all);
    }

    #[test]
    fn a_route_without_rosters_is_what_the_contract_says(people in people(), at in moments(), area in 0..CODES.len()) {
        let directory = directory(&people, &[]);
        let query = RouteQuery { area: Some(CODES[area]), workplace: None, level: Level::Urgent, step: 1, at };
        let of = |role| nearest(&people, role, CODES[area], at);
        let grid = match of("grid_worker") { none if none.is_empty() => of("village_worker"), some => some };
        let field = [of("officer"), grid].concat();
        let name = |people: Vec<usize>| sorted(people.into_iter().map(|n| format!("p{n}")).collect());
        let told = |step| sorted(ids(&directory.route(&RouteQuery { step, ..query })).into_iter().map(ToOwned::to_owned).collect());
        prop_assert_eq!(directory.route(&query).unowned, field.is_empty() && of("chief").is_empty());
        if !field.is_empty() {
            prop_assert_eq!(told(1), name(field.clone()));
            if !of("chief").is_empty() {
                prop_assert_eq!(told(2), name([field, of("chief")].concat()));
            }
        } else if !of("chief").is_empty() {
            prop_assert_eq!(told(1), name(of("chief")));
        }
    }

    #[test]
    fn of_shifts_that_join_on_the_clock_one_is_on_at_every_moment_and_only_one(
        zone in 0..ZONES.len(), at in moments(), mut borders in proptest::collection::btree_set(0..1440_u32, 1..5),
    ) {
        let first = *borders.first().unwrap();
        borders.insert(first);
        let borders: Vec<u32> = borders.into_iter().collect();
        let mut people = String::new();
        let mut shifts = Vec::new();
        for (n, from) in borders.iter().enumerate() {
            let to = borders.get(n + 1).unwrap_or(&first);
            people.push_str(&format!("[[people]]\nid = \"p{n}\"\nname = \"某\"\nrole = \"defence_team\"\n"));
            shifts.push(format!("{{ from = \"{}\", to = \"{}\", people = [\"p{n}\"] }}", clock(*from), clock(*to)));
        }
        let rosters = format!(
            "[[rosters]]\nid = \"r\"\nareas = [\"z\"]\ntime_zone = \"{}\"\nshifts = [{}]\n", ZONES[zone], shifts.join(", ")
        );
        let directory = load(&[("people.toml", &people), ("rosters.toml", &rosters)]);
        let query = RouteQuery { area: Some("z"), workplace: None, level: Level::Urgent, step: 1, at };
        prop_assert_eq!(directory.route(&query).people.len(), 1);
    }

    #[test]
    fn a_local_time_stands_for_the_first_moment_at_which_clocks_show_it_or_more(
        zone in 0..ZONES.len(), at in moments(),
    ) {
        let zone: Tz = ZONES[zone].parse().unwrap();
        // Times of clocks near the moment, those that do not exist or come twice among them.
        let local: NaiveDateTime = at.naive_utc();
        let moment = first_moment(zone, local);
        let shows = |moment: DateTime<Utc>| moment.with_timezone(&zone).naive_local();
        prop_assert!(shows(moment) >= local);
        let mut earlier = moment - TimeDelta::seconds(1);
        for _ in 0..180 {
            prop_assert!(shows(earlier) < local, "{} shows {} already", earlier, shows(earlier));
            earlier -= TimeDelta::minutes(1);
        }
    }

    #[test]
    fn a_calendar_that_repeats_daily_agrees_with_a_shift_that_does(
        zone in 0..ZONES.len(), at in moments(), from in 0..1440_u32, minutes in 1..=1440_u32,
    ) {
        let zone = ZONES[zone];
        let start = chrono::NaiveDate::from_ymd_opt(2025, 12, 1).unwrap()
            .and_time(NaiveTime::MIN) + TimeDelta::minutes(from.into());
        let end = start + TimeDelta::minutes(minutes.into());
        let stamp = |time: NaiveDateTime| time.format("%Y%m%dT%H%M%S").to_string();
        let calendar = format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART;TZID={zone}:{}\r\nDTEND;TZID={zone}:{}\r\nRRULE:FREQ=DAILY\r\nSUMMARY:p0\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
            stamp(start), stamp(end)
        );
        let people = "[[people]]\nid = \"p0\"\nname = \"某\"\nrole = \"defence_team\"\n";
        let roster = |what: &str| format!("[[rosters]]\nid = \"r\"\nareas = [\"z\"]\ntime_zone = \"{zone}\"\n{what}\n");
        let shift = format!("shifts = [{{ from = \"{}\", to = \"{}\", people = [\"p0\"] }}]", clock(from), end.format("%H:%M"));
        let by_shift = load(&[("people.toml", people), ("rosters.toml", &roster(&shift))]);
        let by_calendar = load(&[
            ("people.toml", people), ("rosters.toml", &roster("calendar = \"c.ics\"")), ("c.ics", &calendar),
        ]);
        let query = RouteQuery { area: Some("z"), workplace: None, level: Level::Urgent, step: 1, at };
        prop_assert_eq!(by_shift.route(&query), by_calendar.route(&query));
    }
}
