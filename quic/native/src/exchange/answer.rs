//! The upstream's answer on its way to the client: JavaScript's word on it, its head, its content.

use std::task::Poll;
use std::time::Duration;

use harmony_stream::{Kind, Reason, Receive, StreamError, Transmit};
use http::header::{CONTENT_LENGTH, TRAILER};
use http::{HeaderValue, response};

use super::downstream::poll_left;
use super::forward::{Attempt, Upload, upstream_fault};
use super::pump::{Broken, Pump, Waits};
use super::{Exchange, Over, Step};
use crate::crossing::answer::{Answer, Forward, apply};
use crate::crossing::encode;
use crate::fault::{self, Fault};
use crate::message;
use crate::upstream::{BodyLength, Receiver, Sender, Upstream};

impl Exchange {
    /// Gives the upstream's answer to the client, after JavaScript's word where it asked for it.
    pub(super) async fn answer(
        &mut self,
        upstream: &Upstream,
        mut head: response::Parts,
        upload: &mut Upload,
        sender: &mut Sender,
        receiver: &mut Receiver,
        decision: &Forward,
    ) -> Step<Attempt> {
        let protocol = self.ledger.record.protocol_out;
        let bodyless = message::is_bodyless(&self.head.method, head.status);
        let length = message::content_length(&head.headers);
        let checked = match length {
            Ok(length) => message::strip_connection(&mut head.headers).map(|()| length),
            Err(detail) => Err(detail),
        };
        let length = match checked {
            Ok(length) => length,
            Err(detail) => {
                sender.reset(Reason::Cancel);
                return Ok(Attempt::Failed {
                    fault: Fault::new(&fault::UPSTREAM_PROTOCOL, detail),
                    again: false,
                });
            }
        };
        if decision.on_response {
            self.consumed |= upload.pump.touched && upload.given.is_none();
            let status = head.status.as_u16();
            let asked = self
                .ask(|out, id| {
                    encode::response(out, id, status, protocol, length, &head.headers);
                })
                .await;
            let answer = match asked {
                Ok(answer) => answer,
                Err(over) => {
                    sender.reset(Reason::Cancel);
                    receiver.stop(Reason::Cancel);
                    return Err(over);
                }
            };
            match answer {
                Answer::Pass { status, edits } => {
                    let declared = head.headers.get(CONTENT_LENGTH).cloned();
                    apply(&mut head.headers, edits);
                    if let Some(status) = status
                        && message::is_bodyless(&self.head.method, status) == bodyless
                    {
                        head.status = status;
                    }
                    // The length is the content's, whatever the edits say.
                    head.headers.remove(CONTENT_LENGTH);
                    if let Some(declared) = declared {
                        head.headers.insert(CONTENT_LENGTH, declared);
                    }
                    if message::strip_connection(&mut head.headers).is_err() {
                        sender.reset(Reason::Cancel);
                        return self.broken_answer().await;
                    }
                }
                other => {
                    sender.reset(Reason::Cancel);
                    receiver.stop(Reason::Cancel);
                    return Ok(Attempt::Decided(other));
                }
            }
        }
        apply(&mut head.headers, decision.response_edits.iter().cloned());
        let framing = if bodyless || (receiver.is_end() && length.is_none_or(|n| n == 0)) {
            BodyLength::Empty
        } else {
            match length {
                Some(_) if head.headers.contains_key(TRAILER) => BodyLength::Unknown,
                Some(length) => BodyLength::Length(length),
                None => BodyLength::Unknown,
            }
        };
        if self.responder.is_http1() && matches!(framing, BodyLength::Unknown) {
            head.headers.remove(CONTENT_LENGTH);
        }
        self.forwarded_head(head, framing, length, bodyless)?;
        self.download(upstream, upload, sender, receiver).await?;
        Ok(Attempt::Done)
    }

    fn forwarded_head(
        &mut self,
        mut head: response::Parts,
        framing: BodyLength,
        length: Option<u64>,
        bodyless: bool,
    ) -> Step<()> {
        // An answer without content still says so, where the client could wait for some.
        if matches!(framing, BodyLength::Empty) && !bodyless && length.is_none() {
            head.headers
                .insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        match self.send_head(head.status, head.headers, framing) {
            Ok(()) => Ok(()),
            Err(error) => self.lost(&error),
        }
    }

    async fn download(
        &mut self,
        upstream: &Upstream,
        upload: &mut Upload,
        sender: &mut Sender,
        receiver: &mut Receiver,
    ) -> Step<()> {
        let upstream_idle = Duration::from_millis(upstream.options.timeouts.idle_ms);
        let client_idle = self.client_idle();
        let period = upstream_idle.min(client_idle);
        let mut pump = Pump::new();
        self.timer.set(period);
        let Self {
            inbound,
            responder,
            timer,
            ..
        } = self;
        let outcome = std::future::poll_fn(|cx| {
            if !upload.pump.is_done() {
                match upload.poll(cx, inbound, sender) {
                    Poll::Ready(Ok(())) | Poll::Pending => {}
                    Poll::Ready(Err(Broken::Source(error))) => {
                        return Poll::Ready(Err((true, error)));
                    }
                    Poll::Ready(Err(Broken::Sink(_))) => upload.pump.abandon(),
                }
            }
            match pump.poll(cx, receiver, responder) {
                Poll::Ready(Ok(())) => return Poll::Ready(Ok(())),
                Poll::Ready(Err(Broken::Source(error))) => {
                    return Poll::Ready(Err((false, error)));
                }
                Poll::Ready(Err(Broken::Sink(error))) => return Poll::Ready(Err((true, error))),
                Poll::Pending => {}
            }
            if let Poll::Ready(error) = poll_left(inbound, responder, cx) {
                return Poll::Ready(Err((true, error)));
            }
            while timer.poll(cx).is_ready() {
                let still = pump.moved.max(upload.pump.moved).elapsed();
                let (limit, client) = match pump.waits {
                    Waits::Source => (upstream_idle, false),
                    Waits::Sink => (client_idle, true),
                };
                if still >= limit {
                    return Poll::Ready(Err((
                        client,
                        StreamError::new(Kind::TimedOut, "the answer did not move"),
                    )));
                }
                timer.set(limit - still);
            }
            Poll::Pending
        })
        .await;
        self.ledger.record.bytes_in = upload.pump.bytes;
        self.ledger.record.bytes_out = pump.bytes;
        match outcome {
            Ok(()) => Ok(()),
            Err((client, error)) => {
                sender.reset(Reason::Cancel);
                receiver.stop(Reason::Cancel);
                if client {
                    return self.lost(&error);
                }
                self.fail(upstream_fault(&error, true));
                self.cut(Reason::Internal);
                Err(Over)
            }
        }
    }
}
