//! Answers that JavaScript gives itself.

use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use harmony_stream::{Frame, Kind, Reason, Receive, StreamError};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue, StatusCode};

use super::content::{Given, Streamed};
use super::downstream::poll_left;
use super::pump::{Broken, Pump, Waits};
use super::{Exchange, Over, Step};
use crate::crossing::answer::Content;
use crate::fault::{self, Fault};
use crate::message;
use crate::upstream::BodyLength;

/// How the sending of an answer of ours ended.
enum Sent {
    Whole,
    Source(StreamError),
    Client(StreamError),
}

impl Exchange {
    pub(super) async fn respond(
        &mut self,
        status: StatusCode,
        mut headers: HeaderMap,
        body: Content,
    ) -> Step<()> {
        if self.answered || message::strip_connection(&mut headers).is_err() {
            return self.broken_answer().await;
        }
        let declared = message::content_length(&headers);
        let bodyless = message::is_bodyless(&self.head.method, status);
        let length = match (&body, declared) {
            (Content::Bytes(bytes), Ok(_)) => Some(bytes.len() as u64),
            (Content::None, Ok(declared)) if bodyless => declared,
            (Content::None, Ok(_)) => Some(0),
            (Content::Stream, Ok(declared)) => declared,
            (_, Err(_)) => return self.broken_answer().await,
        };
        match length {
            // RFC 9110 8.6: no content-length with 204.
            Some(length) if status != StatusCode::NO_CONTENT => {
                headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
            }
            _ => {
                headers.remove(CONTENT_LENGTH);
            }
        }
        let framing = match length {
            _ if bodyless => BodyLength::Empty,
            Some(0) if !matches!(body, Content::Stream) => BodyLength::Empty,
            Some(length) => BodyLength::Length(length),
            None => BodyLength::Unknown,
        };
        if let Err(error) = self.send_head(status, headers, framing) {
            return self.lost(&error);
        }
        #[cfg(test)]
        super::failpoint::hit(&self.head.target, "body");
        let sent = match body {
            _ if bodyless => self.send(Given(Bytes::new())).await,
            Content::None => self.send(Given(Bytes::new())).await,
            Content::Bytes(bytes) => self.send(Given(bytes)).await,
            Content::Stream => {
                self.ledger.owed = true;
                let ledger = &self.ledger;
                let source = Streamed::new(
                    ledger.mailbox.clone(),
                    ledger.shared().clone(),
                    ledger.record.id,
                );
                let sent = self.send(source).await;
                // A stream that came to its own end needs no word.
                self.ledger.owed = !matches!(sent, Sent::Whole | Sent::Source(_));
                sent
            }
        };
        match sent {
            Sent::Whole => {
                self.settle().await;
                Ok(())
            }
            Sent::Source(error) => {
                self.fail(match error.kind {
                    Kind::Protocol => Fault::of(&fault::INTERNAL_ANSWER, &error),
                    _ => Fault::of(&fault::STREAM_SOURCE, &error),
                });
                self.cut(Reason::Internal);
                Err(Over)
            }
            Sent::Client(error) => self.lost(&error),
        }
    }

    /// Moves content to the client while it watches for the client's leaving, and reads what
    /// the request still holds, within the bound on unwanted content.
    async fn send<S: Receive>(&mut self, mut source: S) -> Sent {
        let idle = Duration::from_millis(self.ledger.limits.body_idle_ms);
        let mut left = self.ledger.limits.max_discard;
        let waits = self.head.expects_continue && !self.continued;
        let mut pump = Pump::new();
        self.timer.set(idle);
        let Self {
            inbound,
            responder,
            timer,
            ..
        } = self;
        let sent = std::future::poll_fn(|cx| {
            match pump.poll(cx, &mut source, responder) {
                Poll::Ready(Ok(())) => return Poll::Ready(Sent::Whole),
                Poll::Ready(Err(Broken::Source(error))) => {
                    return Poll::Ready(Sent::Source(error));
                }
                Poll::Ready(Err(Broken::Sink(error))) => {
                    return Poll::Ready(Sent::Client(error));
                }
                Poll::Pending => {}
            }
            while left > 0 && !waits && !inbound.is_end() {
                match inbound.poll_frame(cx) {
                    Poll::Ready(Some(Ok(Frame::Data(data)))) => {
                        left = left.saturating_sub(data.len() as u64);
                    }
                    Poll::Ready(Some(Ok(Frame::Trailers(_)))) => {}
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Sent::Client(error)),
                    Poll::Ready(None) | Poll::Pending => break,
                }
            }
            if let Poll::Ready(error) = poll_left(inbound, responder, cx) {
                return Poll::Ready(Sent::Client(error));
            }
            while timer.poll(cx).is_ready() {
                let still = pump.moved.elapsed();
                // A source that is silent (server-sent events) is no fault of the client's.
                if pump.waits == Waits::Sink && still >= idle {
                    return Poll::Ready(Sent::Client(StreamError::new(
                        Kind::TimedOut,
                        "the client did not read the answer",
                    )));
                }
                let rest = idle.saturating_sub(still);
                timer.set(if rest.is_zero() { idle } else { rest });
            }
            Poll::Pending
        })
        .await;
        self.ledger.record.bytes_out = pump.bytes;
        sent
    }
}
