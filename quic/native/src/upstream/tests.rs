//! An upstream with real peers on this machine.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use harmony_stream::{Frame, Receive, Transmit};
use http::{HeaderMap, Method, Response};
use quinn::crypto::rustls::QuicServerConfig;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::config::{EngineOptions, Identity, UpstreamTls};
use crate::crossing::Crossing;
use crate::tls::server::ServerIdentity;
use crate::tls::tests::{Authority, serving};
use crate::tls::{H1, H2};

const LONG: Duration = Duration::from_secs(20);

struct Bench {
    shared: Arc<Shared>,
    upstream: Arc<Upstream>,
}

impl Bench {
    fn new(options: Value) -> Self {
        let engine = EngineOptions::default();
        let crossing = Crossing::new(engine.limits.clone(), Handle::current(), Box::new(|| {}));
        let shared = Arc::new(Shared::new(engine, crossing));
        let options = serde_json::from_value(options).unwrap();
        let upstream = Upstream::new(&shared, options).unwrap();
        Self { shared, upstream }
    }

    async fn acquire(&self) -> Lease {
        self.upstream.acquire(Want::default()).await.unwrap()
    }

    async fn code(&self) -> &'static str {
        match self.upstream.acquire(Want::default()).await {
            Ok(_) => panic!("connected"),
            Err(fault) => fault.code.code,
        }
    }

    /// One whole exchange: the protocol it went over, and whether over a used connection.
    async fn get(&self) -> (u8, bool) {
        let lease = self.acquire().await;
        let kind = (lease.protocol, lease.reused);
        let (mut sender, mut receiver) = lease.send(&mut head(), BodyLength::Empty).await.unwrap();
        poll_fn(|cx| sender.poll_finish(cx)).await.unwrap();
        let parts = poll_fn(|cx| receiver.poll_head(cx)).await.unwrap();
        assert_eq!(parts.status, 200);
        let mut content = Vec::new();
        while let Some(frame) = poll_fn(|cx| receiver.poll_frame(cx)).await {
            if let Frame::Data(data) = frame.unwrap() {
                content.extend_from_slice(&data);
            }
        }
        assert_eq!(content, b"hello");
        finish(sender, receiver, true);
        kind
    }

    /// None: the connection closed just as it was used.
    async fn get_or_closed(&self) -> Option<(u8, bool)> {
        let lease = self.acquire().await;
        let kind = (lease.protocol, lease.reused);
        let (mut sender, mut receiver) = lease.send(&mut head(), BodyLength::Empty).await.unwrap();
        let _ = poll_fn(|cx| sender.poll_finish(cx)).await;
        let head = poll_fn(|cx| receiver.poll_head(cx)).await;
        head.is_ok().then_some(kind)
    }

    async fn until(&self, what: &str, reached: impl Fn(&Stats, &Value) -> bool) {
        let deadline = Instant::now() + LONG;
        while !reached(&self.shared.stats, &self.upstream.stats()) {
            assert!(
                Instant::now() < deadline,
                "{what}: {}",
                self.upstream.stats()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn head() -> Head {
    Head {
        method: Method::GET,
        authority: None,
        target: "/path?query".into(),
        headers: HeaderMap::new(),
        upgrade: None,
    }
}

/// A port that is free for UDP too.
async fn bind() -> (TcpListener, u16) {
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        if std::net::UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return (listener, port);
        }
    }
}

/// Answers each request; closes each connection after `most` of them. Returns how many
/// connections came.
fn serve_http1(listener: TcpListener, most: usize) -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut buf = Vec::new();
                for _ in 0..most {
                    while !buf.windows(4).any(|end| end == b"\r\n\r\n") {
                        if stream.read_buf(&mut buf).await.unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    let text = String::from_utf8(std::mem::take(&mut buf)).unwrap();
                    assert!(text.starts_with("GET /path?query HTTP/1.1\r\nhost: 127.0.0.1:"));
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
                    stream.write_all(answer).await.unwrap();
                }
            });
        }
    });
    count
}

