//! The content of a message out of its framing (RFC 9112 sections 6 and 7), without I/O.

use bytes::{Buf, Bytes, BytesMut};
use harmony_stream::{Kind, StreamError};
use http::HeaderMap;
use memchr::memchr;

use crate::Limits;
use crate::field::{Coding, ContentLength, Fields};
use crate::scan::Scan;

/// How the end of a message is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    Empty,
    Length(u64),
    Chunked,
    /// Ends with the connection; responses only.
    UntilClose,
    /// No message any more: the bytes of a tunnel.
    Tunnel,
}

/// What a decoder made of the bytes so far.
#[derive(Debug)]
pub enum Piece {
    /// Content, not empty.
    Data(Bytes),
    Trailers(HeaderMap),
    /// The message is complete.
    End,
    /// Nothing without more bytes.
    More,
}

#[derive(Debug)]
enum State {
    Done,
    Length(u64),
    UntilEnd,
    Size,
    Data(u64),
    DataEnd,
    Trailers(Scan),
}

#[derive(Debug)]
pub struct Decoder {
    state: State,
    /// Bytes of chunk extensions so far: a sender of one-byte chunks with long extensions makes
    /// a recipient work for nothing (CVE-2023-39326 and kin).
    extensions: usize,
}

fn malformed(detail: &'static str) -> StreamError {
    StreamError::new(Kind::Protocol, detail)
}

impl Decoder {
    pub fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::Empty | Framing::Length(0) => State::Done,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Size,
            Framing::UntilClose | Framing::Tunnel => State::UntilEnd,
        };
        Self {
            state,
            extensions: 0,
        }
    }

    /// The message is complete, trailers included.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Content still to come, when the framing declared it.
    pub fn remaining(&self) -> Option<u64> {
        match self.state {
            State::Done => Some(0),
            State::Length(length) => Some(length),
            _ => None,
        }
    }

    /// Content bytes that surely follow, as a hint for the size of a read.
    pub(crate) fn expected(&self) -> u64 {
        match self.state {
            State::Length(length) | State::Data(length) => length,
            _ => 0,
        }
    }

    /// Takes the next piece out of `buf`. Nothing may be decoded after an error.
    pub fn decode(&mut self, buf: &mut BytesMut, limits: &Limits) -> Result<Piece, StreamError> {
        loop {
            match &mut self.state {
                State::Done => return Ok(Piece::End),
                State::Length(left) => {
                    let Some(data) = take(buf, left) else {
                        return Ok(Piece::More);
                    };
                    if *left == 0 {
                        self.state = State::Done;
                    }
                    return Ok(Piece::Data(data));
                }
                State::UntilEnd if buf.is_empty() => return Ok(Piece::More),
                State::UntilEnd => return Ok(Piece::Data(buf.split().freeze())),
                State::Data(left) => {
                    let Some(data) = take(buf, left) else {
                        return Ok(Piece::More);
                    };
                    if *left == 0 {
                        self.state = State::DataEnd;
                        // Look ahead, so that the end is known with the last content. What is
                        // wrong there is found again by the next call.
                        let _ = self.settle(buf, limits);
                    }
                    return Ok(Piece::Data(data));
                }
                State::Size | State::DataEnd => {
                    if !self.settle(buf, limits)? {
                        return Ok(Piece::More);
                    }
                }
                State::Trailers(scan) => {
                    let found = scan
                        .find(buf)
                        .map_err(|_| malformed("line of the trailer section ends in a bare lf"))?;
                    if found.unwrap_or(buf.len()) > limits.max_head_bytes {
                        return Err(StreamError::new(Kind::Limit, "trailer section is too long"));
                    }
                    let Some(end) = found else {
                        return Ok(Piece::More);
                    };
                    let map = trailers(buf.split_to(end).freeze(), limits)?;
                    self.state = State::Done;
                    return Ok(if map.is_empty() {
                        Piece::End
                    } else {
                        Piece::Trailers(map)
                    });
                }
            }
        }
    }

    /// What the connection's end means here: `false` if it cut the message.
    pub fn end(&mut self) -> bool {
        if matches!(self.state, State::UntilEnd) {
            self.state = State::Done;
        }
        self.is_done()
    }

    /// Moves over framing as far as the bytes go; `false` if they did not suffice.
    fn settle(&mut self, buf: &mut BytesMut, limits: &Limits) -> Result<bool, StreamError> {
        if matches!(self.state, State::DataEnd) {
            match buf[..] {
                [b'\r', b'\n', ..] => {}
                [] | [b'\r'] => return Ok(false),
                _ => return Err(malformed("chunk is longer than its size")),
            }
            buf.advance(2);
            self.state = State::Size;
        }
        if matches!(self.state, State::Size) {
            let Some(line) = memchr(b'\n', buf) else {
                if buf.len() > limits.max_chunk_head {
                    return Err(StreamError::new(Kind::Limit, "chunk head is too long"));
                }
                // Enough to refuse what is no chunk, rather than to wait for its line's end.
                size_digits(buf)?;
                return Ok(false);
            };
            if line > limits.max_chunk_head {
                return Err(StreamError::new(Kind::Limit, "chunk head is too long"));
            }
            let (size, extensions) = chunk_head(&buf[..line])?;
            if self.extensions + extensions > limits.max_head_bytes {
                return Err(StreamError::new(
                    Kind::Limit,
                    "chunk extensions are too long",
                ));
            }
            self.extensions += extensions;
            buf.advance(line + 1);
            if size > 0 {
                self.state = State::Data(size);
                return Ok(true);
            }
            self.state = State::Trailers(Scan::default());
        }
        if matches!(self.state, State::Trailers(_)) && buf.starts_with(b"\r\n") {
            buf.advance(2);
            self.state = State::Done;
        }
        Ok(true)
    }
}

