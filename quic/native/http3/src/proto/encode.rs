//! Encoding field sections (RFC 9204 section 4.5) and the HEADERS frames around them. Literals
//! are plain and nothing refers to a dynamic table, so that the peer's QPACK streams stay idle.

use bytes::{BufMut, BytesMut};

use super::frame::kind;
use super::integer;
use super::table::{self, Found};

/// Appends the fields of one section.
#[derive(Debug)]
pub struct Encoder<'a> {
    out: &'a mut BytesMut,
}

impl<'a> Encoder<'a> {
    pub fn new(out: &'a mut BytesMut) -> Self {
        // RFC 9204 section 4.5.1: required insert count and base are zero.
        out.put_slice(&[0, 0]);
        Self { out }
    }

    /// `name` is in lower case. A sensitive field is marked never to be indexed (RFC 9204
    /// section 4.5.4), so that no later hop compresses it.
    pub fn field(&mut self, name: &str, value: &[u8], sensitive: bool) {
        let never = if sensitive { 0xff } else { 0 };
        match table::find(name, value) {
            Found::Field(index) if !sensitive => {
                integer::encode(u64::from(index), 6, 0xc0, self.out);
                return;
            }
            Found::Field(index) | Found::Name(index) => {
                integer::encode(u64::from(index), 4, 0x50 | (never & 0x20), self.out);
            }
            Found::Nothing => {
                integer::encode(name.len() as u64, 3, 0x20 | (never & 0x10), self.out);
                self.out.put_slice(name.as_bytes());
            }
        }
        integer::encode(value.len() as u64, 7, 0, self.out);
        self.out.put_slice(value);
    }
}

/// Appends a HEADERS frame whose section has the size `size` as RFC 9114 section 4.2.2 counts
/// it, which is never less than its encoded length.
pub fn headers(size: u64, out: &mut BytesMut, write: impl FnOnce(&mut Encoder<'_>)) {
    out.reserve(usize::try_from(size).unwrap_or(0).saturating_add(8));
    out.put_u8(kind::HEADERS as u8);
    // The length comes before what it counts: its form is chosen by the bound.
    let wide = size.saturating_add(2) > 0x3fff;
    let at = out.len();
    out.put_bytes(0, if wide { 4 } else { 2 });
    let start = out.len();
    write(&mut Encoder::new(out));
    let len = out.len() - start;
    if wide {
        out[at..start].copy_from_slice(&(len as u32 | 0x8000_0000).to_be_bytes());
    } else {
        out[at..start].copy_from_slice(&(len as u16 | 0x4000).to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::super::varint;
    use super::*;

    #[test]
    fn headers_frames_say_their_length_in_two_or_four_bytes() {
        for len in [0usize, 100, 16_000, 16_351, 16_400, 70_000] {
            let mut out = BytesMut::from(&b"before"[..]);
            let value = vec![b'v'; len];
            headers((len + 1 + 32) as u64, &mut out, |encoder| {
                encoder.field("x", &value, false);
            });
            let frame = &out[6..];
            assert_eq!(frame[0], 1);
            let (payload, used) = varint::decode(&frame[1..]).unwrap_or((0, 0));
            assert_eq!(frame.len() - 1 - used, payload as usize);
        }
    }
}
