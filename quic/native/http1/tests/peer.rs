//! The server's side over a stream: clients that leave, stall or send too much, and exchanges
//! that end before their time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::future::poll_fn;
use std::io::ErrorKind;
use std::task::Poll;

use bytes::Bytes;
use harmony_http1::{BodyLength, Limits, server};
use harmony_stream::{Frame, Kind, Reason, Receive, Transmit};
use support::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

#[tokio::test]
async fn a_reset_ends_chunks_without_a_last_one() {
    let (mut peer, connection, (_, recv, mut respond)) = exchange(GET).await;
    respond.send_head(&answer(200, &[]), BodyLength::Unknown);
    send(&mut respond, b"part").await.unwrap();
    flush(&mut respond).await.unwrap();
    respond.reset(Reason::Internal);
    respond.reset(Reason::Internal);
    // While everything is still held: the cut does not wait for it.
    assert!(rest(&mut peer).await.ends_with("4\r\npart\r\n"));
    assert!(flush(&mut respond).await.is_err());
    let mut connection = connection;
    assert!(!connection.reclaim(recv, respond));
    soon(connection.close()).await;
}

#[tokio::test]
async fn a_reset_after_the_end_does_nothing() {
    let (mut peer, mut connection, (_, recv, mut respond)) = exchange(GET).await;
    respond.send_head(&answer(200, &[]), BodyLength::Unknown);
    finish(&mut respond).await.unwrap();
    respond.reset(Reason::Cancel);
    assert!(connection.reclaim(recv, respond));
    write(&mut peer, GET).await;
    assert!(soon(connection.wait()).await.unwrap());
}

#[tokio::test]
async fn closing_in_the_middle_of_an_answer_is_a_cut() {
    let (mut peer, mut connection, (_, recv, mut respond)) = exchange(GET).await;
    respond.send_head(&answer(200, &[]), BodyLength::Unknown);
    send(&mut respond, b"part").await.unwrap();
    assert!(!connection.reclaim(recv, respond));
    soon(connection.close()).await;
    assert!(!rest(&mut peer).await.contains("0\r\n\r\n"));
}

