#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
//! The queues' promises, and the encoding's: round trips, bounds, and nonsense that is refused.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use proptest::prelude::*;

use super::answer::{Answer, Content, Edit, Kind, apply, decode, split};
use super::*;

fn message(kind: u8, id: u64, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode::message(&mut out, kind, id, |writer| {
        for byte in content {
            writer.u8(*byte);
        }
    });
    out
}

struct Rig {
    crossing: Arc<Crossing>,
    stats: Stats,
    wakes: Arc<AtomicUsize>,
    _runtime: tokio::runtime::Runtime,
}

fn rig(limits: EngineLimits) -> Rig {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let wakes = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&wakes);
    let crossing = Crossing::new(
        limits,
        runtime.handle().clone(),
        Box::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
        }),
    );
    Rig {
        crossing: Arc::new(crossing),
        stats: Stats::default(),
        wakes,
        _runtime: runtime,
    }
}

fn wrote(turn: &(Turn, bool)) -> usize {
    match turn {
        (Turn::Wrote(bytes), true) => *bytes,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn javascript_is_woken_once_until_a_turn_returns_nothing() {
    let rig = rig(EngineLimits::default());
    let mut out = vec![0; 4096];
    let head = message(encode::HEAD, 1, b"x");
    rig.crossing.head(&head, &rig.stats).unwrap();
    rig.crossing.head(&head, &rig.stats).unwrap();
    assert_eq!(rig.wakes.load(Ordering::SeqCst), 1);
    assert_eq!(wrote(&rig.crossing.turn(&[], &mut out)), 2 * head.len());
    rig.crossing.head(&head, &rig.stats).unwrap();
    assert_eq!(rig.wakes.load(Ordering::SeqCst), 1, "its turn is not over");
    wrote(&rig.crossing.turn(&[], &mut out));
    assert_eq!(wrote(&rig.crossing.turn(&[], &mut out)), 0);
    rig.crossing.head(&head, &rig.stats).unwrap();
    assert_eq!(rig.wakes.load(Ordering::SeqCst), 2);
}

#[test]
fn heads_beyond_the_bound_are_refused_until_some_are_taken() {
    let rig = rig(EngineLimits {
        max_waiting_heads: 2,
        ..EngineLimits::default()
    });
    let head = message(encode::HEAD, 1, b"");
    rig.crossing.head(&head, &rig.stats).unwrap();
    rig.crossing.head(&head, &rig.stats).unwrap();
    assert_eq!(rig.crossing.head(&head, &rig.stats), Err(Full));
    assert_eq!(rig.stats.queue_refused.get(), 1);
    let mut out = vec![0; head.len()];
    assert_eq!(wrote(&rig.crossing.turn(&[], &mut out)), head.len());
    rig.crossing.head(&head, &rig.stats).unwrap();
}

#[test]
fn the_oldest_records_give_way_and_are_counted() {
    let rig = rig(EngineLimits {
        max_records: 3,
        ..EngineLimits::default()
    });
    for id in 1..=5 {
        rig.crossing
            .record(&message(encode::RECORD, id, b""), &rig.stats);
    }
    assert_eq!(rig.stats.records_dropped.get(), 2);
    let mut out = vec![0; 4096];
    let bytes = wrote(&rig.crossing.turn(&[], &mut out));
    let mut rest = &out[..bytes];
    let mut seen = Vec::new();
    while let Some((kind, id, _, tail)) = split(rest) {
        seen.push((kind, id));
        rest = tail;
    }
    let record = encode::RECORD;
    assert_eq!(
        seen,
        [(record, 3), (record, 4), (record, 5), (encode::EVENT, 0)]
    );
}

#[test]
fn a_message_larger_than_the_buffer_says_what_it_needs() {
    let rig = rig(EngineLimits::default());
    let big = message(encode::COLLECTED, 1, &[7; 100]);
    rig.crossing.tell(&big, &rig.stats);
    let mut small = vec![0; 16];
    assert_eq!(rig.crossing.turn(&[], &mut small).0, Turn::Needs(big.len()));
    let mut enough = vec![0; big.len()];
    assert_eq!(wrote(&rig.crossing.turn(&[], &mut enough)), big.len());
    assert_eq!(enough, big);
}

#[test]
fn an_answer_to_an_exchange_that_has_ended_is_dropped() {
    let rig = rig(EngineLimits::default());
    let mailbox = rig.crossing.register(7);
    rig.crossing.unregister(7);
    let mut out = vec![0; 64];
    wrote(&rig.crossing.turn(&message(4, 7, &[1]), &mut out));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(mailbox.poll_answer(&mut cx).is_pending());
}

#[test]
fn a_second_answer_to_one_question_is_an_error() {
    let rig = rig(EngineLimits::default());
    let mailbox = rig.crossing.register(7);
    let mut batch = message(4, 7, &[1]);
    batch.extend(message(4, 7, &[1]));
    let mut out = vec![0; 64];
    wrote(&rig.crossing.turn(&batch, &mut out));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(matches!(
        mailbox.poll_answer(&mut cx),
        Poll::Ready(Some(Answer::Reset(_)))
    ));
    assert!(matches!(mailbox.poll_answer(&mut cx), Poll::Ready(None)));
}

#[test]
fn a_stream_that_exceeds_its_credit_is_broken() {
    let mailbox = mailbox::Mailbox::new(8);
    let mut piece = Vec::new();
    piece.extend_from_slice(&6u32.to_le_bytes());
    piece.extend_from_slice(b"abcdef");
    mailbox.deliver(5, &piece);
    mailbox.deliver(5, &piece);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(matches!(
        mailbox.poll_piece(&mut cx),
        Poll::Ready(Some(mailbox::Piece::Data(_)))
    ));
    assert!(matches!(mailbox.poll_piece(&mut cx), Poll::Ready(None)));
}

#[test]
fn interim_101_is_not_for_javascript_to_say() {
    let mut content = 101u16.to_le_bytes().to_vec();
    content.extend_from_slice(&0u32.to_le_bytes());
    assert!(answer::inform(&Bytes::from(content)).is_none());
}

fn name() -> impl Strategy<Value = HeaderName> {
    "[a-z][a-z0-9-]{0,20}".prop_map(|name| HeaderName::from_bytes(name.as_bytes()).unwrap())
}

fn value() -> impl Strategy<Value = HeaderValue> {
    // Every byte that a field value may hold, those above ASCII included (RFC 9110 5.5).
    proptest::collection::vec(prop_oneof![Just(b'\t'), 0x20u8..0x7f, 0x80u8..=0xff], 0..40)
        .prop_map(|bytes| HeaderValue::from_bytes(&bytes).unwrap())
}

fn fields() -> impl Strategy<Value = Vec<(HeaderName, HeaderValue)>> {
    proptest::collection::vec((name(), value()), 0..12)
}

fn map(list: &[(HeaderName, HeaderValue)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in list {
        map.append(name.clone(), value.clone());
    }
    map
}

/// A forward with nothing but edits of the response, decoded.
fn forwarded(edits: &[(u8, &str)], value: &HeaderValue) -> Option<Answer> {
    let mut out = Vec::new();
    encode::message(&mut out, 2, 9, |writer| {
        writer.u32(1);
        writer.u8(128);
        writer.u32(0);
        writer.u32(u32::try_from(edits.len()).unwrap());
        for (op, name) in edits {
            writer.u8(*op);
            writer.bytes(name.as_bytes());
            writer.bytes(if *op > 1 { value.as_bytes() } else { b"" });
        }
    });
    let (_, _, content, _) = split(&out).unwrap();
    decode(Kind::Forward, &Bytes::copy_from_slice(content))
}

proptest! {
    #[test]
    fn answers_of_any_bytes_never_panic(kind in 0u8..12, content in proptest::collection::vec(any::<u8>(), 0..200)) {
        let content = Bytes::from(content);
        if let Some(kind) = Kind::from(kind) {
            let _ = decode(kind, &content);
        }
        let _ = answer::chunk(&content);
        let _ = answer::trailers(&content);
        let _ = split(&content);
    }

    #[test]
    fn batches_of_any_bytes_never_panic(batch in proptest::collection::vec(any::<u8>(), 0..300)) {
        let rig = rig(EngineLimits::default());
        let _mailbox = rig.crossing.register(1);
        let mut out = vec![0; 64];
        let _ = rig.crossing.turn(&batch, &mut out);
    }

    #[test]
    fn fields_survive_the_crossing_byte_for_byte(list in fields(), status in 200u16..600, body in proptest::collection::vec(any::<u8>(), 0..100)) {
        let headers = map(&list);
        let mut out = Vec::new();
        encode::message(&mut out, 1, 9, |writer| {
            writer.u16(status);
            writer.fields(&headers);
            writer.u8(1);
            writer.bytes(&body);
        });
        let (kind, id, content, rest) = split(&out).unwrap();
        prop_assert_eq!((kind, id, rest.len()), (1, 9, 0));
        let decoded = decode(Kind::Respond, &Bytes::copy_from_slice(content));
        let Some(Answer::Respond { status: seen, headers: fields, body: Content::Bytes(bytes) }) = decoded else {
            return Err(TestCaseError::fail("not a respond"));
        };
        prop_assert_eq!(seen, StatusCode::from_u16(status).unwrap());
        prop_assert_eq!(fields, headers);
        prop_assert_eq!(&bytes[..], &body[..]);
    }

    #[test]
    fn a_cut_answer_is_refused(list in fields(), cut in 1usize..40) {
        let headers = map(&list);
        let mut out = Vec::new();
        encode::message(&mut out, 1, 9, |writer| {
            writer.u16(200);
            writer.fields(&headers);
            writer.u8(0);
        });
        let (_, _, content, _) = split(&out).unwrap();
        let cut = cut.min(content.len());
        let content = Bytes::copy_from_slice(&content[..content.len() - cut]);
        prop_assert!(decode(Kind::Respond, &content).is_none());
    }

    #[test]
    fn edits_of_a_response_leave_what_is_the_engines(given in value()) {
        let framing = ["connection", "transfer-encoding", "upgrade", "keep-alive", "sec-websocket-accept", "te"];
        let mut edits = vec![(1, "content-length"), (1, "x-gone"), (2, "x-set"), (3, "x-set")];
        edits.extend(framing.iter().flat_map(|name| [(1, *name), (2, *name), (3, *name)]));
        let Some(Answer::Forward(forward)) = forwarded(&edits, &given) else {
            return Err(TestCaseError::fail("not a forward"));
        };
        prop_assert!(forward.edits.is_empty());
        prop_assert_eq!(forward.response_edits, vec![
            Edit::Remove(HeaderName::from_static("x-gone")),
            Edit::Set(HeaderName::from_static("x-set"), given.clone()),
            Edit::Append(HeaderName::from_static("x-set"), given.clone()),
        ]);
        // what could change the framing of a response is refused before any upstream hears of it
        for bad in [(0, ""), (2, "content-length"), (3, "content-length"), (2, "host"), (4, "x-a"), (2, "x a")] {
            prop_assert!(forwarded(&[bad], &given).is_none());
        }
    }

    #[test]
    fn edits_apply_in_their_order(list in fields(), name in name(), first in value(), second in value()) {
        let mut headers = map(&list);
        apply(&mut headers, vec![
            Edit::Append(name.clone(), first.clone()),
            Edit::Set(name.clone(), second.clone()),
            Edit::Append(name.clone(), first.clone()),
        ]);
        let values: Vec<_> = headers.get_all(&name).iter().cloned().collect();
        prop_assert_eq!(values, vec![second, first]);
        apply(&mut headers, vec![Edit::Remove(name.clone())]);
        prop_assert!(!headers.contains_key(&name));
        apply(&mut headers, vec![Edit::Clear]);
        prop_assert!(headers.is_empty());
    }
}
