//! A listener from outside, by its sockets. No decision is ever made here, so a request stays
//! under way for as long as a test wants.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls_pki_types::CertificateDer;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Bound, Drained, Listener};
use crate::config::{EngineOptions, Identity, ServerTls, UpstreamTls};
use crate::crossing::Crossing;
use crate::engine::Shared;
use crate::tls::client::{ClientIdentity, server_name};
use crate::tls::tests::{Authority, serving};
use crate::tls::{H1, H2, fault};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a.test\r\n\r\n";
const LONG: Duration = Duration::from_secs(60);

fn shared() -> Arc<Shared> {
    let options = EngineOptions::default();
    let crossing = Crossing::new(options.limits.clone(), Handle::current(), Box::new(|| {}));
    Arc::new(Shared::new(options, crossing))
}

async fn listen(options: Value) -> (Arc<Listener>, Bound) {
    Listener::bind(&shared(), serde_json::from_value(options).unwrap())
        .await
        .unwrap()
}

fn tls_json(tls: &ServerTls) -> Value {
    let identities: Vec<Value> = tls
        .identities
        .iter()
        .map(|own| json!({ "certificate": own.certificate, "key": own.key }))
        .collect();
    json!({ "identities": identities })
}

async fn listen_tls(identity: &Identity, protocols: Value) -> (Arc<Listener>, Bound) {
    listen(json!({
        "address": "127.0.0.1",
        "port": 0,
        "tcp": { "tls": tls_json(&serving(vec![identity.clone()])), "protocols": protocols },
        "quic": {},
    }))
    .await
}

async fn connect(bound: &Bound) -> TcpStream {
    TcpStream::connect(("127.0.0.1", bound.port)).await.unwrap()
}

async fn connect_tls(
    bound: &Bound,
    trust: &UpstreamTls,
    alpn: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let config = ClientIdentity::new(trust).unwrap().tcp(alpn).unwrap();
    let name = server_name(trust, "a.test").unwrap();
    TlsConnector::from(config)
        .connect(name, connect(bound).await)
        .await
}

