//! The list of live warnings: three lines each, the newest on top.

use std::time::Duration;

use chrono::{Local, Utc};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::core::matched::Programme;
use crate::demo::model::{Model, reasons};
use crate::demo::told::Row;
use crate::demo::words::{Lang, cut, fit, grouped, latency, width};

use super::{Look, style};

/// From this width on the area stands in the first line.
const WIDE: usize = 62;

/// A warning is new for this long.
const NEW_FOR: Duration = Duration::from_millis(1_500);

/// Draws as many as there is room for.
pub fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, look: &Look<'_>) {
    let lang = look.lang;
    let total = model.warnings.first().map_or(0, |row| row.number);
    let mut title = format!("{} {}", lang.pick("实时预警", "Live warnings"), grouped(total));
    let rows = match look.paused {
        Some(paused) => {
            let new = total - paused.first().map_or(0, |row| row.number);
            title.push_str(&format!(" · {} {new}", lang.pick("已暂停,新增", "paused, new:")));
            paused
        }
        None => &model.warnings,
    };
    let panel = style::panel(title);
    let inner = panel.inner(area);
    frame.render_widget(panel, area);
    let columns = usize::from(inner.width);
    let room = usize::from(inner.height).div_ceil(3);
    let mut lines: Vec<Line<'_>> = rows.iter().take(room).flat_map(|row| entry(model, row, lang, columns)).collect();
    if lines.is_empty() {
        lines.push(Line::styled(lang.pick("  尚无预警", "  no warning yet"), style::QUIET));
    }
    frame.render_widget(Paragraph::new(lines), inner);
}

fn entry<'a>(model: &'a Model, row: &'a Row, lang: Lang, columns: usize) -> [Line<'a>; 3] {
    let bar = || Span::styled("▌ ", Style::new().fg(style::colour(row.level)));
    let is_new = (Utc::now() - row.at).to_std().is_ok_and(|age| age < NEW_FOR);
    let subject = Style::new().add_modifier(if is_new { Modifier::BOLD | Modifier::REVERSED } else { Modifier::BOLD });
    let wide = columns >= WIDE;
    let area = model.area(row, lang);

    let mut first = vec![
        bar(),
        Span::styled(row.at.with_timezone(&Local).format("%H:%M:%S ").to_string(), style::QUIET),
        style::chip(row.level, lang),
        Span::raw(" "),
        Span::styled(fit(&row.subject, 15), subject),
    ];
    let spent = row.latency.map(latency).unwrap_or_default();
    let used: usize = first.iter().map(Span::width).sum();
    let room = columns.saturating_sub(used + width(&spent) + 1);
    first.push(Span::raw(fit(&if wide { format!(" {area}") } else { String::new() }, room)));
    first.push(Span::styled(spent, style::GOOD));

    let mut second = vec![lang.cause(row.cause)];
    if !wide {
        second.insert(0, area);
    }
    if row.programme == Programme::Precise {
        second.push(lang.pick("未登记居民", "not registered"));
    }
    second.extend(Some(model.fraud_type(row, lang)).filter(|kind| !kind.is_empty()));
    let score = format!("{} {}", lang.pick("评分", "score"), row.score);
    let text = |text: &str| cut(text, columns.saturating_sub(3)).into_owned();
    [
        Line::from(first),
        Line::from(vec![bar(), Span::raw(text(&[second.join(" · "), score].join(" · ")))]),
        Line::from(vec![bar(), Span::styled(text(&reasons(row, lang)), style::QUIET)]),
    ]
}
