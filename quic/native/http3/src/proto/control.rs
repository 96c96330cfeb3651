//! The peer's control stream, RFC 9114 sections 6.2.1 and 7.2.

use bytes::Bytes;

use super::fault::{Code, Fault};
use super::frame::{Action, Decoder, Frame, kind};
use super::settings::{self, Settings};
use super::varint;

/// Who we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Client,
    Server,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    Settings(Settings),
    /// RFC 9114 section 5.2: for a client, the first request that the server does not process.
    GoAway(u64),
}

#[derive(Debug)]
pub struct Control {
    decoder: Decoder,
    side: Side,
    settings: bool,
    goaway: Option<u64>,
    max_push: Option<u64>,
    frames: u32,
}

impl Control {
    pub fn new(side: Side) -> Self {
        Self {
            decoder: Decoder::default(),
            side,
            settings: false,
            goaway: None,
            max_push: None,
            frames: 0,
        }
    }

    pub fn push(&mut self, bytes: Bytes) {
        self.decoder.push(bytes);
    }

    /// How many frames began since the last call.
    pub fn frames(&mut self) -> u32 {
        std::mem::take(&mut self.frames)
    }

    /// What the peer said that matters; none when more bytes are needed.
    pub fn event(&mut self) -> Result<Option<Event>, Fault> {
        loop {
            let (side, settings, frames) = (self.side, self.settings, &mut self.frames);
            let frame = self.decoder.next(|kind, len| {
                *frames = frames.saturating_add(1);
                begin(side, settings, kind, len)
            })?;
            match frame {
                None => return Ok(None),
                Some(Frame::Data(_)) => {}
                Some(Frame::Whole { kind, payload }) => {
                    if let Some(event) = self.frame(kind, &payload)? {
                        return Ok(Some(event));
                    }
                }
            }
        }
    }

    /// RFC 9114 section 6.2.1: a control stream that ends, ends the connection.
    pub const fn closed() -> Fault {
        Fault::connection(Code::CLOSED_CRITICAL_STREAM, "control stream was closed")
    }

    fn frame(&mut self, kind: u64, payload: &Bytes) -> Result<Option<Event>, Fault> {
        if kind == kind::SETTINGS {
            self.settings = true;
            return Settings::decode(payload).map(|settings| Some(Event::Settings(settings)));
        }
        // RFC 9114 section 7.1: exactly one integer, and nothing after it.
        let id = match varint::decode(payload) {
            Some((id, used)) if used == payload.len() => id,
            _ => {
                return Err(Fault::connection(
                    Code::FRAME_ERROR,
                    "frame is longer or shorter than its fields",
                ));
            }
        };
        match kind {
            kind::GOAWAY => {
                // RFC 9114 section 7.2.6: a server names a request, so a bidirectional stream
                // of the client (RFC 9000 section 2.1).
                if self.side == Side::Client && id % 4 != 0 {
                    return Err(id_error("goaway with an id that is not a request's"));
                }
                // RFC 9114 section 5.2.
                if self.goaway.is_some_and(|before| id > before) {
                    return Err(id_error("goaway with a larger id than before"));
                }
                self.goaway = Some(id);
                Ok(Some(Event::GoAway(id)))
            }
            kind::MAX_PUSH_ID => {
                // RFC 9114 section 7.2.7.
                if self.max_push.is_some_and(|before| id < before) {
                    return Err(id_error("max_push_id with a smaller id than before"));
                }
                self.max_push = Some(id);
                Ok(None)
            }
            // RFC 9114 section 7.2.3: we neither promise nor allow a push, so that every id is
            // one that was not promised, or is above the allowed ones.
            _ => Err(id_error("cancel_push without a push")),
        }
    }
}

const fn id_error(detail: &'static str) -> Fault {
    Fault::connection(Code::ID_ERROR, detail)
}

