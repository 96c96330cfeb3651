//! Our server against raw clients.

use std::time::Duration;

use bytes::Bytes;
use harmony_http3::server::Connection;
use harmony_http3::{Code, Config};
use harmony_stream::{Kind, Reason, Receive, Transmit};
use http::{HeaderMap, StatusCode};

use crate::support::*;

const SETTINGS: [u8; 3] = [0, 4, 0];

#[tokio::test]
async fn rfc9114_6_2_1_settings_are_sent_without_waiting_for_the_client() {
    let pair = serve(Config::default(), echo).await;
    let mut control = within(pair.client.accept_uni()).await.unwrap();
    let mut bytes = [0; 10];
    within(control.read_exact(&mut bytes)).await.unwrap();
    // Control stream, SETTINGS, max_field_section_size 65536, enable_connect_protocol 1.
    assert_eq!(bytes, [0, 4, 7, 6, 0x80, 1, 0, 0, 8, 1]);
    let more = tokio::time::timeout(Duration::from_millis(50), control.read_chunk(1, true)).await;
    assert!(more.is_err(), "the control stream goes on");
}

/// Streams that a client opens, and the code with which the connection must end.
async fn connection_error(unis: &[&[u8]], request: Option<(&[u8], bool)>, expected: Code) {
    let pair = serve(Config::default(), echo).await;
    let mut kept = Vec::new();
    for bytes in unis {
        kept.push(uni(&pair.client, bytes).await);
    }
    let mut streams = None;
    if let Some((bytes, fin)) = request {
        let (mut send, recv) = bi(&pair.client, bytes).await;
        if fin {
            let _ = send.finish();
        }
        streams = Some((send, recv));
    }
    let got = close_code(&pair.client).await;
    assert_eq!(got, expected, "{unis:02x?} {request:02x?}");
    drop((kept, streams));
}

#[tokio::test]
async fn rfc9114_6_2_1_control_stream_rules() {
    for (bytes, code) in [
        (&[0, 7, 1, 0][..], Code::MISSING_SETTINGS),
        (&[0, 0x21, 0], Code::MISSING_SETTINGS),
        (&[0, 4, 0, 4, 0], Code::FRAME_UNEXPECTED),
        (&[0, 4, 0, 0, 0], Code::FRAME_UNEXPECTED),
        (&[0, 4, 0, 1, 0], Code::FRAME_UNEXPECTED),
        (&[0, 4, 0, 5, 0], Code::FRAME_UNEXPECTED),
        (&[0, 4, 0, 2, 0], Code::FRAME_UNEXPECTED),
        (&[0, 4, 0, 3, 1, 0], Code::ID_ERROR),
        (&[0, 4, 0, 0x0d, 1, 4, 0x0d, 1, 3], Code::ID_ERROR),
        (&[0, 4, 0, 7, 1, 4, 7, 1, 8], Code::ID_ERROR),
        (&[0, 4, 0, 7, 2, 0, 0], Code::FRAME_ERROR),
        (&[0, 4, 1, 6], Code::FRAME_ERROR),
        (&[0, 4, 2, 2, 1], Code::SETTINGS_ERROR),
        (&[0, 4, 4, 6, 1, 6, 1], Code::SETTINGS_ERROR),
        (&[0x40, 0, 4, 2, 8, 2], Code::SETTINGS_ERROR),
        (&[1, 0], Code::STREAM_CREATION_ERROR),
    ] {
        connection_error(&[bytes], None, code).await;
    }
    connection_error(&[&SETTINGS, &SETTINGS], None, Code::STREAM_CREATION_ERROR).await;
}

