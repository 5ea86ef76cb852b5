//! The right-hand side: counters, levels, latency, lag and the stories that are going on.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Sparkline};

use crate::core::rules::Level;
use crate::demo::model::Model;
use crate::demo::words::{Lang, cut, grouped, latency, mebibytes, width, wrapped};

use super::style;

/// From this height on there is room for more than the least.
const TALL: u16 = 30;

/// Draws all panels.
pub fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, lang: Lang) {
    let tall = area.height >= TALL;
    let events = events(model, lang, area.width, tall);
    let health = health(model, lang, tall);
    let height = |lines: usize| Constraint::Length(lines as u16 + 1);
    let [top, levels, spans, bottom, stories] = Layout::vertical([
        height(events.len()),
        height(Level::ALL.len()),
        height(if tall { 4 } else { 2 }),
        height(health.len()),
        Constraint::Min(0),
    ])
    .areas(area);
    let title = format!("{} {:.0}/s", lang.pick("事件", "Events"), model.rate);
    frame.render_widget(Paragraph::new(events).block(style::panel(title)), top);
    draw_levels(frame, levels, model, lang);
    draw_latency(frame, spans, model, lang);
    let title = lang.pick("积压与索引", "Lag and index").to_owned();
    frame.render_widget(Paragraph::new(health).block(style::panel(title)), bottom);
    draw_stories(frame, stories, model, lang, tall);
}

fn events(model: &Model, lang: Lang, columns: u16, tall: bool) -> Vec<Line<'static>> {
    let numbers = &model.numbers;
    let pair = |left, right| two_cells(columns, left, right);
    let mut lines = vec![
        pair((lang.pick("已发送", "sent"), model.sent.events()), (lang.pick("命中", "matched"), numbers.matched)),
        pair((lang.pick("未命中", "unmatched"), numbers.unmatched), (lang.pick("白名单", "allowed"), numbers.allowed)),
        pair(
            (lang.pick("死信", "dead letters"), numbers.dead_lettered),
            (lang.pick("重复", "duplicates"), numbers.duplicates),
        ),
    ];
    if tall {
        lines.push(pair(
            (lang.pick("并入案件", "folded in"), numbers.folded),
            (lang.pick("迟到作废", "outdated"), numbers.outdated),
        ));
        lines.push(pair(
            (lang.pick("补登匹配", "retroactive"), numbers.retroactive),
            (lang.pick("跟进", "follow-ups"), numbers.follow_ups),
        ));
        lines.push(pair(
            (lang.pick("处置中案件", "open cases"), numbers.open_cases),
            (lang.pick("已劝阻", "dissuaded"), numbers.dissuaded),
        ));
        let letters = numbers.dead_letters.iter().map(|(reason, count)| format!("{reason} {count}"));
        let letters = letters.collect::<Vec<_>>().join(" · ");
        lines.push(Line::styled(cut(&format!(" {letters}"), columns.into()).into_owned(), style::QUIET));
    }
    lines
}

/// Two names with their numbers, side by side.
fn two_cells(columns: u16, left: (&'static str, u64), right: (&'static str, u64)) -> Line<'static> {
    let cell = usize::from(columns).saturating_sub(3) / 2;
    let mut spans = Vec::new();
    for (name, count) in [left, right] {
        let count = grouped(count);
        let gap = cell.saturating_sub(width(name) + count.len());
        spans.push(Span::raw(" "));
        spans.push(Span::styled(name, style::QUIET));
        spans.push(Span::raw(" ".repeat(gap)));
        spans.push(Span::styled(count, style::NUMBER));
    }
    Line::from(spans)
}

fn draw_levels(frame: &mut Frame<'_>, area: Rect, model: &Model, lang: Lang) {
    let by_level = &model.numbers.by_level;
    let most = by_level.iter().copied().max().unwrap_or(0).max(1);
    let room = u64::from(area.width.saturating_sub(17));
    let bars = Level::ALL.into_iter().zip(by_level).rev().map(|(level, count)| {
        let length = if *count == 0 { 0 } else { (room * count / most).max(1) };
        Line::from(vec![
            Span::raw(" "),
            style::chip(level, lang),
            Span::raw(" "),
            Span::styled("█".repeat(length as usize), Style::new().fg(style::colour(level))),
            Span::styled(format!(" {}", grouped(*count)), style::NUMBER),
        ])
    });
    let title = lang.pick("预警等级", "Warnings by level").to_owned();
    frame.render_widget(Paragraph::new(bars.collect::<Vec<_>>()).block(style::panel(title)), area);
}

