//! Our client and our server.

use bytes::Bytes;
use harmony_http3::server::Incoming;
use harmony_http3::{Config, Protocol, client};
use harmony_stream::{Frame, Transmit};
use http::{HeaderMap, Method, StatusCode};

use crate::support::*;

async fn connected<F, R>(handler: F) -> (Pair, client::Requester)
where
    F: Fn(Incoming) -> R + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let pair = serve(Config::default(), handler).await;
    let (requester, driver) = client::connect(pair.client.clone(), Config::default());
    tokio::spawn(driver);
    (pair, requester)
}

fn parts(method: Method) -> http::request::Parts {
    http::Request::builder()
        .method(method)
        .uri("https://localhost/a/../b?c=d&&e")
        .body(())
        .unwrap()
        .into_parts()
        .0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_and_trailers_go_both_ways() {
    let (_pair, requester) = connected(echo).await;
    let whole: Vec<u8> = (0..5_000_000u32).map(|n| (n / 7) as u8).collect();
    let pending = requester.open().await.unwrap();
    let (mut send, mut recv) = pending.send(&parts(Method::POST), false).unwrap();
    let sent = Bytes::from(whole.clone());
    let sending = tokio::spawn(async move {
        let mut left = sent;
        let mut size = 1;
        while !left.is_empty() {
            let piece = left.split_to(size.min(left.len()));
            write(&mut send, piece).await.unwrap();
            size = (size * 3) % 100_003 + 1;
        }
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", "1".parse().unwrap());
        send.send_trailers(trailers).unwrap();
        finish(&mut send).await.unwrap();
    });
    assert_eq!(head(&mut recv).await.unwrap().status, StatusCode::OK);
    let (got, trailers) = content(&mut recv).await.unwrap();
    assert!(got == whole);
    assert_eq!(trailers.unwrap()["x-sum"], "1");
    within(sending).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_share_a_connection() {
    let (_pair, requester) = connected(echo).await;
    let mut asking = Vec::new();
    for n in 0..400usize {
        let requester = requester.clone();
        asking.push(tokio::spawn(async move {
            let pending = requester.open().await.unwrap();
            let (mut send, mut recv) = pending.send(&parts(Method::POST), false).unwrap();
            let content_out = Bytes::from(vec![n as u8; n * 10]);
            send.send_data(content_out.clone()).unwrap();
            finish(&mut send).await.unwrap();
            assert_eq!(head(&mut recv).await.unwrap().status, StatusCode::OK);
            assert_eq!(content(&mut recv).await.unwrap().0, content_out);
        }));
    }
    for task in asking {
        within(task).await.unwrap();
    }
}

#[tokio::test]
async fn heads_arrive_as_they_were_sent() {
    let (_pair, requester) = connected(|incoming| async {
        let (parts, _body, mut respond) = incoming.head().await.unwrap();
        assert_eq!(parts.uri, "https://localhost/a/../b?c=d&&e");
        assert_eq!(parts.version, http::Version::HTTP_3);
        let cookies: Vec<_> = parts.headers.get_all("cookie").iter().collect();
        assert_eq!(cookies, ["a=1; b=2"]);
        let mut early = HeaderMap::new();
        early.insert("link", "</style.css>; rel=preload".parse().unwrap());
        respond
            .send_informational(StatusCode::EARLY_HINTS, &early)
            .unwrap();
        let (mut answer, ()) = http::Response::new(()).into_parts();
        answer.status = StatusCode::IM_A_TEAPOT;
        answer.headers = parts.headers;
        answer.headers.remove("cookie");
        respond.send_head(&answer, true).unwrap();
        finish(&mut respond).await.unwrap();
    })
    .await;
    let mut asked = parts(Method::GET);
    asked.headers.append("cookie", "a=1".parse().unwrap());
    asked.headers.append("cookie", "b=2".parse().unwrap());
    for value in ["1", "2", ""] {
        asked.headers.append("x-many", value.parse().unwrap());
    }
    let bytes = http::HeaderValue::from_bytes(b"caf\xe9 \xff").unwrap();
    asked.headers.insert("x-bytes", bytes);
    let (_send, mut recv) = requester.open().await.unwrap().send(&asked, true).unwrap();
    let early = head(&mut recv).await.unwrap();
    assert_eq!(early.status, StatusCode::EARLY_HINTS);
    assert_eq!(early.headers["link"], "</style.css>; rel=preload");
    let answer = head(&mut recv).await.unwrap();
    assert_eq!(answer.status, StatusCode::IM_A_TEAPOT);
    asked.headers.remove("cookie");
    assert_eq!(answer.headers, asked.headers);
    assert!(content(&mut recv).await.unwrap().0.is_empty());
}

#[tokio::test]
async fn rfc9220_a_tunnel_carries_bytes_both_ways() {
    let (_pair, requester) = connected(|incoming| async {
        let (parts, mut body, mut respond) = incoming.head().await.unwrap();
        assert_eq!(parts.method, Method::CONNECT);
        assert_eq!(parts.extensions.get(), Some(&Protocol::new("websocket")));
        assert_eq!(parts.uri.path(), "/a/../b");
        let (answer, ()) = http::Response::new(()).into_parts();
        respond.send_head(&answer, false).unwrap();
        flush(&mut respond).await.unwrap();
        copy(&mut body, &mut respond).await.unwrap();
    })
    .await;
    assert!(within(requester.settings()).await.unwrap().extended_connect);
    let mut asked = parts(Method::CONNECT);
    asked.extensions.insert(Protocol::new("websocket"));
    let (mut send, mut recv) = requester.open().await.unwrap().send(&asked, false).unwrap();
    flush(&mut send).await.unwrap();
    assert_eq!(head(&mut recv).await.unwrap().status, StatusCode::OK);
    for word in ["ping", "pong"] {
        write(&mut send, Bytes::from(word)).await.unwrap();
        match within(next(&mut recv)).await {
            Some(Ok(Frame::Data(data))) => assert_eq!(data, word),
            other => panic!("{other:?}"),
        }
    }
    finish(&mut send).await.unwrap();
    assert!(within(next(&mut recv)).await.is_none());
}

#[tokio::test]
async fn head_requests_have_answers_without_content() {
    let (_pair, requester) = connected(|incoming| async {
        let (_, _body, mut respond) = incoming.head().await.unwrap();
        let (mut answer, ()) = http::Response::new(()).into_parts();
        answer
            .headers
            .insert("content-length", "1000".parse().unwrap());
        respond.send_head(&answer, false).unwrap();
        finish(&mut respond).await.unwrap();
    })
    .await;
    let (_send, mut recv) = requester
        .open()
        .await
        .unwrap()
        .send(&parts(Method::HEAD), true)
        .unwrap();
    let answer = head(&mut recv).await.unwrap();
    assert_eq!(answer.headers["content-length"], "1000");
    assert!(content(&mut recv).await.unwrap().0.is_empty());
}