#[tokio::test]
async fn rfc9204_4_2_qpack_stream_rules() {
    for (bytes, code) in [
        (&[2, 0x20, 0x3f, 0x01][..], Code::QPACK_ENCODER_STREAM_ERROR),
        (&[2, 0xc0, 0x01, b'a'], Code::QPACK_ENCODER_STREAM_ERROR),
        (&[3, 0x80], Code::QPACK_DECODER_STREAM_ERROR),
        (&[3, 0x44, 0x01], Code::QPACK_DECODER_STREAM_ERROR),
    ] {
        connection_error(&[&SETTINGS, bytes], None, code).await;
    }
    connection_error(&[&SETTINGS, &[2], &[2]], None, Code::STREAM_CREATION_ERROR).await;
    connection_error(&[&SETTINGS, &[3], &[3]], None, Code::STREAM_CREATION_ERROR).await;
}

#[tokio::test]
async fn rfc9114_6_2_1_rfc9204_4_2_critical_streams_stay_open() {
    for bytes in [&SETTINGS[..], &[2], &[3]] {
        for reset in [false, true] {
            let pair = serve(Config::default(), echo).await;
            let mut stream = uni(&pair.client, bytes).await;
            if reset {
                // The type must have arrived: a reset takes back what did not.
                let pace = bi(&pair.client, &request("GET", &[])).await;
                let (mut send, mut recv) = pace;
                send.finish().unwrap();
                answer(&mut recv).await;
                stream.reset(code(Code::NO_ERROR)).unwrap();
            } else {
                stream.finish().unwrap();
            }
            assert_eq!(close_code(&pair.client).await, Code::CLOSED_CRITICAL_STREAM);
        }
    }
}

#[tokio::test]
async fn rfc9114_6_2_1_our_control_stream_may_not_be_stopped() {
    let pair = serve(Config::default(), echo).await;
    let mut control = within(pair.client.accept_uni()).await.unwrap();
    control.stop(code(Code::NO_ERROR)).unwrap();
    assert_eq!(close_code(&pair.client).await, Code::CLOSED_CRITICAL_STREAM);
}

#[tokio::test]
async fn rfc9114_4_1_and_7_2_request_stream_rules() {
    let get = request("GET", &[]);
    let with = |more: &[u8]| [&get[..], more].concat();
    for (bytes, fin, code) in [
        (vec![0, 1, b'x'], false, Code::FRAME_UNEXPECTED),
        (vec![4, 0], false, Code::FRAME_UNEXPECTED),
        (vec![7, 1, 0], false, Code::FRAME_UNEXPECTED),
        (vec![3, 1, 0], false, Code::FRAME_UNEXPECTED),
        (vec![0x0d, 1, 0], false, Code::FRAME_UNEXPECTED),
        (vec![5, 1, 0], false, Code::FRAME_UNEXPECTED),
        (vec![8, 0], false, Code::FRAME_UNEXPECTED),
        (with(&[2, 0]), false, Code::FRAME_UNEXPECTED),
        (with(&[4, 0]), false, Code::FRAME_UNEXPECTED),
        (with(&[1, 2, 0, 0, 0, 0]), false, Code::FRAME_UNEXPECTED),
        (with(&[0, 5, b'x']), true, Code::FRAME_ERROR),
        (with(&[0x40]), true, Code::FRAME_ERROR),
        (get[..5].to_vec(), true, Code::FRAME_ERROR),
        (
            vec![1, 3, 1, 0, 0xd1],
            false,
            Code::QPACK_DECOMPRESSION_FAILED,
        ),
        (
            vec![1, 3, 0, 0, 0x80],
            false,
            Code::QPACK_DECOMPRESSION_FAILED,
        ),
        (
            vec![1, 4, 0, 0, 0xff, 36],
            false,
            Code::QPACK_DECOMPRESSION_FAILED,
        ),
        (vec![1, 1, 0], false, Code::QPACK_DECOMPRESSION_FAILED),
    ] {
        connection_error(&[&SETTINGS], Some((&bytes, fin)), code).await;
    }
}

