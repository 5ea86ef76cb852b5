//! A bad network between the program and one broker: a relay on loopback that can hold what goes one way or both, cut
//! connections, be slow, and lose packets.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use rand::Rng;

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    ToBroker,
    ToClient,
    Both,
}

/// The relay in front of one broker.
pub struct Proxy {
    /// Node id of the broker.
    pub id: i32,
    link: Arc<Link>,
}

#[derive(Default)]
struct Link {
    hold_to_broker: AtomicBool,
    hold_to_client: AtomicBool,
    /// Connections made before this number was reached are dead.
    cut: AtomicU64,
    delay_ms: AtomicU64,
    /// Of 1,000 chunks, how many are lost on their way.
    lost_per_mille: AtomicU64,
    /// How many chunks had to be sent again.
    lost: AtomicU64,
    /// How many chunks passed.
    passed: AtomicU64,
    /// How many chunks had to wait for the end of a hold.
    held: AtomicU64,
}

/// What a sender waits before it sends again what was not acknowledged, at first: the least Linux takes (RFC 6298 says
/// a second). Doubled each time.
const RETRANSMISSION: Duration = Duration::from_millis(200);

/// The most times one chunk is lost: 200 ms doubled six times are 25 s, by when a connection has been given up.
const MOST_LOSSES: u32 = 7;

impl Proxy {
    /// Stands at `front` and passes on to `back`.
    pub fn start(id: i32, back: u16, front: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, front)).expect("the port is reserved");
        let link = Arc::new(Link::default());
        let theirs = Arc::clone(&link);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                theirs.connect(client, back);
            }
        });
        Self { id, link }
    }

    /// Holds back what goes this way: nothing is lost, and nothing comes through before [`Proxy::heal`]. So it looks
    /// from both ends while packets are dropped; what was on its way arrives late, as with TCP.
    pub fn hold(&self, way: Way) {
        self.link.hold_to_broker.store(way != Way::ToClient, Ordering::SeqCst);
        self.link.hold_to_client.store(way != Way::ToBroker, Ordering::SeqCst);
    }

    /// Breaks every connection there is; what was on its way is lost.
    pub fn cut(&self) {
        self.link.cut.fetch_add(1, Ordering::SeqCst);
    }

    /// Every chunk takes this long, give or take a quarter, one way.
    pub fn slow(&self, delay: Duration) {
        self.link.delay_ms.store(delay.as_millis() as u64, Ordering::SeqCst);
    }

    /// Of 1,000 chunks each way, this many are lost, also of those sent again. An end of a TCP connection sees of that
    /// only this: what was lost comes a retransmission time-out later, and everything behind it waits.
    pub fn lose(&self, per_mille: u64) {
        self.link.lost_per_mille.store(per_mille, Ordering::SeqCst);
    }

    /// Chunks that were lost so far, each time counted.
    pub fn lost(&self) -> u64 {
        self.link.lost.load(Ordering::SeqCst)
    }

    /// Lets everything pass again.
    pub fn heal(&self) {
        self.slow(Duration::ZERO);
        self.lose(0);
        self.link.hold_to_broker.store(false, Ordering::SeqCst);
        self.link.hold_to_client.store(false, Ordering::SeqCst);
    }

    /// Chunks that passed so far, and those of them that were held up.
    pub fn counts(&self) -> (u64, u64) {
        (self.link.passed.load(Ordering::SeqCst), self.link.held.load(Ordering::SeqCst))
    }
}

impl Link {
    fn connect(self: &Arc<Self>, client: TcpStream, back: u16) {
        let Ok(broker) = TcpStream::connect((Ipv4Addr::LOCALHOST, back)) else {
            // As if nobody listened: the client hears of it at once.
            let _ = client.shutdown(Shutdown::Both);
            return;
        };
        let _ = (client.set_nodelay(true), broker.set_nodelay(true));
        let (Ok(client_too), Ok(broker_too)) = (client.try_clone(), broker.try_clone()) else { return };
        let cut = self.cut.load(Ordering::SeqCst);
        self.relay(client, broker, true, cut);
        self.relay(broker_too, client_too, false, cut);
    }

    fn relay(self: &Arc<Self>, mut from: TcpStream, to: TcpStream, to_broker: bool, cut: u64) {
        let (sender, chunks) = sync_channel::<(Instant, Vec<u8>)>(256);
        let link = Arc::clone(self);
        thread::spawn(move || link.deliver(to, &chunks, to_broker, cut));
        let link = Arc::clone(self);
        thread::spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            let _ = from.set_read_timeout(Some(Duration::from_millis(100)));
            loop {
                if link.cut.load(Ordering::SeqCst) != cut {
                    break;
                }
                match from.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(read) => {
                        let due = Instant::now() + link.delay();
                        if sender.send((due, buffer[..read].to_vec())).is_err() {
                            break;
                        }
                    }
                    Err(error) if is_time_out(&error) => {}
                    Err(_) => break,
                }
            }
            let _ = from.shutdown(Shutdown::Read);
        });
    }

    /// How long a chunk is on its way.
    fn delay(&self) -> Duration {
        let mean = self.delay_ms.load(Ordering::SeqCst);
        Duration::from_millis(if mean == 0 { 0 } else { rand::rng().random_range(mean * 3 / 4..=mean * 5 / 4) })
    }

    /// How long a chunk comes late because it was lost, perhaps more than once.
    fn retransmission(&self) -> Duration {
        let lost = self.lost_per_mille.load(Ordering::SeqCst);
        if lost == 0 {
            return Duration::ZERO;
        }
        let times = (0..MOST_LOSSES).take_while(|_| rand::rng().random_range(0..1_000) < lost).count() as u32;
        self.lost.fetch_add(u64::from(times), Ordering::SeqCst);
        // 200 ms, then 400 more, then 800 more.
        RETRANSMISSION * ((1 << times) - 1)
    }

    fn deliver(&self, mut to: TcpStream, chunks: &Receiver<(Instant, Vec<u8>)>, to_broker: bool, cut: u64) {
        let hold = if to_broker { &self.hold_to_broker } else { &self.hold_to_client };
        while let Ok((due, chunk)) = chunks.recv() {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            thread::sleep(self.retransmission());
            let mut held = false;
            while hold.load(Ordering::SeqCst) && self.cut.load(Ordering::SeqCst) == cut {
                held = true;
                thread::sleep(Duration::from_millis(5));
            }
            if self.cut.load(Ordering::SeqCst) != cut || to.write_all(&chunk).is_err() {
                break;
            }
            self.passed.fetch_add(1, Ordering::SeqCst);
            self.held.fetch_add(u64::from(held), Ordering::SeqCst);
        }
        let _ = to.shutdown(Shutdown::Both);
    }
}

fn is_time_out(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}
