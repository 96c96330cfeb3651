//! Our client against raw servers.

use std::time::Duration;

use bytes::Bytes;
use harmony_http3::client::{RecvResponse, Requester, SendBody};
use harmony_http3::{Code, Config, Protocol, client};
use harmony_stream::{Kind, Reason, Receive, Transmit};
use tokio::task::JoinHandle;

use crate::support::*;

struct Raw {
    pair: Pair,
    requester: Requester,
    driving: JoinHandle<harmony_http3::ConnectionError>,
    _control: quinn::SendStream,
}

async fn raw() -> Raw {
    raw_with(&[0, 4, 0]).await
}

async fn raw_with(control: &[u8]) -> Raw {
    let pair = pair().await;
    let control = uni(&pair.server, control).await;
    let (requester, driver) = client::connect(pair.client.clone(), Config::default());
    Raw {
        pair,
        requester,
        driving: tokio::spawn(driver),
        _control: control,
    }
}

fn parts(method: &str) -> http::request::Parts {
    http::Request::builder()
        .method(method)
        .uri("https://localhost/")
        .body(())
        .unwrap()
        .into_parts()
        .0
}

impl Raw {
    async fn ask(&self, method: &str, end: bool) -> (SendBody, RecvResponse) {
        let pending = within(self.requester.open()).await.unwrap();
        let (mut send, recv) = pending.send(&parts(method), end).unwrap();
        flush_or_finish(&mut send, end).await;
        (send, recv)
    }

    /// A response to a request of this method.
    async fn answered(&self, method: &str, bytes: &[u8], fin: bool) -> (SendBody, RecvResponse) {
        let asked = self.ask(method, true).await;
        let (mut send, recv) = within(self.pair.server.accept_bi()).await.unwrap();
        send.write_all(bytes).await.unwrap();
        if fin {
            send.finish().unwrap();
        } else {
            // Left open, beyond this call.
            tokio::spawn(async move {
                let _ = send.stopped().await;
            });
        }
        drop(recv);
        asked
    }
}

async fn flush_or_finish(send: &mut SendBody, end: bool) {
    match end {
        true => finish(send).await.unwrap(),
        false => flush(send).await.unwrap(),
    }
}

/// The connection must end with this code.
async fn connection_error(unis: &[&[u8]], response: Option<(&[u8], bool)>, expected: Code) {
    let pair = pair().await;
    let (requester, driver) = client::connect(pair.client.clone(), Config::default());
    let driving = tokio::spawn(driver);
    let mut kept = Vec::new();
    for bytes in unis {
        kept.push(uni(&pair.server, bytes).await);
    }
    if let Some((bytes, fin)) = response {
        let pending = within(requester.open()).await.unwrap();
        let (_send, mut recv) = pending.send(&parts("GET"), true).unwrap();
        let (mut raw, _raw_recv) = within(pair.server.accept_bi()).await.unwrap();
        raw.write_all(bytes).await.unwrap();
        if fin {
            raw.finish().unwrap();
        }
        if head(&mut recv).await.is_ok() {
            content(&mut recv).await.unwrap_err();
        }
    }
    assert_eq!(
        close_code(&pair.server).await,
        expected,
        "{unis:02x?} {response:02x?}"
    );
    let end = within(driving).await.unwrap();
    assert_eq!(end.code, Some(expected.0));
    assert!(!end.is_clean());
    drop(kept);
}

#[tokio::test]
async fn rfc9114_6_2_and_7_2_rules_of_the_servers_streams() {
    let settings = &[0, 4, 0][..];
    for (unis, code) in [
        (&[&[0, 7, 1, 0][..]][..], Code::MISSING_SETTINGS),
        (&[&[0, 4, 0, 0x0d, 1, 0]], Code::FRAME_UNEXPECTED),
        (&[&[0, 4, 0, 3, 1, 0]], Code::ID_ERROR),
        (&[&[0, 4, 0, 7, 1, 1]], Code::ID_ERROR),
        (&[&[0, 4, 0, 7, 1, 4, 7, 1, 8]], Code::ID_ERROR),
        (&[settings, &[1, 0]], Code::ID_ERROR),
        (&[settings, settings], Code::STREAM_CREATION_ERROR),
        (
            &[settings, &[2, 0x3f, 0x01]],
            Code::QPACK_ENCODER_STREAM_ERROR,
        ),
        (&[settings, &[3, 0x01]], Code::QPACK_DECODER_STREAM_ERROR),
    ] {
        // Something to keep the connection, GOAWAY or not.
        let unis: Vec<&[u8]> = unis.to_vec();
        connection_error(&unis, None, code).await;
    }
}

