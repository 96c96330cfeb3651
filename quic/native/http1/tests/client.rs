//! The client's side over a stream.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::future::poll_fn;
use std::task::Poll;

use bytes::Bytes;
use harmony_http1::client::{Connection, RecvResponse, SendBody, reclaim};
use harmony_http1::{BodyLength, Hooked, Limits, server};
use harmony_stream::{Frame, Kind, Reason, Receive, StreamError, Transmit};
use http::response;
use support::*;
use tokio::io::{AsyncReadExt, DuplexStream, duplex};

type Halves = (SendBody<DuplexStream>, RecvResponse<DuplexStream>);

fn pair() -> (DuplexStream, Connection<DuplexStream>) {
    let (peer, io) = duplex(1 << 20);
    (peer, Connection::new(io, Limits::default()))
}

async fn head(
    recv: &mut RecvResponse<impl harmony_http1::Io>,
) -> Result<response::Parts, StreamError> {
    soon(poll_fn(|cx| recv.poll_head(cx))).await
}

/// A GET that was sent whole, and an answer to it.
async fn asked(text: &str) -> (DuplexStream, Halves) {
    let (mut peer, connection) = pair();
    let (mut send, recv) = connection.send(&question("GET", &[]), b"/", BodyLength::Empty);
    finish(&mut send).await.unwrap();
    until(&mut peer, "\r\n\r\n").await;
    write(&mut peer, text).await;
    (peer, (send, recv))
}

#[tokio::test]
async fn exchanges_follow_one_another_on_a_connection() {
    let (mut peer, mut connection) = pair();
    for _ in 0..3 {
        assert!(connection.is_idle_alive());
        let parts = question("POST", &[("x", "1"), ("host", "a")]);
        let (mut send_body, mut recv) = connection.send(&parts, b"/a?b", BodyLength::Length(5));
        assert!(!send_body.sent_any() && !recv.received_any() && !recv.is_end());
        send(&mut send_body, b"hello").await.unwrap();
        finish(&mut send_body).await.unwrap();
        let text = until(&mut peer, "hello").await;
        assert_eq!(
            text,
            "POST /a?b HTTP/1.1\r\nhost: a\r\nx: 1\r\ncontent-length: 5\r\n\r\nhello"
        );
        write(
            &mut peer,
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: \r\n\r\nworld",
        )
        .await;
        let answer = head(&mut recv).await.unwrap();
        assert_eq!(
            (answer.status.as_u16(), &answer.headers["a"]),
            (200, &"".parse().unwrap())
        );
        assert_eq!(recv.remaining(), Some(5));
        assert_eq!(content(&mut recv).await.unwrap().0, b"world");
        connection = reclaim(send_body, recv).unwrap();
    }
}

#[tokio::test]
async fn the_wire_agrees_with_the_body_length() {
    use BodyLength::{Empty, Length, Unknown};
    let lies: &'static [_] = &[
        ("content-length", "9"),
        ("transfer-encoding", "x"),
        ("connection", "y"),
    ];
    type Fields = &'static [(&'static str, &'static str)];
    let cases: &[(&str, Fields, BodyLength, &str)] = &[
        ("GET", lies, Empty, "\r\n"),
        ("DELETE", &[], Empty, "\r\n"),
        ("POST", lies, Empty, "content-length: 0\r\n\r\n"),
        ("GET", &[], Length(0), "content-length: 0\r\n\r\n"),
        ("PUT", lies, Length(1), "content-length: 1\r\n\r\nx"),
        (
            "POST",
            lies,
            Unknown,
            "transfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        ),
        (
            "GET",
            &[("te", "trailers")],
            Empty,
            "te: trailers\r\nconnection: te\r\n\r\n",
        ),
        (
            "GET",
            &[("upgrade", "x")],
            Empty,
            "upgrade: x\r\nconnection: upgrade\r\n\r\n",
        ),
    ];
    for (method, fields, body, expected) in cases {
        let (mut peer, connection) = pair();
        let (mut send_body, recv) = connection.send(&question(method, fields), b"*", *body);
        if matches!(body, Length(1) | Unknown) {
            send(&mut send_body, b"x").await.unwrap();
        }
        finish(&mut send_body).await.unwrap();
        drop((send_body, recv));
        assert_eq!(
            rest(&mut peer).await,
            format!("{method} * HTTP/1.1\r\n{expected}")
        );
    }
}

