//! Who is told of a case, and why (contract 9).
//!
//! Step 1 are the officer and the grid worker of the nearest area upwards, each grid by itself, those who answer for
//! the enterprise where the person works, and, if it is urgent, whoever is on call. Step 2 is the chief, step 3 the
//! centre. Who was told once stays told: a route has the people of every step up to its own. A step that brings
//! nobody new goes on to the next one that does.

use std::fmt;

use chrono::{DateTime, Utc};

use super::Directory;
use super::areas::{Area, AreaKind};
use super::people::{Person, PersonRole};
use super::roster::{OnCall, OnCallBy, Roster};
use crate::core::rules::Level;

/// The last step.
pub const LAST_STEP: u8 = 3;

/// What a case is routed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteQuery<'q> {
    /// Area of the case; it need not be in the directory.
    pub area: Option<&'q str>,
    /// Workplace of the person at risk.
    pub workplace: Option<&'q str>,
    /// Level of the case.
    pub level: Level,
    /// Step of the case, 1 to [`LAST_STEP`].
    pub step: u8,
    /// When it is told.
    pub at: DateTime<Utc>,
}

/// Who is told of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Route<'d> {
    /// Each person once, in the order of the steps by which they came in.
    pub people: Vec<Routed<'d>>,
    /// Nobody in the field and no chief answers for it: it belongs to the queue of those without an owner, and only
    /// the centre is told.
    pub unowned: bool,
}

/// Somebody who is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Routed<'d> {
    /// Who.
    pub person: &'d Person,
    /// Whose people they are: 1 the field, 2 the chief, 3 the centre.
    pub step: u8,
    /// Why.
    pub why: Why<'d>,
}

/// Why somebody is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Why<'d> {
    /// They answer for this area, the nearest one upwards for which somebody of their grid does.
    Area(&'d Area),
    /// They stand in for the grid worker whom no area upwards has.
    StandsIn(&'d Area),
    /// They answer for the enterprise where the person works.
    Workplace(&'d Area),
    /// They are on call by this roster, until then.
    OnCall(&'d str, OnCallBy, DateTime<Utc>),
    /// They are the chief of this area.
    Chief(&'d Area),
    /// They are the centre of this area.
    Centre(&'d Area),
    /// No area upwards has a centre, or the area is unknown: all of the centre are told.
    AnyCentre,
}

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Area(area) => write!(f, "answers for {}", area.code),
            Why::StandsIn(area) => write!(f, "stands in for the grid worker in {}", area.code),
            Why::Workplace(area) => write!(f, "answers for the workplace {}", area.code),
            Why::OnCall(roster, OnCallBy::Roster, _) => write!(f, "on call by roster {roster}"),
            Why::OnCall(roster, OnCallBy::Swap, _) => write!(f, "on call by a swap in roster {roster}"),
            Why::OnCall(roster, OnCallBy::Override, _) => write!(f, "on call by an override of roster {roster}"),
            Why::Chief(area) => write!(f, "chief of {}", area.code),
            Why::Centre(area) => write!(f, "centre of {}", area.code),
            Why::AnyCentre => f.write_str("the centre has what nobody else has"),
        }
    }
}

impl Directory {
    /// Who is told.
    pub fn route(&self, query: &RouteQuery<'_>) -> Route<'_> {
        let mut route = Route { people: Vec::new(), unowned: false };
        let mut next = 1;
        for step in 1..=query.step.clamp(1, LAST_STEP) {
            next = next.max(step);
            let before = route.people.len();
            while next <= LAST_STEP && route.people.len() == before {
                self.add(next, query, &mut route.people);
                next += 1;
            }
        }
        // The first step goes on until somebody is found: if that is only the centre, there is nobody before it.
        route.unowned = !route.people.iter().any(|routed| routed.step < LAST_STEP);
        route
    }

    /// Adds the people of a step who are not there yet.
    fn add<'d>(&'d self, step: u8, query: &RouteQuery<'_>, people: &mut Vec<Routed<'d>>) {
        let mut put = |person: &'d Person, why| {
            if !people.iter().any(|routed| routed.person.id == person.id) {
                people.push(Routed { person, step, why });
            }
        };
        match step {
            1 => self.field(query, &mut put),
            2 => drop(self.nearest(query, PersonRole::Chief, &mut |person, area| put(person, Why::Chief(area)))),
            _ => {
                let found = self.nearest(query, PersonRole::Centre, &mut |person, area| put(person, Why::Centre(area)));
                if !found {
                    let day = self.people.day(query.at);
                    let centre = self.people.all().iter().filter(|person| person.role == PersonRole::Centre);
                    centre.filter(|person| person.period.contains(day)).for_each(|person| put(person, Why::AnyCentre));
                }
            }
        }
    }

    fn field<'d>(&'d self, query: &RouteQuery<'_>, put: &mut dyn FnMut(&'d Person, Why<'d>)) {
        self.nearest(query, PersonRole::Officer, &mut |person, area| put(person, Why::Area(area)));
        if !self.nearest(query, PersonRole::GridWorker, &mut |person, area| put(person, Why::Area(area))) {
            self.nearest(query, PersonRole::VillageWorker, &mut |person, area| put(person, Why::StandsIn(area)));
        }
        let enterprise = query
            .workplace
            .and_then(|workplace| self.areas.upwards(workplace).find(|area| area.kind == AreaKind::Enterprise));
        if let Some(enterprise) = enterprise {
            let there = self.people.answering(&enterprise.code, self.people.day(query.at));
            let field = there.filter(|person| !matches!(person.role, PersonRole::Chief | PersonRole::Centre));
            field.for_each(|person| put(person, Why::Workplace(enterprise)));
        }
        if query.level == Level::Urgent {
            for (roster, on_call, person) in self.on_call(query.area, query.at) {
                put(person, Why::OnCall(&roster.id, on_call.by, on_call.until));
            }
        }
    }

    /// Those of a role in the nearest area upwards that has any; whether there is one.
    fn nearest<'d>(
        &'d self,
        query: &RouteQuery<'_>,
        role: PersonRole,
        found: &mut dyn FnMut(&'d Person, &'d Area),
    ) -> bool {
        let day = self.people.day(query.at);
        for area in query.area.into_iter().flat_map(|area| self.areas.upwards(area)) {
            let mut any = false;
            for person in self.people.answering(&area.code, day).filter(|person| person.role == role) {
                any = true;
                found(person, area);
            }
            if any {
                return true;
            }
        }
        false
    }

    /// Who is on call for an area at a moment, by every roster of it or of an area above it.
    fn on_call(&self, area: Option<&str>, at: DateTime<Utc>) -> impl Iterator<Item = (&Roster, OnCall, &Person)> {
        let day = self.people.day(at);
        let upwards: Vec<&str> =
            area.into_iter().flat_map(|area| self.areas.upwards(area)).map(|area| area.code.as_str()).collect();
        let rosters = self.rosters.all().iter().enumerate();
        let here = rosters.filter(move |(_, roster)| roster.areas.iter().any(|area| upwards.contains(&area.as_str())));
        here.flat_map(move |(place, roster)| {
            let on_call = self.rosters.on_call(place, at, &self.holidays).into_iter();
            on_call.filter_map(move |on_call| {
                let person = self.people.at(on_call.person).filter(|person| person.period.contains(day))?;
                Some((roster, on_call, person))
            })
        })
    }
}
