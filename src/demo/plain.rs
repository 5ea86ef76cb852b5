//! The demo as plain lines, for pipes, files and whoever likes it so.

use std::io::{self, IsTerminal, Write};
use std::thread;
use std::time::Duration;

use chrono::Local;
use crossterm::terminal;

use super::model::{Model, Phase, reasons};
use super::told::Row;
use super::words::{Lang, clock, cut, fit, grouped, latency};

/// Columns of a level.
const LEVEL: usize = 6;

/// How often the counters are told between the warnings.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The plain face.
pub struct Plain {
    lang: Lang,
    /// How long a line may become: in a terminal one that breaks is hard to read.
    columns: usize,
    told: Option<Phase>,
    /// Warnings printed so far.
    printed: u64,
    next_counters: Duration,
}

impl Plain {
    /// A face that has not said anything yet.
    pub fn new(lang: Lang) -> Self {
        let columns = if io::stdout().is_terminal() { terminal::size().ok() } else { None };
        let columns = columns.map_or(usize::MAX, |(columns, _)| columns.max(80).into());
        Plain { lang, columns, told: None, printed: 0, next_counters: TELL_EVERY }
    }

    /// Prints what is new and waits a moment; whether nobody reads it any more.
    ///
    /// # Errors
    /// When it cannot be printed for any other reason.
    pub fn show(&mut self, model: &Model) -> io::Result<bool> {
        let mut text = String::new();
        self.say(model, &mut text);
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(true),
            Err(error) => return Err(error),
        }
        drop(out);
        thread::sleep(LOOK_EVERY);
        Ok(false)
    }

    fn say(&mut self, model: &Model, out: &mut String) {
        let mut line = |text: String| {
            out.push_str(text.trim_end());
            out.push('\n');
        };
        if self.told.is_none() {
            self.introduce(model).into_iter().for_each(&mut line);
        }
        if self.told != Some(model.phase) {
            self.told = Some(model.phase);
            line(self.phase(model));
        }
        for row in model.warnings.iter().rev().filter(|row| row.number > self.printed) {
            line(self.warning(model, row));
        }
        self.printed = model.warnings.first().map_or(self.printed, |row| row.number);
        if model.phase == Phase::Playing && model.uptime >= self.next_counters {
            self.next_counters = model.uptime + TELL_EVERY;
            line(self.counters(model));
        }
    }

    fn introduce(&self, model: &Model) -> Vec<String> {
        let lang = self.lang;
        vec![
            format!("金钟罩 Golden Bell · {}", lang.of(&model.zone)),
            lang.pick(
                "演示:内嵌消息代理,所有人员均为虚构,程序与 run 相同",
                "demo: embedded broker, everybody in it made up, the program is what `run` runs",
            )
            .to_owned(),
            format!("{} {}", lang.pick("指标", "metrics"), model.metrics_url),
        ]
    }

    fn phase(&self, model: &Model) -> String {
        let lang = self.lang;
        let text = match model.phase {
            Phase::Starting => {
                return format!(
                    "-- {} {} {}",
                    lang.pick("正在登记", "registering"),
                    grouped(model.people),
                    lang.pick("人并建立索引", "people and filling the index")
                );
            }
            Phase::Playing => lang.pick("事件开始到达", "events begin to arrive"),
            Phase::Settling => lang.pick("停止发送,等待在途事件", "no more events; waiting for those under way"),
            Phase::Leaving => lang.pick("程序正在结束", "the program is stopping"),
        };
        format!("-- {text}")
    }

    fn warning(&self, model: &Model, row: &Row) -> String {
        let lang = self.lang;
        let head = format!(
            "{} {} {} {} {} {:>7}  ",
            row.at.with_timezone(&Local).format("%H:%M:%S%.3f"),
            fit(&lang.level(row.level).to_uppercase(), LEVEL),
            fit(lang.cause(row.cause), 9),
            fit(&row.subject, 16),
            fit(model.area(row, lang), 22),
            row.latency.map(latency).unwrap_or_default(),
        );
        let kind = model.fraud_type(row, lang);
        let separator = if kind.is_empty() { "" } else { lang.pick(":", ": ") };
        cut(&format!("{head}{kind}{separator}{}", reasons(row, lang)), self.columns).into_owned()
    }

    fn counters(&self, model: &Model) -> String {
        let (lang, numbers) = (self.lang, &model.numbers);
        let counts = [
            (lang.pick("已发送", "sent"), model.sent.events()),
            (lang.pick("命中", "matched"), numbers.matched),
            (lang.pick("未命中", "unmatched"), numbers.unmatched),
            (lang.pick("白名单", "allowed"), numbers.allowed),
            (lang.pick("死信", "dead letters"), numbers.dead_lettered),
            (lang.pick("重复", "duplicates"), numbers.duplicates),
            (lang.pick("预警", "warnings"), numbers.warnings()),
            (lang.pick("积压", "lag"), numbers.lag()),
        ];
        let counts = counts.map(|(name, count)| format!("{name} {}", grouped(count))).join(", ");
        let median = model.latency.median.map(latency).unwrap_or_default();
        format!(
            "-- {} {counts}, {:.0}/s, {} {median}",
            clock(model.uptime),
            model.rate,
            lang.pick("延迟中位", "median latency")
        )
    }
}
