//! Decoding field sections, RFC 9204 section 4.5, with the static table alone: our settings
//! allow no dynamic table (RFC 9204 section 5), so that any use of one is an error.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};

use super::fault::{Code, Fault};
use super::{huffman, integer, table};

/// What a field section may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// RFC 9114 section 4.2.2: names, values, and 32 for each field.
    pub bytes: u64,
    pub fields: usize,
}

impl Limits {
    /// The longest payload that is worth buffering. The encoded form of a section is smaller
    /// than the size that the limit counts, unless its Huffman strings are longer than plain
    /// ones; the slack is for those.
    pub fn payload(&self) -> u64 {
        self.bytes.saturating_add(1024)
    }
}

#[derive(Clone, Copy, Debug)]
enum Text {
    Static(&'static table::Entry),
    Literal(usize, usize),
}

#[derive(Debug)]
struct Line {
    name: Text,
    value: Text,
    sensitive: bool,
}

/// A decoded field section. All literal text of a section shares one allocation.
#[derive(Debug)]
pub struct Section {
    text: Bytes,
    lines: Vec<Line>,
}

/// One field of a section.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    section: &'a Section,
    line: &'a Line,
}

impl Section {
    /// Decodes the payload of a HEADERS frame.
    pub fn decode(payload: &[u8], limits: Limits) -> Result<Self, Fault> {
        let mut reader = Reader {
            left: payload,
            text: Vec::with_capacity(payload.len() + payload.len() / 2),
        };
        reader.prefix()?;
        let mut lines = Vec::with_capacity(16);
        let mut size = 0u64;
        while !reader.left.is_empty() {
            if lines.len() == limits.fields {
                return Err(Fault::section("too many fields in a field section"));
            }
            let line = reader.line()?;
            size += 32 + len(line.name, true) + len(line.value, false);
            if size > limits.bytes {
                return Err(Fault::section("field section is too large"));
            }
            lines.push(line);
        }
        Ok(Self {
            text: Bytes::from(reader.text),
            lines,
        })
    }

    pub fn fields(&self) -> impl Iterator<Item = Field<'_>> {
        self.lines.iter().map(|line| Field {
            section: self,
            line,
        })
    }

    pub fn len(&self) -> usize {
        self.lines.len()
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

fn len(text: Text, name: bool) -> u64 {
    match text {
        Text::Static(entry) if name => entry.name.len() as u64,
        Text::Static(entry) => entry.value.len() as u64,
        Text::Literal(start, end) => (end - start) as u64,
    }
}

impl Field<'_> {
    pub fn name(&self) -> &[u8] {
        match self.line.name {
            Text::Static(entry) => entry.name.as_bytes(),
            Text::Literal(start, end) => &self.section.text[start..end],
        }
    }

    pub fn value(&self) -> Bytes {
        match self.line.value {
            Text::Static(entry) => Bytes::from_static(static_bytes(entry)),
            Text::Literal(start, end) => self.section.text.slice(start..end),
        }
    }

    /// None for what is not a header name in lower case (RFC 9114 section 4.2).
    pub fn header_name(&self) -> Option<HeaderName> {
        match self.line.name {
            Text::Static(entry) => entry.header.clone(),
            Text::Literal(start, end) => {
                HeaderName::from_lowercase(&self.section.text[start..end]).ok()
            }
        }
    }

    /// None for a value with bytes that RFC 9114 section 10.3 forbids, or with white space at
    /// an end (RFC 9110 section 5.5, which 9114 section 4.2 refers to).
    pub fn header_value(&self) -> Option<HeaderValue> {
        let mut value = match self.line.value {
            Text::Static(entry) => entry.value.clone(),
            Text::Literal(start, end) => {
                let text = self.section.text.slice(start..end);
                let blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
                if blank(text.first()) || blank(text.last()) {
                    return None;
                }
                HeaderValue::from_maybe_shared(text).ok()?
            }
        };
        // RFC 9204 section 4.5.4: the N bit must survive an intermediary.
        value.set_sensitive(self.line.sensitive);
        Some(value)
    }
}

fn static_bytes(entry: &'static table::Entry) -> &'static [u8] {
    entry.value.as_bytes()
}

struct Reader<'a> {
    left: &'a [u8],
    text: Vec<u8>,
}

const fn failed(detail: &'static str) -> Fault {
    Fault::connection(Code::QPACK_DECOMPRESSION_FAILED, detail)
}

impl Reader<'_> {
    /// RFC 9204 section 4.5.1.
    fn prefix(&mut self) -> Result<(), Fault> {
        if self.integer(8)? != 0 {
            return Err(failed("required insert count without a dynamic table"));
        }
        let negative = self.first()? & 0x80 != 0;
        self.integer(7)?;
        if negative {
            // RFC 9204 section 4.5.1.2: with a sign, the base would be below zero.
            return Err(failed("negative base of a field section"));
        }
        Ok(())
    }

    fn line(&mut self) -> Result<Line, Fault> {
        let first = self.first()?;
        if first & 0x80 != 0 {
            // RFC 9204 section 4.5.2.
            if first & 0x40 == 0 {
                return Err(failed("indexed field of the dynamic table"));
            }
            let entry = self.entry(6)?;
            return Ok(Line {
                name: Text::Static(entry),
                value: Text::Static(entry),
                sensitive: false,
            });
        }
        if first & 0x40 != 0 {
            // RFC 9204 section 4.5.4.
            if first & 0x10 == 0 {
                return Err(failed("name reference into the dynamic table"));
            }
            let name = Text::Static(self.entry(4)?);
            let value = self.string(7)?;
            return Ok(Line {
                name,
                value,
                sensitive: first & 0x20 != 0,
            });
        }
        if first & 0x20 != 0 {
            // RFC 9204 section 4.5.6.
            let name = self.string(3)?;
            let value = self.string(7)?;
            return Ok(Line {
                name,
                value,
                sensitive: first & 0x10 != 0,
            });
        }
        // RFC 9204 sections 4.5.3 and 4.5.5.
        Err(failed("post-base reference into the dynamic table"))
    }

    fn first(&self) -> Result<u8, Fault> {
        self.left
            .first()
            .copied()
            .ok_or(failed("field section ends early"))
    }

    fn integer(&mut self, prefix: u32) -> Result<u64, Fault> {
        let (value, used) = integer::decode(self.left, prefix)
            .ok_or(failed("integer of a field section is cut or too large"))?;
        self.left = &self.left[used..];
        Ok(value)
    }

    fn entry(&mut self, prefix: u32) -> Result<&'static table::Entry, Fault> {
        // RFC 9204 section 3.1.
        table::get(self.integer(prefix)?).ok_or(failed("index outside the static table"))
    }

    /// RFC 9204 section 4.1.2: the bit above the length says whether it is Huffman code.
    fn string(&mut self, prefix: u32) -> Result<Text, Fault> {
        let coded = self.first()? & (1 << prefix) != 0;
        let len = self.integer(prefix)?;
        let bytes = usize::try_from(len)
            .ok()
            .and_then(|len| self.left.split_at_checked(len));
        let Some((bytes, left)) = bytes else {
            return Err(failed("string of a field section is cut"));
        };
        self.left = left;
        let start = self.text.len();
        if coded {
            if !huffman::decode(bytes, &mut self.text) {
                return Err(failed("bad huffman code"));
            }
        } else {
            self.text.extend_from_slice(bytes);
        }
        Ok(Text::Literal(start, self.text.len()))
    }
}

#[cfg(test)]
mod tests;
