//! What is sent on each channel, byte by byte, and how each answer is judged.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use golden_bell::core::notification::{DeliveryReason, Notification};
use golden_bell::notify::{Answer, Request, Verdict, judge, request};
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use super::sample::{SECRETS, destination, notification};

fn now() -> DateTime<Utc> {
    "2021-07-15T06:03:11.250Z".parse().unwrap()
}

fn made(lines: &str, replaced: Value) -> Request {
    let made = request(&notification(replaced), &destination(lines), now());
    made.unwrap_or_else(|reason| panic!("{}", reason.as_str()))
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

fn headers(request: &Request) -> BTreeMap<&str, &str> {
    request.headers.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

fn webhook_lines(secrets: &[&str]) -> String {
    let keys = ["secret", "old_secret"].iter().zip(secrets);
    let keys: String = keys.map(|(key, secret)| format!("{key} = \"{secret}\"\n")).collect();
    format!("kind = \"webhook\"\nurl = \"https://receiver.example/hook\"\n{keys}")
}

#[test]
fn a_webhook_carries_the_notification_and_its_id() {
    let made = made(&webhook_lines(&SECRETS[..1]), json!({}));
    assert_eq!((made.post, made.url.as_str()), (true, "https://receiver.example/hook"));
    let expected = json!({
        "type": "golden-bell.notification.v1",
        "timestamp": "2021-07-15T06:03:10Z",
        "data": {
            "notification_id": "n-f4cec37e963f9f9c35e7220e2601d426",
            "destination": "hook",
            "channel": "webhook",
            "warning_id": "c-1-1",
            "case_id": "c-1",
            "subject_id": "r-c-1",
            "sequence": 1,
            "cause": "opened",
            "level": "high",
            "area": {"code": "kfq/huangchengli", "name": {"zh": "黄城里", "en": "Huangchengli"}},
            "recipient": {"kind": "person", "person_id": "officer-1", "role": "officer", "step": 1, "address": null},
            "urgent": false,
            "title": {"zh": "高：冒充客服，黄城里", "en": "high: fake customer service, Huangchengli"},
            "text": "张* 131****6789 正在通话，请立即联系。",
            "language": "zh-cmn",
            "subject_masked": "张* 131****6789",
            "runbook": "https://runbooks.example/fake-customer-service",
            "case_open": true,
            "created_at": "2021-07-15T06:03:10Z",
            "give_up_after": null,
        },
    });
    assert_eq!(body(&made), expected);
    let headers = headers(&made);
    assert_eq!(headers["webhook-id"], "n-f4cec37e963f9f9c35e7220e2601d426");
    assert_eq!(headers["webhook-timestamp"], "1626328991");
}

/// Made now, since the verifier wants a time near its own.
#[test]
fn the_signature_is_that_of_the_published_implementation() {
    let mut lines = webhook_lines(&SECRETS);
    lines.push_str("token = \"for-the-gate\"\n");
    let now = Utc::now();
    let made = request(&notification(json!({})), &destination(&lines), now).unwrap();
    let mut sent = http_headers(&made);
    for secret in SECRETS {
        let verifier = Webhook::new(secret).unwrap();
        verifier.verify(&made.body, &sent).expect("either live key verifies");
    }
    assert_eq!(headers(&made)["webhook-signature"].split(' ').count(), 2);
    assert_eq!(headers(&made)["authorization"], "Bearer for-the-gate");
    let stranger = Webhook::new("whsec_enp6enp6enp6enp6enp6enp6enp6enp6enp6").unwrap();
    assert!(stranger.verify(&made.body, &sent).is_err());
    let verifier = Webhook::new(SECRETS[0]).unwrap();
    let mut tampered = made.body.clone();
    tampered.push(b' ');
    assert!(verifier.verify(&tampered, &sent).is_err());
    sent.insert("webhook-id", "n-other".parse().unwrap());
    assert!(verifier.verify(&made.body, &sent).is_err());
}

fn http_headers(request: &Request) -> hyper::HeaderMap {
    request
        .headers
        .iter()
        .map(|(name, value)| (hyper::header::HeaderName::from_static(name), value.parse().unwrap()))
        .collect()
}

#[test]
fn pagerduty_gets_one_incident_a_case_that_closing_resolves() {
    let lines = "kind = \"pagerduty\"\ntoken = \"routing\"";
    let opened = made(lines, json!({"level": "urgent"}));
    assert_eq!(opened.url, "https://events.pagerduty.com/v2/enqueue");
    assert_eq!(
        body(&opened),
        json!({
            "routing_key": "routing",
            "dedup_key": "c-1",
            "event_action": "trigger",
            "client": "Golden Bell",
            "payload": {
                "summary": "高：冒充客服，黄城里",
                "source": "golden-bell",
                "severity": "critical",
                "timestamp": "2021-07-15T06:03:10Z",
                "component": "kfq/huangchengli",
                "class": "opened",
                "custom_details": {
                    "notification_id": "n-f4cec37e963f9f9c35e7220e2601d426",
                    "warning_id": "c-1-1",
                    "level": "urgent",
                    "area": "黄城里",
                    "subject": "张* 131****6789",
                    "text": "张* 131****6789 正在通话，请立即联系。",
                    "runbook": "https://runbooks.example/fake-customer-service",
                },
            },
            "links": [{"href": "https://runbooks.example/fake-customer-service", "text": "runbook"}],
        })
    );
    let bare = body(&made(lines, json!({"area": null, "subject_masked": null, "runbook": null})));
    assert!(!bare.to_string().contains("null"), "{bare}");
    let closed = made(lines, json!({"case_open": false, "cause": null}));
    assert_eq!(body(&closed), json!({"routing_key": "routing", "dedup_key": "c-1", "event_action": "resolve"}));
}

#[test]
fn wecom_gets_text_within_its_bounds_and_mentions_its_recipient() {
    let lines = "kind = \"wecom\"\ntoken = \"a b&c\"";
    let plain = made(lines, json!({}));
    assert_eq!(plain.url, "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=a%20b%26c");
    let content = "高：冒充客服，黄城里\n张* 131****6789 正在通话，请立即联系。";
    assert_eq!(body(&plain), json!({"msgtype": "text", "text": {"content": content}}));
    for (address, known) in
        [("13123456789", "13123456789"), ("+8613123456789", "13123456789"), ("+85261234567", "+85261234567")]
    {
        let mobile = made(lines, json!({"recipient": {"kind": "person", "address": address}}));
        assert_eq!(body(&mobile)["text"]["mentioned_mobile_list"], json!([known]));
    }
    let user = made(lines, json!({"recipient": {"kind": "person", "address": "zhang.san"}}));
    assert_eq!(body(&user)["text"]["mentioned_list"], json!(["zhang.san"]));
    let long = made(lines, json!({"text": "预".repeat(2_000)}));
    let content = body(&long)["text"]["content"].as_str().unwrap().to_owned();
    assert!(content.len() <= 2048 && content.len() > 2040 && content.ends_with('…'), "{}", content.len());
}

#[test]
fn dingtalk_is_signed_in_its_url() {
    let lines = "kind = \"dingtalk\"\ntoken = \"robot\"\nsecret = \"SEC000\"";
    let signed = made(lines, json!({"recipient": {"kind": "person", "address": "+8613123456789"}}));
    // HMAC-SHA256 with key "SEC000" over "1626328991250\nSEC000", by `openssl dgst -sha256 -hmac SEC000 -binary | base64`.
    let signature = "VNuJa03GIJnS0GS9FR03a6MTrcnyKREtt35hibiB0m8%3D";
    assert_eq!(
        signed.url,
        format!("https://oapi.dingtalk.com/robot/send?access_token=robot&timestamp=1626328991250&sign={signature}")
    );
    assert_eq!(
        body(&signed),
        json!({
            "msgtype": "text",
            "text": {"content": "高：冒充客服，黄城里\n张* 131****6789 正在通话，请立即联系。"},
            // As the vendor knows numbers of China: without the country code.
            "at": {"atMobiles": ["13123456789"], "isAtAll": false},
        })
    );
    let unsigned = made("kind = \"dingtalk\"\ntoken = \"robot\"", json!({"language": "en"}));
    assert_eq!(unsigned.url, "https://oapi.dingtalk.com/robot/send?access_token=robot");
    let content = body(&unsigned)["text"]["content"].as_str().unwrap().to_owned();
    assert!(content.starts_with("high: fake customer service, Huangchengli\n"), "{content}");
}

#[test]
fn feishu_is_signed_in_its_body_and_mentions_nobody_by_its_text() {
    let lines = "kind = \"feishu\"\ntoken = \"hook/../x\"\nsecret = \"SEC000\"";
    let signed = made(lines, json!({"text": "<at user_id=\"all\"></at>", "title": {"zh": "", "en": ""}}));
    assert_eq!(signed.url, "https://open.feishu.cn/open-apis/bot/v2/hook/hook%2F..%2Fx");
    assert_eq!(
        body(&signed),
        json!({
            "msg_type": "text",
            "content": {"text": "＜at user_id=\"all\"></at>"},
            "timestamp": "1626328991",
            // HMAC-SHA256 with key "1626328991\nSEC000" over nothing.
            "sign": "L8dEGfM8JgZiaRupg/jZhSWcJO9IwZ0uclWwuopL/34=",
        })
    );
    let mention = made(lines, json!({"recipient": {"kind": "person", "address": "ou_12"}, "text": ""}));
    let text = "<at user_id=\"ou_12\"></at> 高：冒充客服，黄城里";
    assert_eq!(body(&mention)["content"]["text"], json!(text));
}

#[test]
fn a_text_message_is_made_by_the_templates_and_needs_a_phone() {
    let to = json!({"recipient": {"kind": "resident", "address": "13123456789"}, "text": "小心\"诈骗\"&转账"});
    let lines = "kind = \"sms_gateway\"\nurl = \"https://sms.example/send?id={id}\"\ntoken = \"k\"\n\
                 body = '{\"to\":\"{phone}\",\"text\":\"{text}\",\"key\":\"{token}\",\"at\":{time}}'";
    let json_body = made(lines, to.clone());
    assert_eq!(json_body.url, "https://sms.example/send?id=n-f4cec37e963f9f9c35e7220e2601d426");
    assert_eq!(
        body(&json_body),
        json!({"to": "13123456789", "text": "小心\"诈骗\"&转账", "key": "k", "at": 1_626_328_991})
    );
    let form = "kind = \"sms_gateway\"\nurl = \"https://sms.example/send\"\n\
                content_type = \"application/x-www-form-urlencoded\"\nbody = \"m={phone}&c={text}\"";
    let form = made(form, to.clone());
    let text = "%E5%B0%8F%E5%BF%83%22%E8%AF%88%E9%AA%97%22%26%E8%BD%AC%E8%B4%A6";
    assert_eq!(String::from_utf8(form.body).unwrap(), format!("m=13123456789&c={text}"));
    let get = made(
        "kind = \"sms_gateway\"\nmethod = \"GET\"\nurl = \"https://sms.example/send?m={phone}&c={text}\"",
        to.clone(),
    );
    assert!(!get.post && get.body.is_empty());
    assert_eq!(get.url, format!("https://sms.example/send?m=13123456789&c={text}"));
    let nobody = request(&notification(json!({})), &destination(lines), now());
    assert_eq!(nobody.err(), Some(DeliveryReason::NoAddress));
}

fn judged(lines: &str, status: u16, retry_after: Option<&str>, body: &str) -> Verdict {
    judge(&destination(lines), &Answer { status, retry_after, body: body.as_bytes() }, now())
}

#[test]
fn only_time_outs_429_and_5xx_are_tried_again() {
    let lines = webhook_lines(&SECRETS[..1]);
    let retry = |reason, seconds: Option<u64>| Verdict::Retry { reason, after: seconds.map(Duration::from_secs) };
    for (status, retry_after, verdict) in [
        (200, None, Verdict::Accepted),
        (202, None, Verdict::Accepted),
        (204, None, Verdict::Accepted),
        (301, None, Verdict::Refused(DeliveryReason::Redirect)),
        (307, None, Verdict::Refused(DeliveryReason::Redirect)),
        (400, None, Verdict::Refused(DeliveryReason::Refused)),
        (401, None, Verdict::Refused(DeliveryReason::Refused)),
        (404, Some("5"), Verdict::Refused(DeliveryReason::Refused)),
        (410, None, Verdict::Refused(DeliveryReason::Refused)),
        (408, None, retry(DeliveryReason::TimeOut, None)),
        (429, None, retry(DeliveryReason::TooMany, None)),
        (429, Some("7"), retry(DeliveryReason::TooMany, Some(7))),
        (500, None, retry(DeliveryReason::ReceiverError, None)),
        (503, Some("later"), retry(DeliveryReason::ReceiverError, None)),
        (503, Some("11"), retry(DeliveryReason::ReceiverError, Some(11))),
    ] {
        assert_eq!(judged(&lines, status, retry_after, "whatever"), verdict, "{status} {retry_after:?}");
    }
}

#[test]
fn what_a_robot_says_in_its_body_counts_more_than_its_200() {
    let too_many = Verdict::Retry { reason: DeliveryReason::TooMany, after: None };
    let busy = Verdict::Retry { reason: DeliveryReason::ReceiverError, after: None };
    let refused = Verdict::Refused(DeliveryReason::Refused);
    for (kind, body, verdict) in [
        ("wecom", r#"{"errcode":0,"errmsg":"ok"}"#, Verdict::Accepted),
        ("wecom", r#"{"errcode":45009,"errmsg":"api freq out of limit"}"#, too_many),
        ("wecom", r#"{"errcode":-1,"errmsg":"system busy"}"#, busy),
        ("wecom", r#"{"errcode":93000,"errmsg":"invalid webhook url"}"#, refused),
        ("dingtalk", r#"{"errcode":0,"errmsg":"ok"}"#, Verdict::Accepted),
        ("dingtalk", r#"{"errcode":130101,"errmsg":"send too fast"}"#, too_many),
        ("dingtalk", r#"{"errcode":310000,"errmsg":"sign not match"}"#, refused),
        (
            "feishu",
            r#"{"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}"#,
            Verdict::Accepted,
        ),
        ("feishu", r#"{"StatusCode":0,"StatusMessage":"success"}"#, Verdict::Accepted),
        ("feishu", r#"{"code":11232,"msg":"frequency limited"}"#, too_many),
        ("feishu", r#"{"code":19021,"msg":"sign match fail or timestamp is not within one hour"}"#, refused),
        ("feishu", "<html>a login page</html>", refused),
    ] {
        assert_eq!(judged(&format!("kind = \"{kind}\"\ntoken = \"t\""), 200, None, body), verdict, "{kind}: {body}");
    }
    let sms = "kind = \"sms_gateway\"\nurl = \"https://sms.example\"\nbody = \"{phone}\"\naccepted_if = '\"code\":0'";
    assert_eq!(judged(sms, 200, None, r#"{"code":0}"#), Verdict::Accepted);
    assert_eq!(judged(sms, 200, None, r#"{"code":7}"#), refused);
}

#[test]
fn the_same_warning_recipient_and_destination_are_the_same_notification() {
    // SHA-256 of "c-1-1\0officer-1\0hook", by sha256sum.
    assert_eq!(Notification::id("c-1-1", "officer-1", "hook"), "n-f4cec37e963f9f9c35e7220e2601d426");
    assert_ne!(Notification::id("c-1-1", "officer-1", "hook2"), Notification::id("c-1-1", "officer-1", "hook"));
}
