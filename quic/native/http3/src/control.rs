//! Reading the peer's unidirectional streams, RFC 9114 section 6.2, for whoever drives the
//! connection.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use atomic_waker::AtomicWaker;
use quinn::{ReadError, RecvStream, StoppedError, VarInt};

use crate::budget::Budget;
use crate::error::{ConnectionError, wire};
use crate::link::Link;
use crate::proto::control::{Control, Event, Side};
use crate::proto::fault::{Code, Fault};
use crate::proto::instruction;
use crate::proto::unidirectional::{Opened, Opening, Role};

/// Streams of the peer that are open at once. Three are useful; QUIC's own limit is higher.
const MAX_STREAMS: usize = 16;

/// Control frames, new streams and QPACK instructions in a second. Each costs little; a flood
/// of them is a peer that wants us to work for nothing.
const MAX_FRAMES: u64 = 2000;

/// Reads of one stream in one call, so that no stream keeps a thread.
const READS: usize = 32;

type Accept = Pin<Box<dyn Future<Output = Result<RecvStream, quinn::ConnectionError>> + Send>>;
type Stopped = Pin<Box<dyn Future<Output = Result<Option<VarInt>, StoppedError>> + Send>>;

pub(crate) struct Peer {
    accept: Accept,
    stopped: Option<Stopped>,
    streams: Vec<Stream>,
    opened: Opened,
    control: Control,
    decoder: instruction::Decoder,
    budget: Budget,
    bell: Arc<Bell>,
    ended: Option<ConnectionError>,
}

struct Stream {
    recv: RecvStream,
    kind: Kind,
}

enum Kind {
    Opening(Opening),
    Control,
    Encoder,
    Decoder,
}

/// Knows whether any of the streams has something new, so that accepting a request costs no
/// look at them.
struct Bell {
    rung: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::SeqCst);
        self.task.wake();
    }
}

impl Peer {
    pub(crate) fn new(link: &Link) -> Self {
        Self {
            accept: accept(link.quic.clone()),
            stopped: None,
            streams: Vec::with_capacity(3),
            opened: Opened::new(link.side),
            control: Control::new(link.side),
            decoder: instruction::Decoder::default(),
            budget: Budget::new(MAX_FRAMES),
            bell: Arc::new(Bell {
                rung: AtomicBool::new(true),
                task: AtomicWaker::new(),
            }),
            ended: None,
        }
    }

