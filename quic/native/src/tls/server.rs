//! A listener's TLS: identities, client certificates, resumption.

use std::sync::Arc;

use quinn::crypto::rustls::QuicServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};

use super::names::Names;
use super::{H3, pem, provider};
use crate::config::{ClientCertificates, ServerTls};

/// Sessions kept for clients that resume by session id instead of a ticket.
const SESSIONS: usize = 1024;

type Versions = &'static [&'static SupportedProtocolVersion];
static BOTH: Versions = &[&TLS13, &TLS12];
static NEWEST: Versions = &[&TLS13];

/// What `ServerTls` means once it is parsed; TCP's and QUIC's configurations are made of it.
pub struct ServerIdentity {
    names: Arc<Names>,
    clients: Arc<dyn ClientCertVerifier>,
    provider: Arc<CryptoProvider>,
    versions: Versions,
}

impl ServerIdentity {
    /// `at` is the configuration key of `options`, for messages, which never hold key material.
    pub fn new(options: &ServerTls, at: &str) -> Result<Self, String> {
        if options.identities.is_empty() {
            return Err(format!("{at}.identities is empty: must hold at least one"));
        }
        let provider = provider();
        let keys = options
            .identities
            .iter()
            .enumerate()
            .map(|(index, identity)| {
                pem::identity(identity, &provider, &format!("{at}.identities[{index}]"))
            })
            .collect::<Result<_, _>>()?;
        let clients = match &options.client_certificates {
            None => WebPkiClientVerifier::no_client_auth(),
            Some(wanted) => verifier(wanted, &provider, &format!("{at}.clientCertificates"))?,
        };
        let versions = match options.min_version.as_deref() {
            None | Some("1.2") => BOTH,
            Some("1.3") => NEWEST,
            Some(other) => {
                return Err(format!(
                    "{at}.minVersion is {other:?}: must be \"1.2\" or \"1.3\""
                ));
            }
        };
        Ok(Self {
            names: Arc::new(Names::new(keys)),
            clients,
            provider,
            versions,
        })
    }

    /// `alpn` in order of preference. A client that offers protocols, none of them in `alpn`,
    /// fails with the alert no_application_protocol (RFC 7301 3.2).
    pub fn tcp(&self, alpn: &[&[u8]]) -> Result<Arc<ServerConfig>, String> {
        Ok(Arc::new(self.config(self.versions, alpn)?))
    }

    /// ALPN is h3 alone, the version TLS 1.3 alone (RFC 9001 4.2).
    pub fn quic(&self) -> Result<Arc<QuicServerConfig>, String> {
        let config = self.config(NEWEST, &[H3])?;
        let config = QuicServerConfig::try_from(config).map_err(|error| error.to_string())?;
        Ok(Arc::new(config))
    }

    fn config(&self, versions: Versions, alpn: &[&[u8]]) -> Result<ServerConfig, String> {
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(versions)
            .map_err(|error| error.to_string())?
            .with_client_cert_verifier(self.clients.clone())
            .with_cert_resolver(self.names.clone());
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        // A resumed session keeps the client certificate of its first handshake without looking
        // at it again. Each configuration has ticket keys of its own, so a session never outlives
        // the authorities under which it was made when these are swapped.
        config.ticketer = Ticketer::new().map_err(|error| error.to_string())?;
        config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
        // 0-RTT is off: what arrives in it may be a replay (RFC 8446 8), and the engine cannot
        // know which requests bear that.
        config.max_early_data_size = 0;
        Ok(config)
    }
}

fn verifier(
    options: &ClientCertificates,
    provider: &Arc<CryptoProvider>,
    at: &str,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let roots = Arc::new(pem::roots(&options.ca, &format!("{at}.ca"))?);
    let builder = WebPkiClientVerifier::builder_with_provider(roots, provider.clone());
    let builder = match options.mode.as_str() {
        "required" => builder,
        "optional" => builder.allow_unauthenticated(),
        other => {
            return Err(format!(
                "{at}.mode is {other:?}: must be \"optional\" or \"required\""
            ));
        }
    };
    builder.build().map_err(|error| format!("{at}: {error}"))
}
