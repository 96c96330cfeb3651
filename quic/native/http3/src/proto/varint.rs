//! Variable-length integers, RFC 9000 section 16.

use bytes::{BufMut, BytesMut};

/// The largest value that can be written.
pub const MAX: u64 = (1 << 62) - 1;

/// The value at the start of `bytes` and the bytes it takes; none while it is incomplete.
pub fn decode(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let len = 1usize << (first >> 6);
    let rest = bytes.get(1..len)?;
    let value = rest.iter().fold(u64::from(first & 0x3f), |value, byte| {
        (value << 8) | u64::from(*byte)
    });
    Some((value, len))
}

/// How many bytes `encode` writes for `value`.
pub const fn len(value: u64) -> usize {
    match value {
        0..=0x3f => 1,
        0x40..=0x3fff => 2,
        0x4000..=0x3fff_ffff => 4,
        _ => 8,
    }
}

/// Appends `value`, which must not be above [`MAX`], in its shortest form.
pub fn encode(value: u64, out: &mut BytesMut) {
    match len(value) {
        1 => out.put_u8(value as u8),
        2 => out.put_u16(value as u16 | 0x4000),
        4 => out.put_u32(value as u32 | 0x8000_0000),
        _ => out.put_u64((value & MAX) | 0xc000_0000_0000_0000),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rfc9000_a1_sample_values_decode() {
        let samples: [(&[u8], u64); 5] = [
            (
                &[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c],
                151_288_809_941_952_652,
            ),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15293),
            (&[0x25], 37),
            (&[0x40, 0x25], 37),
        ];
        for (bytes, value) in samples {
            assert_eq!(decode(bytes), Some((value, bytes.len())));
            for cut in 0..bytes.len() {
                assert_eq!(decode(&bytes[..cut]), None);
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_itself(value in 0..=MAX, tail: Vec<u8>) {
            let mut out = BytesMut::new();
            encode(value, &mut out);
            let used = out.len();
            prop_assert_eq!(used, len(value));
            out.extend_from_slice(&tail);
            prop_assert_eq!(decode(&out), Some((value, used)));
        }

        #[test]
        fn any_bytes_decode_without_panic(bytes: Vec<u8>) {
            if let Some((value, used)) = decode(&bytes) {
                prop_assert!(value <= MAX && used <= bytes.len());
            }
        }
    }
}
