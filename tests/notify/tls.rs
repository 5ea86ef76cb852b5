//! Destinations behind TLS: who is believed, and that nothing is told to anybody else.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use super::receiver::{Got, Receiver, read};
use super::sample::{SECRETS, json_of};
use super::stage::{Stage, ended, id_of};
use super::support::broker::broker_or_skip;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tls");

/// A receiver that shows a certificate.
struct Sealed {
    address: SocketAddr,
    heard: Arc<Mutex<Heard>>,
}

#[derive(Default)]
struct Heard {
    /// Requests that came through.
    got: Vec<Got>,
    /// The first byte of every connection.
    first: Vec<u8>,
}

impl Sealed {
    fn showing(certificate: &str) -> Self {
        let chain = vec![CertificateDer::from_pem_file(format!("{FIXTURES}/{certificate}")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(format!("{FIXTURES}/server.key")).unwrap();
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
        let (config, heard) = (Arc::new(config), Arc::<Mutex<Heard>>::default());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let sealed = Sealed { address: listener.local_addr().unwrap(), heard: Arc::clone(&heard) };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, heard) = (Arc::clone(&config), Arc::clone(&heard));
                thread::spawn(move || serve(stream, config, &heard));
            }
        });
        sealed
    }

    fn got(&self) -> Vec<Got> {
        self.heard.lock().unwrap().got.clone()
    }

    /// How many connections there were, all of which must have begun with the handshake of TLS.
    fn connections(&self) -> usize {
        const HANDSHAKE: u8 = 0x16;
        let heard = self.heard.lock().unwrap();
        assert!(heard.first.iter().all(|first| *first == HANDSHAKE), "something came in the clear");
        heard.first.len()
    }
}

fn serve(stream: TcpStream, config: Arc<ServerConfig>, heard: &Mutex<Heard>) {
    let mut first = [0];
    if stream.peek(&mut first).is_ok_and(|n| n == 1) {
        heard.lock().unwrap().first.push(first[0]);
    }
    let mut reader = BufReader::new(StreamOwned::new(ServerConnection::new(config).unwrap(), stream));
    while let Some(got) = read(&mut reader) {
        heard.lock().unwrap().got.push(got);
        if reader.get_mut().write_all(b"HTTP/1.1 200 It\r\ncontent-length: 0\r\n\r\n").is_err() {
            return;
        }
    }
}

fn webhook(address: SocketAddr) -> String {
    format!(
        "kind = \"webhook\"\nurl = \"https://localhost:{}/hook\"\nsecret = \"{}\"\nretry_from = \"100ms\"\n\
         retry_up_to = \"1s\"\ngive_up_after = \"6s\"",
        address.port(),
        SECRETS[0]
    )
}

#[test]
fn a_receiver_is_told_only_behind_a_certificate_of_its_name_by_an_authority_that_is_trusted() {
    broker_or_skip!("that nothing is told to a receiver that is not who it says it is");
    let (good, stranger, misnamed) =
        (Sealed::showing("good.pem"), Sealed::showing("stranger.pem"), Sealed::showing("misnamed.pem"));
    let clear = Receiver::good();
    let destinations = [
        ("good", good.address),
        ("stranger", stranger.address),
        ("misnamed", misnamed.address),
        ("clear", clear.address),
    ];
    let lines: Vec<(&str, String)> = destinations.iter().map(|(name, address)| (*name, webhook(*address))).collect();
    let mut stage = Stage::new("tls", &lines);
    // Where the authorities of the system are looked for: one file, and a folder without any.
    let nothing = stage.setting.folder.display().to_string();
    for (variable, value) in [("SSL_CERT_FILE", format!("{FIXTURES}/authority.pem")), ("SSL_CERT_DIR", nothing)] {
        stage.stand.setting.environment.push((variable.to_owned(), value));
    }
    let instance = stage.start("tls", "notify");
    let all: Vec<Value> = destinations.iter().map(|(name, _)| json_of(name, &format!("c-{name}"), 1)).collect();
    stage.send(&all);
    let deliveries = stage.settled(&all);
    let end = |n: usize| ended(&deliveries, id_of(&all[n])).unwrap();
    assert_eq!((&end(0)["state"], &end(0)["reason"]), (&json!("delivered"), &Value::Null));
    assert_eq!(good.got().len(), 1);
    assert_eq!(good.got()[0].json()["data"]["notification_id"], id_of(&all[0]));
    assert_eq!(good.connections(), 1);
    for (n, (name, _)) in destinations.iter().enumerate().skip(1) {
        // A certificate may be mended while there is time.
        assert_eq!(deliveries[id_of(&all[n])][0]["state"], "failed_temp", "{name}");
        assert_eq!((&end(n)["state"], &end(n)["reason"]), (&json!("failed_perm"), &json!("connection")), "{name}");
        assert!(end(n)["attempts"].as_u64().unwrap() > 1, "{name}: {}", end(n));
    }
    for sealed in [&stranger, &misnamed] {
        assert!(sealed.connections() > 1, "it was never asked");
        assert!(sealed.got().is_empty(), "it was told");
    }
    assert!(clear.got().is_empty(), "it was told in the clear");
    assert!(instance.terminate(Duration::from_secs(15)).success());
}
