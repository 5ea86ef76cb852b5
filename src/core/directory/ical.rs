//! Reads iCalendar files (RFC 5545) as on-call calendars: events with `RRULE`, `RDATE`, `EXDATE` and single changed
//! times, in any time zone of the IANA database, each naming a person in `ATTENDEE` or `SUMMARY`.

use std::collections::HashMap;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use chrono_tz::Tz;
use icalendar::parser::{Component, Property, read_components, unfold};
use rrule::{RRule, RRuleSet, Unvalidated};

use super::calendar::{Calendar, Entry, MOST_TIMES_A_YEAR, YEARS, bounds};
use super::fault::{Place, Source};
use super::ical_time::{Stamp, Zones, duration, stamps};
use super::people::{People, is_id_char};
use crate::core::files::line_of;

/// The longest time somebody can be on call in one go, in days.
const LONGEST: i64 = 366;

/// Reads a calendar; its floating times are those of `zone`.
pub(super) fn read(source: &mut Source<'_>, text: &str, people: &People, zone: Tz) -> Option<Calendar> {
    let unfolded = unfold(text);
    let components = match read_components(&unfolded) {
        Ok(components) => components,
        Err(_) => {
            source.fault(&Place { line: broken_line(text), entry: None }, None, "this is not iCalendar");
            return None;
        }
    };
    let calendars = || components.iter().filter(|component| component.name == "VCALENDAR");
    let ends = text.lines().filter(|line| line.trim_end().eq_ignore_ascii_case("END:VCALENDAR")).count();
    if calendars().count() == 0 || calendars().count() != ends {
        source.fault(&Place::default(), None, "there is no whole VCALENDAR in it");
        return None;
    }
    let before = source.faults.len();
    let mut reader = Reader { people, lines: event_lines(text).into_iter(), entries: Vec::new(), uids: HashMap::new() };
    for calendar in calendars() {
        let zones = Zones::of(calendar, zone);
        // A changed time belongs to the event of the same UID, wherever that stands.
        let events = || calendar.components.iter().filter(|component| component.name == "VEVENT");
        let places: Vec<Place> = events().map(|event| reader.place(event)).collect();
        for changed in [false, true] {
            for (event, place) in events().zip(&places) {
                if event.find_prop("RECURRENCE-ID").is_some() == changed {
                    reader.event(source, place, event, &zones);
                }
            }
        }
    }
    if reader.entries.is_empty() && source.faults.len() == before {
        source.fault(&Place::default(), None, "there are no events in it");
    }
    (source.faults.len() == before).then(|| Calendar::new(reader.entries))
}

/// The lines on which events begin, from 1.
fn event_lines(text: &str) -> Vec<usize> {
    let lines = text.lines().enumerate();
    lines.filter(|(_, line)| line.trim_end() == "BEGIN:VEVENT").map(|(n, _)| n + 1).collect()
}

/// The first line that cannot be one of an iCalendar file; the last one if each could.
fn broken_line(text: &str) -> Option<usize> {
    let could_be = |line: &str| {
        let name = line.split([':', ';']).next().unwrap_or_default();
        line.starts_with([' ', '\t'])
            || line.trim().is_empty()
            || (line.contains(':') && !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
    };
    let broken = text.lines().position(|line| !could_be(line)).map(|n| n + 1);
    broken.or_else(|| Some(line_of(text.trim_end(), text.len())))
}

struct Reader<'p> {
    people: &'p People,
    lines: std::vec::IntoIter<usize>,
    entries: Vec<Entry>,
    uids: HashMap<String, usize>,
}

/// When an event begins, how long it lasts, and whether it is made of whole days.
struct When {
    zone: Tz,
    start: NaiveDateTime,
    lasts: TimeDelta,
}

