//! The server's side of a connection: requests come in one after another, answers go out in the
//! same order (RFC 9112 section 9.3.2: pipelined requests wait in the read buffer).

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{BufMut, Bytes};
use harmony_stream::{Frame, Reason, Receive, StreamError, Transmit};
use http::header::HeaderMap;
use http::{Method, StatusCode, Version, request, response};
use tokio::time::timeout;

use crate::codec;
use crate::encode::{self, Declared, Persistence};
use crate::link::{Link, Shared, Side};
use crate::output::Encoding;
pub use crate::request::HeadError;
use crate::request::{self as head, Request};
use crate::{BodyLength, Io, Limits};

mod respond;

pub use respond::Respond;

/// One connection, between and during exchanges.
#[derive(Debug)]
pub struct Connection<IO: Io> {
    link: Shared<IO>,
    /// Bytes of the client may still be on their way when this connection closes.
    linger: bool,
}

/// The content of a request.
#[derive(Debug)]
pub struct RecvBody<IO: Io> {
    link: Shared<IO>,
    expects: bool,
}

impl<IO: Io> Connection<IO> {
    pub fn new(io: IO, limits: Limits) -> Self {
        Self {
            link: Shared::new(io, limits, Side::Server),
            linger: false,
        }
    }

    /// Waits for the first byte of a next request. `false`: the client ended the connection.
    /// While it waits, the connection holds no buffers. May be dropped and called again.
    pub async fn wait(&mut self) -> io::Result<bool> {
        poll_fn(|cx| self.link.lock().poll_wait(cx)).await
    }

    /// Reads one head. The caller bounds the time; it may drop the future, and then refuse
    /// with 408, or call again. After an error, `refuse` or drop the connection.
    pub async fn head(&mut self) -> Result<(request::Parts, RecvBody<IO>, Respond<IO>), HeadError> {
        self.linger = true;
        let request = poll_fn(|cx| self.link.lock().poll_request(cx)).await?;
        let respond = Respond::new(self.link.clone(), &request);
        let recv = RecvBody {
            link: self.link.clone(),
            expects: request.expects,
        };
        Ok((request.parts, recv, respond))
    }

    /// Answers a request that never became an exchange, and closes the connection. `headers`
    /// go out as they are, beside the framing fields.
    pub async fn refuse(mut self, status: u16, headers: &HeaderMap, body: &[u8]) -> io::Result<()> {
        let status = StatusCode::from_u16(status)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        {
            let mut link = self.link.lock();
            // Behind the answer to an earlier request, this would be the answer to none.
            if link.output.encoding == Encoding::Pending {
                let buf = &mut link.output.buf;
                let declared = Declared::Length(body.len() as u64);
                encode::response(buf, status, headers, declared, Persistence::Close);
                buf.put_slice(body);
            }
        }
        self.linger = true;
        self.close().await;
        Ok(())
    }

    /// Takes the halves of a finished exchange back. `true`: another request may follow;
    /// otherwise close.
    pub fn reclaim(&mut self, recv: RecvBody<IO>, respond: Respond<IO>) -> bool {
        if !self.link.is(&recv.link) || !self.link.is(respond.link()) {
            return false;
        }
        let keep_alive = respond.keep_alive();
        drop(respond);
        let mut link = self.link.lock();
        // Content that nobody read may be here already: then the next request is in reach.
        link.discard_buffered();
        let complete = link.input.decoder.is_done() && link.input.error.is_none();
        self.linger = !complete || !link.input.buf.is_empty();
        if !complete || !keep_alive || !link.finished() {
            return false;
        }
        link.input.renew();
        link.output.renew();
        self.linger = false;
        true
    }

    /// Writes what is queued and closes. RFC 9112 section 9.6: when bytes of the client are
    /// still on their way, closing at once would make TCP reset the connection, and the answer
    /// be lost; so it reads on for a bounded time. A connection that was cut is left as it is.
    pub async fn close(self) {
        let linger = self.linger;
        let limits = self.link.lock().limits;
        let end = poll_fn(|cx| self.link.lock().poll_end(cx, linger));
        // Whatever fails here, the connection is dropped next.
        let _ = timeout(limits.linger, end).await;
    }
}

