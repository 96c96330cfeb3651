//! The client's side of a connection.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use harmony_stream::{Kind, Reason, StreamError, Transmit};
use http::{HeaderMap, Method, request};

use crate::body::Body;
use crate::changed::Changed;
use crate::config::Config;
use crate::control::Peer;
use crate::error::ConnectionError;
use crate::line::Line;
use crate::link::{Link, OPEN};
use crate::outlet::Outlet;
use crate::proto::compose;
use crate::proto::control::Side;
use crate::proto::fault::Code;
use crate::proto::head::Protocol;
use crate::proto::settings::Settings;
pub use crate::response::RecvResponse;

/// Takes over `quic` after its handshake, and sends our SETTINGS. The second value drives the
/// connection and must be spawned or polled for as long as it is to live. It completes when the
/// connection has ended; it ends it itself, without a fault, when no [`Requester`] and no stream
/// is left, and when the server is going away and the last stream has ended.
pub fn connect(
    quic: quinn::Connection,
    config: Config,
) -> (
    Requester,
    impl Future<Output = ConnectionError> + Send + 'static,
) {
    let link = Link::new(quic, config, Side::Client);
    let requester = Requester {
        handle: Arc::new(Handle { link: link.clone() }),
    };
    (requester, drive(link))
}

async fn drive(link: Arc<Link>) -> ConnectionError {
    if !link.started() {
        match link.quic.open_uni().await {
            Ok(stream) => link.start(stream),
            Err(error) => return link.lost(error),
        }
    }
    let mut peer = Peer::new(&link);
    let mut changed = Changed::new(&link);
    let mut bi = pin!(link.quic.accept_bi());
    poll_fn(|cx| {
        changed.watch(cx);
        if let Poll::Ready(error) = peer.poll(cx, &link) {
            return Poll::Ready(error);
        }
        match bi.as_mut().poll(cx) {
            Poll::Pending => {}
            // RFC 9114 section 6.1.
            Poll::Ready(Ok(_)) => {
                return Poll::Ready(link.close(
                    Code::STREAM_CREATION_ERROR,
                    "bidirectional stream from a server",
                ));
            }
            Poll::Ready(Err(error)) => return Poll::Ready(link.lost(error)),
        }
        if link.idle() && (link.abandoned() || link.refused() != OPEN) {
            return Poll::Ready(link.close(Code::NO_ERROR, "done"));
        }
        Poll::Pending
    })
    .await
}

/// Opens streams on one connection. Clones share it.
#[derive(Clone)]
pub struct Requester {
    handle: Arc<Handle>,
}

struct Handle {
    link: Arc<Link>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.link.abandon();
    }
}

impl Requester {
    /// A stream for one request, as soon as the server allows one more.
    /// [`Kind::Refused`] when the server is going away, or the connection has ended: nothing of
    /// the request was sent.
    pub async fn open(&self) -> Result<Pending, StreamError> {
        let link = &self.handle.link;
        let refused = || StreamError::new(Kind::Refused, "the connection takes no more requests");
        // Before the look at GOAWAY: the driver closes what is going away and idle.
        let entered = Entered::new(link);
        let mut changed = None;
        let mut bi = pin!(link.quic.open_bi());
        let opened = poll_fn(|cx| {
            if link.refused() != OPEN {
                return Poll::Ready(Err(refused()));
            }
            if let Poll::Ready(opened) = bi.as_mut().poll(cx) {
                return Poll::Ready(opened.map_err(|error| {
                    let error = link.lost(error).stream();
                    // Elsewhere, too, the certificate would not be accepted.
                    let kind = match error.kind {
                        Kind::Denied => Kind::Denied,
                        _ => Kind::Refused,
                    };
                    StreamError { kind, ..error }
                }));
            }
            changed.get_or_insert_with(|| Changed::new(link)).watch(cx);
            match link.refused() {
                OPEN => Poll::Pending,
                _ => Poll::Ready(Err(refused())),
            }
        });
        let (send, recv) = opened.await?;
        entered.keep();
        let line = Line::new(link.clone(), recv);
        Ok(Pending {
            body: Body::new(line.clone()),
            outlet: Outlet::new(line, send),
        })
    }

