//! Transmitting a message: heads, content and trailers as frames on QUIC's stream, for both
//! sides. At most one piece of content waits here; flow control is QUIC's.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Bytes, BytesMut};
use harmony_stream::{Kind, Reason, StreamError};
use http::HeaderMap;
use quinn::{StoppedError, VarInt, WriteError};
use tokio::time::Sleep;

use crate::error::{code, wire};
use crate::line::Line;
use crate::proto::compose::{self, Refusal};
use crate::proto::control::Side;
use crate::proto::fault::Code;
use crate::proto::frame::{self, kind};

type Stopped = Pin<Box<dyn Future<Output = Result<Option<VarInt>, StoppedError>> + Send + Sync>>;

pub(crate) struct Outlet {
    line: Arc<Line>,
    /// None once it was given away, which [`Drop`] alone does.
    send: Option<quinn::SendStream>,
    /// Frames and frame headers that wait for company.
    head: BytesMut,
    /// What is being written: frames, then content.
    chunks: [Bytes; 2],
    state: State,
    /// Content still owed to a declared content-length.
    owed: Option<u64>,
    stopped: Option<Stopped>,
    /// What `stopped` found.
    closed: Option<StreamError>,
    probe: Option<Pin<Box<Sleep>>>,
    /// The code of a stream that is dropped before its end.
    abort: Code,
}

#[derive(Clone, Debug)]
enum State {
    Open,
    Finished,
    Failed(StreamError),
}

impl Outlet {
    pub(crate) fn new(line: Arc<Line>, send: quinn::SendStream) -> Self {
        let abort = match line.link.side {
            // Until a head was read, nothing was processed (RFC 9114 section 4.1.1).
            Side::Server => Code::REQUEST_REJECTED,
            Side::Client => Code::REQUEST_CANCELLED,
        };
        Self {
            line,
            send: Some(send),
            head: BytesMut::new(),
            chunks: [Bytes::new(), Bytes::new()],
            state: State::Open,
            owed: None,
            stopped: None,
            closed: None,
            probe: None,
            abort,
        }
    }

    pub(crate) fn line(&self) -> &Arc<Line> {
        &self.line
    }

    pub(crate) fn set_abort(&mut self, code: Code) {
        self.abort = code;
    }

    /// Declares how much content follows; none for any.
    pub(crate) fn owe(&mut self, content: Option<u64>) {
        self.owed = content;
    }

