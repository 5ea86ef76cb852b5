//! What it came to: what was sent against what the program counted, and what a reader saw.

use std::fmt::Write;
use std::time::Duration;

use crate::core::rules::{Bilingual, Level};

use super::numbers::Numbers;
use super::sent::Sent;
use super::told::Latency;
use super::words::{Lang, clock, fit, grouped, latency, mebibytes, width};

/// What the watcher has read.
#[derive(Clone, Debug, Default)]
pub struct Read {
    /// Records.
    pub records: u64,
    /// Of these, those whose warning had been read before.
    pub repeated: u64,
    /// Of these, those that are no warnings.
    pub unreadable: u64,
    /// How long warnings took.
    pub latency: Latency,
}

/// The end of a demo.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The zone.
    pub zone: Bilingual,
    /// What was sent.
    pub sent: Sent,
    /// What the program had counted in the end.
    pub numbers: Numbers,
    /// What came out.
    pub read: Read,
    /// How long it took.
    pub lasted: Duration,
    /// Everything under way has been waited for.
    pub complete: bool,
    /// Somebody ended it.
    pub interrupted: bool,
    /// Where the metrics were.
    pub metrics_url: String,
}

/// A line that is counted on both sides.
struct Pair {
    name: String,
    sent: u64,
    counted: u64,
}

impl Outcome {
    fn pairs(&self, lang: Lang) -> Vec<Pair> {
        let (sent, numbers) = (&self.sent, &self.numbers);
        let pair = |zh, en, sent, counted| Pair { name: lang.pick(zh, en).to_owned(), sent, counted };
        let mut pairs = vec![
            pair("登记人", "registrants", sent.registered(), numbers.registrants),
            pair("事件合计", "events", sent.events(), numbers.events()),
            pair("  命中", "  matched", sent.matched(), numbers.matched),
            pair("  未命中", "  unmatched", sent.unmatched(), numbers.unmatched),
            pair("  白名单", "  allowed", sent.allowed(), numbers.allowed),
            pair("  死信", "  dead letters", sent.dead_lettered(), numbers.dead_lettered),
        ];
        pairs.extend(sent.dead_letters().into_iter().map(|(reason, count)| Pair {
            name: format!("    {reason}"),
            sent: count,
            counted: numbers.dead_letters_of(reason),
        }));
        pairs.push(pair("重复命中", "duplicates", sent.duplicates(), numbers.duplicates));
        pairs.push(pair("跟进", "follow-ups", sent.follow_ups, numbers.follow_ups));
        pairs
    }

    /// What the program counted otherwise than it was sent, or a reader saw otherwise than it was published.
    pub fn differences(&self) -> Vec<String> {
        let mut differences: Vec<String> = (self.pairs(Lang::En).into_iter())
            .filter(|pair| pair.sent != pair.counted)
            .map(|pair| format!("{}: {} sent, {} counted", pair.name.trim(), pair.sent, pair.counted))
            .collect();
        let (published, read) = (self.numbers.warnings(), &self.read);
        if published != read.records || read.repeated + read.unreadable > 0 {
            differences.push(format!(
                "warnings: {published} published, {} read, {} of them twice, {} unreadable",
                read.records, read.repeated, read.unreadable
            ));
        }
        differences
    }

