//! On-call calendars: RRULE, RDATE, EXDATE, changed and cancelled times, time zones, and whom an event names.

use crate::zone::{PEOPLE, load, on_call, refusal, with_rosters};

const ROSTER: &str = "[[rosters]]\nid = \"r\"\nareas = [\"z\"]\ncalendar = \"on-call.ics\"\n";

fn calendar(events: &[&str]) -> String {
    let events: String = events.iter().map(|event| format!("BEGIN:VEVENT\n{}\nEND:VEVENT\n", event.trim())).collect();
    format!("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//x//EN\n{events}END:VCALENDAR\n").replace('\n', "\r\n")
}

#[track_caller]
fn check(events: &[&str], expected: &[(&str, &[&str])]) {
    let directory = with_rosters(ROSTER, &[("on-call.ics", &calendar(events))]);
    for (at, ids) in expected {
        assert_eq!(on_call(&directory, "z/v", at), *ids, "{at}");
    }
}

#[test]
fn a_rule_comes_again_without_the_dates_left_out_and_with_those_added() {
    check(
        &["UID:1\nDTSTART;TZID=Asia/Shanghai:20260105T200000\nDTEND;TZID=Asia/Shanghai:20260106T080000\n\
           RRULE:FREQ=WEEKLY;BYDAY=MO,TH\nEXDATE;TZID=Asia/Shanghai:20260112T200000\nEXDATE:20260115T120000Z\n\
           RDATE;TZID=Asia/Shanghai:20260113T200000\nSUMMARY:on call: a"],
        &[
            ("2026-01-05T19:59:59+08:00", &[]),
            ("2026-01-05T20:00:00+08:00", &["a"]),
            ("2026-01-06T07:59:59+08:00", &["a"]),
            ("2026-01-06T08:00:00+08:00", &[]),
            ("2026-01-08T21:00:00+08:00", &["a"]),
            ("2026-01-12T21:00:00+08:00", &[]),
            ("2026-01-13T21:00:00+08:00", &["a"]),
            ("2026-01-15T21:00:00+08:00", &[]),
            ("2026-01-19T21:00:00+08:00", &["a"]),
            // Years on, and over the turn of a year.
            ("2031-12-29T21:00:00+08:00", &["a"]),
            ("2030-12-31T21:00:00+08:00", &[]),
            ("2035-12-31T21:00:00+08:00", &["a"]),
            ("2036-01-01T07:00:00+08:00", &["a"]),
        ],
    );
}

#[test]
fn a_rule_ends_with_its_count_or_at_its_until_of_whichever_form() {
    for rule in ["COUNT=3", "UNTIL=20260103T120000Z", "UNTIL=20260103T200000", "UNTIL=20260103"] {
        check(
            &[&format!(
                "UID:1\nDTSTART;TZID=Asia/Shanghai:20260101T200000\nDURATION:PT4H\nRRULE:FREQ=DAILY;{rule}\nSUMMARY:a"
            )],
            &[("2026-01-03T21:00:00+08:00", &["a"]), ("2026-01-04T21:00:00+08:00", &[])],
        );
    }
}

#[test]
fn a_changed_time_stands_for_the_one_it_changes_and_a_cancelled_one_for_nobody() {
    let series = "UID:1\nDTSTART;TZID=Asia/Shanghai:20260101T080000\nDURATION:PT12H\nRRULE:FREQ=DAILY\nSUMMARY:a";
    check(
        &[
            // The change may stand before what it changes.
            "UID:1\nRECURRENCE-ID;TZID=Asia/Shanghai:20260102T080000\nDTSTART;TZID=Asia/Shanghai:20260102T100000\n\
             DTEND;TZID=Asia/Shanghai:20260102T120000\nSUMMARY:b",
            series,
            "UID:1\nRECURRENCE-ID:20260103T000000Z\nDTSTART;TZID=Asia/Shanghai:20260103T080000\nSTATUS:CANCELLED",
        ],
        &[
            ("2026-01-01T11:00:00+08:00", &["a"]),
            ("2026-01-02T09:00:00+08:00", &[]),
            ("2026-01-02T11:00:00+08:00", &["b"]),
            ("2026-01-02T13:00:00+08:00", &[]),
            ("2026-01-03T11:00:00+08:00", &[]),
            ("2026-01-04T11:00:00+08:00", &["a"]),
        ],
    );
}

