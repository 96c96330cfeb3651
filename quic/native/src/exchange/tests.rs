//! Whole exchanges with a defect in them, from outside: a listener, a client of each protocol, and a
//! policy that answers `hello` to everything.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::future::poll_fn;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use harmony_stream::{Frame, Receive};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use crate::config::EngineOptions;
use crate::crossing::{Crossing, Turn, encode};
use crate::engine::Shared;
use crate::listener::{Bound, Listener};
use crate::tls::client::ClientIdentity;
use crate::tls::tests::Authority;

struct Rig {
    listener: Arc<Listener>,
    bound: Bound,
    authority: Authority,
    policy: tokio::task::JoinHandle<()>,
}

/// What JavaScript was told, by kind.
type Told = Arc<std::sync::Mutex<Vec<(u8, Vec<u8>)>>>;

async fn rig() -> (Rig, Told) {
    let options = EngineOptions::default();
    let crossing = Crossing::new(options.limits.clone(), Handle::current(), Box::new(|| {}));
    let shared = Arc::new(Shared::new(options, crossing));
    let authority = Authority::new();
    let identity = authority.issue(&["a.test"]);
    let tls =
        json!({ "identities": [{ "certificate": identity.certificate, "key": identity.key }] });
    let options: Value = json!({
        "address": "127.0.0.1", "port": 0, "tcp": {}, "quic": { "tls": tls },
    });
    let (listener, bound) = Listener::bind(&shared, serde_json::from_value(options).unwrap())
        .await
        .unwrap();
    let told = Told::default();
    let policy = tokio::spawn(policy(Arc::clone(&shared), Arc::clone(&told)));
    let rig = Rig {
        listener,
        bound,
        authority,
        policy,
    };
    (rig, told)
}

