//! Field lines (RFC 9112 section 5) into a `HeaderMap`, and what they say about framing.

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING,
};
use httparse::{EMPTY_HEADER, Header, Status};

/// Most heads have no more lines than this; they are parsed without touching the heap.
const FEW: usize = 32;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ContentLength {
    #[default]
    Absent,
    Value(u64),
    /// Not one row of digits, or there more than once.
    Invalid,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Coding {
    #[default]
    Absent,
    /// Exactly one `chunked`.
    Chunked,
    /// Codings that we do not have, then `chunked`.
    Unsupported,
    Invalid,
}

#[derive(Debug, Default)]
pub(crate) struct Fields {
    pub(crate) map: HeaderMap,
    pub(crate) length: ContentLength,
    pub(crate) coding: Coding,
    /// Number of Host fields.
    pub(crate) hosts: usize,
    /// Connection options.
    pub(crate) close: bool,
    pub(crate) keep_alive: bool,
    /// `expect: 100-continue`.
    pub(crate) expects: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FieldError {
    TooMany,
    Name,
    Value,
    Syntax,
}

impl FieldError {
    pub(crate) fn detail(&self) -> &'static str {
        match self {
            Self::TooMany => "too many fields",
            Self::Name => "invalid field name",
            Self::Value => "invalid byte in a field value",
            Self::Syntax => "invalid field line",
        }
    }
}

impl Fields {
    /// `section` is the field lines with the empty line after them. Its lines end in CRLF: `Scan`
    /// saw to that. Values are slices of it, not copies.
    pub(crate) fn parse(section: &Bytes, max: usize) -> Result<Self, FieldError> {
        let mut few = [EMPTY_HEADER; FEW];
        match httparse::parse_headers(section, &mut few[..max.min(FEW)]) {
            Ok(status) => return Self::collect(section, status),
            Err(httparse::Error::TooManyHeaders) if max > FEW => {}
            Err(error) => return Err(error.into()),
        }
        let mut many = vec![EMPTY_HEADER; max];
        let status = httparse::parse_headers(section, &mut many).map_err(FieldError::from)?;
        Self::collect(section, status)
    }

    fn collect(
        section: &Bytes,
        status: Status<(usize, &[Header<'_>])>,
    ) -> Result<Self, FieldError> {
        let Status::Complete((length, headers)) = status else {
            return Err(FieldError::Syntax);
        };
        if length != section.len() {
            return Err(FieldError::Syntax);
        }
        let mut fields = Self::default();
        if !headers.is_empty() {
            fields.map = HeaderMap::with_capacity(headers.len());
        }
        for header in headers {
            let name =
                HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| FieldError::Name)?;
            fields.note(&name, header.value);
            let value = HeaderValue::from_maybe_shared(section.slice_ref(header.value))
                .map_err(|_| FieldError::Value)?;
            fields
                .map
                .try_append(name, value)
                .map_err(|_| FieldError::TooMany)?;
        }
        Ok(fields)
    }

    fn note(&mut self, name: &HeaderName, value: &[u8]) {
        if *name == HOST {
            self.hosts += 1;
        } else if *name == CONTENT_LENGTH {
            self.length = match self.length {
                ContentLength::Absent => content_length(value),
                // RFC 9112 section 6.3 lets a recipient accept equal values; nobody honest
                // sends them.
                _ => ContentLength::Invalid,
            };
        } else if *name == TRANSFER_ENCODING {
            self.coding = match self.coding {
                Coding::Absent => coding(value),
                _ => Coding::Invalid,
            };
        } else if *name == CONNECTION {
            for option in list(value) {
                self.close |= option.eq_ignore_ascii_case(b"close");
                self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            }
        } else if *name == EXPECT {
            self.expects |= value.eq_ignore_ascii_case(b"100-continue");
        }
    }
}

impl From<httparse::Error> for FieldError {
    fn from(error: httparse::Error) -> Self {
        match error {
            httparse::Error::TooManyHeaders => Self::TooMany,
            httparse::Error::HeaderName => Self::Name,
            httparse::Error::HeaderValue => Self::Value,
            _ => Self::Syntax,
        }
    }
}

/// RFC 9112 section 6.2: digits alone. Nineteen of them always fit.
pub(crate) fn content_length(value: &[u8]) -> ContentLength {
    if value.is_empty() || value.len() > 19 || !value.iter().all(u8::is_ascii_digit) {
        return ContentLength::Invalid;
    }
    ContentLength::Value(
        value
            .iter()
            .fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')),
    )
}

/// RFC 9112 sections 6.1 and 7: chunked is the last coding, once, and has no parameters.
fn coding(value: &[u8]) -> Coding {
    if value.eq_ignore_ascii_case(b"chunked") {
        return Coding::Chunked;
    }
    let mut codings = value
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .rev();
    let last = codings
        .next()
        .is_some_and(|last| last.eq_ignore_ascii_case(b"chunked"));
    let others = codings
        .all(|name| !name.is_empty() && name.is_ascii() && !name.eq_ignore_ascii_case(b"chunked"));
    if last && others {
        Coding::Unsupported
    } else {
        Coding::Invalid
    }
}

/// The members of a comma-separated list.
pub(crate) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}
