//! A peer that gives up is noticed while nothing moves.

use std::time::{Duration, Instant};

use bytes::Bytes;
use harmony_http3::server::{Connection, RecvBody, Respond};
use harmony_http3::{Code, Config};
use harmony_stream::{Kind, Receive, Transmit};

use crate::support::*;

struct Asked {
    connection: Connection,
    body: RecvBody,
    respond: Respond,
    send: quinn::SendStream,
    recv: quinn::RecvStream,
    pair: Pair,
}

/// A request with some content and without an end.
async fn asked(content: usize) -> Asked {
    let pair = pair().await;
    let mut connection = Connection::new(pair.server.clone(), Config::default())
        .await
        .unwrap();
    let bytes = [&request("POST", &[])[..], &framed(0, &vec![1; content])].concat();
    let (send, recv) = bi(&pair.client, &bytes).await;
    let (_, body, respond) = accepted(&mut connection).await;
    Asked {
        connection,
        body,
        respond,
        send,
        recv,
        pair,
    }
}

/// Polls `poll_closed` until it is ready, after the peer's `act`.
async fn noticed(asked: &mut Asked, act: impl FnOnce(&mut Asked)) -> harmony_stream::StreamError {
    let early = tokio::time::timeout(Duration::from_millis(60), closed(&mut asked.respond)).await;
    assert!(early.is_err(), "closed too early: {early:?}");
    act(asked);
    let start = Instant::now();
    let error = closed(&mut asked.respond).await;
    // 100 ms on an idle machine.
    assert!(
        start.elapsed() < Duration::from_millis(500),
        "{:?}",
        start.elapsed()
    );
    error
}

#[tokio::test]
async fn a_client_that_stops_the_answer_is_noticed() {
    let mut asked = asked(0).await;
    let error = noticed(&mut asked, |asked| {
        asked.recv.stop(code(Code::REQUEST_CANCELLED)).unwrap();
    })
    .await;
    assert_eq!((error.kind, error.code), (Kind::Reset, Some(0x10c)));
    assert!(
        write(&mut asked.respond, Bytes::from_static(b"x"))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_client_that_stops_the_answer_after_a_complete_request_is_noticed() {
    let mut asked = asked(0).await;
    asked.send.finish().unwrap();
    content(&mut asked.body).await.unwrap();
    let error = noticed(&mut asked, |asked| {
        asked.recv.stop(code(Code::REQUEST_CANCELLED)).unwrap();
    })
    .await;
    assert_eq!((error.kind, error.code), (Kind::Reset, Some(0x10c)));
}

#[tokio::test]
async fn a_client_that_resets_its_request_is_noticed() {
    let mut asked = asked(0).await;
    let error = noticed(&mut asked, |asked| {
        asked.send.reset(code(Code::REQUEST_CANCELLED)).unwrap();
    })
    .await;
    assert_eq!((error.kind, error.code), (Kind::Reset, Some(0x10c)));
    let error = content(&mut asked.body).await.unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::Reset, Some(0x10c)));
}

#[tokio::test]
async fn a_client_that_resets_its_request_is_noticed_while_content_waits_unread() {
    let mut asked = asked(100_000).await;
    let error = noticed(&mut asked, |asked| {
        asked.send.reset(code(Code::REQUEST_CANCELLED)).unwrap();
    })
    .await;
    assert_eq!((error.kind, error.code), (Kind::Reset, Some(0x10c)));
}

#[tokio::test]
async fn a_connection_that_is_lost_is_noticed() {
    for content in [0, 100_000] {
        let mut asked = asked(content).await;
        let error = noticed(&mut asked, |asked| {
            asked.pair.client.close(code(Code::NO_ERROR), b"bye");
        })
        .await;
        assert_eq!((error.kind, error.code), (Kind::Closed, Some(0x100)));
    }
}

#[tokio::test]
async fn reading_goes_on_after_looking_for_a_reset() {
    let mut asked = asked(100_000).await;
    for _ in 0..3 {
        let wait = Duration::from_millis(60);
        assert!(
            tokio::time::timeout(wait, closed(&mut asked.respond))
                .await
                .is_err()
        );
    }
    asked.send.finish().unwrap();
    assert_eq!(content(&mut asked.body).await.unwrap().0.len(), 100_000);
    assert!(asked.body.is_end());
    let wait = Duration::from_millis(60);
    assert!(
        tokio::time::timeout(wait, closed(&mut asked.respond))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn both_halves_may_be_polled_by_different_tasks() {
    let Asked {
        connection,
        mut body,
        mut respond,
        mut send,
        pair,
        recv,
    } = asked(10).await;
    let reading = tokio::spawn(async move { content(&mut body).await });
    let watching = tokio::spawn(async move { closed(&mut respond).await });
    for _ in 0..20 {
        send.write_all(&framed(0, &[2; 1000])).await.unwrap();
        tokio::task::yield_now().await;
    }
    send.reset(code(Code::REQUEST_CANCELLED)).unwrap();
    assert_eq!(
        within(reading).await.unwrap().unwrap_err().kind,
        Kind::Reset
    );
    assert_eq!(within(watching).await.unwrap().kind, Kind::Reset);
    drop((connection, pair, recv));
}

#[tokio::test]
async fn an_answer_that_was_received_is_not_closed() {
    let mut asked = asked(0).await;
    asked.send.finish().unwrap();
    content(&mut asked.body).await.unwrap();
    let (parts, ()) = http::Response::new(()).into_parts();
    asked.respond.send_head(&parts, true).unwrap();
    finish(&mut asked.respond).await.unwrap();
    assert_eq!(answer(&mut asked.recv).await.0, 200);
    let wait = Duration::from_millis(150);
    assert!(
        tokio::time::timeout(wait, closed(&mut asked.respond))
            .await
            .is_err()
    );
    asked.respond.reset(harmony_stream::Reason::Cancel);
    assert!(asked.pair.client.close_reason().is_none());
    // The connection's end is told again and again.
    asked.pair.client.close(code(Code::NO_ERROR), b"");
    for _ in 0..3 {
        let closing = tokio::time::timeout(wait, closed(&mut asked.respond));
        assert!(closing.await.is_err(), "the answer was delivered before");
    }
}

#[tokio::test]
async fn a_client_that_leaves_before_it_has_the_answer_is_noticed_each_time() {
    let mut asked = asked(0).await;
    asked.send.finish().unwrap();
    content(&mut asked.body).await.unwrap();
    let (parts, ()) = http::Response::new(()).into_parts();
    asked.respond.send_head(&parts, false).unwrap();
    // More than the client's window: it cannot have all of it.
    asked
        .respond
        .send_data(Bytes::from(vec![0; 2_000_000]))
        .unwrap();
    let finishing = finish(&mut asked.respond);
    assert!(
        tokio::time::timeout(Duration::from_millis(60), finishing)
            .await
            .is_err()
    );
    asked.recv.stop(code(Code::REQUEST_CANCELLED)).unwrap();
    for _ in 0..3 {
        assert_eq!(closed(&mut asked.respond).await.kind, Kind::Reset);
    }
    assert_eq!(
        finish(&mut asked.respond).await.unwrap_err().kind,
        Kind::Reset
    );
}
