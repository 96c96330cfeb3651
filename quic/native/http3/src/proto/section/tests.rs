#![allow(clippy::unwrap_used)]

use super::super::encode::Encoder;
use super::*;
use bytes::BytesMut;
use proptest::prelude::*;

const LIMITS: Limits = Limits {
    bytes: 1 << 20,
    fields: 100,
};

/// Name, value, and whether it is sensitive.
type Seen = (Vec<u8>, Vec<u8>, bool);

fn decode(payload: &[u8]) -> Result<Vec<Seen>, Fault> {
    let section = Section::decode(payload, LIMITS)?;
    Ok(section
        .fields()
        .map(|f| (f.name().to_vec(), f.value().to_vec(), f.line.sensitive))
        .collect())
}

fn refused(payload: &[u8]) {
    assert_eq!(
        decode(payload).unwrap_err().code,
        Code::QPACK_DECOMPRESSION_FAILED,
        "{payload:02x?}"
    );
}

#[test]
fn rfc9204_b1_literal_field_with_name_reference_decodes() {
    let payload = [
        0x00, 0x00, 0x51, 0x0b, 0x2f, 0x69, 0x6e, 0x64, 0x65, 0x78, 0x2e, 0x68, 0x74, 0x6d, 0x6c,
    ];
    assert_eq!(
        decode(&payload).unwrap(),
        [(b":path".to_vec(), b"/index.html".to_vec(), false)]
    );
}

#[test]
fn rfc9204_4_5_1_required_insert_count_must_be_zero() {
    refused(&[0x01, 0x00]);
    refused(&[0xff, 0x00, 0x00]);
}

#[test]
fn rfc9204_4_5_1_2_negative_base_is_refused() {
    refused(&[0x00, 0x80]);
    refused(&[0x00, 0x81, 0xd1]);
    assert_eq!(decode(&[0x00, 0x05, 0xd1]).unwrap().len(), 1);
}

#[test]
fn rfc9204_2_2_dynamic_references_are_refused() {
    refused(&[0x00, 0x00, 0x80]);
    refused(&[0x00, 0x00, 0x10]);
    refused(&[0x00, 0x00, 0x40, 0x01, b'a']);
    refused(&[0x00, 0x00, 0x00, 0x01, b'a']);
}

#[test]
fn rfc9204_3_1_index_outside_the_static_table_is_refused() {
    assert!(decode(&[0x00, 0x00, 0xff, 98 - 63]).is_ok());
    refused(&[0x00, 0x00, 0xff, 99 - 63]);
    refused(&[0x00, 0x00, 0x5f, 99 - 15, 0x00]);
}

#[test]
fn rfc9204_4_5_cut_sections_are_refused() {
    let payload = [
        0x00, 0x00, 0xd1, 0x51, 0x02, b'/', b'a', 0x23, b'a', b'b', b'c', 0x01, b'd',
    ];
    assert_eq!(decode(&payload).unwrap().len(), 3);
    for cut in [0, 1, 4, 5, 6, 8, 9, 10, 11, 12] {
        refused(&payload[..cut]);
    }
}

#[test]
fn rfc9204_4_1_2_bad_huffman_padding_is_refused() {
    refused(&[0x00, 0x00, 0x51, 0x81, 0b0001_1000]);
    refused(&[0x00, 0x00, 0x51, 0x82, 0b0001_1111, 0xff]);
    assert_eq!(
        decode(&[0x00, 0x00, 0x51, 0x81, 0b0001_1111]).unwrap()[0].1,
        b"a"
    );
}

#[test]
fn rfc9204_4_5_4_never_indexed_fields_are_marked() {
    let fields = decode(&[0x00, 0x00, 0x71, 0x01, b'a', 0x31, b'x', 0x01, b'b']).unwrap();
    assert!(fields[0].2 && fields[1].2);
}

#[test]
fn rfc9114_4_2_2_sections_over_the_limit_are_refused() {
    let mut payload = vec![0x00, 0x00];
    payload.extend([0xd1; 10]);
    let limits = |bytes, fields| Limits { bytes, fields };
    // ":method" and "GET" and 32.
    assert!(Section::decode(&payload, limits(420, 10)).is_ok());
    let bytes = Section::decode(&payload, limits(419, 10)).unwrap_err();
    let fields = Section::decode(&payload, limits(420, 9)).unwrap_err();
    for fault in [bytes, fields] {
        assert_eq!(fault.nature, super::super::fault::Nature::Section);
    }
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_itself(
        fields in proptest::collection::vec(
            (prop_oneof![
                "[a-z-]{1,12}", Just("content-type".to_owned()), Just(":path".to_owned()),
                Just("x-frame-options".to_owned()),
            ],
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..200), Just(b"deny".to_vec()), Just(b"/".to_vec()),
            ],
            any::<bool>()),
            0..20,
        ),
    ) {
        let mut out = BytesMut::new();
        let mut encoder = Encoder::new(&mut out);
        for (name, value, sensitive) in &fields {
            encoder.field(name, value, *sensitive);
        }
        let decoded = decode(&out).unwrap();
        prop_assert_eq!(decoded.len(), fields.len());
        for (got, sent) in decoded.iter().zip(&fields) {
            prop_assert_eq!(&got.0, sent.0.as_bytes());
            prop_assert_eq!(&got.1, &sent.1);
            prop_assert_eq!(got.2, sent.2);
        }
    }

    #[test]
    fn any_bytes_decode_without_panic(mut payload: Vec<u8>, prefixed: bool) {
        if prefixed && payload.len() > 1 {
            payload[..2].fill(0);
        }
        if let Ok(section) = Section::decode(&payload, LIMITS) {
            for field in section.fields() {
                let _ = (field.header_name(), field.header_value(), field.name().len(), field.value());
            }
        }
    }

    #[test]
    fn huffman_strings_decode_like_plain_ones(value: Vec<u8>) {
        let coded = huffman::tests::encode(&value);
        let mut payload = BytesMut::from(&[0, 0, 0x51][..]);
        integer::encode(coded.len() as u64, 7, 0x80, &mut payload);
        payload.extend_from_slice(&coded);
        prop_assert_eq!(&decode(&payload).unwrap()[0].1, &value);
    }
}
