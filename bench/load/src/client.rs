//! One connection in any of the three protocols, and one exchange on it.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::UdpSocket;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use aws_lc_rs::digest;
use bytes::{Buf, Bytes};
use h3_quinn::OpenStreams;
use http::{Request, Version, header};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::rt::{Read, Write};
use hyper_util::rt::{TokioIo, TokioTimer};
use quinn::crypto::rustls::QuicClientConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::Error;
use crate::plan::{Plan, Protocol};
use crate::tally::Shared;

// Wide enough that the load generator is never what holds a download back.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 64 << 20;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Check {
    Length,
    Sum,
}

#[derive(Clone)]
pub enum Client {
    // One request at a time: the cell is only ever borrowed by one stream.
    H1(Rc<RefCell<Option<http1::SendRequest<Upload>>>>),
    H2(http2::SendRequest<Upload>),
    H3(h3::client::SendRequest<OpenStreams, Bytes>),
}

impl Client {
    pub async fn connect(plan: &Plan) -> Result<Self, Error> {
        if plan.protocol == Protocol::H3 {
            return quic(plan).await;
        }
        let stream = TcpStream::connect(plan.address).await?;
        stream.set_nodelay(true)?;
        match &plan.tls {
            None => http(plan, TokioIo::new(stream)).await,
            Some(config) => {
                let name = plan.host.clone().try_into()?;
                let secure = TlsConnector::from(config.clone()).connect(name, stream);
                http(plan, TokioIo::new(secure.await?)).await
            }
        }
    }

    /// Asks once and checks the answer against the plan.
    pub async fn exchange(
        &self,
        plan: &Plan,
        shared: &Arc<Shared>,
        check: Check,
    ) -> Result<(), Error> {
        let mut arrived = Arrived::new(plan, shared, check);
        match self {
            Self::H1(cell) => {
                let mut sender = cell.borrow_mut().take().ok_or("connection is closed")?;
                sender.ready().await?;
                let request = request(plan, Upload::new(plan, shared))?;
                let answer = sender.send_request(request).await?;
                arrived.head(answer.status().as_u16())?;
                drain(answer.into_body(), &mut arrived).await?;
                *cell.borrow_mut() = Some(sender);
            }
            Self::H2(sender) => {
                let mut sender = sender.clone();
                sender.ready().await?;
                let request = request(plan, Upload::new(plan, shared))?;
                let answer = sender.send_request(request).await?;
                arrived.head(answer.status().as_u16())?;
                drain(answer.into_body(), &mut arrived).await?;
            }
            Self::H3(sender) => {
                let mut sender = sender.clone();
                let stream = sender.send_request(request(plan, ())?).await?;
                let (mut up, mut down) = stream.split();
                let upload = async {
                    let mut body = Upload::new(plan, shared);
                    while let Some(block) = body.next() {
                        up.send_data(block).await?;
                    }
                    up.finish().await
                };
                let download = async {
                    let answer = down.recv_response().await?;
                    arrived.head(answer.status().as_u16())?;
                    while let Some(mut block) = down.recv_data().await? {
                        while block.has_remaining() {
                            let length = block.chunk().len();
                            arrived.block(block.chunk());
                            block.advance(length);
                        }
                    }
                    Ok::<_, Error>(())
                };
                let (sent, received) = tokio::join!(upload, download);
                received?;
                sent?;
            }
        }
        arrived.end()
    }
}

async fn http<T>(plan: &Plan, io: T) -> Result<Client, Error>
where
    T: Read + Write + Unpin + 'static,
{
    if plan.protocol == Protocol::H1 {
        let (sender, connection) = http1::handshake(io).await?;
        tokio::task::spawn_local(connection);
        return Ok(Client::H1(Rc::new(RefCell::new(Some(sender)))));
    }
    let (sender, connection) = http2::Builder::new(Local)
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .handshake(io)
        .await?;
    tokio::task::spawn_local(connection);
    Ok(Client::H2(sender))
}

