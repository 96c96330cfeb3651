//! One exchange: a request's head goes to JavaScript, its decision is carried out, and content
//! moves between the two sides. No protocol is known here.

mod answer;
mod ask;
mod clock;
mod content;
mod downstream;
#[cfg(test)]
mod failpoint;
mod forward;
mod head;
mod ledger;
mod outgoing;
mod pump;
mod rate;
mod respond;
#[cfg(test)]
mod tests;
mod tunnel;

use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use harmony_stream::{Kind, Reason, Receive, StreamError, Transmit};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue, Method, StatusCode, request, response};

use crate::connection::Connection;
use crate::crossing::answer::Answer;
use crate::drain::Phase;
use crate::fault::{self, Fault};
use crate::unwind;
use crate::upstream::BodyLength;
use clock::Timer;
pub use clock::date;
pub use downstream::{Inbound, Responder};
use head::Head;
use ledger::Ledger;
use ledger::encoded;

pub struct Exchange {
    pub ledger: Ledger,
    head: Head,
    inbound: Inbound,
    responder: Responder,
    timer: Timer,
    /// The final head has left (or was queued).
    answered: bool,
    /// Something of the request's content was taken.
    consumed: bool,
    /// A 100 was sent or relayed, so the client will send its content.
    continued: bool,
}

/// How far an exchange came; `Err` means that it is over, and that the ledger knows why.
type Step<T> = Result<T, Over>;

/// The exchange is over: everything that had to be said to either side was said.
#[derive(Debug)]
pub struct Over;

/// Runs one request to its end and gives the halves back.
pub async fn run(
    connection: &Arc<Connection>,
    protocol: u8,
    parts: request::Parts,
    upgrade: Option<String>,
    inbound: Inbound,
    responder: Responder,
) -> (Inbound, Responder) {
    let ledger = Ledger::open(connection, protocol);
    let mut exchange = Exchange {
        ledger,
        head: Head {
            method: Method::GET,
            scheme: if connection.tls.is_some() {
                "https"
            } else {
                "http"
            },
            authority: String::new(),
            target: String::new(),
            headers: HeaderMap::new(),
            upgrade: None,
            content_length: None,
            expects_continue: false,
        },
        inbound,
        responder,
        timer: Timer::default(),
        answered: false,
        consumed: false,
        continued: false,
    };
    let outcome = {
        let work = std::pin::pin!(exchange.perform(parts, upgrade));
        tokio::select! {
            biased;
            outcome = unwind::guarded(work) => Some(outcome),
            () = connection.cut() => None,
        }
    };
    match outcome {
        Some(Ok(())) => {}
        Some(Err(reason)) => {
            let mut apology = Box::pin(exchange.panicked(reason));
            // A second defect would only repeat the first: both halves are dropped, and so reset.
            let _ = unwind::guarded(apology.as_mut()).await;
        }
        // The client is told, in its protocol, before its connection goes.
        None => {
            let over = Fault::new(&fault::DRAIN_CUT, "the grace period ended");
            let _: Step<()> = Box::pin(exchange.refuse(over)).await;
        }
    }
    exchange.ledger.settled = true;
    let Exchange {
        ledger,
        inbound,
        responder,
        ..
    } = exchange;
    drop(ledger);
    (inbound, responder)
}

impl Exchange {
    async fn perform(&mut self, parts: request::Parts, upgrade: Option<String>) {
        if let Err((code, detail)) = self.read_head(parts, upgrade) {
            // What follows on the connection is not to be trusted either.
            self.responder.close_after();
            let _: Step<()> = self.refuse(Fault::new(code, detail)).await;
            return;
        }
        if self.head.method == Method::CONNECT && self.head.upgrade.is_none() {
            let fault = Fault::new(&fault::REQUEST_CONNECT, "CONNECT without a protocol");
            self.responder.close_after();
            let _: Step<()> = self.refuse(fault).await;
            return;
        }
        #[cfg(test)]
        failpoint::hit(&self.head.target, "head");
        if let Ok(answer) = self.ask_for_decision().await {
            let _ = self.carry_out(answer).await;
        }
    }

