//! The full-screen face: takes the terminal, gives it back whatever happens, and listens to keys.

use std::io::{self, Stdout};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossterm::cursor::{Hide, Show};
use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use super::model::Model;
use super::told::Row;
use super::view::{self, Look};
use super::words::Lang;

/// Between two pictures.
const FRAME: Duration = Duration::from_millis(120);

/// The full-screen face.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    lang: Lang,
    paused: Option<Vec<Arc<Row>>>,
    _taken: Taken,
}

/// The terminal is ours; dropping it, also while a panic unwinds, gives it back.
struct Taken;

impl Taken {
    fn take() -> io::Result<Self> {
        enable_raw_mode()?;
        let taken = Taken;
        execute!(io::stdout(), EnterAlternateScreen, Hide)?;
        Ok(taken)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        give_back();
    }
}

/// Makes the terminal itself again; done twice it does no harm.
pub fn give_back() {
    // Nobody is left to tell if this fails.
    let _ = execute!(io::stdout(), LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When it cannot be taken.
    pub fn open(lang: Lang) -> io::Result<Self> {
        let taken = Taken::take()?;
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        Ok(Screen { terminal, lang, paused: None, _taken: taken })
    }

    /// The language chosen last.
    pub fn lang(&self) -> Lang {
        self.lang
    }

    /// Draws and listens for a moment; whether somebody wants to leave.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn show(&mut self, model: &Model) -> io::Result<bool> {
        let look = Look { lang: self.lang, paused: self.paused.as_deref() };
        self.terminal.draw(|frame| view::draw(frame, model, &look))?;
        let until = Instant::now() + FRAME;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if !event::poll(left)? {
                return Ok(false);
            }
            if let Event::Key(key) = event::read()?
                && key.kind == KeyEventKind::Press
            {
                if wants_to_leave(&key) {
                    return Ok(true);
                }
                self.obey(&key, model);
                return Ok(false);
            }
        }
    }

    fn obey(&mut self, key: &KeyEvent, model: &Model) {
        match key.code {
            KeyCode::Char('p' | 'P' | ' ') => {
                self.paused = match self.paused.take() {
                    Some(_) => None,
                    None => Some(model.warnings.clone()),
                };
            }
            KeyCode::Char('l' | 'L') => self.lang = self.lang.other(),
            _ => {}
        }
    }
}

fn wants_to_leave(key: &KeyEvent) -> bool {
    match key.code {
        KeyCode::Char('q' | 'Q') | KeyCode::Esc => true,
        KeyCode::Char('c' | 'C') => key.modifiers.contains(KeyModifiers::CONTROL),
        _ => false,
    }
}