#[tokio::test]
async fn a_target_that_would_be_another_request_is_not_sent() {
    for target in [
        "",
        "/ HTTP/1.1\r\nHost: a\r\n\r\nGET /",
        "/a b",
        "/\n",
        "/\u{e4}",
        "/\0",
    ] {
        let (mut peer, connection) = pair();
        let parts = question("GET", &[]);
        let (mut send, mut recv) = connection.send(&parts, target.as_bytes(), BodyLength::Empty);
        assert_eq!(finish(&mut send).await.unwrap_err().kind, Kind::Protocol);
        assert_eq!(head(&mut recv).await.unwrap_err().kind, Kind::Protocol);
        drop((send, recv));
        assert_eq!(rest(&mut peer).await, "");
    }
}

#[tokio::test]
async fn informational_heads_come_one_by_one_and_are_bounded() {
    let hint = "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n";
    let (_peer, (send, mut recv)) = asked(&format!(
        "{hint}HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n"
    ))
    .await;
    for status in [103, 100, 204] {
        assert_eq!(head(&mut recv).await.unwrap().status.as_u16(), status);
    }
    assert!(recv.is_end());
    assert!(head(&mut recv).await.is_err());
    assert!(reclaim(send, recv).is_some());

    let (_peer, (_send, mut recv)) = asked(&hint.repeat(17)).await;
    for _ in 0..16 {
        head(&mut recv).await.unwrap();
    }
    assert_eq!(head(&mut recv).await.unwrap_err().kind, Kind::Protocol);
}

#[tokio::test]
async fn answers_without_content_leave_the_connection_usable() {
    for (method, text) in [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
        (
            "HEAD",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        ),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n"),
        (
            "GET",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        ),
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
    ] {
        let (mut peer, connection) = pair();
        let (mut send, mut recv) = connection.send(&question(method, &[]), b"/", BodyLength::Empty);
        finish(&mut send).await.unwrap();
        until(&mut peer, "\r\n\r\n").await;
        write(&mut peer, text).await;
        head(&mut recv).await.unwrap();
        assert!(frame(&mut recv).await.is_none(), "{text:?}");
        assert!(reclaim(send, recv).is_some(), "{text:?}");
    }
}

#[tokio::test]
async fn trailers_of_an_answer_arrive_apart_from_its_headers() {
    let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\r\n\r\n";
    let (_peer, (send, mut recv)) = asked(text).await;
    assert!(!head(&mut recv).await.unwrap().headers.contains_key("a"));
    let (read, trailers) = content(&mut recv).await.unwrap();
    assert_eq!(
        (&read[..], &trailers.unwrap()["a"]),
        (&b"x"[..], &"b".parse().unwrap())
    );
    assert!(reclaim(send, recv).is_some());
}

#[tokio::test]
async fn an_answer_that_ends_early_is_truncated() {
    for text in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhell",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhell\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhell\r\n0\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhell\r\n0\r\nA: b\r\n",
    ] {
        let (peer, (send, mut recv)) = asked(text).await;
        drop(peer);
        head(&mut recv).await.unwrap();
        let error = content(&mut recv).await.unwrap_err();
        assert_eq!(error.kind, Kind::Truncated, "{text:?}");
        // An error stays one.
        assert!(matches!(frame(&mut recv).await, Some(Err(_))));
        assert!(!recv.is_end());
        assert!(reclaim(send, recv).is_none());
    }
    let (peer, (_send, mut recv)) = asked("HTTP/1.1 200 O").await;
    drop(peer);
    assert_eq!(head(&mut recv).await.unwrap_err().kind, Kind::Truncated);
    assert!(recv.received_any());
}

