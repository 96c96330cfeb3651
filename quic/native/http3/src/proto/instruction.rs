//! The peer's QPACK streams, RFC 9204 sections 4.3 and 4.4. Without a dynamic table on either
//! side nearly every instruction is an error.

use super::fault::{Code, Fault};

/// RFC 9204 section 4.3: instructions of the peer's encoder. Our SETTINGS leave the table's
/// capacity at zero (section 3.2.3), so that the one instruction which is allowed sets it to zero
/// again: the byte 001_00000. A larger capacity is refused (section 4.3.1), an entry cannot
/// fit, and there is none to duplicate.
pub fn encoder(bytes: &[u8]) -> Result<(), Fault> {
    if bytes.iter().all(|byte| *byte == 0b0010_0000) {
        return Ok(());
    }
    Err(Fault::connection(
        Code::QPACK_ENCODER_STREAM_ERROR,
        "instruction for a dynamic table of capacity zero",
    ))
}

/// RFC 9204 section 4.4: instructions of the peer's decoder. Nothing that we encode is to be
/// acknowledged (section 4.4.1), nothing was inserted (section 4.4.3); a cancelled stream may be
/// told (section 4.4.2) and means nothing.
#[derive(Debug, Default)]
pub struct Decoder {
    /// Bytes of a stream id that is under way.
    more: u32,
}

impl Decoder {
    pub fn read(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        for byte in bytes {
            if self.more > 0 {
                self.more += 1;
                if byte & 0x80 == 0 {
                    self.more = 0;
                } else if self.more > 10 {
                    return Err(wrong("stream id is too large"));
                }
                continue;
            }
            match byte >> 6 {
                0b01 if byte & 0x3f == 0x3f => self.more = 1,
                0b01 => {}
                0b00 => return Err(wrong("insert count increment without an insertion")),
                _ => return Err(wrong("section acknowledgment without a reference")),
            }
        }
        Ok(())
    }
}

const fn wrong(detail: &'static str) -> Fault {
    Fault::connection(Code::QPACK_DECODER_STREAM_ERROR, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9204_4_3_1_capacity_zero_is_all_that_can_be_set() {
        assert_eq!(encoder(&[0x20, 0x20]), Ok(()));
        for byte in [0x21, 0x3e, 0x3f] {
            assert!(encoder(&[byte]).is_err());
        }
    }

    #[test]
    fn rfc9204_3_2_2_insertions_and_duplicates_are_refused() {
        for byte in [0x00, 0x1f, 0x40, 0x7f, 0x80, 0xc0, 0xff] {
            let fault = encoder(&[0x20, byte]);
            assert_eq!(
                fault.map_err(|fault| fault.code),
                Err(Code::QPACK_ENCODER_STREAM_ERROR)
            );
        }
    }

    #[test]
    fn rfc9204_4_4_1_and_4_4_3_acknowledgments_and_increments_are_refused() {
        for byte in [0x00, 0x01, 0x3f, 0x80, 0x84, 0xff] {
            let fault = Decoder::default().read(&[byte]);
            assert_eq!(
                fault.map_err(|fault| fault.code),
                Err(Code::QPACK_DECODER_STREAM_ERROR)
            );
        }
    }

    #[test]
    fn rfc9204_4_4_2_stream_cancellations_are_ignored() {
        let mut decoder = Decoder::default();
        for byte in [0x40, 0x7e, 0x7f, 0x80, 0xff, 0x00, 0x44] {
            assert_eq!(decoder.read(&[byte]), Ok(()));
        }
        assert!(decoder.read(&[0x7f]).is_ok());
        assert!(decoder.read(&[0xff; 20]).is_err());
    }
}
