//! The client's side of HTTP/2: a connection that many requests share, and the answer's head.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use harmony_stream::{Frame, Kind, Reason, Receive, StreamError};
use http::{Request, Response, StatusCode, request, response};
use std::pin::Pin;

use super::{RecvBody, SEND_BUFFER, STREAM_WINDOW, SendBody, error, lenient, list_size};
use crate::io::Io;
use crate::message;

/// RFC 9113 6.9.1.
const MAX_WINDOW: u32 = (1 << 31) - 1;

/// What we allow an upstream on one connection.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Header section of an answer, in bytes as RFC 9113 6.5.2 counts them.
    pub max_head_bytes: u32,
    pub max_fields: usize,
    /// Requests at once. All of their answers may stall and still leave room in the connection's
    /// window, or they would stop the others on it.
    pub max_streams: usize,
}

impl Settings {
    fn window(&self) -> u32 {
        let streams = u32::try_from(self.max_streams).unwrap_or(u32::MAX);
        STREAM_WINDOW
            .saturating_mul(streams.saturating_add(1))
            .min(MAX_WINDOW)
    }
}

/// A connection that answers of several requests share. Cloning is cheap.
#[derive(Clone)]
pub struct Requester {
    inner: SendRequest<Bytes>,
    settings: Settings,
    ending: Ending,
}

/// What ended the connection. `h2` tells its streams of a failed write only that something did.
type Ending = Arc<OnceLock<StreamError>>;

/// Sends the preface and SETTINGS; the returned driver must be spawned, and ends with the
/// connection: with the error that ended it, if one did.
pub async fn handshake(
    io: Io,
    settings: Settings,
) -> Result<
    (
        Requester,
        h2::PingPong,
        impl Future<Output = Option<StreamError>>,
    ),
    StreamError,
> {
    let (inner, mut connection) = h2::client::Builder::new()
        .enable_push(false)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(settings.window())
        .max_frame_size(16_384)
        .max_header_list_size(lenient(settings.max_head_bytes))
        .max_send_buffer_size(SEND_BUFFER)
        .max_concurrent_reset_streams(64)
        .handshake::<_, Bytes>(io)
        .await
        .map_err(|failure| error(&failure))?;
    let ping = connection.ping_pong().ok_or_else(|| {
        StreamError::new(Kind::Closed, "the HTTP/2 connection has no ping channel")
    })?;
    let ending = Ending::default();
    let driver = {
        let ending = Arc::clone(&ending);
        async move {
            let end = (&mut connection).await.err().map(|failure| error(&failure));
            // Before the connection is dropped, which its streams notice.
            if let Some(end) = &end {
                ending.get_or_init(|| end.clone());
            }
            drop(connection);
            end
        }
    };
    Ok((
        Requester {
            inner,
            settings,
            ending,
        },
        ping,
        driver,
    ))
}

impl Requester {
    /// The peer's SETTINGS allow extended CONNECT (RFC 8441 3).
    pub fn extended_connect(&self) -> bool {
        self.inner.is_extended_connect_protocol_enabled()
    }

    /// Streams that the peer allows at once.
    pub fn max_streams(&self) -> usize {
        self.inner.current_max_send_streams()
    }

    /// Waits until the peer allows one more stream.
    pub async fn ready(&self) -> Result<Requester, StreamError> {
        match self.inner.clone().ready().await {
            Ok(inner) => Ok(Requester {
                inner,
                settings: self.settings,
                ending: Arc::clone(&self.ending),
            }),
            Err(failure) => Err(self.unsent(&failure)),
        }
    }

    /// Opens a stream. Call on what `ready` returned.
    pub fn send(
        &mut self,
        parts: request::Parts,
        end: bool,
    ) -> Result<(SendBody, RecvResponse), StreamError> {
        let head = parts.method == http::Method::HEAD;
        let length = message::content_length(&parts.headers).ok().flatten();
        let (response, stream) = self
            .inner
            .send_request(Request::from_parts(parts, ()), end)
            .map_err(|failure| self.unsent(&failure))?;
        Ok((
            SendBody::new(stream, if end { None } else { length }, end),
            RecvResponse {
                state: State::Head(response),
                settings: self.settings,
                ending: Arc::clone(&self.ending),
                head,
                received: false,
                interim: 0,
            },
        ))
    }