#[tokio::test]
async fn an_answer_delimited_by_the_connection_ends_with_it() {
    for text in [
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n",
    ] {
        let (mut peer, (send, mut recv)) = asked(text).await;
        head(&mut recv).await.unwrap();
        assert!(!recv.is_end());
        write(&mut peer, "all of it").await;
        drop(peer);
        assert_eq!(content(&mut recv).await.unwrap().0, b"all of it");
        assert!(reclaim(send, recv).is_none());
    }
}

#[tokio::test]
async fn an_end_that_tls_calls_unexpected_is_a_truncation() {
    let (mut peer, io) = duplex(1 << 20);
    let io = Hooked::new(short::CutShort(io), |_| ());
    let connection = Connection::new(io, Limits::default());
    let (mut send, mut recv) = connection.send(&question("GET", &[]), b"/", BodyLength::Empty);
    finish(&mut send).await.unwrap();
    until(&mut peer, "\r\n\r\n").await;
    write(&mut peer, "HTTP/1.1 200 OK\r\n\r\npart").await;
    drop(peer);
    head(&mut recv).await.unwrap();
    assert_eq!(content(&mut recv).await.unwrap_err().kind, Kind::Truncated);
}

#[tokio::test]
async fn a_dead_connection_says_whether_the_request_may_be_sent_again() {
    // Nothing was sent: it may.
    let (peer, connection) = pair();
    drop(peer);
    let (mut send, mut recv) = connection.send(&question("GET", &[]), b"/", BodyLength::Empty);
    assert_eq!(flush(&mut send).await.unwrap_err().kind, Kind::Refused);
    assert_eq!(head(&mut recv).await.unwrap_err().kind, Kind::Refused);
    assert!(!send.sent_any() && !recv.received_any());
    // Something was sent, nothing received: the pool decides.
    let (peer, (send, mut recv)) = asked("").await;
    drop(peer);
    assert_eq!(head(&mut recv).await.unwrap_err().kind, Kind::Closed);
    assert!(send.sent_any() && !recv.received_any());
}

#[tokio::test]
async fn an_idle_connection_that_ended_or_speaks_is_not_used() {
    let (peer, mut connection) = pair();
    assert!(connection.is_idle_alive());
    drop(peer);
    assert!(!connection.is_idle_alive());
    let (mut peer, mut connection) = pair();
    write(&mut peer, "HTTP/1.1 408 Request Timeout\r\n\r\n").await;
    assert!(!connection.is_idle_alive());
    assert!(!connection.is_idle_alive());
    soon(poll_fn(|cx| connection.poll_idle(cx))).await;

    let (mut peer, io) = tcp().await;
    let mut connection = Connection::new(io, Limits::default());
    assert!(connection.is_idle_alive());
    write(&mut peer, "x").await;
    soon(poll_fn(|cx| connection.poll_idle(cx))).await;
    assert!(!connection.is_idle_alive());
}

#[tokio::test]
async fn bytes_that_answer_no_request_never_answer_the_next() {
    let early = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    // Before a byte of the request left.
    let (mut peer, connection) = pair();
    write(&mut peer, early).await;
    let (_send, mut recv) = connection.send(&question("GET", &[]), b"/", BodyLength::Empty);
    assert_eq!(head(&mut recv).await.unwrap_err().kind, Kind::Protocol);
    // Behind an answer.
    for text in [
        format!("{early}{early}"),
        "HTTP/1.1 204 No\r\n\r\nx".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy".to_owned(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\r\n".to_owned(),
    ] {
        let (_peer, (send, mut recv)) = asked(&text).await;
        head(&mut recv).await.unwrap();
        content(&mut recv).await.unwrap();
        assert!(reclaim(send, recv).is_none(), "{text:?}");
    }
}

