//! The bytes that go out: a buffer for heads, chunk framing and small pieces, then at most one
//! large piece that is not copied, then what follows it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use harmony_stream::{Kind, StreamError};
use http::HeaderMap;
use http::header::{HOST, TRAILER};
use tokio::io::AsyncWrite;

use crate::encode;

/// Copying a piece of this size costs less than a further slice in a vectored write.
const COPIED: usize = 2 << 10;
/// A buffer up to this size stays with a busy connection.
const KEPT: usize = 8 << 10;
const CHUNK_END: &[u8] = b"\r\n";
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
const CHUNK_END_AND_LAST: &[u8] = b"\r\n0\r\n\r\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// No head was queued yet.
    Pending,
    /// Content is discarded: HEAD, 204, 304.
    Discard,
    /// This many bytes still have to come.
    Length(u64),
    Chunked,
    UntilClose,
    Tunnel,
}

#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) buf: BytesMut,
    piece: Bytes,
    tail: Bytes,
    pub(crate) encoding: Encoding,
    /// The message's end is queued; trailers are, when `trailed`.
    ended: bool,
    trailed: bool,
    /// The whole message was handed to the connection.
    pub(crate) done: bool,
    pub(crate) error: Option<StreamError>,
    /// A byte of this message was written.
    pub(crate) wrote: bool,
    /// The stream below has not flushed what it took.
    unflushed: bool,
}

impl Output {
    pub(crate) fn new() -> Self {
        Self {
            buf: BytesMut::new(),
            piece: Bytes::new(),
            tail: Bytes::new(),
            encoding: Encoding::Pending,
            ended: false,
            trailed: false,
            done: false,
            error: None,
            wrote: false,
            unflushed: false,
        }
    }

    /// Ready for the next message. A small buffer is kept.
    pub(crate) fn renew(&mut self) {
        let buf = std::mem::take(&mut self.buf);
        *self = Self::new();
        if buf.is_empty() && buf.capacity() <= KEPT {
            self.buf = buf;
        }
    }

    /// The end of the message is the connection's, or the connection is a tunnel.
    pub(crate) fn ends_with_connection(&self) -> bool {
        matches!(self.encoding, Encoding::UntilClose | Encoding::Tunnel)
    }

    /// The connection may end now without cutting a message short: none was begun, or all of it
    /// is on its way.
    pub(crate) fn closes_well(&self) -> bool {
        self.encoding == Encoding::Pending || self.ended
    }

    /// Another kind of stream follows the message that is (all but) queued.
    pub(crate) fn reopen(&mut self, encoding: Encoding) {
        if !matches!(self.encoding, Encoding::Pending) {
            // The message before has to be whole; otherwise `error` says that it is not.
            let _ = self.end();
        }
        self.encoding = encoding;
        self.ended = false;
        self.trailed = false;
        self.done = false;
    }

    pub(crate) fn fail(&mut self, kind: Kind, detail: &'static str) -> StreamError {
        self.error
            .get_or_insert_with(|| StreamError::new(kind, detail))
            .clone()
    }