#[test]
fn a_shift_keeps_its_time_of_day_when_the_clocks_are_changed() {
    check(
        &["UID:1\nDTSTART;TZID=America/New_York:20260101T200000\nDTEND;TZID=America/New_York:20260102T080000\n\
           RRULE:FREQ=DAILY\nSUMMARY:a"],
        &[
            // Winter, and the night in which an hour is left out: from eight to eight by the clock.
            ("2026-03-07T20:00:00-05:00", &["a"]),
            ("2026-03-08T07:59:59-04:00", &["a"]),
            ("2026-03-08T08:00:00-04:00", &[]),
            ("2026-03-08T19:59:59-04:00", &[]),
            ("2026-03-08T20:00:00-04:00", &["a"]),
            // The night that has an hour more.
            ("2026-10-31T20:00:00-04:00", &["a"]),
            ("2026-11-01T01:30:00-05:00", &["a"]),
            ("2026-11-01T07:59:59-05:00", &["a"]),
            ("2026-11-01T08:00:00-05:00", &[]),
        ],
    );
}

#[test]
fn times_without_a_zone_are_the_rosters_those_in_utc_are_utc_and_whole_days_are_days_there() {
    check(
        &[
            "UID:1\nDTSTART:20260101T080000\nDTEND:20260101T090000\nSUMMARY:a",
            "UID:2\nDTSTART:20260101T020000Z\nDURATION:PT1H\nSUMMARY:b",
            "UID:3\nDTSTART;VALUE=DATE:20260102\nSUMMARY:c",
            "UID:4\nDTSTART;TZID=China Standard Time:20260104T080000\nDURATION:P1D\nSUMMARY:a",
        ],
        &[
            ("2026-01-01T08:30:00+08:00", &["a"]),
            ("2026-01-01T10:30:00+08:00", &["b"]),
            ("2026-01-02T00:00:00+08:00", &["c"]),
            ("2026-01-02T23:59:59+08:00", &["c"]),
            ("2026-01-03T00:00:00+08:00", &[]),
            ("2026-01-05T07:59:00+08:00", &["a"]),
        ],
    );
}

#[test]
fn an_event_names_people_by_attendee_or_by_a_word_of_its_summary() {
    let event = |who: &str| format!("UID:1\nDTSTART:20260101T080000\nDURATION:PT1H\n{who}");
    for (who, expected) in [
        ("ATTENDEE:mailto:a@zone.example", &["a"][..]),
        ("ATTENDEE;CN=b:mailto:someone@zone.example", &["b"]),
        (
            "ATTENDEE:mailto:a@x.example\nATTENDEE;PARTSTAT=DECLINED:mailto:b@x.example\nATTENDEE:MAILTO:c@x.example",
            &["a", "c"],
        ),
        ("ATTENDEE;CUTYPE=ROOM:mailto:hall@x.example\nSUMMARY:Night duty (b)", &["b"]),
        ("SUMMARY:值班 a\\, c", &["a", "c"]),
        ("ATTENDEE:mailto:c@x.example\nSUMMARY:a", &["c"]),
        ("ATTENDEE;ROLE=REQ-PARTICIPANT;CN=a long name that makes the line so lo\n ng:mailto:a@zone.example", &["a"]),
    ] {
        check(&[&event(who)], &[("2026-01-01T08:30:00+08:00", expected)]);
    }
}

#[test]
fn days_of_a_calendar_leave_out_what_begins_on_others() {
    let roster = format!("{ROSTER}days = \"rest_day\"\n");
    let text = calendar(&["UID:1\nDTSTART:20260101T200000\nDURATION:PT12H\nRRULE:FREQ=DAILY\nSUMMARY:a"]);
    let directory = with_rosters(&roster, &[("on-call.ics", &text)]);
    for (at, on) in [
        ("2026-09-30T21:00:00+08:00", false),
        ("2026-10-01T21:00:00+08:00", true),
        ("2026-10-08T07:00:00+08:00", true),
        ("2026-10-08T21:00:00+08:00", false),
        ("2026-10-10T21:00:00+08:00", false),
        ("2026-10-11T21:00:00+08:00", true),
    ] {
        assert_eq!(!on_call(&directory, "z", at).is_empty(), on, "{at}");
    }
}

