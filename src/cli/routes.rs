//! `golden-bell routes test`: who would be told of a case, why, and what happens if nobody reacts.

use anyhow::bail;
use chrono::{DateTime, Datelike, FixedOffset, SecondsFormat, Utc};
use chrono_tz::Tz;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};

use crate::config::Config;
use crate::core::case::{CaseSettings, unattended};
use crate::core::case_engine::Outlets;
use crate::core::directory::{Area, Directory, LAST_STEP, Route, RouteQuery, Routed, Why};
use crate::core::rules::Level;
use crate::runtime::{Rulebook, case_settings, outlets};

use super::output;

#[derive(Args, Debug)]
pub(super) struct RoutesArgs {
    #[command(subcommand)]
    pub(super) action: Action,
}

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Say who is told of a case, why, and what happens if nobody reacts.
    Test(TestArgs),
}

#[derive(Args, Debug)]
pub(super) struct TestArgs {
    /// Area of the case: where the person lives.
    #[arg(long, value_name = "CODE")]
    pub(super) area: String,
    /// Where the person works.
    #[arg(long, value_name = "CODE")]
    pub(super) workplace: Option<String>,
    /// Level of the case.
    #[arg(
        long,
        value_parser = PossibleValuesParser::new(Level::ALL.map(Level::as_str)).try_map(|name| name.parse::<Level>()),
    )]
    pub(super) level: Level,
    /// How far the case has escalated.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=i64::from(LAST_STEP)))]
    pub(super) step: u8,
    /// When it is told, such as 2026-10-01T20:00:00+08:00; now if it is left out.
    #[arg(long, value_name = "TIME", value_parser = DateTime::parse_from_rfc3339)]
    pub(super) at: Option<DateTime<FixedOffset>>,
}

pub(super) fn execute(config: &Config, args: &RoutesArgs) -> anyhow::Result<()> {
    let Action::Test(args) = &args.action;
    let directory = Rulebook::load(config)?.directory.load_full();
    for (what, code) in [("area", Some(&args.area)), ("workplace", args.workplace.as_ref())] {
        if let Some(code) = code.filter(|code| !directory.areas().contains(code)) {
            bail!("{what} `{code}` is not in the directory, and lies below no area of it");
        }
    }
    let at = args.at.map_or_else(Utc::now, |at| at.to_utc());
    let query = RouteQuery {
        area: Some(&args.area),
        workplace: args.workplace.as_deref(),
        level: args.level,
        step: args.step,
        at,
    };
    let route = directory.route(&query);
    output::line(asked(config, &directory, &query))?;
    let outlets = outlets(config);
    output::line(told(&route, directory.people().zone(), &outlets))?;
    output::line(then(&directory, &query, &route, &case_settings(config)?, &outlets))?;
    Ok(())
}

/// What was asked, as the directory understands it.
fn asked(config: &Config, directory: &Directory, query: &RouteQuery<'_>) -> String {
    let mut lines = vec![("area", query.area.map_or_else(String::new, |code| place(directory, code)))];
    lines.extend(query.workplace.map(|code| ("workplace", place(directory, code))));
    lines.push(("level", format!("{}, step {}", query.level, query.step)));
    lines.push(("at", moment(directory, query.at)));
    lines.push(("directory", format!("{}, version {}", config.directory.path.display(), directory.version())));
    let lines = lines.into_iter().map(|(what, found)| format!("{what:<10} {found}\n"));
    lines.collect()
}

fn place(directory: &Directory, code: &str) -> String {
    let named = |area: &Area| format!("{} ({}, {})", area.name.en, area.name.zh, area.kind.as_str());
    match directory.areas().nearest(code) {
        Some(area) if area.code == code => format!("{code}: {}", named(area)),
        Some(area) => {
            format!("{code}: not in the directory; the nearest area above it is {}, {}", area.code, named(area))
        }
        None => code.to_owned(),
    }
}

fn moment(directory: &Directory, at: DateTime<Utc>) -> String {
    let (zone, day) = (directory.people().zone(), directory.people().day(at));
    let holidays = directory.holidays();
    let mut kind = holidays.kind(day).as_str().to_owned();
    if let Some(name) = holidays.name(day) {
        kind.push_str(&format!(": {}", name.en));
    } else if !holidays.knows(day.year()) {
        kind.push_str(&format!("; there is no table of holidays for {}", day.year()));
    }
    format!("{} ({}, {kind})", to_the_second(at, zone), day.format("%A"))
}

fn to_the_second(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Secs, false)
}

/// Who is told.
fn told(route: &Route<'_>, zone: Tz, outlets: &Outlets) -> String {
    let mut text = String::from("Who is told\n");
    for routed in &route.people {
        text.push_str(&person(routed, zone, outlets));
    }
    if route.people.is_empty() {
        text.push_str("  nobody\n");
    }
    if route.unowned {
        text.push_str("  Nobody owns it: it is counted as unowned, and left to the centre.\n");
    }
    text
}

/// A line about somebody; the name comes last, as its width on a screen is nobody's to know.
fn person(routed: &Routed<'_>, zone: Tz, outlets: &Outlets) -> String {
    let person = routed.person;
    let channels = outlets.of_person(person).into_iter().map(|outlet| outlet.name).collect::<Vec<_>>().join(", ");
    let mut why = routed.why.to_string();
    if let Why::OnCall(_, _, until) = routed.why {
        why.push_str(&until.with_timezone(&zone).format(" until %d %b %H:%M").to_string());
    }
    format!(
        "  step {}  {:<14}  {:<14}  {:<52}  {channels:<20}  {}\n",
        routed.step,
        person.role.as_str(),
        person.id,
        why,
        person.name
    )
}

/// What happens if nobody reacts.
fn then(
    directory: &Directory,
    query: &RouteQuery<'_>,
    route: &Route<'_>,
    settings: &CaseSettings,
    outlets: &Outlets,
) -> String {
    let zone = directory.people().zone();
    let mut text = String::from("If nobody reacts\n");
    let mut told: Vec<&str> = route.people.iter().map(|routed| routed.person.id.as_str()).collect();
    let mut due = unattended(query.level, query.at, settings);
    let mut step = query.step;
    let (mut last, mut before) = (query.at, query.at);
    while step < LAST_STEP {
        let Some(at) = due.next() else { break };
        step += 1;
        let next = directory.route(&RouteQuery { step, at, ..*query });
        let new: Vec<&Routed<'_>> =
            next.people.iter().filter(|routed| !told.contains(&routed.person.id.as_str())).collect();
        let at_once = if new.is_empty() { "the same people again" } else { "the same people again, and also" };
        text.push_str(&format!("  {}  step {step}: {at_once}\n", to_the_second(at, zone)));
        new.iter().for_each(|routed| text.push_str(&format!("  {}", person(routed, zone, outlets))));
        told.extend(new.iter().map(|routed| routed.person.id.as_str()));
        (before, last) = (last, at);
    }
    let again = due.next().unwrap_or(last);
    text.push_str(&format!(
        "  {}  step {LAST_STEP} again, and so on every {}",
        to_the_second(again, zone),
        humantime::format_duration((again - last.max(before)).to_std().unwrap_or_default())
    ));
    text
}
