//! HTTP/3: many requests at once, all in the connection's task (see `http2`); a head is read by its
//! own request's future, so that one slow head delays no other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use harmony_http3::server::{Connection as Http3, HeadError, Incoming, Respond};
use harmony_http3::{Cause, Config, ConnectionError, Protocol};
use harmony_stream::{Kind, StreamError, Transmit};
use http::header::{CONTENT_LENGTH, DATE};
use http::{HeaderValue, Response, StatusCode};

use super::{failed, refused};
use crate::connection::Connection;
use crate::event::Event;
use crate::exchange::{self, Inbound, Responder};
use crate::{fault, message};

/// What exchanges get to notice the end of their connection.
const FAREWELL: Duration = Duration::from_secs(1);

pub async fn serve(quic: quinn::Connection, connection: Arc<Connection>) {
    let limits = &connection.limits;
    let config = Config {
        max_field_section: limits.max_head_bytes as u64,
        max_fields: limits.max_fields,
        max_discard: limits.max_discard,
        ..Config::default()
    };
    let head = Duration::from_millis(limits.head_ms);
    let mut http = match tokio::time::timeout(head, Http3::new(quic, config)).await {
        Ok(Ok(http)) => http,
        Ok(Err(error)) => return told(&connection, &error),
        Err(_) => {
            let reason = "no leave to open the control stream".into();
            return failed(&connection, 30, &fault::TIMEOUT_HEAD, None, reason);
        }
    };
    let mut requests = FuturesUnordered::new();
    let idle = Duration::from_millis(limits.idle_ms);
    let mut active = Instant::now();
    let timer = tokio::time::sleep(idle);
    tokio::pin!(timer);
    let draining = connection.listener.drain.draining();
    tokio::pin!(draining);
    let mut leaving = false;
    loop {
        tokio::select! {
            biased;
            Some(()) = requests.next(), if !requests.is_empty() => active = Instant::now(),
            accepted = http.accept() => {
                let incoming = match accepted {
                    Ok(Some(incoming)) => incoming,
                    Ok(None) => break,
                    Err(error) => {
                        told(&connection, &error);
                        break;
                    }
                };
                active = Instant::now();
                if connection.resets_too_often() {
                    connection.limit("maxResets");
                    // RFC 9114 8.1: H3_EXCESSIVE_LOAD.
                    http.quic().close(0x107u32.into(), b"too many resets");
                    break;
                }
                requests.push(request(incoming, &connection));
            }
            () = &mut draining, if !leaving => {
                leaving = true;
                goodbye(&mut http, &connection);
            }
            () = &mut timer => {
                let still = if requests.is_empty() { active.elapsed() } else { Duration::ZERO };
                if still >= idle && !leaving {
                    leaving = true;
                    goodbye(&mut http, &connection);
                }
                let rest = idle.saturating_sub(still).max(Duration::from_millis(50));
                timer.as_mut().reset(tokio::time::Instant::now() + rest);
            }
        }
    }
    let _ =
        tokio::time::timeout(FAREWELL, async { while requests.next().await.is_some() {} }).await;
}

/// Tells why a connection ended, unless the client just left.
fn told(connection: &Arc<Connection>, error: &ConnectionError) {
    let code = match error.cause {
        Cause::Local => &fault::CLIENT_MALFORMED,
        Cause::Peer => &fault::CLIENT_CANCELLED,
        Cause::Transport if error.code.is_some() => &fault::CLIENT_MALFORMED,
        Cause::Transport | Cause::TimedOut => return,
    };
    failed(connection, 30, code, error.code, error.detail.to_string());
}

/// RFC 9114 5.2: GOAWAY; requests under way finish, later ones are rejected at once.
fn goodbye(http: &mut Http3, connection: &Connection) {
    http.shutdown();
    connection.shared.stats.goaway_sent.up();
    connection.shared.event(&Event::Goaway {
        listener: Some(connection.listener.id),
        upstream: None,
        sent: true,
        protocol: 30,
    });
}

async fn request(incoming: Incoming, connection: &Arc<Connection>) {
    let patience = Duration::from_millis(connection.limits.head_ms);
    let (mut parts, recv, respond) = match tokio::time::timeout(patience, incoming.head()).await {
        Ok(Ok(request)) => request,
        Ok(Err(HeadError { error, respond })) => {
            let status = respond.as_ref().map_or(0, |(status, _)| status.as_u16());
            let code = match status {
                431 => &fault::REQUEST_HEAD_TOO_LARGE,
                414 => &fault::REQUEST_TARGET_TOO_LONG,
                _ => &fault::REQUEST_MALFORMED,
            };
            match error.kind {
                // A request that was cancelled before it was one is nobody's mistake, but many
                // of them are (CVE-2023-44487).
                Kind::Reset => connection.count_reset(),
                Kind::Closed => {}
                _ => refused(connection, 30, status, code, &error.detail),
            }
            if let Some((status, respond)) = respond {
                let _ = tokio::time::timeout(FAREWELL, answer(status, respond)).await;
            }
            return;
        }
        // Dropping the stream resets it.
        Err(_) => {
            refused(connection, 30, 0, &fault::TIMEOUT_HEAD, "slow head");
            return;
        }
    };
    let upgrade = parts
        .extensions
        .remove::<Protocol>()
        .and_then(|protocol| message::upgrade_token(protocol.as_str().as_bytes()));
    let halves = exchange::run(
        connection,
        30,
        parts,
        upgrade,
        Inbound::H3(Box::new(recv)),
        Responder::H3(Box::new(respond)),
    )
    .await;
    drop(halves);
}

/// A bare answer to a request that went over a limit.
async fn answer(status: StatusCode, mut respond: Respond) -> Result<(), StreamError> {
    let (mut parts, ()) = Response::new(()).into_parts();
    parts.status = status;
    parts.headers.insert(DATE, exchange::date());
    parts
        .headers
        .insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    respond.send_head(&parts, true)?;
    std::future::poll_fn(|cx| respond.poll_finish(cx)).await
}
