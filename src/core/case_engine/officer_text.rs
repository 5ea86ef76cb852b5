//! The short text for whoever handles the case: masked, no amounts, no full numbers.

use chrono::{DateTime, Datelike, FixedOffset, Timelike, Utc};

use super::{Context, Now};
use crate::core::case::{Case, Evidence, What};
use crate::core::event::CallPhase;
use crate::core::matched::Programme;
use crate::core::rules::{Bilingual, LIVE_FOR_S};
use crate::core::warning::{Cause, Reason, WarnedArea, mask_name, mask_phone};

/// The most reasons the text names; the warning has them all.
const MAX_REASONS: usize = 6;

/// The zone of a deadline where no evidence says which: China's.
const HOME_OFFSET_S: i32 = 8 * 3600;

/// Writes the text in both languages.
pub(super) fn write(
    case: &Case,
    cause: Cause,
    reasons: &[Reason],
    area: Option<&WarnedArea>,
    now: Now,
    cx: &Context<'_>,
) -> Bilingual {
    let due = case.respond_by.map(|due| in_local_zone(case, due));
    let line = line_state(case, now);
    Bilingual { zh: zh(case, cause, reasons, area, due, line, cx), en: en(case, cause, reasons, area, due, line, cx) }
}

fn in_local_zone(case: &Case, moment: DateTime<Utc>) -> DateTime<FixedOffset> {
    let home = FixedOffset::east_opt(HOME_OFFSET_S);
    let offset = case.evidence.first().map(|piece| *piece.at.offset()).or(home);
    offset.map_or(moment.fixed_offset(), |offset| moment.with_timezone(&offset))
}

/// What is known of the person's line.
#[derive(Clone, Copy)]
enum LineState {
    Quiet,
    /// They are talking to the suspect, as far as is known.
    Talking,
    /// It was busy when somebody tried.
    Busy,
}

fn line_state(case: &Case, now: Now) -> LineState {
    if case.round.line_busy {
        LineState::Busy
    } else if case.evidence.iter().any(|piece| is_live(piece, now.clock)) {
        LineState::Talking
    } else {
        LineState::Quiet
    }
}

/// Whether a piece is a call that goes on, as far as is known at this clock.
pub(super) fn is_live(piece: &Evidence, clock: DateTime<Utc>) -> bool {
    let talking = matches!(piece.what, What::Call { phase: CallPhase::Answered | CallPhase::Ongoing, .. });
    talking && (clock - piece.at.to_utc()).num_seconds() < LIVE_FOR_S as i64
}

fn zh(
    case: &Case,
    cause: Cause,
    reasons: &[Reason],
    area: Option<&WarnedArea>,
    due: Option<DateTime<FixedOffset>>,
    line: LineState,
    cx: &Context<'_>,
) -> String {
    let level = case.level.zh();
    let cause = match cause {
        Cause::Opened => "新预警".to_owned(),
        Cause::Reopened => "重新开启".to_owned(),
        Cause::Raised => "等级上升".to_owned(),
        Cause::Transfer => "新转账".to_owned(),
        Cause::Repeated => "又有新线索".to_owned(),
        Cause::Escalated => format!("升级至第{}级", case.step),
        Cause::Reassigned => "转交本单位".to_owned(),
    };
    let mut parts = vec![format!("[{level}] {cause} {}-{}", case.case_id, case.sequence)];
    if let Some(due) = due {
        parts.push(format!("截止{}月{}日{:02}:{:02}", due.month(), due.day(), due.hour(), due.minute()));
    }
    parts.extend(area.map(|area| area.name.zh.clone()));
    let who = match (case.programme, &case.subject.member_id) {
        (Programme::Precise, _) => "辖区群众",
        (Programme::GoldenBell, Some(_)) => "登记家庭成员",
        (Programme::GoldenBell, None) => "登记人",
    };
    let mut about: Vec<String> = case.subject.phone.iter().map(|phone| mask_phone(phone)).collect();
    about.extend(case.subject.groups.iter().map(|group| group_zh(group).to_owned()));
    about.extend(case.subject.language.iter().map(|language| format!("讲{}", language_zh(language))));
    parts.push(format!("{who}{}", described(case, &about, "(", ",", ")")));
    parts.push(format!("线索{}条", case.evidence_count));
    if !reasons.is_empty() {
        parts.push(format!("依据:{}", joined(reasons, |reason| &reason.text.zh, ";")));
    }
    parts.extend(case.fraud_type.as_deref().map(|code| format!("疑似{}", cx.rules.fraud_types().zh(code))));
    match line {
        LineState::Busy => parts.push("电话占线,请直接上门".to_owned()),
        LineState::Talking => parts.push("可能仍在通话,占线请直接上门".to_owned()),
        LineState::Quiet => {}
    }
    parts.push("核实:共享屏幕/验证码或转账/陌生APP/陌生链接".to_owned());
    parts.join(" ")
}