#[tokio::test]
async fn a_connection_that_the_server_closes_is_not_used_again() {
    for text in [
        "HTTP/1.1 204 No\r\nConnection: close\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    ] {
        let (_peer, (send, mut recv)) = asked(text).await;
        head(&mut recv).await.unwrap();
        content(&mut recv).await.unwrap();
        assert!(reclaim(send, recv).is_none(), "{text:?}");
    }
}

#[tokio::test]
async fn halves_of_different_connections_make_none() {
    let ok = "HTTP/1.1 204 No\r\n\r\n";
    let (_peer, (send, mut recv)) = asked(ok).await;
    let (_other, (_send, mut other)) = asked(ok).await;
    head(&mut recv).await.unwrap();
    head(&mut other).await.unwrap();
    assert!(reclaim(send, other).is_none());
}

#[tokio::test]
async fn an_upgrade_makes_a_tunnel_in_both_directions() {
    let (mut peer, connection) = pair();
    let parts = question("GET", &[("upgrade", "websocket")]);
    let (mut send_body, mut recv) = connection.send(&parts, b"/", BodyLength::Empty);
    finish(&mut send_body).await.unwrap();
    until(&mut peer, "\r\n\r\n").await;
    write(
        &mut peer,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nearly",
    )
    .await;
    assert_eq!(head(&mut recv).await.unwrap().status.as_u16(), 101);
    send_body.upgrade();
    recv.upgrade();
    assert!(matches!(frame(&mut recv).await, Some(Ok(Frame::Data(data))) if data == "early"));
    send(&mut send_body, b"up").await.unwrap();
    finish(&mut send_body).await.unwrap();
    assert_eq!(rest(&mut peer).await, "up");
    write(&mut peer, "down").await;
    drop(peer);
    assert_eq!(content(&mut recv).await.unwrap().0, b"down");
    assert!(reclaim(send_body, recv).is_none());
}

#[tokio::test]
async fn an_upgrade_that_nobody_asked_for_is_a_protocol_error() {
    let (_peer, (_send, mut recv)) = asked("HTTP/1.1 101 Switching Protocols\r\n\r\n").await;
    assert_eq!(head(&mut recv).await.unwrap_err().kind, Kind::Protocol);
}

#[tokio::test]
async fn an_upload_that_fails_cuts_the_connection() {
    let (mut peer, connection) = pair();
    let parts = question("POST", &[]);
    let (mut send_body, mut recv) = connection.send(&parts, b"/", BodyLength::Unknown);
    send(&mut send_body, b"part").await.unwrap();
    flush(&mut send_body).await.unwrap();
    send_body.reset(Reason::Internal);
    // At once, and without a last chunk.
    assert!(rest(&mut peer).await.ends_with("\r\n\r\n4\r\npart\r\n"));
    assert_eq!(head(&mut recv).await.unwrap_err().kind, Kind::Closed);
}

#[tokio::test]
async fn an_early_answer_survives_the_end_of_the_upload() {
    let (mut peer, connection) = pair();
    let parts = question("POST", &[]);
    let (mut send_body, mut recv) = connection.send(&parts, b"/", BodyLength::Unknown);
    send(&mut send_body, b"part").await.unwrap();
    flush(&mut send_body).await.unwrap();
    write(
        &mut peer,
        "HTTP/1.1 413 Large\r\nContent-Length: 5\r\n\r\nso",
    )
    .await;
    assert_eq!(head(&mut recv).await.unwrap().status.as_u16(), 413);
    send_body.reset(Reason::NoError);
    write(&mut peer, "rry").await;
    assert_eq!(content(&mut recv).await.unwrap().0, b"sorry");
    assert!(reclaim(send_body, recv).is_none());
    assert!(rest(&mut peer).await.ends_with("4\r\npart\r\n"));
}