#[tokio::test]
async fn rfc9114_4_1_and_7_2_rules_of_response_streams() {
    let ok = response("200", &[]);
    let with = |more: &[u8]| [&ok[..], more].concat();
    for (bytes, fin, code) in [
        (vec![0, 1, b'x'], false, Code::FRAME_UNEXPECTED),
        (vec![4, 0], false, Code::FRAME_UNEXPECTED),
        (vec![5, 3, 0, 0, 0], false, Code::ID_ERROR),
        (with(&[6, 0]), false, Code::FRAME_UNEXPECTED),
        (with(&[5, 3, 0, 0, 0]), false, Code::ID_ERROR),
        (
            with(&[1, 2, 0, 0, 0, 1, b'x']),
            false,
            Code::FRAME_UNEXPECTED,
        ),
        (with(&[0, 5, b'x']), true, Code::FRAME_ERROR),
        (vec![1, 9, 0], true, Code::FRAME_ERROR),
        (
            vec![1, 3, 0, 0x80, 0xd9],
            false,
            Code::QPACK_DECOMPRESSION_FAILED,
        ),
    ] {
        connection_error(&[&[0, 4, 0]], Some((&bytes, fin)), code).await;
    }
}

#[tokio::test]
async fn rfc9114_6_1_a_server_opens_no_bidirectional_streams() {
    let raw = raw().await;
    let _stream = bi(&raw.pair.server, &[0]).await;
    assert_eq!(
        close_code(&raw.pair.server).await,
        Code::STREAM_CREATION_ERROR
    );
    assert_eq!(within(raw.driving).await.unwrap().code, Some(0x103));
}

#[tokio::test]
async fn rfc9114_7_2_4_settings_are_awaited_and_obeyed() {
    let pair = pair().await;
    let (requester, driver) = client::connect(pair.client.clone(), Config::default());
    tokio::spawn(driver);
    assert!(!requester.extended_connect());
    let clone = requester.clone();
    let waiting = tokio::spawn(async move { clone.settings().await });
    let _control = uni(&pair.server, &[0, 4, 5, 6, 0x40, 200, 8, 1]).await;
    let settings = within(waiting).await.unwrap().unwrap();
    assert_eq!(settings.max_field_section, Some(200));
    assert!(requester.extended_connect());

    let mut head = parts("GET");
    head.headers.insert("x", "v".repeat(100).parse().unwrap());
    let error = requester
        .open()
        .await
        .unwrap()
        .send(&head, true)
        .err()
        .unwrap();
    assert_eq!(error.kind, Kind::Limit);
}

#[tokio::test]
async fn rfc9220_3_no_extended_connect_without_the_setting() {
    let raw = raw().await;
    within(raw.requester.settings()).await.unwrap();
    let mut head = parts("CONNECT");
    head.extensions.insert(Protocol::new("websocket"));
    let pending = raw.requester.open().await.unwrap();
    assert_eq!(
        pending.send(&head, false).err().unwrap().kind,
        Kind::Protocol
    );
}

#[tokio::test]
async fn settings_that_never_come_end_with_the_connection() {
    let pair = pair().await;
    let (requester, driver) = client::connect(pair.client.clone(), Config::default());
    tokio::spawn(driver);
    let clone = requester.clone();
    let waiting = tokio::spawn(async move { clone.settings().await });
    pair.server.close(code(Code::NO_ERROR), b"");
    assert_eq!(
        within(waiting).await.unwrap().unwrap_err().kind,
        Kind::Closed
    );
    until(|| !requester.is_open()).await;
    assert_eq!(requester.open().await.err().unwrap().kind, Kind::Refused);
}