    /// The summary, as lines.
    pub fn text(&self, lang: Lang) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut out, lang);
        out
    }

    fn write(&self, out: &mut String, lang: Lang) -> std::fmt::Result {
        let numbers = &self.numbers;
        writeln!(
            out,
            "{} · {} · {}",
            lang.pick("金钟罩 演示小结", "金钟罩 Golden Bell, the demo in numbers"),
            lang.of(&self.zone),
            clock(self.lasted)
        )?;
        writeln!(
            out,
            "{}{:>12}{:>12}",
            fit("", 18),
            right(lang.pick("已发送", "sent"), 12),
            right(lang.pick("程序计数", "counted"), 12)
        )?;
        for pair in self.pairs(lang) {
            let mark = match (pair.sent == pair.counted, self.complete) {
                (true, _) => "✓",
                (false, true) => "✗",
                (false, false) => "…",
            };
            writeln!(out, "{}{:>12}{:>12}  {mark}", fit(&pair.name, 18), grouped(pair.sent), grouped(pair.counted))?;
        }
        let (first, read) = (&self.sent.first, &self.read);
        line(
            out,
            lang.pick("其中", "among them"),
            &[
                (lang.pick("重发", "sent again"), first.resent),
                (lang.pick("迟到", "late"), first.older),
                (lang.pick("区内未登记", "residents not registered"), first.precise),
            ],
        )?;
        line(
            out,
            lang.pick("预警", "warnings"),
            &[
                (lang.pick("已发布", "published"), numbers.warnings()),
                (lang.pick("已读取", "read"), read.records),
                (lang.pick("重复", "twice"), read.repeated),
            ],
        )?;
        line(out, lang.pick("通知", "notifications"), &[(lang.pick("已送出", "delivered"), numbers.notified)])?;
        let levels = Level::ALL.into_iter().zip(numbers.by_level).rev();
        line(
            out,
            lang.pick("  按等级", "  by level"),
            &levels.map(|(level, n)| (lang.level(level), n)).collect::<Vec<_>>(),
        )?;
        let causes = numbers.by_cause.iter().map(|(cause, n)| (lang.cause(*cause), *n));
        line(out, lang.pick("  按起因", "  by cause"), &causes.collect::<Vec<_>>())?;
        line(
            out,
            lang.pick("无预警并入", "without a warning"),
            &[
                (lang.pick("并入案件", "folded into a case"), numbers.folded),
                (lang.pick("迟到作废", "outdated"), numbers.outdated),
            ],
        )?;
        self.write_health(out, lang)
    }

    fn write_health(&self, out: &mut String, lang: Lang) -> std::fmt::Result {
        let (numbers, spans) = (&self.numbers, &self.read.latency);
        let span = |span: Option<Duration>| span.map_or_else(|| "–".to_owned(), latency);
        text(
            out,
            lang.pick("事件→预警", "event → warning"),
            &format!(
                "{} {}, {} {}",
                lang.pick("中位", "median"),
                span(spans.median),
                lang.pick("99 分位", "99th percentile"),
                span(spans.p99)
            ),
        )?;
        line(
            out,
            lang.pick("积压", "lag"),
            &[("calls", numbers.calls_lag), ("transfers", numbers.transfers_lag), ("case-inputs", numbers.inputs_lag)],
        )?;
        text(
            out,
            lang.pick("索引", "index"),
            &format!(
                "{} {}, {} {}, {}",
                grouped(numbers.registrants),
                lang.pick("人", "people"),
                grouped(numbers.identifiers),
                lang.pick("个号码与账户", "phones and accounts"),
                mebibytes(numbers.index_bytes)
            ),
        )?;
        text(out, lang.pick("内存", "memory"), &mebibytes(numbers.resident_bytes))?;
        text(out, lang.pick("指标", "metrics"), &self.metrics_url)?;
        if !self.complete {
            let unfinished = lang.pick("提前结束:部分事件仍在途中", "ended early: some events were still under way");
            writeln!(out, "{unfinished}")?;
        }
        Ok(())
    }
}

fn right(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{}{text}", " ".repeat(missing))
}

fn text(out: &mut String, name: &str, value: &str) -> std::fmt::Result {
    writeln!(out, "{}{value}", fit(name, 20))
}

fn line(out: &mut String, name: &str, counts: &[(&str, u64)]) -> std::fmt::Result {
    let counts: Vec<String> = counts.iter().map(|(what, count)| format!("{what} {}", grouped(*count))).collect();
    text(out, name, &counts.join(", "))
}
