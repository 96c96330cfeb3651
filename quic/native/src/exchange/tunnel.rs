//! Upgrades: WebSocket handshakes translated between HTTP/1.1 (RFC 6455) and extended CONNECT
//! (RFC 8441, RFC 9220), then bytes both ways.

use std::task::Poll;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harmony_stream::{Kind, Reason, Receive, StreamError, Transmit};
use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    UPGRADE,
};
use http::{HeaderMap, StatusCode};
use sha1::{Digest, Sha1};

use super::forward::upstream_fault;
use super::pump::{Broken, Pump};
use super::{Exchange, Over, Step, response_parts};
use crate::crossing::answer::{Forward, apply};
use crate::fault::{self, Fault};
use crate::upstream::{Receiver, Sender};

/// RFC 6455 1.3.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// What is left to one direction after the other has ended.
const LINGER: Duration = Duration::from_secs(30);

pub fn accept_of(key: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update(GUID);
    STANDARD.encode(hash.finalize())
}

/// A nonce for a handshake of ours (RFC 6455 4.1).
pub fn fresh_key() -> Result<String, StreamError> {
    let mut nonce = [0; 16];
    aws_lc_rs::rand::fill(&mut nonce)
        .map_err(|_| StreamError::new(Kind::Closed, "no randomness for a websocket key"))?;
    Ok(STANDARD.encode(nonce))
}

/// How the two sides of an upgrade spell it.
pub struct Handshake {
    protocol: String,
    client_is_http1: bool,
    /// What the client sent, over HTTP/1.1.
    client_key: Option<HeaderValue>,
    /// What we sent, to an upstream over HTTP/1.1 for a client that is not.
    our_key: Option<String>,
}

impl Handshake {
    /// Adapts the request's fields to the upstream's protocol.
    pub fn prepare(
        protocol: &str,
        client_is_http1: bool,
        upstream_is_http1: bool,
        headers: &mut HeaderMap,
    ) -> Result<Self, StreamError> {
        let websocket = protocol.eq_ignore_ascii_case("websocket");
        let client_key = headers.get(SEC_WEBSOCKET_KEY).cloned();
        let mut our_key = None;
        if websocket && !upstream_is_http1 {
            headers.remove(SEC_WEBSOCKET_KEY);
        } else if websocket && !client_is_http1 {
            let key = fresh_key()?;
            if let Ok(value) = HeaderValue::from_str(&key) {
                headers.insert(SEC_WEBSOCKET_KEY, value);
            }
            our_key = Some(key);
        }
        Ok(Self {
            protocol: protocol.to_owned(),
            client_is_http1,
            client_key,
            our_key,
        })
    }

    /// The head that tells the client of success, from the one the upstream sent.
    pub fn accepted(&self, mut headers: HeaderMap) -> Result<(StatusCode, HeaderMap), StreamError> {
        if let Some(key) = &self.our_key {
            let right = headers
                .get(SEC_WEBSOCKET_ACCEPT)
                .is_some_and(|accept| accept.as_bytes() == accept_of(key.as_bytes()).as_bytes());
            if !right {
                return Err(StreamError::new(
                    Kind::Protocol,
                    "sec-websocket-accept does not fit the key",
                ));
            }
            headers.remove(SEC_WEBSOCKET_ACCEPT);
        }
        headers.remove(CONTENT_LENGTH);
        for name in [CONNECTION, UPGRADE, HeaderName::from_static("keep-alive")] {
            headers.remove(name);
        }
        if !self.client_is_http1 {
            return Ok((StatusCode::OK, headers));
        }
        if let Some(key) = &self.client_key
            && !headers.contains_key(SEC_WEBSOCKET_ACCEPT)
            && let Ok(accept) = HeaderValue::from_str(&accept_of(key.as_bytes()))
        {
            headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
        }
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        if let Ok(protocol) = HeaderValue::from_str(&self.protocol) {
            headers.insert(UPGRADE, protocol);
        }
        Ok((StatusCode::SWITCHING_PROTOCOLS, headers))
    }
}