    /// Queues a frame that `write` appends.
    pub(crate) fn queue(
        &mut self,
        write: impl FnOnce(u64, &mut BytesMut) -> Result<(), Refusal>,
    ) -> Result<(), StreamError> {
        self.check()?;
        write(self.line.link.max_section(), &mut self.head).map_err(|refusal| match refusal {
            Refusal::TooLarge => {
                StreamError::new(Kind::Limit, "field section is larger than the peer takes")
            }
            Refusal::Invalid(detail) => StreamError::new(Kind::Protocol, detail),
        })
    }

    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        self.poll_chunks(cx)
    }

    pub(crate) fn send_data(&mut self, data: Bytes) -> Result<(), StreamError> {
        self.check()?;
        if data.is_empty() {
            return Ok(());
        }
        let len = data.len() as u64;
        if let Some(owed) = &mut self.owed {
            let Some(left) = owed.checked_sub(len) else {
                let error = StreamError::new(Kind::Protocol, "more content than was declared");
                return Err(self.abort(Code::INTERNAL_ERROR, error));
            };
            *owed = left;
        }
        if self.chunks.iter().any(|chunk| !chunk.is_empty()) {
            let error = StreamError::new(Kind::Protocol, "content before the stream was ready");
            return Err(self.abort(Code::INTERNAL_ERROR, error));
        }
        frame::header(kind::DATA, len, &mut self.head);
        self.chunks = [self.head.split().freeze(), data];
        Ok(())
    }

    pub(crate) fn send_trailers(&mut self, trailers: &HeaderMap) -> Result<(), StreamError> {
        self.queue(|max, out| compose::trailers(trailers, max, out))
    }

    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        if matches!(self.state, State::Finished) {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_chunks(cx))?;
        if !self.head.is_empty() {
            self.chunks[0] = self.head.split().freeze();
            ready!(self.poll_chunks(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    pub(crate) fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        if matches!(self.state, State::Finished) {
            return Poll::Ready(Ok(()));
        }
        if self.owed.is_some_and(|owed| owed > 0) {
            self.check()?;
            let error = StreamError::new(Kind::Truncated, "less content than was declared");
            return Poll::Ready(Err(self.abort(Code::INTERNAL_ERROR, error)));
        }
        ready!(self.poll_flush(cx))?;
        // QUIC does not say at a stream's end that the peer has stopped it.
        if let Some(error) = self.poll_stopped(cx) {
            return Poll::Ready(Err(self.fail(error)));
        }
        if let Some(send) = &mut self.send {
            let _ = send.finish();
        }
        self.state = State::Finished;
        Poll::Ready(Ok(()))
    }

    /// Ends the message now if that needs no waiting.
    pub(crate) fn try_finish(&mut self) -> Result<(), StreamError> {
        match self.poll_finish(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => result,
            Poll::Pending => Ok(()),
        }
    }

    pub(crate) fn reset(&mut self, reason: Reason) {
        if matches!(self.state, State::Open) {
            // What the peer did wrong says more than that we could not go on.
            let code = self.line.blamed().unwrap_or(code(reason));
            self.abort(
                code,
                StreamError::with_code(Kind::Closed, code.0, "the stream was reset"),
            );
        }
    }

    pub(crate) fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        if let State::Failed(error) = &self.state {
            return Poll::Ready(error.clone());
        }
        if self.stopped.is_none()
            && let Some(send) = &self.send
        {
            self.stopped = Some(Box::pin(send.stopped()));
        }
        if let Some(error) = self.poll_stopped(cx) {
            return Poll::Ready(self.fail(error));
        }
        self.line.poll_reset(cx, &mut self.probe)
    }

    /// Whether the peer stopped the stream, as far as `poll_closed` has asked.
    fn poll_stopped(&mut self, cx: &mut Context<'_>) -> Option<StreamError> {
        if self.closed.is_none()
            && let Some(stopped) = &mut self.stopped
            && let Poll::Ready(result) = stopped.as_mut().poll(cx)
        {
            self.stopped = Some(Box::pin(std::future::pending()));
            self.closed = match result {
                Ok(Some(code)) => Some(self.refused(code)),
                Err(StoppedError::ConnectionLost(error)) => {
                    Some(self.line.link.cut(self.line.id, error))
                }
                // The peer has all of it, which is no failure; nor will there be one.
                Ok(None) | Err(StoppedError::ZeroRttRejected) => None,
            };
        }
        self.closed.clone()
    }

    /// Nothing waits in a message that has ended, which one without content does with its head.
    fn poll_chunks(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        if let State::Failed(error) = &self.state {
            return Poll::Ready(Err(error.clone()));
        }
        while self.chunks.iter().any(|chunk| !chunk.is_empty()) {
            let Some(send) = &mut self.send else {
                break;
            };
            let written = pin!(send.write_chunks(&mut self.chunks)).poll(cx);
            if let Err(error) = ready!(written) {
                let error = match error {
                    WriteError::Stopped(code) => self.refused(code),
                    WriteError::ConnectionLost(error) => self.line.link.cut(self.line.id, error),
                    WriteError::ClosedStream | WriteError::ZeroRttRejected => {
                        StreamError::new(Kind::Closed, "the stream was closed")
                    }
                };
                return Poll::Ready(Err(self.fail(error)));
            }
        }
        Poll::Ready(Ok(()))
    }

    fn check(&self) -> Result<(), StreamError> {
        match &self.state {
            State::Open => Ok(()),
            State::Finished => Err(StreamError::new(Kind::Closed, "the message was ended")),
            State::Failed(error) => Err(error.clone()),
        }
    }

    fn refused(&self, code: VarInt) -> StreamError {
        self.line
            .link
            .reset(code.into_inner(), "the peer stopped reading the stream")
    }

    /// A finished message stays finished: its FIN is on its way, or was answered.
    fn fail(&mut self, error: StreamError) -> StreamError {
        if matches!(self.state, State::Open) {
            self.state = State::Failed(error.clone());
            self.chunks = [Bytes::new(), Bytes::new()];
            self.head.clear();
        }
        error
    }

    fn abort(&mut self, code: Code, error: StreamError) -> StreamError {
        if let Some(send) = &mut self.send {
            let _ = send.reset(wire(code));
        }
        self.fail(error)
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        let Some(mut send) = self.send.take() else {
            return;
        };
        match self.state {
            State::Finished if self.line.link.side == Side::Server => self.line.link.keep(send),
            State::Finished | State::Failed(_) => {}
            // QUIC would end the stream cleanly, and cut the message without a trace.
            State::Open => {
                let _ = send.reset(wire(self.line.blamed().unwrap_or(self.abort)));
            }
        }
    }
}