#[tokio::test]
async fn an_answer_that_is_not_wanted_cuts_the_connection() {
    let text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe";
    let (mut peer, (send, mut recv)) = asked(text).await;
    head(&mut recv).await.unwrap();
    recv.stop(Reason::Cancel);
    assert_eq!(soon(peer.read(&mut [0])).await.unwrap(), 0);
    assert!(reclaim(send, recv).is_none());

    let (_peer, (send, mut recv)) = asked("HTTP/1.1 204 No\r\n\r\n").await;
    head(&mut recv).await.unwrap();
    recv.stop(Reason::NoError);
    assert!(reclaim(send, recv).is_some());
}

#[tokio::test]
async fn an_answer_is_read_after_the_upload_failed() {
    let (mut peer, io) = duplex(1 << 10);
    let connection = Connection::new(io, Limits::default());
    let (mut send_body, mut recv) =
        connection.send(&question("POST", &[]), b"/", BodyLength::Unknown);
    write(&mut peer, "HTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n").await;
    send(&mut send_body, &[b'x'; 5000]).await.unwrap();
    let mut flushing = Box::pin(flush(&mut send_body));
    assert!(poll_fn(|cx| Poll::Ready(flushing.as_mut().poll(cx).is_pending())).await);
    drop(peer);
    assert!(flushing.await.is_err());
    assert_eq!(head(&mut recv).await.unwrap().status.as_u16(), 413);
}

/// An echo server and a client, each in one task, upload and download at the same time.
async fn echo(client: impl harmony_http1::Io + 'static, server: impl harmony_http1::Io + 'static) {
    const PIECE: usize = 30_000;
    const COUNT: usize = 200;
    let served = tokio::spawn(async move {
        let mut connection = server::Connection::new(server, Limits::default());
        while connection.wait().await.unwrap() {
            let (_, mut recv, mut respond) = connection.head().await.unwrap();
            respond.send_head(&answer(200, &[]), BodyLength::Unknown);
            flush(&mut respond).await.unwrap();
            while let Some(frame) = frame(&mut recv).await {
                let Frame::Data(data) = frame.unwrap() else {
                    panic!("no trailers were sent")
                };
                soon(poll_fn(|cx| respond.poll_ready(cx))).await.unwrap();
                respond.send_data(data).unwrap();
            }
            finish(&mut respond).await.unwrap();
            assert!(connection.reclaim(recv, respond));
        }
    });
    let mut connection = Connection::new(client, Limits::default());
    for round in 0..3u8 {
        let (mut send_body, mut recv) = connection.send(
            &question("POST", &[("host", "a")]),
            b"/",
            BodyLength::Unknown,
        );
        let upload = async {
            for piece in 0..COUNT {
                soon(poll_fn(|cx| send_body.poll_ready(cx))).await.unwrap();
                let byte = round ^ u8::try_from(piece).unwrap();
                send_body.send_data(Bytes::from(vec![byte; PIECE])).unwrap();
            }
            finish(&mut send_body).await.unwrap();
        };
        let download = async {
            assert_eq!(head(&mut recv).await.unwrap().status.as_u16(), 200);
            content(&mut recv).await.unwrap().0
        };
        let ((), read) = tokio::join!(upload, download);
        let expected: Vec<u8> = (0..COUNT)
            .flat_map(|piece| vec![round ^ u8::try_from(piece).unwrap(); PIECE])
            .collect();
        assert!(read == expected);
        connection = reclaim(send_body, recv).unwrap();
    }
    drop(connection);
    soon(served).await.unwrap();
}

#[tokio::test]
async fn upload_and_download_run_at_once() {
    let (client, server) = duplex(10_000);
    echo(client, server).await;
}

#[tokio::test]
async fn upload_and_download_run_at_once_over_tcp() {
    let (client, server) = tcp().await;
    echo(client, server).await;
}
