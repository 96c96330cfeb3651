//! Small words for the tests of connections.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

pub mod counting;
pub mod short;

use std::future::{Future, poll_fn};
use std::time::Duration;

use bytes::Bytes;
use harmony_http1::{BodyLength, Io, Limits, server};
use harmony_stream::{Frame, Receive, StreamError, Transmit};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};

/// No test waits longer than this for anything.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), future)
        .await
        .expect("takes too long")
}

pub fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        map.append(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    map
}

pub fn answer(status: u16, fields: &[(&'static str, &'static str)]) -> http::response::Parts {
    let (mut parts, ()) = http::Response::new(()).into_parts();
    parts.status = StatusCode::from_u16(status).unwrap();
    parts.headers = headers(fields);
    parts
}

pub fn question(method: &str, fields: &[(&'static str, &'static str)]) -> http::request::Parts {
    let (mut parts, ()) = http::Request::new(()).into_parts();
    parts.method = method.parse().unwrap();
    parts.headers = headers(fields);
    parts
}

pub async fn frame(recv: &mut impl Receive) -> Option<Result<Frame, StreamError>> {
    soon(poll_fn(|cx| recv.poll_frame(cx))).await
}

/// Content to the message's own end, and the trailers.
pub async fn content(recv: &mut impl Receive) -> Result<(Vec<u8>, Option<HeaderMap>), StreamError> {
    let mut content = Vec::new();
    let mut trailers = None;
    while let Some(frame) = frame(recv).await {
        match frame? {
            Frame::Data(data) => content.extend_from_slice(&data),
            Frame::Trailers(map) => trailers = Some(map),
        }
    }
    assert!(recv.is_end());
    Ok((content, trailers))
}

pub async fn send(transmit: &mut impl Transmit, data: &[u8]) -> Result<(), StreamError> {
    soon(poll_fn(|cx| transmit.poll_ready(cx))).await?;
    transmit.send_data(Bytes::copy_from_slice(data))
}

pub async fn flush(transmit: &mut impl Transmit) -> Result<(), StreamError> {
    soon(poll_fn(|cx| transmit.poll_flush(cx))).await
}

pub async fn finish(transmit: &mut impl Transmit) -> Result<(), StreamError> {
    soon(poll_fn(|cx| transmit.poll_finish(cx))).await
}

pub async fn closed(transmit: &mut impl Transmit) -> StreamError {
    soon(poll_fn(|cx| transmit.poll_closed(cx))).await
}

/// What arrives until the peer's end.
pub async fn rest(io: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    soon(io.read_to_end(&mut bytes)).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

/// What arrives until it ends with `end`.
pub async fn until(io: &mut (impl AsyncRead + Unpin), end: &str) -> String {
    let mut bytes = Vec::new();
    soon(async {
        while !bytes.ends_with(end.as_bytes()) {
            let mut byte = [0];
            let count = io.read(&mut byte).await.unwrap();
            assert_ne!(count, 0, "ends after {:?}", String::from_utf8_lossy(&bytes));
            bytes.push(byte[0]);
        }
    })
    .await;
    String::from_utf8(bytes).unwrap()
}

pub async fn write(io: &mut (impl AsyncWrite + Unpin), text: impl AsRef<[u8]>) {
    soon(io.write_all(text.as_ref())).await.unwrap();
}

/// Answers a request whose content it reads first, and says whether another may follow.
pub async fn serve<IO: Io>(
    connection: &mut server::Connection<IO>,
    status: u16,
    body: &str,
) -> (http::request::Parts, Vec<u8>, bool) {
    let (parts, mut recv, mut respond) = soon(connection.head()).await.unwrap();
    let (read, _) = content(&mut recv).await.unwrap();
    respond.send_head(&answer(status, &[]), BodyLength::Length(body.len() as u64));
    send(&mut respond, body.as_bytes()).await.unwrap();
    finish(&mut respond).await.unwrap();
    (parts, read, connection.reclaim(recv, respond))
}

pub async fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (server, _) = listener.accept().await.unwrap();
    (client, server)
}

pub const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
pub const OLD: &str = "GET / HTTP/1.0\r\n\r\n";
pub const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

pub fn pair() -> (DuplexStream, server::Connection<DuplexStream>) {
    let (peer, io) = duplex(1 << 20);
    (peer, server::Connection::new(io, Limits::default()))
}

pub type Exchange = (
    http::request::Parts,
    server::RecvBody<DuplexStream>,
    server::Respond<DuplexStream>,
);

/// A connection in the middle of the exchange that `text` begins.
pub async fn exchange(text: &str) -> (DuplexStream, server::Connection<DuplexStream>, Exchange) {
    let (mut peer, mut connection) = pair();
    write(&mut peer, text).await;
    let exchange = soon(connection.head()).await.unwrap();
    (peer, connection, exchange)
}
