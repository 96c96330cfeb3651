//! RFC 9112 sections 4, 6 and 9 for responses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bytes::Bytes;
use harmony_http1::Limits;
use harmony_http1::codec::{Framing, Response, response};
use harmony_stream::{Kind, StreamError};
use http::Method;
use proptest::prelude::*;

fn parse(text: impl Into<Bytes>, method: &Method) -> Result<Option<Response>, StreamError> {
    Ok(response(&text.into(), method, &Limits::default())?.map(|(response, _)| response))
}

fn get(text: &str) -> Response {
    let parsed = parse(text.to_owned(), &Method::GET);
    parsed
        .unwrap_or_else(|error| panic!("{text:?}: {error}"))
        .unwrap()
}

const REFUSED: &[(&str, &str)] = &[
    ("HTTP/1.1 200 OK\nA: b\r\n\r\n", "9112 2.2 bare lf"),
    ("HTTP/1.1 200 OK\r\nA: b\n\n", "9112 2.2 bare lf"),
    (
        "\r\nHTTP/1.1 200 OK\r\n\r\n",
        "9112 2.2 empty line before a status line",
    ),
    ("HTTP/1.1 200 O\rK\r\n\r\n", "9112 2.2 bare cr"),
    ("HTTP/1.1 200 \0\r\n\r\n", "9112 4 nul in the reason"),
    ("HTTP/1.1  200 OK\r\n\r\n", "9112 4 two spaces"),
    ("HTTP/1.1 20 OK\r\n\r\n", "9112 4 two digits"),
    ("HTTP/1.1 2000 OK\r\n\r\n", "9112 4 four digits"),
    ("HTTP/1.1 +20 OK\r\n\r\n", "9112 4 sign"),
    ("HTTP/1.1 099 OK\r\n\r\n", "9110 15 status below 100"),
    ("HTTP/1.1\r\n\r\n", "9112 4 no status"),
    ("HTTP/2.0 200 OK\r\n\r\n", "9112 2.3 version"),
    ("HTTP/1.2 200 OK\r\n\r\n", "9112 2.3 version"),
    ("ICY 200 OK\r\n\r\n", "9112 4 another protocol"),
    (
        "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        "9112 5.1 space before the colon",
    ),
    ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "9112 5.2 obs-fold"),
    ("HTTP/1.1 200 OK\r\n: b\r\n\r\n", "9110 5.1 empty name"),
    ("HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n", "9110 5.5 nul"),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
        "9112 6.1 te and cl",
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "9112 6.3 two cl",
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        "9112 6.3 equal cl",
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n",
        "9112 6.3 list of cl",
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
        "9112 6.2 sign",
    ),
    (
        "HTTP/1.1 204 No\r\nContent-Length: x\r\n\r\n",
        "9112 6.2 in a 204, too",
    ),
    (
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "9112 6.1 te in http/1.0",
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n",
        "9112 7 unknown coding",
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "9112 7 unknown coding",
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
        "9112 6.1 twice",
    ),
];

#[test]
fn what_is_ambiguous_is_a_protocol_error() {
    for (text, source) in REFUSED {
        match parse(text.to_owned(), &Method::GET) {
            Err(error) => assert_eq!(error.kind, Kind::Protocol, "{source}: {text:?}"),
            other => panic!("{source}: {text:?}: {other:?}"),
        }
    }
}

#[test]
fn framing_follows_section_6_3() {
    assert_eq!(
        get("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").framing,
        Framing::Length(5)
    );
    assert_eq!(
        get("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").framing,
        Framing::Empty
    );
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(get(chunked).framing, Framing::Chunked);
    assert_eq!(get("HTTP/1.1 200\r\n\r\n").framing, Framing::UntilClose);
    for status in ["204 No Content", "304 Not Modified", "103 Early Hints"] {
        let text = format!("HTTP/1.1 {status}\r\nContent-Length: 5\r\n\r\n");
        assert_eq!(get(&text).framing, Framing::Empty, "{status}");
    }
    let head = parse(
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        &Method::HEAD,
    );
    let head = head.unwrap().unwrap();
    assert_eq!(head.framing, Framing::Empty);
    assert_eq!(head.parts.headers["content-length"], "5");
    let tunnel = parse("HTTP/1.1 200 OK\r\n\r\n", &Method::CONNECT)
        .unwrap()
        .unwrap();
    assert_eq!(tunnel.framing, Framing::Empty);
}

#[test]
fn persistence_follows_section_9_3() {
    assert!(get("HTTP/1.1 204 x\r\n\r\n").keep_alive);
    assert!(!get("HTTP/1.1 204 x\r\nConnection: close\r\n\r\n").keep_alive);
    assert!(!get("HTTP/1.0 204 x\r\n\r\n").keep_alive);
    assert!(get("HTTP/1.0 204 x\r\nConnection: keep-alive\r\n\r\n").keep_alive);
    assert!(!get("HTTP/1.1 200 OK\r\n\r\n").keep_alive);
}

#[test]
fn heads_are_bounded() {
    let limits = Limits {
        max_head_bytes: 100,
        max_fields: 3,
        ..Limits::default()
    };
    let kind = |text: String| {
        response(&Bytes::from(text), &Method::GET, &limits)
            .err()
            .map(|e| e.kind)
    };
    assert_eq!(
        kind(format!("HTTP/1.1 200 {}", "a".repeat(100))),
        Some(Kind::Limit)
    );
    assert_eq!(
        kind(format!("HTTP/1.1 200\r\n{}\r\n", "A:\r\n".repeat(4))),
        Some(Kind::Limit)
    );
    assert_eq!(
        kind(format!("HTTP/1.1 200\r\n{}\r\n", "A:\r\n".repeat(3))),
        None
    );
}

proptest! {
    #[test]
    fn no_bytes_panic(
        pieces in prop::collection::vec(prop_oneof![
            prop::sample::select(vec![
                "HTTP/1.1 200 OK\r\n", "HTTP/1.0 204\r\n", "\r\n", "\n", "\r", ": ", "a", "HTTP/",
                "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "\0", " ", "\u{e4}",
            ]).prop_map(|text| text.as_bytes().to_vec()),
            prop::collection::vec(any::<u8>(), 0..4),
        ], 0..16)
    ) {
        let _ = parse(pieces.concat(), &Method::GET);
    }
}