    /// Carries out decisions until the exchange is over; collecting and failures ask for more.
    async fn carry_out(&mut self, first: Answer) -> Step<()> {
        let mut answer = first;
        loop {
            answer = match answer {
                Answer::Respond {
                    status,
                    headers,
                    body,
                } => return Box::pin(self.respond(status, headers, body)).await,
                Answer::Forward(decision) => match self.forward(*decision).await? {
                    Some(next) => next,
                    None => return Ok(()),
                },
                Answer::Collect { max_bytes } => Box::pin(self.collect(max_bytes)).await?,
                Answer::Reset(reason) => {
                    self.fail(Fault::new(
                        &fault::RESET_BY_DECISION,
                        "the decision was to reset the request",
                    ));
                    self.responder.reset(reason);
                    self.inbound.stop(reason);
                    return Err(Over);
                }
                Answer::Pass { .. } | Answer::Inform { .. } => {
                    return self.broken_answer().await;
                }
            };
        }
    }

    /// JavaScript answered with what is not an answer here.
    async fn broken_answer<T>(&mut self) -> Step<T> {
        let fault = Fault::new(
            &fault::INTERNAL_ANSWER,
            "the answer is malformed or does not fit the question",
        );
        self.refuse(fault).await
    }

    fn fail(&mut self, fault: Fault) {
        self.ledger.record.fail(fault);
    }

    /// Ends the exchange with a failure of ours or the upstream's: a status while that is still
    /// possible, else the reset that the client's protocol has.
    async fn refuse<T>(&mut self, fault: Fault) -> Step<T> {
        let status = StatusCode::from_u16(fault.code.status).ok();
        self.fail(fault);
        match status {
            Some(status) if !self.answered => {
                let mut headers = HeaderMap::new();
                headers.insert(http::header::CONTENT_LENGTH, HeaderValue::from_static("0"));
                if self.send_head(status, headers, BodyLength::Empty).is_ok() {
                    let _ = self.finish().await;
                    self.settle().await;
                }
            }
            _ => self.cut(Reason::Internal),
        }
        Err(Over)
    }

    /// Ends both halves with a failure that the client sees.
    fn cut(&mut self, reason: Reason) {
        self.responder.reset(reason);
        self.inbound.stop(reason);
    }

    /// The client is gone, or broke its side.
    fn lost<T>(&mut self, error: &StreamError) -> Step<T> {
        let code = match error.kind {
            Kind::Truncated => &fault::CLIENT_TRUNCATED,
            Kind::Protocol => &fault::CLIENT_MALFORMED,
            Kind::Limit => &fault::BODY_TOO_LARGE,
            Kind::TimedOut => &fault::TIMEOUT_CLIENT_IDLE,
            Kind::Reset | Kind::Closed | Kind::Refused | Kind::Denied => &fault::CLIENT_CANCELLED,
        };
        if code == &fault::CLIENT_CANCELLED {
            self.ledger.connection.count_reset();
        }
        if self.ledger.connection.listener.drain.phase() == Phase::Cut {
            // It was us who ended the connection.
            self.fail(Fault::new(&fault::DRAIN_CUT, "the grace period ended"));
        }
        self.fail(Fault::of(code, error));
        if matches!(error.kind, Kind::Protocol | Kind::Limit) && self.tell(code) {
            return Err(Over);
        }
        self.cut(match error.kind {
            Kind::Protocol | Kind::Truncated => Reason::Malformed,
            _ => Reason::Cancel,
        });
        Err(Over)
    }

