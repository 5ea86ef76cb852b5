//! Times in rules: `event.time`, and the functions CEL has for a timestamp.
//!
//! The crate has them too, but only together with its own table of time zones; rules need no more than UTC and a fixed
//! offset: `event.time.getHours('+08:00') >= 22`.

use std::any::Any;
use std::cmp::Ordering;

use cel::common::traits::Comparer;
use cel::common::types::{CelInt, CelString, STRING_TYPE, Type};
use cel::common::value::{CowVal, StaticVal, Val};
use cel::{Env, ExecutionError, Value};
use chrono::{Datelike, FixedOffset, Timelike};

use crate::core::event::EventTime;
use crate::core::time;

static MOMENT: Type = Type::new_unspecified_type("timestamp");

/// A point in time as a CEL value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment(pub(super) EventTime);

impl Val for Moment {
    fn get_type(&self) -> &Type {
        &MOMENT
    }

    fn cel_type() -> &'static Type {
        &MOMENT
    }

    fn as_comparer(&self) -> Option<&dyn Comparer> {
        Some(self)
    }

    fn equals(&self, other: &dyn Val) -> bool {
        other.downcast_ref::<Moment>().is_some_and(|other| self.0 == other.0)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(*self)
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Moment {}

impl Comparer for Moment {
    fn compare(&self, other: &dyn Val) -> Result<Ordering, ExecutionError> {
        other
            .downcast_ref::<Moment>()
            .map(|other| self.0.cmp(&other.0))
            .ok_or(ExecutionError::ValuesNotComparable(Value::Null, Value::Null))
    }
}

/// The part of a time that a member function gives, counted as CEL counts.
type Part = fn(&EventTime) -> i64;

/// The member functions of a time: name, part of a year, day or hour.
pub(super) const MEMBERS: [&str; 6] = ["getFullYear", "getMonth", "getDate", "getDayOfWeek", "getHours", "getMinutes"];

/// Declares `timestamp('…')` and the member functions of its result.
pub(super) fn declare(env: &mut Env) -> Result<(), cel::DeclarationError> {
    env.add_overload("timestamp", "string_to_timestamp", vec![STRING_TYPE], |args| {
        let text = args.first().and_then(|arg| arg.downcast_ref::<CelString<'_>>());
        text.and_then(|text| time::parse(text.inner()))
            .map(|at| CowVal::owned(Moment(at)))
            .ok_or_else(|| ExecutionError::function_error("timestamp", "not an RFC 3339 time"))
    })?;
    let [full_year, month, date, day_of_week, hours, minutes] = MEMBERS;
    member(env, full_year, |args| part(args, |t| i64::from(t.year())))?;
    member(env, month, |args| part(args, |t| i64::from(t.month0())))?;
    member(env, date, |args| part(args, |t| i64::from(t.day())))?;
    member(env, day_of_week, |args| part(args, |t| i64::from(t.weekday().num_days_from_sunday())))?;
    member(env, hours, |args| part(args, |t| i64::from(t.hour())))?;
    member(env, minutes, |args| part(args, |t| i64::from(t.minute())))
}

fn member(env: &mut Env, name: &str, function: cel::common::functions::Function) -> Result<(), cel::DeclarationError> {
    let utc = format!("timestamp_{name}");
    let at_offset = format!("timestamp_{name}_offset");
    env.add_member_overload(name, &utc, MOMENT.to_owned(), vec![], function)?;
    env.add_member_overload(name, &at_offset, MOMENT.to_owned(), vec![STRING_TYPE], function)
}

fn part<'b, 'v>(args: Vec<CowVal<'b, 'v>>, part: Part) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let at =
        args.first().and_then(|arg| arg.downcast_ref::<Moment>()).ok_or(ExecutionError::MissingArgumentOrTarget)?;
    let offset = match args.get(1).and_then(|arg| arg.downcast_ref::<CelString<'_>>()) {
        Some(text) => offset(text.inner())
            .ok_or_else(|| ExecutionError::function_error("timestamp", "not an offset such as +08:00"))?,
        None => FixedOffset::east_opt(0).ok_or(ExecutionError::MissingArgumentOrTarget)?,
    };
    Ok(CowVal::owned(CelInt::from(part(&at.0.with_timezone(&offset)))))
}

/// Reads an offset from UTC such as `+08:00`, `-03:30` or `UTC`.
pub(super) fn offset(text: &str) -> Option<FixedOffset> {
    if text == "UTC" {
        return FixedOffset::east_opt(0);
    }
    let (east, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (hours, minutes) = digits.split_once(':')?;
    if hours.len() != 2 || minutes.len() != 2 {
        return None;
    }
    let (hours, minutes): (u8, u8) = (hours.parse().ok()?, minutes.parse().ok()?);
    if minutes > 59 {
        return None;
    }
    FixedOffset::east_opt(east * (i32::from(hours) * 3600 + i32::from(minutes) * 60))
}
