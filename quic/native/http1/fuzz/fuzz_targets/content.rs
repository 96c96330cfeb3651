//! Any bytes as chunked content: at once and byte by byte must give the same.
#![no_main]

use bytes::BytesMut;
use harmony_http1::Limits;
use harmony_http1::codec::{Decoder, Framing, Piece};
use libfuzzer_sys::fuzz_target;

type Outcome = (Vec<u8>, Option<http::HeaderMap>, bool, usize);

fn decode<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Option<Outcome> {
    let mut decoder = Decoder::new(Framing::Chunked);
    let mut buf = BytesMut::new();
    let (mut content, mut trailers, mut complete) = (Vec::new(), None, false);
    for part in parts {
        buf.extend_from_slice(part);
        loop {
            match decoder.decode(&mut buf, &Limits::default()).ok()? {
                Piece::Data(data) => {
                    assert!(!data.is_empty());
                    content.extend_from_slice(&data);
                }
                Piece::Trailers(map) => trailers = Some(map),
                Piece::End => {
                    complete = true;
                    break;
                }
                Piece::More => break,
            }
        }
    }
    Some((content, trailers, complete, buf.len()))
}

fuzz_target!(|data: &[u8]| {
    let whole = decode(std::iter::once(data));
    let slow = decode(data.chunks(1));
    assert_eq!(whole, slow);
});