    /// False when no request can be sent any more.
    pub fn is_open(&self) -> bool {
        let link = &self.handle.link;
        link.refused() == OPEN && link.quic.close_reason().is_none()
    }

    /// RFC 9220 section 3: whether the server's SETTINGS allow extended CONNECT. False until
    /// they came.
    pub fn extended_connect(&self) -> bool {
        let settings = self.handle.link.settings();
        settings.is_some_and(|settings| settings.extended_connect)
    }

    /// The server's SETTINGS, once they are there; an error when the connection ends before.
    pub async fn settings(&self) -> Result<Settings, StreamError> {
        let link = &self.handle.link;
        let mut changed = Changed::new(link);
        let mut closed = pin!(link.quic.closed());
        poll_fn(|cx| {
            changed.watch(cx);
            if let Some(settings) = link.settings() {
                return Poll::Ready(Ok(settings));
            }
            closed
                .as_mut()
                .poll(cx)
                .map(|error| Err(link.lost(error).stream()))
        })
        .await
    }

    pub fn quic(&self) -> &quinn::Connection {
        &self.handle.link.quic
    }
}

/// A stream that counts although nothing holds it yet.
struct Entered<'a> {
    link: &'a Link,
    kept: bool,
}

impl<'a> Entered<'a> {
    fn new(link: &'a Link) -> Self {
        link.enter();
        Self { link, kept: false }
    }

    /// Whoever takes the stream leaves for it.
    fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if !self.kept {
            self.link.leave();
        }
    }
}

/// A stream on which nothing was sent. Dropped, it is cancelled.
pub struct Pending {
    body: Body,
    outlet: Outlet,
}

impl Pending {
    /// The stream's id (RFC 9000 section 2.1).
    pub fn id(&self) -> u64 {
        self.outlet.line().id
    }

    /// Queues the request's head; content's first piece goes with it, or `poll_flush` sends it.
    /// With `end` there is no content, and the request is ended at once if that needs no
    /// waiting; `poll_finish` makes sure.
    ///
    /// [`Kind::Refused`] when the server went away in the meantime, [`Kind::Limit`] when the
    /// head is larger than the server takes, [`Kind::Protocol`] for a head that cannot be sent.
    pub fn send(
        self,
        parts: &request::Parts,
        end: bool,
    ) -> Result<(SendBody, RecvResponse), StreamError> {
        let Self { body, mut outlet } = self;
        let link = body.line().link.clone();
        if let Some(error) = link.refusal(body.line().id) {
            return Err(error);
        }
        // RFC 8441 section 3, by RFC 9220 section 3.
        let extended = parts.extensions.get::<Protocol>().is_some();
        if extended
            && !link
                .settings()
                .is_some_and(|settings| settings.extended_connect)
        {
            return Err(StreamError::new(
                Kind::Protocol,
                "the server does not offer extended connect",
            ));
        }
        outlet.queue(|max, out| compose::request(parts, max, out))?;
        let connect = parts.method == Method::CONNECT;
        outlet.owe(match connect {
            true => None,
            false => compose::declared(&parts.headers),
        });
        if end {
            outlet.try_finish()?;
        }
        Ok((SendBody { outlet }, RecvResponse::new(body, &parts.method)))
    }
}

/// A request's content.
///
/// Dropped before its end, it resets the stream with H3_REQUEST_CANCELLED.
pub struct SendBody {
    outlet: Outlet,
}

impl Transmit for SendBody {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        self.outlet.poll_ready(cx)
    }

    fn send_data(&mut self, data: Bytes) -> Result<(), StreamError> {
        self.outlet.send_data(data)
    }

    fn send_trailers(&mut self, trailers: HeaderMap) -> Result<(), StreamError> {
        self.outlet.send_trailers(&trailers)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        self.outlet.poll_flush(cx)
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        self.outlet.poll_finish(cx)
    }

    fn reset(&mut self, reason: Reason) {
        self.outlet.reset(reason);
    }

    /// A server that needs no more of a request stops it with H3_NO_ERROR (RFC 9114 section
    /// 4.1): that too shows here, and its response is to be read nevertheless.
    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        self.outlet.poll_closed(cx)
    }
}
