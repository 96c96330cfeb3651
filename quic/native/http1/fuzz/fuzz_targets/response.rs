//! Any bytes as the head of a response.
#![no_main]

use bytes::Bytes;
use harmony_http1::Limits;
use harmony_http1::codec::{Framing, response};
use http::Method;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let bytes = Bytes::copy_from_slice(data);
    let Ok(Some((response, _))) = response(&bytes, &Method::GET, &Limits::default()) else {
        return;
    };
    let headers = &response.parts.headers;
    let count = |name| headers.get_all(name).iter().count();
    assert!(count("content-length") <= 1);
    assert!(count("content-length") == 0 || count("transfer-encoding") == 0);
    assert!(!response.keep_alive || response.framing != Framing::UntilClose);
});
