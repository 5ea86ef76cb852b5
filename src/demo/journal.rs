//! The log while the screen is taken: its last lines are kept instead of written over the view.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use tracing_subscriber::fmt::MakeWriter;

/// How many lines are kept.
const LINES: usize = 200;

/// The last lines of the log. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Journal(Arc<Mutex<VecDeque<String>>>);

impl Journal {
    /// The lines, the newest last.
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().iter().cloned().collect()
    }

    /// The newest line.
    pub fn last(&self) -> Option<String> {
        self.0.lock().back().cloned()
    }
}

/// Writes what belongs to one event; the formatter hands it over in one piece.
impl io::Write for Journal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut lines = self.0.lock();
        for line in String::from_utf8_lossy(bytes).lines().filter(|line| !line.trim().is_empty()) {
            if lines.len() >= LINES {
                lines.pop_front();
            }
            lines.push_back(line.trim_end().to_owned());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Journal {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_last_lines_are_kept() {
        let mut journal = Journal::default();
        for n in 0..300 {
            writeln!(journal, "line {n}").unwrap();
        }
        let lines = journal.lines();
        assert_eq!(lines.len(), LINES);
        assert_eq!(lines.first().map(String::as_str), Some("line 100"));
        assert_eq!(journal.last().as_deref(), Some("line 299"));
    }
}
