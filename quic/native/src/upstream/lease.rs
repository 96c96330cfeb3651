//! A connection, or a stream's worth of one, in the hands of one exchange.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use harmony_http1::client as http1;
use harmony_http3::Protocol as Http3Protocol;
use harmony_stream::{Kind, StreamError};
use http::header::{HOST, HeaderMap, HeaderValue, UPGRADE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Request, Uri, Version, request};

use super::Upstream;
use super::acquire::Opened;
use super::halves::{Inbound, Receiver, Sender};
use super::pool::Grant;
use super::share::{Link, Share, Solo};
use crate::io::Io;

pub use harmony_http1::BodyLength;

/// A request's head, in words of no protocol.
#[derive(Clone, Debug)]
pub struct Head {
    pub method: Method,
    /// Instead of the origin's own.
    pub authority: Option<String>,
    /// Path and query byte for byte, or "*".
    pub target: String,
    /// End-to-end fields, without Host.
    pub headers: HeaderMap,
    /// The protocol to change to; sent as the connection's own protocol has it.
    pub upgrade: Option<String>,
}

/// Leave to send one request. Dropped unused, the connection goes back to the pool.
pub struct Lease {
    /// 11, 20 or 30.
    pub protocol: u8,
    pub remote: SocketAddr,
    /// An exchange used the connection before.
    pub reused: bool,
    grant: Option<Grant<Solo, Share>>,
    /// Over HTTP/3.
    opened: Option<Opened>,
    upstream: Arc<Upstream>,
}

impl Lease {
    pub(super) fn new(
        upstream: &Arc<Upstream>,
        grant: Grant<Solo, Share>,
        opened: Option<Opened>,
    ) -> Self {
        let (protocol, remote, reused) = match &grant {
            Grant::Solo { solo, used } => (11, solo.remote, *used),
            Grant::Stream { share, used, .. } => (share.protocol(), share.remote, *used),
        };
        Self {
            protocol,
            remote,
            reused,
            grant: Some(grant),
            opened,
            upstream: Arc::clone(upstream),
        }
    }

    /// Queues the head. Over HTTP/1.1 nothing is written yet: the halves' polls do that. `head` is
    /// as before afterwards, so that it can be sent again.
    ///
    /// `Kind::Refused` when the peer processed nothing; `Kind::Protocol` when the head cannot be
    /// sent in this protocol.
    pub async fn send(
        mut self,
        head: &mut Head,
        body: BodyLength,
    ) -> Result<(Sender, Receiver), StreamError> {
        match self.grant.take() {
            Some(Grant::Solo { solo, .. }) => {
                // Before anything can fail, so that the place in the pool is freed.
                let token = Token::Solo(SoloToken {
                    upstream: Some(Arc::clone(&self.upstream)),
                    remote: solo.remote,
                });
                let (sender, receiver) = self.send_http1(solo.connection, head, body)?;
                Ok((
                    Sender::H1(sender),
                    Receiver::new(Inbound::H1(receiver), token),
                ))
            }
            // Rarely taken at once, and large: kept out of the futures that hold this one.
            Some(Grant::Stream { share, id, .. }) => {
                let opened = self.opened.take();
                Box::pin(self.send_stream(share, id, opened, head, body)).await
            }
            None => Err(StreamError::new(Kind::Closed, "the lease was used before")),
        }
    }

    async fn send_stream(
        &self,
        share: Share,
        id: u64,
        opened: Option<Opened>,
        head: &mut Head,
        body: BodyLength,
    ) -> Result<(Sender, Receiver), StreamError> {
        let upstream = Arc::clone(&self.upstream);
        let token = Token::Stream(StreamToken {
            upstream,
            share: share.clone(),
            id,
        });
        let end = body == BodyLength::Empty && head.upgrade.is_none();
        let (sender, receiver) = match &share.link {
            Link::Http2(requester) => {
                let mut requester = requester.ready().await?;
                let mut parts = self.parts(head, Version::HTTP_2)?;
                if let Some(protocol) = &head.upgrade {
                    let protocol = h2::ext::Protocol::from(protocol.as_str());
                    parts.extensions.insert(protocol);
                }
                parts.headers = with_length(head.headers.clone(), body);
                let (sender, receiver) = requester.send(parts, end)?;
                (Sender::H2(sender), Inbound::H2(receiver))
            }
            Link::Http3(_) => {
                let mut parts = self.parts(head, Version::HTTP_3)?;
                let pending = opened.ok_or_else(|| {
                    // `acquire` makes no lease without.
                    StreamError::new(Kind::Closed, "no stream was opened")
                })??;
                if let Some(protocol) = &head.upgrade {
                    parts
                        .extensions
                        .insert(Http3Protocol::new(protocol.as_str()));
                }
                parts.headers = with_length(std::mem::take(&mut head.headers), body);
                let sent = pending.send(&parts, end);
                head.headers = parts.headers;
                let (sender, receiver) = sent?;
                (
                    Sender::H3(Box::new(sender)),
                    Inbound::H3(Box::new(receiver)),
                )
            }
        };
        Ok((sender, Receiver::new(receiver, token)))
    }

