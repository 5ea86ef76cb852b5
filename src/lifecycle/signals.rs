//! Signals of the operating system, as channels, so that tests can send their own.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// Names of SIGTERM and SIGINT as they come in. Must be called in a runtime.
///
/// # Errors
/// When a handler cannot be installed.
pub fn termination() -> io::Result<mpsc::Receiver<&'static str>> {
    let (sender, receiver) = mpsc::channel(4);
    forward(signal(SignalKind::terminate())?, "SIGTERM", sender.clone());
    forward(signal(SignalKind::interrupt())?, "SIGINT", sender);
    Ok(receiver)
}

/// SIGHUPs as they come in: reload. Must be called in a runtime.
///
/// # Errors
/// When the handler cannot be installed.
pub fn hangups() -> io::Result<mpsc::Receiver<&'static str>> {
    let (sender, receiver) = mpsc::channel(1);
    forward(signal(SignalKind::hangup())?, "SIGHUP", sender);
    Ok(receiver)
}

fn forward(mut signals: Signal, name: &'static str, sender: mpsc::Sender<&'static str>) {
    tokio::spawn(async move {
        while signals.recv().await.is_some() {
            // Full means that nobody has looked at the ones before yet; one more would tell nothing new.
            if let Err(mpsc::error::TrySendError::Closed(_)) = sender.try_send(name) {
                return;
            }
        }
    });
}