async fn connect_quic(
    bound: &Bound,
    trust: &UpstreamTls,
) -> Result<(quinn::Endpoint, quinn::Connection), quinn::ConnectionError> {
    let config = ClientIdentity::new(trust).unwrap().quic().unwrap();
    let endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = format!("127.0.0.1:{}", bound.quic_port.unwrap());
    let connection = endpoint
        .connect_with(
            quinn::ClientConfig::new(config),
            address.parse().unwrap(),
            "a.test",
        )
        .unwrap()
        .await?;
    Ok((endpoint, connection))
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The peer closed, in whatever manner.
async fn closed(stream: &mut TcpStream) {
    let mut sink = [0; 1024];
    let ended = tokio::time::timeout(Duration::from_secs(10), async {
        while !matches!(stream.read(&mut sink).await, Ok(0) | Err(_)) {}
    });
    ended.await.unwrap();
}

#[tokio::test]
async fn a_plain_connection_is_served_in_the_protocol_of_its_first_bytes() {
    let (listener, bound) = listen(json!({ "address": "127.0.0.1", "port": 0, "tcp": {} })).await;
    let stats = &listener.shared.stats;
    let mut http1 = connect(&bound).await;
    let mut http2 = connect(&bound).await;
    http1.write_all(REQUEST).await.unwrap();
    http2.write_all(PREFACE).await.unwrap();
    until("one of each", || {
        (stats.open_http1.get(), stats.open_http2.get()) == (1, 1)
    })
    .await;
    drop((http1, http2));
    until("none", || {
        (stats.open_http1.get(), stats.open_http2.get()) == (0, 0)
    })
    .await;
    assert_eq!(stats.accepted_http1.get(), 1);
    assert_eq!(stats.accepted_http2.get(), 1);
}

#[tokio::test]
async fn over_tls_alpn_chooses_the_protocol() {
    let ca = Authority::new();
    let (listener, bound) = listen_tls(&ca.issue(&["a.test"]), json!([])).await;
    let stats = &listener.shared.stats;
    let trust = ca.trusted();
    let _h2 = connect_tls(&bound, &trust, &[H2, H1]).await.unwrap();
    let _h1 = connect_tls(&bound, &trust, &[H1]).await.unwrap();
    let _none = connect_tls(&bound, &trust, &[]).await.unwrap();
    until("two and one", || {
        (stats.open_http1.get(), stats.open_http2.get()) == (2, 1)
    })
    .await;
    let error = connect_tls(&bound, &trust, &[b"other"]).await.unwrap_err();
    assert_eq!(fault(&error).code, "tls/alpn");
    until("a failure", || stats.handshake_failures.get() == 1).await;
}

#[tokio::test]
async fn without_alpn_http2_is_not_spoken_over_tls() {
    let ca = Authority::new();
    let (listener, bound) = listen_tls(&ca.issue(&["a.test"]), json!(["h2"])).await;
    let mut stream = connect_tls(&bound, &ca.trusted(), &[]).await.unwrap();
    assert!(!matches!(stream.read(&mut [0; 1]).await, Ok(1..)));
    let stats = &listener.shared.stats;
    until("a failure", || stats.handshake_failures.get() == 1).await;
    assert_eq!(stats.accepted_http1.get() + stats.accepted_http2.get(), 0);
}

#[tokio::test]
async fn a_handshake_that_takes_too_long_is_ended() {
    let ca = Authority::new();
    let (listener, bound) = listen(json!({
        "address": "127.0.0.1",
        "port": 0,
        "tcp": { "tls": tls_json(&serving(vec![ca.issue(&["a.test"])])) },
        "limits": { "handshakeMs": 50 },
    }))
    .await;
    let mut stream = connect(&bound).await;
    closed(&mut stream).await;
    let stats = &listener.shared.stats;
    until("a failure", || stats.handshake_failures.get() == 1).await;
}

#[tokio::test]
async fn connections_over_the_limit_of_an_address_are_closed_at_once() {
    let (listener, bound) = listen(json!({
        "address": "127.0.0.1",
        "port": 0,
        "tcp": { "protocols": ["h1"] },
        "limits": { "maxConnectionsPerAddress": 2 },
    }))
    .await;
    let stats = &listener.shared.stats;
    let first = connect(&bound).await;
    let _second = connect(&bound).await;
    until("two", || stats.open_http1.get() == 2).await;
    let mut third = connect(&bound).await;
    closed(&mut third).await;
    assert_eq!(stats.limits_hit.get(), 1);
    drop(first);
    until("one", || stats.open_http1.get() == 1).await;
    let _fourth = connect(&bound).await;
    until("two again", || stats.open_http1.get() == 2).await;
    assert_eq!(stats.limits_hit.get(), 1);
}

#[tokio::test]
async fn quic_connections_over_the_limit_are_refused() {
    let ca = Authority::new();
    let (_listener, bound) = listen(json!({
        "address": "127.0.0.1",
        "port": 0,
        "quic": { "tls": tls_json(&serving(vec![ca.issue(&["a.test"])])) },
        "limits": { "maxConnections": 1 },
    }))
    .await;
    let (_endpoint, _first) = connect_quic(&bound, &ca.trusted()).await.unwrap();
    let error = connect_quic(&bound, &ca.trusted()).await.err().unwrap();
    assert_eq!(fault(&error).code, "connect/refused", "{error}");
}

#[tokio::test]
async fn under_load_a_new_quic_peer_proves_its_address_and_is_served() {
    let ca = Authority::new();
    let (listener, bound) = listen(json!({
        "address": "127.0.0.1",
        "port": 0,
        "quic": { "tls": tls_json(&serving(vec![ca.issue(&["a.test"])])) },
        "limits": { "retryAbove": 0 },
    }))
    .await;
    let (_endpoint, connection) = connect_quic(&bound, &ca.trusted()).await.unwrap();
    let stats = &listener.shared.stats;
    until("a connection", || stats.open_http3.get() == 1).await;
    drop(connection);
}

#[tokio::test]
async fn drain_ends_idle_connections_and_frees_both_ports() {
    let ca = Authority::new();
    let (listener, bound) = listen_tls(&ca.issue(&["a.test"]), json!([])).await;
    let trust = ca.trusted();
    let _tcp = connect_tls(&bound, &trust, &[H1]).await.unwrap();
    let (_endpoint, quic) = connect_quic(&bound, &trust).await.unwrap();
    let stats = &listener.shared.stats;
    until("both", || {
        stats.open_http1.get() + stats.open_http3.get() == 2
    })
    .await;
    let begun = Instant::now();
    let drained = listener.drain(LONG).await;
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(
        drained,
        Drained {
            finished: 0,
            cut: 0
        }
    );
    assert_eq!(stats.open_http1.get() + stats.open_http3.get(), 0);
    quic.closed().await;
    std::net::TcpListener::bind(("127.0.0.1", bound.port)).unwrap();
    std::net::UdpSocket::bind(("127.0.0.1", bound.port)).unwrap();
    // A listener that is gone says so again.
    assert_eq!(listener.drain(LONG).await, drained);
}

#[tokio::test]
async fn drain_refuses_new_connections_while_requests_finish() {
    let ca = Authority::new();
    let (listener, bound) = listen_tls(&ca.issue(&["a.test"]), json!(["h1"])).await;
    let trust = ca.trusted();
    let mut held = connect_tls(&bound, &trust, &[H1]).await.unwrap();
    held.write_all(REQUEST).await.unwrap();
    until("a request", || listener.open_exchanges.get() == 1).await;
    let draining = tokio::spawn({
        let listener = Arc::clone(&listener);
        async move { listener.drain(LONG).await }
    });
    listener.drain.draining().await;
    let error = connect_quic(&bound, &trust).await.err().unwrap();
    assert_eq!(fault(&error).code, "connect/refused", "{error}");
    let deadline = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(("127.0.0.1", bound.port)).await.is_ok() {
        assert!(Instant::now() < deadline, "the kernel still accepts");
    }
    assert!(!draining.is_finished());
    drop(held);
    assert_eq!(
        draining.await.unwrap(),
        Drained {
            finished: 1,
            cut: 0
        }
    );
}

#[tokio::test]
async fn drain_cuts_what_is_left_when_the_grace_period_ends() {
    let (listener, bound) = listen(json!({ "address": "127.0.0.1", "port": 0, "tcp": {} })).await;
    let mut held = connect(&bound).await;
    held.write_all(REQUEST).await.unwrap();
    until("a request", || listener.open_exchanges.get() == 1).await;
    // The sooner of two ends counts, and both callers get the same.
    let patient = tokio::spawn({
        let listener = Arc::clone(&listener);
        async move { listener.drain(LONG).await }
    });
    listener.drain.draining().await;
    let drained = listener.drain(Duration::from_millis(20)).await;
    assert_eq!(
        drained,
        Drained {
            finished: 0,
            cut: 1
        }
    );
    assert_eq!(patient.await.unwrap(), drained);
    assert_eq!(listener.open_exchanges.get(), 0);
    closed(&mut held).await;
}

#[tokio::test]
async fn certificates_are_swapped_for_tcp_and_quic_alike_and_open_connections_go_on() {
    let old = Authority::new();
    let new = Authority::new();
    let (listener, bound) = listen_tls(&old.issue(&["a.test"]), json!(["h1"])).await;
    let mut open = connect_tls(&bound, &old.trusted(), &[H1]).await.unwrap();

    let error = listener.replace_tls(&serving(Vec::new())).unwrap_err();
    assert!(error.starts_with("tls.identities is empty"), "{error}");
    connect_tls(&bound, &old.trusted(), &[H1]).await.unwrap();
    connect_quic(&bound, &old.trusted()).await.unwrap();

    let swap = serving(vec![new.issue(&["a.test"])]);
    listener.replace_tls(&swap).unwrap();
    let shown = new.trusted();
    connect_tls(&bound, &shown, &[H1]).await.unwrap();
    let (_endpoint, quic) = connect_quic(&bound, &shown).await.unwrap();
    let chain = quic.peer_identity().unwrap();
    assert!(chain.downcast::<Vec<CertificateDer<'static>>>().is_ok());
    let error = connect_quic(&bound, &old.trusted()).await.err().unwrap();
    assert_eq!(fault(&error).code, "tls/untrusted", "{error}");

    open.write_all(REQUEST).await.unwrap();
    until("a request", || listener.open_exchanges.get() == 1).await;
}

#[test]
fn sockets_close_with_the_runtime_even_if_nobody_drained() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let ca = Authority::new();
    let identity = ca.issue(&["a.test"]);
    let (listener, bound) = runtime.block_on(listen_tls(&identity, json!([])));
    drop(runtime);
    std::net::TcpListener::bind(("127.0.0.1", bound.port)).unwrap();
    std::net::UdpSocket::bind(("127.0.0.1", bound.port)).unwrap();
    drop(listener);
}

#[tokio::test]
async fn options_that_contradict_themselves_are_named() {
    for (options, start) in [
        (json!({}), "tcp and quic are both missing"),
        (
            json!({ "tcp": { "protocols": ["h3"] } }),
            "tcp.protocols has \"h3\"",
        ),
        (
            json!({ "tcp": {}, "quic": {} }),
            "quic.tls and tcp.tls are both missing",
        ),
        (
            json!({ "tcp": {}, "limits": { "headMs": 0 } }),
            "limits.headMs is 0",
        ),
    ] {
        let mut options = options;
        options["address"] = "127.0.0.1".into();
        options["port"] = 0.into();
        let options = serde_json::from_value(options).unwrap();
        let error = Listener::bind(&shared(), options).await.err().unwrap();
        assert_eq!(error.code, "listen/failed");
        assert!(error.detail.starts_with(start), "{error:?}");
    }
    let (listener, _) = listen(json!({ "address": "127.0.0.1", "port": 0, "tcp": {} })).await;
    let swap = serving(vec![Authority::new().issue(&["a.test"])]);
    let error = listener.replace_tls(&swap).unwrap_err();
    assert!(error.contains("has none to replace"), "{error}");
}
