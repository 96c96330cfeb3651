//! Messages from the engine: length-prefixed fields, no separators, every byte survives.

use std::net::SocketAddr;

use http::HeaderMap;

pub const HEAD: u8 = 1;
pub const COLLECTED: u8 = 2;
pub const RESPONSE: u8 = 3;
pub const FAILURE: u8 = 4;
pub const WANT: u8 = 5;
pub const GONE: u8 = 6;
pub const RECORD: u8 = 7;
pub const EVENT: u8 = 8;

pub fn is_head(message: &[u8]) -> bool {
    message.get(4) == Some(&HEAD)
}

/// Appends to a buffer, in the format's terms. Lengths are bounded far below 4 GiB by the limits
/// on heads and collected bodies; what would not fit is cut, never wrapped.
pub struct Writer<'a>(&'a mut Vec<u8>);

impl Writer<'_> {
    pub fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub fn u16(&mut self, value: u16) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub fn f64(&mut self, value: f64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub fn bytes(&mut self, value: &[u8]) {
        let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
        self.u32(length);
        self.0.extend_from_slice(&value[..length as usize]);
    }

    pub fn fields(&mut self, headers: &HeaderMap) {
        self.u32(u32::try_from(headers.len()).unwrap_or(0));
        for (name, value) in headers {
            self.bytes(name.as_str().as_bytes());
            self.bytes(value.as_bytes());
        }
    }

    pub fn length(&mut self, length: Option<u64>) {
        self.f64(length.map_or(-1.0, |length| length as f64));
    }

    pub fn address(&mut self, address: SocketAddr) {
        use std::io::Write;
        let at = self.0.len();
        self.u32(0);
        // Writing to a Vec does not fail.
        let _ = write!(self.0, "{}", address.ip().to_canonical());
        let length = u32::try_from(self.0.len() - at - 4).unwrap_or(0);
        self.0[at..at + 4].copy_from_slice(&length.to_le_bytes());
        self.u16(address.port());
    }
}

/// Appends one message; `content` writes what follows the id.
pub fn message(out: &mut Vec<u8>, kind: u8, id: u64, content: impl FnOnce(&mut Writer<'_>)) {
    let at = out.len();
    let mut writer = Writer(out);
    writer.u32(0);
    writer.u8(kind);
    writer.f64(id as f64);
    content(&mut writer);
    let length = u32::try_from(out.len() - at - 4).unwrap_or(0);
    out[at..at + 4].copy_from_slice(&length.to_le_bytes());
}

/// Everything that a head message holds.
pub struct Head<'a> {
    pub connection: u64,
    pub listener: u32,
    pub protocol: u8,
    pub tls: bool,
    pub may_have_body: bool,
    pub expects_continue: bool,
    pub content_length: Option<u64>,
    pub method: &'a str,
    pub scheme: &'a str,
    pub authority: &'a str,
    pub target: &'a str,
    pub upgrade: &'a str,
    pub remote: SocketAddr,
    pub local: SocketAddr,
    pub server_name: &'a str,
    pub client_certificate: &'a [u8],
    pub headers: &'a HeaderMap,
}

pub fn head(out: &mut Vec<u8>, id: u64, head: &Head<'_>) {
    message(out, HEAD, id, |writer| {
        writer.f64(head.connection as f64);
        writer.u32(head.listener);
        writer.u8(head.protocol);
        writer.u8(u8::from(head.tls)
            | u8::from(head.may_have_body) << 1
            | u8::from(head.expects_continue) << 2);
        writer.length(head.content_length);
        writer.bytes(head.method.as_bytes());
        writer.bytes(head.scheme.as_bytes());
        writer.bytes(head.authority.as_bytes());
        writer.bytes(head.target.as_bytes());
        writer.bytes(head.upgrade.as_bytes());
        writer.address(head.remote);
        writer.address(head.local);
        writer.bytes(head.server_name.as_bytes());
        writer.bytes(head.client_certificate);
        writer.fields(head.headers);
    });
}

pub fn collected(out: &mut Vec<u8>, id: u64, body: &[u8], trailers: &HeaderMap) {
    message(out, COLLECTED, id, |writer| {
        writer.bytes(body);
        writer.fields(trailers);
    });
}

pub fn response(
    out: &mut Vec<u8>,
    id: u64,
    status: u16,
    protocol: u8,
    length: Option<u64>,
    headers: &HeaderMap,
) {
    message(out, RESPONSE, id, |writer| {
        writer.u16(status);
        writer.u8(protocol);
        writer.length(length);
        writer.fields(headers);
    });
}

pub fn failure(
    out: &mut Vec<u8>,
    id: u64,
    fault: &crate::fault::Fault,
    replayable: bool,
    upstream: u32,
) {
    message(out, FAILURE, id, |writer| {
        writer.bytes(fault.code.code.as_bytes());
        writer.bytes(fault.detail.as_bytes());
        writer.length(fault.wire);
        writer.u8(u8::from(replayable));
        writer.u32(upstream);
    });
}

pub fn want(out: &mut Vec<u8>, id: u64, bytes: u32) {
    message(out, WANT, id, |writer| writer.u32(bytes));
}

pub fn gone(out: &mut Vec<u8>, id: u64, code: &str) {
    message(out, GONE, id, |writer| writer.bytes(code.as_bytes()));
}

pub fn event(out: &mut Vec<u8>, json: &[u8]) {
    message(out, EVENT, 0, |writer| writer.bytes(json));
}