fn draw_latency(frame: &mut Frame<'_>, area: Rect, model: &Model, lang: Lang) {
    let panel = style::panel(lang.pick("事件→预警延迟", "Event → warning").to_owned());
    let inner = panel.inner(area);
    frame.render_widget(panel, area);
    let [words, picture] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(inner);
    let span = |span: Option<Duration>| Span::styled(span.map_or_else(|| "–".to_owned(), latency), style::NUMBER);
    let line = Line::from(vec![
        Span::styled(lang.pick(" 中位 ", " median "), style::QUIET),
        span(model.latency.median),
        Span::styled(lang.pick("   99 分位 ", "   99th "), style::QUIET),
        span(model.latency.p99),
    ]);
    frame.render_widget(Paragraph::new(line), words);
    let columns = usize::from(picture.width.saturating_sub(2));
    let recent = &model.latency.recent;
    let shown = recent.iter().skip(recent.len().saturating_sub(columns));
    let data: Vec<u64> = shown.map(|span| span.as_micros() as u64).collect();
    let sparkline = Sparkline::default().data(data).style(Style::new().fg(Color::Indexed(71)));
    let picture = Rect { x: picture.x + u16::from(picture.width > 0), width: columns as u16, ..picture };
    frame.render_widget(sparkline, picture);
}

fn health(model: &Model, lang: Lang, tall: bool) -> Vec<Line<'static>> {
    let numbers = &model.numbers;
    let mut lag = vec![Span::raw(" ")];
    for (name, count) in [
        (lang.pick("通话", "calls"), numbers.calls_lag),
        (lang.pick("转账", "transfers"), numbers.transfers_lag),
        (lang.pick("案件", "cases"), numbers.inputs_lag),
    ] {
        lag.push(Span::styled(format!("{name} "), style::QUIET));
        lag.push(Span::styled(format!("{}  ", grouped(count)), style::NUMBER));
    }
    let mut lines = vec![
        Line::from(lag),
        Line::from(vec![
            Span::styled(format!(" {} ", grouped(numbers.registrants)), style::NUMBER),
            Span::styled(lang.pick("人 · 索引 ", "people · index "), style::QUIET),
            Span::styled(mebibytes(numbers.index_bytes), style::NUMBER),
        ]),
    ];
    if tall {
        lines.push(Line::from(vec![
            Span::styled(format!(" {} ", grouped(numbers.identifiers)), style::NUMBER),
            Span::styled(lang.pick("个号码与账户", "phones and accounts"), style::QUIET),
        ]));
        lines.push(Line::from(vec![
            Span::styled(lang.pick(" 进程内存 ", " process "), style::QUIET),
            Span::styled(mebibytes(numbers.resident_bytes), style::NUMBER),
            Span::styled(lang.pick(" · 事务 ", " · transactions "), style::QUIET),
            Span::styled(grouped(numbers.commits), style::NUMBER),
        ]));
    }
    lines
}

fn draw_stories(frame: &mut Frame<'_>, area: Rect, model: &Model, lang: Lang, tall: bool) {
    if area.height < 2 {
        return;
    }
    let panel = style::panel(lang.pick("正在发生", "Stories").to_owned());
    let columns = usize::from(area.width).saturating_sub(3);
    let mut lines = Vec::new();
    for playing in &model.stories {
        let (mark, words) = if playing.going_on { (style::BUSY, Style::new()) } else { (style::QUIET, style::QUIET) };
        let title = lang.story(playing.story);
        let parts = if tall { wrapped(title, columns) } else { vec![cut(title, columns).into_owned()] };
        for (n, part) in parts.into_iter().enumerate() {
            let sign = match (n, playing.going_on) {
                (0, true) => " ▶ ",
                (0, false) => " ✓ ",
                _ => "   ",
            };
            lines.push(Line::from(vec![Span::styled(sign, mark), Span::styled(part, words)]));
        }
    }
    frame.render_widget(Paragraph::new(lines).block(panel), area);
}
