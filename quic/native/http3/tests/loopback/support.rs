//! Endpoints on loopback, raw peers, and the traits' polls as futures.

use std::future::{Future, poll_fn};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use harmony_http3::proto::encode::Encoder;
use harmony_http3::proto::{frame, varint};
use harmony_http3::server::{Connection, Incoming, RecvBody, Respond};
use harmony_http3::{Code, Config, client};
use harmony_stream::{Frame, Receive, StreamError, Transmit};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{Endpoint, TransportConfig, VarInt};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A connection between two endpoints, which live as long as it.
pub struct Pair {
    pub server: quinn::Connection,
    pub client: quinn::Connection,
    _ends: (Endpoint, Endpoint),
}

fn identity() -> &'static (CertificateDer<'static>, Vec<u8>) {
    static IDENTITY: OnceLock<(CertificateDer<'static>, Vec<u8>)> = OnceLock::new();
    IDENTITY.get_or_init(|| {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (made.cert.der().clone(), made.signing_key.serialize_der())
    })
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

pub async fn pair() -> Pair {
    pair_with(TransportConfig::default(), TransportConfig::default()).await
}

pub async fn pair_with(server: TransportConfig, client: TransportConfig) -> Pair {
    let (certificate, key) = identity();
    let versions = &[&rustls::version::TLS13];
    let mut tls = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.clone()],
            PrivateKeyDer::Pkcs8(key.clone().into()),
        )
        .unwrap();
    tls.alpn_protocols = vec![b"h3".to_vec()];
    let mut config =
        quinn::ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).unwrap()));
    config.transport_config(Arc::new(server));
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server_end = Endpoint::server(config, any).unwrap();

    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let mut tls = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h3".to_vec()];
    let mut config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
    config.transport_config(Arc::new(client));
    let client_end = Endpoint::client(any).unwrap();
    let connecting = client_end
        .connect_with(config, server_end.local_addr().unwrap(), "localhost")
        .unwrap();
    let accepting = async { server_end.accept().await.unwrap().await.unwrap() };
    let (server, client) = tokio::join!(accepting, connecting);
    Pair {
        server,
        client: client.unwrap(),
        _ends: (server_end, client_end),
    }
}

/// Fails a test instead of letting it hang.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("took too long")
}

/// Waits until something is so.
pub async fn until(mut so: impl FnMut() -> bool) {
    within(async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// Our server on one side, each request in a task of its own; a raw client on the other.
pub async fn serve<F, R>(config: Config, handler: F) -> Pair
where
    F: Fn(Incoming) -> R + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let pair = pair().await;
    run(pair.server.clone(), config, handler);
    pair
}

pub fn run<F, R>(quic: quinn::Connection, config: Config, handler: F)
where
    F: Fn(Incoming) -> R + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    tokio::spawn(async move {
        let mut connection = Connection::new(quic, config).await.unwrap();
        while let Ok(Some(incoming)) = connection.accept().await {
            tokio::spawn(handler(incoming));
        }
    });
}

/// Answers 200 with the request's content.
pub async fn echo(incoming: Incoming) {
    let Ok((_, mut body, mut respond)) = incoming.head().await else {
        return;
    };
    let (parts, ()) = http::Response::new(()).into_parts();
    if respond.send_head(&parts, false).is_err() {
        return;
    }
    let _ = copy(&mut body, &mut respond).await;
}

pub async fn copy(
    from: &mut (impl Receive + ?Sized),
    to: &mut (impl Transmit + ?Sized),
) -> Result<(), StreamError> {
    while let Some(frame) = next(from).await {
        match frame? {
            Frame::Data(data) => write(to, data).await?,
            Frame::Trailers(trailers) => to.send_trailers(trailers)?,
        }
    }
    finish(to).await
}

pub async fn next(from: &mut (impl Receive + ?Sized)) -> Option<Result<Frame, StreamError>> {
    poll_fn(|cx| from.poll_frame(cx)).await
}

pub async fn write(to: &mut (impl Transmit + ?Sized), data: Bytes) -> Result<(), StreamError> {
    poll_fn(|cx| to.poll_ready(cx)).await?;
    to.send_data(data)?;
    poll_fn(|cx| to.poll_flush(cx)).await
}

pub async fn flush(to: &mut (impl Transmit + ?Sized)) -> Result<(), StreamError> {
    poll_fn(|cx| to.poll_flush(cx)).await
}

pub async fn finish(to: &mut (impl Transmit + ?Sized)) -> Result<(), StreamError> {
    poll_fn(|cx| to.poll_finish(cx)).await
}

pub async fn closed(to: &mut (impl Transmit + ?Sized)) -> StreamError {
    within(poll_fn(|cx| to.poll_closed(cx))).await
}

pub async fn head(from: &mut client::RecvResponse) -> Result<http::response::Parts, StreamError> {
    within(poll_fn(|cx| from.poll_head(cx))).await
}

