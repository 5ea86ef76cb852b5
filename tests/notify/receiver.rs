//! A receiver that does as it is told, however badly, and remembers what it got.
#![allow(dead_code, reason = "the benchmark uses its own part of this")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a receiver that cannot be set up ends the test")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read as _, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tokio::net::TcpSocket;

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct Got {
    /// When.
    pub at: Instant,
    /// Method and target.
    pub line: String,
    /// Headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Body.
    pub body: Vec<u8>,
}

impl Got {
    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// `webhook-id`.
    pub fn id(&self) -> String {
        self.header("webhook-id").to_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// What is done with a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A status and headers, each with its line end, and a body.
    Answer(u16, String, String),
    /// The same, later.
    After(Duration, u16),
    /// The connection is cut.
    Cut,
    /// Nothing, ever.
    Never,
}

impl Reply {
    /// A bare status.
    pub fn status(status: u16) -> Self {
        Reply::Answer(status, String::new(), String::new())
    }
}

type Manners = Box<dyn Fn(&Got, usize) -> Reply + Send + Sync>;

struct Inner {
    got: Mutex<Vec<Got>>,
    manners: Mutex<Manners>,
    open: AtomicBool,
}

/// A server on loopback.
pub struct Receiver {
    inner: Arc<Inner>,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Receiver {
    /// Starts one; `manners` is told the request and how many came before it.
    pub fn start(manners: impl Fn(&Got, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_on(TcpListener::bind("127.0.0.1:0").expect("a port"), manners)
    }

    /// Starts one where nobody has listened until now.
    pub fn start_at(place: Reserved, manners: impl Fn(&Got, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_on(place.listen(), manners)
    }

    fn start_on(listener: TcpListener, manners: impl Fn(&Got, usize) -> Reply + Send + Sync + 'static) -> Self {
        let inner = Arc::new(Inner {
            got: Mutex::default(),
            manners: Mutex::new(Box::new(manners)),
            open: AtomicBool::new(true),
        });
        let receiver = Receiver { inner: Arc::clone(&inner), address: listener.local_addr().unwrap() };
        thread::spawn(move || {
            for stream in listener.incoming() {
                if !inner.open.load(Ordering::SeqCst) {
                    return;
                }
                let inner = Arc::clone(&inner);
                thread::spawn(move || stream.map(|stream| serve(&inner, stream)));
            }
        });
        receiver
    }

    /// One that takes everything.
    pub fn good() -> Self {
        Self::start(|_, _| Reply::status(200))
    }

    /// A URL on it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Behaves differently from now on.
    pub fn now(&self, manners: impl Fn(&Got, usize) -> Reply + Send + Sync + 'static) {
        *self.inner.manners.lock().unwrap() = Box::new(manners);
    }

    /// What it has got so far.
    pub fn got(&self) -> Vec<Got> {
        self.inner.got.lock().unwrap().clone()
    }

    /// Requests by `webhook-id`.
    pub fn by_id(&self) -> BTreeMap<String, Vec<Got>> {
        let mut by_id: BTreeMap<String, Vec<Got>> = BTreeMap::new();
        self.got().into_iter().for_each(|got| by_id.entry(got.id()).or_default().push(got));
        by_id
    }

    /// Waits until what it has got satisfies `enough`.
    #[track_caller]
    pub fn wait(&self, within: Duration, what: &str, enough: impl Fn(&[Got]) -> bool) {
        let until = Instant::now() + within;
        while !enough(&self.inner.got.lock().unwrap()) {
            assert!(Instant::now() < until, "{what}: only {} requests came", self.got().len());
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.inner.open.store(false, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

/// A port on which nobody listens, for a receiver that comes later. It is bound as long as this is held, so that nobody
/// else is given it; who asks for it by its number may listen on it all the same, as another process must.
pub struct Reserved {
    socket: TcpSocket,
    /// Where.
    pub address: SocketAddr,
}

impl Reserved {
    /// Some port on loopback.
    pub fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).expect("a port");
        let address = socket.local_addr().unwrap();
        Reserved { socket, address }
    }

    fn listen(self) -> TcpListener {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
        let _inside = runtime.enter();
        let listener = self.socket.listen(128).expect("the port is ours").into_std().unwrap();
        listener.set_nonblocking(false).unwrap();
        listener
    }
}

fn serve(inner: &Inner, stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().expect("a handle"));
    let mut writer = stream;
    while let Some(got) = read(&mut reader) {
        let before = {
            let mut all = inner.got.lock().unwrap();
            all.push(got.clone());
            all.len() - 1
        };
        let reply = (inner.manners.lock().unwrap())(&got, before);
        let (status, headers, body) = match reply {
            Reply::Answer(status, headers, body) => (status, headers, body),
            Reply::After(pause, status) => {
                thread::sleep(pause);
                (status, String::new(), String::new())
            }
            Reply::Cut => {
                let _ = writer.shutdown(Shutdown::Both);
                return;
            }
            Reply::Never => {
                // Until the other side has had enough.
                let _ = reader.read(&mut [0]);
                return;
            }
        };
        let answer = format!("HTTP/1.1 {status} It\r\n{headers}content-length: {}\r\n\r\n{body}", body.len());
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// Reads a request.
pub fn read(reader: &mut impl BufRead) -> Option<Got> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|&n| n > 0)?;
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok().filter(|&n| n > 0)?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    Some(Got { at: Instant::now(), line, headers, body })
}