impl<IO: Io> Link<IO> {
    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        loop {
            if self.input.skip_blank_lines() {
                return Poll::Ready(Ok(true));
            }
            match self.poll_fill(cx) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Ok(false)),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    if self.input.buf.is_empty() {
                        self.release();
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    fn poll_request(&mut self, cx: &mut Context<'_>) -> Poll<Result<Request, HeadError>> {
        loop {
            if self.input.skip_blank_lines() {
                let input = &mut self.input;
                if let Some(end) = codec::request_end(&input.buf, &mut input.scan, &self.limits)? {
                    let request = head::parse(&input.buf.split_to(end).freeze(), &self.limits)?;
                    self.begin_content(request.framing);
                    return Poll::Ready(Ok(request));
                }
            }
            match ready!(self.poll_fill(cx)) {
                Ok(0) => {
                    let detail = "connection closed inside a request head";
                    return Poll::Ready(Err(HeadError::closed(detail)));
                }
                Ok(_) => {}
                Err(_) => {
                    let detail = "connection failed inside a request head";
                    return Poll::Ready(Err(HeadError::closed(detail)));
                }
            }
        }
    }

    /// The answer is complete and the connection whole.
    fn finished(&self) -> bool {
        self.io.is_some()
            && self.output.done
            && !self.output.ends_with_connection()
            && self.output.error.is_none()
    }

    fn discard_buffered(&mut self) {
        let limits = self.limits;
        while self.input.error.is_none() && !self.input.decoder.is_done() {
            match self.input.decoder.decode(&mut self.input.buf, &limits) {
                Ok(codec::Piece::More) => return,
                Ok(_) => {}
                Err(error) => self.input.error = Some(error),
            }
        }
    }

    fn poll_end(&mut self, cx: &mut Context<'_>, linger: bool) -> Poll<io::Result<()>> {
        // Without its end, a message must not be followed by a regular end of the connection.
        if !self.output.closes_well() {
            self.cut();
        }
        let Some(io) = &mut self.io else {
            return Poll::Ready(Ok(()));
        };
        if !self.output.done {
            ready!(self.output.poll_flush(io, cx))?;
        }
        ready!(Pin::new(io).poll_shutdown(cx))?;
        self.output.done = true;
        while linger && self.input.drained < self.limits.max_linger_bytes {
            self.input.buf.clear();
            let count = ready!(self.poll_fill(cx))?;
            if count == 0 {
                break;
            }
            self.input.drained += count;
        }
        Poll::Ready(Ok(()))
    }
}

impl<IO: Io> RecvBody<IO> {
    /// The client waits for 100 (Continue) before it sends the content.
    pub fn expects_continue(&self) -> bool {
        self.expects
    }

    /// From here on the bytes of a tunnel: whatever comes, until the client's end of the stream.
    pub fn upgrade(&mut self) {
        self.link.lock().tunnel_input();
    }
}

impl<IO: Io> Receive for RecvBody<IO> {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, StreamError>>> {
        self.link.lock().poll_frame(cx)
    }

    fn is_end(&self) -> bool {
        let link = self.link.lock();
        link.input.decoder.is_done() && link.input.error.is_none()
    }

    fn remaining(&self) -> Option<u64> {
        self.link.lock().input.decoder.remaining()
    }

    /// A client cannot be told to stop but by closing; so content is discarded, in the hope that
    /// it is short, and the connection is lost if it is not.
    fn stop(&mut self, _reason: Reason) {
        self.link.lock().stop_input();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::io::{AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn an_idle_connection_holds_no_buffers() {
        let (mut peer, io) = duplex(1 << 20);
        let mut connection = Connection::new(io, Limits::default());
        let length = 100_000;
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
        peer.write_all(head.as_bytes()).await.unwrap();
        peer.write_all(&vec![b'x'; length]).await.unwrap();
        let (_, mut recv, mut respond) = connection.head().await.unwrap();
        while poll_fn(|cx| recv.poll_frame(cx)).await.is_some() {}
        respond.send_head(&http::Response::new(()).into_parts().0, BodyLength::Unknown);
        respond.send_data(Bytes::from(vec![b'x'; 2000])).unwrap();
        poll_fn(|cx| respond.poll_finish(cx)).await.unwrap();
        assert!(connection.reclaim(recv, respond));
        let waits = poll_fn(|cx| Poll::Ready(connection.link.lock().poll_wait(cx).is_pending()));
        assert!(waits.await);
        let link = connection.link.lock();
        assert_eq!(
            (link.input.buf.capacity(), link.output.buf.capacity()),
            (0, 0)
        );
        assert!(size_of::<Link<tokio::net::TcpStream>>() < 1024);
    }
}
