//! A UDP socket that hands out each datagram by itself.
//!
//! The kernel gives datagrams of one sender together (UDP GRO), up to 64 KiB at once, and quinn
//! keeps what came together in one allocation. A stalled stream that holds one datagram's content
//! would hold all of them, many times what its window says. Copying a datagram costs less than
//! receiving each with a system call of its own.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};

use crate::engine::lock;

/// What the kernel joins at most: an IP packet's length has 16 bits.
const JOINED: usize = 64 << 10;
/// Joined datagrams taken from the kernel at once.
const BATCH: usize = 8;

#[derive(Debug)]
pub struct Single {
    inner: Arc<dyn AsyncUdpSocket>,
    came: Mutex<Came>,
}

/// Datagrams that came and were not handed out.
#[derive(Debug)]
struct Came {
    bytes: Box<[u8]>,
    metas: [RecvMeta; BATCH],
    filled: usize,
    /// The next one: in which of them, and where.
    index: usize,
    offset: usize,
}

impl Single {
    pub fn new(inner: Arc<dyn AsyncUdpSocket>) -> Self {
        Self {
            inner,
            came: Mutex::new(Came {
                bytes: vec![0; JOINED * BATCH].into(),
                metas: [RecvMeta::default(); BATCH],
                filled: 0,
                index: 0,
                offset: 0,
            }),
        }
    }
}

impl Came {
    fn poll_fill(
        &mut self,
        inner: &dyn AsyncUdpSocket,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        (self.filled, self.index, self.offset) = (0, 0, 0);
        let mut chunks = self.bytes.chunks_exact_mut(JOINED);
        let mut buffers: [IoSliceMut<'_>; BATCH] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        self.filled = ready!(inner.poll_recv(cx, &mut buffers, &mut self.metas))?;
        Poll::Ready(Ok(()))
    }

    fn next(&mut self) -> Option<(&[u8], RecvMeta)> {
        while self.index < self.filled {
            let meta = self.metas[self.index];
            let begin = self.offset;
            if begin >= meta.len {
                self.index += 1;
                self.offset = 0;
                continue;
            }
            let end = meta.len.min(begin + meta.stride.max(1));
            self.offset = end;
            let base = self.index * JOINED;
            let length = end - begin;
            let alone = RecvMeta {
                len: length,
                stride: length,
                ..meta
            };
            return Some((&self.bytes[base + begin..base + end], alone));
        }
        None
    }
}

impl AsyncUdpSocket for Single {
    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let came = &mut *lock(&self.came);
        let room = bufs.len().min(meta.len());
        let mut count = 0;
        loop {
            while count < room
                && let Some((datagram, alone)) = came.next()
            {
                // A longer one is longer than what we said we take (RFC 9000 18.2).
                if let Some(place) = bufs[count].get_mut(..datagram.len()) {
                    place.copy_from_slice(datagram);
                    meta[count] = alone;
                    count += 1;
                }
            }
            if count > 0 || room == 0 {
                return Poll::Ready(Ok(count));
            }
            ready!(came.poll_fill(&*self.inner, cx))?;
        }
    }

    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        self.inner.clone().create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.inner.try_send(transmit)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.inner.max_transmit_segments()
    }

    fn may_fragment(&self) -> bool {
        self.inner.may_fragment()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use std::net::Ipv4Addr;
    use std::task::Waker;

    use super::*;

    /// Messages as (content, stride), all at once, then nothing.
    #[derive(Debug)]
    struct Kernel(Mutex<Vec<(Vec<u8>, usize)>>);

    impl AsyncUdpSocket for Kernel {
        fn poll_recv(
            &self,
            _cx: &mut Context<'_>,
            bufs: &mut [IoSliceMut<'_>],
            meta: &mut [RecvMeta],
        ) -> Poll<io::Result<usize>> {
            let mut messages = self.0.lock().unwrap();
            if messages.is_empty() {
                return Poll::Pending;
            }
            let count = messages.len().min(bufs.len());
            for (index, (content, stride)) in messages.drain(..count).enumerate() {
                bufs[index][..content.len()].copy_from_slice(&content);
                meta[index].len = content.len();
                meta[index].stride = stride;
            }
            Poll::Ready(Ok(count))
        }

        fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
            panic!("nothing is sent")
        }

        fn try_send(&self, _transmit: &Transmit<'_>) -> io::Result<()> {
            Ok(())
        }

        fn local_addr(&self) -> io::Result<SocketAddr> {
            Ok((Ipv4Addr::LOCALHOST, 1).into())
        }
    }

    /// Receives with `room` buffers of `size` bytes until nothing is left.
    fn received(messages: &[(Vec<u8>, usize)], room: usize, size: usize) -> Vec<Vec<u8>> {
        let socket = Single::new(Arc::new(Kernel(Mutex::new(messages.to_vec()))));
        let cx = &mut Context::from_waker(Waker::noop());
        let mut all = Vec::new();
        loop {
            let mut space = vec![vec![0; size]; room];
            let mut bufs: Vec<_> = space.iter_mut().map(|buf| IoSliceMut::new(buf)).collect();
            let mut metas = vec![RecvMeta::default(); room];
            match socket.poll_recv(cx, &mut bufs, &mut metas) {
                Poll::Pending => return all,
                Poll::Ready(count) => {
                    for index in 0..count.unwrap() {
                        assert_eq!(metas[index].len, metas[index].stride);
                        all.push(space[index][..metas[index].len].to_vec());
                    }
                }
            }
        }
    }

    fn bytes(from: u8, length: usize) -> Vec<u8> {
        (0..length).map(|at| from.wrapping_add(at as u8)).collect()
    }

    #[test]
    fn datagrams_that_came_together_are_handed_out_one_by_one_in_their_order() {
        let joined = bytes(0, 2_500);
        let messages = [(joined.clone(), 1_200), (bytes(9, 7), 7), (vec![], 0)];
        for room in [1, 2, 32] {
            let all = received(&messages, room, 1_472);
            assert_eq!(all.len(), 4, "{room}");
            assert_eq!(all[..3].concat(), joined);
            assert_eq!(all[2].len(), 100);
            assert_eq!(all[3], bytes(9, 7));
        }
    }

    #[test]
    fn more_than_one_batch_arrives() {
        let messages: Vec<_> = (0..40).map(|n| (bytes(n, 3_000), 1_000)).collect();
        let all = received(&messages, 32, 1_472);
        let sent: Vec<u8> = messages.iter().flat_map(|(all, _)| all.clone()).collect();
        assert_eq!(all.len(), 120);
        assert_eq!(all.concat(), sent);
    }

    #[test]
    fn a_datagram_that_is_too_long_is_left_out() {
        let messages = [(bytes(0, 1_500), 1_500), (bytes(1, 10), 10)];
        assert_eq!(received(&messages, 4, 1_472), [bytes(1, 10)]);
    }
}