#[test]
fn a_calendar_that_cannot_be_understood_is_refused_with_the_line_of_the_event() {
    let good = "UID:0\nDTSTART:20260101T080000\nDURATION:PT1H\nSUMMARY:a";
    let start = "UID:1\nDTSTART:20260101T080000\nDURATION:PT1H";
    for (event, reason) in [
        (format!("{start}\nSUMMARY:nobody"), "d/on-call.ics:10: event `1`: SUMMARY: neither it nor an ATTENDEE"),
        (format!("{start}\nATTENDEE:mailto:x@x.example\nSUMMARY:a"), "ATTENDEE: it names nobody of people.toml"),
        ("UID:1\nDTSTART:20260101T080000\nSUMMARY:a".to_owned(), "DTEND: neither it nor DURATION"),
        ("UID:1\nDTSTART:20260101T080000\nDTEND:20260101T080000\nSUMMARY:a".to_owned(), "it must be after DTSTART"),
        ("UID:1\nDURATION:PT1H\nSUMMARY:a".to_owned(), "DTSTART: it is missing"),
        (
            "UID:1\nDTSTART;TZID=Mars/Base:20260101T080000\nDURATION:PT1H\nSUMMARY:a".to_owned(),
            "`Mars/Base` is no time zone",
        ),
        ("UID:1\nDTSTART:20260101\nDTEND:tomorrow\nSUMMARY:a".to_owned(), "DTEND: it is no time such as"),
        (format!("{start}\nSUMMARY:a\nRRULE:FREQ=HOURLY"), "RRULE: a shift comes once a day at most"),
        (format!("{start}\nSUMMARY:a\nRRULE:FREQ=DAILY;INTERVAL=0"), "RRULE: INTERVAL is 0"),
        (format!("{start}\nSUMMARY:a\nRRULE:FREQ=SOMETIMES"), "event `1`: RRULE: "),
        (format!("{start}\nSUMMARY:a\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"), "RRULE: it never comes"),
        (
            format!("{start}\nSUMMARY:a\nRRULE:FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11,12"),
            "RRULE: it comes more than 4000 times a year",
        ),
        (format!("{start}\nSUMMARY:a\nRECURRENCE-ID:20260101T080000"), "there is no event of the same UID"),
        (format!("{start}\nSUMMARY:a").replace("UID:1", "UID:0"), "UID: another event has the same"),
    ] {
        let text = calendar(&[good, &event]);
        let said = refusal(&[("people.toml", PEOPLE), ("rosters.toml", ROSTER), ("on-call.ics", &text)]);
        assert!(said.contains(reason) && said.contains("d/on-call.ics:10"), "{reason}: {said}");
    }
    let whole = calendar(&[good]);
    for (text, reason) in [
        (whole.replace("END:VEVENT\r\nEND:VCALENDAR\r\n", ""), "d/on-call.ics"),
        (whole.replace("END:VCALENDAR\r\n", ""), "d/on-call.ics"),
        (whole.replace("SUMMARY:a", "what is this"), "d/on-call.ics:8: this is not iCalendar"),
        (String::new(), "d/on-call.ics"),
        (calendar(&[]), "there are no events in it"),
    ] {
        let said = refusal(&[("people.toml", PEOPLE), ("rosters.toml", ROSTER), ("on-call.ics", &text)]);
        assert!(said.contains(reason), "{reason}: {said}");
    }
}

#[test]
fn a_calendar_no_roster_names_is_refused_as_nobody_would_be_called_by_it() {
    let text = calendar(&["UID:0\nDTSTART:20260101T080000\nDURATION:PT1H\nSUMMARY:a"]);
    let said = refusal(&[("people.toml", PEOPLE), ("spare.ics", &text)]);
    assert!(said.contains("d/spare.ics: no roster of rosters.toml names it"), "{said}");
    let said = refusal(&[("people.toml", PEOPLE), ("rosters.toml", ROSTER)]);
    assert!(said.contains("d/rosters.toml:1: roster `r`: calendar: there is no file `on-call.ics`"), "{said}");
    load(&[("people.toml", PEOPLE), ("rosters.toml", ROSTER), ("on-call.ics", &text), ("notes.txt", "anything")]);
}
