//! Heads: any section becomes a head or is refused; a head that was read can be sent, and is
//! read again as it was.
#![no_main]

use bytes::BytesMut;
use harmony_http3::proto::section::Limits;
use harmony_http3::proto::{compose, head, varint};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits {
    bytes: 64 * 1024,
    fields: 200,
};

/// The payload of a HEADERS frame.
fn payload(frame: &BytesMut) -> &[u8] {
    let (len, used) = varint::decode(&frame[1..]).expect("a frame that was written is whole");
    &frame[1 + used..1 + used + len as usize]
}

fuzz_target!(|bytes: &[u8]| {
    let _ = head::trailers(bytes, LIMITS);
    let mut out = BytesMut::new();
    if let Ok((parts, content)) = head::request(bytes, LIMITS, true) {
        compose::request(&parts, u64::MAX, &mut out).expect("what was read can be sent");
        let (again, same) = head::request(payload(&out), LIMITS, true).expect("and read");
        assert_eq!(
            (&again.method, &again.uri, same),
            (&parts.method, &parts.uri, content)
        );
    }
    out.clear();
    if let Ok((parts, _)) = head::response(bytes, LIMITS) {
        compose::response(parts.status, &parts.headers, false, u64::MAX, &mut out)
            .expect("what was read can be sent");
        let (again, _) = head::response(payload(&out), LIMITS).expect("and read");
        assert_eq!(again.status, parts.status);
    }
});
