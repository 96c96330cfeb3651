//! Forwarding: a connection to the upstream, the request out (`outgoing`), the answer back
//! (`answer`), another attempt where one may be made, and JavaScript's word on failures.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use harmony_stream::{Kind, Reason, Receive, StreamError, Transmit};
use http::header::{CONTENT_LENGTH, TRAILER};
use http::{HeaderValue, StatusCode, response};

use super::content::Given;
use super::downstream::poll_left;
use super::pump::{Broken, Pump, Waits};
use super::rate::Rate;
use super::tunnel::Handshake;
use super::{Exchange, Step};
use crate::crossing::answer::{Answer, Forward};
use crate::crossing::encode;
use crate::fault::{self, Fault};
use crate::message;
use crate::upstream::{self, BodyLength, Lease, Receiver, Sender, Upstream, Want};

/// What the upload moves: the client's content, or what JavaScript gave instead.
pub(super) struct Upload {
    pub(super) pump: Pump,
    pub(super) given: Option<Given>,
}

impl Upload {
    pub(super) fn poll<R: Receive>(
        &mut self,
        cx: &mut Context<'_>,
        inbound: &mut R,
        sender: &mut Sender,
    ) -> Poll<Result<(), Broken>> {
        match &mut self.given {
            Some(given) => self.pump.poll(cx, given, sender),
            None => self.pump.poll(cx, inbound, sender),
        }
    }
}

/// What came of one attempt.
pub(super) enum Attempt {
    Done,
    /// JavaScript, shown the response, decided otherwise.
    Decided(Answer),
    Failed {
        fault: Fault,
        /// The same request may be sent once more on a fresh connection without asking.
        again: bool,
    },
}

/// What ended the wait for a response's head.
enum Awaited {
    Head(response::Parts),
    Interim(response::Parts),
    Upstream(StreamError),
    Client(StreamError),
    /// The request's content passed the decision's limit.
    TooLarge(StreamError),
    Late(&'static fault::Code),
}

/// What an upstream's failure is called. `began`: its answer had begun.
pub fn upstream_fault(error: &StreamError, began: bool) -> Fault {
    let code = match error.kind {
        Kind::Reset => &fault::UPSTREAM_RESET,
        Kind::Closed if began => &fault::UPSTREAM_TRUNCATED,
        Kind::Closed => &fault::UPSTREAM_CLOSED,
        Kind::Truncated => &fault::UPSTREAM_TRUNCATED,
        Kind::Protocol => &fault::UPSTREAM_PROTOCOL,
        Kind::Limit => &fault::UPSTREAM_HEAD_TOO_LARGE,
        Kind::Refused => &fault::UPSTREAM_REFUSED,
        Kind::TimedOut => &fault::TIMEOUT_IDLE,
        Kind::Denied => &fault::TLS_CLIENT_CERTIFICATE,
    };
    Fault::of(code, error)
}

impl Exchange {
    /// `Some`: JavaScript was asked, and decided anew.
    pub(super) async fn forward(&mut self, decision: Forward) -> Step<Option<Answer>> {
        let Some(upstream) = self.ledger.shared().upstream(decision.upstream) else {
            let fault = Fault::new(
                &fault::UPSTREAM_UNKNOWN,
                format!("upstream {}", decision.upstream),
            );
            return self.refuse(fault).await;
        };
        if self.consumed && decision.body.is_none() {
            return self.broken_answer().await;
        }
        self.ledger.record.upstream = upstream.id;
        self.ledger.hooked |= decision.on_failure || decision.on_response;
        let replaced = decision.body.is_some();
        let upgrade = match &self.head.upgrade {
            Some(protocol) if !replaced => Some(protocol.clone()),
            _ => None,
        };
        if let Some(fault) = self.announced_too_much(&decision) {
            return self.failed(fault, &decision, upstream.id).await;
        }
        let mut out = match self.outgoing(&decision, upgrade) {
            Ok(out) => out,
            Err(_) => return self.broken_answer().await,
        };
        let mut fresh = false;
        loop {
            let want = Want {
                upgrade: out.upgrade.is_some(),
                fresh,
            };
            let record = &mut self.ledger.record;
            record.attempts = record.attempts.saturating_add(1);
            let attempt = match self.acquire(&upstream, want).await? {
                Ok(lease) => self.attempt(&upstream, lease, &mut out, &decision).await?,
                Err(fault) => Attempt::Failed {
                    fault,
                    again: false,
                },
            };
            match attempt {
                Attempt::Done => return Ok(None),
                Attempt::Decided(answer) => return Ok(Some(answer)),
                Attempt::Failed { again: true, .. } if !fresh => {
                    fresh = true;
                    self.ledger.shared().stats.retried_exchanges.up();
                }
                Attempt::Failed { fault, .. } => {
                    return self.failed(fault, &decision, upstream.id).await;
                }
            }
        }
    }

