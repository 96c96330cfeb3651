//! TLS for both sides and both transports, from what is configured. One provider, given to every
//! configuration by name: nothing process-wide is installed.

pub mod client;
mod names;
mod pem;
pub mod server;
#[cfg(test)]
pub mod tests;
mod verdict;

use std::sync::Arc;

use bytes::Bytes;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, kx_group};
use rustls_pki_types::CertificateDer;

pub use verdict::fault;

pub const H1: &[u8] = b"http/1.1";
pub const H2: &[u8] = b"h2";
pub const H3: &[u8] = b"h3";

/// What a client showed of itself in its handshake.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// The name it asked for (SNI), in lower case.
    pub server_name: Option<String>,
    /// Its leaf certificate, DER; verified against the configured authorities.
    pub client_certificate: Option<Bytes>,
    pub alpn: Option<Vec<u8>>,
}

impl Peer {
    pub fn of_tls(connection: &rustls::ServerConnection) -> Self {
        Self {
            server_name: connection.server_name().map(str::to_ascii_lowercase),
            client_certificate: connection.peer_certificates().and_then(leaf),
            alpn: connection.alpn_protocol().map(<[u8]>::to_vec),
        }
    }

    pub fn of_quic(connection: &quinn::Connection) -> Self {
        let data = connection
            .handshake_data()
            .and_then(|data| data.downcast::<quinn::crypto::rustls::HandshakeData>().ok());
        let chain = connection
            .peer_identity()
            .and_then(|chain| chain.downcast::<Vec<CertificateDer<'static>>>().ok());
        let (server_name, alpn) =
            data.map_or((None, None), |data| (data.server_name, data.protocol));
        Self {
            server_name: server_name.map(|name| name.to_ascii_lowercase()),
            client_certificate: chain.and_then(|chain| leaf(&chain)),
            alpn,
        }
    }
}

fn leaf(chain: &[CertificateDer<'_>]) -> Option<Bytes> {
    chain.first().map(|leaf| Bytes::copy_from_slice(leaf))
}

/// aws-lc-rs, because it has the hybrid X25519MLKEM768, which goes first: what is recorded today
/// cannot be read with a quantum computer later. A peer without it picks one of the others in the
/// same round trip, since X25519's share is part of the hybrid's and is sent along.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        kx_groups: vec![
            kx_group::X25519MLKEM768,
            kx_group::X25519,
            kx_group::SECP256R1,
            kx_group::SECP384R1,
        ],
        ..aws_lc_rs::default_provider()
    })
}