async fn answer_http2<T>(io: T, most: usize)
where
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let mut connection = h2::server::handshake(io).await.unwrap();
    let mut served = 0;
    while let Some(Ok((_, mut respond))) = connection.accept().await {
        let mut stream = respond.send_response(Response::new(()), false).unwrap();
        stream
            .send_data(Bytes::from_static(b"hello"), true)
            .unwrap();
        served += 1;
        if served == most {
            connection.graceful_shutdown();
        }
    }
}

fn serve_http2(listener: TcpListener, most: usize) -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(answer_http2(stream, most));
        }
    });
    count
}

/// TLS over TCP, with what ALPN picks from `alpn`.
fn serve_tls(listener: TcpListener, identity: &Identity, alpn: &[&[u8]]) {
    let server = ServerIdentity::new(&serving(vec![identity.clone()]), "tls").unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(server.tcp(alpn).unwrap());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                assert_eq!(stream.get_ref().1.alpn_protocol(), Some(H2));
                answer_http2(stream, usize::MAX).await;
            });
        }
    });
}

/// HTTP/3 on a port of 127.0.0.1.
fn serve_http3(port: u16, identity: &Identity) -> quinn::Endpoint {
    let server = ServerIdentity::new(&serving(vec![identity.clone()]), "tls").unwrap();
    let crypto: Arc<QuicServerConfig> = server.quic().unwrap();
    let config = quinn::ServerConfig::with_crypto(crypto);
    let endpoint = quinn::Endpoint::server(config, ([127, 0, 0, 1], port).into()).unwrap();
    let incoming = endpoint.clone();
    tokio::spawn(async move {
        while let Some(incoming) = incoming.accept().await {
            tokio::spawn(async move {
                let Ok(quic) = incoming.await else { return };
                let config = harmony_http3::Config::default();
                let mut http = harmony_http3::server::Connection::new(quic, config)
                    .await
                    .unwrap();
                while let Ok(Some(request)) = http.accept().await {
                    tokio::spawn(async move {
                        let (_, _recv, mut respond) = request.head().await.unwrap();
                        let (parts, ()) = Response::new(()).into_parts();
                        respond.send_head(&parts, false).unwrap();
                        poll_fn(|cx| respond.poll_ready(cx)).await.unwrap();
                        respond.send_data(Bytes::from_static(b"hello")).unwrap();
                        poll_fn(|cx| respond.poll_finish(cx)).await.unwrap();
                    });
                }
            });
        }
    });
    endpoint
}

fn secure(port: u16, trust: &UpstreamTls, protocols: &[&str]) -> Value {
    json!({
        "origin": format!("https://a.test:{port}"),
        "addresses": ["127.0.0.1"],
        "protocols": protocols,
        "tls": { "ca": trust.ca },
        "timeouts": { "headStartMs": 100, "reprobeMs": 50, "reprobeMaxMs": 400,
                      "connectMs": 5000 },
    })
}

#[tokio::test]
async fn an_http_1_connection_is_used_again_and_a_dead_one_is_not() {
    let (listener, port) = bind().await;
    let count = serve_http1(listener, 2);
    let bench = Bench::new(json!({ "origin": format!("http://127.0.0.1:{port}") }));
    assert_eq!(bench.get().await, (11, false));
    assert_eq!(bench.get().await, (11, true));
    // The server has closed it by now, or is about to; the pool notices.
    let deadline = Instant::now() + LONG;
    while bench.get_or_closed().await != Some((11, false)) {
        assert!(Instant::now() < deadline);
    }
    assert!(count.load(Ordering::SeqCst) >= 2);
    assert!(bench.shared.stats.reused.get() >= 1);
}

