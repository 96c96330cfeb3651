//! The server's side of a connection.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use harmony_stream::{Frame, Kind, Reason, Receive, StreamError, Transmit};
use http::{HeaderMap, Method, StatusCode, request, response};
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;
use tokio::time::Sleep;

use crate::body::Body;
use crate::config::Config;
use crate::control::Peer;
use crate::error::{ConnectionError, wire};
use crate::line::Line;
use crate::link::Link;
use crate::outlet::Outlet;
use crate::proto::compose;
use crate::proto::control::Side;
use crate::proto::fault::{Code, Nature, Scope};
use crate::proto::head;
use crate::proto::message::Event;

/// One client's connection. [`Connection::accept`] must be polled for as long as the connection
/// is to live: it also reads the client's control stream.
pub struct Connection {
    link: Arc<Link>,
    peer: Peer,
    /// The next request's stream.
    next: u64,
    drain: Option<Drain>,
}

/// A connection that takes no more requests.
struct Drain {
    changed: Changed,
    /// Until the client has heard of it, surely: closing sooner would lose the GOAWAY, and with
    /// it what it says about requests that are on their way.
    linger: Pin<Box<Sleep>>,
    /// Finished streams whose bytes are under way.
    tail: Vec<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Connection {
    /// Takes over `quic` after its handshake, and sends our SETTINGS. Does not wait for the
    /// client's (RFC 9114 section 7.2.4.2), only for leave to open the control stream when the
    /// client gave none in its handshake.
    pub async fn new(quic: quinn::Connection, config: Config) -> Result<Self, ConnectionError> {
        let link = Link::new(quic, config, Side::Server);
        if !link.started() {
            let stream = link
                .quic
                .open_uni()
                .await
                .map_err(|error| link.lost(error))?;
            link.start(stream);
        }
        Ok(Self {
            peer: Peer::new(&link),
            link,
            next: 0,
            drain: None,
        })
    }

    /// The next request's stream. None when the client closed the connection without finding
    /// fault, or after [`Connection::shutdown`] when all requests that were accepted have ended
    /// and the client has what was sent; a client that goes at once makes that come sooner. May be dropped and called again.
    pub async fn accept(&mut self) -> Result<Option<Incoming>, ConnectionError> {
        let quic = self.link.quic.clone();
        let mut bi = pin!(quic.accept_bi());
        poll_fn(|cx| {
            if let Poll::Ready(error) = self.peer.poll(cx, &self.link) {
                return Poll::Ready(ended(error));
            }
            loop {
                match bi.as_mut().poll(cx) {
                    Poll::Pending => break,
                    Poll::Ready(Err(error)) => return Poll::Ready(ended(self.link.lost(error))),
                    Poll::Ready(Ok((mut send, mut recv))) => {
                        bi.set(quic.accept_bi());
                        let id = u64::from(send.id());
                        if id >= self.link.refused() {
                            // RFC 9114 sections 4.1.1 and 5.2: the client may send it elsewhere.
                            let _ = send.reset(wire(Code::REQUEST_REJECTED));
                            let _ = recv.stop(wire(Code::REQUEST_REJECTED));
                            continue;
                        }
                        self.next = id + 4;
                        return Poll::Ready(Ok(Some(Incoming::new(&self.link, send, recv))));
                    }
                }
            }
            match &mut self.drain {
                Some(drain) => drain.poll(cx, &self.link).map(|()| Ok(None)),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// RFC 9114 section 5.2: tells the client to go elsewhere. Requests which come after this
    /// are rejected; those that were accepted go on. [`Connection::accept`] must still be called
    /// until it returns none.
    pub fn shutdown(&mut self) {
        if self.drain.is_none() {
            self.drain = Some(Drain {
                changed: Changed::new(&self.link),
                linger: Box::pin(tokio::time::sleep(linger(self.link.quic.rtt()))),
                tail: Vec::new(),
            });
            self.link.refuse_from(self.next);
        }
    }

    pub fn quic(&self) -> &quinn::Connection {
        &self.link.quic
    }
}

/// Some round trips, for a GOAWAY that is lost once, and for the requests that it crosses.
fn linger(rtt: Duration) -> Duration {
    (rtt * 4 + Duration::from_millis(50)).min(Duration::from_secs(1))
}

fn ended(error: ConnectionError) -> Result<Option<Incoming>, ConnectionError> {
    if error.is_clean() {
        Ok(None)
    } else {
        Err(error)
    }
}

impl Drain {
    fn poll(&mut self, cx: &mut Context<'_>, link: &Link) -> Poll<()> {
        self.changed.watch(cx);
        if link.poll_control(cx).is_pending() || !link.idle() {
            return Poll::Pending;
        }
        ready!(self.linger.as_mut().poll(cx));
        self.tail.extend(link.take_tail().into_iter().map(|stream| {
            let stopped: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move {
                let _ = stream.stopped().await;
            });
            stopped
        }));
        self.tail
            .retain_mut(|stream| stream.as_mut().poll(cx).is_pending());
        match self.tail.is_empty() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

/// Wakes a task whenever something about the link changes.
pub(crate) struct Changed {
    notify: Arc<Notify>,
    next: Pin<Box<OwnedNotified>>,
}

impl Changed {
    pub(crate) fn new(link: &Link) -> Self {
        Self {
            notify: link.changed.clone(),
            next: Box::pin(link.changed.clone().notified_owned()),
        }
    }

    /// To be called before looking at what may change.
    pub(crate) fn watch(&mut self, cx: &mut Context<'_>) {
        while self.next.as_mut().poll(cx).is_ready() {
            self.next.set(self.notify.clone().notified_owned());
        }
    }
}

/// A request whose head was not read yet. Reading it may take long, so that it is for the
/// request's own task. Dropped, it rejects the request.
pub struct Incoming {
    body: Body,
    outlet: Outlet,
}

impl Incoming {
    fn new(link: &Arc<Link>, send: quinn::SendStream, recv: quinn::RecvStream) -> Self {
        link.enter();
        let line = Line::new(link.clone(), recv);
        Self {
            body: Body::new(line.clone()),
            outlet: Outlet::new(line, send),
        }
    }

    /// The stream's id (RFC 9000 section 2.1).
    pub fn id(&self) -> u64 {
        self.outlet.line().id
    }

    /// Reads the request's head. A malformed request was reset when this returns; one over a
    /// limit may be answered.
    pub async fn head(self) -> Result<(request::Parts, RecvBody, Respond), HeadError> {
        let Self {
            mut body,
            mut outlet,
        } = self;
        let payload = match poll_fn(|cx| body.poll_event(cx)).await {
            Some(Ok(Event::Section(payload))) => payload,
            Some(Err(error)) => {
                let nature = (error.kind == Kind::Limit).then_some(Nature::Section);
                return Err(refuse(error, nature, outlet));
            }
            // No content comes before a head, and no end without an error.
            Some(Ok(Event::Data(_))) | None => {
                return Err(refuse(
                    StreamError::new(Kind::Protocol, "stream without a request"),
                    None,
                    outlet,
                ));
            }
        };
        let config = body.line().link.config;
        match head::request(&payload, config.limits(), config.extended_connect) {
            Ok((parts, content)) => {
                poll_fn(|cx| {
                    body.begin(cx, content);
                    Poll::Ready(())
                })
                .await;
                outlet.set_abort(Code::INTERNAL_ERROR);
                let respond = Respond::new(outlet, &parts.method);
                Ok((parts, RecvBody { body }, respond))
            }
            Err(fault) => {
                let nature = (fault.scope == Scope::Stream).then_some(fault.nature);
                Err(refuse(body.fail(fault), nature, outlet))
            }
        }
    }
}

/// RFC 9114 section 4.2.2: what is over a limit can be answered. Everything else is reset.
fn refuse(error: StreamError, nature: Option<Nature>, mut outlet: Outlet) -> HeadError {
    let status = match nature {
        Some(Nature::Section) => Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        Some(Nature::Target) => Some(StatusCode::URI_TOO_LONG),
        _ => None,
    };
    let respond = match status {
        Some(status) => {
            outlet.set_abort(Code::EXCESSIVE_LOAD);
            Some((status, Respond::new(outlet, &Method::GET)))
        }
        None => {
            outlet.reset(match error.kind {
                Kind::Protocol | Kind::Truncated => Reason::Malformed,
                _ => Reason::Cancel,
            });
            None
        }
    };
    HeadError { error, respond }
}

/// Why there is no request.
pub struct HeadError {
    pub error: StreamError,
    /// For a request over a limit: the status that says so, and the means to send it.
    pub respond: Option<(StatusCode, Respond)>,
}

impl std::fmt::Debug for HeadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let status = self.respond.as_ref().map(|(status, _)| status);
        f.debug_struct("HeadError")
            .field("error", &self.error)
            .field("status", &status)
            .finish()
    }
}

/// A request's content.
pub struct RecvBody {
    body: Body,
}

impl Receive for RecvBody {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, StreamError>>> {
        self.body.poll_frame(cx)
    }

    fn is_end(&self) -> bool {
        self.body.is_end()
    }

    fn remaining(&self) -> Option<u64> {
        self.body.remaining()
    }

    fn stop(&mut self, reason: Reason) {
        self.body.stop(reason);
    }
}

/// The answer to a request: interim heads, one final head, then content.
///
/// Dropped before its end, it resets the stream with H3_INTERNAL_ERROR.
pub struct Respond {
    outlet: Outlet,
    head: bool,
    connect: bool,
    sent: bool,
}

impl Respond {
    fn new(outlet: Outlet, method: &Method) -> Self {
        Self {
            outlet,
            head: *method == Method::HEAD,
            connect: *method == Method::CONNECT,
            sent: false,
        }
    }

    /// Queues an interim response (RFC 9110 section 15.2); `poll_flush` sends it. Fails for 101,
    /// for what is not interim, and after the final head.
    pub fn send_informational(
        &mut self,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Result<(), StreamError> {
        if self.sent || !status.is_informational() {
            return Err(StreamError::new(
                Kind::Protocol,
                "interim response out of place",
            ));
        }
        self.outlet
            .queue(|max, out| compose::response(status, headers, false, max, out))
    }

    /// Queues the final head; content's first piece goes with it, or `poll_flush` sends it. With
    /// `end` there is no content, and the message is ended at once if that needs no waiting;
    /// `poll_finish` makes sure.
    pub fn send_head(&mut self, parts: &response::Parts, end: bool) -> Result<(), StreamError> {
        let status = parts.status;
        if self.sent || status.is_informational() {
            return Err(StreamError::new(
                Kind::Protocol,
                "final response out of place",
            ));
        }
        let tunnel = self.connect && status.is_success();
        self.outlet
            .queue(|max, out| compose::response(status, &parts.headers, tunnel, max, out))?;
        self.sent = true;
        // RFC 9110 section 6.4.1.
        let none =
            self.head || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
        self.outlet.owe(match (none, tunnel) {
            (true, _) => Some(0),
            (_, true) => None,
            _ => compose::declared(&parts.headers),
        });
        if end {
            self.outlet.try_finish()?;
        }
        Ok(())
    }
}

impl Transmit for Respond {
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

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        self.outlet.poll_closed(cx)
    }
}
