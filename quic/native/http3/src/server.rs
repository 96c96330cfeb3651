//! The server's side of a connection.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Sleep;

use crate::changed::Changed;
use crate::config::Config;
use crate::control::Peer;
use crate::error::{ConnectionError, wire};
pub use crate::incoming::{HeadError, Incoming, RecvBody};
use crate::link::Link;
use crate::proto::control::Side;
use crate::proto::fault::Code;
pub use crate::respond::Respond;

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
