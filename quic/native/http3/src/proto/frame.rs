//! Frames, RFC 9114 section 7: an incremental decoder that buffers nothing but what it is told
//! to.

use bytes::{Bytes, BytesMut};

use super::fault::Fault;
use super::input::Input;
use super::varint;

/// Frame types, RFC 9114 section 7.2.
pub mod kind {
    pub const DATA: u64 = 0x00;
    pub const HEADERS: u64 = 0x01;
    pub const CANCEL_PUSH: u64 = 0x03;
    pub const SETTINGS: u64 = 0x04;
    pub const PUSH_PROMISE: u64 = 0x05;
    pub const GOAWAY: u64 = 0x07;
    pub const MAX_PUSH_ID: u64 = 0x0d;

    /// RFC 9114 section 7.2.8: types that were HTTP/2's (PRIORITY, PING, WINDOW_UPDATE,
    /// CONTINUATION) must not be sent.
    pub const fn is_reserved(kind: u64) -> bool {
        matches!(kind, 0x02 | 0x06 | 0x08 | 0x09)
    }
}

/// One piece of content at most.
pub const MAX_PIECE: usize = 64 * 1024;

/// What to do with a frame whose header was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Buffer the payload and yield it whole. Whoever asks for it has checked the length.
    Whole,
    /// Yield the payload as it comes.
    Stream,
    /// RFC 9114 section 9: discard the payload as it comes.
    Skip,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    Whole { kind: u64, payload: Bytes },
    Data(Bytes),
}

#[derive(Debug, Default)]
pub struct Decoder {
    input: Input,
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Header,
    Whole {
        kind: u64,
        len: usize,
    },
    Data {
        left: u64,
    },
    Skip {
        left: u64,
    },
}

impl Decoder {
    pub fn push(&mut self, bytes: Bytes) {
        self.input.push(bytes);
    }

    /// True when everything that was pushed was taken out.
    pub fn is_empty(&self) -> bool {
        self.input.is_empty()
    }

    /// RFC 9114 section 7.1: a stream may end here only, between two frames.
    pub fn at_boundary(&self) -> bool {
        matches!(self.state, State::Header) && self.input.is_empty()
    }

    /// The next frame, or the next piece of one; none when more bytes are needed. `begin` sees
    /// each frame's type and length and decides what becomes of it.
    pub fn next(
        &mut self,
        mut begin: impl FnMut(u64, u64) -> Result<Action, Fault>,
    ) -> Result<Option<Frame>, Fault> {
        loop {
            match &mut self.state {
                State::Header => {
                    let mut bytes = [0; 16];
                    let filled = self.input.peek(&mut bytes);
                    let Some((kind, first)) = varint::decode(&bytes[..filled]) else {
                        return Ok(None);
                    };
                    let Some((len, second)) = varint::decode(&bytes[first..filled]) else {
                        return Ok(None);
                    };
                    self.input.skip((first + second) as u64);
                    self.state = match begin(kind, len)? {
                        Action::Whole => State::Whole {
                            kind,
                            len: usize::try_from(len).unwrap_or(usize::MAX),
                        },
                        Action::Stream => State::Data { left: len },
                        Action::Skip => State::Skip { left: len },
                    };
                }
                State::Whole { kind, len } => {
                    if self.input.len() < *len {
                        return Ok(None);
                    }
                    let kind = *kind;
                    let payload = self.input.take(*len);
                    self.state = State::Header;
                    return Ok(Some(Frame::Whole { kind, payload }));
                }
                State::Data { left: 0 } | State::Skip { left: 0 } => self.state = State::Header,
                State::Data { left } => {
                    if self.input.is_empty() {
                        return Ok(None);
                    }
                    let most = usize::try_from(*left).map_or(MAX_PIECE, |n| n.min(MAX_PIECE));
                    let piece = self.input.take(most);
                    *left -= piece.len() as u64;
                    if *left == 0 {
                        self.state = State::Header;
                    }
                    return Ok(Some(Frame::Data(piece)));
                }
                State::Skip { left } => {
                    if self.input.is_empty() {
                        return Ok(None);
                    }
                    *left -= self.input.skip(*left);
                }
            }
        }
    }
}