#[tokio::test]
async fn rfc9114_4_1_2_malformed_requests_end_their_stream_only() {
    let pair = serve(Config::default(), echo).await;
    for bytes in [
        headers(&[]),
        headers(&[(":method", "GET"), (":scheme", "https"), (":path", "/")]),
        request("GET", &[("Accept", "x")]),
        request("GET", &[("connection", "close")]),
        request("GET", &[("te", "gzip")]),
        request("GET", &[("a", "b\r\nc: d")]),
        request("GET", &[("a", " b")]),
        request("GET", &[(":path", "/")]),
        request("GET", &[("content-length", "1"), ("content-length", "1")]),
        request("GET", &[("a", "b"), (":protocol", "x")]),
    ] {
        let (send, mut recv) = bi(&pair.client, &bytes).await;
        assert_eq!(reset_code(&mut recv).await, Code::MESSAGE_ERROR);
        assert_eq!(stop_code(&send).await, Code::MESSAGE_ERROR);
    }
    let (mut send, mut recv) = bi(&pair.client, &[]).await;
    send.finish().unwrap();
    assert_eq!(reset_code(&mut recv).await, Code::REQUEST_INCOMPLETE);

    let (mut send, mut recv) = bi(&pair.client, &request("GET", &[])).await;
    send.finish().unwrap();
    assert_eq!(answer(&mut recv).await, (200, vec![]));
}

#[tokio::test]
async fn rfc9114_4_1_2_malformed_trailers_and_lengths_end_their_stream() {
    let pair = serve(Config::default(), echo).await;
    let five = request("POST", &[("content-length", "5")]);
    for (bytes, fin) in [
        (
            [&request("POST", &[])[..], &headers(&[(":path", "/")])].concat(),
            false,
        ),
        ([&five[..], &framed(0, b"123456")].concat(), false),
        ([&five[..], &framed(0, b"1234")].concat(), true),
        (
            [&five[..], &framed(0, b"1234"), &headers(&[("x", "y")])].concat(),
            true,
        ),
    ] {
        let (mut send, mut recv) = bi(&pair.client, &bytes).await;
        if fin {
            send.finish().unwrap();
        }
        assert_eq!(reset_code(&mut recv).await, Code::MESSAGE_ERROR);
    }
    assert!(pair.client.close_reason().is_none());
}

#[tokio::test]
async fn rfc9114_9_unknown_streams_and_frames_are_ignored() {
    let pair = serve(Config::default(), echo).await;
    for kind in [0x21u8, 0x2f, 0x3e] {
        let stream = uni(&pair.client, &[kind, 1, 2, 3]).await;
        assert_eq!(stop_code(&stream).await, Code::STREAM_CREATION_ERROR);
    }
    // A stream may end before it says what it is.
    uni(&pair.client, &[0x40]).await.finish().unwrap();
    let _control = uni(&pair.client, &[0, 4, 0, 0x21, 2, 1, 2, 0x40, 0x40, 0]).await;
    let big = framed(0x21, &vec![7; 300_000]);
    let bytes = [
        &big[..],
        &request("POST", &[]),
        &framed(0x40, b"x"),
        &framed(0, b"content"),
        &big,
    ]
    .concat();
    let (mut send, mut recv) = bi(&pair.client, &bytes).await;
    send.finish().unwrap();
    assert_eq!(answer(&mut recv).await, (200, b"content".to_vec()));
}

#[tokio::test]
async fn reading_a_head_holds_up_no_other_request() {
    let pair = serve(Config::default(), echo).await;
    let get = request("GET", &[]);
    let (mut slow, mut slow_recv) = bi(&pair.client, &get[..4]).await;
    for _ in 0..3 {
        let (mut send, mut recv) = bi(&pair.client, &get).await;
        send.finish().unwrap();
        assert_eq!(answer(&mut recv).await.0, 200);
    }
    slow.write_all(&get[4..]).await.unwrap();
    slow.finish().unwrap();
    assert_eq!(answer(&mut slow_recv).await.0, 200);
}

