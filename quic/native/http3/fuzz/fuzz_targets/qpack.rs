//! Field sections: any bytes decode within the limits or are refused; what decodes is encoded
//! and decoded to the same fields. QPACK streams and Huffman strings: any bytes.
#![no_main]

use bytes::BytesMut;
use harmony_http3::proto::encode::Encoder;
use harmony_http3::proto::section::{Limits, Section};
use harmony_http3::proto::{huffman, instruction};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits {
    bytes: 16 * 1024,
    fields: 100,
};

fn fields(payload: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let section = Section::decode(payload, LIMITS).ok()?;
    Some(
        section
            .fields()
            .map(|field| (field.name().to_vec(), field.value().to_vec()))
            .collect(),
    )
}

fuzz_target!(|bytes: &[u8]| {
    let mut plain = Vec::new();
    huffman::decode(bytes, &mut plain);
    assert!(plain.len() <= bytes.len() * 8 / 5);
    let _ = instruction::encoder(bytes);
    let _ = instruction::Decoder::default().read(bytes);

    let Some(decoded) = fields(bytes) else {
        return;
    };
    assert!(decoded.len() <= LIMITS.fields);
    let names: Option<Vec<&str>> = decoded
        .iter()
        .map(|(name, _)| std::str::from_utf8(name).ok())
        .collect();
    if let Some(names) = names {
        let mut out = BytesMut::new();
        let mut encoder = Encoder::new(&mut out);
        for (name, (_, value)) in names.iter().zip(&decoded) {
            encoder.field(name, value, false);
        }
        assert_eq!(fields(&out), Some(decoded));
    }
});
