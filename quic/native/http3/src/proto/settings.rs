//! SETTINGS, RFC 9114 section 7.2.4, RFC 9204 section 5 and RFC 9220 section 3.

use bytes::{Bytes, BytesMut};

use super::fault::{Code, Fault};
use super::frame::{self, kind};
use super::varint;

/// The longest SETTINGS payload that is read. The known settings take less than 60 bytes.
pub const MAX_PAYLOAD: u64 = 4096;

mod id {
    pub const MAX_FIELD_SECTION_SIZE: u64 = 0x06;
    pub const ENABLE_CONNECT_PROTOCOL: u64 = 0x08;

    /// RFC 9114 section 7.2.4.1: settings of HTTP/2 that have no counterpart. (0x01 and 0x07
    /// are QPACK's.)
    pub const fn is_reserved(id: u64) -> bool {
        matches!(id, 0x00 | 0x02..=0x05)
    }
}

/// The settings that change what we do. A peer's QPACK settings do not: nothing we send uses a
/// dynamic table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// SETTINGS_MAX_FIELD_SECTION_SIZE; none is no limit.
    pub max_field_section: Option<u64>,
    /// SETTINGS_ENABLE_CONNECT_PROTOCOL.
    pub extended_connect: bool,
}

impl Settings {
    pub fn decode(payload: &Bytes) -> Result<Self, Fault> {
        let mut settings = Self::default();
        let mut seen: Vec<u64> = Vec::new();
        let mut left = &payload[..];
        while !left.is_empty() {
            let id = integer(&mut left)?;
            let value = integer(&mut left)?;
            if id::is_reserved(id) {
                return Err(wrong("reserved setting of http/2"));
            }
            // RFC 9114 section 7.2.4: the same identifier must not occur twice.
            if seen.contains(&id) {
                return Err(wrong("setting occurs twice"));
            }
            seen.push(id);
            match id {
                id::MAX_FIELD_SECTION_SIZE => settings.max_field_section = Some(value),
                // RFC 8441 section 3, by RFC 9220 section 3.
                id::ENABLE_CONNECT_PROTOCOL => match value {
                    0 | 1 => settings.extended_connect = value == 1,
                    _ => return Err(wrong("enable_connect_protocol is neither 0 nor 1")),
                },
                // RFC 9114 section 7.2.4: unknown settings are ignored.
                _ => {}
            }
        }
        Ok(settings)
    }

    /// Appends the SETTINGS frame. QPACK's settings are left at their defaults: no dynamic
    /// table, no blocked streams.
    pub fn encode(&self, out: &mut BytesMut) {
        let mut payload = BytesMut::with_capacity(16);
        if let Some(value) = self.max_field_section {
            varint::encode(id::MAX_FIELD_SECTION_SIZE, &mut payload);
            varint::encode(value.min(varint::MAX), &mut payload);
        }
        if self.extended_connect {
            varint::encode(id::ENABLE_CONNECT_PROTOCOL, &mut payload);
            varint::encode(1, &mut payload);
        }
        frame::header(kind::SETTINGS, payload.len() as u64, out);
        out.extend_from_slice(&payload);
    }
}

const fn wrong(detail: &'static str) -> Fault {
    Fault::connection(Code::SETTINGS_ERROR, detail)
}

fn integer(left: &mut &[u8]) -> Result<u64, Fault> {
    // RFC 9114 section 7.1: a payload with fewer bytes than its fields.
    let (value, used) = varint::decode(left).ok_or(Fault::connection(
        Code::FRAME_ERROR,
        "settings frame is cut",
    ))?;
    *left = &left[used..];
    Ok(value)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn code(payload: &'static [u8]) -> Code {
        Settings::decode(&Bytes::from_static(payload))
            .unwrap_err()
            .code
    }

    #[test]
    fn rfc9114_7_2_4_1_http2_settings_are_refused() {
        assert_eq!(code(&[0x00, 1]), Code::SETTINGS_ERROR);
        assert_eq!(code(&[0x02, 1]), Code::SETTINGS_ERROR);
        assert_eq!(code(&[0x03, 1]), Code::SETTINGS_ERROR);
        assert_eq!(code(&[0x04, 1]), Code::SETTINGS_ERROR);
        assert_eq!(code(&[0x05, 1]), Code::SETTINGS_ERROR);
    }

    #[test]
    fn rfc9114_7_2_4_a_setting_that_occurs_twice_is_refused() {
        assert_eq!(code(&[0x06, 1, 0x06, 1]), Code::SETTINGS_ERROR);
        assert_eq!(code(&[0x21, 1, 0x21, 1]), Code::SETTINGS_ERROR);
    }

    #[test]
    fn rfc9114_7_1_a_cut_payload_is_refused() {
        assert_eq!(code(&[0x06]), Code::FRAME_ERROR);
        assert_eq!(code(&[0x06, 0x40]), Code::FRAME_ERROR);
        assert_eq!(code(&[0x40]), Code::FRAME_ERROR);
    }

    #[test]
    fn rfc9220_3_enable_connect_protocol_is_zero_or_one() {
        assert_eq!(code(&[0x08, 2]), Code::SETTINGS_ERROR);
        let on = Settings::decode(&Bytes::from_static(&[0x08, 1])).unwrap();
        assert!(on.extended_connect);
    }

    #[test]
    fn rfc9114_7_2_4_unknown_settings_are_ignored() {
        let settings = Settings::decode(&Bytes::from_static(&[0x21, 9, 0x01, 0, 0x07, 0])).unwrap();
        assert_eq!(settings, Settings::default());
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_itself(
            max_field_section in proptest::option::of(0..=varint::MAX), extended_connect: bool,
        ) {
            let settings = Settings { max_field_section, extended_connect };
            let mut out = BytesMut::new();
            settings.encode(&mut out);
            prop_assert_eq!(out[0], 4);
            prop_assert_eq!(usize::from(out[1]), out.len() - 2);
            prop_assert_eq!(Settings::decode(&out.freeze().slice(2..)).unwrap(), settings);
        }

        #[test]
        fn any_bytes_decode_without_panic(payload: Vec<u8>) {
            let _ = Settings::decode(&Bytes::from(payload));
        }
    }
}