impl Exchange {
    /// Joins the two sides until both have ended, or one fails.
    pub(super) async fn tunnel(
        &mut self,
        handshake: &Handshake,
        headers: HeaderMap,
        mut sender: Sender,
        mut receiver: Receiver,
        decision: &Forward,
    ) -> Step<()> {
        let (status, mut headers) = match handshake.accepted(headers) {
            Ok(accepted) => accepted,
            Err(error) => {
                sender.reset(Reason::Cancel);
                return self
                    .refuse(Fault::of(&fault::UPSTREAM_PROTOCOL, &error))
                    .await;
            }
        };
        apply(&mut headers, decision.response_edits.iter().cloned());
        self.ledger.record.status = status.as_u16();
        self.answered = true;
        self.consumed = true;
        if let Err(error) = self.responder.upgrade(response_parts(status, headers)) {
            sender.reset(Reason::Cancel);
            return self.lost(&error);
        }
        self.inbound.upgrade();
        sender.upgrade();
        receiver.upgrade();
        let idle = Duration::from_millis(self.ledger.limits.tunnel_idle_ms);
        let mut up = Pump::new();
        let mut down = Pump::new();
        let mut unread: Option<StreamError> = None;
        self.timer.set(idle);
        let Self {
            inbound,
            responder,
            timer,
            ..
        } = self;
        let outcome = std::future::poll_fn(|cx| {
            let was_open = !up.is_done() && !down.is_done();
            match up.poll(cx, inbound, &mut sender) {
                Poll::Ready(Ok(())) | Poll::Pending => {}
                Poll::Ready(Err(Broken::Source(error))) => return Poll::Ready(Err((true, error))),
                Poll::Ready(Err(Broken::Sink(error))) => unread = Some(error),
            }
            if !up.is_done()
                && !sender.is_http1()
                && let Poll::Ready(error) = sender.poll_closed(cx)
            {
                unread.get_or_insert(error);
            }
            // The upstream reads no more. What it has said until then is still the client's
            // (RFC 9113 8.1), and tells whether this is a failure.
            if unread.is_some() && !up.is_done() {
                up.abandon();
                inbound.stop(Reason::NoError);
            }
            let mut step = down.poll(cx, &mut receiver, responder);
            // h2 forgets that a stream had ended when a reset without an error follows, and a
            // server may send one (RFC 9113 8.1): everything it said has been read by then.
            if let Poll::Ready(Err(Broken::Source(error))) = &step
                && is_no_error(error)
            {
                down.finish();
                step = down.poll(cx, &mut receiver, responder);
            }
            if let Poll::Ready(Err(broken)) = step {
                return Poll::Ready(Err(match broken {
                    Broken::Source(error) => (false, error),
                    Broken::Sink(error) => (true, error),
                }));
            }
            if up.is_done() && down.is_done() {
                return Poll::Ready(Ok(()));
            }
            if !responder.is_http1()
                && !down.is_done()
                && let Poll::Ready(error) = responder.poll_closed(cx)
            {
                return Poll::Ready(Err((true, error)));
            }
            let one_ended = up.is_done() || down.is_done();
            if was_open && one_ended {
                timer.set(LINGER.min(idle));
            }
            while timer.poll(cx).is_ready() {
                let idle = if one_ended { LINGER.min(idle) } else { idle };
                let still = Instant::now() - up.moved.max(down.moved);
                if still >= idle {
                    return Poll::Ready(Err((
                        true,
                        StreamError::new(Kind::TimedOut, "nothing moved through the tunnel"),
                    )));
                }
                timer.set(idle - still);
            }
            Poll::Pending
        })
        .await;
        self.ledger.record.bytes_in = up.bytes;
        self.ledger.record.bytes_out = down.bytes;
        let outcome = match (outcome, unread) {
            (Ok(()), Some(error)) if !is_no_error(&error) => Err((false, error)),
            (outcome, _) => outcome,
        };
        match outcome {
            Ok(()) => Ok(()),
            Err((true, error)) => {
                sender.reset(Reason::Cancel);
                receiver.stop(Reason::Cancel);
                self.lost(&error)
            }
            Err((false, error)) => {
                sender.reset(Reason::Cancel);
                receiver.stop(Reason::Cancel);
                self.fail(upstream_fault(&error, true));
                self.cut(Reason::Connect);
                Err(Over)
            }
        }
    }
}

/// RFC 9113 8.1, RFC 9114 4.1.1: the peer has said everything and wants no more to be said.
fn is_no_error(error: &StreamError) -> bool {
    matches!(error.code, Some(0 | 0x100))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_accept_value_is_the_one_of_rfc_6455_1_3() {
        assert_eq!(
            accept_of(b"dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    #[test]
    fn a_wrong_accept_value_is_refused() {
        let mut headers = HeaderMap::new();
        let handshake = Handshake::prepare("websocket", false, true, &mut headers).unwrap();
        assert!(handshake.accepted(HeaderMap::new()).is_err());
        let key = headers.get(SEC_WEBSOCKET_KEY).unwrap();
        let mut answer = HeaderMap::new();
        answer.insert(
            SEC_WEBSOCKET_ACCEPT,
            HeaderValue::from_str(&accept_of(key.as_bytes())).unwrap(),
        );
        let (status, headers) = handshake.accepted(answer).unwrap();
        assert_eq!(status, StatusCode::OK);
        assert!(headers.is_empty());
    }
}