#[tokio::test]
async fn a_request_without_content_is_known_as_one() {
    let pair = pair().await;
    let mut connection = Connection::new(pair.server, Config::default())
        .await
        .unwrap();
    // The FIN comes with the head.
    let (mut send, _recv) = pair.client.open_bi().await.unwrap();
    let get = Bytes::from(request("GET", &[]));
    within(async {
        let mut chunks = [get.clone()];
        send.write_all_chunks(&mut chunks).await.unwrap();
        send.finish().unwrap();
    })
    .await;
    let quic = connection.quic().clone();
    until(|| quic.stats().frame_rx.stream > 0).await;
    let (_, mut body, _respond) = accepted(&mut connection).await;
    assert!(body.is_end());
    assert!(within(next(&mut body)).await.is_none());
    assert_eq!(body.remaining(), Some(0));

    // The FIN comes later.
    let (mut send, _recv) = bi(&pair.client, &get).await;
    let (_, mut body, _respond) = accepted(&mut connection).await;
    assert!(!body.is_end());
    assert_eq!(body.remaining(), None);
    let waiting = tokio::spawn(async move { content(&mut body).await.unwrap().0 });
    send.finish().unwrap();
    assert!(within(waiting).await.unwrap().is_empty());
}

#[tokio::test]
async fn content_of_a_known_length_ends_with_its_last_piece() {
    let pair = pair().await;
    let mut connection = Connection::new(pair.server, Config::default())
        .await
        .unwrap();
    let bytes = [
        &request("POST", &[("content-length", "3")])[..],
        &framed(0, b"abc"),
    ]
    .concat();
    let (mut send, _recv) = bi(&pair.client, &bytes).await;
    send.finish().unwrap();
    // Everything is there before the first look.
    let stats = || pair.client.stats().frame_rx.acks;
    let acks = stats();
    until(|| stats() > acks).await;
    let (_, mut body, _respond) = accepted(&mut connection).await;
    assert_eq!(body.remaining(), Some(3));
    assert!(matches!(within(next(&mut body)).await, Some(Ok(_))));
    assert_eq!(body.remaining(), Some(0));
    until(|| {
        body.is_end() || {
            let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
            body.poll_frame(&mut cx).is_ready()
        }
    })
    .await;
    assert!(body.is_end());
}

#[tokio::test]
async fn no_silent_truncation_of_a_request() {
    let pair = pair().await;
    let mut connection = Connection::new(pair.server, Config::default())
        .await
        .unwrap();
    let five = request("POST", &[("content-length", "5")]);
    let part = [&five[..], &framed(0, b"123")].concat();

    let (mut send, _recv) = bi(&pair.client, &part).await;
    let (_, mut body, _respond) = accepted(&mut connection).await;
    send.finish().unwrap();
    let error = content(&mut body).await.unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::Truncated, Some(0x10e)));

    let (mut send, _recv) = bi(&pair.client, &part).await;
    let (_, mut body, _respond) = accepted(&mut connection).await;
    send.reset(code(Code::REQUEST_CANCELLED)).unwrap();
    let error = content(&mut body).await.unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::Reset, Some(0x10c)));

    let (_send, _recv) = bi(&pair.client, &part).await;
    let (_, mut body, _respond) = accepted(&mut connection).await;
    pair.client.close(code(Code::INTERNAL_ERROR), b"");
    let error = content(&mut body).await.unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::Closed, Some(0x102)));
    let error = within(connection.accept()).await.err().unwrap();
    assert_eq!(error.code, Some(0x102));
}

#[tokio::test]
async fn a_frame_that_is_cut_truncates_the_request() {
    let pair = pair().await;
    let mut connection = Connection::new(pair.server, Config::default())
        .await
        .unwrap();
    let bytes = [&request("POST", &[])[..], &[0, 9, 1, 2]].concat();
    let (mut send, _recv) = bi(&pair.client, &bytes).await;
    let (_, mut body, _respond) = accepted(&mut connection).await;
    send.finish().unwrap();
    let error = content(&mut body).await.unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::Truncated, Some(0x106)));
    assert_eq!(close_code(&pair.client).await, Code::FRAME_ERROR);
    let error = within(connection.accept()).await.err().unwrap();
    assert_eq!(error.code, Some(0x106));
}

