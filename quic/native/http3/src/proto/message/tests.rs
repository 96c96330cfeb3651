#![allow(clippy::unwrap_used)]

use super::super::frame;
use super::*;
use bytes::BytesMut;
use proptest::prelude::*;

const MAX: u64 = 100;

fn bytes(frames: &[(u64, &[u8])]) -> Bytes {
    let mut out = BytesMut::new();
    for (kind, payload) in frames {
        frame::header(*kind, payload.len() as u64, &mut out);
        out.extend_from_slice(payload);
    }
    out.freeze()
}

fn read(side: Side, content: Content, pieces: &[Bytes], fin: bool) -> Result<Vec<Event>, Fault> {
    let mut message = Message::new(side, MAX);
    let mut events: Vec<Event> = Vec::new();
    for piece in pieces {
        message.push(piece.clone());
        while let Some(event) = message.event()? {
            if events.is_empty() {
                message.begin(content);
            }
            match (events.last_mut(), event) {
                (Some(Event::Data(sum)), Event::Data(data)) => {
                    *sum = Bytes::from([&sum[..], &data[..]].concat());
                }
                (_, event) => events.push(event),
            }
        }
    }
    if fin {
        message.finish()?;
    }
    Ok(events)
}

fn fault(side: Side, content: Content, frames: &[(u64, &[u8])]) -> Fault {
    read(side, content, &[bytes(frames)], true).unwrap_err()
}

const OPEN: Content = Content::Message(None);
const HEAD: (u64, &[u8]) = (1, b"head");
const TAIL: (u64, &[u8]) = (1, b"tail");
const DATA: (u64, &[u8]) = (0, b"data");

#[test]
fn rfc9114_4_1_a_message_is_head_content_and_trailers() {
    let all = bytes(&[HEAD, DATA, (0, b""), (0x21, b"?"), DATA, TAIL, (0x21, b"?")]);
    let events = read(Side::Server, OPEN, &[all], true).unwrap();
    assert_eq!(
        events,
        [
            Event::Section(Bytes::from_static(b"head")),
            Event::Data(Bytes::from_static(b"datadata")),
            Event::Section(Bytes::from_static(b"tail")),
        ]
    );
}

#[test]
fn rfc9114_4_1_frames_out_of_order_are_refused() {
    let orders: [&[(u64, &[u8])]; 4] = [
        &[DATA],
        &[(0x21, b""), DATA],
        &[HEAD, TAIL, DATA],
        &[HEAD, DATA, TAIL, TAIL],
    ];
    for frames in orders {
        let fault = fault(Side::Server, OPEN, frames);
        assert_eq!(fault.code, Code::FRAME_UNEXPECTED);
        assert_eq!(fault.scope, super::super::fault::Scope::Connection);
    }
}

#[test]
fn rfc9114_7_2_frames_of_other_streams_are_refused() {
    for kind in [3, 4, 7, 0x0d, 2, 6, 8, 9] {
        for frames in [&[(kind, &b"\0"[..])][..], &[HEAD, (kind, b"\0")]] {
            assert_eq!(
                fault(Side::Server, OPEN, frames).code,
                Code::FRAME_UNEXPECTED
            );
        }
    }
}

#[test]
fn rfc9114_7_2_5_push_promise_is_refused() {
    let frames: &[(u64, &[u8])] = &[HEAD, (5, b"\0\0\0")];
    assert_eq!(
        fault(Side::Server, OPEN, frames).code,
        Code::FRAME_UNEXPECTED
    );
    assert_eq!(fault(Side::Client, OPEN, frames).code, Code::ID_ERROR);
}

#[test]
fn rfc9114_7_1_a_stream_that_ends_within_a_frame_is_truncated() {
    let all = bytes(&[HEAD, DATA, TAIL]);
    for cut in 1..all.len() {
        if [6, 12].contains(&cut) {
            continue;
        }
        let fault = read(Side::Server, OPEN, &[all.slice(..cut)], true).unwrap_err();
        assert_eq!(fault.code, Code::FRAME_ERROR, "{cut}");
        assert_eq!(fault.nature, super::super::fault::Nature::Truncated);
    }
}

#[test]
fn rfc9114_4_1_a_stream_without_a_head_is_incomplete() {
    assert_eq!(
        fault(Side::Server, OPEN, &[]).code,
        Code::REQUEST_INCOMPLETE
    );
    assert_eq!(fault(Side::Client, OPEN, &[]).code, Code::MESSAGE_ERROR);
    assert_eq!(
        fault(Side::Server, OPEN, &[(0x21, b"?")]).code,
        Code::REQUEST_INCOMPLETE
    );
}