    /// Ready when the connection has ended, or must, in which case it was closed.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, link: &Link) -> Poll<ConnectionError> {
        if let Some(error) = &self.ended {
            return Poll::Ready(error.clone());
        }
        self.bell.task.register(cx.waker());
        if !self.bell.rung.swap(false, Ordering::SeqCst) {
            return Poll::Pending;
        }
        let waker = Waker::from(self.bell.clone());
        match self.read(&mut Context::from_waker(&waker), link) {
            Ok(()) => Poll::Pending,
            Err(failure) => {
                let error = match failure {
                    Failure::Fault(fault) => link.fail(fault),
                    Failure::Lost(error) => link.lost(error),
                };
                self.ended = Some(error.clone());
                Poll::Ready(error)
            }
        }
    }

    fn accept(&mut self, cx: &mut Context<'_>, link: &Link) -> Result<(), Failure> {
        while self.streams.len() < MAX_STREAMS {
            match self.accept.as_mut().poll(cx) {
                Poll::Pending => break,
                Poll::Ready(Err(error)) => return Err(Failure::Lost(error)),
                Poll::Ready(Ok(recv)) => {
                    self.spend(1)?;
                    self.streams.push(Stream {
                        recv,
                        kind: Kind::Opening(Opening::default()),
                    });
                    self.accept = accept(link.quic.clone());
                }
            }
        }
        Ok(())
    }

    fn read(&mut self, cx: &mut Context<'_>, link: &Link) -> Result<(), Failure> {
        let _ = link.poll_control(cx);
        self.accept(cx, link)?;
        // RFC 9114 section 6.2.1: a peer must not ask us to close our control stream.
        if self.stopped.is_none() {
            self.stopped = link
                .control_stopped()
                .map(|stopped| Box::pin(stopped) as Stopped);
        }
        if let Some(stopped) = &mut self.stopped
            && let Poll::Ready(result) = stopped.as_mut().poll(cx)
        {
            return Err(match result {
                Err(StoppedError::ConnectionLost(error)) => Failure::Lost(error),
                _ => Failure::Fault(Control::closed()),
            });
        }
        let full = self.streams.len() >= MAX_STREAMS;
        let mut at = 0;
        while let Some(mut stream) = (at < self.streams.len()).then(|| self.streams.swap_remove(at))
        {
            if self.drain(cx, link, &mut stream)? {
                self.streams.push(stream);
                let last = self.streams.len() - 1;
                self.streams.swap(at, last);
                at += 1;
            }
        }
        if full && self.streams.len() < MAX_STREAMS {
            // Accepting paused; it goes on at the next call.
            cx.waker().wake_by_ref();
        }
        Ok(())
    }

    /// Reads what there is; false when nothing will follow.
    fn drain(
        &mut self,
        cx: &mut Context<'_>,
        link: &Link,
        stream: &mut Stream,
    ) -> Result<bool, Failure> {
        for _ in 0..READS {
            let opening = matches!(stream.kind, Kind::Opening(_));
            let max = if opening { 1 } else { 4096 };
            let read = match pin!(stream.recv.read_chunk(max, true)).poll(cx) {
                Poll::Pending => return Ok(true),
                Poll::Ready(read) => read,
            };
            let bytes = match (read, &stream.kind) {
                (Ok(Some(chunk)), _) => chunk.bytes,
                (Err(ReadError::ConnectionLost(error)), _) => return Err(Failure::Lost(error)),
                // RFC 9114 section 6.2: closing before the type is there is nothing wrong.
                (_, Kind::Opening(_)) => return Ok(false),
                (_, Kind::Control) => return Err(Control::closed().into()),
                (_, Kind::Encoder | Kind::Decoder) => {
                    // RFC 9204 section 4.2.
                    return Err(Fault::connection(
                        Code::CLOSED_CRITICAL_STREAM,
                        "qpack stream was closed",
                    )
                    .into());
                }
            };
            match &mut stream.kind {
                Kind::Opening(opening) => {
                    let kind = bytes.first().and_then(|byte| opening.push(*byte));
                    if let Some(kind) = kind {
                        stream.kind = match self.opened.register(kind)? {
                            Role::Control => Kind::Control,
                            Role::Encoder => Kind::Encoder,
                            Role::Decoder => Kind::Decoder,
                            Role::Unknown => {
                                // RFC 9114 section 6.2: what is not known is not read.
                                let _ = stream.recv.stop(wire(Code::STREAM_CREATION_ERROR));
                                return Ok(false);
                            }
                        };
                    }
                }
                Kind::Control => {
                    self.control.push(bytes);
                    while let Some(event) = self.control.event()? {
                        match event {
                            Event::Settings(settings) => link.set_settings(settings),
                            Event::GoAway(id) if link.side == Side::Client => {
                                link.refused_from(id);
                            }
                            // RFC 9114 section 5.2: a client's concerns pushes, which we do
                            // not send.
                            Event::GoAway(_) => {}
                        }
                    }
                    let frames = self.control.frames();
                    self.spend(u64::from(frames))?;
                }
                Kind::Encoder => {
                    instruction::encoder(&bytes)?;
                    self.spend(bytes.len() as u64)?;
                }
                Kind::Decoder => {
                    self.decoder.read(&bytes)?;
                    self.spend(bytes.len() as u64)?;
                }
            }
        }
        cx.waker().wake_by_ref();
        Ok(true)
    }

    fn spend(&mut self, n: u64) -> Result<(), Fault> {
        match self.budget.spend(n, Instant::now) {
            true => Ok(()),
            false => Err(Fault::connection(
                Code::EXCESSIVE_LOAD,
                "too many control frames or streams",
            )),
        }
    }
}

enum Failure {
    Fault(Fault),
    Lost(quinn::ConnectionError),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Held across calls, so that a stream which comes rings the bell.
fn accept(quic: quinn::Connection) -> Accept {
    Box::pin(async move { quic.accept_uni().await })
}
