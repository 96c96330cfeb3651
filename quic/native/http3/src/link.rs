//! What the streams of a connection share.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::{Buf, BytesMut};
use harmony_stream::{Kind, StreamError};
use tokio::sync::Notify;

use crate::budget::Budget;
use crate::config::Config;
use crate::error::{ConnectionError, wire};
use crate::proto::control::Side;
use crate::proto::fault::{Code, Fault};
use crate::proto::frame::{self, kind};
use crate::proto::settings::Settings;
use crate::proto::{unidirectional, varint};

/// No GOAWAY yet.
pub(crate) const OPEN: u64 = u64::MAX;

pub(crate) struct Link {
    pub(crate) quic: quinn::Connection,
    pub(crate) config: Config,
    pub(crate) side: Side,
    /// The peer's.
    settings: OnceLock<Settings>,
    /// Requests from this id on are not processed: what GOAWAY said, sent or received.
    refused: AtomicU64,
    /// Streams that somebody holds a half of.
    active: AtomicUsize,
    /// Clients: nobody can ask for a stream any more.
    abandoned: AtomicBool,
    /// One of the above changed.
    pub(crate) changed: Arc<Notify>,
    /// Why we closed the connection.
    failure: OnceLock<ConnectionError>,
    control: Mutex<Outgoing>,
    tail: Mutex<Tail>,
    resets: Mutex<Budget>,
}

/// Requests that a client resets, in a second. Each has cost us more than the client: the
/// attack known as rapid reset.
const MAX_RESETS: u64 = 500;

/// Our control stream. It lives as long as the connection: its end would end the connection
/// (RFC 9114 section 6.2.1).
struct Outgoing {
    stream: Option<quinn::SendStream>,
    pending: BytesMut,
}

/// Finished streams whose bytes the peer may not have yet. A drained connection waits for them.
struct Tail {
    streams: Vec<quinn::SendStream>,
    /// When to look which of them are done.
    sweep: usize,
}

impl Link {
    pub(crate) fn new(quic: quinn::Connection, config: Config, side: Side) -> Arc<Self> {
        let mut pending = BytesMut::with_capacity(32);
        varint::encode(unidirectional::CONTROL, &mut pending);
        config.settings(side).encode(&mut pending);
        let link = Arc::new(Self {
            quic,
            config,
            side,
            settings: OnceLock::new(),
            refused: AtomicU64::new(OPEN),
            active: AtomicUsize::new(0),
            abandoned: AtomicBool::new(false),
            changed: Arc::new(Notify::new()),
            failure: OnceLock::new(),
            control: Mutex::new(Outgoing {
                stream: None,
                pending,
            }),
            tail: Mutex::new(Tail {
                streams: Vec::new(),
                sweep: 32,
            }),
            resets: Mutex::new(Budget::new(MAX_RESETS)),
        });
        // The settings go out first when the peer's credit is there already, as it is after a
        // handshake; else whoever drives the connection opens the stream.
        if let Poll::Ready(Ok(stream)) =
            pin!(link.quic.open_uni()).poll(&mut Context::from_waker(Waker::noop()))
        {
            link.start(stream);
        }
        link
    }

    /// Makes `stream` our control stream; the settings are its first frame.
    pub(crate) fn start(&self, stream: quinn::SendStream) {
        // Control frames are small, and what they say should not wait behind content.
        let _ = stream.set_priority(1);
        lock(&self.control).stream = Some(stream);
        let _ = self.poll_control(&mut Context::from_waker(Waker::noop()));
    }

    pub(crate) fn started(&self) -> bool {
        lock(&self.control).stream.is_some()
    }

    /// Ready when the peer refuses our control stream.
    pub(crate) fn control_stopped(
        &self,
    ) -> Option<
        impl Future<Output = Result<Option<quinn::VarInt>, quinn::StoppedError>> + Send + use<>,
    > {
        lock(&self.control)
            .stream
            .as_ref()
            .map(quinn::SendStream::stopped)
    }

