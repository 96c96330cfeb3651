//! The request as it goes out: its head after JavaScript's edits, and how long its content is.

use std::task::Poll;
use std::time::Duration;

use harmony_stream::Receive;
use http::Method;
use http::header::{CONTENT_LENGTH, EXPECT, HOST, TRAILER};

use super::pump::Pump;
use super::{Exchange, Step};
use crate::crossing::answer::{Edit, Forward, apply};
use crate::message;
use crate::upstream::{self, BodyLength};

/// How long a request without content-length, whose method hardly ever has content, may keep us
/// from knowing whether it has any.
const PEEK: Duration = Duration::from_millis(50);

impl Exchange {
    /// The request as it goes out: head edits, lengths, and the fields that are ours.
    pub(super) fn outgoing(
        &mut self,
        decision: &Forward,
        upgrade: Option<String>,
    ) -> Result<upstream::Head, &'static str> {
        // Kept when JavaScript may decide once more.
        let mut headers = if decision.on_failure || decision.on_response {
            self.head.headers.clone()
        } else {
            std::mem::take(&mut self.head.headers)
        };
        if decision.body.is_some() {
            headers.remove(EXPECT);
            headers.remove(CONTENT_LENGTH);
            headers.remove(TRAILER);
        }
        for edit in &decision.edits {
            // Framing and routing are the engine's.
            if let Edit::Set(name, _) | Edit::Append(name, _) = edit
                && (*name == HOST || *name == CONTENT_LENGTH)
            {
                return Err("host and content-length are not for edits");
            }
        }
        let length = headers.get(CONTENT_LENGTH).cloned();
        apply(&mut headers, decision.edits.iter().cloned());
        message::strip_connection(&mut headers)?;
        if let Some(length) = length {
            headers.insert(CONTENT_LENGTH, length);
        }
        let target = match &decision.target {
            Some(target) => std::str::from_utf8(target)
                .map_err(|_| "the target is not text")?
                .to_owned(),
            None => self.head.target.clone(),
        };
        let method = match &decision.method {
            Some(method) => method.clone(),
            None => self.head.method.clone(),
        };
        if method == Method::CONNECT && upgrade.is_none() {
            return Err("a plain CONNECT is refused");
        }
        // What JavaScript made of a target must not end the request line early.
        if decision.target.is_some() && !message::is_target(&method, &target) {
            return Err("the target is not a path");
        }
        Ok(upstream::Head {
            method,
            authority: decision.authority.clone(),
            target,
            headers,
            upgrade,
        })
    }

    /// How long the request's content is, as far as can be known now.
    pub(super) async fn measure(
        &mut self,
        decision: &Forward,
        trailer: bool,
    ) -> Step<(BodyLength, Pump)> {
        if let Some(body) = &decision.body {
            return Ok((BodyLength::Length(body.len() as u64), Pump::new()));
        }
        if !self.inbound.is_end() {
            if let Some(length) = self.head.content_length {
                // Trailers that are announced need a framing that can carry them.
                let framing = if trailer {
                    BodyLength::Unknown
                } else {
                    BodyLength::Length(length)
                };
                return Ok((framing, Pump::new()));
            }
            if !message::expects_no_content(&self.head.method) {
                return Ok((BodyLength::Unknown, Pump::new()));
            }
            // RFC 9114 4.1: the end of a stream may arrive a moment after the head.
            self.timer.set(PEEK);
            let Self { inbound, timer, .. } = self;
            let first = std::future::poll_fn(|cx| match inbound.poll_frame(cx) {
                Poll::Ready(frame) => Poll::Ready(Some(frame)),
                Poll::Pending => timer.poll(cx).map(|()| None),
            })
            .await;
            match first {
                None => return Ok((BodyLength::Unknown, Pump::new())),
                Some(Some(Ok(frame))) => {
                    self.consumed = true;
                    return Ok((BodyLength::Unknown, Pump::with_ahead(frame)));
                }
                Some(Some(Err(error))) => return self.lost(&error),
                Some(None) => {}
            }
        }
        // RFC 9110 8.6: a length of zero is said where content would be expected.
        let framing = if message::expects_no_content(&self.head.method) {
            BodyLength::Empty
        } else {
            BodyLength::Length(0)
        };
        Ok((framing, Pump::finishing()))
    }
}
