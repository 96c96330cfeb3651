//! Encoded messages in one buffer, first in first out.

/// Beyond this an emptied buffer gives its memory back.
const KEEP: usize = 1 << 20;

#[derive(Default)]
pub struct Fifo {
    bytes: Vec<u8>,
    /// Where the first message begins.
    start: usize,
    count: usize,
}

impl Fifo {
    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// `message` begins with the length of what follows it.
    pub fn push(&mut self, message: &[u8]) {
        self.bytes.extend_from_slice(message);
        self.count += 1;
    }

    /// The first message, its length included.
    pub fn front(&self) -> Option<&[u8]> {
        let rest = self.bytes.get(self.start..)?;
        let (length, _) = rest.split_first_chunk::<4>()?;
        rest.get(..4 + u32::from_le_bytes(*length) as usize)
    }

    pub fn drop_front(&mut self) {
        let Some(length) = self.front().map(<[u8]>::len) else {
            return;
        };
        self.start += length;
        self.count -= 1;
        if self.count == 0 {
            self.bytes.clear();
            self.start = 0;
            if self.bytes.capacity() > KEEP {
                self.bytes.shrink_to(KEEP);
            }
        } else if self.start > KEEP && self.start * 2 > self.bytes.len() {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
    }
}
