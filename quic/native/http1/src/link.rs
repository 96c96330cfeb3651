//! A connection's one stream of bytes, shared by the two halves of an exchange.
//!
//! Both halves live in one task, so the lock is never waited for; it is what lets each half read
//! and write (the sender watches for a client that leaves, TLS writes while it reads) without
//! `unsafe`, and costs two uncontended atomic operations per poll.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::BytesMut;
use harmony_stream::{Frame, Kind, StreamError};

use crate::decode::{Decoder, Framing, Piece};
use crate::input::Input;
use crate::output::{Encoding, Output};
use crate::{Io, Limits};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Server,
    Client,
}

#[derive(Debug)]
pub(crate) struct Link<IO> {
    /// None once the connection was cut.
    pub(crate) io: Option<IO>,
    pub(crate) limits: Limits,
    pub(crate) input: Input,
    pub(crate) output: Output,
    side: Side,
    /// Whoever waits in `poll_closed` while the other half still reads.
    watcher: Option<Waker>,
}

#[derive(Debug)]
pub(crate) struct Shared<IO>(Arc<Mutex<Link<IO>>>);

impl<IO> Clone for Shared<IO> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<IO> Shared<IO> {
    pub(crate) fn new(io: IO, limits: Limits, side: Side) -> Self {
        Self(Arc::new(Mutex::new(Link {
            io: Some(io),
            limits,
            input: Input::new(),
            output: Output::new(),
            side,
            watcher: None,
        })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Link<IO>> {
        // A panic ends the exchange that it happened in; what is left is only dropped.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

fn cut() -> StreamError {
    StreamError::new(Kind::Closed, "connection was cut")
}

pub(crate) fn failure(doing: &'static str, error: &io::Error) -> StreamError {
    use io::ErrorKind as E;
    let kind = match error.kind() {
        E::ConnectionReset | E::ConnectionAborted | E::BrokenPipe => Kind::Reset,
        // What TLS says of an end without close_notify.
        E::UnexpectedEof => Kind::Truncated,
        E::TimedOut => Kind::TimedOut,
        E::PermissionDenied => Kind::Denied,
        _ => Kind::Closed,
    };
    StreamError::new(kind, format!("{doing} failed: {error}"))
}

impl<IO: Io> Link<IO> {
    /// Closes the connection now, so that the peer sees the message under way fail. RFC 9112
    /// section 8: content with a length or in chunks is then incomplete; content delimited by
    /// the connection's end, and a tunnel, need an end that is no regular one.
    pub(crate) fn cut(&mut self) {
        if let Some(mut io) = self.io.take() {
            if self.output.ends_with_connection() {
                io.abort();
            }
            drop(io);
            self.output.error.get_or_insert_with(cut);
            self.wake();
        }
    }

    fn wake(&mut self) {
        if let Some(waker) = self.watcher.take() {
            waker.wake();
        }
    }

    /// Reads once; 0 is the connection's end.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match &mut self.io {
            Some(io) => self.input.poll_fill(io, cx),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    /// What `Receive::stop` does on a server: whoever waits in `poll_closed` reads on.
    pub(crate) fn stop_input(&mut self) {
        self.input.stopped = true;
        self.wake();
    }

    pub(crate) fn fail_input(&mut self, error: StreamError) -> StreamError {
        self.input.error = Some(error.clone());
        self.wake();
        error
    }

    pub(crate) fn begin_content(&mut self, framing: Framing) {
        self.input.decoder = Decoder::new(framing);
        if self.input.decoder.is_done() {
            self.wake();
        }
    }

    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame, StreamError>>> {
        if let Some(error) = &self.input.error {
            return Poll::Ready(Some(Err(error.clone())));
        }
        loop {
            let piece = self.input.decoder.decode(&mut self.input.buf, &self.limits);
            if self.input.decoder.is_done() {
                self.wake();
            }
            match piece {
                Ok(Piece::Data(data)) if self.input.stopped => {
                    self.input.drained += data.len();
                    if self.input.drained > self.limits.max_drain_bytes {
                        let error = StreamError::new(Kind::Limit, "unwanted content goes on");
                        return Poll::Ready(Some(Err(self.fail_input(error))));
                    }
                }
                Ok(Piece::Data(data)) => return Poll::Ready(Some(Ok(Frame::Data(data)))),
                Ok(Piece::Trailers(_)) if self.input.stopped => {}
                Ok(Piece::Trailers(map)) => return Poll::Ready(Some(Ok(Frame::Trailers(map)))),
                Ok(Piece::End) => return Poll::Ready(None),
                Ok(Piece::More) => {
                    if let Err(error) = ready!(self.poll_more(cx)) {
                        return Poll::Ready(Some(Err(self.fail_input(error))));
                    }
                }
                Err(error) => return Poll::Ready(Some(Err(self.fail_input(error)))),
            }
        }
    }

    /// More bytes of a message's content, or what their absence means.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        if self.io.is_none() {
            return Poll::Ready(Err(cut()));
        }
        match ready!(self.poll_fill(cx)) {
            Ok(0) if self.input.decoder.end() => Poll::Ready(Ok(())),
            Ok(0) => Poll::Ready(Err(match self.side {
                Side::Server => {
                    StreamError::new(Kind::Closed, "connection closed inside a request")
                }
                Side::Client => {
                    StreamError::new(Kind::Truncated, "connection closed inside a response")
                }
            })),
            Ok(_) => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(failure("reading", &error))),
        }
    }

    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        self.output.check()?;
        if self.output.has_room(self.limits.max_write_buffer) {
            return Poll::Ready(Ok(()));
        }
        let Some(io) = &mut self.io else {
            return Poll::Ready(Err(cut()));
        };
        match ready!(self.output.poll_write(io, cx)) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(self.fail_output(&error))),
        }
    }

    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        self.output.check()?;
        let Some(io) = &mut self.io else {
            return Poll::Ready(Err(cut()));
        };
        match ready!(self.output.poll_flush(io, cx)) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(self.fail_output(&error))),
        }
    }

    pub(crate) fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        if self.output.done {
            return Poll::Ready(Ok(()));
        }
        if let Err(error) = self.output.end() {
            // A message that cannot become complete must not look so.
            self.cut();
            return Poll::Ready(Err(error));
        }
        ready!(self.poll_flush(cx))?;
        if self.output.ends_with_connection() {
            let Some(io) = &mut self.io else {
                return Poll::Ready(Err(cut()));
            };
            if let Err(error) = ready!(Pin::new(io).poll_shutdown(cx)) {
                return Poll::Ready(Err(self.fail_output(&error)));
            }
        }
        self.output.done = true;
        Poll::Ready(Ok(()))
    }

    fn fail_output(&mut self, error: &io::Error) -> StreamError {
        let mut error = failure("writing", error);
        if self.side == Side::Client && !self.output.wrote && !self.input.received {
            error.kind = Kind::Refused;
        }
        self.output.error = Some(error.clone());
        error
    }

    /// The sender will not go on. A message whose end is the connection's must not end well.
    pub(crate) fn abandon_output(&mut self) {
        if self.output.ends_with_connection() && !self.output.done {
            self.cut();
        }
    }

    /// Turns the reading half into a tunnel.
    pub(crate) fn tunnel_input(&mut self) {
        if self.input.decoder.is_done() {
            self.input.decoder = Decoder::new(Framing::Tunnel);
        } else {
            // RFC 9110 section 7.8: the message before the switch ends first.
            let detail = "upgrade before the end of the message";
            self.fail_input(StreamError::new(Kind::Protocol, detail));
        }
    }

    /// Turns the writing half into a tunnel.
    pub(crate) fn tunnel_output(&mut self) {
        self.output.reopen(Encoding::Tunnel);
    }

    /// For a server: the client left. The reading half notices while it still has content to
    /// read; after that the bytes of further requests are read ahead, within bounds. The end of
    /// a client's direction of a tunnel is no leave.
    pub(crate) fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        if let Some(error) = &self.output.error {
            return Poll::Ready(error.clone());
        }
        if self.io.is_none() {
            return Poll::Ready(cut());
        }
        if self.side == Side::Server && self.input.stopped {
            // Nobody may be reading any more: what is not wanted is discarded here.
            while let Some(frame) = ready!(self.poll_frame(cx)) {
                match frame {
                    // An answer that is under way goes on, however much the client still sends.
                    Err(error) if error.kind == Kind::Limit => return Poll::Pending,
                    Err(error) => return Poll::Ready(error),
                    Ok(_) => {}
                }
            }
        }
        if let Some(error) = &self.input.error {
            return Poll::Ready(error.clone());
        }
        let tunnel = self.output.encoding == Encoding::Tunnel;
        if self.side == Side::Client || tunnel || !self.input.decoder.is_done() {
            if !self
                .watcher
                .as_ref()
                .is_some_and(|waker| waker.will_wake(cx.waker()))
            {
                self.watcher = Some(cx.waker().clone());
            }
            return Poll::Pending;
        }
        while self.input.buf.len() < self.limits.max_head_bytes {
            match ready!(self.poll_fill(cx)) {
                Ok(0) => {
                    let error = StreamError::new(Kind::Reset, "client closed the connection");
                    return Poll::Ready(error);
                }
                Ok(_) => {}
                Err(error) => {
                    let mut error = failure("reading", &error);
                    error.kind = Kind::Reset;
                    return Poll::Ready(error);
                }
            }
        }
        Poll::Pending
    }

    /// Gives memory back that an idle connection has no use for.
    pub(crate) fn release(&mut self) {
        self.input.buf = BytesMut::new();
        self.output.buf = BytesMut::new();
    }
}
