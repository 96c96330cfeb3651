//! The client's side of a connection: one exchange at a time, and between them a place in a pool.

use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use harmony_stream::{Frame, Kind, Reason, Receive, StreamError, Transmit};
use http::header::{HeaderMap, UPGRADE};
use http::{Method, StatusCode, request, response};

use crate::codec;
use crate::encode::{self, Declared};
use crate::link::{Link, Shared, Side, failure};
use crate::output::Encoding;
use crate::{BodyLength, Io, Limits};

mod receive;

pub use receive::RecvResponse;

/// A connection that no exchange is using.
#[derive(Debug)]
pub struct Connection<IO: Io> {
    link: Shared<IO>,
}

/// Sends the request.
#[derive(Debug)]
pub struct SendBody<IO: Io> {
    link: Shared<IO>,
}

impl<IO: Io> Connection<IO> {
    pub fn new(io: IO, limits: Limits) -> Self {
        Self {
            link: Shared::new(io, limits, Side::Client),
        }
    }

    /// Without waiting: `false` when the server closed the connection, or when bytes came that
    /// nobody asked for (RFC 9112 section 9.2: they answer no request and must not answer the
    /// next).
    pub fn is_idle_alive(&mut self) -> bool {
        self.poll_idle(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    }

    /// Ready when the idle connection is of no use any more, so that a pool can let go of it.
    pub fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut link = self.link.lock();
        if !link.input.buf.is_empty() {
            return Poll::Ready(());
        }
        link.poll_fill(cx).map(drop)
    }

    /// The stream below, for what it knows: addresses, certificates.
    pub fn with_io<T>(&self, look: impl FnOnce(&IO) -> T) -> Option<T> {
        self.link.lock().io.as_ref().map(look)
    }

    /// Queues the head of a request; polls of the halves do the I/O. `target` is the
    /// request-target as it goes on the wire. A request that cannot be sent as HTTP/1.1 fails at
    /// the first poll.
    pub fn send(
        self,
        parts: &request::Parts,
        target: &[u8],
        body: BodyLength,
    ) -> (SendBody<IO>, RecvResponse<IO>) {
        let mut link = self.link.lock();
        let method = &parts.method;
        let (encoding, declared) = match body {
            // RFC 9110 section 8.6: methods that give content a meaning say that there is none.
            BodyLength::Empty if matches!(*method, Method::POST | Method::PUT | Method::PATCH) => {
                (Encoding::Length(0), Declared::Length(0))
            }
            BodyLength::Empty => (Encoding::Length(0), Declared::Nothing),
            BodyLength::Length(length) => (Encoding::Length(length), Declared::Length(length)),
            BodyLength::Unknown => (Encoding::Chunked, Declared::Chunked),
        };
        link.output.encoding = encoding;
        if target.is_empty() || !target.iter().all(|byte| matches!(byte, 0x21..=0x7e)) {
            let error = link.output.fail(Kind::Protocol, "invalid request target");
            link.fail_input(error);
        } else {
            encode::request(
                &mut link.output.buf,
                method,
                target,
                &parts.headers,
                declared,
            );
        }
        drop(link);
        let upgrade = parts.headers.contains_key(UPGRADE);
        let recv = RecvResponse::new(self.link.clone(), method.clone(), upgrade);
        (SendBody { link: self.link }, recv)
    }
}

/// The connection, if another request may use it: both messages are complete, the server keeps
/// it open, and nothing came after the answer.
pub fn reclaim<IO: Io>(send: SendBody<IO>, recv: RecvResponse<IO>) -> Option<Connection<IO>> {
    if !send.link.is(recv.link()) {
        return None;
    }
    let mut link = send.link.lock();
    let reusable = recv.keep_alive()
        && link.io.is_some()
        && link.output.done
        && !link.output.ends_with_connection()
        && link.output.error.is_none()
        && link.input.error.is_none()
        && link.input.decoder.is_done()
        && link.input.buf.is_empty()
        && !link.input.eof;
    if !reusable {
        return None;
    }
    link.input.renew();
    link.output.renew();
    link.release();
    drop(link);
    Some(Connection {
        link: send.link.clone(),
    })
}

impl<IO: Io> SendBody<IO> {
    /// A byte of the request was written. When none was, it may be sent again elsewhere; when
    /// some were and no byte of an answer came (`RecvResponse::received_any`), an idempotent one
    /// may (RFC 9112 section 9.3.1).
    pub fn sent_any(&self) -> bool {
        self.link.lock().output.wrote
    }

    /// After a 101, or a 2xx to CONNECT: from here on the bytes of a tunnel.
    pub fn upgrade(&mut self) {
        self.link.lock().tunnel_output();
    }
}

impl<IO: Io> Transmit for SendBody<IO> {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        self.link.lock().poll_ready(cx)
    }

    fn send_data(&mut self, data: Bytes) -> Result<(), StreamError> {
        self.link.lock().output.data(data)
    }

    fn send_trailers(&mut self, trailers: HeaderMap) -> Result<(), StreamError> {
        self.link.lock().output.trailers(&trailers)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        self.link.lock().poll_flush(cx)
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        self.link.lock().poll_finish(cx)
    }

    /// Cuts the connection. With `NoError` (the answer came early, the rest of the request is
    /// not needed) only once the answer is read, which the cut would take away.
    fn reset(&mut self, reason: Reason) {
        let mut link = self.link.lock();
        if link.output.done {
            return;
        }
        if reason == Reason::NoError && link.input.received && !link.input.decoder.is_done() {
            link.output
                .fail(Kind::Closed, "the rest of the request is not wanted");
        } else {
            link.cut();
        }
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        self.link.lock().poll_closed(cx)
    }
}

impl<IO: Io> Drop for SendBody<IO> {
    fn drop(&mut self) {
        self.link.lock().abandon_output();
    }
}