#[tokio::test]
async fn connections_are_bounded_and_a_lease_that_ends_serves_the_next() {
    let (listener, port) = bind().await;
    serve_http1(listener, usize::MAX);
    let bench = Bench::new(json!({
        "origin": format!("http://127.0.0.1:{port}"),
        "pool": { "maxConnections": 1 },
        "timeouts": { "connectMs": 200 },
    }));
    let lease = bench.acquire().await;
    assert_eq!(bench.code().await, "overload/pool");
    let upstream = Arc::clone(&bench.upstream);
    let next = tokio::spawn(async move { upstream.acquire(Want::default()).await.is_ok() });
    bench
        .until("waiting", |_, stats| stats["waiting"] == 1)
        .await;
    drop(lease);
    assert!(next.await.unwrap());
    assert_eq!(bench.upstream.stats()["active"], 0);
    bench.upstream.close();
    assert_eq!(bench.code().await, "upstream/unknown");
    assert_eq!(bench.shared.stats.open_upstream_http1.get(), 0);
}

#[tokio::test]
async fn an_acquire_that_is_dropped_leaves_nothing_behind() {
    let (listener, port) = bind().await;
    serve_http1(listener, usize::MAX);
    let bench = Bench::new(json!({ "origin": format!("http://127.0.0.1:{port}") }));
    for _ in 0..20 {
        let acquiring = bench.upstream.acquire(Want::default());
        let _ = tokio::time::timeout(Duration::ZERO, acquiring).await;
    }
    bench
        .until("quiet", |_, stats| {
            stats["connecting"] == 0 && stats["active"] == 0 && stats["waiting"] == 0
        })
        .await;
    let stats = bench.upstream.stats();
    assert_eq!(stats["idle"], stats["connections"]);
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_refused() {
    let (listener, port) = bind().await;
    drop(listener);
    let bench = Bench::new(json!({ "origin": format!("http://127.0.0.1:{port}") }));
    assert_eq!(bench.code().await, "connect/refused");
    assert_eq!(bench.shared.stats.connect_failures.get(), 1);
}

#[tokio::test]
async fn requests_share_one_http_2_connection_until_it_goes_away() {
    let (listener, port) = bind().await;
    let count = serve_http2(listener, 3);
    let bench = Bench::new(json!({
        "origin": format!("http://127.0.0.1:{port}"), "protocols": ["h2"],
    }));
    let (one, two) = tokio::join!(bench.get(), bench.get());
    assert_eq!((one.0, two.0), (20, 20));
    assert_eq!(count.load(Ordering::SeqCst), 1);
    assert_eq!(bench.get().await, (20, true));
    bench
        .until("goaway", |stats, _| {
            stats.goaway_received.get() == 1 && stats.open_upstream_http2.get() == 0
        })
        .await;
    assert_eq!(bench.get().await, (20, false));
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_upgrade_over_http_2_alone_is_refused_without_extended_connect() {
    let (listener, port) = bind().await;
    serve_http2(listener, usize::MAX);
    let bench = Bench::new(json!({
        "origin": format!("http://127.0.0.1:{port}"), "protocols": ["h2"],
    }));
    let want = Want {
        upgrade: true,
        fresh: false,
    };
    let fault = bench.upstream.acquire(want).await.err().unwrap();
    assert_eq!(fault.code.code, "upgrade/refused");
    assert_eq!(bench.get().await.0, 20);
}

#[tokio::test]
async fn an_unused_shared_connection_closes_after_its_idle_time() {
    let (listener, port) = bind().await;
    serve_http2(listener, usize::MAX);
    let bench = Bench::new(json!({
        "origin": format!("http://127.0.0.1:{port}"), "protocols": ["h2"],
        "pool": { "idleMs": 30 },
    }));
    bench.get().await;
    bench
        .until("closed", |stats, own| {
            stats.open_upstream_http2.get() == 0 && own["connections"] == 0
        })
        .await;
    assert_eq!(bench.shared.stats.goaway_received.get(), 0);
}

#[tokio::test]
async fn http_3_is_preferred_where_it_works() {
    let authority = Authority::new();
    let identity = authority.issue(&["a.test"]);
    let (listener, port) = bind().await;
    serve_tls(listener, &identity, &[H2, H1]);
    let endpoint = serve_http3(port, &identity);
    let trust = authority.trusted();
    let bench = Bench::new(secure(port, &trust, &["h3", "h2", "h1"]));
    assert_eq!(bench.get().await, (30, false));
    assert_eq!(bench.get().await, (30, true));
    assert_eq!(bench.shared.stats.fallbacks.get(), 0);
    bench.upstream.close();
    bench
        .until("closed", |stats, _| stats.open_upstream_http3.get() == 0)
        .await;
    endpoint.close(0u32.into(), b"");
}

#[tokio::test]
async fn http_3_that_does_not_connect_falls_back_and_is_used_once_it_works() {
    let authority = Authority::new();
    let identity = authority.issue(&["a.test"]);
    let (listener, port) = bind().await;
    serve_tls(listener, &identity, &[H2, H1]);
    let trust = authority.trusted();
    // Bound and silent, as behind a firewall.
    let silent = std::net::UdpSocket::bind(("127.0.0.1", port)).unwrap();
    let mut options = secure(port, &trust, &["h3", "h2", "h1"]);
    options["timeouts"]["connectMs"] = 300.into();
    let bench = Bench::new(options);
    assert_eq!(bench.get().await, (20, false));
    let stats = bench.upstream.stats();
    assert_eq!(stats["http3"]["usable"], false, "{stats}");
    assert_eq!(stats["http3"]["code"], "connect/timeout");
    assert_eq!(bench.shared.stats.fallbacks.get(), 1);
    bench
        .until("probes", |stats, _| stats.reprobes.get() >= 2)
        .await;
    drop(silent);
    let endpoint = serve_http3(port, &identity);
    bench
        .until("recovery", |_, own| own["http3"]["usable"] == true)
        .await;
    assert_eq!(bench.get().await.0, 30);
    assert_eq!(bench.shared.stats.fallbacks.get(), 1);
    endpoint.close(0u32.into(), b"");
}

#[tokio::test]
async fn without_fallback_http_3_or_failure() {
    let authority = Authority::new();
    let identity = authority.issue(&["a.test"]);
    let (listener, port) = bind().await;
    serve_tls(listener, &identity, &[H2]);
    let mut options = secure(port, &authority.trusted(), &["h3", "h2"]);
    options["fallback"] = false.into();
    options["timeouts"]["connectMs"] = 300.into();
    let bench = Bench::new(options);
    assert_eq!(bench.code().await, "connect/timeout");
    assert_eq!(bench.shared.stats.connected_http2.get(), 0);
}

#[tokio::test]
async fn a_certificate_of_a_stranger_is_refused_over_both_transports() {
    let identity = Authority::new().issue(&["a.test"]);
    let (listener, port) = bind().await;
    serve_tls(listener, &identity, &[H2]);
    let endpoint = serve_http3(port, &identity);
    let trust = Authority::new().trusted();
    for protocols in [&["h2"][..], &["h3"], &["h3", "h2"]] {
        let bench = Bench::new(secure(port, &trust, protocols));
        assert_eq!(bench.code().await, "tls/untrusted", "{protocols:?}");
        assert_eq!(bench.shared.stats.fallbacks.get(), 0);
    }
    endpoint.close(0u32.into(), b"");
}

#[tokio::test]
async fn a_server_that_speaks_nothing_we_offer_says_so() {
    let authority = Authority::new();
    let identity = authority.issue(&["a.test"]);
    let (listener, port) = bind().await;
    serve_tls(listener, &identity, &[H2]);
    let bench = Bench::new(secure(port, &authority.trusted(), &["h1"]));
    assert_eq!(bench.code().await, "tls/alpn");
}