async fn quic(plan: &Plan) -> Result<Client, Error> {
    let tls = plan.tls.as_ref().ok_or("HTTP/3 needs https")?;
    let mut transport = quinn::TransportConfig::default();
    transport
        .stream_receive_window(STREAM_WINDOW.into())
        .receive_window(CONNECTION_WINDOW.into())
        .send_window(CONNECTION_WINDOW.into());
    let crypto = QuicClientConfig::try_from(tls.as_ref().clone())?;
    let mut config = quinn::ClientConfig::new(Arc::new(crypto));
    config.transport_config(Arc::new(transport));
    let any = if plan.address.is_ipv4() {
        "0.0.0.0:0"
    } else {
        "[::]:0"
    };
    let runtime = quinn::default_runtime().ok_or("no runtime")?;
    let socket = UdpSocket::bind(any)?;
    let endpoint = quinn::Endpoint::new(quinn::EndpointConfig::default(), None, socket, runtime)?;
    let connection = endpoint
        .connect_with(config, plan.address, &plan.host)?
        .await?;
    let (mut driver, sender) = h3::client::new(h3_quinn::Connection::new(connection)).await?;
    tokio::task::spawn_local(async move { poll_fn(|cx| driver.poll_close(cx)).await });
    Ok(Client::H3(sender))
}

fn request<B>(plan: &Plan, body: B) -> Result<Request<B>, Error> {
    let mut builder = Request::builder().method(plan.method.clone());
    if plan.protocol == Protocol::H1 {
        builder = builder.uri(plan.uri.path()).header(
            header::HOST,
            plan.uri.authority().ok_or("no authority")?.as_str(),
        );
    } else {
        builder = builder.uri(plan.uri.clone());
    }
    if let Some(value) = &plan.authorization {
        builder = builder.header(header::AUTHORIZATION, value);
    }
    if plan.protocol == Protocol::H3 {
        builder = builder.version(Version::HTTP_3);
        if plan.body > 0 {
            builder = builder.header(header::CONTENT_LENGTH, plan.body);
        }
    }
    Ok(builder.body(body)?)
}

async fn drain(mut body: Incoming, arrived: &mut Arrived<'_>) -> Result<(), Error> {
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        if let Some(block) = frame?.data_ref() {
            arrived.block(block);
        }
    }
    Ok(())
}

/// What came of one answer, held against the plan.
struct Arrived<'a> {
    plan: &'a Plan,
    shared: &'a Shared,
    length: u64,
    sum: Option<digest::Context>,
}

impl<'a> Arrived<'a> {
    fn new(plan: &'a Plan, shared: &'a Shared, check: Check) -> Self {
        let sum = check == Check::Sum && plan.sha256.is_some();
        Self {
            plan,
            shared,
            length: 0,
            sum: sum.then(|| digest::Context::new(&digest::SHA256)),
        }
    }

    fn head(&self, status: u16) -> Result<(), Error> {
        if status == self.plan.status {
            Ok(())
        } else {
            Err(format!("status {status} instead of {}", self.plan.status).into())
        }
    }

    fn block(&mut self, block: &[u8]) {
        self.length += block.len() as u64;
        self.shared.received(block.len());
        if let Some(sum) = &mut self.sum {
            sum.update(block);
        }
    }

    fn end(self) -> Result<(), Error> {
        if self.length != self.plan.length {
            return Err(format!("{} bytes instead of {}", self.length, self.plan.length).into());
        }
        let found = self.sum.map(|sum| hex(sum.finish().as_ref()));
        if found.is_some() && found != self.plan.sha256 {
            return Err("the body has another checksum".into());
        }
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A request body of the plan's length, block by block.
pub struct Upload {
    left: u64,
    block: Bytes,
    shared: Arc<Shared>,
}

impl Upload {
    fn new(plan: &Plan, shared: &Arc<Shared>) -> Self {
        Self {
            left: plan.body,
            block: plan.block.clone(),
            shared: shared.clone(),
        }
    }

    fn next(&mut self) -> Option<Bytes> {
        if self.left == 0 {
            return None;
        }
        let length = self.left.min(self.block.len() as u64);
        self.left -= length;
        self.shared.sent(length as usize);
        Some(self.block.slice(..length as usize))
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.next().map(|block| Ok(Frame::data(block))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// Runs hyper's HTTP/2 tasks on the thread that they belong to.
#[derive(Clone, Copy)]
struct Local;

impl<F> hyper::rt::Executor<F> for Local
where
    F: Future + 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}
