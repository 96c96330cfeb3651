//! The answer to a request.

use super::*;
use crate::field::{ContentLength, content_length};
use harmony_stream::Kind;
use http::header::CONTENT_LENGTH;

/// More informational answers than this to one request are dropped, as is one that finds the
/// write buffer full: they are advice.
const MAX_INFORMATIONAL: u8 = 16;

/// Sends the answer: informational heads, the head, then content.
#[derive(Debug)]
pub struct Respond<IO: Io> {
    link: Shared<IO>,
    /// The request was HEAD.
    head: bool,
    /// The client speaks HTTP/1.0.
    old: bool,
    keep_alive: bool,
    /// The client waits for 100 (Continue), which was not sent.
    expects: bool,
    informational: u8,
}

impl<IO: Io> Respond<IO> {
    pub(super) fn new(link: Shared<IO>, request: &Request) -> Self {
        Self {
            link,
            head: request.parts.method == Method::HEAD,
            old: request.parts.version == Version::HTTP_10,
            keep_alive: request.keep_alive,
            expects: request.expects,
            informational: 0,
        }
    }

    pub(super) fn link(&self) -> &Shared<IO> {
        &self.link
    }

    pub(super) fn keep_alive(&self) -> bool {
        self.keep_alive
    }

    /// Queues an informational head (RFC 9110 section 15.2); `poll_flush` sends it. Nothing goes
    /// to an HTTP/1.0 client, which knows none, or after the head. 101 is sent by `upgrade`.
    pub fn send_informational(&mut self, status: StatusCode, headers: &HeaderMap) {
        let mut link = self.link.lock();
        if self.old
            || !status.is_informational()
            || status == StatusCode::SWITCHING_PROTOCOLS
            || link.output.encoding != Encoding::Pending
        {
            return;
        }
        if status == StatusCode::CONTINUE {
            self.expects = false;
        } else if self.informational == MAX_INFORMATIONAL
            || !link.output.has_room(link.limits.max_write_buffer)
        {
            return;
        } else {
            self.informational += 1;
        }
        let buf = &mut link.output.buf;
        encode::response(
            buf,
            status,
            headers,
            Declared::Nothing,
            Persistence::Default,
        );
    }

    /// Queues the head. A final status, once; a mistake here fails the exchange at the next poll.
    pub fn send_head(&mut self, parts: &response::Parts, body: BodyLength) {
        let mut link = self.link.lock();
        if link.output.encoding != Encoding::Pending || parts.status.is_informational() {
            link.output
                .fail(Kind::Protocol, "not the one final head of an answer");
            return;
        }
        let (encoding, declared) = self.framing(parts, body);
        // RFC 9110 section 10.1.1: a client that was not told to continue may or may not send
        // the content; what follows on the connection would be a guess.
        let unread = self.expects && !link.input.decoder.is_done();
        if unread || encoding == Encoding::UntilClose {
            self.keep_alive = false;
        }
        let persistence = match (self.keep_alive, self.old) {
            (false, _) => Persistence::Close,
            (true, false) => Persistence::Default,
            (true, true) => Persistence::KeepAlive,
        };
        link.output.encoding = encoding;
        encode::response(
            &mut link.output.buf,
            parts.status,
            &parts.headers,
            declared,
            persistence,
        );
    }

    /// RFC 9112 section 6 for responses.
    fn framing(&self, parts: &response::Parts, body: BodyLength) -> (Encoding, Declared) {
        // RFC 9110 section 8.6: never a content-length in 204.
        if parts.status == StatusCode::NO_CONTENT {
            return (Encoding::Discard, Declared::Nothing);
        }
        // The same section: HEAD and 304 may say what a GET would.
        if self.head || parts.status == StatusCode::NOT_MODIFIED {
            let declared = match body {
                BodyLength::Length(length) => Declared::Length(length),
                BodyLength::Empty | BodyLength::Unknown => given(&parts.headers),
            };
            return (Encoding::Discard, declared);
        }
        match body {
            BodyLength::Empty => (Encoding::Length(0), Declared::Length(0)),
            BodyLength::Length(length) => (Encoding::Length(length), Declared::Length(length)),
            BodyLength::Unknown if self.old => (Encoding::UntilClose, Declared::Nothing),
            BodyLength::Unknown => (Encoding::Chunked, Declared::Chunked),
        }
    }

    /// No other request is taken on this connection; said to the client when the head was not
    /// sent yet.
    pub fn close_after(&mut self) {
        self.keep_alive = false;
    }

    /// Queues the head of a 101, or of a 2xx to CONNECT, and makes the connection a tunnel:
    /// content goes out as it is, `poll_finish` ends our direction, `reset` aborts both.
    pub fn upgrade(&mut self, parts: &response::Parts) {
        let mut link = self.link.lock();
        if link.output.encoding != Encoding::Pending {
            link.output
                .fail(Kind::Protocol, "upgrade after the head of an answer");
            return;
        }
        self.keep_alive = false;
        let buf = &mut link.output.buf;
        let declared = Declared::Nothing;
        encode::response(
            buf,
            parts.status,
            &parts.headers,
            declared,
            Persistence::Default,
        );
        link.tunnel_output();
    }
}

/// The length that the headers of an answer without content tell.
fn given(headers: &HeaderMap) -> Declared {
    let mut values = headers.get_all(CONTENT_LENGTH).iter();
    match (
        values.next().map(|value| content_length(value.as_bytes())),
        values.next(),
    ) {
        (Some(ContentLength::Value(length)), None) => Declared::Length(length),
        _ => Declared::Nothing,
    }
}

impl<IO: Io> Transmit for Respond<IO> {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        self.link.lock().poll_ready(cx)
    }

    fn send_data(&mut self, data: Bytes) -> Result<(), StreamError> {
        self.link.lock().output.data(data)
    }

    fn send_trailers(&mut self, trailers: HeaderMap) -> Result<(), StreamError> {
        self.link.lock().output.trailers(&trailers)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        self.link.lock().poll_flush(cx)
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        self.link.lock().poll_finish(cx)
    }

    fn reset(&mut self, _reason: Reason) {
        let mut link = self.link.lock();
        if !link.output.done {
            link.cut();
        }
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        self.link.lock().poll_closed(cx)
    }
}

impl<IO: Io> Drop for Respond<IO> {
    fn drop(&mut self) {
        self.link.lock().abandon_output();
    }
}