async fn answer_limits(incoming: harmony_http3::server::Incoming) {
    match incoming.head().await {
        Ok((_, _body, mut respond)) => {
            let (parts, ()) = http::Response::new(()).into_parts();
            respond.send_head(&parts, true).unwrap();
            finish(&mut respond).await.unwrap();
        }
        Err(error) => {
            assert_eq!(error.error.kind, Kind::Limit);
            let (status, mut respond) = error.respond.unwrap();
            let (mut parts, ()) = http::Response::new(()).into_parts();
            parts.status = status;
            respond.send_head(&parts, true).unwrap();
            finish(&mut respond).await.unwrap();
        }
    }
}

#[tokio::test]
async fn rfc9114_4_2_2_requests_over_a_limit_can_be_answered() {
    let config = Config {
        max_field_section: 70_000,
        max_fields: 10,
        ..Config::default()
    };
    let pair = serve(config, answer_limits).await;
    let long = "v".repeat(69_000);
    let path = format!("/{}", "p".repeat(65_600));
    let many: Vec<(&str, &str)> = (0..7).map(|_| ("x", "y")).collect();
    let start = [
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "localhost"),
    ];
    for (bytes, status) in [
        (request("GET", &[("x", &long), ("y", &long[..1000])]), 431),
        (request("GET", &many), 431),
        (request("GET", &many[1..]), 200),
        (
            headers(&[&start[..], &[(":path", &path[..])]].concat()),
            414,
        ),
    ] {
        let (mut send, mut recv) = bi(&pair.client, &bytes).await;
        send.finish().unwrap();
        assert_eq!(answer(&mut recv).await.0, status);
    }
    // Longer than is ever buffered: the answer comes before the rest.
    let (send, mut recv) = bi(&pair.client, &[1, 0x80, 0x0f, 0, 0, 0, 0]).await;
    assert_eq!(stop_code(&send).await, Code::NO_ERROR);
    assert_eq!(answer(&mut recv).await.0, 431);
}

#[tokio::test]
async fn rfc9114_4_1_unwanted_content_is_stopped_without_an_error() {
    let pair = serve(Config::default(), |incoming| async {
        let (_, mut body, mut respond) = incoming.head().await.unwrap();
        let (parts, ()) = http::Response::new(()).into_parts();
        respond.send_head(&parts, false).unwrap();
        respond.send_data(Bytes::from_static(b"enough")).unwrap();
        finish(&mut respond).await.unwrap();
        body.stop(Reason::NoError);
    })
    .await;
    let (send, mut recv) = bi(&pair.client, &request("POST", &[])).await;
    assert_eq!(answer(&mut recv).await, (200, b"enough".to_vec()));
    assert_eq!(stop_code(&send).await, Code::NO_ERROR);
}

#[tokio::test]
async fn an_answer_that_is_dropped_is_reset() {
    let pair = serve(Config::default(), |incoming| async {
        let (_, _body, mut respond) = incoming.head().await.unwrap();
        let (parts, ()) = http::Response::new(()).into_parts();
        respond.send_head(&parts, false).unwrap();
        write(&mut respond, Bytes::from_static(b"part"))
            .await
            .unwrap();
    })
    .await;
    let (_send, mut recv) = bi(&pair.client, &request("GET", &[])).await;
    assert_eq!(reset_code(&mut recv).await, Code::INTERNAL_ERROR);
}

#[tokio::test]
async fn a_request_that_is_dropped_is_rejected() {
    let pair = serve(Config::default(), |incoming| async { drop(incoming) }).await;
    let (send, mut recv) = bi(&pair.client, &request("GET", &[])).await;
    assert_eq!(reset_code(&mut recv).await, Code::REQUEST_REJECTED);
    assert_eq!(stop_code(&send).await, Code::REQUEST_REJECTED);
}