fn begin(side: Side, settings: bool, kind: u64, len: u64) -> Result<Action, Fault> {
    let unexpected = |detail| Err(Fault::connection(Code::FRAME_UNEXPECTED, detail));
    if !settings && kind != kind::SETTINGS {
        return Err(Fault::connection(
            Code::MISSING_SETTINGS,
            "first frame of the control stream is not settings",
        ));
    }
    match kind {
        kind::SETTINGS if settings => unexpected("second settings frame"),
        kind::SETTINGS if len > settings::MAX_PAYLOAD => Err(Fault::connection(
            Code::EXCESSIVE_LOAD,
            "settings frame is too long",
        )),
        kind::SETTINGS => Ok(Action::Whole),
        kind::DATA => unexpected("data on the control stream"),
        kind::HEADERS => unexpected("headers on the control stream"),
        kind::PUSH_PROMISE => unexpected("push_promise on the control stream"),
        // RFC 9114 section 7.2.7.
        kind::MAX_PUSH_ID if side == Side::Client => unexpected("max_push_id from a server"),
        kind::GOAWAY | kind::CANCEL_PUSH | kind::MAX_PUSH_ID if len > 8 => Err(Fault::connection(
            Code::FRAME_ERROR,
            "frame is longer than its fields",
        )),
        kind::GOAWAY | kind::CANCEL_PUSH | kind::MAX_PUSH_ID => Ok(Action::Whole),
        kind if kind::is_reserved(kind) => unexpected("reserved frame type of http/2"),
        // RFC 9114 section 9.
        _ => Ok(Action::Skip),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SETTINGS: &[u8] = &[4, 0];

    fn feed(side: Side, frames: &[&[u8]]) -> Result<Vec<Event>, Fault> {
        let mut control = Control::new(side);
        let mut events = Vec::new();
        for frame in frames {
            control.push(Bytes::copy_from_slice(frame));
            while let Some(event) = control.event()? {
                events.push(event);
            }
        }
        Ok(events)
    }

    fn code(side: Side, frames: &[&[u8]]) -> Code {
        feed(side, frames).unwrap_err().code
    }

    #[test]
    fn rfc9114_6_2_1_settings_come_first() {
        for frame in [&[7, 1, 0][..], &[0x21, 0], &[0, 0], &[0x0d, 1, 0]] {
            assert_eq!(code(Side::Server, &[frame]), Code::MISSING_SETTINGS);
        }
    }

    #[test]
    fn rfc9114_7_2_4_settings_come_once() {
        assert_eq!(
            code(Side::Server, &[SETTINGS, SETTINGS]),
            Code::FRAME_UNEXPECTED
        );
    }

    #[test]
    fn rfc9114_7_2_1_7_2_2_7_2_5_message_frames_are_refused() {
        for kind in [0u8, 1, 5] {
            assert_eq!(
                code(Side::Server, &[SETTINGS, &[kind, 0]]),
                Code::FRAME_UNEXPECTED
            );
        }
    }

    #[test]
    fn rfc9114_7_2_8_http2_frame_types_are_refused() {
        for kind in [2u8, 6, 8, 9] {
            assert_eq!(
                code(Side::Client, &[SETTINGS, &[kind, 0]]),
                Code::FRAME_UNEXPECTED
            );
        }
    }

    #[test]
    fn rfc9114_9_unknown_frames_are_ignored() {
        let events = feed(Side::Server, &[SETTINGS, &[0x21, 2, 7, 7], &[7, 1, 4]]).unwrap();
        assert_eq!(events.last(), Some(&Event::GoAway(4)));
    }

    #[test]
    fn rfc9114_5_2_goaway_ids_do_not_grow() {
        let events = feed(
            Side::Client,
            &[SETTINGS, &[7, 1, 8], &[7, 1, 8], &[7, 1, 4]],
        )
        .unwrap();
        assert_eq!(events.len(), 4);
        for side in [Side::Client, Side::Server] {
            assert_eq!(
                code(side, &[SETTINGS, &[7, 1, 4], &[7, 1, 8]]),
                Code::ID_ERROR
            );
        }
    }

    #[test]
    fn rfc9114_7_2_6_goaway_of_a_server_names_a_request() {
        for id in [1u8, 2, 3] {
            assert_eq!(code(Side::Client, &[SETTINGS, &[7, 1, id]]), Code::ID_ERROR);
            assert!(feed(Side::Server, &[SETTINGS, &[7, 1, id]]).is_ok());
        }
    }

    #[test]
    fn rfc9114_7_1_frames_have_exactly_their_fields() {
        for frame in [
            &[7, 0][..],
            &[7, 2, 4, 4],
            &[7, 1, 0x40],
            &[7, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ] {
            assert_eq!(code(Side::Client, &[SETTINGS, frame]), Code::FRAME_ERROR);
        }
    }

    #[test]
    fn rfc9114_7_2_7_max_push_id_does_not_shrink() {
        assert!(feed(Side::Server, &[SETTINGS, &[0x0d, 1, 4], &[0x0d, 1, 4]]).is_ok());
        assert_eq!(
            code(Side::Server, &[SETTINGS, &[0x0d, 1, 4], &[0x0d, 1, 3]]),
            Code::ID_ERROR
        );
    }

    #[test]
    fn rfc9114_7_2_7_max_push_id_is_for_clients_to_send() {
        assert_eq!(
            code(Side::Client, &[SETTINGS, &[0x0d, 1, 4]]),
            Code::FRAME_UNEXPECTED
        );
    }

    #[test]
    fn rfc9114_7_2_3_cancel_push_without_a_push_is_refused() {
        for side in [Side::Client, Side::Server] {
            assert_eq!(code(side, &[SETTINGS, &[3, 1, 0]]), Code::ID_ERROR);
        }
    }

    #[test]
    fn long_settings_are_refused_before_they_are_buffered() {
        assert_eq!(code(Side::Server, &[&[4, 0x60, 0]]), Code::EXCESSIVE_LOAD);
    }

    proptest! {
        #[test]
        fn splitting_the_bytes_anywhere_gives_the_same_events(bytes: Vec<u8>, cut: prop::sample::Index, client: bool) {
            let side = if client { Side::Client } else { Side::Server };
            let whole: Vec<u8> = SETTINGS.iter().copied().chain(bytes).collect();
            let cut = cut.index(whole.len());
            prop_assert_eq!(feed(side, &[&whole[..cut], &whole[cut..]]), feed(side, &[&whole]));
        }
    }
}