impl Reader<'_> {
    fn place(&mut self, event: &Component<'_>) -> Place {
        let uid = event.find_prop("UID").map(|uid| format!("event `{}`", uid.val.as_str()));
        Place { line: self.lines.next(), entry: uid.or_else(|| Some("event".to_owned())) }
    }

    fn event(&mut self, source: &mut Source<'_>, place: &Place, event: &Component<'_>, zones: &Zones) {
        let uid = event.find_prop("UID").map(|uid| uid.val.as_str().to_owned());
        let cancelled = event.find_prop("STATUS").is_some_and(|status| status.val.as_str() == "CANCELLED");
        if let Some(id) = event.find_prop("RECURRENCE-ID") {
            self.leave_out(source, place, id, uid.as_deref(), zones);
        }
        if cancelled {
            return;
        }
        let when = when(source, place, event, zones);
        let people = self.named(source, place, event);
        let (Some(when), Some(people)) = (when, people) else { return };
        let mut entry = Entry {
            people,
            zone: when.zone,
            start: when.start,
            lasts: when.lasts,
            rule: None,
            also: Vec::new(),
            not: Default::default(),
            not_on: Default::default(),
        };
        for property in event.properties.iter().filter(|property| property.name == "RDATE") {
            let read = stamps(source, place, "RDATE", property, zones);
            entry.also.extend(read.into_iter().map(|stamp| stamp.on_clock_of(entry.zone)));
        }
        for property in event.properties.iter().filter(|property| property.name == "EXDATE") {
            for stamp in stamps(source, place, "EXDATE", property, zones) {
                entry.leave_out(stamp);
            }
        }
        let rules: Vec<_> = event.properties.iter().filter(|property| property.name == "RRULE").collect();
        match rules.as_slice() {
            [] => {}
            [rule] => {
                entry.rule = rule_of(source, place, rule.val.as_str(), &when, zones);
                if entry.rule.is_none() || !worked_out(source, place, &entry) {
                    return;
                }
            }
            _ => return source.fault(place, Some("RRULE"), "there is more than one"),
        }
        let changes = event.find_prop("RECURRENCE-ID").is_some();
        if let Some(uid) = uid.filter(|_| !changes)
            && self.uids.insert(uid, self.entries.len()).is_some()
        {
            source.fault(place, Some("UID"), "another event has the same");
        }
        self.entries.push(entry);
    }

    /// Takes a changed time out of its series.
    fn leave_out(
        &mut self,
        source: &mut Source<'_>,
        place: &Place,
        id: &Property<'_>,
        uid: Option<&str>,
        zones: &Zones,
    ) {
        if id.params.iter().any(|param| param.key.as_str() == "RANGE") {
            source.fault(place, Some("RECURRENCE-ID"), "RANGE is not supported: end the series and begin another");
        }
        let series = uid.and_then(|uid| self.uids.get(uid)).copied();
        let Some(entry) = series.and_then(|index| self.entries.get_mut(index)) else {
            // The series may be missing because it is wrong itself, and that has been said.
            if source.faults.is_empty() {
                source.fault(place, Some("RECURRENCE-ID"), "there is no event of the same UID");
            }
            return;
        };
        for stamp in stamps(source, place, "RECURRENCE-ID", id, zones) {
            entry.leave_out(stamp);
        }
    }

    /// The people an event names: its attendees, else those in its summary.
    fn named(&self, source: &mut Source<'_>, place: &Place, event: &Component<'_>) -> Option<Vec<usize>> {
        let mut people = Vec::new();
        let attendees = event.properties.iter().filter(|property| property.name == "ATTENDEE");
        for attendee in attendees.filter(|attendee| takes_part(attendee)) {
            match self.attendee(attendee) {
                Some(person) => people.push(person),
                None => {
                    // What stands there may be an address: it is not repeated.
                    source.fault(place, Some("ATTENDEE"), "it names nobody of people.toml by id");
                    return None;
                }
            }
        }
        if people.is_empty() {
            let summary = event.find_prop("SUMMARY").map(|summary| summary.val.as_str()).unwrap_or_default();
            let words = summary.split(|c: char| !is_id_char(c)).map(|word| word.trim_matches('.'));
            people.extend(words.filter_map(|word| self.people.place(word)));
        }
        if people.is_empty() {
            source.fault(place, Some("SUMMARY"), "neither it nor an ATTENDEE names somebody of people.toml by id");
            return None;
        }
        people.dedup();
        Some(people)
    }

    /// By the address, with or without `mailto:` and what follows an `@`, or by the common name.
    fn attendee(&self, attendee: &Property<'_>) -> Option<usize> {
        let address = attendee.val.as_str();
        let address = match address.split_once(':') {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("mailto") => rest,
            _ => address.rsplit(':').next().unwrap_or(address),
        };
        let local = address.split('@').next().unwrap_or(address);
        let name = param(attendee, "CN").map(|name| name.trim_matches('"')).unwrap_or_default();
        [address, local, name].into_iter().find_map(|id| self.people.place(id))
    }
}

impl Entry {
    fn leave_out(&mut self, stamp: Stamp) {
        match stamp {
            Stamp::Day(day) => drop(self.not_on.insert(day)),
            other => drop(self.not.insert(other.on_clock_of(self.zone))),
        }
    }
}

/// Rooms and equipment take no part, and neither do those who are only informed or have declined.
fn takes_part(attendee: &Property<'_>) -> bool {
    let is = |key: &str, values: &[&str]| param(attendee, key).is_some_and(|value| values.contains(&value));
    !is("CUTYPE", &["ROOM", "RESOURCE"]) && !is("ROLE", &["NON-PARTICIPANT"]) && !is("PARTSTAT", &["DECLINED"])
}

pub(super) fn param<'p>(property: &'p Property<'_>, key: &str) -> Option<&'p str> {
    let found = property.params.iter().find(|param| param.key.as_str().eq_ignore_ascii_case(key));
    found.and_then(|param| param.val.as_ref()).map(|value| value.as_str())
}

