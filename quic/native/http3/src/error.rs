//! How connections and streams end, in the words of those who use them.

use std::borrow::Cow;
use std::fmt;

use harmony_stream::{Kind, Reason, StreamError};
use quinn::VarInt;

use crate::proto::fault::{Code, Fault, Nature};

/// Who ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// We did, because of a fault of the peer or because we were done.
    Local,
    /// The peer's HTTP/3 did.
    Peer,
    /// QUIC did: a transport error, or a peer that forgot the connection.
    Transport,
    /// Nothing came for the idle time.
    TimedOut,
}

/// The end of a connection.
#[derive(Clone, Debug)]
pub struct ConnectionError {
    pub cause: Cause,
    /// RFC 9114 section 8.1 for [`Cause::Local`] and [`Cause::Peer`], RFC 9000 section 20.1 for
    /// [`Cause::Transport`].
    pub code: Option<u64>,
    pub detail: Cow<'static, str>,
}

impl ConnectionError {
    pub(crate) fn local(code: Code, detail: &'static str) -> Self {
        Self {
            cause: Cause::Local,
            code: Some(code.0),
            detail: Cow::Borrowed(detail),
        }
    }

    /// True when nobody found fault with the other. A connection that was dropped closes with
    /// code 0; RFC 9114 section 8: an unknown code means H3_NO_ERROR, and 0 is none of ours.
    pub fn is_clean(&self) -> bool {
        match self.cause {
            Cause::Local | Cause::Peer => self
                .code
                .is_none_or(|code| code == 0 || code == Code::NO_ERROR.0),
            Cause::Transport => self.code == Some(0),
            Cause::TimedOut => false,
        }
    }

    pub(crate) fn stream(&self) -> StreamError {
        StreamError {
            kind: match (self.cause, self.code) {
                (Cause::Transport, Some(code)) if is_denial(code) => Kind::Denied,
                _ => Kind::Closed,
            },
            code: self.code,
            detail: self.detail.clone(),
        }
    }
}

/// RFC 9001 4.8: a TLS alert is 0x100 and its number. Those that say that a certificate, or its
/// absence, is not accepted (RFC 8446 6.2).
fn is_denial(code: u64) -> bool {
    matches!(code.checked_sub(0x100), Some(41..=46 | 48 | 49 | 116))
}

impl From<quinn::ConnectionError> for ConnectionError {
    fn from(error: quinn::ConnectionError) -> Self {
        use quinn::ConnectionError as Quic;
        let (cause, code) = match &error {
            Quic::ApplicationClosed(close) => (Cause::Peer, Some(close.error_code.into_inner())),
            Quic::ConnectionClosed(close) => (Cause::Transport, Some(close.error_code.into())),
            Quic::TransportError(error) => (Cause::Transport, Some(error.code.into())),
            Quic::LocallyClosed => (Cause::Local, None),
            Quic::TimedOut => (Cause::TimedOut, None),
            Quic::VersionMismatch | Quic::Reset | Quic::CidsExhausted => (Cause::Transport, None),
        };
        Self {
            cause,
            code,
            detail: Cow::Owned(error.to_string()),
        }
    }
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)?;
        match self.code {
            Some(code) => write!(f, " (code 0x{code:x})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConnectionError {}

impl From<Fault> for StreamError {
    fn from(fault: Fault) -> Self {
        let kind = match fault.nature {
            Nature::Protocol => Kind::Protocol,
            Nature::Truncated => Kind::Truncated,
            Nature::Section | Nature::Target => Kind::Limit,
        };
        Self::with_code(kind, fault.code.0, fault.detail)
    }
}

/// The code on the wire for one of ours.
pub(crate) fn wire(code: Code) -> VarInt {
    VarInt::from_u64(code.0).unwrap_or(VarInt::MAX)
}

pub(crate) fn code(reason: Reason) -> Code {
    match reason {
        Reason::NoError => Code::NO_ERROR,
        Reason::Cancel => Code::REQUEST_CANCELLED,
        Reason::Internal => Code::INTERNAL_ERROR,
        Reason::Refused => Code::REQUEST_REJECTED,
        Reason::Malformed => Code::MESSAGE_ERROR,
        Reason::ExcessiveLoad => Code::EXCESSIVE_LOAD,
        Reason::Connect => Code::CONNECT_ERROR,
    }
}
