//! A connection that many requests share, and a connection that one request has at a time.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use harmony_http1::client::Connection;
use harmony_http3::client::Requester as Http3;
use harmony_stream::{Kind, StreamError};
use tokio::sync::oneshot;

use super::pool;
use crate::fault::{self, Fault};
use crate::http2::client::Requester as Http2;
use crate::io::Io;
use crate::tls;

/// An HTTP/1.1 connection that nobody uses at the moment.
pub struct Solo {
    pub connection: Connection<Io>,
    pub remote: SocketAddr,
}

impl pool::Solo for Solo {
    fn is_alive(&mut self) -> bool {
        self.connection.is_idle_alive()
    }
}

pub enum Link {
    Http2(Http2),
    Http3(Http3),
}

pub struct Connected {
    pub link: Link,
    pub remote: SocketAddr,
    rank: usize,
    suspect: AtomicBool,
    goaway: AtomicBool,
    moved: AtomicBool,
    /// Dropped with the last handle: the connection's task hears it.
    _last: oneshot::Sender<()>,
}

/// A handle on a shared connection, held by the pool and by every lease.
#[derive(Clone)]
pub struct Share(Arc<Connected>);

/// Does not keep the connection.
pub struct WeakShare(Weak<Connected>);

impl WeakShare {
    pub fn upgrade(&self) -> Option<Share> {
        self.0.upgrade().map(Share)
    }
}

impl std::ops::Deref for Share {
    type Target = Connected;

    fn deref(&self) -> &Connected {
        &self.0
    }
}

impl Share {
    /// The second value is ready once the last handle is gone.
    pub fn new(link: Link, remote: SocketAddr, rank: usize) -> (Self, oneshot::Receiver<()>) {
        let (last, gone) = oneshot::channel();
        let connected = Connected {
            link,
            remote,
            rank,
            suspect: AtomicBool::new(false),
            goaway: AtomicBool::new(false),
            moved: AtomicBool::new(false),
            _last: last,
        };
        (Self(Arc::new(connected)), gone)
    }

    /// A request failed on it in a way that may be the connection's.
    pub fn suspect(&self) {
        self.suspect.store(true, Ordering::Relaxed);
    }

    /// Something of an answer came.
    pub fn moves(&self) {
        // Most often it is set already, and reading it disturbs no other core.
        if !self.moved.load(Ordering::Relaxed) {
            self.moved.store(true, Ordering::Relaxed);
        }
    }

    /// Whether something came since this was asked last.
    pub fn moved(&self) -> bool {
        self.moved.swap(false, Ordering::Relaxed)
    }

    pub fn downgrade(&self) -> WeakShare {
        WeakShare(Arc::downgrade(&self.0))
    }

    /// The peer sent GOAWAY; true once only.
    pub fn takes_leave(&self) -> bool {
        let leaving = match &self.link {
            Link::Http2(requester) => http2_end(requester).is_some_and(|end| {
                // `h2` words a peer's GOAWAY so; one of ours is "detected" or "sent by user".
                end.code.is_some() && end.detail.contains("connection error received")
            }),
            Link::Http3(requester) => {
                !requester.is_open() && requester.quic().close_reason().is_none()
            }
        };
        leaving && self.leaves()
    }

    /// Notes a GOAWAY; true the first time.
    pub fn leaves(&self) -> bool {
        !self.goaway.swap(true, Ordering::Relaxed)
    }

    pub fn protocol(&self) -> u8 {
        match &self.link {
            Link::Http2(_) => 20,
            Link::Http3(_) => 30,
        }
    }
}

impl pool::Share for Share {
    fn is_open(&self) -> bool {
        match &self.link {
            Link::Http2(requester) => http2_end(requester).is_none(),
            Link::Http3(requester) => requester.is_open(),
        }
    }

    /// A server that refuses our certificate says so after the handshake, in TLS 1.3.
    fn fault(&self) -> Option<Fault> {
        match &self.link {
            Link::Http2(requester) => {
                let error = http2_end(requester)?;
                (error.kind == Kind::Denied)
                    .then(|| Fault::of(&fault::TLS_CLIENT_CERTIFICATE, &error))
            }
            Link::Http3(requester) => {
                let error = requester.quic().close_reason()?;
                (*tls::fault(&error) == fault::TLS_CLIENT_CERTIFICATE)
                    .then(|| Fault::new(&fault::TLS_CLIENT_CERTIFICATE, error.to_string()))
            }
        }
    }

    fn capacity(&self) -> usize {
        match &self.link {
            Link::Http2(requester) => requester.max_streams(),
            // QUIC does not tell how many streams the peer allows; it lets us wait.
            Link::Http3(_) => usize::MAX,
        }
    }

    fn extended_connect(&self) -> bool {
        match &self.link {
            Link::Http2(requester) => requester.extended_connect(),
            Link::Http3(requester) => requester.extended_connect(),
        }
    }

    fn is_suspect(&self) -> bool {
        self.suspect.load(Ordering::Relaxed)
    }

    fn rank(&self) -> usize {
        self.rank
    }

    fn is_http3(&self) -> bool {
        matches!(self.link, Link::Http3(_))
    }
}

/// Why the connection takes no new streams, once it does not. A handle that waits for no stream
/// of its own knows without waiting.
fn http2_end(requester: &Http2) -> Option<StreamError> {
    let ready = pin!(requester.ready());
    match ready.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(_)) | Poll::Pending => None,
        Poll::Ready(Err(error)) => Some(error),
    }
}