    /// Writes what waits for the control stream. Pending when some of it still does.
    pub(crate) fn poll_control(&self, cx: &mut Context<'_>) -> Poll<()> {
        let control = &mut *lock(&self.control);
        let Some(stream) = &mut control.stream else {
            return Poll::Pending;
        };
        while !control.pending.is_empty() {
            match Pin::new(&mut *stream).poll_write(cx, &control.pending) {
                Poll::Ready(Ok(written)) => control.pending.advance(written),
                // Whoever reads the peer's streams learns why.
                Poll::Ready(Err(_)) => control.pending.clear(),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(())
    }

    /// RFC 9114 section 5.2: sends GOAWAY with the first id that is not processed.
    pub(crate) fn refuse_from(&self, id: u64) {
        self.refused.store(id, Ordering::SeqCst);
        frame::integer(kind::GOAWAY, id, &mut lock(&self.control).pending);
        let _ = self.poll_control(&mut Context::from_waker(Waker::noop()));
        self.changed.notify_waiters();
    }

    /// RFC 9114 section 5.2: what the peer's GOAWAY said.
    pub(crate) fn refused_from(&self, id: u64) {
        self.refused.store(id, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::SeqCst)
    }

    /// The first id that the peer did not process, if this is one.
    pub(crate) fn refusal(&self, id: u64) -> Option<StreamError> {
        (id >= self.refused()).then(|| {
            StreamError::new(
                Kind::Refused,
                "the peer is going away and did not process it",
            )
        })
    }

    pub(crate) fn set_settings(&self, settings: Settings) {
        let _ = self.settings.set(settings);
        self.changed.notify_waiters();
    }

    pub(crate) fn settings(&self) -> Option<Settings> {
        self.settings.get().copied()
    }

    /// The longest field section that the peer takes, as far as is known.
    pub(crate) fn max_section(&self) -> u64 {
        self.settings
            .get()
            .and_then(|settings| settings.max_field_section)
            .unwrap_or(u64::MAX)
    }

    pub(crate) fn enter(&self) {
        self.active.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn leave(&self) {
        // Nobody waits for the last stream before the connection is to end.
        if self.active.fetch_sub(1, Ordering::SeqCst) == 1
            && (self.refused() != OPEN || self.abandoned())
        {
            self.changed.notify_waiters();
        }
    }

    pub(crate) fn idle(&self) -> bool {
        self.active.load(Ordering::SeqCst) == 0
    }

    pub(crate) fn abandon(&self) {
        self.abandoned.store(true, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    pub(crate) fn abandoned(&self) -> bool {
        self.abandoned.load(Ordering::SeqCst)
    }

    /// RFC 9114 section 8: a connection error.
    pub(crate) fn close(&self, code: Code, detail: &'static str) -> ConnectionError {
        let error = ConnectionError::local(code, detail);
        if self.quic.close_reason().is_none() {
            let _ = self.failure.set(error.clone());
            self.quic.close(wire(code), detail.as_bytes());
        }
        error
    }

    pub(crate) fn fail(&self, fault: Fault) -> ConnectionError {
        self.close(fault.code, fault.detail)
    }

    /// Why the connection ended. What we found wrong says more than "closed locally".
    pub(crate) fn lost(&self, error: quinn::ConnectionError) -> ConnectionError {
        match (error, self.failure.get()) {
            (quinn::ConnectionError::LocallyClosed, Some(failure)) => failure.clone(),
            (error, _) => error.into(),
        }
    }

    /// What becomes of a stream when its connection ends.
    pub(crate) fn cut(&self, id: u64, error: quinn::ConnectionError) -> StreamError {
        let error = self.lost(error);
        match self.side {
            Side::Client => self.refusal(id).unwrap_or_else(|| error.stream()),
            Side::Server => error.stream(),
        }
    }

    /// What a peer's RESET_STREAM or STOP_SENDING means.
    pub(crate) fn reset(&self, code: u64, detail: &'static str) -> StreamError {
        let kind = match self.side {
            // RFC 9114 section 4.1.1.
            Side::Client if code == Code::REQUEST_REJECTED.0 => Kind::Refused,
            _ => Kind::Reset,
        };
        StreamError::with_code(kind, code, detail)
    }

    /// A client reset a request.
    pub(crate) fn count_reset(&self) {
        if self.side == Side::Server && !lock(&self.resets).spend(1, Instant::now) {
            self.close(Code::EXCESSIVE_LOAD, "too many requests were reset");
        }
    }

    /// Keeps a finished stream until the peer has all of it.
    pub(crate) fn keep(&self, stream: quinn::SendStream) {
        let tail = &mut *lock(&self.tail);
        if tail.streams.len() >= tail.sweep {
            // QUIC forgets a stream when everything was acknowledged. One that the peer stopped
            // is reset when it is dropped (RFC 9000 section 3.5).
            let cx = &mut Context::from_waker(Waker::noop());
            tail.streams.retain(|stream| {
                stream.priority().is_ok() && pin!(stream.stopped()).poll(cx).is_pending()
            });
            tail.sweep = (tail.streams.len() * 2).max(32);
        }
        tail.streams.push(stream);
    }

    pub(crate) fn take_tail(&self) -> Vec<quinn::SendStream> {
        std::mem::take(&mut lock(&self.tail).streams)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // RFC 9114 section 5.3. QUIC would close with a code that is not of HTTP/3.
        if self.quic.close_reason().is_none() {
            self.quic.close(wire(Code::NO_ERROR), b"");
        }
    }
}

/// A panic while a lock was held left nothing half done that matters here.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
