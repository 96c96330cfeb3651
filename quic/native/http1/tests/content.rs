//! RFC 9112 sections 6 and 7: content out of its framing, and chunked both ways.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bytes::BytesMut;
use harmony_http1::Limits;
use harmony_http1::codec::{Decoder, Framing, Piece};
use harmony_stream::{Kind, StreamError};
use http::HeaderMap;
use proptest::prelude::*;

#[derive(Debug, Default, PartialEq, Eq)]
struct Message {
    content: Vec<u8>,
    trailers: Option<HeaderMap>,
    complete: bool,
    /// Bytes after the message.
    rest: usize,
}

/// Decodes `parts` as they arrive one after another.
fn decode(framing: Framing, parts: &[&[u8]], limits: &Limits) -> Result<Message, StreamError> {
    let mut decoder = Decoder::new(framing);
    let mut buf = BytesMut::new();
    let mut message = Message::default();
    for part in parts {
        buf.extend_from_slice(part);
        loop {
            match decoder.decode(&mut buf, limits)? {
                Piece::Data(data) => {
                    assert!(!data.is_empty());
                    message.content.extend_from_slice(&data);
                }
                Piece::Trailers(map) => message.trailers = Some(map),
                Piece::End => {
                    assert!(decoder.is_done());
                    message.complete = true;
                    break;
                }
                Piece::More => break,
            }
        }
    }
    message.rest = buf.len();
    Ok(message)
}

fn chunked(text: &str) -> Result<Message, StreamError> {
    let whole = decode(Framing::Chunked, &[text.as_bytes()], &Limits::default());
    let bytes: Vec<_> = text.as_bytes().chunks(1).collect();
    let slow = decode(Framing::Chunked, &bytes, &Limits::default());
    match (&whole, &slow) {
        (Ok(a), Ok(b)) => assert_eq!(a, b, "{text:?}"),
        (Err(_), Err(_)) => {}
        other => panic!("{text:?} depends on how it arrives: {other:?}"),
    }
    whole
}

const REFUSED: &[(&str, &str)] = &[
    ("5\nhello\r\n0\r\n\r\n", "7.1 bare lf after the size"),
    ("5\r\nhello\n0\r\n\r\n", "7.1 bare lf after the data"),
    ("5\rhello\r\n0\r\n\r\n", "7.1 bare cr after the size"),
    ("5\r\nhello0\r\n\r\n", "7.1 no line end after the data"),
    ("5\r\nhelloX\r\n0\r\n\r\n", "7.1 data longer than its size"),
    ("0x5\r\nhello\r\n0\r\n\r\n", "7.1 0x"),
    ("+5\r\nhello\r\n0\r\n\r\n", "7.1 sign"),
    ("-5\r\nhello\r\n0\r\n\r\n", "7.1 sign"),
    (" 5\r\nhello\r\n0\r\n\r\n", "7.1 space before the size"),
    ("5 \r\nhello\r\n0\r\n\r\n", "7.1 space after the size"),
    ("5\t\r\nhello\r\n0\r\n\r\n", "7.1 tab after the size"),
    (
        "5 ;a\r\nhello\r\n0\r\n\r\n",
        "7.1.1 bad whitespace before an extension",
    ),
    ("5_0\r\nhello\r\n0\r\n\r\n", "7.1 separator"),
    ("g\r\nhello\r\n0\r\n\r\n", "7.1 no digit"),
    ("\r\nhello\r\n0\r\n\r\n", "7.1 no size"),
    (";a\r\nhello\r\n0\r\n\r\n", "7.1 extension without a size"),
    (
        "5;a\nb\r\nhello\r\n0\r\n\r\n",
        "7.1.1 bare lf in an extension",
    ),
    (
        "5;a\rb\r\nhello\r\n0\r\n\r\n",
        "7.1.1 bare cr in an extension",
    ),
    ("5;a\0\r\nhello\r\n0\r\n\r\n", "7.1.1 nul in an extension"),
    (
        "00000000000000005\r\nhello\r\n0\r\n\r\n",
        "7.1 seventeen digits",
    ),
    (
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "7.1 overflow that leaves 5",
    ),
    ("0\r\nA: b\n\r\n", "7.1.2 bare lf in the trailers"),
    ("0\r\n\n", "7.1.2 bare lf as the empty line"),
    ("0\n\r\n", "7.1 bare lf after the last chunk"),
    ("0\r\nA : b\r\n\r\n", "7.1.2 space before the colon"),
    ("0\r\n b\r\n\r\n", "7.1.2 fold"),
    ("0\r\nGET / HTTP/1.1\r\n\r\n", "7.1.2 another request"),
    (
        "0\r\nContent-Length: 5\r\n\r\n",
        "9110 6.5.1 content-length in the trailers",
    ),
    (
        "0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "9110 6.5.1 transfer-encoding in the trailers",
    ),
    ("0\r\nHost: a\r\n\r\n", "9110 6.5.1 host in the trailers"),
];

#[test]
fn chunks_that_are_not_exact_are_refused() {
    for (text, source) in REFUSED {
        match chunked(text) {
            Err(error) => assert_eq!(error.kind, Kind::Protocol, "{source}: {text:?}"),
            Ok(message) => panic!("9112 {source}: {text:?}: {message:?}"),
        }
    }
}

