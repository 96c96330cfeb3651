//! A server's connection over any bytes, that arrive in pieces of any size: what it takes for
//! requests does not depend on the pieces, and it comes to an end.
#![no_main]

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use harmony_http1::{BodyLength, Io, Limits, server};
use harmony_stream::{Frame, Receive, Transmit};
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

struct Script {
    bytes: Bytes,
    piece: usize,
}

impl Io for Script {}

impl AsyncRead for Script {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let count = self.piece.min(self.bytes.len()).min(buf.remaining());
        buf.put_slice(&self.bytes.split_to(count));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Script {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len().min(self.piece)))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Each request's method, target, content and whether it was complete.
async fn requests(io: Script) -> Vec<(String, String, Vec<u8>, bool)> {
    let mut requests = Vec::new();
    let mut connection = server::Connection::new(io, Limits::default());
    while matches!(connection.wait().await, Ok(true)) {
        let Ok((parts, mut recv, mut respond)) = connection.head().await else {
            break;
        };
        let mut content = Vec::new();
        let mut complete = true;
        while let Some(frame) = poll_fn(|cx| recv.poll_frame(cx)).await {
            match frame {
                Ok(Frame::Data(data)) => content.extend_from_slice(&data),
                Ok(Frame::Trailers(_)) => {}
                Err(_) => {
                    complete = false;
                    break;
                }
            }
        }
        assert_eq!(recv.is_end(), complete);
        let target = parts.uri.to_string();
        requests.push((parts.method.to_string(), target, content, complete));
        respond.send_head(&http::Response::new(()).into_parts().0, BodyLength::Empty);
        if poll_fn(|cx| respond.poll_finish(cx)).await.is_err() {
            break;
        }
        if !connection.reclaim(recv, respond) {
            break;
        }
    }
    requests
}

fn run(bytes: &[u8], piece: usize) -> Vec<(String, String, Vec<u8>, bool)> {
    let io = Script {
        bytes: Bytes::copy_from_slice(bytes),
        piece,
    };
    let mut requests = pin!(requests(io));
    // The script never waits, so neither does anything above it.
    match requests
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(requests) => requests,
        Poll::Pending => panic!("waits for nothing"),
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((piece, bytes)) = data.split_first() else {
        return;
    };
    let whole = run(bytes, usize::MAX);
    let split = run(bytes, usize::from(*piece) + 1);
    // Content before an error may differ in how far it came.
    let same = whole.len() == split.len()
        && whole
            .iter()
            .zip(&split)
            .all(|(a, b)| (&a.0, &a.1, a.3) == (&b.0, &b.1, b.3) && (!a.3 || a.2 == b.2));
    assert!(same, "{whole:?}\n{split:?}");
});
