//! The operations listener (contract 13): metrics, health, readiness, reload and resume.
//!
//! It has no sign-in and listens on the local host by default; nothing it serves holds personal data. A request with an
//! `Origin`, which is how a browser marks one that a foreign page sends, is refused.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;

use crate::lifecycle::{Readiness, Stop};
use crate::metrics::Metrics;

/// The format of the exposition.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How long open connections may go on after the process was asked to stop.
const LINGER: Duration = Duration::from_secs(2);

/// Something an operator can ask for; it says what it did, or why it did not. It may block.
pub type Command = Arc<dyn Fn() -> Result<String, String> + Send + Sync>;

/// What the listener serves.
#[derive(Clone)]
pub struct Operations {
    /// For `/metrics`.
    pub metrics: Metrics,
    /// For `/-/ready`.
    pub readiness: Readiness,
    /// For `/-/reload`: reads rules and directory anew; where they are bad the old ones stay.
    pub reload: Command,
    /// For `/-/resume`: takes up feeds that were paused because of their dead letters.
    pub resume: Command,
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody else listens there.
    #[error("{key} = {address}: in use; another instance may be running here, or give this one an address of its own")]
    InUse {
        /// The configuration key.
        key: &'static str,
        /// The address.
        address: SocketAddr,
    },
    /// Any other reason.
    #[error("{key} = {address}: cannot listen there: {source}")]
    Other {
        /// The configuration key.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}

/// Listens on the address that `key` of the configuration gives.
///
/// # Errors
/// When that is not possible.
pub async fn bind(key: &'static str, address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse { key, address },
        _ => BindError::Other { key, address, source },
    })
}

/// Serves until the process is to stop; connections that are still busy then have two seconds.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: TcpListener, operations: Operations, stop: Stop) -> io::Result<()> {
    let graceful = {
        let stop = stop.clone();
        async move { stop.requested().await }
    };
    let server = axum::serve(listener, router(operations)).with_graceful_shutdown(graceful).into_future();
    let overdue = async {
        stop.requested().await;
        tokio::time::sleep(LINGER).await;
    };
    tokio::select! {
        result = server => result,
        () = overdue => Ok(()),
    }
}

fn router(operations: Operations) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/-/healthy", get(healthy))
        .route("/-/ready", get(ready))
        .route("/-/reload", post(reload))
        .route("/-/resume", post(resume))
        .layer(middleware::from_fn(refuse_foreign_pages))
        .with_state(operations)
}

async fn refuse_foreign_pages(request: Request, next: Next) -> Response {
    if request.headers().contains_key(header::ORIGIN) {
        return text(StatusCode::FORBIDDEN, "not for web pages");
    }
    next.run(request).await
}

async fn metrics(State(operations): State<Operations>) -> Response {
    match operations.metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, METRICS_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be served");
            text(StatusCode::INTERNAL_SERVER_ERROR, error)
        }
    }
}

async fn healthy() -> Response {
    text(StatusCode::OK, "alive")
}

async fn ready(State(operations): State<Operations>) -> Response {
    match operations.readiness.check() {
        Ok(()) => text(StatusCode::OK, "ready"),
        Err(missing) => text(StatusCode::SERVICE_UNAVAILABLE, format!("not ready\n{missing}")),
    }
}

async fn reload(State(operations): State<Operations>) -> Response {
    run(operations.reload).await
}

async fn resume(State(operations): State<Operations>) -> Response {
    run(operations.resume).await
}

async fn run(command: Command) -> Response {
    match spawn_blocking(move || command()).await {
        Ok(Ok(report)) => text(StatusCode::OK, report),
        Ok(Err(reason)) => text(StatusCode::UNPROCESSABLE_ENTITY, reason),
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "it failed; the log says where"),
    }
}

fn text(status: StatusCode, body: impl std::fmt::Display) -> Response {
    (status, format!("{body}\n")).into_response()
}
