//! The bytes that come in: buffers that an idle connection does not hold.

use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use harmony_stream::StreamError;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use crate::decode::{Decoder, Framing};
use crate::scan::Scan;

/// Reads up to this size go through the stack and are copied into a buffer of their exact size:
/// heads and small messages then pin no spare room, and waiting costs no memory at all.
const SMALL: usize = 8 << 10;
/// The largest read of content.
const LARGE: usize = 64 << 10;
/// RFC 9112 section 2.2: at least one empty line before a request line is to be ignored.
const MAX_BLANK_LINES: u8 = 4;

#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) buf: BytesMut,
    pub(crate) scan: Scan,
    pub(crate) decoder: Decoder,
    /// The peer ended its side of the connection.
    pub(crate) eof: bool,
    /// What broke the message; it stays broken.
    pub(crate) error: Option<StreamError>,
    /// A byte of this message was received.
    pub(crate) received: bool,
    /// The rest of the content is discarded.
    pub(crate) stopped: bool,
    pub(crate) drained: usize,
    blank_lines: u8,
    want: usize,
}

impl Input {
    pub(crate) fn new() -> Self {
        Self {
            buf: BytesMut::new(),
            scan: Scan::default(),
            decoder: Decoder::new(Framing::Empty),
            eof: false,
            error: None,
            received: false,
            stopped: false,
            drained: 0,
            blank_lines: 0,
            want: SMALL,
        }
    }

    /// Ready for the next message; bytes of it that are already here stay, in a buffer of their
    /// own size.
    pub(crate) fn renew(&mut self) {
        let early = BytesMut::from(&self.buf[..]);
        let eof = self.eof;
        *self = Self {
            received: !early.is_empty(),
            buf: early,
            eof,
            ..Self::new()
        };
    }

    /// Drops empty lines before a request line; whether anything is left then.
    pub(crate) fn skip_blank_lines(&mut self) -> bool {
        while self.blank_lines < MAX_BLANK_LINES && self.buf.starts_with(b"\r\n") {
            self.buf.advance(2);
            self.blank_lines += 1;
        }
        !(self.buf.is_empty() || self.buf[..] == b"\r"[..])
    }

    /// Reads once; 0 is the connection's end.
    pub(crate) fn poll_fill<T: AsyncRead + Unpin>(
        &mut self,
        io: &mut T,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if self.eof {
            return Poll::Ready(Ok(0));
        }
        let expected = usize::try_from(self.decoder.expected()).unwrap_or(LARGE);
        let want = self.want.max(expected.min(LARGE));
        let count = if want > SMALL {
            // Room is taken again from pieces that were consumed; only when little is left, so
            // that short reads do not each pay for a new buffer.
            if self.buf.capacity() - self.buf.len() < want / 2 {
                self.buf.reserve(want);
            }
            ready!(pin!(io.read_buf(&mut self.buf)).poll(cx))?
        } else {
            let mut stack = [const { MaybeUninit::uninit() }; SMALL];
            let mut read = ReadBuf::uninit(&mut stack);
            ready!(Pin::new(io).poll_read(cx, &mut read))?;
            if self.buf.is_empty() {
                self.buf = BytesMut::from(read.filled());
            } else {
                self.buf.extend_from_slice(read.filled());
            }
            read.filled().len()
        };
        if count >= want {
            self.want = (want * 2).min(LARGE);
        } else if count < want / 4 {
            self.want = (want / 2).max(SMALL);
        }
        self.eof = count == 0;
        self.received |= count > 0;
        Poll::Ready(Ok(count))
    }
}
