//! Draws a picture of the model: warnings on the left, what stands behind them on the right.

mod side;
mod style;
#[cfg(test)]
mod tests;
mod warnings;

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::Stylize;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::model::{Model, Phase};
use super::told::Row;
use super::words::{Lang, clock, cut, grouped};

/// Below this width there is room for the warnings only.
const NARROW: u16 = 72;

/// How somebody looks at it.
pub struct Look<'a> {
    /// The language.
    pub lang: Lang,
    /// The warnings as they were when the list was stopped.
    pub paused: Option<&'a [Arc<Row>]>,
}

/// Draws it.
pub fn draw(frame: &mut Frame<'_>, model: &Model, look: &Look<'_>) {
    let [header, body, footer] =
        Layout::vertical([Constraint::Length(2), Constraint::Min(0), Constraint::Length(1)]).areas(frame.area());
    draw_header(frame, header, model, look.lang);
    let side_width = if body.width < NARROW { 0 } else { (body.width * 2 / 5).clamp(34, 46) };
    let gap = u16::from(side_width > 0);
    let [left, _, right] =
        Layout::horizontal([Constraint::Min(0), Constraint::Length(gap), Constraint::Length(side_width)]).areas(body);
    match model.phase {
        Phase::Starting => draw_start(frame, left, model, look.lang),
        Phase::Playing | Phase::Settling | Phase::Leaving => warnings::draw(frame, left, model, look),
    }
    if side_width > 0 {
        side::draw(frame, right, model, look.lang);
    }
    draw_footer(frame, footer, model, look.lang);
}

fn draw_header(frame: &mut Frame<'_>, area: Rect, model: &Model, lang: Lang) {
    let title = Line::from(vec![
        Span::styled(" 金钟罩 Golden Bell ", style::TITLE),
        Span::raw("  "),
        Span::raw(lang.of(&model.zone)).bold(),
    ]);
    let uptime = Line::from(vec![
        Span::styled(lang.pick("已运行 ", "up "), style::QUIET),
        Span::raw(clock(model.uptime)).bold(),
        Span::raw(" "),
    ]);
    let about = lang.pick(" 演示 · 内嵌消息代理 · 人员均为虚构", " demo · embedded broker · people made up");
    let metrics = Line::from(vec![Span::styled(&model.metrics_url, style::LINK), Span::raw(" ")]);
    let [first, second] = Layout::vertical([Constraint::Length(1), Constraint::Length(1)]).areas(area);
    frame.render_widget(Paragraph::new(title), first);
    frame.render_widget(Paragraph::new(uptime).alignment(Alignment::Right), first);
    frame.render_widget(Paragraph::new(Span::styled(about, style::QUIET)), second);
    if usize::from(area.width) > super::words::width(about) + metrics.width() {
        frame.render_widget(Paragraph::new(metrics).alignment(Alignment::Right), second);
    }
}

/// What is done before events come.
fn draw_start(frame: &mut Frame<'_>, area: Rect, model: &Model, lang: Lang) {
    let done = |text: String| Line::from(vec![Span::styled("  ✓ ", style::GOOD), Span::raw(text)]);
    let doing = |text: String| Line::from(vec![Span::styled("  … ", style::BUSY), Span::raw(text)]);
    let mut lines = vec![Line::raw(""), done(lang.pick("内嵌消息代理已启动", "the embedded broker runs").to_owned())];
    let registered = format!(
        "{} {} / {}",
        lang.pick("登记人员", "registering people"),
        grouped(model.sent.registrants),
        grouped(model.people)
    );
    if model.sent.registrants < model.people {
        lines.push(doing(registered));
    } else {
        lines.push(done(registered));
        lines.extend(model.missing.iter().map(|missing| doing(missing.clone())));
    }
    let panel = style::panel(lang.pick("启动", "Starting").to_owned());
    frame.render_widget(Paragraph::new(lines).block(panel), area);
}

fn draw_footer(frame: &mut Frame<'_>, area: Rect, model: &Model, lang: Lang) {
    let key = |key: &'static str, what: &'static str| {
        [Span::styled(format!(" {key} "), style::KEY), Span::styled(format!(" {what}  "), style::QUIET)]
    };
    let mut spans: Vec<Span<'_>> = vec![Span::raw(" ")];
    spans.extend(key("q", lang.pick("退出", "quit")));
    spans.extend(key("p", lang.pick("暂停列表", "pause list")));
    spans.extend(key("l", lang.pick("English", "中文")));
    let told = match model.phase {
        Phase::Starting | Phase::Playing => None,
        Phase::Settling => Some(lang.pick("停止发送,等待在途事件…", "no more events, waiting for those under way …")),
        Phase::Leaving => Some(lang.pick("程序正在结束…", "the program is stopping …")),
    };
    let line = Line::from(spans);
    let room = usize::from(area.width).saturating_sub(line.width() + 1);
    let right = match (told, &model.notice) {
        (Some(told), _) => Some(Span::styled(cut(told, room).into_owned(), style::BUSY)),
        (None, Some(notice)) => Some(Span::styled(cut(notice, room).into_owned(), style::BUSY)),
        (None, None) => None,
    };
    frame.render_widget(Paragraph::new(line), area);
    if let Some(right) = right {
        frame.render_widget(Paragraph::new(right).alignment(Alignment::Right), area);
    }
}
