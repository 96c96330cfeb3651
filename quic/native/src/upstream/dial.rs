//! Making connections: which protocol, in which order, and what a failure of HTTP/3 leads to.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant as Clock};

use harmony_http1::Limits;
use harmony_http1::client::Connection;
use harmony_stream::Kind;
use tokio::time::{Instant, timeout, timeout_at};

use super::Upstream;
use super::origin::Protocol;
use super::pool::Dial;
use super::race::{race, telling};
use super::secure::Secure;
use super::share::Solo;
use super::tend::Made;
use super::{millis, resolve, tcp};
use crate::event::Event;
use crate::fault::{self, Fault};
use crate::http2;
use crate::io::Io;
use crate::tls::H2;

/// A connection that was reserved in the pool: it is made, or told to have failed, also when the
/// task that makes it is dropped.
pub(super) struct Attempt {
    upstream: Arc<Upstream>,
    dial: Dial,
    open: bool,
}

impl Attempt {
    pub fn new(upstream: Arc<Upstream>, dial: Dial) -> Self {
        Self {
            upstream,
            dial,
            open: true,
        }
    }

    pub fn made(mut self, made: Made) {
        self.open = false;
        self.upstream.adopt(self.dial, made);
    }

    pub fn failed(mut self, fault: &Fault) {
        self.end(fault);
    }

    fn end(&mut self, fault: &Fault) {
        self.open = false;
        self.upstream.count(|stats| stats.connect_failures.up());
        self.upstream
            .with(|pool, fx| pool.failed(self.dial, fault, fx));
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.open {
            let detail = "the connection attempt was given up";
            self.end(&Fault::new(&fault::CONNECT_CLOSED, detail));
        }
    }
}

/// Where, and until when.
struct Target {
    addresses: Vec<SocketAddr>,
    deadline: Instant,
}

impl Upstream {
    pub(super) fn spawn_dial(self: &Arc<Self>, dial: Dial) {
        let attempt = Attempt::new(Arc::clone(self), dial);
        self.spawn(Arc::clone(self).dial(attempt));
    }

    async fn dial(self: Arc<Self>, attempt: Attempt) {
        let target = match self.target().await {
            Ok(target) => target,
            Err(fault) => return attempt.failed(&fault),
        };
        let outcome = match attempt.dial {
            Dial::Http1 => self.tcp(&target, true).await,
            Dial::Http3 => match self.http3(&target).await {
                Ok(made) => Ok(made),
                Err(fault) => {
                    // Only begun because something else serves.
                    let multiplexed = super::lock(&self.pool).multiplexed == Some(true);
                    self.fell_back(&fault, if multiplexed { "h2" } else { "h1" });
                    Err(fault)
                }
            },
            Dial::Any => return self.any(attempt, &target).await,
        };
        match outcome {
            Ok(made) => attempt.made(made),
            Err(fault) => attempt.failed(&fault),
        }
    }

    /// HTTP/3 alone, for a probe.
    pub(super) async fn probe(self: &Arc<Self>) -> Result<Made, Fault> {
        let target = self.target().await?;
        self.http3(&target).await
    }

    async fn target(self: &Arc<Self>) -> Result<Target, Fault> {
        let connect = Duration::from_millis(self.options.timeouts.connect_ms);
        let deadline = Instant::now() + connect;
        if self.origin.tls && self.secure.get().is_none() {
            let this = Arc::clone(self);
            // Fails only when the engine stops.
            let _ = self
                .runtime
                .spawn_blocking(move || this.secure().is_ok())
                .await;
        }
        let addresses = resolve::addresses(&self.origin, deadline).await?;
        Ok(Target {
            addresses,
            deadline,
        })
    }