/// All content, and the trailers.
pub async fn content(
    from: &mut (impl Receive + ?Sized),
) -> Result<(Vec<u8>, Option<http::HeaderMap>), StreamError> {
    within(async {
        let mut bytes = Vec::new();
        let mut last = None;
        while let Some(frame) = next(from).await {
            match frame? {
                Frame::Data(data) => {
                    assert!(!data.is_empty() && last.is_none());
                    bytes.extend_from_slice(&data);
                }
                Frame::Trailers(trailers) => last = Some(trailers),
            }
        }
        Ok((bytes, last))
    })
    .await
}

/// The next request of a connection whose control streams are driven meanwhile.
pub async fn accepted(connection: &mut Connection) -> (http::request::Parts, RecvBody, Respond) {
    let incoming = within(connection.accept()).await.unwrap().unwrap();
    let head = incoming.head();
    tokio::pin!(head);
    within(async {
        tokio::select! {
            head = &mut head => head.unwrap(),
            other = connection.accept() => panic!("unexpected: {:?}", other.map(|i| i.is_some())),
        }
    })
    .await
}

/// A frame's bytes.
pub fn framed(kind: u64, payload: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    frame::header(kind, payload.len() as u64, &mut out);
    out.extend_from_slice(payload);
    out.to_vec()
}

/// A HEADERS frame.
pub fn headers(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut payload = BytesMut::new();
    let mut encoder = Encoder::new(&mut payload);
    for (name, value) in fields {
        encoder.field(name, value.as_bytes(), false);
    }
    framed(1, &payload)
}

pub fn request(method: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let start = [
        (":method", method),
        (":scheme", "https"),
        (":authority", "localhost"),
        (":path", "/"),
    ];
    headers(&[&start, more].concat())
}

pub fn response(status: &str, more: &[(&str, &str)]) -> Vec<u8> {
    headers(&[&[(":status", status)], more].concat())
}

/// Opens a unidirectional stream with these bytes.
pub async fn uni(quic: &quinn::Connection, bytes: &[u8]) -> quinn::SendStream {
    let mut stream = within(quic.open_uni()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

/// Opens a bidirectional stream with these bytes.
pub async fn bi(quic: &quinn::Connection, bytes: &[u8]) -> (quinn::SendStream, quinn::RecvStream) {
    let (mut send, recv) = within(quic.open_bi()).await.unwrap();
    send.write_all(bytes).await.unwrap();
    (send, recv)
}

/// The code with which the peer closed the connection.
pub async fn close_code(quic: &quinn::Connection) -> Code {
    match within(quic.closed()).await {
        quinn::ConnectionError::ApplicationClosed(close) => Code(close.error_code.into_inner()),
        other => panic!("closed by {other}"),
    }
}

/// The code with which the peer reset the stream, after whatever came before.
pub async fn reset_code(recv: &mut quinn::RecvStream) -> Code {
    loop {
        match within(recv.read_chunk(usize::MAX, true)).await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("clean end"),
            Err(quinn::ReadError::Reset(code)) => return Code(code.into_inner()),
            Err(other) => panic!("{other}"),
        }
    }
}

/// The code with which the peer stopped the stream.
pub async fn stop_code(send: &quinn::SendStream) -> Code {
    let stopped = within(send.stopped()).await.unwrap();
    Code(stopped.expect("not stopped").into_inner())
}

pub fn code(code: Code) -> VarInt {
    VarInt::from_u64(code.0).unwrap()
}

/// Frames of a stream, read to its end.
pub async fn frames(recv: &mut quinn::RecvStream) -> Vec<(u64, Vec<u8>)> {
    let bytes = within(recv.read_to_end(1 << 24)).await.unwrap();
    let mut left = &bytes[..];
    let mut out = Vec::new();
    while !left.is_empty() {
        let (kind, used) = varint::decode(left).unwrap();
        let (len, more) = varint::decode(&left[used..]).unwrap();
        let start = used + more;
        out.push((kind, left[start..start + len as usize].to_vec()));
        left = &left[start + len as usize..];
    }
    out
}

/// The status and the content of a response.
pub async fn answer(recv: &mut quinn::RecvStream) -> (u16, Vec<u8>) {
    use harmony_http3::proto::head;
    let mut status = 0;
    let mut content = Vec::new();
    for (kind, payload) in frames(recv).await {
        match kind {
            1 => {
                status = head::response(&payload, limits())
                    .unwrap()
                    .0
                    .status
                    .as_u16()
            }
            0 => content.extend_from_slice(&payload),
            _ => {}
        }
    }
    (status, content)
}

pub fn limits() -> harmony_http3::proto::section::Limits {
    harmony_http3::proto::section::Limits {
        bytes: 1 << 20,
        fields: 200,
    }
}
