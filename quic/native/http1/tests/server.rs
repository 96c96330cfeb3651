//! The server's side over a stream: what goes on the wire.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::future::poll_fn;
use std::task::Poll;

use bytes::Bytes;
use harmony_http1::{BodyLength, Limits, server};
use harmony_stream::{Kind, Transmit};
use http::StatusCode;
use proptest::prelude::*;
use support::*;
use tokio::io::duplex;

#[tokio::test]
async fn requests_follow_one_another_on_a_connection() {
    let (mut peer, mut connection) = pair();
    for _ in 0..3 {
        write(
            &mut peer,
            "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        )
        .await;
        assert!(soon(connection.wait()).await.unwrap());
        let (parts, read, more) = serve(&mut connection, 200, "world").await;
        assert_eq!(
            (parts.uri.path(), &read[..], more),
            ("/a", &b"hello"[..], true)
        );
        let text = until(&mut peer, "world").await;
        assert_eq!(text, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nworld");
    }
    drop(peer);
    assert!(!soon(connection.wait()).await.unwrap());
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let (mut peer, mut connection) = pair();
    let mut text = String::new();
    for path in 0..20 {
        text.push_str(&format!("POST /{path} HTTP/1.1\r\nHost: a\r\n"));
        text.push_str("Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n");
    }
    write(&mut peer, text).await;
    for path in 0..20 {
        assert!(soon(connection.wait()).await.unwrap());
        let (parts, read, more) = serve(&mut connection, 200, "").await;
        assert_eq!(parts.uri.path(), format!("/{path}"));
        assert_eq!((&read[..], more), (&b"x"[..], true));
    }
}

#[tokio::test]
async fn some_empty_lines_before_a_request_are_ignored() {
    let (mut peer, mut connection) = pair();
    write(&mut peer, "\r\n\r\n\r").await;
    let waits = poll_fn(|cx| {
        let mut wait = Box::pin(connection.wait());
        Poll::Ready(wait.as_mut().poll(cx).is_pending())
    });
    assert!(waits.await);
    write(&mut peer, format!("\n{GET}")).await;
    assert!(soon(connection.wait()).await.unwrap());
    assert!(serve(&mut connection, 204, "").await.2);
    write(&mut peer, format!("{}{GET}", "\r\n".repeat(5))).await;
    assert!(soon(connection.wait()).await.unwrap());
    assert_eq!(soon(connection.head()).await.unwrap_err().status, 400);
}

#[tokio::test]
async fn an_end_between_requests_is_clean_and_one_inside_a_head_is_not() {
    let (mut peer, mut connection) = pair();
    write(&mut peer, "\r\n").await;
    drop(peer);
    assert!(!soon(connection.wait()).await.unwrap());
    let (mut peer, mut connection) = pair();
    write(&mut peer, "GET / HT").await;
    drop(peer);
    assert!(soon(connection.wait()).await.unwrap());
    assert!(soon(connection.head()).await.unwrap_err().closed);
}

#[tokio::test]
async fn a_refused_request_is_answered_and_the_connection_closed() {
    let (mut peer, mut connection) = pair();
    write(&mut peer, "GET / HTTP/1.1\r\n\r\n").await;
    let error = soon(connection.head()).await.unwrap_err();
    let refuse = tokio::spawn(async move {
        connection
            .refuse(error.status, &headers(&[("date", "now")]), b"no host field")
            .await
    });
    let expected = "HTTP/1.1 400 Bad Request\r\ndate: now\r\ncontent-length: 13\r\n\
        connection: close\r\n\r\nno host field";
    assert_eq!(rest(&mut peer).await, expected);
    drop(peer);
    soon(refuse).await.unwrap().unwrap();
}

async fn answered(
    text: &str,
    status: u16,
    fields: &[(&'static str, &'static str)],
    body: BodyLength,
    data: &str,
) -> (String, bool) {
    let (mut peer, mut connection, (_, recv, mut respond)) = exchange(text).await;
    respond.send_head(&answer(status, fields), body);
    send(&mut respond, data.as_bytes()).await.unwrap();
    finish(&mut respond).await.unwrap();
    let more = connection.reclaim(recv, respond);
    soon(connection.close()).await;
    (rest(&mut peer).await, more)
}

#[tokio::test]
async fn the_wire_agrees_with_the_body_length() {
    use BodyLength::{Empty, Length, Unknown};
    type Fields = &'static [(&'static str, &'static str)];
    // Request, fields, length, content; the wire, and whether another request may follow.
    type Case<'a> = (&'a str, Fields, BodyLength, &'a str, &'a str, bool);
    let ok = "HTTP/1.1 200 OK\r\n";
    let head = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
    let lies: Fields = &[
        ("content-length", "99"),
        ("transfer-encoding", "gzip"),
        ("connection", "x-private"),
        ("keep-alive", "timeout=5"),
    ];
    let cases: &[Case<'_>] = &[
        (
            GET,
            lies,
            Length(2),
            "hi",
            "content-length: 2\r\n\r\nhi",
            true,
        ),
        (GET, lies, Empty, "", "content-length: 0\r\n\r\n", true),
        (
            GET,
            lies,
            Unknown,
            "hi",
            "transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            true,
        ),
        (
            GET,
            &[],
            Unknown,
            "",
            "transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            true,
        ),
        // HTTP/1.0 knows no chunks (RFC 9112 section 7).
        (
            OLD,
            &[],
            Unknown,
            "hi",
            "connection: close\r\n\r\nhi",
            false,
        ),
        (
            OLD,
            &[],
            Length(2),
            "hi",
            "content-length: 2\r\nconnection: close\r\n\r\nhi",
            false,
        ),
        (
            "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            &[],
            Length(2),
            "hi",
            "content-length: 2\r\nconnection: keep-alive\r\n\r\nhi",
            true,
        ),
        (
            "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            &[],
            Unknown,
            "hi",
            "connection: close\r\n\r\nhi",
            false,
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            &[],
            Length(2),
            "hi",
            "content-length: 2\r\nconnection: close\r\n\r\nhi",
            false,
        ),
        // RFC 9110 section 8.6: HEAD and 304 may tell the length that a GET would have.
        (
            head,
            &[("content-length", "99")],
            Empty,
            "",
            "content-length: 99\r\n\r\n",
            true,
        ),
        (head, &[("content-length", "9, 9")], Empty, "", "\r\n", true),
        (
            head,
            &[],
            Length(7),
            "ignored",
            "content-length: 7\r\n\r\n",
            true,
        ),
        (head, &[], Unknown, "ignored", "\r\n", true),
    ];
    for (text, fields, body, data, expected, more) in cases {
        let (wire, again) = answered(text, 200, fields, *body, data).await;
        assert_eq!(wire, format!("{ok}{expected}"), "{text:?} {body:?}");
        assert_eq!(again, *more, "{text:?} {body:?}");
    }
    let (wire, _) = answered(GET, 204, &[("content-length", "0")], Empty, "").await;
    assert_eq!(wire, "HTTP/1.1 204 No Content\r\n\r\n");
    let (wire, _) = answered(GET, 304, &[("content-length", "9")], Empty, "").await;
    assert_eq!(
        wire,
        "HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n"
    );
    let (wire, _) = answered(GET, 205, &[], Empty, "").await;
    assert_eq!(
        wire,
        "HTTP/1.1 205 Reset Content\r\ncontent-length: 0\r\n\r\n"
    );
    let (wire, _) = answered(GET, 299, &[("x", "1"), ("x", "2")], Empty, "").await;
    assert_eq!(
        wire,
        "HTTP/1.1 299 \r\nx: 1\r\nx: 2\r\ncontent-length: 0\r\n\r\n"
    );
}

#[tokio::test]
async fn trailers_follow_chunks_without_fields_of_framing() {
    let (mut peer, mut connection, (_, recv, mut respond)) = exchange(GET).await;
    respond.send_head(&answer(200, &[]), BodyLength::Unknown);
    let large = vec![b'x'; 5000];
    send(&mut respond, &large).await.unwrap();
    let fields = [
        ("a", "1"),
        ("content-length", "5"),
        ("transfer-encoding", "x"),
        ("host", "b"),
    ];
    respond.send_trailers(headers(&fields)).unwrap();
    finish(&mut respond).await.unwrap();
    let text = until(&mut peer, "\r\n0\r\na: 1\r\n\r\n").await;
    assert!(text.contains("\r\n\r\n1388\r\nxxx"));
    assert!(connection.reclaim(recv, respond));
}

#[tokio::test]
async fn trailers_of_a_request_arrive_apart_from_its_headers() {
    let text = format!("{CHUNKED}3\r\nabc\r\n0\r\nA: b\r\n\r\n");
    let (_peer, _connection, (parts, mut recv, _respond)) = exchange(&text).await;
    let (read, trailers) = content(&mut recv).await.unwrap();
    assert_eq!(read, b"abc");
    assert_eq!(trailers.unwrap()["a"], "b");
    assert!(!parts.headers.contains_key("a"));
}

#[tokio::test]
async fn head_and_first_content_leave_in_one_write() {
    let (mut peer, io) = duplex(1 << 20);
    let io = counting::Counting::new(io);
    let writes = io.writes();
    let mut connection = server::Connection::new(io, Limits::default());
    write(&mut peer, format!("{GET}{GET}")).await;
    for (round, size) in [(1, 10usize), (2, 50_000)] {
        let (_, recv, mut respond) = soon(connection.head()).await.unwrap();
        respond.send_head(&answer(200, &[]), BodyLength::Unknown);
        send(&mut respond, &vec![b'x'; size]).await.unwrap();
        finish(&mut respond).await.unwrap();
        assert_eq!(writes.load(std::sync::atomic::Ordering::Relaxed), round);
        assert!(connection.reclaim(recv, respond));
    }
}

#[tokio::test]
async fn informational_heads_come_before_the_final_one() {
    let (mut peer, _connection, (_, _recv, mut respond)) = exchange(GET).await;
    respond.send_informational(StatusCode::EARLY_HINTS, &headers(&[("link", "</a>")]));
    flush(&mut respond).await.unwrap();
    let text = until(&mut peer, "\r\n\r\n").await;
    assert_eq!(text, "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n");
    respond.send_informational(StatusCode::SWITCHING_PROTOCOLS, &headers(&[]));
    respond.send_head(&answer(200, &[]), BodyLength::Empty);
    respond.send_informational(StatusCode::EARLY_HINTS, &headers(&[]));
    finish(&mut respond).await.unwrap();
    let text = until(&mut peer, "\r\n\r\n").await;
    assert_eq!(text, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_no_informational_head() {
    let (mut peer, connection, (_, recv, mut respond)) = exchange(OLD).await;
    respond.send_informational(StatusCode::EARLY_HINTS, &headers(&[]));
    respond.send_head(&answer(200, &[]), BodyLength::Empty);
    finish(&mut respond).await.unwrap();
    drop((connection, recv, respond));
    assert!(rest(&mut peer).await.starts_with("HTTP/1.1 200 OK\r\n"));
}

const EXPECT: &str =
    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";

#[tokio::test]
async fn a_client_that_waits_is_told_to_continue() {
    let (mut peer, mut connection, (_, mut recv, mut respond)) = exchange(EXPECT).await;
    assert!(recv.expects_continue());
    respond.send_informational(StatusCode::CONTINUE, &headers(&[]));
    flush(&mut respond).await.unwrap();
    assert_eq!(
        until(&mut peer, "\r\n\r\n").await,
        "HTTP/1.1 100 Continue\r\n\r\n"
    );
    write(&mut peer, "hello").await;
    assert_eq!(content(&mut recv).await.unwrap().0, b"hello");
    respond.send_head(&answer(200, &[]), BodyLength::Empty);
    finish(&mut respond).await.unwrap();
    assert!(connection.reclaim(recv, respond));
}

#[tokio::test]
async fn a_client_that_was_not_told_to_continue_loses_the_connection() {
    let (mut peer, mut connection, (_, recv, mut respond)) = exchange(EXPECT).await;
    respond.send_head(&answer(417, &[]), BodyLength::Empty);
    finish(&mut respond).await.unwrap();
    assert!(!connection.reclaim(recv, respond));
    assert!(
        until(&mut peer, "\r\n\r\n")
            .await
            .contains("connection: close\r\n")
    );
}

#[tokio::test]
async fn content_that_disagrees_with_its_length_cuts_the_connection() {
    let (mut peer, _connection, (_, _recv, mut respond)) = exchange(GET).await;
    respond.send_head(&answer(200, &[]), BodyLength::Length(5));
    send(&mut respond, b"hell").await.unwrap();
    flush(&mut respond).await.unwrap();
    assert_eq!(
        finish(&mut respond).await.unwrap_err().kind,
        Kind::Truncated
    );
    assert!(rest(&mut peer).await.ends_with("\r\n\r\nhell"));

    let (mut peer, _connection, (_, _recv, mut respond)) = exchange(GET).await;
    respond.send_head(&answer(200, &[]), BodyLength::Length(5));
    assert!(send(&mut respond, b"hello!").await.is_err());
    assert!(finish(&mut respond).await.is_err());
    assert!(!rest(&mut peer).await.contains("hello"));
}

#[tokio::test]
async fn misuse_fails_the_exchange_instead_of_the_framing() {
    let (_peer, _connection, (_, _recv, mut respond)) = exchange(GET).await;
    assert!(respond.send_data(Bytes::from_static(b"x")).is_err());
    let (_peer, _connection, (_, _recv, mut respond)) = exchange(GET).await;
    respond.send_head(&answer(200, &[]), BodyLength::Empty);
    respond.send_head(&answer(200, &[]), BodyLength::Empty);
    assert!(flush(&mut respond).await.is_err());
    let (_peer, _connection, (_, _recv, mut respond)) = exchange(GET).await;
    respond.send_head(&answer(103, &[]), BodyLength::Empty);
    assert!(flush(&mut respond).await.is_err());
    let (_peer, _connection, (_, _recv, mut respond)) = exchange(GET).await;
    assert!(finish(&mut respond).await.is_err());
    let (mut peer, _connection, (_, _recv, mut respond)) = exchange(GET).await;
    respond.send_head(&answer(200, &[]), BodyLength::Unknown);
    respond.send_data(Bytes::new()).unwrap();
    respond.send_data(Bytes::from_static(b"x")).unwrap();
    finish(&mut respond).await.unwrap();
    assert!(
        until(&mut peer, "0\r\n\r\n")
            .await
            .ends_with("\r\n\r\n1\r\nx\r\n0\r\n\r\n")
    );
    assert!(respond.send_data(Bytes::from_static(b"x")).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_request_is_the_same_however_it_is_split(
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
    ) {
        let text = format!(
            "POST /a/b?c=d HTTP/1.1\r\nHost: example.com\r\nX: 1\r\nX: 2\r\n\
            Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n7\r\n, world\r\n0\r\nT: v\r\n\r\n{GET}"
        );
        let mut at: Vec<_> = cuts.iter().map(|cut| cut.index(text.len())).collect();
        at.extend([0, text.len()]);
        at.sort_unstable();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (mut peer, mut connection) = pair();
            let writer = async {
                for pair in at.windows(2) {
                    write(&mut peer, &text[pair[0]..pair[1]]).await;
                    tokio::task::yield_now().await;
                }
            };
            let reader = async {
                assert!(soon(connection.wait()).await.unwrap());
                let (parts, mut recv, mut respond) = soon(connection.head()).await.unwrap();
                assert_eq!(parts.uri, "/a/b?c=d");
                let values: Vec<_> = parts.headers.get_all("x").iter().collect();
                assert_eq!(values, ["1", "2"]);
                let (read, trailers) = content(&mut recv).await.unwrap();
                assert_eq!(read, b"hello, world");
                assert_eq!(trailers.unwrap()["t"], "v");
                respond.send_head(&answer(200, &[]), BodyLength::Empty);
                finish(&mut respond).await.unwrap();
                assert!(connection.reclaim(recv, respond));
                let (parts, _, _) = serve(&mut connection, 200, "").await;
                assert_eq!(parts.method, "GET");
            };
            tokio::join!(writer, reader);
        });
    }
}
