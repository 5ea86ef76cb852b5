//! One attempt over a real connection: what each misbehaviour of a receiver comes to.

use std::time::Duration;

use golden_bell::core::notification::DeliveryReason;
use golden_bell::notify::client::HttpClient;
use golden_bell::notify::{Request, Verdict};

use super::receiver::{Receiver, Reply, Reserved};
use super::sample::{SECRETS, destination};

fn attempt(url: &str, more: &str) -> Verdict {
    let lines = format!("kind = \"webhook\"\nurl = \"https://receiver.example\"\nsecret = \"{}\"\n{more}", SECRETS[0]);
    let mut destination = destination(&lines);
    url.clone_into(&mut destination.url);
    let client = HttpClient::new(&destination).unwrap();
    let request = Request { post: true, url: url.to_owned(), headers: Vec::new(), body: b"{}".to_vec() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(client.attempt(&destination, request))
}

const PRIVATE: &str = "allow_private = \"on\"\ntimeout = \"2s\"";

#[test]
fn what_a_receiver_does_is_what_the_attempt_comes_to() {
    let retry = |reason| Verdict::Retry { reason, after: None };
    for (reply, verdict) in [
        (Reply::status(204), Verdict::Accepted),
        (Reply::After(Duration::from_millis(300), 200), Verdict::Accepted),
        (Reply::status(500), retry(DeliveryReason::ReceiverError)),
        (Reply::status(400), Verdict::Refused(DeliveryReason::Refused)),
        (
            Reply::Answer(429, "Retry-After: 17\r\n".into(), String::new()),
            Verdict::Retry { reason: DeliveryReason::TooMany, after: Some(Duration::from_secs(17)) },
        ),
        (Reply::Cut, retry(DeliveryReason::Connection)),
        (Reply::Never, retry(DeliveryReason::TimeOut)),
    ] {
        let answered = reply.clone();
        let receiver = Receiver::start(move |_, _| answered.clone());
        assert_eq!(attempt(&receiver.url("/hook"), PRIVATE), verdict, "{reply:?}");
        assert_eq!(receiver.got()[0].line, "POST /hook");
    }
    let nobody = Reserved::new();
    assert_eq!(attempt(&format!("http://{}/", nobody.address), PRIVATE), retry(DeliveryReason::Connection));
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = Receiver::good();
    let location = format!("Location: {}\r\n", elsewhere.url("/"));
    for status in [301, 302, 303, 307, 308] {
        let location = location.clone();
        let receiver = Receiver::start(move |_, _| Reply::Answer(status, location.clone(), String::new()));
        assert_eq!(attempt(&receiver.url("/"), PRIVATE), Verdict::Refused(DeliveryReason::Redirect));
    }
    assert!(elsewhere.got().is_empty());
}

#[test]
fn private_addresses_are_spoken_to_only_where_that_is_allowed() {
    let receiver = Receiver::good();
    let port = receiver.address.port();
    for host in ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"] {
        let url = format!("http://{host}:{port}/");
        assert_eq!(attempt(&url, "timeout = \"2s\""), Verdict::Refused(DeliveryReason::PrivateAddress), "{host}");
    }
    assert!(receiver.got().is_empty());
    assert_eq!(attempt(&format!("http://localhost:{port}/"), PRIVATE), Verdict::Accepted);
}

#[test]
fn headers_of_the_configuration_go_along() {
    let receiver = Receiver::good();
    let more = format!("{PRIVATE}\nheaders = {{ X-Zone = \"kfq\" }}");
    assert_eq!(attempt(&receiver.url("/"), &more), Verdict::Accepted);
    let got = receiver.got();
    assert_eq!(got[0].header("x-zone"), "kfq");
    assert!(got[0].header("user-agent").starts_with("golden-bell/"));
}
