//! HTTP/2: many requests at once, each in a task of its own.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use http::Method;

use super::streams::Streams;
use crate::connection::Connection;
use crate::event::Event;
use crate::exchange::{self, Inbound, Responder};
use crate::http2::server::Respond;
use crate::http2::{CLIENT_WINDOW, RecvBody, SEND_BUFFER, STREAM_WINDOW};
use crate::io::Io;
use crate::message;

/// What exchanges get to notice the end of their connection.
const FAREWELL: Duration = Duration::from_secs(1);

type Http2 = h2::server::Connection<Io, Bytes>;

pub async fn serve(io: Io, connection: Arc<Connection>) {
    let limits = &connection.listener.limits;
    let handshake = h2::server::Builder::new()
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CLIENT_WINDOW)
        .max_concurrent_streams(limits.max_streams)
        .max_header_list_size(u32::try_from(limits.max_head_bytes).unwrap_or(u32::MAX))
        .max_send_buffer_size(SEND_BUFFER)
        .max_frame_size(16_384)
        .enable_connect_protocol()
        .handshake::<_, Bytes>(io);
    let head = Duration::from_millis(limits.head_ms);
    let Ok(Ok(mut http)) = tokio::time::timeout(head, handshake).await else {
        return;
    };
    let streams = Streams::new();
    run(&mut http, &streams, &connection).await;
    drop(http);
    // Every stream now fails; its exchange ends its other side and writes its record.
    streams.end(FAREWELL).await;
}

async fn run(http: &mut Http2, streams: &Arc<Streams>, connection: &Arc<Connection>) {
    let limits = &connection.listener.limits;
    let idle = Duration::from_millis(limits.idle_ms);
    let mut first = true;
    let timer = tokio::time::sleep(Duration::from_millis(limits.head_ms).min(idle));
    tokio::pin!(timer);
    let mut leaving = false;
    loop {
        tokio::select! {
            biased;
            accepted = http.accept() => {
                let Some(Ok((request, respond))) = accepted else { return };
                first = false;
                if connection.resets_too_often() {
                    // RFC 9113 5.4.1, CVE-2023-44487.
                    connection.limit("maxResets");
                    http.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                    continue;
                }
                spawn(streams, connection, request, respond);
            }
            () = connection.listener.drain.draining(), if !leaving => {
                leaving = true;
                goodbye(http, connection);
            }
            () = &mut timer => {
                let patience = if first {
                    idle.min(Duration::from_millis(limits.head_ms))
                } else {
                    idle
                };
                let still = streams.idle().unwrap_or_default();
                let wait = if still < patience {
                    (patience - still).max(Duration::from_millis(50))
                } else if leaving {
                    return;
                } else {
                    leaving = true;
                    goodbye(http, connection);
                    FAREWELL
                };
                timer.as_mut().reset(tokio::time::Instant::now() + wait);
            }
        }
    }
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

fn spawn(
    streams: &Arc<Streams>,
    connection: &Arc<Connection>,
    request: http::Request<h2::RecvStream>,
    respond: h2::server::SendResponse<Bytes>,
) {
    let connection = Arc::clone(connection);
    let stream_guard = streams.begin();
    tokio::spawn(async move {
        let (mut parts, stream) = request.into_parts();
        let upgrade = parts
            .extensions
            .remove::<h2::ext::Protocol>()
            .filter(|_| parts.method == Method::CONNECT)
            .and_then(|protocol| message::upgrade_token(protocol.as_str().as_bytes()));
        let length = message::content_length(&parts.headers).ok().flatten();
        let (inbound, responder) = exchange::run(
            &connection,
            20,
            parts,
            upgrade,
            Inbound::H2(RecvBody::new(stream, length)),
            Responder::H2(Respond::new(respond)),
        )
        .await;
        drop((inbound, responder, stream_guard));
    });
}