/// Appends a frame header.
pub fn header(kind: u64, len: u64, out: &mut BytesMut) {
    varint::encode(kind, out);
    varint::encode(len, out);
}

/// Appends a frame whose payload is one integer (RFC 9114 sections 7.2.3, 7.2.6 and 7.2.7).
pub fn integer(kind: u64, value: u64, out: &mut BytesMut) {
    header(kind, varint::len(value) as u64, out);
    varint::encode(value, out);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rule(kind: u64, _len: u64) -> Result<Action, Fault> {
        Ok(match kind {
            kind::DATA => Action::Stream,
            0x21 => Action::Skip,
            _ => Action::Whole,
        })
    }

    /// Whole frames with their type, content without.
    type Seen = Vec<(Option<u64>, Vec<u8>)>;

    fn events(pieces: &[&[u8]]) -> (Seen, bool) {
        let mut decoder = Decoder::default();
        let mut out = Seen::new();
        for piece in pieces {
            decoder.push(Bytes::copy_from_slice(piece));
            while let Some(frame) = decoder.next(rule).unwrap() {
                match frame {
                    Frame::Whole { kind, payload } => out.push((Some(kind), payload.to_vec())),
                    Frame::Data(data) => match out.last_mut() {
                        Some((None, sum)) => sum.extend_from_slice(&data),
                        _ => out.push((None, data.to_vec())),
                    },
                }
            }
        }
        (out, decoder.at_boundary())
    }

    #[test]
    fn rfc9114_9_unknown_frames_are_discarded_as_they_come() {
        let mut decoder = Decoder::default();
        let mut out = BytesMut::new();
        header(0x21, 1 << 40, &mut out);
        decoder.push(out.freeze());
        for _ in 0..100 {
            decoder.push(Bytes::from(vec![0; 1000]));
            assert_eq!(decoder.next(rule), Ok(None));
            assert!(decoder.is_empty());
        }
        assert!(!decoder.at_boundary());
    }

    #[test]
    fn content_comes_before_its_frame_is_complete() {
        let mut decoder = Decoder::default();
        decoder.push(Bytes::from_static(&[0, 5, b'a', b'b']));
        assert_eq!(
            decoder.next(rule),
            Ok(Some(Frame::Data(Bytes::from_static(b"ab"))))
        );
        assert_eq!(decoder.next(rule), Ok(None));
        assert!(!decoder.at_boundary());
        decoder.push(Bytes::from_static(b"cde"));
        assert_eq!(
            decoder.next(rule),
            Ok(Some(Frame::Data(Bytes::from_static(b"cde"))))
        );
        assert!(decoder.at_boundary());
    }

    proptest! {
        #[test]
        fn splitting_the_bytes_anywhere_gives_the_same_frames(
            frames in proptest::collection::vec(
                (prop_oneof![Just(0u64), Just(1), Just(0x21), 0x40u64..0x4000], proptest::collection::vec(any::<u8>(), 0..80)),
                0..8,
            ),
            tail in proptest::collection::vec(any::<u8>(), 0..3),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let mut bytes = BytesMut::new();
            for (kind, payload) in &frames {
                header(*kind, payload.len() as u64, &mut bytes);
                bytes.extend_from_slice(payload);
            }
            bytes.extend_from_slice(&tail);
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            at.push(0);
            at.push(bytes.len());
            at.sort_unstable();
            let pieces: Vec<&[u8]> = at.windows(2).map(|w| &bytes[w[0]..w[1]]).collect();
            prop_assert_eq!(events(&pieces), events(&[&bytes]));
        }

        #[test]
        fn any_bytes_decode_without_panic(bytes: Vec<u8>) {
            let _ = events(&[&bytes]);
        }
    }
}