fn when(source: &mut Source<'_>, place: &Place, event: &Component<'_>, zones: &Zones) -> Option<When> {
    let Some(start) = event.find_prop("DTSTART") else {
        source.fault(place, Some("DTSTART"), "it is missing");
        return None;
    };
    let start = *stamps(source, place, "DTSTART", start, zones).first()?;
    let zone = start.zone().unwrap_or(zones.floating);
    let begins = start.on_clock_of(zone);
    let lasts = if let Some(end) = event.find_prop("DTEND") {
        stamps(source, place, "DTEND", end, zones).first()?.on_clock_of(zone) - begins
    } else if let Some(length) = event.find_prop("DURATION") {
        match duration(length.val.as_str()) {
            Some(length) => length,
            None => {
                source.fault(place, Some("DURATION"), "it is no duration such as PT12H");
                return None;
            }
        }
    } else if matches!(start, Stamp::Day(_)) {
        TimeDelta::days(1)
    } else {
        source.fault(place, Some("DTEND"), "neither it nor DURATION is there");
        return None;
    };
    if lasts <= TimeDelta::zero() || lasts > TimeDelta::days(LONGEST) {
        source.fault(place, Some("DTEND"), format!("it must be after DTSTART, by {LONGEST} days at most"));
        return None;
    }
    if !YEARS.contains(&chrono::Datelike::year(&begins)) {
        source.fault(place, Some("DTSTART"), format!("its year is not one of {} to {}", YEARS.start(), YEARS.end()));
        return None;
    }
    Some(When { zone, start: begins, lasts })
}

/// The rule, on the local clock; whatever it counts until is brought there too.
fn rule_of(source: &mut Source<'_>, place: &Place, text: &str, when: &When, zones: &Zones) -> Option<Box<RRuleSet>> {
    let mut parts = Vec::new();
    for part in text.split(';').filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let (key, value) = (key.to_ascii_uppercase(), value.to_ascii_uppercase());
        let refused = match key.as_str() {
            "FREQ" if matches!(value.as_str(), "SECONDLY" | "MINUTELY" | "HOURLY") => {
                Some("a shift comes once a day at most".to_owned())
            }
            "INTERVAL" if value.parse::<u16>().is_ok_and(|interval| interval == 0) => Some("INTERVAL is 0".to_owned()),
            "BYEASTER" => Some("BYEASTER is not supported".to_owned()),
            _ => None,
        };
        if let Some(reason) = refused {
            source.fault(place, Some("RRULE"), reason);
            return None;
        }
        if key == "UNTIL" {
            let Some(until) = Stamp::parse(&value, zones.floating) else {
                source.fault(place, Some("RRULE"), "UNTIL is no moment such as 20261231T160000Z");
                return None;
            };
            let until = match until {
                Stamp::Day(day) => day.and_time(LAST_SECOND),
                // Without an offset it is meant by the clock of DTSTART.
                Stamp::Floating(local, _) => local,
                other => other.on_clock_of(when.zone),
            };
            parts.push(format!("UNTIL={}Z", until.format("%Y%m%dT%H%M%S")));
        } else {
            parts.push(format!("{key}={value}"));
        }
    }
    let start = when.start.and_utc().with_timezone(&rrule::Tz::UTC);
    match parts.join(";").parse::<RRule<Unvalidated>>().and_then(|rule| rule.build(start)) {
        Ok(set) => Some(Box::new(set.limit())),
        Err(error) => {
            source.fault(place, Some("RRULE"), error.to_string());
            None
        }
    }
}

const LAST_SECOND: NaiveTime = match NaiveTime::from_hms_opt(23, 59, 59) {
    Some(time) => time,
    None => NaiveTime::MIN,
};

/// Whether the times of a series can be worked out, and there are any.
fn worked_out(source: &mut Source<'_>, place: &Place, entry: &Entry) -> bool {
    let first_year = bounds(chrono::Datelike::year(&entry.start));
    let (_, end) = first_year.unwrap_or((entry.start, entry.start));
    let mut starts = Vec::new();
    if !entry.starts(entry.start, end, &mut starts) {
        let reason = format!("it comes more than {MOST_TIMES_A_YEAR} times a year");
        source.fault(place, Some("RRULE"), reason);
        return false;
    }
    let comes = entry.rule.as_ref().is_some_and(|rule| rule.as_ref().into_iter().next().is_some());
    if !comes && entry.also.is_empty() {
        source.fault(place, Some("RRULE"), "it never comes");
        return false;
    }
    true
}

/// A day at midnight.
pub(super) fn midnight(day: NaiveDate) -> NaiveDateTime {
    day.and_time(NaiveTime::MIN)
}