/// JavaScript's part.
async fn policy(shared: Arc<Shared>, told: Told) {
    let mut out = vec![0; 1 << 16];
    let mut answers = Vec::new();
    loop {
        let (turn, whole) = shared.crossing.turn(&answers, &mut out);
        assert!(whole);
        answers.clear();
        let Turn::Wrote(written) = turn else {
            panic!("{turn:?}")
        };
        let mut rest = &out[..written];
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let (message, next) = after.split_at(u32::from_le_bytes(*length) as usize);
            rest = next;
            let kind = message[0];
            told.lock().unwrap().push((kind, message[9..].to_vec()));
            if kind == encode::HEAD {
                let id = f64::from_le_bytes(message[1..9].try_into().unwrap());
                encode::message(&mut answers, 1, id as u64, |writer| {
                    writer.u16(200);
                    writer.fields(&http::HeaderMap::new());
                    writer.u8(1);
                    writer.bytes(b"hello");
                });
            }
        }
        if written == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

impl Rig {
    /// The defect was counted and told, its exchange left a record with its code, and no exchange is
    /// under way.
    async fn defects(&self, told: &Told, count: u64) {
        let stats = &self.listener.shared.stats;
        let deadline = Instant::now() + Duration::from_secs(10);
        let holds = || {
            let told = told.lock().unwrap();
            let of = |kind, text: &str| {
                let has = |bytes: &[u8]| bytes.windows(text.len()).any(|at| at == text.as_bytes());
                told.iter()
                    .filter(|(one, bytes)| *one == kind && has(bytes))
                    .count() as u64
            };
            stats.panics.get() == count
                && stats.open_exchanges.get() == 0
                && of(encode::EVENT, "\"type\":\"panic\"") == count
                && of(encode::RECORD, "internal/panic") == count
        };
        while !holds() {
            let panics = stats.panics.get();
            assert!(Instant::now() < deadline, "{panics} defects are counted");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn end(self) {
        self.listener.drain(Duration::ZERO).await;
        self.policy.abort();
    }
}

async fn http1(bound: &Bound, target: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", bound.port)).await.unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let _ = tokio::time::timeout(Duration::from_secs(10), read)
        .await
        .unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_defect_before_the_answer_is_a_500_over_http1() {
    let (rig, told) = rig().await;
    let answer = http1(&rig.bound, "/defect/head").await;
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    rig.defects(&told, 1).await;
    let answer = http1(&rig.bound, "/").await;
    assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
    rig.end().await;
}

#[tokio::test]
async fn a_defect_within_the_answer_cuts_the_connection_over_http1() {
    let (rig, told) = rig().await;
    let answer = http1(&rig.bound, "/defect/body").await;
    assert!(!answer.contains("hello"), "{answer}");
    rig.defects(&told, 1).await;
    let answer = http1(&rig.bound, "/").await;
    assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
    rig.end().await;
}

#[tokio::test]
async fn a_defect_ends_its_stream_alone_over_http2() {
    let (rig, told) = rig().await;
    let stream = TcpStream::connect(("127.0.0.1", rig.bound.port))
        .await
        .unwrap();
    let (mut client, driver) = h2::client::handshake(stream).await.unwrap();
    let driver = tokio::spawn(driver);
    let mut send = |target: &str| {
        let uri = format!("http://a.test{target}");
        let request = http::Request::get(uri).body(()).unwrap();
        client.send_request(request, true).unwrap().0
    };
    let (head, body, whole) = (send("/defect/head"), send("/defect/body"), send("/"));
    assert_eq!(head.await.unwrap().status(), 500);
    // The head may have left before the reset.
    let error = match body.await {
        Err(error) => error,
        Ok(answer) => answer.into_body().data().await.unwrap().unwrap_err(),
    };
    assert_eq!(error.reason(), Some(h2::Reason::INTERNAL_ERROR));
    let mut answer = whole.await.unwrap().into_body();
    assert_eq!(
        answer.data().await.unwrap().unwrap(),
        Bytes::from_static(b"hello")
    );
    rig.defects(&told, 2).await;
    assert_eq!(rig.listener.shared.stats.open_http2.get(), 1);
    rig.end().await;
    driver.abort();
}

#[tokio::test]
async fn a_defect_ends_its_stream_alone_over_http3() {
    let (rig, told) = rig().await;
    let config = ClientIdentity::new(&rig.authority.trusted())
        .unwrap()
        .quic()
        .unwrap();
    let endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = format!("127.0.0.1:{}", rig.bound.quic_port.unwrap());
    let quic = endpoint
        .connect_with(
            quinn::ClientConfig::new(config),
            address.parse().unwrap(),
            "a.test",
        )
        .unwrap()
        .await
        .unwrap();
    let (client, driver) = harmony_http3::client::connect(quic, harmony_http3::Config::default());
    let driver = tokio::spawn(driver);
    let ask = async |target: &str| {
        let uri = format!("https://a.test{target}");
        let (parts, ()) = http::Request::get(uri).body(()).unwrap().into_parts();
        let (_sent, mut body) = client.open().await.unwrap().send(&parts, true).unwrap();
        let head = poll_fn(|cx| body.poll_head(cx)).await?;
        let mut content = Vec::new();
        while let Some(frame) = poll_fn(|cx| body.poll_frame(cx)).await {
            if let Frame::Data(data) = frame? {
                content.extend_from_slice(&data);
            }
        }
        Ok::<_, harmony_stream::StreamError>((head.status.as_u16(), content))
    };
    let (head, body, whole) = tokio::join!(ask("/defect/head"), ask("/defect/body"), ask("/"));
    assert_eq!(head.unwrap().0, 500);
    // RFC 9114 8.1: H3_INTERNAL_ERROR.
    assert_eq!(body.unwrap_err().code, Some(0x102));
    assert_eq!(whole.unwrap(), (200, b"hello".to_vec()));
    rig.defects(&told, 2).await;
    assert_eq!(rig.listener.shared.stats.open_http3.get(), 1);
    rig.end().await;
    driver.abort();
}

#[tokio::test]
async fn a_defect_outside_of_an_exchange_is_counted() {
    let (rig, _told) = rig().await;
    let shared = &rig.listener.shared;
    shared.reap(tokio::spawn(async { panic!("elsewhere") }).await);
    assert_eq!(shared.stats.panics.get(), 1);
    let aborted = tokio::spawn(std::future::pending());
    aborted.abort();
    shared.reap(aborted.await);
    assert_eq!(shared.stats.panics.get(), 1);
    rig.end().await;
}