    async fn any(self: &Arc<Self>, attempt: Attempt, target: &Target) {
        let first = self.origin.protocols.first() == Some(&Protocol::Http3);
        let http3 = self.origin.allows(Protocol::Http3);
        let only = self.origin.protocols.len() == 1 || (first && !self.options.fallback);
        let usable = super::lock(&self.pool).tries_http3();
        let outcome = if http3 && only {
            self.http3(target).await
        } else if first && usable {
            return self.both(attempt, target).await;
        } else {
            match self.tcp(target, false).await {
                // Least preferred, but better than nothing. Not when HTTP/3 is known to fail.
                Err(fault) if http3 && !first => self
                    .http3(target)
                    .await
                    .map_err(|other| telling(fault, other)),
                outcome => outcome,
            }
        };
        match outcome {
            Ok(made) => attempt.made(made),
            Err(fault) => attempt.failed(&fault),
        }
    }

    /// HTTP/3 with a head start, then TLS over TCP beside it: the first to connect is used, and
    /// TCP's winning is remembered. Both check the same identity, and nothing ever goes out
    /// without TLS.
    async fn both(self: &Arc<Self>, attempt: Attempt, target: &Target) {
        let mut quic = pin!(self.http3(target));
        let head_start = Duration::from_millis(self.options.timeouts.head_start_ms);
        let early = match timeout(head_start, quic.as_mut()).await {
            Ok(Ok(made)) => return attempt.made(made),
            Ok(Err(fault)) => Some(fault),
            Err(_) => None,
        };
        let mut tcp = pin!(self.tcp(target, false));
        if let Some(fault) = early {
            return self.settle(attempt, tcp.await, fault);
        }
        let won = tokio::select! {
            made = quic.as_mut() => Err(made),
            made = tcp.as_mut() => Ok(made),
        };
        match won {
            Err(Ok(made)) => attempt.made(made),
            Err(Err(fault)) => self.settle(attempt, tcp.await, fault),
            Ok(Err(fault)) => match quic.await {
                Ok(made) => attempt.made(made),
                Err(other) => attempt.failed(&telling(other, fault)),
            },
            Ok(Ok(made)) => {
                let detail = format!("not connected within {} ms", head_start.as_millis());
                let slow = Fault::new(&fault::CONNECT_TIMEOUT, detail);
                self.settle(attempt, Ok(made), slow);
                // What was begun may still succeed; from then on it is used.
                if self.with(|pool, fx| pool.reserve(fx)) {
                    let late = Attempt::new(Arc::clone(self), Dial::Http3);
                    match quic.await {
                        Ok(made) => late.made(made),
                        Err(fault) => late.failed(&fault),
                    }
                }
            }
        }
    }

    /// HTTP/3 did not make it: `quic` says why. When TCP did, that is a fallback; when it did
    /// not either, the upstream is down, which says nothing about HTTP/3.
    fn settle(self: &Arc<Self>, attempt: Attempt, tcp: Result<Made, Fault>, quic: Fault) {
        match tcp {
            Ok(made) => {
                self.fell_back(&quic, made.protocol().name());
                attempt.made(made);
            }
            Err(fault) => attempt.failed(&telling(quic, fault)),
        }
    }

    fn fell_back(self: &Arc<Self>, fault: &Fault, to: &'static str) {
        let wait = {
            let mut pool = super::lock(&self.pool);
            let memory = pool.memory.as_mut();
            memory.and_then(|memory| memory.fail(fault.code, Clock::now()))
        };
        // None: known already, or nothing to fall back to.
        let Some(wait) = wait else { return };
        self.count(|stats| stats.fallbacks.up());
        self.event(&Event::Fallback {
            upstream: self.id,
            from: "h3",
            to,
            code: fault.code.code,
            reason: fault.detail.clone().into_owned(),
            next_ms: millis(wait),
        });
        self.spawn_prober();
    }

    /// HTTP/3 connected. Visible when it had failed.
    pub(super) fn recovered(&self) {
        let before = {
            let mut pool = super::lock(&self.pool);
            pool.memory.as_mut().is_some_and(super::Memory::recover)
        };
        if before {
            self.event(&Event::Reprobe {
                upstream: self.id,
                ok: true,
                next_ms: 0,
            });
        }
    }

