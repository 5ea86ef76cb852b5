//! Colours, which look well on dark and on light, and the frames of panels.

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Span;
use ratatui::widgets::{Block, Borders};

use crate::core::rules::Level;

use crate::demo::words::{Lang, width};

const GREY: Color = Color::Indexed(245);

/// The name of the program.
pub const TITLE: Style = Style::new().fg(Color::Indexed(16)).bg(Color::Indexed(220)).add_modifier(Modifier::BOLD);
/// What stands behind.
pub const QUIET: Style = Style::new().fg(GREY);
/// Addresses.
pub const LINK: Style = Style::new().fg(Color::Indexed(32)).add_modifier(Modifier::UNDERLINED);
/// Done.
pub const GOOD: Style = Style::new().fg(Color::Indexed(71));
/// Under way, or to be looked at.
pub const BUSY: Style = Style::new().fg(Color::Indexed(208));
/// A key to press.
pub const KEY: Style = Style::new().add_modifier(Modifier::REVERSED);
/// A panel's title.
pub const HEADING: Style = Style::new().fg(Color::Indexed(172)).add_modifier(Modifier::BOLD);
/// A number that counts.
pub const NUMBER: Style = Style::new().add_modifier(Modifier::BOLD);

/// The colour of a level.
pub const fn colour(level: Level) -> Color {
    match level {
        Level::Urgent => Color::Indexed(160),
        Level::High => Color::Indexed(208),
        Level::Medium => Color::Indexed(220),
        Level::Low => Color::Indexed(74),
    }
}

/// A level as a coloured chip of eight columns.
pub fn chip(level: Level, lang: Lang) -> Span<'static> {
    let text = lang.level(level).to_uppercase();
    let missing = 8usize.saturating_sub(width(&text));
    let text = format!("{}{text}{}", " ".repeat(missing / 2), " ".repeat(missing - missing / 2));
    let ink = if level == Level::Urgent { Color::Indexed(231) } else { Color::Indexed(16) };
    Span::styled(text, Style::new().fg(ink).bg(colour(level)).add_modifier(Modifier::BOLD))
}

/// A line with a title, below which a panel stands.
pub fn panel(title: String) -> Block<'static> {
    Block::new().borders(Borders::TOP).border_style(QUIET).title(Span::styled(format!(" {title} "), HEADING))
}
