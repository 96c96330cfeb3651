//! Received bytes in the pieces they came in, taken out without copying where one piece holds
//! what is asked for.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

#[derive(Debug, Default)]
pub struct Input {
    front: Bytes,
    rest: VecDeque<Bytes>,
    len: usize,
}

impl Input {
    pub fn push(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        self.len += bytes.len();
        if self.front.is_empty() {
            self.front = bytes;
        } else {
            self.rest.push_back(bytes);
        }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Copies the first bytes into `out`; how many there were.
    pub fn peek(&self, out: &mut [u8]) -> usize {
        let mut filled = 0;
        for piece in std::iter::once(&self.front).chain(&self.rest) {
            let n = piece.len().min(out.len() - filled);
            out[filled..filled + n].copy_from_slice(&piece[..n]);
            filled += n;
            if filled == out.len() {
                break;
            }
        }
        filled
    }

    /// Removes and returns the first `n` bytes, or all when there are fewer.
    pub fn take(&mut self, n: usize) -> Bytes {
        let n = n.min(self.len);
        if n <= self.front.len() {
            self.len -= n;
            let taken = self.front.split_to(n);
            self.refill();
            return taken;
        }
        let mut joined = BytesMut::with_capacity(n);
        while joined.len() < n {
            let piece = self.front.split_to(self.front.len().min(n - joined.len()));
            joined.extend_from_slice(&piece);
            self.refill();
        }
        self.len -= n;
        joined.freeze()
    }

    /// Removes up to `n` bytes; how many it removed.
    pub fn skip(&mut self, n: u64) -> u64 {
        let n = usize::try_from(n).map_or(self.len, |n| n.min(self.len));
        let mut left = n;
        while left > 0 {
            let step = self.front.len().min(left);
            self.front.advance(step);
            left -= step;
            self.refill();
        }
        self.len -= n;
        n as u64
    }

    fn refill(&mut self) {
        if self.front.is_empty()
            && let Some(next) = self.rest.pop_front()
        {
            self.front = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_come_out_as_one_sequence(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..9), 0..9),
            steps in proptest::collection::vec((0usize..12, any::<bool>()), 0..20),
        ) {
            let mut input = Input::default();
            let mut whole: Vec<u8> = Vec::new();
            for piece in pieces {
                whole.extend_from_slice(&piece);
                input.push(Bytes::from(piece));
            }
            for (n, skip) in steps {
                let n = n.min(whole.len());
                let mut seen = [0; 5];
                let filled = input.peek(&mut seen);
                prop_assert_eq!(&seen[..filled], &whole[..whole.len().min(5)]);
                let head: Vec<u8> = whole.drain(..n).collect();
                if skip {
                    prop_assert_eq!(input.skip(n as u64), n as u64);
                } else {
                    prop_assert_eq!(&input.take(n)[..], &head[..]);
                }
                prop_assert_eq!(input.len(), whole.len());
            }
        }
    }
}
