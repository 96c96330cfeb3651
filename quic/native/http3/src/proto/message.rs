//! The frames of one message on its bidirectional stream, RFC 9114 sections 4.1 and 7.2.

use bytes::Bytes;

use super::control::Side;
use super::fault::{Code, Fault};
use super::frame::{Action, Decoder, Frame, kind};

#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// The payload of a HEADERS frame. After the head's, [`Message::begin`] or nothing (for an
    /// interim response) is called.
    Section(Bytes),
    Data(Bytes),
}

/// What may follow a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Content and trailers; with the length that content-length declared.
    Message(Option<u64>),
    /// RFC 9110 section 6.4.1: answers to HEAD, 204 and 304 have none, whatever
    /// content-length says.
    None,
    /// RFC 9114 section 4.4: after CONNECT, DATA frames only.
    Tunnel,
}

#[derive(Debug)]
pub struct Message {
    decoder: Decoder,
    rules: Rules,
}

#[derive(Debug)]
struct Rules {
    side: Side,
    /// The longest payload of a HEADERS frame that is buffered.
    max_section: u64,
    phase: Phase,
    content: Content,
    /// The sum of the lengths of the DATA frames that began.
    announced: u64,
    /// Content that was yielded.
    yielded: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Head,
    Content,
    End,
}

impl Message {
    /// The message that the side `side` receives.
    pub fn new(side: Side, max_section: u64) -> Self {
        Self {
            decoder: Decoder::default(),
            rules: Rules {
                side,
                max_section,
                phase: Phase::Head,
                content: Content::None,
                announced: 0,
                yielded: 0,
            },
        }
    }

    pub fn push(&mut self, bytes: Bytes) {
        self.decoder.push(bytes);
    }

    /// True when everything that was pushed was taken out.
    pub fn is_empty(&self) -> bool {
        self.decoder.is_empty()
    }

    /// The head is complete: what follows it.
    pub fn begin(&mut self, content: Content) {
        self.rules.content = content;
        self.rules.phase = Phase::Content;
    }

    /// True when the head is complete.
    pub fn has_begun(&self) -> bool {
        self.rules.phase != Phase::Head
    }

    /// Content still to come, when its length was declared; before the head's end it is not known.
    pub fn remaining(&self) -> Option<u64> {
        if !self.has_begun() {
            return None;
        }
        match self.rules.content {
            Content::Message(Some(declared)) => Some(declared.saturating_sub(self.rules.yielded)),
            Content::None => Some(0),
            _ => None,
        }
    }

    /// The next event; none when more bytes are needed.
    pub fn event(&mut self) -> Result<Option<Event>, Fault> {
        let rules = &mut self.rules;
        match self.decoder.next(|kind, len| rules.frame(kind, len))? {
            None => Ok(None),
            Some(Frame::Data(data)) => {
                self.rules.yielded += data.len() as u64;
                Ok(Some(Event::Data(data)))
            }
            Some(Frame::Whole { payload, .. }) => {
                if self.rules.phase == Phase::Content {
                    self.rules.phase = Phase::End;
                }
                Ok(Some(Event::Section(payload)))
            }
        }
    }

    /// The stream ended cleanly: did the message?
    pub fn finish(&self) -> Result<(), Fault> {
        if !self.decoder.at_boundary() {
            // RFC 9114 section 7.1.
            return Err(
                Fault::connection(Code::FRAME_ERROR, "stream ended within a frame").truncated(),
            );
        }
        let rules = &self.rules;
        match (rules.phase, rules.content) {
            // RFC 9114 section 4.1: a request without its head is incomplete; a response
            // without a final head is malformed (section 4.1.2).
            (Phase::Head, _) if rules.side == Side::Server => Err(Fault::stream(
                Code::REQUEST_INCOMPLETE,
                "stream ended before a request",
            )
            .truncated()),
            (Phase::Head, _) => {
                Err(Fault::malformed("stream ended before a final response").truncated())
            }
            // RFC 9114 section 4.1.2.
            (_, Content::Message(Some(declared))) if rules.announced != declared => {
                Err(Fault::malformed("content is shorter than content-length").truncated())
            }
            _ => Ok(()),
        }
    }
}

impl Rules {
    fn frame(&mut self, kind: u64, len: u64) -> Result<Action, Fault> {
        let unexpected = |detail| Err(Fault::connection(Code::FRAME_UNEXPECTED, detail));
        match kind {
            kind::DATA => match self.phase {
                // RFC 9114 section 4.1.
                Phase::Head => unexpected("data before headers"),
                Phase::End => unexpected("data after trailers"),
                Phase::Content => {
                    self.announced = self.announced.saturating_add(len);
                    match self.content {
                        // RFC 9114 section 4.1.2.
                        Content::Message(Some(declared)) if self.announced > declared => {
                            Err(Fault::malformed("content is longer than content-length"))
                        }
                        Content::None if len > 0 => {
                            Err(Fault::malformed("content in a response that has none"))
                        }
                        _ => Ok(Action::Stream),
                    }
                }
            },
            kind::HEADERS => match (self.phase, self.content) {
                (Phase::End, _) => unexpected("headers after trailers"),
                // RFC 9114 section 4.4.
                (Phase::Content, Content::Tunnel) => unexpected("headers in a tunnel"),
                _ if len > self.max_section => Err(Fault::section("field section is too large")),
                _ => Ok(Action::Whole),
            },
            kind::PUSH_PROMISE => match self.side {
                // RFC 9114 section 7.2.5.
                Side::Server => unexpected("push_promise from a client"),
                Side::Client => Err(Fault::connection(
                    Code::ID_ERROR,
                    "push_promise that was not allowed",
                )),
            },
            // RFC 9114 sections 7.2.3, 7.2.4, 7.2.6 and 7.2.7.
            kind::SETTINGS | kind::GOAWAY | kind::CANCEL_PUSH | kind::MAX_PUSH_ID => {
                unexpected("frame of the control stream on a request stream")
            }
            kind if kind::is_reserved(kind) => unexpected("reserved frame type of http/2"),
            // RFC 9114 section 9.
            _ => Ok(Action::Skip),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
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

    fn read(
        side: Side,
        content: Content,
        pieces: &[Bytes],
        fin: bool,
    ) -> Result<Vec<Event>, Fault> {
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
}
