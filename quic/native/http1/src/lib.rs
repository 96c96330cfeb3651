//! HTTP/1.1 (RFC 9112) as server and as client, strict in what it takes and exact in what it
//! sends. A connection spawns no task and owns no channel: the task that runs an exchange drives
//! the bytes itself, through the two traits of `harmony_stream`.
//!
//! Framing belongs to this crate: `connection`, `keep-alive`, `proxy-connection`,
//! `content-length` and `transfer-encoding` of an outgoing head are replaced by what the
//! connection really does. All other fields, `date`, `host`, `upgrade` and `trailer` among them,
//! belong to the caller.

pub mod client;
pub mod codec;
pub mod server;

mod decode;
mod encode;
mod field;
mod host;
mod input;
mod link;
mod output;
mod request;
mod response;
mod scan;
mod transport;

use std::time::Duration;

pub use transport::{Hooked, Io};

/// Bounds on what a peer may make a connection hold or do. Sizes in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A head from its first byte through its empty line; the trailer section, and all chunk
    /// extensions of one message together, have the same bound.
    pub max_head_bytes: usize,
    /// Field lines of a head, and of a trailer section.
    pub max_fields: usize,
    /// The request-target.
    pub max_target_bytes: usize,
    /// One chunk-size line with its extensions.
    pub max_chunk_head: usize,
    /// Written bytes that wait inside, beside the one piece that does.
    pub max_write_buffer: usize,
    /// Content that is discarded after `Receive::stop` in the hope of using the connection again.
    pub max_drain_bytes: usize,
    /// How long a closing server waits for the peer to read the answer and close, so that a TCP
    /// reset does not take the answer from it (RFC 9112 section 9.6).
    pub linger: Duration,
    /// Content that such a closing server discards. Large, since a client may write all that it
    /// has before it reads; `linger` is what bounds it in practice.
    pub max_linger_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_head_bytes: 64 << 10,
            max_fields: 200,
            max_target_bytes: 16 << 10,
            max_chunk_head: 4 << 10,
            max_write_buffer: 64 << 10,
            max_drain_bytes: 64 << 10,
            linger: Duration::from_secs(2),
            max_linger_bytes: 256 << 20,
        }
    }
}

/// What is known about the content of an outgoing message when its head leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// No content.
    Empty,
    /// Exactly this many bytes; sent as content-length.
    Length(u64),
    /// Sent chunked, or delimited by the connection's end to an HTTP/1.0 client.
    Unknown,
}
