//! The times of iCalendar: with a zone, in UTC, floating, or whole days; and durations.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use icalendar::parser::{Component, Property};

use super::clock::first_moment;
use super::fault::{Place, Source};
use super::ical::{midnight, param};

/// A time as it stands in a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stamp {
    /// A whole day.
    Day(NaiveDate),
    /// By the clock of a zone that was named.
    Zoned(NaiveDateTime, Tz),
    /// By the clock of the calendar's own zone, none being named.
    Floating(NaiveDateTime, Tz),
    /// In UTC.
    Utc(DateTime<Utc>),
}

impl Stamp {
    /// A value without parameters; `floating` is the zone of one without a `Z`.
    pub fn parse(text: &str, floating: Tz) -> Option<Self> {
        if let Ok(day) = NaiveDate::parse_from_str(text, "%Y%m%d") {
            return Some(Stamp::Day(day));
        }
        let local = NaiveDateTime::parse_from_str(text.trim_end_matches('Z'), "%Y%m%dT%H%M%S").ok()?;
        Some(if text.ends_with('Z') { Stamp::Utc(local.and_utc()) } else { Stamp::Floating(local, floating) })
    }

    /// The zone it belongs to; `None` for a whole day.
    pub fn zone(self) -> Option<Tz> {
        match self {
            Stamp::Day(_) => None,
            Stamp::Zoned(_, zone) | Stamp::Floating(_, zone) => Some(zone),
            Stamp::Utc(_) => Some(Tz::UTC),
        }
    }

    /// What the clocks of a zone show then.
    pub fn on_clock_of(self, zone: Tz) -> NaiveDateTime {
        match self {
            Stamp::Day(day) => midnight(day),
            Stamp::Zoned(local, own) | Stamp::Floating(local, own) if own == zone => local,
            Stamp::Zoned(local, own) | Stamp::Floating(local, own) => {
                first_moment(own, local).with_timezone(&zone).naive_local()
            }
            Stamp::Utc(moment) => moment.with_timezone(&zone).naive_local(),
        }
    }
}

/// The time zones of a calendar, by the names it gives them.
pub(super) struct Zones {
    /// The zone of times without one.
    pub floating: Tz,
    named: HashMap<String, Tz>,
}

impl Zones {
    /// Those of this calendar; floating times are those of its `X-WR-TIMEZONE`, else of `otherwise`.
    pub fn of(calendar: &Component<'_>, otherwise: Tz) -> Self {
        let own = calendar.find_prop("X-WR-TIMEZONE").and_then(|zone| zone.val.as_str().parse().ok());
        let zones = calendar.components.iter().filter(|component| component.name == "VTIMEZONE");
        // Programs that name zones their own way may say here which one of the IANA database they mean.
        let named = zones.filter_map(|zone| {
            let name = zone.find_prop("TZID")?.val.as_str().to_owned();
            let meant = zone.find_prop("X-LIC-LOCATION")?.val.as_str().parse().ok()?;
            Some((name, meant))
        });
        Zones { floating: own.unwrap_or(otherwise), named: named.collect() }
    }

    fn find(&self, name: &str) -> Option<Tz> {
        let name = name.trim_matches('"').trim_start_matches('/');
        if let Some(zone) = self.named.get(name) {
            return Some(*zone);
        }
        match name {
            // What office programs call China's.
            "China Standard Time" => Some(Tz::Asia__Shanghai),
            other => other.parse().ok(),
        }
    }
}

/// The times of a property, of which some are lists.
pub(super) fn stamps(
    source: &mut Source<'_>,
    place: &Place,
    key: &'static str,
    property: &Property<'_>,
    zones: &Zones,
) -> Vec<Stamp> {
    let zone = match param(property, "TZID") {
        None => None,
        Some(name) => match zones.find(name) {
            Some(zone) => Some(zone),
            None => {
                source.fault(place, Some(key), format!("`{name}` is no time zone of the IANA database"));
                return Vec::new();
            }
        },
    };
    let mut found = Vec::new();
    for text in property.val.as_str().split(',') {
        match Stamp::parse(text.trim(), zones.floating) {
            Some(Stamp::Floating(local, floating)) => {
                found.push(zone.map_or(Stamp::Floating(local, floating), |zone| Stamp::Zoned(local, zone)));
            }
            Some(stamp) => found.push(stamp),
            None => {
                source.fault(place, Some(key), "it is no time such as 20260105T080000");
                return Vec::new();
            }
        }
    }
    found
}

/// A duration such as `PT12H` or `P1DT30M`.
pub(super) fn duration(text: &str) -> Option<TimeDelta> {
    let rest = text.strip_prefix('+').unwrap_or(text).strip_prefix('P')?;
    let (days, time) = rest.split_once('T').unwrap_or((rest, ""));
    let mut seconds = 0_i64;
    for (part, units) in
        [(days, &[('W', 604_800), ('D', 86_400)][..]), (time, &[('H', 3_600), ('M', 60), ('S', 1)][..])]
    {
        let mut number = String::new();
        for c in part.chars() {
            if c.is_ascii_digit() {
                number.push(c);
                continue;
            }
            let (_, unit) = units.iter().find(|(name, _)| *name == c)?;
            seconds = seconds.checked_add(number.parse::<i64>().ok()?.checked_mul(*unit)?)?;
            number.clear();
        }
        if !number.is_empty() {
            return None;
        }
    }
    TimeDelta::try_seconds(seconds)
}