    pub(crate) fn check(&self) -> Result<(), StreamError> {
        match &self.error {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// Another piece may be queued.
    pub(crate) fn has_room(&self, max: usize) -> bool {
        self.piece.is_empty() && self.buf.len() < max
    }

    pub(crate) fn data(&mut self, data: Bytes) -> Result<(), StreamError> {
        self.check()?;
        if self.ended || self.trailed {
            return Err(self.fail(Kind::Protocol, "content after the end of the message"));
        }
        // An empty chunk would be the last one.
        if data.is_empty() {
            return Ok(());
        }
        match &mut self.encoding {
            Encoding::Pending => {
                return Err(self.fail(Kind::Protocol, "content before the head"));
            }
            Encoding::Discard => {}
            Encoding::Length(left) => match left.checked_sub(data.len() as u64) {
                Some(rest) => {
                    *left = rest;
                    self.queue(data, false);
                }
                None => {
                    let detail = "content is longer than the declared content-length";
                    return Err(self.fail(Kind::Protocol, detail));
                }
            },
            Encoding::Chunked => self.queue(data, true),
            Encoding::UntilClose | Encoding::Tunnel => self.queue(data, false),
        }
        Ok(())
    }

    /// RFC 9110 section 6.5.1: only chunked has a place for trailers; elsewhere they are dropped,
    /// as are fields that must not be in them.
    pub(crate) fn trailers(&mut self, trailers: &HeaderMap) -> Result<(), StreamError> {
        self.check()?;
        match self.encoding {
            Encoding::Pending => {
                return Err(self.fail(Kind::Protocol, "trailers before the head"));
            }
            Encoding::Chunked if !self.trailed && !self.ended => {}
            _ => return Ok(()),
        }
        let mut section = BytesMut::new();
        section.put_slice(b"0\r\n");
        if trailers.contains_key(HOST) || trailers.contains_key(TRAILER) {
            let mut kept = trailers.clone();
            kept.remove(HOST);
            kept.remove(TRAILER);
            encode::fields(&mut section, &kept);
        } else {
            encode::fields(&mut section, trailers);
        }
        section.put_slice(b"\r\n");
        self.trailed = true;
        self.follow(&section);
        Ok(())
    }

    /// Queues the end of the message.
    pub(crate) fn end(&mut self) -> Result<(), StreamError> {
        self.check()?;
        if self.ended {
            return Ok(());
        }
        match self.encoding {
            Encoding::Pending => {
                return Err(self.fail(Kind::Protocol, "end of a message without a head"));
            }
            Encoding::Length(left) if left > 0 => {
                let detail = "content is shorter than the declared content-length";
                return Err(self.fail(Kind::Truncated, detail));
            }
            Encoding::Chunked if !self.trailed => {
                if !self.piece.is_empty() && self.tail == CHUNK_END {
                    self.tail = Bytes::from_static(CHUNK_END_AND_LAST);
                } else {
                    self.follow(LAST_CHUNK);
                }
            }
            _ => {}
        }
        self.ended = true;
        Ok(())
    }

    /// Puts bytes behind everything that is queued.
    fn follow(&mut self, bytes: &[u8]) {
        self.settle();
        if self.piece.is_empty() {
            self.buf.put_slice(bytes);
        } else {
            let mut tail = BytesMut::from(&self.tail[..]);
            tail.put_slice(bytes);
            self.tail = tail.freeze();
        }
    }

    fn queue(&mut self, data: Bytes, chunk: bool) {
        self.settle();
        let end = if chunk { CHUNK_END } else { b"" };
        if !self.piece.is_empty() {
            // A caller that did not wait for room: correct all the same.
            let mut bytes = BytesMut::new();
            if chunk {
                chunk_head(&mut bytes, data.len());
            }
            bytes.put_slice(&data);
            bytes.put_slice(end);
            self.follow(&bytes);
            return;
        }
        if chunk {
            chunk_head(&mut self.buf, data.len());
        }
        if data.len() > COPIED {
            self.piece = data;
            self.tail = Bytes::from_static(end);
        } else {
            self.buf.put_slice(&data);
            self.buf.put_slice(end);
        }
    }

    /// With the piece gone, what follows it may stand in the buffer (which is empty then).
    fn settle(&mut self) {
        if self.piece.is_empty() && !self.tail.is_empty() {
            self.buf.put_slice(&self.tail);
            self.tail = Bytes::new();
        }
    }

    pub(crate) fn poll_write<T: AsyncWrite + Unpin>(
        &mut self,
        io: &mut T,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            self.settle();
            let mut io = Pin::new(&mut *io);
            let count = if self.piece.is_empty() {
                if self.buf.is_empty() {
                    return Poll::Ready(Ok(()));
                }
                ready!(io.as_mut().poll_write(cx, &self.buf))?
            } else if io.is_write_vectored() {
                let slices = [
                    IoSlice::new(&self.buf),
                    IoSlice::new(&self.piece),
                    IoSlice::new(&self.tail),
                ];
                let first = usize::from(self.buf.is_empty());
                let last = if self.tail.is_empty() { 2 } else { 3 };
                ready!(io.as_mut().poll_write_vectored(cx, &slices[first..last]))?
            } else {
                let bytes = if self.buf.is_empty() {
                    &self.piece[..]
                } else {
                    &self.buf[..]
                };
                ready!(io.as_mut().poll_write(cx, bytes))?
            };
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.wrote = true;
            self.unflushed = true;
            self.consume(count);
        }
    }

    pub(crate) fn poll_flush<T: AsyncWrite + Unpin>(
        &mut self,
        io: &mut T,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_write(io, cx))?;
        if self.unflushed {
            ready!(Pin::new(io).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn consume(&mut self, count: usize) {
        let head = count.min(self.buf.len());
        self.buf.advance(head);
        let piece = (count - head).min(self.piece.len());
        self.piece.advance(piece);
        self.tail.advance(count - head - piece);
        if self.piece.is_empty() {
            // Gives the room under the piece back to its reader.
            self.piece = Bytes::new();
        }
    }
}

fn chunk_head(buf: &mut BytesMut, size: usize) {
    let digits = (usize::BITS - size.leading_zeros()).div_ceil(4).max(1);
    for place in (0..digits).rev() {
        let digit = (size >> (place * 4)) & 0xf;
        buf.put_u8(b"0123456789abcdef"[digit]);
    }
    buf.put_slice(CHUNK_END);
}