#[tokio::test]
async fn rfc9114_4_1_2_malformed_responses_end_their_stream_only() {
    let raw = raw().await;
    for bytes in [
        headers(&[]),
        headers(&[("x", "y")]),
        response("101", &[]),
        response("20", &[]),
        response("200", &[(":path", "/")]),
        response("200", &[("Server", "x")]),
        response("200", &[("transfer-encoding", "chunked")]),
        response("200", &[("content-length", "1"), ("content-length", "2")]),
    ] {
        let (_send, mut recv) = raw.answered("GET", &bytes, false).await;
        let error = head(&mut recv).await.unwrap_err();
        assert_eq!((error.kind, error.code), (Kind::Protocol, Some(0x10e)));
    }
    let (_send, mut recv) = raw.answered("GET", &response("204", &[]), true).await;
    assert_eq!(head(&mut recv).await.unwrap().status, 204);
}

#[tokio::test]
async fn no_silent_truncation_of_a_response() {
    let raw = raw().await;
    let five = response("200", &[("content-length", "5")]);
    for (bytes, kind) in [
        ([&five[..], &framed(0, b"1234")].concat(), Kind::Truncated),
        (five.clone(), Kind::Truncated),
        ([&five[..], &framed(0, b"123456")].concat(), Kind::Protocol),
        (
            [&response("200", &[])[..], &headers(&[(":status", "200")])].concat(),
            Kind::Protocol,
        ),
    ] {
        let (_send, mut recv) = raw.answered("GET", &bytes, true).await;
        head(&mut recv).await.unwrap();
        let error = content(&mut recv).await.unwrap_err();
        assert_eq!((error.kind, error.code), (kind, Some(0x10e)));
        assert!(!recv.is_end());
    }
    for bytes in [&[][..], &response("103", &[])] {
        let (_send, mut recv) = raw.answered("GET", bytes, true).await;
        let error = loop {
            match head(&mut recv).await {
                Ok(parts) => assert_eq!(parts.status, 103),
                Err(error) => break error,
            }
        };
        assert_eq!((error.kind, error.code), (Kind::Truncated, Some(0x10e)));
    }

    let (_send, mut recv) = raw.ask("GET", true).await;
    let (mut raw_send, _raw_recv) = within(raw.pair.server.accept_bi()).await.unwrap();
    raw_send
        .write_all(&[&five[..], &framed(0, b"12")].concat())
        .await
        .unwrap();
    head(&mut recv).await.unwrap();
    raw_send.reset(code(Code::INTERNAL_ERROR)).unwrap();
    let error = content(&mut recv).await.unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::Reset, Some(0x102)));

    let (_send, mut recv) = raw.answered("GET", &five, false).await;
    head(&mut recv).await.unwrap();
    raw.pair.server.close(code(Code::INTERNAL_ERROR), b"");
    let error = content(&mut recv).await.unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::Closed, Some(0x102)));
}

#[tokio::test]
async fn rfc9110_6_4_1_answers_without_content_have_any_length() {
    let raw = raw().await;
    for (method, status) in [("HEAD", "200"), ("GET", "304"), ("GET", "204")] {
        let bytes = response(status, &[("content-length", "5")]);
        let (_send, mut recv) = raw.answered(method, &bytes, true).await;
        let parts = head(&mut recv).await.unwrap();
        assert_eq!(parts.headers["content-length"], "5");
        assert_eq!(recv.remaining(), Some(0));
        assert!(content(&mut recv).await.unwrap().0.is_empty());
        assert!(recv.is_end());

        let (_send, mut recv) = raw
            .answered(method, &[&bytes[..], &framed(0, b"12345")].concat(), true)
            .await;
        head(&mut recv).await.unwrap();
        assert_eq!(content(&mut recv).await.unwrap_err().code, Some(0x10e));
    }
}

#[tokio::test]
async fn rfc9110_15_2_interim_responses_come_in_order_and_within_bounds() {
    let raw = raw().await;
    let mut bytes = response("103", &[("link", "</a>")]).repeat(16);
    bytes.extend(response("200", &[]));
    let (_send, mut recv) = raw.answered("GET", &bytes, true).await;
    for _ in 0..16 {
        assert_eq!(head(&mut recv).await.unwrap().status, 103);
    }
    assert_eq!(head(&mut recv).await.unwrap().status, 200);
    assert!(content(&mut recv).await.unwrap().0.is_empty());

    let (_send, mut recv) = raw
        .answered("GET", &response("100", &[]).repeat(17), false)
        .await;
    for _ in 0..16 {
        head(&mut recv).await.unwrap();
    }
    assert_eq!(head(&mut recv).await.unwrap_err().kind, Kind::Limit);
}

