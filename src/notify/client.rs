//! Sends requests, and keeps them away from addresses that are not allowed. Follows no redirect and no proxy of the
//! environment.

use std::error::Error as StdError;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use std::{io, vec};

use chrono::Utc;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower_service::Service;

use super::address::{self, is_private};
use super::{Answer, Request, Verdict, judge, needs_body};
use crate::config::DestinationConfig;
use crate::core::notification::DeliveryReason;

/// As much of an answer as is looked at, bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// How long the rest of an answer nobody needs is waited for, so that its connection can be used again.
const DRAIN: Duration = Duration::from_millis(100);

/// How long an unused connection is kept: below the usual patience of servers, so that a request seldom meets one that
/// is being closed.
const KEEP_IDLE: Duration = Duration::from_secs(20);

/// Sends the requests of one destination.
pub struct HttpClient {
    transport: Transport,
    allow_private: bool,
    timeout: Duration,
}

enum Transport {
    Plain(Client<HttpConnector<Guarded>, Full<Bytes>>),
    Tls(Client<HttpsConnector<HttpConnector<Guarded>>, Full<Bytes>>),
}

impl HttpClient {
    /// A client for a destination.
    ///
    /// # Errors
    /// When it is spoken to over TLS and this machine has no root certificates.
    pub fn new(destination: &DestinationConfig) -> io::Result<Self> {
        let resolver = Guarded { inner: GaiResolver::new(), allow_private: destination.allow_private };
        let mut connector = HttpConnector::new_with_resolver(resolver);
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(destination.timeout));
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new()).pool_idle_timeout(KEEP_IDLE);
        let transport = if destination.url.starts_with("https:") {
            let tls = HttpsConnectorBuilder::new().with_native_roots()?.https_only().enable_http1();
            Transport::Tls(builder.build(tls.wrap_connector(connector)))
        } else {
            Transport::Plain(builder.build(connector))
        };
        Ok(HttpClient { transport, allow_private: destination.allow_private, timeout: destination.timeout })
    }

    /// Sends a request once and judges what came of it.
    pub async fn attempt(&self, destination: &DestinationConfig, request: Request) -> Verdict {
        let request = match self.prepare(destination, request) {
            Ok(request) => request,
            Err(reason) => return Verdict::Refused(reason),
        };
        match tokio::time::timeout(self.timeout, self.exchange(destination, request)).await {
            Ok(verdict) => verdict,
            Err(_) => Verdict::Retry { reason: DeliveryReason::TimeOut, after: None },
        }
    }

    fn prepare(
        &self,
        destination: &DestinationConfig,
        request: Request,
    ) -> Result<hyper::Request<Full<Bytes>>, DeliveryReason> {
        let method = if request.post { Method::POST } else { Method::GET };
        let mut built = hyper::Request::builder()
            .method(method)
            .uri(request.url)
            .header(USER_AGENT, concat!("golden-bell/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(Bytes::from(request.body)))
            .map_err(|_| DeliveryReason::NoAddress)?;
        // The resolver never sees a host that is written as an address.
        let literal = built.uri().host().and_then(address::literal);
        if !self.allow_private && literal.is_some_and(is_private) {
            return Err(DeliveryReason::PrivateAddress);
        }
        let own = request.headers.iter().map(|(name, value)| (*name, value.as_str()));
        for (name, value) in destination.headers.iter().chain(own) {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| DeliveryReason::Refused)?;
            let value = HeaderValue::from_str(value).map_err(|_| DeliveryReason::Refused)?;
            built.headers_mut().insert(name, value);
        }
        Ok(built)
    }

    async fn exchange(&self, destination: &DestinationConfig, request: hyper::Request<Full<Bytes>>) -> Verdict {
        let sent = match &self.transport {
            Transport::Plain(client) => client.request(request).await,
            Transport::Tls(client) => client.request(request).await,
        };
        let response = match sent {
            Ok(response) => response,
            Err(error) if is_guarded(&error) => return Verdict::Refused(DeliveryReason::PrivateAddress),
            Err(error) => {
                tracing::debug!(error = tag(&error), "a receiver could not be spoken to");
                return Verdict::Retry { reason: DeliveryReason::Connection, after: None };
            }
        };
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = if needs_body(destination.kind) && (200..300).contains(&status) {
            match read(response).await {
                Some(body) => body,
                None => return Verdict::Retry { reason: DeliveryReason::Connection, after: None },
            }
        } else {
            let _ = tokio::time::timeout(DRAIN, read(response)).await;
            Bytes::new()
        };
        judge(destination, &Answer { status, retry_after: retry_after.as_deref(), body: &body }, Utc::now())
    }
}

/// The body, where all of it comes and it is not longer than anybody could mean it to be.
async fn read(response: Response<Incoming>) -> Option<Bytes> {
    let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await.ok()?;
    Some(body.to_bytes())
}

fn tag(error: &ClientError) -> &'static str {
    if error.is_connect() { "connect" } else { "exchange" }
}

fn is_guarded(error: &ClientError) -> bool {
    let mut cause: Option<&(dyn StdError + 'static)> = error.source();
    while let Some(error) = cause {
        if error.is::<PrivateAddress>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// A name that leads to private addresses only.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to a private address")]
struct PrivateAddress;

type BoxError = Box<dyn StdError + Send + Sync>;

/// Resolves names as the system does, and leaves out what is private: checked where the connection is made, so that a
/// name cannot mean one thing when it is checked and another when it is used.
#[derive(Clone)]
struct Guarded {
    inner: GaiResolver,
    allow_private: bool,
}

impl Service<Name> for Guarded {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (resolving, allow_private) = (self.inner.call(name), self.allow_private);
        Box::pin(async move {
            let found: Vec<SocketAddr> = resolving.await?.collect();
            let open: Vec<SocketAddr> =
                found.iter().copied().filter(|address| allow_private || !is_private(address.ip())).collect();
            if open.is_empty() && !found.is_empty() {
                return Err(PrivateAddress.into());
            }
            Ok(open.into_iter())
        })
    }
}
