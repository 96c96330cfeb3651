//! What a connection asks of the stream of bytes under it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;

/// A byte stream in both directions.
pub trait Io: AsyncRead + AsyncWrite + Unpin + Send {
    /// Called once, right before the stream is dropped, when the peer must not take its end for
    /// the end of a message that is delimited by it. TCP turns the close into a reset; TLS needs
    /// nothing, since a stream that is dropped without shutdown sends no close_notify.
    fn abort(&mut self) {}
}

impl Io for TcpStream {
    fn abort(&mut self) {
        // A socket that is already dead cannot be made deader.
        let _ = self.set_zero_linger();
    }
}

impl Io for DuplexStream {}

impl<T: Io + ?Sized> Io for Box<T> {
    fn abort(&mut self) {
        (**self).abort();
    }
}

/// Makes a foreign stream (a TLS stream, say) fit, with what `abort` is to do for it.
#[derive(Debug)]
pub struct Hooked<T> {
    io: T,
    abort: fn(&mut T),
}

impl<T> Hooked<T> {
    pub fn new(io: T, abort: fn(&mut T)) -> Self {
        Self { io, abort }
    }

    pub fn get_ref(&self) -> &T {
        &self.io
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for Hooked<T> {
    fn abort(&mut self) {
        (self.abort)(&mut self.io);
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Hooked<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Hooked<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
