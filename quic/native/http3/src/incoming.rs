//! A request as the server receives it.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use harmony_stream::{Frame, Kind, Reason, Receive, StreamError};
use http::{Method, StatusCode, request};

use crate::body::Body;
use crate::line::Line;
use crate::link::Link;
use crate::outlet::Outlet;
use crate::proto::fault::{Code, Nature, Scope};
use crate::proto::head;
use crate::proto::message::Event;
use crate::respond::Respond;

/// A request whose head was not read yet. Reading it may take long, so that it is for the
/// request's own task. Dropped, it rejects the request.
pub struct Incoming {
    body: Body,
    outlet: Outlet,
}

impl Incoming {
    pub(crate) fn new(link: &Arc<Link>, send: quinn::SendStream, recv: quinn::RecvStream) -> Self {
        link.enter();
        let line = Line::new(link.clone(), recv);
        Self {
            body: Body::new(line.clone()),
            outlet: Outlet::new(line, send),
        }
    }

    /// The stream's id (RFC 9000 section 2.1).
    pub fn id(&self) -> u64 {
        self.outlet.line().id
    }

    /// Reads the request's head. A malformed request was reset when this returns; one over a
    /// limit may be answered.
    pub async fn head(self) -> Result<(request::Parts, RecvBody, Respond), HeadError> {
        let Self {
            mut body,
            mut outlet,
        } = self;
        let payload = match poll_fn(|cx| body.poll_event(cx)).await {
            Some(Ok(Event::Section(payload))) => payload,
            Some(Err(error)) => {
                let nature = (error.kind == Kind::Limit).then_some(Nature::Section);
                return Err(refuse(error, nature, outlet));
            }
            // No content comes before a head, and no end without an error.
            Some(Ok(Event::Data(_))) | None => {
                return Err(refuse(
                    StreamError::new(Kind::Protocol, "stream without a request"),
                    None,
                    outlet,
                ));
            }
        };
        let config = body.line().link.config;
        match head::request(&payload, config.limits(), config.extended_connect) {
            Ok((parts, content)) => {
                poll_fn(|cx| {
                    body.begin(cx, content);
                    Poll::Ready(())
                })
                .await;
                outlet.set_abort(Code::INTERNAL_ERROR);
                let respond = Respond::new(outlet, &parts.method);
                Ok((parts, RecvBody { body }, respond))
            }
            Err(fault) => {
                let nature = (fault.scope == Scope::Stream).then_some(fault.nature);
                Err(refuse(body.fail(fault), nature, outlet))
            }
        }
    }
}

/// RFC 9114 section 4.2.2: what is over a limit can be answered. Everything else is reset.
fn refuse(error: StreamError, nature: Option<Nature>, mut outlet: Outlet) -> HeadError {
    let status = match nature {
        Some(Nature::Section) => Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        Some(Nature::Target) => Some(StatusCode::URI_TOO_LONG),
        _ => None,
    };
    let respond = match status {
        Some(status) => {
            outlet.set_abort(Code::EXCESSIVE_LOAD);
            Some((status, Respond::new(outlet, &Method::GET)))
        }
        None => {
            outlet.reset(match error.kind {
                Kind::Protocol | Kind::Truncated => Reason::Malformed,
                _ => Reason::Cancel,
            });
            None
        }
    };
    HeadError { error, respond }
}

/// Why there is no request.
pub struct HeadError {
    pub error: StreamError,
    /// For a request over a limit: the status that says so, and the means to send it.
    pub respond: Option<(StatusCode, Respond)>,
}

impl std::fmt::Debug for HeadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let status = self.respond.as_ref().map(|(status, _)| status);
        f.debug_struct("HeadError")
            .field("error", &self.error)
            .field("status", &status)
            .finish()
    }
}

/// A request's content.
pub struct RecvBody {
    body: Body,
}

impl Receive for RecvBody {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, StreamError>>> {
        self.body.poll_frame(cx)
    }

    fn is_end(&self) -> bool {
        self.body.is_end()
    }

    fn remaining(&self) -> Option<u64> {
        self.body.remaining()
    }

    fn stop(&mut self, reason: Reason) {
        self.body.stop(reason);
    }
}
