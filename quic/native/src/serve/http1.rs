//! HTTP/1.1: one request after the other.

use std::sync::Arc;
use std::time::Duration;

use harmony_http1::Limits;
use harmony_http1::server::Connection as Http1;
use harmony_stream::Receive;
use http::header::{CONNECTION, DATE, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{HeaderMap, Method, Version, request};

use super::refused;
use crate::config::ListenerLimits;
use crate::connection::Connection;
use crate::exchange::{self, Inbound, Responder};
use crate::fault;
use crate::io::Io;
use crate::message;

fn limits(limits: &ListenerLimits) -> Limits {
    Limits {
        max_head_bytes: limits.max_head_bytes,
        max_fields: limits.max_fields,
        max_target_bytes: limits.max_target_bytes,
        ..Limits::default()
    }
}

pub async fn serve(io: Io, connection: Arc<Connection>) {
    let own = &connection.limits;
    let mut http = Http1::new(io, limits(own));
    let mut patience = Duration::from_millis(own.head_ms);
    let head = Duration::from_millis(own.head_ms);
    let draining = connection.listener.drain.draining();
    tokio::pin!(draining);
    loop {
        let ready = tokio::select! {
            biased;
            ready = tokio::time::timeout(patience, http.wait()) => ready,
            () = &mut draining => break,
        };
        match ready {
            Ok(Ok(true)) => {}
            Ok(Ok(false) | Err(_)) => return,
            Err(_) => break,
        }
        let (parts, recv, respond) = match tokio::time::timeout(head, http.head()).await {
            Ok(Ok(request)) => request,
            Ok(Err(error)) => {
                let code = match error.status {
                    431 => &fault::REQUEST_HEAD_TOO_LARGE,
                    414 => &fault::REQUEST_TARGET_TOO_LONG,
                    _ => &fault::REQUEST_MALFORMED,
                };
                refused(&connection, 11, error.status, code, error.detail);
                // Whatever happens to this answer, the connection ends.
                let _ = http.refuse(error.status, &dated(), b"").await;
                return;
            }
            Err(_) => {
                refused(&connection, 11, 408, &fault::TIMEOUT_HEAD, "slow head");
                let _ = http.refuse(408, &dated(), b"").await;
                return;
            }
        };
        let protocol = if parts.version == Version::HTTP_10 {
            10
        } else {
            11
        };
        let upgrade = upgrade_of(&parts, recv.is_end());
        let (inbound, responder) = exchange::run(
            &connection,
            protocol,
            parts,
            upgrade,
            Inbound::H1(recv),
            Responder::H1(respond),
        )
        .await;
        let (Inbound::H1(recv), Responder::H1(respond)) = (inbound, responder) else {
            return;
        };
        if !http.reclaim(recv, respond) {
            break;
        }
        patience = Duration::from_millis(own.idle_ms);
    }
    http.close().await;
}

fn dated() -> HeaderMap {
    HeaderMap::from_iter([(DATE, exchange::date())])
}

/// The protocol that the client asks to switch to (RFC 9110 7.8), when it may: a GET without
/// content.
fn upgrade_of(parts: &request::Parts, ended: bool) -> Option<String> {
    if parts.method != Method::GET || parts.version != Version::HTTP_11 || !ended {
        return None;
    }
    let asked = parts.headers.get_all(CONNECTION).iter().any(|value| {
        value
            .as_bytes()
            .split(|byte| *byte == b',')
            .any(|token| token.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
    });
    if !asked {
        return None;
    }
    let mut values = parts.headers.get_all(UPGRADE).iter();
    let token = message::upgrade_token(values.next()?.as_bytes())?;
    if values.next().is_some()
        || token == "websocket" && !parts.headers.contains_key(SEC_WEBSOCKET_KEY)
    {
        return None;
    }
    Some(token)
}