    async fn http3(&self, target: &Target) -> Result<Made, Fault> {
        let secure = self.secure()?;
        let gone = || Fault::new(&fault::CONNECT_CLOSED, "the engine is stopped");
        let config = secure.quic.as_ref().ok_or_else(gone)?;
        let name = secure.name.to_str();
        let (quic, remote) = race(&target.addresses, |remote| {
            let connecting = self.shared.upgrade().map(|shared| {
                let quic = &shared.quic_client;
                quic.connect(config.clone(), remote, &name, target.deadline)
            });
            async move {
                match connecting {
                    Some(connecting) => connecting.await,
                    None => Err(gone()),
                }
            }
        })
        .await?;
        let config = harmony_http3::Config {
            max_field_section: self.options.limits.max_head_bytes as u64,
            max_fields: self.options.limits.max_fields,
            ..harmony_http3::Config::default()
        };
        let (requester, driver) = harmony_http3::client::connect(quic, config);
        Ok(Made::Http3 {
            requester,
            driver: Box::pin(driver),
            remote,
        })
    }

    /// `http1`: nothing else is offered.
    async fn tcp(&self, target: &Target, http1: bool) -> Result<Made, Fault> {
        let (stream, remote) = tcp::connect(&target.addresses, target.deadline).await?;
        if !self.origin.tls {
            let io = Io::Tcp(stream);
            return match self.origin.allows(Protocol::Http2) {
                true => self.http2(io, remote, target).await,
                false => Ok(self.http1(io, remote)),
            };
        }
        let secure: &Secure = self.secure()?;
        let config = match http1 {
            true => &secure.http1,
            false => &secure.any,
        };
        let Some(config) = config.clone() else {
            return Err(Fault::new(
                &fault::TLS_ALPN,
                "no protocol over tcp is allowed",
            ));
        };
        let name = secure.name.clone();
        let (io, alpn) = tcp::secure(stream, remote, config, name, target.deadline).await?;
        match alpn.as_deref() {
            Some(H2) => self.http2(io, remote, target).await,
            // A server without ALPN speaks HTTP/1.1 (RFC 7301 3.2 lets it ignore the extension).
            _ if self.origin.allows(Protocol::Http1) => Ok(self.http1(io, remote)),
            _ => Err(Fault::new(
                &fault::TLS_ALPN,
                format!("tls to {remote}: the server does not speak h2"),
            )),
        }
    }

    fn http1(&self, io: Io, remote: SocketAddr) -> Made {
        let limits = Limits {
            max_head_bytes: self.options.limits.max_head_bytes,
            max_fields: self.options.limits.max_fields,
            ..Limits::default()
        };
        Made::Http1(Solo {
            connection: Connection::new(io, limits),
            remote,
        })
    }

    async fn http2(&self, io: Io, remote: SocketAddr, target: &Target) -> Result<Made, Fault> {
        let limits = &self.options.limits;
        let settings = http2::client::Settings {
            max_head_bytes: u32::try_from(limits.max_head_bytes).unwrap_or(u32::MAX),
            max_fields: limits.max_fields,
            max_streams: self.options.pool.max_streams,
        };
        let handshake = http2::client::handshake(io, settings);
        match timeout_at(target.deadline, handshake).await {
            Ok(Ok((requester, ping, driver))) => Ok(Made::Http2 {
                requester,
                ping,
                driver: Box::pin(driver),
                remote,
            }),
            Ok(Err(error)) if error.kind == Kind::Denied => {
                Err(Fault::of(&fault::TLS_CLIENT_CERTIFICATE, &error))
            }
            Ok(Err(error)) => Err(Fault::of(&fault::CONNECT_CLOSED, &error)),
            Err(_) => Err(Fault::new(
                &fault::CONNECT_TIMEOUT,
                format!("http/2 to {remote}: no handshake in time"),
            )),
        }
    }
}
