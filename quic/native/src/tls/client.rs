//! An upstream's TLS: whom to trust, which name to expect, what to show.

use std::sync::Arc;

use quinn::crypto::rustls::QuicClientConfig;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::ServerName;

use super::{H3, pem, provider};
use crate::config::UpstreamTls;

/// Sessions kept per transport. One upstream is one name, or a few.
const SESSIONS: usize = 64;

/// What `UpstreamTls` means once it is parsed. Making it reads the system's roots from disk when
/// they are wanted (some ten milliseconds), so it is made when the first connection needs it, once
/// per upstream.
pub struct ClientIdentity {
    verifier: Arc<WebPkiServerVerifier>,
    certificate: Option<Arc<CertifiedKey>>,
    provider: Arc<CryptoProvider>,
    /// Shared by all TCP configurations of the upstream. QUIC has its own: its sessions carry
    /// transport parameters too.
    sessions: Resumption,
}

impl ClientIdentity {
    pub fn new(options: &UpstreamTls) -> Result<Self, String> {
        let provider = provider();
        let mut roots = match &options.ca {
            Some(ca) => pem::roots(ca, "tls.ca")?,
            None => RootCertStore::empty(),
        };
        match (options.roots.as_deref(), &options.ca) {
            (Some("system"), _) | (None, None) => system(&mut roots)?,
            (Some("none"), None) => {
                return Err(
                    "tls.roots is \"none\" and tls.ca is missing: nothing could be trusted".into(),
                );
            }
            (None | Some("none"), Some(_)) => {}
            (Some(other), _) => {
                return Err(format!(
                    "tls.roots is {other:?}: must be \"system\" or \"none\""
                ));
            }
        }
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                .build()
                .map_err(|error| format!("tls: {error}"))?;
        let certificate = options
            .client_certificate
            .as_ref()
            .map(|own| pem::identity(own, &provider, "tls.clientCertificate").map(Arc::new))
            .transpose()?;
        Ok(Self {
            verifier,
            certificate,
            provider,
            sessions: Resumption::in_memory_sessions(SESSIONS),
        })
    }

    /// `alpn` in order of preference.
    pub fn tcp(&self, alpn: &[&[u8]]) -> Result<Arc<ClientConfig>, String> {
        let config = self.config(&[&TLS13, &TLS12], alpn, self.sessions.clone())?;
        Ok(Arc::new(config))
    }

    /// ALPN is h3 alone.
    pub fn quic(&self) -> Result<Arc<QuicClientConfig>, String> {
        let sessions = Resumption::in_memory_sessions(SESSIONS);
        let config = self.config(&[&TLS13], &[H3], sessions)?;
        let config = QuicClientConfig::try_from(config).map_err(|error| error.to_string())?;
        Ok(Arc::new(config))
    }

    fn config(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        alpn: &[&[u8]],
        sessions: Resumption,
    ) -> Result<ClientConfig, String> {
        let builder = ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(versions)
            .map_err(|error| error.to_string())?
            .with_webpki_verifier(self.verifier.clone());
        let mut config = match &self.certificate {
            None => builder.with_no_client_auth(),
            Some(own) => {
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(own.clone())))
            }
        };
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        config.resumption = sessions;
        // A request sent in 0-RTT may be replayed by whoever sees it (RFC 8446 8).
        config.enable_early_data = false;
        Ok(config)
    }
}

/// The name to ask for (SNI, unless it is an address) and to verify: the configured one, else the
/// origin's host, which may be an address, in brackets or not.
pub fn server_name(options: &UpstreamTls, host: &str) -> Result<ServerName<'static>, String> {
    let (name, at) = match &options.server_name {
        Some(name) => (name.as_str(), "tls.serverName"),
        None => (host, "origin"),
    };
    let bare = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(name);
    ServerName::try_from(bare.to_owned())
        .map_err(|_| format!("{at} is {name:?}: must be a host name or an ip address"))
}

fn system(roots: &mut RootCertStore) -> Result<(), String> {
    let found = rustls_native_certs::load_native_certs();
    // A system's bundle may hold certificates that cannot be parsed; the others count.
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 && roots.is_empty() {
        return Err(match found.errors.first() {
            Some(error) => format!("tls.roots: the system's roots cannot be read: {error}"),
            None => "tls.roots: the system has no roots, give tls.ca".into(),
        });
    }
    Ok(())
}
