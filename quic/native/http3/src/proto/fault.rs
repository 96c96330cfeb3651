//! Error codes, and what a broken rule ends: the stream or the connection.

use std::fmt;

/// RFC 9114 section 8.1 and RFC 9204 section 6.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code(pub u64);

impl Code {
    pub const NO_ERROR: Self = Self(0x100);
    pub const GENERAL_PROTOCOL_ERROR: Self = Self(0x101);
    pub const INTERNAL_ERROR: Self = Self(0x102);
    pub const STREAM_CREATION_ERROR: Self = Self(0x103);
    pub const CLOSED_CRITICAL_STREAM: Self = Self(0x104);
    pub const FRAME_UNEXPECTED: Self = Self(0x105);
    pub const FRAME_ERROR: Self = Self(0x106);
    pub const EXCESSIVE_LOAD: Self = Self(0x107);
    pub const ID_ERROR: Self = Self(0x108);
    pub const SETTINGS_ERROR: Self = Self(0x109);
    pub const MISSING_SETTINGS: Self = Self(0x10a);
    pub const REQUEST_REJECTED: Self = Self(0x10b);
    pub const REQUEST_CANCELLED: Self = Self(0x10c);
    pub const REQUEST_INCOMPLETE: Self = Self(0x10d);
    pub const MESSAGE_ERROR: Self = Self(0x10e);
    pub const CONNECT_ERROR: Self = Self(0x10f);
    pub const VERSION_FALLBACK: Self = Self(0x110);
    pub const QPACK_DECOMPRESSION_FAILED: Self = Self(0x200);
    pub const QPACK_ENCODER_STREAM_ERROR: Self = Self(0x201);
    pub const QPACK_DECODER_STREAM_ERROR: Self = Self(0x202);
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:x}", self.0)
    }
}

/// What must end because of a fault (RFC 9114 section 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Stream,
    Connection,
}

/// What sort of fault it is, for those who choose an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// The peer sent what the protocol forbids.
    Protocol,
    /// A message or a frame ended before its own end.
    Truncated,
    /// A field section over our limits (RFC 9114 section 4.2.2); 431 answers it.
    Section,
    /// A request target longer than can be kept; 414 answers it.
    Target,
}

/// A broken rule: where, which code, and in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub scope: Scope,
    pub nature: Nature,
    pub code: Code,
    pub detail: &'static str,
}

impl Fault {
    pub const fn connection(code: Code, detail: &'static str) -> Self {
        Self {
            scope: Scope::Connection,
            nature: Nature::Protocol,
            code,
            detail,
        }
    }

    pub const fn stream(code: Code, detail: &'static str) -> Self {
        Self {
            scope: Scope::Stream,
            nature: Nature::Protocol,
            code,
            detail,
        }
    }

    /// RFC 9114 section 4.1.2: a malformed message is a stream error.
    pub const fn malformed(detail: &'static str) -> Self {
        Self::stream(Code::MESSAGE_ERROR, detail)
    }

    pub const fn section(detail: &'static str) -> Self {
        Self {
            scope: Scope::Stream,
            nature: Nature::Section,
            code: Code::EXCESSIVE_LOAD,
            detail,
        }
    }

    pub const fn target(detail: &'static str) -> Self {
        Self {
            scope: Scope::Stream,
            nature: Nature::Target,
            code: Code::EXCESSIVE_LOAD,
            detail,
        }
    }

    pub const fn is_limit(&self) -> bool {
        matches!(self.nature, Nature::Section | Nature::Target)
    }

    pub const fn truncated(mut self) -> Self {
        self.nature = Nature::Truncated;
        self
    }
}
