//! Three brokers and the network in front of them, one set for all trials of a process.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::proxy::Proxy;
use crate::support::broker::{Cluster, START};

/// The brokers and the relays in front of them.
pub struct Arena {
    pub cluster: Cluster,
    pub proxies: Vec<Proxy>,
}

impl Arena {
    /// The arena, for one trial at a time.
    pub fn enter() -> MutexGuard<'static, Arena> {
        static ARENA: OnceLock<Mutex<Arena>> = OnceLock::new();
        let arena = ARENA.get_or_init(|| {
            let cluster = Cluster::start_with_doors(3);
            let proxies = cluster.doors().into_iter().map(|(id, back, front)| Proxy::start(id, back, front)).collect();
            Mutex::new(Arena { cluster, proxies })
        });
        let arena = arena.lock().unwrap_or_else(PoisonError::into_inner);
        arena.heal();
        arena
    }

    /// Everything serves and passes again, whatever was broken.
    pub fn heal(&self) {
        self.proxies.iter().for_each(Proxy::heal);
        self.cluster.revive();
        self.cluster.wait_ready(START);
    }

    /// Addresses of the brokers behind the relays.
    pub fn through_proxies(&self) -> String {
        let fronts = self.cluster.doors().into_iter().map(|(.., front)| format!("127.0.0.1:{front}"));
        fronts.collect::<Vec<_>>().join(",")
    }
}
