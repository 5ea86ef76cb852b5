use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::core::matched::Programme;
use crate::core::rules::{Bilingual, FraudTypes, Level};
use crate::core::warning::Cause;
use crate::demo::board::Playing;
use crate::demo::model::{Model, Phase};
use crate::demo::numbers::Numbers;
use crate::demo::sent::Sent;
use crate::demo::told::{Latency, Row};
use crate::demo::words::Lang;
use crate::generate::Story;

use super::{Look, draw};

fn bilingual(zh: &str, en: &str) -> Bilingual {
    Bilingual { zh: zh.to_owned(), en: en.to_owned() }
}

fn row(number: u64) -> Arc<Row> {
    Arc::new(Row {
        number,
        at: Utc::now(),
        level: Level::ALL[number as usize % 4],
        cause: Cause::ALL[number as usize % 7],
        programme: Programme::ALL[number as usize % 2],
        subject: "张*·145****6789".to_owned(),
        area: Some(bilingual("黄城里村", "Huangchengli Village")),
        score: 85,
        fraud_type: Some("fake_loan".to_owned()),
        reasons: vec![
            bilingual("境外来电", "A call from abroad"),
            bilingual("通话时间很长", "The call has been going on for long"),
        ],
        latency: Some(Duration::from_millis(20 + number)),
    })
}

fn model(phase: Phase, warnings: u64) -> Model {
    Model {
        phase,
        uptime: Duration::from_secs(83),
        zone: bilingual("云溪经济开发区", "Yunxi Development Zone"),
        people: 12_000,
        metrics_url: "http://127.0.0.1:9464/metrics".to_owned(),
        missing: vec!["index-0: filling the index, 6000 of 12000 (50 %)".to_owned()],
        sent: Sent { registrants: 12_000, ..Sent::default() },
        rate: 199.6,
        stories: Story::ALL.iter().enumerate().map(|(n, &story)| Playing { story, going_on: n < 4 }).collect(),
        warnings: (1..=warnings).rev().map(row).collect(),
        latency: Latency {
            median: Some(Duration::from_millis(31)),
            p99: Some(Duration::from_millis(64)),
            recent: (0..200).map(|n| Duration::from_millis(20 + n % 40)).collect(),
        },
        numbers: Numbers {
            matched: 41,
            unmatched: 16_523,
            by_level: [1, 6, 9, 12],
            registrants: 12_003,
            index_bytes: 9_542_041,
            ..Numbers::default()
        },
        fraud_types: Arc::new(FraudTypes::default()),
        notice: Some("2021-07-15T06:00:00Z  WARN golden_bell: something was repaired".to_owned()),
    }
}

fn picture(model: &Model, look: &Look<'_>, (columns, rows): (u16, u16)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| draw(frame, model, look)).unwrap();
    let buffer = terminal.backend().buffer().clone();
    let line = |y| {
        let mut text = String::new();
        let mut x = 0;
        while x < columns {
            let symbol = buffer[(x, y)].symbol();
            text.push_str(symbol);
            // A wide character takes the cell after it, too.
            x += crate::demo::words::width(symbol).max(1) as u16;
        }
        text + "\n"
    };
    (0..rows).map(line).collect()
}

#[test]
fn everything_worth_knowing_is_on_a_small_and_on_a_large_screen() {
    let model = model(Phase::Playing, 37);
    for size in [(80, 24), (120, 40), (200, 60)] {
        let english = picture(&model, &Look { lang: Lang::En, paused: None }, size);
        for text in [
            "Golden Bell",
            "Yunxi Development Zone",
            "00:01:23",
            "http://127.0.0.1:9464/metrics",
            "Live warnings 37",
            "URGENT",
            "张*·145****6789",
            "Huangchengli Village",
            "A call from abroad",
            "200/s",
            "16,523",
            "median 31 ms",
            "99th 64 ms",
            "transfers 0",
            "12,003 people",
            "9.1 MiB",
            "a long call from abroad",
            "quit",
        ] {
            assert!(english.contains(text), "{text} is missing at {size:?}:\n{english}");
        }
        let chinese = picture(&model, &Look { lang: Lang::Zh, paused: None }, size);
        for text in [
            "金钟罩",
            "云溪经济开发区",
            "实时预警 37",
            "紧急",
            "黄城里村",
            "境外来电",
            "中位 31 ms",
            "积压与索引",
            "退出",
        ] {
            assert!(chinese.contains(text), "{text} is missing at {size:?}:\n{chinese}");
        }
    }
}

#[test]
fn a_paused_list_stays_and_says_how_many_are_new() {
    let model = model(Phase::Playing, 12);
    let paused: Vec<_> = (1..=5).rev().map(row).collect();
    let shown = picture(&model, &Look { lang: Lang::En, paused: Some(&paused) }, (80, 24));
    assert!(shown.contains("paused, new: 7"), "{shown}");
    assert!(shown.contains("25 ms") && !shown.contains("32 ms"), "{shown}");
}

#[test]
fn the_beginning_and_the_end_are_told() {
    let starting = picture(&model(Phase::Starting, 0), &Look { lang: Lang::En, paused: None }, (80, 24));
    assert!(starting.contains("filling the index, 6000 of 12000"), "{starting}");
    let settling = picture(&model(Phase::Settling, 3), &Look { lang: Lang::En, paused: None }, (80, 24));
    assert!(settling.contains("no more events"), "{settling}");
}

#[test]
fn no_screen_is_too_small_to_draw_on() {
    for phase in [Phase::Starting, Phase::Playing, Phase::Settling, Phase::Leaving] {
        for warnings in [0, 40] {
            let model = model(phase, warnings);
            for size in [(1, 1), (2, 3), (20, 5), (40, 10), (71, 12), (72, 12), (73, 50), (300, 8)] {
                for lang in [Lang::Zh, Lang::En] {
                    picture(&model, &Look { lang, paused: None }, size);
                }
            }
        }
    }
}