    fn send_http1(
        &self,
        connection: http1::Connection<Io>,
        head: &mut Head,
        body: BodyLength,
    ) -> Result<(http1::SendBody<Io>, http1::RecvResponse<Io>), StreamError> {
        let host = match &head.authority {
            Some(authority) => HeaderValue::from_str(authority).map_err(|_| bad("authority"))?,
            None => self.upstream.host.clone(),
        };
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.method = match head.upgrade {
            // What an extended CONNECT is in HTTP/1.1 (RFC 8441 5).
            Some(_) if head.method == Method::CONNECT => Method::GET,
            _ => head.method.clone(),
        };
        let upgrade = match &head.upgrade {
            Some(protocol) => Some(HeaderValue::from_str(protocol).map_err(|_| bad("upgrade"))?),
            None => None,
        };
        parts.headers = std::mem::take(&mut head.headers);
        parts.headers.insert(HOST, host);
        if let Some(protocol) = upgrade {
            // `connection: upgrade` is the codec's to add.
            parts.headers.insert(UPGRADE, protocol);
        }
        let sent = connection.send(&parts, head.target.as_bytes(), body);
        parts.headers.remove(HOST);
        parts.headers.remove(UPGRADE);
        head.headers = parts.headers;
        Ok(sent)
    }

    /// All but the fields.
    fn parts(&self, head: &Head, version: Version) -> Result<request::Parts, StreamError> {
        let path = PathAndQuery::try_from(head.target.as_str()).map_err(|_| bad("target"))?;
        // `http` cuts off a fragment, which has no place in a target, without a word.
        if path.as_str() != head.target {
            return Err(bad("target"));
        }
        let mut uri = http::uri::Parts::default();
        uri.scheme = Some(match self.upstream.origin.tls {
            true => Scheme::HTTPS,
            false => Scheme::HTTP,
        });
        uri.authority = Some(match &head.authority {
            Some(authority) => {
                Authority::try_from(authority.as_str()).map_err(|_| bad("authority"))?
            }
            None => self.upstream.origin.authority.clone(),
        });
        uri.path_and_query = Some(path);
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.uri = Uri::from_parts(uri).map_err(|_| bad("target"))?;
        parts.version = version;
        parts.method = match head.upgrade {
            Some(_) => Method::CONNECT,
            None => head.method.clone(),
        };
        Ok(parts)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(grant) = self.grant.take() {
            let now = Instant::now();
            self.upstream
                .with(|pool, fx| pool.give_back(grant, now, fx));
        }
    }
}

fn bad(what: &str) -> StreamError {
    let detail = format!("the {what} cannot be sent in this protocol");
    StreamError::new(Kind::Protocol, detail)
}

/// RFC 9113 8.1.1, RFC 9114 4.1.2: a length that is known is worth sending. An unknown one must
/// not be claimed.
fn with_length(mut headers: HeaderMap, body: BodyLength) -> HeaderMap {
    if let BodyLength::Length(length) = body {
        headers.insert(http::header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    headers
}

/// The exchange's place in the pool, freed when dropped.
pub(super) enum Token {
    Solo(SoloToken),
    Stream(StreamToken),
}

pub(super) struct SoloToken {
    upstream: Option<Arc<Upstream>>,
    remote: SocketAddr,
}

pub(super) struct StreamToken {
    upstream: Arc<Upstream>,
    share: Share,
    id: u64,
}

impl Token {
    /// The connection can carry another exchange.
    pub fn put_back(mut self, connection: http1::Connection<Io>) {
        if let Token::Solo(token) = &mut self
            && let Some(upstream) = token.upstream.take()
        {
            let solo = Solo {
                connection,
                remote: token.remote,
            };
            let now = Instant::now();
            upstream.with(|pool, fx| pool.put_back(solo, true, now, fx));
        }
    }

    /// Something of the answer came.
    pub fn moved(&self) {
        if let Token::Stream(token) = self {
            token.share.moves();
        }
    }

    /// The request failed.
    pub fn failed(&self, kind: Kind) {
        if let Token::Stream(token) = self
            && matches!(kind, Kind::Refused | Kind::Closed)
        {
            token.share.suspect();
        }
    }
}

impl Drop for SoloToken {
    fn drop(&mut self) {
        if let Some(upstream) = self.upstream.take() {
            upstream.count(|stats| stats.open_upstream_http1.down());
            upstream.with(|pool, fx| pool.lost(fx));
        }
    }
}

impl Drop for StreamToken {
    fn drop(&mut self) {
        let now = Instant::now();
        self.upstream
            .with(|pool, fx| pool.released(self.id, now, fx));
    }
}