    /// The request's content is known to be longer than the decision allows, so that the upstream
    /// need not hear of it.
    fn announced_too_much(&self, decision: &Forward) -> Option<Fault> {
        let max = decision.max_body?;
        let length = self.head.content_length?;
        (length > max).then(|| Fault::new(&fault::BODY_TOO_LARGE, format!("over {max} bytes")))
    }

    /// A connection, or why there is none; watches for the client's leaving meanwhile.
    async fn acquire(
        &mut self,
        upstream: &std::sync::Arc<Upstream>,
        want: Want,
    ) -> Step<Result<Lease, Fault>> {
        let acquiring = upstream.acquire(want);
        let mut acquiring = std::pin::pin!(acquiring);
        let watch = self.inbound.is_end() || !self.responder.is_http1();
        let responder = &mut self.responder;
        let outcome = std::future::poll_fn(|cx| {
            if let Poll::Ready(lease) = acquiring.as_mut().poll(cx) {
                return Poll::Ready(Ok(lease));
            }
            if watch && let Poll::Ready(error) = responder.poll_closed(cx) {
                return Poll::Ready(Err(error));
            }
            Poll::Pending
        })
        .await;
        match outcome {
            Ok(Ok(lease)) => {
                let record = &mut self.ledger.record;
                record.connected = Some(Instant::now());
                record.protocol_out = lease.protocol;
                record.upstream_address = Some(lease.remote);
                record.reused = lease.reused;
                Ok(Ok(lease))
            }
            Ok(Err(fault)) => Ok(Err(fault)),
            Err(error) => self.lost(&error),
        }
    }