#[tokio::test]
async fn rfc9114_4_2_2_responses_over_a_limit_are_given_up() {
    let raw = raw().await;
    let long = "v".repeat(66_000);
    let (_send, mut recv) = raw
        .answered("GET", &response("200", &[("x", &long)]), false)
        .await;
    let error = head(&mut recv).await.unwrap_err();
    assert_eq!(error.kind, Kind::Limit);
}

#[tokio::test]
async fn rfc9114_4_1_an_early_response_is_read_after_the_request_was_stopped() {
    let raw = raw().await;
    let (mut send, mut recv) = raw.ask("POST", false).await;
    write(&mut send, Bytes::from_static(b"some")).await.unwrap();
    let (mut raw_send, mut raw_recv) = within(raw.pair.server.accept_bi()).await.unwrap();
    raw_send
        .write_all(&[&response("413", &[])[..], &framed(0, b"no")].concat())
        .await
        .unwrap();
    raw_send.finish().unwrap();
    raw_recv.stop(code(Code::NO_ERROR)).unwrap();
    let error = closed(&mut send).await;
    assert_eq!((error.kind, error.code), (Kind::Reset, Some(0x100)));
    assert_eq!(head(&mut recv).await.unwrap().status, 413);
    assert_eq!(content(&mut recv).await.unwrap().0, b"no");
}

#[tokio::test]
async fn a_server_that_resets_is_noticed_while_nothing_moves() {
    let raw = raw().await;
    let (mut send, mut recv) = raw.ask("POST", false).await;
    let (mut raw_send, _raw_recv) = within(raw.pair.server.accept_bi()).await.unwrap();
    let wait = Duration::from_millis(60);
    assert!(tokio::time::timeout(wait, closed(&mut send)).await.is_err());
    raw_send.reset(code(Code::INTERNAL_ERROR)).unwrap();
    let error = closed(&mut send).await;
    assert_eq!((error.kind, error.code), (Kind::Reset, Some(0x102)));
    assert_eq!(head(&mut recv).await.unwrap_err().code, Some(0x102));
}

#[tokio::test]
async fn what_is_dropped_or_reset_cancels_the_request() {
    let raw = raw().await;
    let (send, recv) = raw.ask("POST", false).await;
    let (raw_send, mut raw_recv) = within(raw.pair.server.accept_bi()).await.unwrap();
    drop((send, recv));
    assert_eq!(reset_code(&mut raw_recv).await, Code::REQUEST_CANCELLED);
    assert_eq!(stop_code(&raw_send).await, Code::REQUEST_CANCELLED);

    let (mut send, mut recv) = raw.ask("POST", false).await;
    let (raw_send, mut raw_recv) = within(raw.pair.server.accept_bi()).await.unwrap();
    send.reset(Reason::Internal);
    recv.stop(Reason::Cancel);
    assert_eq!(reset_code(&mut raw_recv).await, Code::INTERNAL_ERROR);
    assert_eq!(stop_code(&raw_send).await, Code::REQUEST_CANCELLED);
    assert!(write(&mut send, Bytes::from_static(b"x")).await.is_err());
}

#[tokio::test]
async fn a_request_keeps_to_its_content_length() {
    let raw = raw().await;
    let mut head = parts("POST");
    head.headers.insert("content-length", "5".parse().unwrap());
    let (mut send, _recv) = raw
        .requester
        .open()
        .await
        .unwrap()
        .send(&head, false)
        .unwrap();
    write(&mut send, Bytes::from_static(b"1234")).await.unwrap();
    let (_raw_send, mut raw_recv) = within(raw.pair.server.accept_bi()).await.unwrap();
    assert_eq!(finish(&mut send).await.unwrap_err().kind, Kind::Truncated);
    assert_eq!(reset_code(&mut raw_recv).await, Code::INTERNAL_ERROR);
}
