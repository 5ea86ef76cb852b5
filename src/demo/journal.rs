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
pub struct Journal(Arc<Mutex<Pages>>);

#[derive(Debug, Default)]
struct Pages {
    lines: VecDeque<String>,
    released: bool,
}

impl Journal {
    /// The newest line that says that something went wrong.
    pub fn last_trouble(&self) -> Option<String> {
        let trouble = |line: &String| {
            let at = ["WARN ", "ERROR "].iter().filter_map(|level| line.find(level)).min()?;
            line.get(at..).map(str::to_owned)
        };
        self.0.lock().lines.iter().rev().find_map(trouble)
    }

    /// The screen is free again: from now on everything goes to the standard error. Gives back what was kept, the
    /// newest last.
    pub fn release(&self) -> Vec<String> {
        let mut pages = self.0.lock();
        pages.released = true;
        pages.lines.drain(..).collect()
    }
}

/// Writes what belongs to one event; the formatter hands it over in one piece.
impl io::Write for Journal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut pages = self.0.lock();
        if pages.released {
            return io::stderr().lock().write(bytes);
        }
        let lines = &mut pages.lines;
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
            journal.write_all(format!("line {n}\n").as_bytes()).unwrap();
        }
        assert_eq!(journal.last_trouble(), None);
        journal.write_all(b"2021-07-15T06:00:00Z  WARN somewhere: lost\n2021-07-15T06:00:01Z  INFO found\n").unwrap();
        assert_eq!(journal.last_trouble().as_deref(), Some("WARN somewhere: lost"));
        let lines = journal.release();
        assert_eq!(lines.len(), LINES);
        assert_eq!(lines.first().map(String::as_str), Some("line 102"));
    }
}