    async fn attempt(
        &mut self,
        upstream: &Upstream,
        lease: Lease,
        out: &mut upstream::Head,
        decision: &Forward,
    ) -> Step<Attempt> {
        let reused = lease.reused;
        let handshake = match &out.upgrade {
            None => None,
            Some(protocol) => {
                let prepared = Handshake::prepare(
                    protocol,
                    self.responder.is_http1(),
                    lease.protocol < 20,
                    &mut out.headers,
                );
                match prepared {
                    Ok(handshake) => Some(handshake),
                    Err(error) => {
                        let fault = Fault::of(&fault::UPGRADE_REFUSED, &error);
                        return self.refuse(fault).await;
                    }
                }
            }
        };
        let (framing, pump) = match &handshake {
            Some(_) => (BodyLength::Empty, Pump::done()),
            None => {
                let trailer = out.headers.contains_key(TRAILER);
                self.measure(decision, trailer).await?
            }
        };
        match framing {
            BodyLength::Length(length) if length > 0 || handshake.is_none() => {
                out.headers
                    .insert(CONTENT_LENGTH, HeaderValue::from(length));
            }
            _ => {
                out.headers.remove(CONTENT_LENGTH);
            }
        }
        let (mut sender, mut receiver) = match lease.send(out, framing).await {
            Ok(halves) => halves,
            Err(error) => {
                return Ok(Attempt::Failed {
                    again: error.kind == Kind::Refused && !self.consumed,
                    fault: upstream_fault(&error, false),
                });
            }
        };
        let mut upload = Upload {
            pump: pump.limited(decision.max_body),
            given: decision.body.clone().map(Given),
        };
        let head = loop {
            match self
                .await_head(upstream, &mut upload, &mut sender, &mut receiver)
                .await
            {
                Awaited::Head(head) => break head,
                Awaited::Interim(interim) => {
                    if interim.status != StatusCode::SWITCHING_PROTOCOLS {
                        let mut headers = interim.headers;
                        // What an interim response says of its connection ends with it.
                        if message::strip_connection(&mut headers).is_ok() {
                            self.inform(interim.status, headers);
                        }
                        continue;
                    }
                    self.ledger.record.first_byte = Some(Instant::now());
                    let Some(handshake) = &handshake else {
                        sender.reset(Reason::Cancel);
                        return Ok(Attempt::Failed {
                            fault: Fault::new(
                                &fault::UPSTREAM_PROTOCOL,
                                "101 without an upgrade asked for",
                            ),
                            again: false,
                        });
                    };
                    Box::pin(self.tunnel(handshake, interim.headers, sender, receiver, decision))
                        .await?;
                    return Ok(Attempt::Done);
                }
                Awaited::Client(error) => {
                    self.ledger.record.bytes_in = upload.pump.bytes;
                    sender.reset(Reason::Cancel);
                    receiver.stop(Reason::Cancel);
                    return self.lost(&error);
                }
                Awaited::TooLarge(error) => {
                    self.ledger.record.bytes_in = upload.pump.bytes;
                    self.consumed = true;
                    sender.reset(Reason::Cancel);
                    receiver.stop(Reason::Cancel);
                    return Ok(Attempt::Failed {
                        fault: Fault::of(&fault::BODY_TOO_LARGE, &error),
                        again: false,
                    });
                }
                Awaited::Late(code) => {
                    self.ledger.record.bytes_in = upload.pump.bytes;
                    self.consumed |= upload.pump.touched && upload.given.is_none();
                    sender.reset(Reason::Cancel);
                    receiver.stop(Reason::Cancel);
                    return Ok(Attempt::Failed {
                        fault: Fault::new(code, code.meaning),
                        again: false,
                    });
                }
                Awaited::Upstream(error) => {
                    self.ledger.record.bytes_in = upload.pump.bytes;
                    self.consumed |= upload.pump.touched && upload.given.is_none();
                    sender.reset(Reason::Cancel);
                    // RFC 9112 9.3.1: a connection that was idle may close just as we use it.
                    let stale = reused
                        && !receiver.received_any()
                        && matches!(error.kind, Kind::Closed | Kind::Reset | Kind::Truncated)
                        && message::is_idempotent(&out.method);
                    return Ok(Attempt::Failed {
                        again: !self.consumed && (stale || error.kind == Kind::Refused),
                        fault: upstream_fault(&error, false),
                    });
                }
            }
        };
        self.ledger.record.first_byte = Some(Instant::now());
        if let Some(handshake) = handshake {
            if sender.is_http1() && head.status.is_success() && !self.responder.is_http1() {
                // A 2xx would tell the client that its CONNECT succeeded (RFC 9110 9.3.6).
                sender.reset(Reason::Cancel);
                return Ok(Attempt::Failed {
                    fault: Fault::new(&fault::UPGRADE_REFUSED, "no 101 for an upgrade"),
                    again: false,
                });
            }
            if !sender.is_http1() && head.status.is_success() {
                Box::pin(self.tunnel(&handshake, head.headers, sender, receiver, decision)).await?;
                return Ok(Attempt::Done);
            }
            // Refused by the upstream: its answer goes back as it is, and nothing was sent.
            upload.pump = Pump::finishing();
        }
        let attempt = self
            .answer(
                upstream,
                head,
                &mut upload,
                &mut sender,
                &mut receiver,
                decision,
            )
            .await?;
        if matches!(attempt, Attempt::Done) {
            let whole = upload.pump.is_whole();
            if !whole {
                // RFC 9113 8.1, RFC 9114 4.1.1: the answer is complete without the rest.
                sender.reset(Reason::NoError);
            }
            upstream::finish(sender, receiver, whole);
            self.settle().await;
        }
        Ok(attempt)
    }

