//! Finds the end of a head or of a trailer section in bytes that arrive piece by piece, without
//! reading a byte twice.

use memchr::memchr;

/// A line ended in LF alone. RFC 9112 section 2.2 lets a recipient accept that; two recipients
/// that disagree about it are a smuggling vector, so this one does not.
#[derive(Debug)]
pub(crate) struct BareLf;

#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Where the line under way began.
    line: usize,
    /// Everything before was searched.
    at: usize,
}

impl Scan {
    /// The length of the section with its empty line, once that is there.
    pub(crate) fn find(&mut self, bytes: &[u8]) -> Result<Option<usize>, BareLf> {
        while let Some(offset) = memchr(b'\n', &bytes[self.at..]) {
            let lf = self.at + offset;
            if lf == self.line || bytes[lf - 1] != b'\r' {
                return Err(BareLf);
            }
            let empty = lf - self.line == 1;
            self.at = lf + 1;
            self.line = self.at;
            if empty {
                let end = self.at;
                *self = Self::default();
                return Ok(Some(end));
            }
        }
        self.at = bytes.len();
        Ok(None)
    }

    pub(crate) fn in_first_line(&self) -> bool {
        self.line == 0
    }
}