#[tokio::test]
async fn an_answer_keeps_to_its_content_length() {
    let pair = serve(Config::default(), |incoming| async {
        let (_, _body, mut respond) = incoming.head().await.unwrap();
        let (parts, ()) = http::Response::builder()
            .header("content-length", "5")
            .body(())
            .unwrap()
            .into_parts();
        respond.send_head(&parts, false).unwrap();
        write(&mut respond, Bytes::from_static(b"1234"))
            .await
            .unwrap();
        let error = match respond.send_data(Bytes::from_static(b"56")) {
            Err(error) => error,
            Ok(()) => panic!("too much was taken"),
        };
        assert_eq!(error.kind, Kind::Protocol);
    })
    .await;
    let (_send, mut recv) = bi(&pair.client, &request("GET", &[])).await;
    assert_eq!(reset_code(&mut recv).await, Code::INTERNAL_ERROR);

    let pair = serve(Config::default(), |incoming| async {
        let (_, _body, mut respond) = incoming.head().await.unwrap();
        let (parts, ()) = http::Response::builder()
            .header("content-length", "5")
            .body(())
            .unwrap()
            .into_parts();
        respond.send_head(&parts, false).unwrap();
        write(&mut respond, Bytes::from_static(b"1234"))
            .await
            .unwrap();
        assert_eq!(
            finish(&mut respond).await.unwrap_err().kind,
            Kind::Truncated
        );
    })
    .await;
    let (_send, mut recv) = bi(&pair.client, &request("GET", &[])).await;
    assert_eq!(reset_code(&mut recv).await, Code::INTERNAL_ERROR);
}

#[tokio::test]
async fn interim_responses_come_before_the_final_one_only() {
    let pair = serve(Config::default(), |incoming| async {
        let (_, _body, mut respond) = incoming.head().await.unwrap();
        let headers = HeaderMap::new();
        assert!(
            respond
                .send_informational(StatusCode::OK, &headers)
                .is_err()
        );
        assert!(
            respond
                .send_informational(StatusCode::SWITCHING_PROTOCOLS, &headers)
                .is_err()
        );
        respond
            .send_informational(StatusCode::EARLY_HINTS, &headers)
            .unwrap();
        flush(&mut respond).await.unwrap();
        respond
            .send_informational(StatusCode::PROCESSING, &headers)
            .unwrap();
        let (parts, ()) = http::Response::new(()).into_parts();
        respond.send_head(&parts, false).unwrap();
        assert!(
            respond
                .send_informational(StatusCode::CONTINUE, &headers)
                .is_err()
        );
        assert!(respond.send_head(&parts, false).is_err());
        finish(&mut respond).await.unwrap();
    })
    .await;
    let (_send, mut recv) = bi(&pair.client, &request("GET", &[])).await;
    let statuses: Vec<u16> = frames(&mut recv)
        .await
        .iter()
        .map(|(_, payload)| {
            harmony_http3::proto::head::response(payload, limits())
                .unwrap()
                .0
                .status
                .as_u16()
        })
        .collect();
    assert_eq!(statuses, [103, 102, 200]);
}

#[tokio::test]
async fn an_answer_that_is_not_read_holds_a_bounded_amount() {
    let window = 256 * 1024;
    let mut transport = quinn::TransportConfig::default();
    transport.send_window(window);
    let pair = pair_with(transport, quinn::TransportConfig::default()).await;
    let (sent, mut taken) = tokio::sync::watch::channel(0u64);
    run(pair.server.clone(), Config::default(), move |incoming| {
        let sent = sent.clone();
        async move {
            let (_, _body, mut respond) = incoming.head().await.unwrap();
            let (parts, ()) = http::Response::new(()).into_parts();
            respond.send_head(&parts, false).unwrap();
            for _ in 0..1000 {
                write(&mut respond, Bytes::from(vec![0; 16 * 1024]))
                    .await
                    .unwrap();
                sent.send_modify(|sent| *sent += 16 * 1024);
            }
            finish(&mut respond).await.unwrap();
        }
    });
    let (_send, mut recv) = bi(&pair.client, &request("GET", &[])).await;
    // Until nothing moves any more.
    let still = Duration::from_millis(300);
    while within(tokio::time::timeout(still, taken.changed()))
        .await
        .is_ok()
    {}
    // What is unacknowledged, and the client's window of 1.25 MB.
    assert!(
        *taken.borrow() < 1_250_000 + window + 64 * 1024,
        "{}",
        *taken.borrow()
    );
    let total: usize = frames(&mut recv)
        .await
        .iter()
        .filter(|f| f.0 == 0)
        .map(|f| f.1.len())
        .sum();
    assert_eq!(total, 1000 * 16 * 1024);
}