#[tokio::test]
async fn content_delimited_by_the_connection_ends_in_a_tcp_reset_when_it_is_cut() {
    for dropped in [false, true] {
        let (mut peer, io) = tcp().await;
        let mut connection = server::Connection::new(io, Limits::default());
        write(&mut peer, OLD).await;
        let (_, recv, mut respond) = soon(connection.head()).await.unwrap();
        respond.send_head(&answer(200, &[]), BodyLength::Unknown);
        send(&mut respond, b"part").await.unwrap();
        flush(&mut respond).await.unwrap();
        assert!(until(&mut peer, "part").await.contains("connection: close"));
        if !dropped {
            respond.reset(Reason::Internal);
        }
        drop((recv, respond, connection));
        let error = soon(peer.read(&mut [0; 9])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
}

#[tokio::test]
async fn content_delimited_by_the_connection_ends_well_when_it_is_complete() {
    let (mut peer, io) = tcp().await;
    let mut connection = server::Connection::new(io, Limits::default());
    write(&mut peer, OLD).await;
    let (_, recv, mut respond) = soon(connection.head()).await.unwrap();
    respond.send_head(&answer(200, &[]), BodyLength::Unknown);
    send(&mut respond, b"whole").await.unwrap();
    finish(&mut respond).await.unwrap();
    assert!(!connection.reclaim(recv, respond));
    soon(connection.close()).await;
    assert!(rest(&mut peer).await.ends_with("\r\n\r\nwhole"));
}

#[tokio::test]
async fn a_request_that_ends_early_fails() {
    for text in [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell".to_owned(),
        format!("{CHUNKED}5\r\nhell"),
        format!("{CHUNKED}4\r\nhell\r\n"),
        format!("{CHUNKED}4\r\nhell\r\n0\r\n"),
    ] {
        let (peer, mut connection, (_, mut recv, mut respond)) = exchange(&text).await;
        drop(peer);
        assert_eq!(
            content(&mut recv).await.unwrap_err().kind,
            Kind::Closed,
            "{text:?}"
        );
        assert_eq!(closed(&mut respond).await.kind, Kind::Closed);
        assert!(!recv.is_end());
        assert!(!connection.reclaim(recv, respond));
    }
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed_while_its_answer_is_awaited() {
    let (peer, _connection, (_, recv, mut respond)) = exchange(GET).await;
    assert!(recv.is_end());
    let mut closing = Box::pin(closed(&mut respond));
    let pending = poll_fn(|cx| Poll::Ready(closing.as_mut().poll(cx).is_pending())).await;
    assert!(pending);
    drop(peer);
    assert_eq!(closing.await.kind, Kind::Reset);
}

#[tokio::test]
async fn whoever_waits_for_the_client_to_leave_is_woken_by_the_other_half() {
    let text = format!("{CHUNKED}3\r\nabc\r\n");
    let (mut peer, _connection, (_, mut recv, mut respond)) = exchange(&text).await;
    let watch = tokio::spawn(async move { closed(&mut respond).await.kind });
    assert!(matches!(frame(&mut recv).await, Some(Ok(Frame::Data(_)))));
    write(&mut peer, "0\r\n\r\n").await;
    assert!(frame(&mut recv).await.is_none());
    drop(peer);
    assert_eq!(soon(watch).await.unwrap(), Kind::Reset);
}

#[tokio::test]
async fn watching_for_the_client_keeps_pipelined_bytes_within_bounds() {
    let (mut peer, io) = duplex(1000);
    let limits = Limits {
        max_head_bytes: 20_000,
        ..Limits::default()
    };
    let mut connection = server::Connection::new(io, limits);
    write(&mut peer, GET).await;
    let (_, recv, mut respond) = soon(connection.head()).await.unwrap();
    let next = "POST /next HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
    let writer = tokio::spawn(async move {
        write(&mut peer, format!("{next}{}", "x".repeat(100_000))).await;
        peer
    });
    // The writer gets stuck once the server stops to read ahead.
    let stuck = tokio::time::timeout(std::time::Duration::from_millis(200), closed(&mut respond));
    assert!(stuck.await.is_err());
    assert!(!writer.is_finished());
    respond.send_head(&answer(200, &[]), BodyLength::Empty);
    finish(&mut respond).await.unwrap();
    assert!(connection.reclaim(recv, respond));
    let (parts, read, _) = serve(&mut connection, 200, "").await;
    assert_eq!((parts.uri.path(), read.len()), ("/next", 100_000));
    soon(writer).await.unwrap();
}

#[tokio::test]
async fn an_answer_may_come_before_the_end_of_the_request() {
    // What is left is here already: the connection goes on.
    let text = format!("{CHUNKED}3\r\nabc\r\n0\r\n\r\n{GET}");
    let (_peer, mut connection, (_, mut recv, mut respond)) = exchange(&text).await;
    respond.send_head(&answer(413, &[]), BodyLength::Empty);
    finish(&mut respond).await.unwrap();
    recv.stop(Reason::NoError);
    assert!(connection.reclaim(recv, respond));
    assert!(serve(&mut connection, 200, "").await.2);

    // A little more comes, and is discarded.
    let (mut peer, mut connection, (_, mut recv, mut respond)) = exchange(CHUNKED).await;
    respond.send_head(&answer(413, &[]), BodyLength::Empty);
    finish(&mut respond).await.unwrap();
    recv.stop(Reason::NoError);
    write(
        &mut peer,
        format!("4e20\r\n{}\r\n0\r\nA: b\r\n\r\n", "x".repeat(20_000)),
    )
    .await;
    assert!(frame(&mut recv).await.is_none());
    assert!(connection.reclaim(recv, respond));

    // Too much comes.
    let (mut peer, mut connection, (_, mut recv, mut respond)) = exchange(CHUNKED).await;
    respond.send_head(&answer(413, &[]), BodyLength::Empty);
    finish(&mut respond).await.unwrap();
    recv.stop(Reason::NoError);
    write(&mut peer, format!("186a0\r\n{}", "x".repeat(100_000))).await;
    assert_eq!(
        frame(&mut recv).await.unwrap().unwrap_err().kind,
        Kind::Limit
    );
    assert!(!connection.reclaim(recv, respond));
    let close = tokio::spawn(connection.close());
    assert!(rest(&mut peer).await.starts_with("HTTP/1.1 413"));
    drop(peer);
    soon(close).await.unwrap();
}

#[tokio::test]
async fn an_early_answer_is_not_lost_to_a_tcp_reset() {
    let (mut peer, io) = tcp().await;
    let mut connection = server::Connection::new(io, Limits::default());
    write(
        &mut peer,
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n",
    )
    .await;
    let (_, recv, mut respond) = soon(connection.head()).await.unwrap();
    respond.send_head(&answer(413, &[]), BodyLength::Empty);
    finish(&mut respond).await.unwrap();
    assert!(!connection.reclaim(recv, respond));
    let close = tokio::spawn(connection.close());
    write(&mut peer, vec![b'x'; 1_000_000]).await;
    assert!(rest(&mut peer).await.starts_with("HTTP/1.1 413"));
    drop(peer);
    soon(close).await.unwrap();
}

#[tokio::test]
async fn a_peer_that_never_closes_is_not_waited_for_long() {
    let (_peer, io) = duplex(64);
    let limits = Limits {
        linger: std::time::Duration::from_millis(50),
        ..Limits::default()
    };
    let connection = server::Connection::new(io, limits);
    soon(connection.refuse(408, &headers(&[]), &[b'x'; 1000]))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_stalled_reader_makes_the_sender_wait() {
    let (mut peer, io) = duplex(1000);
    let mut connection = server::Connection::new(io, Limits::default());
    write(&mut peer, GET).await;
    let (_, _recv, mut respond) = soon(connection.head()).await.unwrap();
    respond.send_head(&answer(200, &[]), BodyLength::Unknown);
    let mut queued = 0;
    let waits = poll_fn(|cx| {
        while respond.poll_ready(cx).is_ready() {
            respond.send_data(Bytes::from(vec![b'x'; 10_000])).unwrap();
            queued += 10_000;
        }
        Poll::Ready(true)
    });
    assert!(waits.await);
    assert_eq!(queued, 10_000);
    let mut small = 0;
    let (mut peer, io) = duplex(1000);
    let mut connection = server::Connection::new(io, Limits::default());
    write(&mut peer, GET).await;
    let (_, _recv, mut respond) = soon(connection.head()).await.unwrap();
    respond.send_head(&answer(200, &[]), BodyLength::Unknown);
    let waits = poll_fn(|cx| {
        while respond.poll_ready(cx).is_ready() {
            respond
                .send_data(Bytes::from_static(b"0123456789"))
                .unwrap();
            small += 10;
        }
        Poll::Ready(true)
    });
    assert!(waits.await);
    assert!(small <= 2 * Limits::default().max_write_buffer, "{small}");
}

#[tokio::test]
async fn an_upgrade_makes_a_tunnel_in_both_directions() {
    let text =
        "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nearly";
    let (mut peer, mut connection, (parts, mut recv, mut respond)) = exchange(text).await;
    assert_eq!(parts.headers["upgrade"], "websocket");
    respond.upgrade(&answer(
        101,
        &[("upgrade", "websocket"), ("content-length", "5")],
    ));
    recv.upgrade();
    flush(&mut respond).await.unwrap();
    let head = until(&mut peer, "\r\n\r\n").await;
    let expected =
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n";
    assert_eq!(head, expected);
    assert!(matches!(frame(&mut recv).await, Some(Ok(Frame::Data(data))) if data == "early"));
    send(&mut respond, b"down").await.unwrap();
    flush(&mut respond).await.unwrap();
    assert_eq!(until(&mut peer, "down").await, "down");
    write(&mut peer, "up").await;
    assert!(matches!(frame(&mut recv).await, Some(Ok(Frame::Data(data))) if data == "up"));
    // Each direction ends for itself.
    soon(peer.shutdown()).await.unwrap();
    assert!(frame(&mut recv).await.is_none());
    let closing = poll_fn(|cx| Poll::Ready(respond.poll_closed(cx).is_pending())).await;
    assert!(closing);
    send(&mut respond, b"more").await.unwrap();
    finish(&mut respond).await.unwrap();
    assert_eq!(rest(&mut peer).await, "more");
    assert!(!connection.reclaim(recv, respond));
}

#[tokio::test]
async fn a_tunnel_that_fails_is_reset() {
    let (mut peer, io) = tcp().await;
    let mut connection = server::Connection::new(io, Limits::default());
    write(&mut peer, "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\n").await;
    let (_, mut recv, mut respond) = soon(connection.head()).await.unwrap();
    respond.upgrade(&answer(101, &[("upgrade", "x")]));
    recv.upgrade();
    flush(&mut respond).await.unwrap();
    until(&mut peer, "\r\n\r\n").await;
    respond.reset(Reason::Connect);
    let error = soon(peer.read(&mut [0; 9])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn an_answer_goes_on_while_the_client_sends_what_is_not_wanted() {
    let (mut peer, mut connection, (_, mut recv, mut respond)) = exchange(CHUNKED).await;
    respond.send_head(&answer(413, &[]), BodyLength::Length(5));
    recv.stop(Reason::NoError);
    write(&mut peer, format!("186a0\r\n{}", "x".repeat(100_000))).await;
    let waits = poll_fn(|cx| Poll::Ready(respond.poll_closed(cx).is_pending())).await;
    assert!(waits);
    send(&mut respond, b"sorry").await.unwrap();
    finish(&mut respond).await.unwrap();
    until(&mut peer, "sorry").await;
    assert!(!connection.reclaim(recv, respond));
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed_after_its_content_was_stopped() {
    let (peer, _connection, (_, mut recv, mut respond)) = exchange(CHUNKED).await;
    recv.stop(Reason::NoError);
    drop(peer);
    assert_eq!(closed(&mut respond).await.kind, Kind::Closed);
}

#[tokio::test]
async fn a_refusal_never_follows_another_answer() {
    let (mut peer, connection, (_, recv, mut respond)) = exchange(GET).await;
    respond.send_head(&answer(200, &[]), BodyLength::Empty);
    finish(&mut respond).await.unwrap();
    drop((recv, respond));
    let refuse = tokio::spawn(async move { connection.refuse(408, &headers(&[]), b"").await });
    assert_eq!(rest(&mut peer).await.matches("HTTP/1.1").count(), 1);
    drop(peer);
    soon(refuse).await.unwrap().unwrap();
}
