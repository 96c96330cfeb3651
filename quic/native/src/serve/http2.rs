//! HTTP/2: many requests at once. All of a connection's exchanges run in its own task, as they
//! would wake it for everything they do: on threads of their own they cost more than they gain,
//! and one connection keeps one core busy at the most.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use h2::Reason;
use h2::server::SendResponse;
use http::{Method, Request};

use super::failed;
use crate::connection::Connection;
use crate::event::Event;
use crate::exchange::{self, Inbound, Responder};
use crate::fault;
use crate::http2::server::Respond;
use crate::http2::{CLIENT_WINDOW, RecvBody, SEND_BUFFER, STREAM_WINDOW, lenient};
use crate::io::Io;
use crate::message;

/// What exchanges get to notice the end of their connection.
const FAREWELL: Duration = Duration::from_secs(1);

type Http2 = h2::server::Connection<Io, Bytes>;

pub async fn serve(io: Io, connection: Arc<Connection>) {
    let limits = &connection.limits;
    let max_resets =
        usize::try_from(limits.max_resets.min(limits.max_streams)).unwrap_or(usize::MAX);
    let handshake = h2::server::Builder::new()
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CLIENT_WINDOW)
        .max_concurrent_streams(limits.max_streams)
        .max_header_list_size(lenient(
            u32::try_from(limits.max_head_bytes).unwrap_or(u32::MAX),
        ))
        // Of those that were reset before they were looked at, as many as may be open at once: h2
        // keeps their heads meanwhile.
        .max_pending_accept_reset_streams(max_resets)
        .max_send_buffer_size(SEND_BUFFER)
        .max_frame_size(16_384)
        .enable_connect_protocol()
        .handshake::<_, Bytes>(io);
    let head = Duration::from_millis(limits.head_ms);
    let mut http = match tokio::time::timeout(head, handshake).await {
        Ok(Ok(http)) => http,
        Ok(Err(error)) => return told(&connection, &error),
        Err(_) => {
            return failed(
                &connection,
                20,
                &fault::TIMEOUT_HEAD,
                None,
                "slow preface".into(),
            );
        }
    };
    let mut exchanges = FuturesUnordered::new();
    let idle = Duration::from_millis(limits.idle_ms);
    // The first request has to come as soon as a head would.
    let mut patience = idle.min(head);
    let mut active = Instant::now();
    let timer = tokio::time::sleep(patience);
    tokio::pin!(timer);
    let draining = connection.listener.drain.draining();
    tokio::pin!(draining);
    let mut leaving = false;
    let mut expelled = false;
    loop {
        tokio::select! {
            biased;
            Some(()) = exchanges.next(), if !exchanges.is_empty() => active = Instant::now(),
            accepted = http.accept() => {
                let (request, respond) = match accepted {
                    Some(Ok(request)) => request,
                    Some(Err(error)) => {
                        told(&connection, &error);
                        break;
                    }
                    None => break,
                };
                active = Instant::now();
                patience = idle;
                if expelled {
                    continue;
                }
                if connection.resets_too_often() {
                    // RFC 9113 5.4.1, CVE-2023-44487.
                    connection.limit("maxResets");
                    http.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                    expelled = true;
                    continue;
                }
                exchanges.push(exchange(&connection, request, respond));
            }
            () = &mut draining, if !leaving => {
                leaving = true;
                goodbye(&mut http, &connection);
            }
            () = &mut timer => {
                let still = if exchanges.is_empty() { active.elapsed() } else { Duration::ZERO };
                let wait = if still < patience {
                    (patience - still).max(Duration::from_millis(50))
                } else if leaving {
                    break;
                } else {
                    leaving = true;
                    goodbye(&mut http, &connection);
                    FAREWELL
                };
                timer.as_mut().reset(tokio::time::Instant::now() + wait);
            }
        }
    }
    drop(http);
    // Every stream now fails; its exchange ends its other side and writes its record.
    let _ = tokio::time::timeout(FAREWELL, async {
        while exchanges.next().await.is_some() {}
    })
    .await;
}

/// Tells why a connection ended, unless the client just left, or we ended it and said so.
fn told(connection: &Arc<Connection>, error: &h2::Error) {
    let code = match (error.is_library(), error.is_remote()) {
        (true, _) => &fault::CLIENT_MALFORMED,
        (_, true) if error.reason() != Some(Reason::NO_ERROR) => &fault::CLIENT_CANCELLED,
        _ => return,
    };
    let wire_code = error.reason().map(|reason| u64::from(u32::from(reason)));
    failed(connection, 20, code, wire_code, error.to_string());
}

/// RFC 9113 6.8: GOAWAY; streams under way finish, later ones are not processed.
fn goodbye(http: &mut Http2, connection: &Connection) {
    http.graceful_shutdown();
    connection.shared.stats.goaway_sent.up();
    connection.shared.event(&Event::Goaway {
        listener: Some(connection.listener.id),
        upstream: None,
        sent: true,
        protocol: 20,
    });
}

async fn exchange(
    connection: &Arc<Connection>,
    request: Request<h2::RecvStream>,
    respond: SendResponse<Bytes>,
) {
    let (mut parts, stream) = request.into_parts();
    let upgrade = parts
        .extensions
        .remove::<h2::ext::Protocol>()
        .filter(|_| parts.method == Method::CONNECT)
        .and_then(|protocol| message::upgrade_token(protocol.as_str().as_bytes()));
    let length = message::content_length(&parts.headers).ok().flatten();
    let halves = exchange::run(
        connection,
        20,
        parts,
        upgrade,
        Inbound::H2(RecvBody::new(stream, length)),
        Responder::H2(Respond::new(respond)),
    )
    .await;
    drop(halves);
}