fn take(buf: &mut BytesMut, left: &mut u64) -> Option<Bytes> {
    if buf.is_empty() {
        return None;
    }
    let length = usize::try_from(*left).unwrap_or(usize::MAX).min(buf.len());
    *left -= length as u64;
    let data = if length == buf.len() {
        buf.split()
    } else {
        buf.split_to(length)
    };
    Some(data.freeze())
}

/// RFC 9112 section 7.1: `1*HEXDIG [ chunk-ext ]` before CRLF; `line` ends before the LF. Gives
/// the size and the length of the extensions. Whitespace before an extension is "bad" there and
/// refused here.
fn chunk_head(line: &[u8]) -> Result<(u64, usize), StreamError> {
    let Some(line) = line.strip_suffix(b"\r") else {
        return Err(malformed("chunk head ends in a bare lf"));
    };
    let digits = size_digits(line)?;
    let (digits, extensions) = line.split_at(digits);
    if digits.is_empty() {
        return Err(malformed("chunk without a size"));
    }
    if extensions
        .iter()
        .any(|byte| matches!(byte, 0..=8 | 10..=31 | 127))
    {
        return Err(malformed("invalid byte in a chunk extension"));
    }
    let size = digits
        .iter()
        .fold(0, |size, digit| size << 4 | u64::from(value(*digit)));
    Ok((size, extensions.len()))
}

/// The number of digits a chunk head begins with, when what follows them may do so.
fn size_digits(line: &[u8]) -> Result<usize, StreamError> {
    let digits = line
        .iter()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    // Sixteen digits always fit into 64 bits.
    if digits > 16 {
        return Err(malformed("chunk size has too many digits"));
    }
    match line.get(digits) {
        None => Ok(digits),
        Some(b';' | b'\r') if digits > 0 => Ok(digits),
        Some(_) => Err(malformed("invalid chunk size")),
    }
}

fn value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

/// RFC 9110 section 6.5.1: fields that say how a message is framed or routed have no place in
/// trailers; a sender who puts them there tests who merges them.
fn trailers(section: Bytes, limits: &Limits) -> Result<HeaderMap, StreamError> {
    let fields =
        Fields::parse(&section, limits.max_fields).map_err(|error| malformed(error.detail()))?;
    if fields.length != ContentLength::Absent || fields.coding != Coding::Absent || fields.hosts > 0
    {
        return Err(malformed("forbidden field in the trailer section"));
    }
    Ok(fields.map)
}
