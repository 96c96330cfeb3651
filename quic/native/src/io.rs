//! A byte stream under HTTP/1.1 or HTTP/2: plain TCP, or TLS over it, on either side.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;

use crate::{fault, tls};

pub enum Io {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Io {
    pub fn socket(&self) -> &TcpStream {
        match self {
            Io::Tcp(tcp) => tcp,
            Io::Tls(tls) => tls.get_ref().0,
        }
    }
}

/// An alert about our certificate comes after the handshake in TLS 1.3; the protocols above know
/// it by its kind.
fn denied(error: io::Error) -> io::Error {
    match *tls::fault(&error) == fault::TLS_CLIENT_CERTIFICATE {
        true => io::Error::new(io::ErrorKind::PermissionDenied, error),
        false => error,
    }
}

/// A peer that refuses us closes after its alert, and a write may meet the closed connection
/// before a read meets the alert.
fn refusal(io: &mut TlsStream<TcpStream>, error: io::Error) -> io::Error {
    let TlsStream::Client(client) = io else {
        return error;
    };
    let (tcp, session) = client.get_mut();
    let mut rest = Rest(tcp);
    // What is decrypted on the way stays in the session, for whoever reads next.
    while let Ok(1..) = session.read_tls(&mut rest) {
        if let Err(alert) = session.process_new_packets() {
            let alert = denied(io::Error::new(io::ErrorKind::InvalidData, alert));
            return match alert.kind() {
                io::ErrorKind::PermissionDenied => alert,
                _ => error,
            };
        }
    }
    error
}

/// What has arrived already, by the system's word: tokio may not have heard of it yet.
struct Rest<'a>(&'a TcpStream);

impl io::Read for Rest<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*SockRef::from(self.0)).read(buf)
    }
}

impl harmony_http1::Io for Io {
    /// Makes the close that follows a TCP reset; for TLS it also goes without close_notify.
    fn abort(&mut self) {
        // A socket that is dead already needs none.
        let _ = self.socket().set_zero_linger();
    }
}

impl AsyncRead for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self {
            Io::Tcp(io) => Pin::new(io).poll_read(cx, buf),
            Io::Tls(io) => Pin::new(io.as_mut()).poll_read(cx, buf).map_err(denied),
        }
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Io::Tcp(io) => Pin::new(io).poll_write(cx, buf),
            Io::Tls(io) => {
                let written = Pin::new(io.as_mut()).poll_write(cx, buf);
                written.map_err(|error| refusal(io, error))
            }
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Io::Tcp(io) => Pin::new(io).poll_write_vectored(cx, bufs),
            Io::Tls(io) => {
                let written = Pin::new(io.as_mut()).poll_write_vectored(cx, bufs);
                written.map_err(|error| refusal(io, error))
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Io::Tcp(io) => io.is_write_vectored(),
            Io::Tls(io) => io.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Io::Tcp(io) => Pin::new(io).poll_flush(cx),
            Io::Tls(io) => {
                let flushed = Pin::new(io.as_mut()).poll_flush(cx);
                flushed.map_err(|error| refusal(io, error))
            }
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Io::Tcp(io) => Pin::new(io).poll_shutdown(cx),
            Io::Tls(io) => Pin::new(io.as_mut()).poll_shutdown(cx),
        }
    }
}
