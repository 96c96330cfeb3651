//! Questions to JavaScript, and the wait for their answers.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use harmony_stream::{Receive, StreamError, Transmit};
use http::{HeaderMap, StatusCode};

use super::downstream::poll_left;
use super::{Exchange, Step, encoded};
use crate::crossing::answer::Answer;
use crate::crossing::encode;
use crate::fault::{self, Fault};

/// What ended a wait for an answer.
enum Waited {
    Answer(Answer),
    Broken,
    Late,
    Gone(StreamError),
}

impl Exchange {
    /// Shows JavaScript the head and waits for its decision.
    pub(super) async fn ask_for_decision(&mut self) -> Step<Answer> {
        let shared = std::sync::Arc::clone(self.ledger.shared());
        let connection = &self.ledger.connection;
        let (server_name, certificate) = match &connection.tls {
            Some(peer) => (
                peer.server_name.as_deref().unwrap_or(""),
                peer.client_certificate.as_deref().unwrap_or(&[]),
            ),
            None => ("", &[][..]),
        };
        let head = encode::Head {
            connection: connection.id,
            listener: connection.listener.id,
            protocol: self.ledger.record.protocol_in,
            tls: connection.tls.is_some(),
            may_have_body: !self.inbound.is_end(),
            expects_continue: self.head.expects_continue,
            content_length: self.head.content_length,
            method: self.head.method.as_str(),
            scheme: self.head.scheme,
            authority: &self.head.authority,
            target: &self.head.target,
            upgrade: self.head.upgrade.as_deref().unwrap_or(""),
            remote: connection.remote,
            local: connection.local,
            server_name,
            client_certificate: certificate,
            headers: &self.head.headers,
        };
        let id = self.ledger.record.id;
        let queued = encoded(
            |out| encode::head(out, id, &head),
            |message| shared.crossing.head(message, &shared.stats),
        );
        if queued.is_err() {
            // JavaScript never sees this head, so the record says what it was; never the query.
            let path = self.head.target.split('?').next().unwrap_or("");
            let path: String = path.chars().take(128).collect();
            let fault = Fault::new(
                &fault::OVERLOAD_QUEUE,
                format!("{} {path}", self.head.method),
            );
            return self.refuse(fault).await;
        }
        let answer = self.wait_for_answer().await?;
        self.ledger.record.decided = Some(Instant::now());
        Ok(answer)
    }

    /// Asks something about this exchange and waits for the answer.
    pub(super) async fn ask(&mut self, encode: impl FnOnce(&mut Vec<u8>, u64)) -> Step<Answer> {
        self.ledger.tell(encode);
        self.wait_for_answer().await
    }

    async fn wait_for_answer(&mut self) -> Step<Answer> {
        self.ledger.owed = true;
        let deadline = self.ledger.shared().options.limits.decision_ms;
        self.timer.set(Duration::from_millis(deadline));
        let waited = std::future::poll_fn(|cx| self.poll_answer(cx)).await;
        match waited {
            Waited::Answer(answer) => {
                self.ledger.owed = false;
                Ok(answer)
            }
            Waited::Broken => {
                self.ledger.owed = false;
                self.broken_answer().await
            }
            Waited::Late => {
                self.ledger.shared().stats.decision_timeouts.up();
                let fault = Fault::new(
                    &fault::TIMEOUT_DECISION,
                    format!("no decision within {deadline} ms"),
                );
                self.refuse(fault).await
            }
            Waited::Gone(error) => self.lost(&error),
        }
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Waited> {
        loop {
            match self.ledger.mailbox.poll_answer(cx) {
                Poll::Ready(Some(Answer::Inform { status, headers })) => {
                    self.inform(status, headers);
                }
                Poll::Ready(Some(answer)) => return Poll::Ready(Waited::Answer(answer)),
                Poll::Ready(None) => return Poll::Ready(Waited::Broken),
                Poll::Pending => break,
            }
        }
        if let Poll::Ready(error) = poll_left(&self.inbound, &mut self.responder, cx) {
            return Poll::Ready(Waited::Gone(error));
        }
        self.timer.poll(cx).map(|()| Waited::Late)
    }

    /// Sends an interim response; a client that cannot take it shows that later.
    pub(super) fn inform(&mut self, status: StatusCode, headers: HeaderMap) {
        if status == StatusCode::CONTINUE {
            self.continued = true;
        }
        if !self.answered && self.responder.send_informational(status, headers).is_ok() {
            // It should not wait for what comes next.
            let waker = std::task::Waker::noop();
            let _ = self.responder.poll_flush(&mut Context::from_waker(waker));
        }
    }
}
