//! The receiving side of a request's stream, shared by its two halves: the one that reads it,
//! and the one that sends and wants to know that the peer gave up.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker, ready};
use std::time::Duration;

use atomic_waker::AtomicWaker;
use bytes::Bytes;
use harmony_stream::StreamError;
use quinn::ReadError;
use tokio::time::{Instant, Sleep};

use crate::error::wire;
use crate::link::{Link, lock};
use crate::proto::control::Side;
use crate::proto::fault::Code;
use crate::proto::message::Message;

/// Pieces taken from QUIC at once, about a packet's content each.
const PIECES: usize = 16;

/// How often a stream is looked at whose content nobody reads.
const PROBE: Duration = Duration::from_millis(40);

pub(crate) struct Line {
    pub(crate) link: Arc<Link>,
    pub(crate) id: u64,
    /// The code of a fault that was found in what came; 0 for none. Both directions of the
    /// stream end with it.
    fault: AtomicU64,
    wakes: Arc<Wakes>,
    inner: Mutex<Inner>,
}

struct Inner {
    recv: quinn::RecvStream,
    end: Option<End>,
}

/// How receiving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Fin,
    Reset(u64),
    /// We stopped it.
    Stopped,
}

/// QUIC keeps one waker for a stream's receiving side; this one wakes both halves. It is apart
/// from [`Line`], which QUIC would keep alive through it.
struct Wakes {
    /// QUIC will wake us; until then there is nothing to see.
    armed: AtomicBool,
    reader: AtomicWaker,
    closer: AtomicWaker,
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.armed.store(false, Ordering::SeqCst);
        self.reader.wake();
        self.closer.wake();
    }
}

impl Line {
    /// The caller has entered the link for it.
    pub(crate) fn new(link: Arc<Link>, recv: quinn::RecvStream) -> Arc<Self> {
        Arc::new(Self {
            link,
            id: recv.id().into(),
            fault: AtomicU64::new(0),
            wakes: Arc::new(Wakes {
                armed: AtomicBool::new(false),
                reader: AtomicWaker::new(),
                closer: AtomicWaker::new(),
            }),
            inner: Mutex::new(Inner { recv, end: None }),
        })
    }

    /// Reads some bytes into `message`; false at the stream's clean end.
    pub(crate) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        message: &mut Message,
    ) -> Poll<Result<bool, StreamError>> {
        self.wakes.reader.register(cx.waker());
        if self.wakes.armed.load(Ordering::SeqCst) {
            return Poll::Pending;
        }
        let inner = &mut *lock(&self.inner);
        match inner.end {
            None => {}
            Some(End::Fin) => return Poll::Ready(Ok(false)),
            Some(End::Reset(code)) => return Poll::Ready(Err(self.reset(code))),
            Some(End::Stopped) => return Poll::Ready(Err(self.stopped())),
        }
        let mut pieces: [Bytes; PIECES] = std::array::from_fn(|_| Bytes::new());
        let read = self.armed(|cx| pin!(inner.recv.read_chunks(&mut pieces)).poll(cx));
        match ready!(read) {
            Ok(Some(filled)) => {
                for piece in pieces.into_iter().take(filled) {
                    message.push(piece);
                }
                Poll::Ready(Ok(true))
            }
            Ok(None) => {
                inner.end = Some(End::Fin);
                Poll::Ready(Ok(false))
            }
            Err(error) => Poll::Ready(Err(self.failed(inner, error))),
        }
    }

    /// Ready when the peer reset the stream, or when its connection is gone. `probe` is the
    /// caller's, for later calls.
    pub(crate) fn poll_reset(
        &self,
        cx: &mut Context<'_>,
        probe: &mut Option<Pin<Box<Sleep>>>,
    ) -> Poll<StreamError> {
        self.wakes.closer.register(cx.waker());
        loop {
            if self.wakes.armed.load(Ordering::SeqCst) {
                return Poll::Pending;
            }
            if let Some(sleep) = probe
                && !sleep.is_elapsed()
            {
                ready!(sleep.as_mut().poll(cx));
            }
            let inner = &mut *lock(&self.inner);
            match inner.end {
                None => {}
                Some(End::Reset(code)) => return Poll::Ready(self.reset(code)),
                Some(End::Fin | End::Stopped) => return Poll::Pending,
            }
            // A read of nothing says whether anything is there and takes none of it.
            match self.armed(|cx| pin!(inner.recv.read_chunk(0, true)).poll(cx)) {
                Poll::Pending => continue,
                Poll::Ready(Ok(None)) => {
                    inner.end = Some(End::Fin);
                    self.wakes.reader.wake();
                    return Poll::Pending;
                }
                Poll::Ready(Err(error)) => {
                    let error = self.failed(inner, error);
                    self.wakes.reader.wake();
                    return Poll::Ready(error);
                }
                // QUIC tells of a reset only those who wait for more than there is. While
                // content waits unread, we look again from time to time.
                Poll::Ready(Ok(Some(_))) => {
                    let next = Instant::now() + PROBE;
                    match probe {
                        Some(sleep) => sleep.as_mut().reset(next),
                        None => *probe = Some(Box::pin(tokio::time::sleep_until(next))),
                    }
                }
            }
        }
    }

    /// Tells the peer to send no more. False when it had sent everything, or had given up.
    pub(crate) fn stop(&self, code: Code) -> bool {
        let inner = &mut *lock(&self.inner);
        if inner.end.is_some() {
            return false;
        }
        inner.end = Some(End::Stopped);
        inner.recv.stop(wire(code)).is_ok()
    }

    /// True when nothing more can come.
    pub(crate) fn ended(&self) -> bool {
        lock(&self.inner).end.is_some()
    }

    pub(crate) fn blame(&self, code: Code) {
        self.fault.store(code.0, Ordering::SeqCst);
    }

    /// The code of the fault that was found in what came.
    pub(crate) fn blamed(&self) -> Option<Code> {
        match self.fault.load(Ordering::SeqCst) {
            0 => None,
            code => Some(Code(code)),
        }
    }

    /// Polls with the waker of both halves.
    fn armed<T>(&self, poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        // Before the poll, since the wake may come at any moment after it.
        self.wakes.armed.store(true, Ordering::SeqCst);
        let waker = Waker::from(self.wakes.clone());
        let result = poll(&mut Context::from_waker(&waker));
        if result.is_ready() {
            self.wakes.armed.store(false, Ordering::SeqCst);
        }
        result
    }

    fn failed(&self, inner: &mut Inner, error: ReadError) -> StreamError {
        match error {
            ReadError::Reset(code) => {
                inner.end = Some(End::Reset(code.into_inner()));
                self.link.count_reset();
                self.reset(code.into_inner())
            }
            ReadError::ConnectionLost(error) => self.link.cut(self.id, error),
            ReadError::ClosedStream
            | ReadError::IllegalOrderedRead
            | ReadError::ZeroRttRejected => {
                inner.end = Some(End::Stopped);
                self.stopped()
            }
        }
    }

    fn reset(&self, code: u64) -> StreamError {
        self.link.reset(code, "the peer reset the stream")
    }

    fn stopped(&self) -> StreamError {
        StreamError::new(harmony_stream::Kind::Closed, "receiving was stopped")
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // QUIC would stop the stream with a code that is not of HTTP/3.
        self.stop(match self.link.side {
            Side::Server => Code::NO_ERROR,
            Side::Client => Code::REQUEST_CANCELLED,
        });
        self.link.leave();
    }
}