fn en(
    case: &Case,
    cause: Cause,
    reasons: &[Reason],
    area: Option<&WarnedArea>,
    due: Option<DateTime<FixedOffset>>,
    line: LineState,
    cx: &Context<'_>,
) -> String {
    let cause = match cause {
        Cause::Opened => "New warning".to_owned(),
        Cause::Reopened => "Reopened".to_owned(),
        Cause::Raised => "Level raised".to_owned(),
        Cause::Transfer => "New transfer".to_owned(),
        Cause::Repeated => "More evidence".to_owned(),
        Cause::Escalated => format!("Escalated to step {}", case.step),
        Cause::Reassigned => "Handed to your unit".to_owned(),
    };
    let level = case.level.as_str().to_uppercase();
    let mut head = format!("[{level}] {cause} {}-{}", case.case_id, case.sequence);
    if let Some(due) = due {
        head.push_str(&format!(", due {}", due.format("%-d %b %H:%M")));
    }
    let mut parts = vec![head];
    parts.extend(area.map(|area| area.name.en.clone()));
    let who = match (case.programme, &case.subject.member_id) {
        (Programme::Precise, _) => "Resident",
        (Programme::GoldenBell, Some(_)) => "Member of a registered household",
        (Programme::GoldenBell, None) => "Registrant",
    };
    let mut about: Vec<String> = case.subject.phone.iter().map(|phone| mask_phone(phone)).collect();
    about.extend(case.subject.groups.iter().map(|group| group.replace('_', " ")));
    about.extend(case.subject.language.iter().map(|language| format!("speaks {}", language_en(language))));
    parts.push(format!("{who}{}", described(case, &about, " (", "; ", ")")));
    parts.push(match case.evidence_count {
        1 => "1 piece of evidence".to_owned(),
        count => format!("{count} pieces of evidence"),
    });
    if !reasons.is_empty() {
        parts.push(format!("Why: {}", joined(reasons, |reason| &reason.text.en, "; ")));
    }
    parts.extend(case.fraud_type.as_deref().map(|code| format!("Suspected: {}", cx.rules.fraud_types().en(code))));
    match line {
        LineState::Busy => parts.push("Line busy: go to the door".to_owned()),
        LineState::Talking => parts.push("Perhaps still on the phone: if busy, go to the door".to_owned()),
        LineState::Quiet => {}
    }
    parts.push("Ask: screen shared / code or money given / unknown app / unknown link".to_owned());
    parts.join(". ") + "."
}

/// The masked name, and in brackets what else is known.
fn described(case: &Case, about: &[String], open: &str, between: &str, close: &str) -> String {
    let name = case.subject.name.as_deref().map(mask_name).unwrap_or_default();
    let name = if name.is_empty() || open.starts_with('(') { name } else { format!(" {name}") };
    if about.is_empty() { name } else { format!("{name}{open}{}{close}", about.join(between)) }
}

fn joined<'r>(reasons: &'r [Reason], text: impl Fn(&'r Reason) -> &'r String, between: &str) -> String {
    let texts: Vec<&str> = reasons.iter().take(MAX_REASONS).map(|reason| text(reason).as_str()).collect();
    texts.join(between)
}

/// A group in Chinese; one that is not among the usual ones as it is.
fn group_zh(group: &str) -> &str {
    match group {
        "elderly" => "老年人",
        "student" => "学生",
        "finance_staff" => "财务人员",
        "prior_victim" => "曾被骗",
        "at_risk" => "高危人群",
        "minor" => "未成年人",
        other => other,
    }
}

fn language_zh(language: &str) -> &str {
    match language {
        "zh-yongkang" => "永康话",
        "zh" | "zh-cmn" => "普通话",
        "en" => "英语",
        other => other,
    }
}

fn language_en(language: &str) -> &str {
    match language {
        "zh-yongkang" => "Yongkang dialect",
        "zh" | "zh-cmn" => "Mandarin",
        "en" => "English",
        other => other,
    }
}