    /// Nothing was sent, whatever ended the connection. Elsewhere, too, a certificate that was
    /// denied would not be accepted.
    fn unsent(&self, failure: &h2::Error) -> StreamError {
        let failure = lost(failure, &self.ending);
        let kind = match failure.kind {
            Kind::Denied => Kind::Denied,
            _ => Kind::Refused,
        };
        StreamError { kind, ..failure }
    }
}

/// The stream's own error, or what ended the connection under it.
fn lost(failure: &h2::Error, ending: &Ending) -> StreamError {
    let own = error(failure);
    match (own.kind, ending.get()) {
        (Kind::Closed, Some(end)) => end.clone(),
        _ => own,
    }
}

/// Interim heads of one answer, as in the other protocols.
const MAX_INTERIM: u8 = 16;

enum State {
    Head(ResponseFuture),
    Body(RecvBody),
}

/// The answer to one request.
pub struct RecvResponse {
    state: State,
    settings: Settings,
    ending: Ending,
    head: bool,
    received: bool,
    interim: u8,
}

impl RecvResponse {
    /// The next head: interim ones first, then the final one.
    pub fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<response::Parts, StreamError>> {
        let State::Head(future) = &mut self.state else {
            return Poll::Ready(Err(StreamError::new(
                Kind::Protocol,
                "the head was taken already",
            )));
        };
        if let Poll::Ready(Some(interim)) = future.poll_informational(cx) {
            let interim = interim.map_err(|failure| lost(&failure, &self.ending))?;
            self.received = true;
            // RFC 9113 8.6: 101 is of HTTP/1.1 alone.
            if interim.status() == StatusCode::SWITCHING_PROTOCOLS {
                return Poll::Ready(Err(StreamError::new(
                    Kind::Protocol,
                    "101 over HTTP/2 is malformed",
                )));
            }
            if self.interim == MAX_INTERIM {
                return Poll::Ready(Err(StreamError::new(
                    Kind::Protocol,
                    "too many interim answers",
                )));
            }
            self.interim += 1;
            return Poll::Ready(self.checked(interim.into_parts().0));
        }
        let response: Response<h2::RecvStream> =
            ready!(Pin::new(future).poll(cx)).map_err(|failure| lost(&failure, &self.ending))?;
        self.received = true;
        let (parts, stream) = response.into_parts();
        let length = if self.head || parts.status == StatusCode::NOT_MODIFIED {
            None
        } else {
            message::content_length(&parts.headers)
                .map_err(|detail| StreamError::new(Kind::Protocol, detail))?
        };
        self.state = State::Body(RecvBody::new(stream, length));
        Poll::Ready(self.checked(parts))
    }

    fn checked(&self, parts: response::Parts) -> Result<response::Parts, StreamError> {
        if list_size(&parts.headers) > u64::from(self.settings.max_head_bytes) {
            return Err(StreamError::new(
                Kind::Limit,
                "the header section of the answer is too large",
            ));
        }
        if parts.headers.len() > self.settings.max_fields {
            return Err(StreamError::new(
                Kind::Limit,
                "too many header fields in the answer",
            ));
        }
        Ok(parts)
    }

    /// Whether anything of an answer has come.
    pub fn received_any(&self) -> bool {
        self.received
    }
}

impl Receive for RecvResponse {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, StreamError>>> {
        match &mut self.state {
            State::Body(body) => body.poll_frame(cx),
            State::Head(_) => Poll::Ready(Some(Err(StreamError::new(
                Kind::Protocol,
                "content before the head of the answer",
            )))),
        }
    }

    fn is_end(&self) -> bool {
        match &self.state {
            State::Body(body) => body.is_end(),
            State::Head(_) => false,
        }
    }

    fn remaining(&self) -> Option<u64> {
        match &self.state {
            State::Body(body) => body.remaining(),
            State::Head(_) => None,
        }
    }

    fn stop(&mut self, reason: Reason) {
        if let State::Body(body) = &mut self.state {
            body.stop(reason);
        }
    }
}
