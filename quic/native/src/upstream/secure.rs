//! An upstream's TLS, made once.

use std::sync::Arc;

use quinn::ClientConfig as QuicConfig;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;

use super::origin::{Origin, Protocol};
use super::quic;
use crate::config::UpstreamTls;
use crate::tls::client::{self, ClientIdentity};
use crate::tls::{H1, H2};

pub struct Secure {
    pub name: ServerName<'static>,
    /// Offers what is allowed, in its order; none when nothing over TCP is.
    pub any: Option<Arc<ClientConfig>>,
    /// Offers HTTP/1.1 alone.
    pub http1: Option<Arc<ClientConfig>>,
    pub quic: Option<QuicConfig>,
}

impl Secure {
    /// `streams`: requests at once on one QUIC connection.
    pub fn new(options: &UpstreamTls, origin: &Origin, streams: usize) -> Result<Self, String> {
        let identity = ClientIdentity::new(options)?;
        let alpn: Vec<&[u8]> = origin
            .protocols
            .iter()
            .filter_map(|protocol| match protocol {
                Protocol::Http1 => Some(H1),
                Protocol::Http2 => Some(H2),
                Protocol::Http3 => None,
            })
            .collect();
        let http1 = match origin.allows(Protocol::Http1) {
            true => Some(identity.tcp(&[H1])?),
            false => None,
        };
        let any = match alpn.is_empty() {
            true => None,
            false => Some(identity.tcp(&alpn)?),
        };
        let quic = match origin.allows(Protocol::Http3) {
            true => {
                let mut config = QuicConfig::new(identity.quic()?);
                config.transport_config(quic::transport(streams));
                Some(config)
            }
            false => None,
        };
        Ok(Self {
            name: client::server_name(options, &origin.host)?,
            any,
            http1,
            quic,
        })
    }

    /// Whether making it tells more than what the system's roots are, so that a mistake in the
    /// options comes out early.
    pub fn is_configured(options: &UpstreamTls) -> bool {
        options.ca.is_some() || options.roots.is_some() || options.client_certificate.is_some()
    }
}