#[test]
fn what_remains_is_unknown_until_the_head_is_complete() {
    let mut message = Message::new(Side::Server, 1 << 10);
    message.push(bytes(&[HEAD]));
    assert!(matches!(message.event(), Ok(Some(Event::Section(_)))));
    // The end may be there already; it must not be looked for before the head was judged.
    assert_eq!(message.remaining(), None);
    message.begin(Content::Message(Some(8)));
    assert_eq!(message.remaining(), Some(8));
    message.begin(Content::None);
    assert_eq!(message.remaining(), Some(0));
}

#[test]
fn rfc9114_4_1_2_content_length_must_be_met() {
    let declared = |n| Content::Message(Some(n));
    for n in [0, 3, 7, 9, 100] {
        let fault = fault(Side::Server, declared(n), &[HEAD, DATA, DATA]);
        assert_eq!(fault.code, Code::MESSAGE_ERROR);
        assert_eq!(fault.scope, super::super::fault::Scope::Stream);
    }
    assert!(
        read(
            Side::Server,
            declared(8),
            &[bytes(&[HEAD, DATA, DATA, TAIL])],
            true
        )
        .is_ok()
    );
    assert!(read(Side::Server, declared(0), &[bytes(&[HEAD])], true).is_ok());
}

#[test]
fn rfc9114_4_1_2_too_much_content_is_refused_before_it_comes() {
    let head = bytes(&[HEAD]);
    let long = Bytes::from_static(&[0, 9]);
    let fault = read(
        Side::Server,
        Content::Message(Some(8)),
        &[head, long],
        false,
    );
    assert_eq!(fault.unwrap_err().code, Code::MESSAGE_ERROR);
}

#[test]
fn rfc9110_6_4_1_responses_without_content_have_none() {
    assert!(
        read(
            Side::Client,
            Content::None,
            &[bytes(&[HEAD, (0, b""), TAIL])],
            true
        )
        .is_ok()
    );
    let fault = fault(Side::Client, Content::None, &[HEAD, DATA]);
    assert_eq!(fault.code, Code::MESSAGE_ERROR);
}

#[test]
fn rfc9114_4_4_a_tunnel_carries_data_only() {
    assert!(
        read(
            Side::Server,
            Content::Tunnel,
            &[bytes(&[HEAD, DATA, DATA])],
            true
        )
        .is_ok()
    );
    let fault = fault(Side::Server, Content::Tunnel, &[HEAD, DATA, TAIL]);
    assert_eq!(fault.code, Code::FRAME_UNEXPECTED);
}

#[test]
fn rfc9114_4_2_2_a_long_section_is_refused_before_it_is_buffered() {
    let fault = read(
        Side::Server,
        OPEN,
        &[Bytes::from_static(&[1, 0x40, 101])],
        false,
    );
    assert_eq!(
        fault.unwrap_err().nature,
        super::super::fault::Nature::Section
    );
}

#[test]
fn remaining_counts_what_was_yielded() {
    let mut message = Message::new(Side::Server, MAX);
    message.push(bytes(&[HEAD, DATA]));
    message.event().unwrap();
    message.begin(Content::Message(Some(10)));
    assert_eq!(message.remaining(), Some(10));
    message.event().unwrap();
    assert_eq!(message.remaining(), Some(6));
}

proptest! {
    #[test]
    fn splitting_the_bytes_anywhere_gives_the_same_events(
        frames in proptest::collection::vec(
            (prop_oneof![4 => Just(0u64), 2 => Just(1), 2 => Just(0x21), 1 => 0u64..16],
             proptest::collection::vec(any::<u8>(), 0..20)), 0..8),
        headed in any::<bool>(),
        cut in any::<prop::sample::Index>(),
        second in any::<prop::sample::Index>(),
    ) {
        let mut list: Vec<(u64, &[u8])> = frames.iter().map(|(k, p)| (*k, &p[..])).collect();
        if headed {
            list.insert(0, HEAD);
        }
        let all = bytes(&list);
        let a = cut.index(all.len() + 1);
        let b = a + second.index(all.len() - a + 1);
        let pieces = [all.slice(..a), all.slice(a..b), all.slice(b..)];
        for side in [Side::Client, Side::Server] {
            prop_assert_eq!(read(side, OPEN, &pieces, true), read(side, OPEN, std::slice::from_ref(&all), true));
        }
    }

    #[test]
    fn any_bytes_decode_without_panic(data: Vec<u8>) {
        let _ = read(Side::Client, OPEN, &[Bytes::from(data)], true);
    }
}
