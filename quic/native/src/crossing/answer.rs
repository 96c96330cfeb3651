//! Answers from JavaScript, decoded in the task of their exchange. What is not well formed is
//! `None`: the exchange ends with `internal/answer`.

use bytes::Bytes;
use harmony_stream::Reason;
use http::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode};

use crate::message;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Respond,
    Forward,
    Collect,
    Reset,
    Chunk,
    End,
    Fail,
    Pass,
    Inform,
}

impl Kind {
    pub fn from(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Respond,
            2 => Self::Forward,
            3 => Self::Collect,
            4 => Self::Reset,
            5 => Self::Chunk,
            6 => Self::End,
            7 => Self::Fail,
            8 => Self::Pass,
            9 => Self::Inform,
            _ => return None,
        })
    }
}

#[derive(Debug)]
pub enum Answer {
    Respond {
        status: StatusCode,
        headers: HeaderMap,
        body: Content,
    },
    Forward(Box<Forward>),
    Collect {
        max_bytes: u64,
    },
    Reset(Reason),
    Pass {
        status: Option<StatusCode>,
        edits: Vec<Edit>,
    },
    Inform {
        status: StatusCode,
        headers: HeaderMap,
    },
}

#[derive(Debug)]
pub enum Content {
    None,
    Bytes(Bytes),
    Stream,
}

#[derive(Debug)]
pub struct Forward {
    pub upstream: u32,
    pub on_response: bool,
    pub on_failure: bool,
    pub body: Option<Bytes>,
    pub method: Option<Method>,
    pub target: Option<Bytes>,
    pub authority: Option<String>,
    /// Content of the client's beyond this many bytes is refused.
    pub max_body: Option<u64>,
    pub edits: Vec<Edit>,
    /// For the head of the upstream's final response, after JavaScript's word on it.
    pub response_edits: Vec<Edit>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    Clear,
    Remove(HeaderName),
    Set(HeaderName, HeaderValue),
    Append(HeaderName, HeaderValue),
}

/// Applies edits in their order.
pub fn apply(headers: &mut HeaderMap, edits: impl IntoIterator<Item = Edit>) {
    for edit in edits {
        match edit {
            Edit::Clear => headers.clear(),
            Edit::Remove(name) => {
                headers.remove(name);
            }
            Edit::Set(name, value) => {
                headers.insert(name, value);
            }
            Edit::Append(name, value) => {
                headers.append(name, value);
            }
        }
    }
}

