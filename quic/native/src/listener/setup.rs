//! What a listener's options mean, and its TLS, which can be replaced later.

use std::sync::{Arc, Weak};

use quinn::crypto::rustls::QuicServerConfig;

use super::transport;
use crate::config::{ListenOptions, ListenerLimits, ServerTls};
use crate::tls::server::ServerIdentity;
use crate::tls::{H1, H2};

pub struct Plan {
    pub http1: bool,
    pub http2: bool,
    pub tls: Tls,
    pub protocols: Vec<&'static str>,
}

/// What new connections are greeted with.
#[derive(Default)]
pub struct Tls {
    pub tcp: Option<Arc<rustls::ServerConfig>>,
    /// QUIC's, until the endpoint has taken it.
    pub crypto: Option<Arc<QuicServerConfig>>,
    /// QUIC's whole configuration, with the endpoint's token key: a client that was sent to retry
    /// (RFC 9000 8.1.2) before a swap comes back after it.
    pub quic: Option<quinn::ServerConfig>,
    /// Weak, so that the socket closes with the task that serves it.
    pub endpoint: Weak<quinn::Endpoint>,
}

/// Checks `options` and builds what can be built without sockets.
pub fn plan(options: &ListenOptions) -> Result<Plan, String> {
    if options.tcp.is_none() && options.quic.is_none() {
        return Err("tcp and quic are both missing: must have at least one".into());
    }
    check(&options.limits)?;
    let mut plan = Plan {
        http1: false,
        http2: false,
        tls: Tls::default(),
        protocols: Vec::new(),
    };
    let mut shared = None;
    if let Some(tcp) = &options.tcp {
        for protocol in &tcp.protocols {
            match protocol.as_str() {
                "h1" => plan.http1 = true,
                "h2" => plan.http2 = true,
                other => {
                    return Err(format!(
                        "tcp.protocols has {other:?}: must be \"h1\" or \"h2\""
                    ));
                }
            }
        }
        if tcp.protocols.is_empty() {
            (plan.http1, plan.http2) = (true, true);
        }
        let served = [(plan.http1, "h1"), (plan.http2, "h2")];
        plan.protocols
            .extend(served.iter().filter(|(on, _)| *on).map(|(_, name)| name));
        if let Some(tls) = &tcp.tls {
            let identity = ServerIdentity::new(tls, "tcp.tls")?;
            plan.tls.tcp = Some(identity.tcp(&alpn(plan.http1, plan.http2))?);
            shared = Some(identity);
        }
    }
    if let Some(quic) = &options.quic {
        let identity = match (&quic.tls, shared) {
            (Some(tls), _) => ServerIdentity::new(tls, "quic.tls")?,
            (None, Some(identity)) => identity,
            (None, None) => {
                return Err("quic.tls and tcp.tls are both missing: http/3 needs tls".into());
            }
        };
        plan.tls.crypto = Some(identity.quic()?);
        plan.protocols.push("h3");
    }
    Ok(plan)
}

impl Tls {
    /// New QUIC connections get a transport with these limits.
    pub fn replace_transport(&mut self, limits: &ListenerLimits) {
        let Some(config) = &mut self.quic else {
            return;
        };
        config.transport_config(Arc::new(transport::transport(limits)));
        if let Some(endpoint) = self.endpoint.upgrade() {
            endpoint.set_server_config(Some(config.clone()));
        }
    }

    /// Builds all that is new, then swaps it in; after an error nothing has changed.
    pub fn replace(&mut self, new: &ServerTls, http1: bool, http2: bool) -> Result<(), String> {
        if self.tcp.is_none() && self.quic.is_none() {
            return Err("tls is given: the listener has none to replace".into());
        }
        let identity = ServerIdentity::new(new, "tls")?;
        let tcp = match &self.tcp {
            Some(_) => Some(identity.tcp(&alpn(http1, http2))?),
            None => None,
        };
        let quic = match &self.quic {
            Some(config) => {
                let mut config = config.clone();
                config.crypto = identity.quic()?;
                Some(config)
            }
            None => None,
        };
        if let Some(config) = quic {
            if let Some(endpoint) = self.endpoint.upgrade() {
                endpoint.set_server_config(Some(config.clone()));
            }
            self.quic = Some(config);
        }
        if let Some(config) = tcp {
            self.tcp = Some(config);
        }
        Ok(())
    }
}

fn alpn(http1: bool, http2: bool) -> Vec<&'static [u8]> {
    let mut names = Vec::new();
    if http2 {
        names.push(H2);
    }
    if http1 {
        names.push(H1);
    }
    names
}

pub fn check(limits: &ListenerLimits) -> Result<(), String> {
    let positive = [
        ("maxConnections", limits.max_connections as u64),
        (
            "maxConnectionsPerAddress",
            limits.max_connections_per_address as u64,
        ),
        ("handshakeMs", limits.handshake_ms),
        ("idleMs", limits.idle_ms),
        ("headMs", limits.head_ms),
        ("bodyIdleMs", limits.body_idle_ms),
        ("tunnelIdleMs", limits.tunnel_idle_ms),
        ("maxHeadBytes", limits.max_head_bytes as u64),
        ("maxFields", limits.max_fields as u64),
        ("maxTargetBytes", limits.max_target_bytes as u64),
        ("maxStreams", u64::from(limits.max_streams)),
    ];
    match positive.iter().find(|(_, value)| *value == 0) {
        Some((name, _)) => Err(format!("limits.{name} is 0: must be at least 1")),
        None => Ok(()),
    }
}