    /// Moves the request's content while it waits for the response's head.
    async fn await_head(
        &mut self,
        upstream: &Upstream,
        upload: &mut Upload,
        sender: &mut Sender,
        receiver: &mut Receiver,
    ) -> Awaited {
        let timeouts = &upstream.options.timeouts;
        let first_byte = Duration::from_millis(timeouts.first_byte_ms);
        let limits = &self.ledger.limits;
        let idle = Duration::from_millis(limits.body_idle_ms);
        let window = Duration::from_secs(10);
        let grpc = self
            .head
            .headers
            .get(http::header::CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"));
        // A client that streams at its leisure is no attacker where that is the protocol.
        let mut rate = Rate::new(if grpc { 0 } else { limits.min_body_rate }, window);
        let mut counted = upload.pump.bytes;
        let began = Instant::now();
        let period = first_byte.min(idle).min(window);
        self.timer.set(period);
        let Self {
            inbound,
            responder,
            timer,
            ..
        } = self;
        let mut sink_error: Option<StreamError> = None;
        std::future::poll_fn(|cx| {
            if !upload.pump.is_done() {
                match upload.poll(cx, inbound, sender) {
                    Poll::Ready(Ok(())) | Poll::Pending => {}
                    Poll::Ready(Err(Broken::Source(error))) => {
                        return Poll::Ready(if upload.pump.is_over() {
                            Awaited::TooLarge(error)
                        } else {
                            Awaited::Client(error)
                        });
                    }
                    // The upstream may have answered early and stopped reading: its answer
                    // comes first.
                    Poll::Ready(Err(Broken::Sink(error))) => {
                        upload.pump.abandon();
                        sink_error = Some(error);
                    }
                }
            } else if let Poll::Ready(Err(error)) = sender.poll_flush(cx) {
                sink_error.get_or_insert(error);
            }
            match receiver.poll_head(cx) {
                Poll::Ready(Ok(head)) if head.status.is_informational() => {
                    return Poll::Ready(Awaited::Interim(head));
                }
                Poll::Ready(Ok(head)) => return Poll::Ready(Awaited::Head(head)),
                Poll::Ready(Err(error)) => {
                    return Poll::Ready(Awaited::Upstream(match sink_error.take() {
                        Some(first) if error.kind == Kind::Closed => first,
                        _ => error,
                    }));
                }
                Poll::Pending => {}
            }
            if let Poll::Ready(error) = poll_left(inbound, responder, cx) {
                return Poll::Ready(Awaited::Client(error));
            }
            while timer.poll(cx).is_ready() {
                let moved = upload.pump.moved.max(began);
                let still = moved.elapsed();
                let client = !upload.pump.is_done() && upload.pump.waits == Waits::Source;
                if client {
                    rate.moved(upload.pump.bytes - counted);
                    counted = upload.pump.bytes;
                    if still >= idle {
                        return Poll::Ready(Awaited::Late(&fault::TIMEOUT_CLIENT_IDLE));
                    }
                    if rate.is_below() {
                        return Poll::Ready(Awaited::Late(&fault::TIMEOUT_RATE));
                    }
                } else if still >= first_byte {
                    return Poll::Ready(Awaited::Late(&fault::TIMEOUT_FIRST_BYTE));
                }
                let next = if client {
                    idle.min(window).saturating_sub(still).max(
                        // The window of the rate ends by itself.
                        Duration::from_millis(20),
                    )
                } else {
                    first_byte.saturating_sub(still)
                };
                timer.set(next.max(Duration::from_millis(1)));
            }
            Poll::Pending
        })
        .await
    }

    /// A failure before the response: JavaScript decides, where it asked to.
    async fn failed(
        &mut self,
        fault: Fault,
        decision: &Forward,
        upstream: u32,
    ) -> Step<Option<Answer>> {
        let client = fault.code.blame == fault::Blame::Client;
        if client {
            self.responder.close_after();
        }
        // Of the client's own failures, this one alone is by the decision's word.
        let asks = !client || fault.code == &fault::BODY_TOO_LARGE;
        if !decision.on_failure || !asks {
            return self.refuse(fault).await;
        }
        // content that was gathered comes with each decision anew
        let replayable = !self.consumed || decision.body.is_some();
        let answer = self
            .ask(|out, id| encode::failure(out, id, &fault, replayable, upstream))
            .await?;
        match answer {
            answer @ (Answer::Respond { .. } | Answer::Forward(_) | Answer::Reset(_)) => {
                // What was mended is no failure; an answer in its place keeps the cause.
                if !matches!(answer, Answer::Forward(_)) {
                    self.fail(fault);
                }
                Ok(Some(answer))
            }
            _ => self.broken_answer().await,
        }
    }
}