/// Splits the first message off a batch: kind, id, content, rest.
pub fn split(batch: &[u8]) -> Option<(u8, u64, &[u8], &[u8])> {
    let (length, rest) = batch.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    if length < 9 || rest.len() < length {
        return None;
    }
    let (message, rest) = rest.split_at(length);
    let (kind, message) = message.split_first()?;
    let (id, content) = message.split_first_chunk::<8>()?;
    let id = f64::from_le_bytes(*id);
    // An id that is no whole positive number is no exchange's: 0 is never given out.
    let id = if (1.0..9e15).contains(&id) {
        id as u64
    } else {
        0
    };
    Some((*kind, id, content, rest))
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn chunk<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn u8(&mut self) -> Option<u8> {
        self.chunk::<1>().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Option<u16> {
        self.chunk().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.chunk().map(u32::from_le_bytes)
    }

    fn f64(&mut self) -> Option<f64> {
        self.chunk().map(f64::from_le_bytes)
    }

    /// A number of bytes, as far as JavaScript counts exactly.
    fn size(&mut self) -> Option<u64> {
        const MAX: f64 = 9_007_199_254_740_991.0;
        let size = self.f64()?;
        (0.0..=MAX).contains(&size).then_some(size as u64)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.u32()? as usize;
        if length > self.0.len() {
            return None;
        }
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(bytes)
    }

    fn fields(&mut self) -> Option<HeaderMap> {
        let count = self.u32()? as usize;
        // Each field takes eight bytes at least, so a count cannot make us reserve too much.
        if count > self.0.len() / 8 {
            return None;
        }
        let mut headers = HeaderMap::try_with_capacity(count).ok()?;
        for _ in 0..count {
            let name = HeaderName::from_bytes(self.bytes()?).ok()?;
            let value = HeaderValue::from_bytes(self.bytes()?).ok()?;
            headers.try_append(name, value).ok()?;
        }
        Some(headers)
    }

    fn edits(&mut self) -> Option<Vec<Edit>> {
        let count = self.u32()? as usize;
        if count > self.0.len() / 9 {
            return None;
        }
        let mut edits = Vec::with_capacity(count);
        for _ in 0..count {
            let op = self.u8()?;
            let name = self.bytes()?;
            let value = self.bytes()?;
            edits.push(match op {
                0 => Edit::Clear,
                1 => Edit::Remove(HeaderName::from_bytes(name).ok()?),
                2 => Edit::Set(
                    HeaderName::from_bytes(name).ok()?,
                    HeaderValue::from_bytes(value).ok()?,
                ),
                3 => Edit::Append(
                    HeaderName::from_bytes(name).ok()?,
                    HeaderValue::from_bytes(value).ok()?,
                ),
                _ => return None,
            });
        }
        Some(edits)
    }

    /// Edits that are applied without another look, so that none may touch what is the engine's.
    fn response_edits(&mut self) -> Option<Vec<Edit>> {
        let mut edits = self.edits()?;
        let allowed = |edit: &Edit| match edit {
            Edit::Clear => false,
            Edit::Remove(_) => true,
            Edit::Set(name, _) | Edit::Append(name, _) => !matches!(*name, HOST | CONTENT_LENGTH),
        };
        if !edits.iter().all(allowed) {
            return None;
        }
        edits.retain(|edit| match edit {
            Edit::Clear => false,
            Edit::Remove(name) | Edit::Set(name, _) | Edit::Append(name, _) => {
                !message::is_framing(name)
            }
        });
        Some(edits)
    }

    fn end<T>(self, value: T) -> Option<T> {
        self.0.is_empty().then_some(value)
    }
}

fn final_status(code: u16) -> Option<StatusCode> {
    StatusCode::from_u16(code)
        .ok()
        .filter(|status| !status.is_informational())
}

/// Decodes any answer that is not a piece of a stream.
pub fn decode(kind: Kind, content: &Bytes) -> Option<Answer> {
    let mut reader = Reader(content);
    match kind {
        Kind::Respond => {
            let status = final_status(reader.u16()?)?;
            let headers = reader.fields()?;
            let body = match reader.u8()? {
                0 => Content::None,
                1 => Content::Bytes(content.slice_ref(reader.bytes()?)),
                2 => Content::Stream,
                _ => return None,
            };
            reader.end(Answer::Respond {
                status,
                headers,
                body,
            })
        }
        Kind::Forward => {
            let upstream = reader.u32()?;
            let flags = reader.u8()?;
            let body = match flags & 4 {
                0 => None,
                _ => Some(content.slice_ref(reader.bytes()?)),
            };
            let method = match flags & 8 {
                0 => None,
                _ => Some(Method::from_bytes(reader.bytes()?).ok()?),
            };
            let target = match flags & 16 {
                0 => None,
                _ => Some(content.slice_ref(reader.bytes()?)),
            };
            let authority = match flags & 32 {
                0 => None,
                _ => Some(std::str::from_utf8(reader.bytes()?).ok()?.to_owned()),
            };
            let max_body = match flags & 64 {
                0 => None,
                _ => Some(reader.size()?),
            };
            let edits = reader.edits()?;
            let response_edits = match flags & 128 {
                0 => Vec::new(),
                _ => reader.response_edits()?,
            };
            reader.end(Answer::Forward(Box::new(Forward {
                upstream,
                on_response: flags & 1 != 0,
                on_failure: flags & 2 != 0,
                body,
                method,
                target,
                authority,
                max_body,
                edits,
                response_edits,
            })))
        }
        Kind::Collect => {
            let max_bytes = reader.size()?;
            reader.end(Answer::Collect { max_bytes })
        }
        Kind::Reset => {
            let reason = match reader.u8()? {
                0 => Reason::NoError,
                1 => Reason::Cancel,
                2 => Reason::Internal,
                3 => Reason::Refused,
                4 => Reason::Malformed,
                5 => Reason::ExcessiveLoad,
                6 => Reason::Connect,
                _ => return None,
            };
            reader.end(Answer::Reset(reason))
        }
        Kind::Pass => {
            let status = match reader.u16()? {
                0 => None,
                code => Some(final_status(code)?),
            };
            let edits = reader.edits()?;
            reader.end(Answer::Pass { status, edits })
        }
        Kind::Inform => inform(content),
        Kind::Chunk | Kind::End | Kind::Fail => None,
    }
}

pub fn inform(content: &Bytes) -> Option<Answer> {
    let mut reader = Reader(content);
    let status = StatusCode::from_u16(reader.u16()?).ok()?;
    // 101 is an upgrade's, and not for JavaScript to say.
    if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
        return None;
    }
    let headers = reader.fields()?;
    reader.end(Answer::Inform { status, headers })
}

pub fn chunk(content: &[u8]) -> Option<Bytes> {
    let mut reader = Reader(content);
    let data = reader.bytes()?;
    reader.end(Bytes::copy_from_slice(data))
}

pub fn trailers(content: &[u8]) -> Option<HeaderMap> {
    let mut reader = Reader(content);
    let trailers = reader.fields()?;
    reader.end(trailers)
}
