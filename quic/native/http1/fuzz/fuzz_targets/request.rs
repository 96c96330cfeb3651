//! Any bytes as the head of a request.
#![no_main]

use bytes::Bytes;
use harmony_http1::Limits;
use harmony_http1::codec::request;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let bytes = Bytes::copy_from_slice(data);
    let Ok(Some((request, length))) = request(&bytes, &Limits::default()) else {
        return;
    };
    let head = &data[..length];
    for (at, byte) in head.iter().enumerate() {
        match byte {
            b'\n' => assert_eq!(head[at - 1], b'\r'),
            b'\r' => assert_eq!(head[at + 1], b'\n'),
            0 => panic!("nul in a head"),
            _ => {}
        }
    }
    let headers = &request.parts.headers;
    let count = |name| headers.get_all(name).iter().count();
    assert!(count("content-length") + count("transfer-encoding") <= 1);
    assert!(count("host") <= 1);
    // The head ends where it was said to, and no earlier.
    assert_eq!(
        head.windows(4).position(|window| window == b"\r\n\r\n"),
        Some(length - 4)
    );
});