#[tokio::test]
async fn a_flood_of_control_frames_ends_the_connection() {
    let pair = serve(Config::default(), echo).await;
    let mut control = uni(&pair.client, &SETTINGS).await;
    let junk = [0x21u8, 0].repeat(2000);
    let flood = async { while control.write_all(&junk).await.is_ok() {} };
    within(flood).await;
    assert_eq!(close_code(&pair.client).await, Code::EXCESSIVE_LOAD);
}

#[tokio::test]
async fn a_client_that_closes_cleanly_ends_accepting() {
    for error_code in [code(Code::NO_ERROR), 0u32.into()] {
        let pair = pair().await;
        let mut connection = Connection::new(pair.server, Config::default())
            .await
            .unwrap();
        pair.client.close(error_code, b"");
        assert!(within(connection.accept()).await.unwrap().is_none());
        assert!(within(connection.accept()).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_flood_of_resets_ends_the_connection() {
    let pair = serve(Config::default(), echo).await;
    let post = [&request("POST", &[])[..], &framed(0, b"x")].concat();
    let flood = async {
        loop {
            let mut streams = Vec::new();
            for _ in 0..50 {
                let Ok((mut send, recv)) = pair.client.open_bi().await else {
                    return;
                };
                if send.write_all(&post).await.is_err() {
                    return;
                }
                streams.push((send, recv));
            }
            for (send, recv) in &mut streams {
                // The answer's head has come: the request was taken up.
                if recv.read_chunk(1, true).await.is_err() {
                    return;
                }
                let _ = send.reset(code(Code::REQUEST_CANCELLED));
            }
        }
    };
    within(flood).await;
    assert_eq!(close_code(&pair.client).await, Code::EXCESSIVE_LOAD);
}

#[tokio::test]
async fn a_peer_that_stopped_the_answer_is_noticed_at_its_end() {
    let pair = pair().await;
    let mut connection = Connection::new(pair.server, Config::default())
        .await
        .unwrap();
    let (_send, mut recv) = bi(&pair.client, &request("GET", &[])).await;
    let (_, _body, mut respond) = accepted(&mut connection).await;
    let (parts, ()) = http::Response::new(()).into_parts();
    respond.send_head(&parts, false).unwrap();
    flush(&mut respond).await.unwrap();
    recv.stop(code(Code::REQUEST_CANCELLED)).unwrap();
    closed(&mut respond).await;
    assert_eq!(finish(&mut respond).await.unwrap_err().kind, Kind::Reset);
}

#[tokio::test]
async fn content_before_the_stream_was_ready_is_not_lost_silently() {
    let pair = serve(Config::default(), |incoming| async {
        let (_, _body, mut respond) = incoming.head().await.unwrap();
        let (parts, ()) = http::Response::new(()).into_parts();
        respond.send_head(&parts, false).unwrap();
        respond.send_data(Bytes::from_static(b"one")).unwrap();
        assert!(respond.send_data(Bytes::from_static(b"two")).is_err());
        assert!(finish(&mut respond).await.is_err());
    })
    .await;
    let (_send, mut recv) = bi(&pair.client, &request("GET", &[])).await;
    assert_eq!(reset_code(&mut recv).await, Code::INTERNAL_ERROR);
}