    /// HTTP/1.1 has no reset that says why: the status does, while there is none yet. Whoever
    /// serves the connection writes it out, and ends the connection.
    fn tell(&mut self, code: &'static fault::Code) -> bool {
        let Ok(status) = StatusCode::from_u16(code.status) else {
            return false;
        };
        if self.answered || !self.responder.is_http1() {
            return false;
        }
        self.responder.close_after();
        let headers = HeaderMap::from_iter([(CONTENT_LENGTH, HeaderValue::from_static("0"))]);
        if self.send_head(status, headers, BodyLength::Empty).is_err() {
            return false;
        }
        let _ = self
            .responder
            .poll_finish(&mut Context::from_waker(Waker::noop()));
        true
    }

    fn send_head(
        &mut self,
        status: StatusCode,
        mut headers: HeaderMap,
        body: BodyLength,
    ) -> Result<(), StreamError> {
        if !headers.contains_key(http::header::DATE) {
            headers.insert(http::header::DATE, clock::date());
        }
        let (mut parts, ()) = http::Response::new(()).into_parts();
        parts.status = status;
        parts.headers = headers;
        self.ledger.record.status = status.as_u16();
        self.answered = true;
        if self.ledger.connection.listener.drain.is_draining() {
            self.responder.close_after();
        }
        self.responder.send_head(parts, body)
    }

    /// Hands the answer's end to the client, within the idle time.
    async fn finish(&mut self) -> Result<(), StreamError> {
        let idle = self.client_idle();
        self.timer.set(idle);
        let Self {
            responder, timer, ..
        } = self;
        std::future::poll_fn(|cx| {
            if timer.poll(cx).is_ready() {
                return std::task::Poll::Ready(Err(StreamError::new(
                    Kind::TimedOut,
                    "the client did not read the answer",
                )));
            }
            responder.poll_finish(cx)
        })
        .await
    }

    fn client_idle(&self) -> Duration {
        Duration::from_millis(self.ledger.limits.body_idle_ms)
    }

    /// After the answer: reads the rest of the request within bounds, so that the client gets
    /// to see the answer before a reset, then stops it.
    async fn settle(&mut self) {
        if self.inbound.is_end() {
            return;
        }
        let limits = &self.ledger.limits;
        // A client that waits for a 100 that it never got sends nothing (RFC 9110 10.1.1).
        let waits = self.head.expects_continue && !self.continued;
        let mut left = if waits { 0 } else { limits.max_discard };
        self.timer
            .set(Duration::from_millis(limits.body_idle_ms.min(2_000)));
        let Self { inbound, timer, .. } = self;
        let ended = std::future::poll_fn(|cx| {
            loop {
                if left == 0 || timer.poll(cx).is_ready() {
                    return std::task::Poll::Ready(false);
                }
                match std::task::ready!(inbound.poll_frame(cx)) {
                    Some(Ok(harmony_stream::Frame::Data(data))) => {
                        left = left.saturating_sub(data.len() as u64);
                    }
                    Some(Ok(harmony_stream::Frame::Trailers(_))) => {}
                    Some(Err(_)) => return std::task::Poll::Ready(false),
                    None => return std::task::Poll::Ready(true),
                }
            }
        })
        .await;
        if !ended {
            // RFC 9113 8.1, RFC 9114 4.1.1: the answer is complete, the rest of the request is not
            // wanted. HTTP/2 says so when its halves are dropped, after what is still queued.
            self.inbound.stop(Reason::NoError);
        }
    }

    /// A defect ended this exchange; nobody knows in which state it left the client's halves.
    async fn panicked(&mut self, reason: String) {
        self.ledger.shared().panicked(self.ledger.record.id, reason);
        self.responder.close_after();
        let fault = Fault::new(
            &fault::INTERNAL_PANIC,
            "a defect in the engine ended this exchange",
        );
        let _: Step<()> = self.refuse(fault).await;
    }
}

/// A response head to build on.
fn response_parts(status: StatusCode, headers: HeaderMap) -> response::Parts {
    let (mut parts, ()) = http::Response::new(()).into_parts();
    parts.status = status;
    parts.headers = headers;
    parts
}
