//! Prefixed integers, RFC 9204 section 4.1.1 (RFC 7541 section 5.1).

use bytes::{BufMut, BytesMut};

/// The value whose first byte has `prefix` bits for it, and the bytes it takes. None when it is
/// incomplete or above 62 bits (RFC 9204 section 4.1.1), both of which are errors in a field
/// section.
pub fn decode(bytes: &[u8], prefix: u32) -> Option<(u64, usize)> {
    let mask = (1u64 << prefix) - 1;
    let first = u64::from(*bytes.first()?) & mask;
    if first < mask {
        return Some((first, 1));
    }
    let mut value = mask;
    let mut shift = 0;
    for (at, byte) in bytes.iter().enumerate().skip(1) {
        let bits = u64::from(byte & 0x7f);
        // Leading zeros may make the form longer than it needs to be; ten bytes are plenty.
        if shift > 56 {
            return None;
        }
        value = value.checked_add(bits << shift)?;
        if value > super::varint::MAX {
            return None;
        }
        shift += 7;
        if byte & 0x80 == 0 {
            return Some((value, at + 1));
        }
    }
    None
}

/// Appends `value` with the high bits `flags` beside its `prefix` bits.
pub fn encode(value: u64, prefix: u32, flags: u8, out: &mut BytesMut) {
    let mask = (1u64 << prefix) - 1;
    if value < mask {
        out.put_u8(flags | value as u8);
        return;
    }
    out.put_u8(flags | mask as u8);
    let mut left = value - mask;
    while left >= 0x80 {
        out.put_u8(left as u8 | 0x80);
        left >>= 7;
    }
    out.put_u8(left as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rfc7541_c1_sample_values_decode() {
        assert_eq!(decode(&[0b1110_1010], 5), Some((10, 1)));
        assert_eq!(decode(&[0b1111_1111, 0x9a, 0x0a], 5), Some((1337, 3)));
        assert_eq!(decode(&[42], 8), Some((42, 1)));
    }

    #[test]
    fn rfc9204_4_1_1_values_above_62_bits_are_refused() {
        let mut out = BytesMut::new();
        encode(super::super::varint::MAX, 3, 0, &mut out);
        assert_eq!(
            decode(&out, 3),
            Some((super::super::varint::MAX, out.len()))
        );
        out.clear();
        encode(super::super::varint::MAX + 1, 3, 0, &mut out);
        assert_eq!(decode(&out, 3), None);
        assert_eq!(decode(&[0xff; 20], 7), None);
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_itself(value in 0..=super::super::varint::MAX, prefix in 3u32..=8) {
            let mut out = BytesMut::new();
            encode(value, prefix, 0, &mut out);
            prop_assert_eq!(decode(&out, prefix), Some((value, out.len())));
            for cut in 0..out.len() {
                prop_assert_eq!(decode(&out[..cut], prefix), None);
            }
        }

        #[test]
        fn any_bytes_decode_without_panic(bytes: Vec<u8>, prefix in 1u32..=8) {
            let _ = decode(&bytes, prefix);
        }
    }
}