#[test]
fn chunks_are_joined_and_trailers_told_apart() {
    let message =
        chunked("5\r\nhello\r\n00A;x=\"y\"\r\n, wonderfu\r\n1\r\nl\r\n0;z\r\n\r\nrest").unwrap();
    assert_eq!(message.content, b"hello, wonderful");
    assert!(message.complete && message.trailers.is_none());
    assert_eq!(message.rest, 4);
    let message = chunked("000\r\nA: 1\r\nA: 2\r\nB:\r\n\r\n").unwrap();
    let trailers = message.trailers.unwrap();
    assert_eq!(trailers.get_all("a").iter().collect::<Vec<_>>(), ["1", "2"]);
    assert!(message.complete);
    let message = chunked("5\r\nhello\r\n").unwrap();
    assert!(!message.complete);
    let message = chunked("FFFFFFFFFFFFFFFF\r\nhello").unwrap();
    assert_eq!(message.content, b"hello");
}

#[test]
fn the_end_is_known_with_the_last_content() {
    let mut decoder = Decoder::new(Framing::Chunked);
    let mut buf = BytesMut::from(&b"5\r\nhello\r\n0\r\n\r\nnext"[..]);
    assert!(matches!(
        decoder.decode(&mut buf, &Limits::default()),
        Ok(Piece::Data(_))
    ));
    assert!(decoder.is_done());
    assert_eq!(&buf[..], b"next");
}

#[test]
fn chunk_heads_extensions_and_trailers_are_bounded() {
    let limits = Limits {
        max_chunk_head: 50,
        max_head_bytes: 100,
        max_fields: 5,
        ..Limits::default()
    };
    let kind = |text: String| {
        decode(Framing::Chunked, &[text.as_bytes()], &limits)
            .err()
            .map(|e| e.kind)
    };
    assert_eq!(kind(format!("1;{}\r\n", "a".repeat(50))), Some(Kind::Limit));
    assert_eq!(kind(format!("1;{}", "a".repeat(50))), Some(Kind::Limit));
    assert_eq!(kind(format!("1;{}\r\n", "a".repeat(40))), None);
    assert_eq!(kind("1;aaaaaaaaa\r\nb\r\n".repeat(10)), None);
    assert_eq!(kind("1;aaaaaaaaa\r\nb\r\n".repeat(11)), Some(Kind::Limit));
    assert_eq!(
        kind(format!("0\r\nA: {}", "a".repeat(100))),
        Some(Kind::Limit)
    );
    assert_eq!(kind(format!("0\r\n{}\r\n", "A:\r\n".repeat(5))), None);
    assert_eq!(
        kind(format!("0\r\n{}\r\n", "A:\r\n".repeat(6))),
        Some(Kind::Protocol)
    );
}

#[test]
fn a_length_is_counted_and_what_follows_left_alone() {
    let message = decode(Framing::Length(5), &[b"he", b"llonext"], &Limits::default()).unwrap();
    assert_eq!(message.content, b"hello");
    assert!(message.complete);
    assert_eq!(message.rest, 4);
}

#[test]
fn only_what_ends_with_the_connection_ends_with_it() {
    for (framing, ends) in [
        (Framing::Empty, true),
        (Framing::Length(1), false),
        (Framing::Chunked, false),
        (Framing::UntilClose, true),
        (Framing::Tunnel, true),
    ] {
        assert_eq!(Decoder::new(framing).end(), ends, "{framing:?}");
    }
}

fn split<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

proptest! {
    #[test]
    fn chunked_content_is_the_same_however_it_is_cut_and_split(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..8),
        upper in any::<bool>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mut wire = Vec::new();
        for chunk in &chunks {
            let size = if upper { format!("{:X}", chunk.len()) } else { format!("{:04x}", chunk.len()) };
            wire.extend_from_slice(size.as_bytes());
            wire.extend_from_slice(b"\r\n");
            wire.extend_from_slice(chunk);
            wire.extend_from_slice(b"\r\n");
        }
        wire.extend_from_slice(b"0\r\nt: v\r\n\r\n");
        let message = decode(Framing::Chunked, &split(&wire, &cuts), &Limits::default()).unwrap();
        prop_assert_eq!(message.content, chunks.concat());
        prop_assert!(message.complete);
        prop_assert_eq!(&message.trailers.unwrap()["t"], "v");
    }

    #[test]
    fn any_bytes_decode_the_same_at_once_and_byte_by_byte(
        pieces in prop::collection::vec(prop_oneof![
            prop::sample::select(vec!["5", "0", "a", "\r\n", "\r", "\n", ";", "hello", " ", "A: b", "\r\n\r\n"])
                .prop_map(|text| text.as_bytes().to_vec()),
            prop::collection::vec(any::<u8>(), 0..3),
        ], 0..16)
    ) {
        let wire = pieces.concat();
        let whole = decode(Framing::Chunked, &[&wire], &Limits::default());
        let bytes: Vec<_> = wire.chunks(1).collect();
        let slow = decode(Framing::Chunked, &bytes, &Limits::default());
        match (whole, slow) {
            (Ok(whole), Ok(slow)) => prop_assert_eq!(whole, slow),
            (Err(_), Err(_)) => {}
            other => prop_assert!(false, "{:?}", other),
        }
    }
}
