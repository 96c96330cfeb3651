//! Unidirectional streams, RFC 9114 section 6.2: what each is, and how many of each.

use super::control::Side;
use super::fault::{Code, Fault};
use super::varint;

/// RFC 9114 section 6.2.1.
pub const CONTROL: u64 = 0x00;
const PUSH: u64 = 0x01;
/// RFC 9204 section 4.2.
const ENCODER: u64 = 0x02;
const DECODER: u64 = 0x03;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Control,
    Encoder,
    Decoder,
    Unknown,
}

/// The bytes of a stream that has not yet said its type.
#[derive(Debug, Default)]
pub struct Opening {
    bytes: [u8; 8],
    len: usize,
}

impl Opening {
    /// Takes one byte; the type once it is complete.
    pub fn push(&mut self, byte: u8) -> Option<u64> {
        // A type takes eight bytes at most, after which it was returned.
        if let Some(slot) = self.bytes.get_mut(self.len) {
            *slot = byte;
            self.len += 1;
        }
        varint::decode(&self.bytes[..self.len]).map(|(kind, _)| kind)
    }
}

/// The critical streams that the peer has opened.
#[derive(Debug)]
pub struct Opened {
    side: Side,
    control: bool,
    encoder: bool,
    decoder: bool,
}

impl Opened {
    pub fn new(side: Side) -> Self {
        Self {
            side,
            control: false,
            encoder: false,
            decoder: false,
        }
    }

    pub fn register(&mut self, kind: u64) -> Result<Role, Fault> {
        // RFC 9114 section 6.2.1 and RFC 9204 section 4.2: one of each.
        let (seen, role) = match kind {
            CONTROL => (&mut self.control, Role::Control),
            ENCODER => (&mut self.encoder, Role::Encoder),
            DECODER => (&mut self.decoder, Role::Decoder),
            PUSH => {
                return Err(match self.side {
                    // RFC 9114 section 6.2.2.
                    Side::Server => {
                        Fault::connection(Code::STREAM_CREATION_ERROR, "push stream from a client")
                    }
                    // RFC 9114 section 4.6: we never send MAX_PUSH_ID.
                    Side::Client => {
                        Fault::connection(Code::ID_ERROR, "push stream that was not allowed")
                    }
                });
            }
            // RFC 9114 section 6.2.3.
            _ => return Ok(Role::Unknown),
        };
        if std::mem::replace(seen, true) {
            return Err(Fault::connection(
                Code::STREAM_CREATION_ERROR,
                "second stream of a type that may exist once",
            ));
        }
        Ok(role)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn rfc9114_6_2_1_rfc9204_4_2_one_stream_of_each_critical_type() {
        for kind in [CONTROL, ENCODER, DECODER] {
            let mut opened = Opened::new(Side::Server);
            opened.register(kind).unwrap();
            assert_eq!(
                opened.register(kind).unwrap_err().code,
                Code::STREAM_CREATION_ERROR
            );
        }
    }

    #[test]
    fn rfc9114_6_2_2_push_streams_are_refused() {
        let refused = |side| Opened::new(side).register(PUSH).unwrap_err().code;
        assert_eq!(refused(Side::Server), Code::STREAM_CREATION_ERROR);
        assert_eq!(refused(Side::Client), Code::ID_ERROR);
    }

    #[test]
    fn rfc9114_6_2_3_any_number_of_unknown_streams() {
        let mut opened = Opened::new(Side::Client);
        for _ in 0..3 {
            assert_eq!(opened.register(0x21), Ok(Role::Unknown));
        }
    }

    #[test]
    fn rfc9114_6_2_types_come_byte_by_byte() {
        let mut opening = Opening::default();
        assert_eq!(opening.push(0xc0), None);
        for _ in 0..6 {
            assert_eq!(opening.push(0), None);
        }
        assert_eq!(opening.push(2), Some(ENCODER));
    }
}
