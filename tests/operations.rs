//! The operations listener over real sockets: what each path answers, and how it begins and ends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use golden_bell::core::dead_letter::Reason;
use golden_bell::lifecycle::{Components, Lifecycle};
use golden_bell::metrics::Metrics;
use golden_bell::operations::{Command, Operations, bind, serve};
use tokio::runtime::Runtime;

struct Server {
    runtime: Runtime,
    address: SocketAddr,
    metrics: Metrics,
    lifecycle: Lifecycle,
    served: tokio::task::JoinHandle<std::io::Result<()>>,
}

struct Answer {
    status: u16,
    content_type: String,
    body: String,
}

impl Server {
    fn start() -> Self {
        Self::with(Arc::new(|| Ok("done".to_owned())), Arc::new(|| Ok("nothing was paused".to_owned())))
    }

    fn with(reload: Command, resume: Command) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(bind("operations.listen", "127.0.0.1:0".parse().unwrap())).unwrap();
        let address = listener.local_addr().unwrap();
        let metrics = Metrics::new("golden-bell.").unwrap();
        let lifecycle = Lifecycle::default();
        let readiness = lifecycle.components().readiness().clone();
        let operations = Operations { metrics: metrics.clone(), readiness, reload, resume };
        let served = runtime.spawn(serve(listener, operations, lifecycle.components().stop().clone()));
        Self { runtime, address, metrics, lifecycle, served }
    }

    fn components(&self) -> &Components {
        self.lifecycle.components()
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None)
    }

    fn post(&self, path: &str) -> Answer {
        self.ask("POST", path, None)
    }

    fn ask(&self, method: &str, path: &str, origin: Option<&str>) -> Answer {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(10)))
            .build()
            .into();
        let mut request = ureq::http::Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let mut response = agent.run(request.body(()).unwrap()).unwrap();
        Answer {
            status: response.status().as_u16(),
            content_type: response
                .headers()
                .get("content-type")
                .map(|value| value.to_str().unwrap().to_owned())
                .unwrap_or_default(),
            body: response.body_mut().read_to_string().unwrap(),
        }
    }
}

#[test]
fn metrics_are_served_as_text() {
    let server = Server::start();
    server.metrics.dead_letter("calls", Reason::Schema);
    let answer = server.get("/metrics");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.content_type, "text/plain; version=0.0.4; charset=utf-8");
    let line = r#"golden_bell_dead_letters_total{reason="schema",topic="golden-bell.calls"} 1"#;
    assert!(answer.body.lines().any(|found| found == line), "{}", answer.body);
    assert!(answer.body.contains("process_resident_memory_bytes "));
}

#[test]
fn ready_says_what_is_missing_until_nothing_is() {
    let server = Server::start();
    assert_eq!(server.get("/-/healthy").status, 200);
    let readiness = server.components().readiness().clone();
    let starting = server.get("/-/ready");
    assert_eq!((starting.status, starting.body.as_str()), (503, "not ready\nstarting\n"));

    readiness.progress("index-0", "filling the index", 1, 4);
    readiness.waiting("match-0", "waiting for its partitions");
    let waiting = server.get("/-/ready");
    assert_eq!(waiting.status, 503);
    assert_eq!(
        waiting.body,
        "not ready\nindex-0: filling the index, 1 of 4 (25 %)\nmatch-0: waiting for its partitions\n"
    );

    readiness.ready("index-0");
    readiness.ready("match-0");
    let ready = server.get("/-/ready");
    assert_eq!((ready.status, ready.body.as_str()), (200, "ready\n"));
}

#[test]
fn reload_and_resume_answer_what_came_of_them() {
    let reload: Command = Arc::new(|| Err("config/rules.toml:7: rule `x`: no such field".to_owned()));
    let server = Server::with(reload, Arc::new(|| Ok("calls goes on".to_owned())));
    let refused = server.post("/-/reload");
    assert_eq!((refused.status, refused.body.as_str()), (422, "config/rules.toml:7: rule `x`: no such field\n"));
    let resumed = server.post("/-/resume");
    assert_eq!((resumed.status, resumed.body.as_str()), (200, "calls goes on\n"));
    assert_eq!(server.get("/-/reload").status, 405);
    assert_eq!(server.get("/nothing").status, 404);
}

#[test]
fn a_command_that_panics_is_answered_and_the_listener_goes_on() {
    let server = Server::with(Arc::new(|| panic!("boom")), Arc::new(|| Ok(String::new())));
    assert_eq!(server.post("/-/reload").status, 500);
    assert_eq!(server.get("/-/healthy").status, 200);
}

#[test]
fn foreign_pages_cannot_reload() {
    let server = Server::start();
    assert_eq!(server.ask("POST", "/-/reload", Some("https://example.org")).status, 403);
    assert_eq!(server.ask("POST", "/-/reload", None).status, 200);
}

#[test]
fn an_address_in_use_names_key_and_likely_reason() {
    let server = Server::start();
    let error = server.runtime.block_on(bind("operations.listen", server.address)).unwrap_err().to_string();
    assert!(error.starts_with(&format!("operations.listen = {}: in use; another instance", server.address)), "{error}");
}

#[test]
fn it_ends_when_the_process_is_to_stop_even_if_a_client_says_nothing() {
    let server = Server::start();
    let _silent = std::net::TcpStream::connect(server.address).unwrap();
    assert_eq!(server.get("/-/healthy").status, 200);
    let began = Instant::now();
    server.components().stop().request();
    server.runtime.block_on(server.served).unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(10));
}
