//! The quick reading against serde_json: what it accepts must be exactly what serde_json reads, and what is plain must
//! be accepted.

use proptest::prelude::*;

use super::*;

const CALL: &str = r#"{"specversion":"1.0","id":"e-1","source":"urn:operator:a","type":"golden-bell.call.v1","time":"2021-07-15T14:03:30+08:00","datacontenttype":"application/json","traceparent":null,"data":{"call_id":"A1B2","phase":"ongoing","caller":"+96890000000","callee":"13123456789","victim":"callee","started_at":"2021-07-15T14:03:10.5+08:00","answered_at":"2021-07-15T14:03:22Z","ended_at":null,"duration_s":1080,"forwarded_to":null,"victim_area":"kfq/huangchengli","x":false,"y":0,"suspicion":{"confidence":0.93,"fraud_type":"fake_customer_service","list":"号码"}}}"#;
const TRANSFER: &str = r#"{"specversion":"1.0","id":"e-1","source":"urn:bank:b","type":"golden-bell.transfer.v1","time":"2021-07-15T14:03:30+08:00","data":{"transfer_id":"T77","state":"accepted","payer":{"account":"6200000000000005","phone":"13123456789","name":"张*"},"payee":{"account":"6217000000000000004","name":"*某","bank":"ICBC"},"amount_minor":1000000,"currency":"CNY","channel":"mobile","first_payment_to_payee":true,"settles_at":"2021-07-16T14:19:41+08:00","victim_area":null,"suspicion":{"confidence":1,"fraud_type":null,"list":"involved_account"}}}"#;

fn whole(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Call => CALL,
        EventKind::Transfer => TRANSFER,
    }
}

fn bare(kind: EventKind) -> &'static str {
    let text = whole(kind);
    let start = text.find("\"data\":").unwrap() + 7;
    &text[start..text.len() - 1]
}

/// Whether the quick reading accepts a text; what it reads must then be what serde_json reads.
fn quick_agrees(kind: EventKind, text: &str) -> bool {
    let event_type = kind.event_type().as_bytes();
    let in_headers: [(&str, &[u8]); 5] = [
        ("ce_specversion", b"1.0"),
        ("ce_id", b"e-1"),
        ("ce_source", b"urn:operator:a"),
        ("ce_type", event_type),
        ("ce_time", b"2021-07-15T14:03:30+08:00"),
    ];
    let mut accepted = false;
    for headers in [Headers::default(), Headers::collect(in_headers)] {
        let mut event = quick::blank(kind);
        if quick::fill(&headers, text, &mut event).is_some() {
            accepted = true;
            assert_eq!(Some(event), thorough(kind, &headers, text), "{text}");
        }
    }
    accepted
}

fn kinds() -> impl Strategy<Value = EventKind> {
    prop::sample::select(EventKind::ALL)
}

#[test]
fn what_is_plain_is_read_quickly() {
    for kind in EventKind::ALL {
        for text in [whole(*kind), bare(*kind)] {
            let spaced = text.replace("\":", "\" :\t").replace(",\"", " ,\r\n \"").replace('}', " } ");
            assert!(quick_agrees(*kind, text), "{text}");
            assert!(quick_agrees(*kind, &spaced), "{spaced}");
        }
    }
    for confidence in ["0", "1", "0.0", "1.0", "0.5", "0.123456789012", "0.1", "0.30"] {
        let text = CALL.replace("0.93", confidence);
        assert!(quick_agrees(EventKind::Call, &text), "{text}");
    }
}

#[test]
fn what_is_not_plain_is_left_to_serde_json() {
    let agrees = |from: &str, to: &str| {
        let text = CALL.replace(from, to);
        assert_ne!(text, CALL);
        assert!(!quick_agrees(EventKind::Call, &text), "{text}");
    };
    agrees("A1B2", "A\\u0031B2");
    agrees("A1B2", "");
    agrees("\"call_id\"", "\"call\\u005fid\"");
    agrees("1080", "01080");
    agrees("1080", "1080.5");
    agrees("1080", "1e3");
    agrees("1080", "-0");
    agrees("1080", "1234567890123456789");
    agrees("0.93", "1.01");
    agrees("0.93", "0.1234567890123");
    agrees("0.93", "00.93");
    agrees("0.93", ".93");
    agrees("0.93", "0.");
    agrees("false", "[1]");
    agrees("false", "falsey");
    agrees("\"y\":0", "\"phase\":\"ended\"");
    agrees("\"y\":0", "\"y\":0,");
    agrees("\"y\":0", "\"y\":1e2");
    agrees("e-1", "e\u{7f}1");
    agrees("ongoing", "Ongoing");
    agrees("}}}", "}}");
    agrees("}}}", "}}}}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn whatever_is_changed_the_two_agree(
        kind in kinds(),
        alone in any::<bool>(),
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), 0..4_usize, "[ -~\n\té]|[\"\\\\{}\\[\\]:,0-9.eE+-]|null|true|\"[a-z_]{1,12}\":|\\\\u00[0-9a-f]{2}"),
            0..4,
        ),
    ) {
        let mut text = if alone { bare(kind) } else { whole(kind) }.to_owned();
        for (place, removed, put) in changes {
            let start = text.floor_char_boundary(place.index(text.len()));
            let end = text.ceil_char_boundary((start + removed).min(text.len()));
            text.replace_range(start..end, &put);
        }
        quick_agrees(kind, &text);
    }

    #[test]
    fn members_in_any_order_are_read_quickly(kind in kinds(), seed in any::<prop::sample::Index>()) {
        let value: serde_json::Value = serde_json::from_str(bare(kind)).unwrap();
        let mut members: Vec<_> = value.as_object().unwrap().iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        let turn = seed.index(members.len());
        members.rotate_left(turn);
        let text = format!("{{{}}}", members.join(","));
        prop_assert!(quick_agrees(kind, &text));
    }

    #[test]
    fn strings_of_any_length_end_where_they_end(text in "[a-z\u{80}-\u{ff}汉🦀\"\\\\\u{1}\u{1f}]{0,40}", padding in 0..9_usize) {
        let text = format!("{{{}\"x\":\"{text}\",{}", " ".repeat(padding), &bare(EventKind::Call)[1..]);
        let plain = bare_data(EventKind::Call, &text).is_some() && !text.contains('\\');
        prop_assert_eq!(quick_agrees(EventKind::Call, &text), plain);
    }
}
