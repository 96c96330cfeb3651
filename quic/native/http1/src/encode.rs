//! Heads, as they go on the wire.

use bytes::{BufMut, BytesMut};
use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRANSFER_ENCODING,
    UPGRADE,
};
use http::{Method, StatusCode};

/// The framing field of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Declared {
    Nothing,
    Length(u64),
    Chunked,
}

/// What `connection` says beside the options that other fields of the head ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Persistence {
    /// As the version has it.
    Default,
    Close,
    /// To an HTTP/1.0 client that asked for it.
    KeepAlive,
}

/// RFC 9112 section 4. The version is ours, whatever the client's (RFC 9110 section 2.5).
pub(crate) fn response(
    buf: &mut BytesMut,
    status: StatusCode,
    headers: &HeaderMap,
    declared: Declared,
    persistence: Persistence,
) {
    buf.reserve(96 + size(headers));
    if status == StatusCode::OK {
        buf.put_slice(b"HTTP/1.1 200 OK\r\n");
    } else {
        buf.put_slice(b"HTTP/1.1 ");
        buf.put_slice(status.as_str().as_bytes());
        buf.put_u8(b' ');
        buf.put_slice(status.canonical_reason().unwrap_or("").as_bytes());
        buf.put_slice(b"\r\n");
    }
    fields(buf, headers);
    ours(
        buf,
        declared,
        persistence,
        headers.contains_key(UPGRADE),
        false,
    );
}

/// RFC 9112 section 3. `target` was checked.
pub(crate) fn request(
    buf: &mut BytesMut,
    method: &Method,
    target: &[u8],
    headers: &HeaderMap,
    declared: Declared,
) {
    buf.reserve(96 + target.len() + size(headers));
    buf.put_slice(method.as_str().as_bytes());
    buf.put_u8(b' ');
    buf.put_slice(target);
    buf.put_slice(b" HTTP/1.1\r\n");
    // RFC 9110 section 7.2: Host comes first.
    for host in headers.get_all(HOST) {
        field(buf, &HOST, host);
    }
    for (name, value) in headers {
        if *name != HOST && !replaced(name) {
            field(buf, name, value);
        }
    }
    let upgrade = headers.contains_key(UPGRADE);
    // RFC 9110 section 10.1.4: TE is for the next hop alone.
    ours(
        buf,
        declared,
        Persistence::Default,
        upgrade,
        headers.contains_key(TE),
    );
}

/// The field lines of `headers` without those that this crate sets, and without the empty line.
pub(crate) fn fields(buf: &mut BytesMut, headers: &HeaderMap) {
    for (name, value) in headers {
        if !replaced(name) {
            field(buf, name, value);
        }
    }
}

fn field(buf: &mut BytesMut, name: &HeaderName, value: &HeaderValue) {
    buf.put_slice(name.as_str().as_bytes());
    buf.put_slice(b": ");
    buf.put_slice(value.as_bytes());
    buf.put_slice(b"\r\n");
}

fn replaced(name: &HeaderName) -> bool {
    *name == CONNECTION
        || *name == CONTENT_LENGTH
        || *name == TRANSFER_ENCODING
        || name.as_str() == "keep-alive"
        || name.as_str() == "proxy-connection"
}

fn ours(buf: &mut BytesMut, declared: Declared, persistence: Persistence, upgrade: bool, te: bool) {
    match declared {
        Declared::Nothing => {}
        Declared::Length(length) => {
            buf.put_slice(b"content-length: ");
            buf.put_slice(itoa::Buffer::new().format(length).as_bytes());
            buf.put_slice(b"\r\n");
        }
        Declared::Chunked => buf.put_slice(b"transfer-encoding: chunked\r\n"),
    }
    let persistence = match persistence {
        Persistence::Default => None,
        Persistence::Close => Some("close"),
        Persistence::KeepAlive => Some("keep-alive"),
    };
    let options = [
        persistence,
        upgrade.then_some("upgrade"),
        te.then_some("te"),
    ];
    let mut separator = "connection: ";
    for option in options.into_iter().flatten() {
        buf.put_slice(separator.as_bytes());
        buf.put_slice(option.as_bytes());
        separator = ", ";
    }
    if separator == ", " {
        buf.put_slice(b"\r\n");
    }
    buf.put_slice(b"\r\n");
}

fn size(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum()
}
